import re

from odoo.tests import tagged

from .common import ADDRESS
from .receiving import MAIL, OTHER, POP3, ReceivingCase

LOGGER = "odoo.addons.email_account.models.email_account_mending"
ANONYMOUS = MAIL.replace("Message-ID: <{id}@customer.example>\n", "").replace("blue", "{id}")


@tagged("post_install", "-at_install")
class TestMending(ReceivingCase):
    """Accounts as an update from before there were folders and polling has left them."""

    def run_cron(self):
        self.env.flush_all()
        with self.env.registry.cursor() as cr:  # which the cron commits
            self.env(cr=cr)["email.account"]._cron_receive()
        self.env.invalidate_all()

    def forget(self, *tables):
        for table in tables:
            self.env.cr.execute(f"DELETE FROM {table} WHERE account_id = %s", [self.account.id])
        self.env.invalidate_all()

    def set_up_stock(self):
        """What Odoo had fetched is marked as read, the rest is not."""
        for number in ("old", "older"):
            self.deliver(number, mail=ANONYMOUS)
        with self.account._connect_incoming__() as mailbox:
            mailbox.open(b"INBOX")
            mailbox.mark_seen(mailbox.uids())
        self.deliver("new", mail=ANONYMOUS)

    def get_bodies(self):
        messages = self.env["mail.message"].search([("email_account_id", "=", self.account.id)])
        return sorted(re.search(r"in (\w+)\?", body)[1] for body in messages.mapped("body"))

    def test_account_without_folder_and_polling_receives(self):
        """The next scheduled run receives what is new, and nothing that was fetched before."""
        self.set_up_stock()
        self.forget("email_account_folder", "email_account_polling")
        self.run_cron()
        self.assertEqual(self.get_bodies(), ["new"])
        self.run_cron()
        self.account._receive()
        self.assertEqual(self.get_bodies(), ["new"])

    def test_by_the_button(self):
        self.forget("email_account_folder", "email_account_polling")
        self.deliver("new")
        self.account.action_send_receive()
        self.assertTrue(self.get_message("new"))

    def test_polling_alone(self):
        self.forget("email_account_polling")
        folder = self.account.folder_ids
        self.deliver("new")
        self.run_cron()
        self.assertTrue(self.get_message("new"))
        self.assertEqual(self.account.folder_ids, folder)

    def test_no_folder_is_received(self):
        self.env.cr.execute("UPDATE email_account_folder SET is_received = false")
        self.env.invalidate_all()
        self.deliver("new")
        self.run_cron()
        self.assertTrue(self.get_message("new"))

    def test_what_a_mail_became_stays(self):
        """An account that created records goes on doing so; by POP, copies stay on the server."""
        self.account.write({**POP3, "incoming_model_id": self.env["ir.model"]._get_id("res.partner")})
        self.assertEqual((self.account.incoming_action, self.account.after_receiving), ("contact", "seen"))
        self.forget("email_account_folder", "email_account_polling")
        self.assertEqual(self.env["email.account"]._mend(), self.account)
        self.assertEqual((self.account.incoming_action, self.account.after_receiving), ("create", "leave"))
        self.assertFalse(self.account.folder_ids.unseen_below)

    def test_servers(self):
        """Missing ones are made, archived ones switched on, and those of archived accounts off."""
        accounts = self.account + self.create_account(email=OTHER, active=False)
        self.env.flush_all()
        self.env.cr.execute("DELETE FROM ir_mail_server WHERE email_account_id = %s", [self.account.id])
        self.env.cr.execute("UPDATE fetchmail_server SET active = NOT active")
        self.env.invalidate_all()
        self.assertEqual(self.env["email.account"]._mend(), accounts)
        for account in accounts:
            self.assertEqual(account.mail_server_ids.smtp_host, account.outgoing_host)
            self.assertEqual(account.mail_server_ids.active, account.active)
            self.assertEqual(account.fetchmail_server_ids.active, account.active)

    def test_one_query_when_nothing_is_wrong(self):
        self.create_account(email=OTHER, active=False)
        self.create_account(email=f"only-sends-{ADDRESS}", use_for_receiving=False, incoming_host=False)
        self.create_account(email=f"only-receives-{ADDRESS}", use_for_sending=False, outgoing_host="")
        self.create_account(email=f"nowhere-{ADDRESS}", incoming_host=False, outgoing_host=False)
        self.assertFalse(self.env["email.account"]._mend())
        with self.assertQueryCount(1):
            self.env["email.account"]._mend()

    def test_one_that_cannot_be_mended_holds_up_nobody(self):
        """A template names a server that should be off: Odoo does not let it be archived."""
        broken = self.create_account(email=OTHER)
        model = self.env.ref("base.model_res_partner")
        self.env["mail.template"].create({"model_id": model.id, "mail_server_id": broken.mail_server_id.id})
        self.env.flush_all()
        self.env.cr.execute("UPDATE email_account SET active = false WHERE id = %s", [broken.id])
        self.forget("email_account_polling")
        self.deliver("new")
        with self.assertLogs(LOGGER, "WARNING") as log:
            self.run_cron()
        self.assertTrue(self.get_message("new"))
        self.assertIn(f"account {broken.id} ", log.output[0])
