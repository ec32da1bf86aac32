from odoo.exceptions import UserError
from odoo.tests import tagged

from .common import DOMAIN, PASSWORD
from .test_email_account_attack import AttackCase


@tagged("post_install", "-at_install")
class TestArchivedByAdministrator(AttackCase):
    """An owner restores what he has archived himself, and nothing else."""

    def archive(self, button="action_archive_account"):
        lines = self.as_role("settings", self.env["email.account.personal"])
        found = lines.browse(lines.search([("id", "in", lines.action_open()["domain"][0][2])]).ids)
        getattr(found.filtered(lambda line: line.email == self.personal.email), button)()

    def test_it_holds(self):
        account = self.as_role("owner", self.personal)
        self.archive()
        self.assertFalse(account.active)
        self.assertTrue(account.is_archived_by_administrator)
        for attempt in (
            lambda: account.write({"active": True}),
            account.action_unarchive,
            lambda: account.write({"is_archived_by_administrator": False, "active": True}),
            lambda: account.write({"email": f"again@{DOMAIN}", "password": PASSWORD}),
            account.unlink,
        ):
            with self.assertRaisesRegex(UserError, "archived by an administrator"), self.env.cr.savepoint():
                attempt()
        account.write({"is_archived_by_administrator": False})
        self.assertTrue(account.is_archived_by_administrator)
        account.write({"sender_name": "Jane"})  # everything else is his
        self.archive("action_restore_account")
        self.assertTrue(account.active)
        account.action_archive()
        account.action_unarchive()
        account.unlink()
        self.assertFalse(account.exists())

    def test_his_own(self):
        account = self.as_role("owner", self.personal)
        account.action_archive()
        self.assertFalse(account.is_archived_by_administrator)
        account.action_unarchive()
        self.assertTrue(account.active)

    def test_said_on_the_form(self):
        arch = self.as_role("owner", self.account_model).get_view(view_type="form")["arch"]
        self.assertIn("An administrator has archived this account", arch)
