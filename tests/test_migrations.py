import importlib.util
import json

from cryptography.fernet import Fernet

from odoo.exceptions import UserError
from odoo.tests import TransactionCase, tagged
from odoo.tools import file_path
from odoo.tools.misc import mute_logger

from .common import ADDRESS, PASSWORD

MENDING = "odoo.addons.email_account.models.email_account_mending"


@tagged("post_install", "-at_install")
class TestMigration(TransactionCase):
    """The script for 19.0.1.1.0; whole updates are tried by ``make test-install ARGS=updated``."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        path = file_path("email_account/migrations/19.0.1.1.0/end-migration.py")
        spec = importlib.util.spec_from_file_location("end_migration", path)
        cls.script = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(cls.script)
        cls.account = cls.env["email.account"].create(
            {
                "email": ADDRESS,
                "password": PASSWORD,
                "incoming_host": "imap.acme.example",
                "outgoing_host": "smtp.acme.example",
            }
        )
        cls.fernet = cls.account._get_fernet__()

    def migrate(self):
        self.env.flush_all()
        self.script.migrate(self.env.cr, "19.0.1.0.0")
        self.env.invalidate_all()

    def store(self, text, fernet=None, account=None):
        """Store what is encrypted as an earlier version did."""
        token = (fernet or self.fernet).encrypt(text.encode()).decode()
        (account or self.account)._store_tokens__({"password_encrypted": token})
        self.env.invalidate_all()
        return token

    def test_passwords_are_bound(self):
        """Whatever they look like."""
        for password in (PASSWORD, "12345", "null", '["a", "b"]', '{"a": 1}', "[]", "[[], 1]", "ä“€"):
            with self.subTest(password=password):
                self.store(password)
                with self.assertRaises(UserError):
                    self.account._get_secret__("password")
                self.migrate()
                self.assertEqual(self.account._get_secret__("password"), password)
                self.account.invalidate_recordset()
        date = self.account.password_date
        self.migrate()
        self.assertEqual(self.account.password_date, date)

    def test_only_for_where_it_was_used(self):
        self.store(PASSWORD)
        self.migrate()
        self.env.cr.execute("UPDATE email_account SET incoming_host = 'imap.evil.example'")
        self.env.invalidate_all()
        with self.assertRaisesRegex(UserError, "another server"):
            self.account._get_secret__("password")

    def test_what_is_bound_stays(self):
        """Of another account or other servers, too: it is not bound to these."""
        other = self.env["email.account"].create({"email": f"other-{ADDRESS}", "password": PASSWORD})
        token = other.sudo().password_encrypted
        self.account._store_tokens__({"password_encrypted": token})
        self.migrate()
        self.assertEqual(self.account.sudo().password_encrypted, token)
        self.assertEqual(other.sudo().password_encrypted, token)
        with self.assertRaisesRegex(UserError, "another server"):
            self.account._get_secret__("password")

    def test_key_that_is_lost(self):
        """The log says whose passwords have to be entered again; all others are kept."""
        token = self.store(PASSWORD, Fernet(Fernet.generate_key()))
        other = self.env["email.account"].create({"email": f"other-{ADDRESS}", "password": PASSWORD})
        self.store(PASSWORD, account=other)
        with self.assertLogs("end_migration", "WARNING") as log:
            self.migrate()
        self.assertIn(str(self.account.ids), log.output[0])
        self.assertNotIn(PASSWORD, log.output[0])
        self.assertEqual(self.account.sudo().password_encrypted, token)
        self.assertEqual(other._get_secret__("password"), PASSWORD)

    def test_assistants_lose_their_passwords(self):
        wizard = self.env["email.account.create"].create({"email": ADDRESS, "password": PASSWORD})
        self.migrate()
        self.assertFalse(wizard.password_set)

    def test_pop_copies(self):
        """What Odoo had left on the server is not received again, and goes when it would have gone."""
        self.env["email.account"].search([("id", "!=", self.account.id)]).unlink()
        self.account.write({"incoming_protocol": "pop3", "incoming_port": 995, "password": PASSWORD})
        self.env.flush_all()
        self.env.cr.execute("DELETE FROM email_account_folder")
        self.env.cr.execute("DELETE FROM email_account_polling")
        for column in ("pop3_uids jsonb", "pop3_keep boolean", "pop3_keep_days integer"):
            self.env.cr.execute(f"ALTER TABLE email_account ADD COLUMN {column}")
        kept = json.dumps({"u1": "2026-11-01", "u2": "2026-11-02"})
        for keep, days, uids, wanted in (
            (True, 0, kept, ("leave", 0, ["u1", "u2"])),
            (True, 7, kept, ("delete", 7, ["u1", "u2"])),
            (None, None, "null", ("leave", 0, [])),
            (False, 7, None, ("delete", 0, [])),
        ):
            self.env["email.account.receipt"].search([]).unlink()
            self.env.flush_all()
            self.env.cr.execute(
                "UPDATE email_account SET pop3_uids = %s, pop3_keep = %s, pop3_keep_days = %s",
                [uids, keep, days],
            )
            self.migrate()
            receipts = self.env["email.account.receipt"].search([], order="uid")
            found = self.account.after_receiving, self.account.delete_after_days, receipts.mapped("uid")
            self.assertEqual(found, wanted)
            folder = self.account.folder_ids
            self.assertEqual(receipts._get_known(folder, "0", ["u1", "u2", "u3"]), set(wanted[2]))

    def test_nothing_changes_the_second_time(self):
        self.migrate()
        tables = "email_account", "email_account_folder", "email_account_polling", "ir_mail_server"

        def read():
            rows = []
            for table in tables:
                self.env.cr.execute(f"SELECT to_jsonb(t) - 'write_date' FROM {table} t ORDER BY id")
                rows.append(self.env.cr.fetchall())
            return rows

        before = read()
        with mute_logger(MENDING):
            self.migrate()
        self.assertEqual(read(), before)
