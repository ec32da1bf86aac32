import base64
import json
import logging
import quopri
import sys
from urllib.parse import quote

from odoo.tests import BaseCase, tagged

from .haystack import Haystack, listening
from .secret_forms import PART, Secret


@tagged("post_install", "-at_install")
class TestSecretForms(BaseCase):
    """The search finds what it is to find."""

    def test_each_form(self):
        secret = Secret("jane")
        for name, form in secret.forms.items():
            with self.subTest(name):
                self.assertGreaterEqual(len(form), PART)
                self.assertIn(name, secret.find(b"before" + form + b"after"))

    def test_real_encoders(self):
        secret = Secret("jane")
        text = secret.text
        raw = text.encode()
        found_in = {
            "repr": repr({"password": text}).encode(),
            "JSON": json.dumps([text]).encode(),
            "JSON in JSON": json.dumps(json.dumps([text])).encode(),
            "utf-16": text.encode("utf-16"),
            "hex": b"\\x" + raw.hex().encode(),
            "urlencoded": quote(text).encode(),
            "quoted-printable": quopri.encodestring(b"x" * 60 + raw),
            "LOGIN": b"AUTH LOGIN " + base64.b64encode(raw),
            "PLAIN": base64.b64encode(b"\0jane\0" + raw),
            "lines": base64.encodebytes(b"x" * 50 + raw),
            "lines in repr": repr(base64.encodebytes(b"x" * 50 + raw)).encode(),
            "cut short": raw[: PART + 2],
            "end": raw[PART - 2 :],
            **{f"shifted {shift}": base64.b64encode(b"u" * shift + raw + b"more") for shift in range(6)},
        }
        for name, haystack in found_in.items():
            with self.subTest(name):
                self.assertTrue(secret.find(haystack))
        self.assertFalse(secret.find(Secret("jane").text.encode() + b"\0" * 100))

    def test_what_is_logged_and_printed(self):
        secret, haystack = Secret(), Haystack()
        with listening(haystack):
            logging.getLogger("odoo.addons.any.module").debug("the password is %s", secret.text)
            logging.getLogger("odoo.sql_db").debug("%s", {"password": secret.text})
            sys.stderr.write(base64.b64encode(secret.text.encode()).decode())
            haystack.ask("answer", lambda: [{"password": secret.text}])
            haystack.ask("failure", lambda: int(secret.text))
        origins = {origin for origin, _form in haystack.find([secret])}
        self.assertEqual(
            origins, {"log of odoo.addons.any.module", "log of odoo.sql_db", "printed", "answer", "failure"}
        )
