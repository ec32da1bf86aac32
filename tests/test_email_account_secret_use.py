from odoo.exceptions import UserError
from odoo.tests import tagged
from odoo.tools import SQL

from .common import DOMAIN, PASSWORD
from .receiving import ReceivingCase

OTHER = f"evil.{DOMAIN}"


@tagged("post_install", "-at_install")
class TestEmailAccountSecretUse(ReceivingCase):
    """What is written past the forms, by SQL or by code of a server action, leads no password elsewhere."""

    def setUp(self):
        super().setUp()
        self.account.outgoing_password = PASSWORD
        self.hosts.dns.zone(f"{OTHER}. A 127.0.0.1")

    def write_past(self, record=None, **values):
        """Write ``values`` into the row of ``record``, as SQL."""
        record = record or self.account
        record.flush_recordset()
        settings = SQL(", ").join(
            SQL("%s = %s", SQL.identifier(name), value) for name, value in values.items()
        )
        self.env.cr.execute(
            SQL("UPDATE %s SET %s WHERE id = %s", SQL.identifier(record._table), settings, record.id)
        )
        record.invalidate_recordset()

    def get_token(self, record, field="password"):
        return record.sudo()[f"{field}_encrypted"]

    def assertRefused(self, field="password"):
        self.assertTrue(self.account.is_key_missing)
        self.assertIn("entered for another server", self.account.key_message)
        with self.assertRaisesRegex(UserError, "entered for another server"):
            self.account._get_secret__(field)

    def test_other_server(self):
        for direction in ("incoming", "outgoing"):
            with self.subTest(direction):
                before = self.account[f"{direction}_host"]
                self.write_past(**{f"{direction}_host": OTHER})
                self.assertRefused()
                self.write_past(**{f"{direction}_host": before})
                self.assertEqual(self.account._get_secret__("password"), PASSWORD)
                self.assertFalse(self.account.is_key_missing or self.account.key_message)

    def test_no_encryption(self):
        for direction in ("incoming", "outgoing"):
            with self.subTest(direction):
                before = self.account[f"{direction}_security"]
                self.write_past(**{f"{direction}_security": "none"})
                self.assertRefused()
                self.write_past(**{f"{direction}_security": before})

    def test_more_encryption(self):
        self.account.write(
            {
                "incoming_security": "none",
                "incoming_safe_logon": False,
                "password": PASSWORD,
                "outgoing_password": PASSWORD,
            }
        )
        self.account.incoming_security = "tls"
        self.assertEqual(self.account._get_secret__("password"), PASSWORD)

    def test_of_each_direction(self):
        self.write_past(incoming_host=OTHER)
        self.assertEqual(self.account._get_secret__("outgoing_password"), PASSWORD)
        self.write_past(outgoing_host=OTHER)
        self.assertRefused("outgoing_password")

    def test_other_record(self):
        """The stored form is of no use to another account, or another model."""
        other = self.create_account(email=f"other@{DOMAIN}", password="x")
        wizard = self.env["email.account.create"].create({"email": "new@acme.example", "password": PASSWORD})
        for record in (self.account, wizard):
            self.write_past(other, password_encrypted=self.get_token(record))
            with self.assertRaises(UserError):
                other._get_secret__("password")
        self.write_past(wizard, password_encrypted=self.get_token(self.account))
        with self.assertRaises(UserError):
            wizard._get_secret__("password")

    def test_stored_without_a_use(self):
        for text in (PASSWORD, "12345", '"quoted"', "[]"):
            with self.subTest(text):
                token = self.account._get_fernet__().encrypt(text.encode()).decode()
                self.write_past(password_encrypted=token)
                self.assertRefused()

    def test_copy_in_memory(self):
        copy = self.account.new({"outgoing_host": OTHER}, origin=self.account)
        with self.assertRaisesRegex(UserError, "entered for another server"):
            copy._get_login__("outgoing")

    def test_nothing_is_sent(self):
        """Check, sending and receiving say so; the other server sees no login."""
        seen = len(self.hosts.mail.logins())
        self.write_past(incoming_host=OTHER, outgoing_host=OTHER)
        check = self.account._check()
        self.assertEqual(check.result, "failed")
        self.assertIn("entered for another server", check.summary)
        self.assertEqual(
            set(check.step_ids.filtered(lambda step: step.result == "failed").mapped("field_name")),
            {"password"},
        )
        self.account._receive()
        self.assertEqual(self.account.state, "failing")
        self.assertIn("entered for another server", self.account.last_error)
        self.assertEqual(len(self.hosts.mail.logins()), seen)
        self.account.write({"password": PASSWORD, "outgoing_password": PASSWORD})
        self.assertFalse(self.account.is_key_missing)
