from odoo.tests import tagged

from .common import ADDRESS, DOMAIN, PASSWORD, HostsCase


@tagged("post_install", "-at_install")
class TestEmailAccountCreate(HostsCase):
    def setUp(self):
        super().setUp()
        self.wizard = self.env["email.account.create"].create(self.wizard_values)

    def get_accounts(self):
        return self.env["email.account"].search([("email", "=", ADDRESS)])

    def assertNothingStored(self):
        self.assertFalse(self.get_accounts())
        self.assertFalse(self.env["ir.mail_server"].search([("from_filter", "=", ADDRESS)]))
        self.assertFalse(self.env["fetchmail.server"].search([("user", "=", ADDRESS)]))

    def test_automatic(self):
        self.wizard.action_create()
        self.assertEqual((self.wizard.step, self.wizard.message), ("done", False))
        account = self.get_accounts()
        self.assertEqual(self.wizard.account_id, account)
        self.assertEqual(account.state, "ready")
        self.assertEqual(
            (account.incoming_host, account.incoming_port, account.incoming_security),
            (f"imap.{DOMAIN}", 993, "tls"),
        )
        self.assertEqual(
            (account.outgoing_host, account.outgoing_port, account.outgoing_security),
            (f"smtp.{DOMAIN}", 465, "tls"),
        )
        self.assertEqual(account.name, ADDRESS)
        self.assertFalse(account.user_id)
        self.assertEqual(account.mail_server_id.from_filter, ADDRESS)
        self.assertEqual(account.fetchmail_server_id.state, "done")
        self.assertFalse(account.mail_server_id.smtp_pass or account.fetchmail_server_id.password)
        self.assertEqual(account.check_ids.result, "passed")
        self.assertEqual(
            self.hosts.mail.logins()[-2:], [("submission", ADDRESS, True), ("imap", ADDRESS, True)]
        )
        self.assertEqual(self.wizard.action_open_account()["res_id"], account.id)
        self.assertFalse(self.wizard.password_set)

    def test_wrong_password(self):
        self.wizard.password = "wrong"
        self.wizard.action_create()
        self.assertEqual((self.wizard.step, self.wizard.is_retry), ("start", True))
        self.assertIn("Cannot connect to the outgoing email server", self.wizard.message)
        self.assertIn("Cannot connect to the incoming email server", self.wizard.message)
        self.assertIn("refused the user name or the password", self.wizard.message)
        self.assertEqual(self.wizard.invalid_field, "password")
        # found settings are kept for the manual pages
        self.assertEqual(self.wizard.incoming_host, f"imap.{DOMAIN}")
        self.assertNothingStored()
        self.wizard.password = PASSWORD
        self.wizard.action_create()
        self.assertEqual(self.wizard.step, "done", self.wizard.message)
