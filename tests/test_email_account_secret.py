from unittest.mock import patch

from cryptography.fernet import Fernet

from odoo.exceptions import AccessError, ValidationError
from odoo.tests import Form, TransactionCase, tagged
from odoo.tools import config, mute_logger


@tagged("post_install", "-at_install")
class TestEmailAccountSecret(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.secret = "pässwörd-7f3a"
        cls.account = cls.env["email.account"].create(
            {"email": "a@example.org", "password": cls.secret, "outgoing_host": "smtp.example.org"}
        )

    def set_key(self, key):
        self.enterContext(patch.dict(config.options, {"email_account_key": key}))

    def test_password_is_never_returned(self):
        account = self.account
        self.assertFalse(account.password)
        self.assertTrue(account.password_set)
        self.assertTrue(account.password_date)
        names = list(account.fields_get())
        answers = [
            account.read(),
            account.web_read({name: {} for name in names}),
            account.search_read([("id", "=", account.id)]),
            account.export_data(names),
            account.web_save({"password": self.secret}, {"password": {}, "password_set": {}}),
            account.mail_server_id.read(),
        ]
        self.assertNotIn(self.secret, repr(answers))
        account.invalidate_recordset()
        self.env.cr.execute("SELECT row_to_json(a)::text FROM email_account a WHERE id = %s", (account.id,))
        self.assertNotIn(self.secret, self.env.cr.fetchone()[0])
        self.assertEqual(account._get_secret__("password"), self.secret)

    def test_stored_form_is_nobodys(self):
        with self.assertRaises(AccessError), mute_logger("odoo.models"):
            self.account.with_user(self.env.ref("base.user_admin")).read(["password_encrypted"])
        other = self.env["email.account"].create({"email": "b@example.org", "password": "other"})
        other.write({"password_encrypted": self.account.sudo().password_encrypted})
        self.assertEqual(other._get_secret__("password"), "other")

    def test_form_keeps_and_changes_it(self):
        with Form(self.account) as form:
            form.sender_name = "A"
        self.assertEqual(self.account._get_secret__("password"), self.secret)
        with Form(self.account) as form:
            form.password = "new"
        self.assertEqual(self.account._get_secret__("password"), "new")

    def test_empty_password_removes_it(self):
        self.account.password = False
        self.assertFalse(self.account.password_set or self.account.password_date)
        self.assertEqual(self.account._get_secret__("password"), "")

    def test_key_rotation(self):
        old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
        self.set_key(old)
        self.account.password = "one"
        self.set_key(f"{new}, {old}")
        self.assertEqual(self.account._get_secret__("password"), "one")
        self.account.password = "two"
        self.set_key(new)
        self.assertEqual(self.account._get_secret__("password"), "two")

    def test_no_default_value(self):
        """The dialog “Set Default Values” of the web client would store what was typed."""
        for model in ("email.account", "email.account.create"):
            with self.assertRaisesRegex(ValidationError, "cannot be a default value"):
                self.env["ir.default"].set(model, "password", self.secret)
        self.env["ir.default"].set("email.account", "sender_name", "Acme")
