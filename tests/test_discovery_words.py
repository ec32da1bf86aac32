import ast
import re
from pathlib import Path

from odoo.tests import TransactionCase, tagged

from ..models.discovery_words import _describe_reason, _get_words, describe_detail

AUTOCONFIG = Path(__file__).parent.parent / "autoconfig"
ERRORS = {"NetworkError", "FormatError", "BlockedAddress", "TimeoutError"}


def get_reasons():
    """Yield each reason that an exception in ``autoconfig`` gives, its variable parts filled in."""
    for path in AUTOCONFIG.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ERRORS and node.args:
                parts = getattr(node.args[-1], "values", [node.args[-1]])
                if all(isinstance(part, (ast.Constant, ast.FormattedValue)) for part in parts):
                    text = "".join(
                        getattr(part, "value", "") if isinstance(part, ast.Constant) else "7"
                        for part in parts
                    )
                    yield text.rpartition(": ")[2]


@tagged("post_install", "-at_install")
class TestDiscoveryWords(TransactionCase):
    def test_each_reason_has_words(self):
        reasons = {reason for reason in get_reasons() if reason not in ("7", "the document 7 in DNS")}
        self.assertGreater(len(reasons), 40)
        known = _get_words(self.env)
        missing = {
            reason for reason in reasons if not any(re.fullmatch(pattern, reason) for pattern in known)
        }
        self.assertEqual(missing, set())

    def test_words_are_translated_around_the_names(self):
        self.env["res.lang"]._activate_lang("de_DE")
        self.env["ir.module.module"].search([("name", "=", "email_account")])._update_translations(["de_DE"])
        german = self.env(context={"lang": "de_DE"})
        self.assertEqual(
            describe_detail(german, "imap.acme.example:993: refuses connections"),
            "imap.acme.example:993: lehnt Verbindungen ab",
        )
        self.assertEqual(
            describe_detail(german, "acme.example: HTTP status 404"), "acme.example: HTTP-Status 404"
        )

    def test_what_is_not_known_stays(self):
        for detail in ("", "mx1.acme.example, Hoster", "ValueError", "acme.example: 50 % of it"):
            with self.subTest(detail):
                self.assertEqual(describe_detail(self.env, detail), detail)
        self.assertEqual(_describe_reason(self.env, "HTTP status 404"), "HTTP status 404")
