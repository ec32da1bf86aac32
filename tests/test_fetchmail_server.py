from odoo.exceptions import UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import ADDRESS, DOMAIN, PASSWORD, HostsCase

MAIL = """From: "Carol Customer" <carol@customer.example>
To: {to}
Subject: {subject}
Message-ID: <{id}@customer.example>
Date: Tue, 24 Nov 2026 10:00:00 +0000

Hello, do you have it in blue?
"""


def receive(account):
    """Receive in a transaction of its own: Odoo commits after each message."""
    account.env.flush_all()
    with account.env.registry.cursor() as cr:
        account.with_env(account.env(cr=cr))._receive()
    account.env.invalidate_all()


@tagged("post_install", "-at_install")
class TestFetchmailServer(HostsCase):
    def setUp(self):
        super().setUp()
        self.account = self.env["email.account"].create(self.account_values)
        self.account._set_state()
        self.empty_mailbox(self.account)

    def deliver(self, number, subject="In blue?"):
        self.hosts.mail.deliver(MAIL.format(to=ADDRESS, subject=subject, id=number).encode(), ADDRESS)

    def get_message(self, number):
        return self.env["mail.message"].search([("message_id", "=", f"<{number}@customer.example>")])

    def receive(self):
        receive(self.account)

    def test_mail_becomes_a_message_on_the_contact(self):
        self.deliver("one")
        self.receive()
        message = self.get_message("one")
        self.assertEqual((message.model, message.subject), ("res.partner", "In blue?"))
        partner = self.env["res.partner"].browse(message.res_id)
        self.assertEqual((partner.name, partner.email), ("Carol Customer", "carol@customer.example"))
        self.assertEqual(message.author_id, partner)
        self.assertFalse(partner.message_follower_ids)
        self.assertFalse(message.notification_ids)
        # the next one finds the contact
        self.deliver("two")
        self.receive()
        self.assertEqual(self.get_message("two").res_id, partner.id)
        self.receive()
        self.assertEqual(len(self.get_message("one") + self.get_message("two")), 2)

    def test_mail_becomes_a_record(self):
        self.account.incoming_model_id = self.env["ir.model"]._get("res.partner")
        self.deliver("record", "New contact")
        self.receive()
        message = self.get_message("record")
        self.assertEqual(self.env["res.partner"].browse(message.res_id).name, "New contact")

    def test_reply_comes_first(self):
        partner = self.env["res.partner"].create({"name": "Project"})
        question = partner.message_post(body="?", message_id="<question@acme.example>")
        self.hosts.mail.deliver(
            MAIL.format(to=ADDRESS, subject="Re: ?", id="answer")
            .replace("Subject:", f"In-Reply-To: {question.message_id}\nSubject:")
            .encode(),
            ADDRESS,
        )
        self.receive()
        self.assertEqual(self.get_message("answer").res_id, partner.id)

    def test_cron_polls_it(self):
        self.deliver("cron")
        cron = self.env.ref("mail.ir_cron_mail_gateway_action")
        self.assertTrue(cron.active)
        self.env.flush_all()
        with self.env.registry.cursor() as cr:
            self.env(cr=cr)["fetchmail.server"].with_context(cron_id=cron.id)._fetch_mails()
        self.assertTrue(self.get_message("cron"))

    def test_starttls(self):
        self.account.write({"incoming_security": "starttls", "incoming_port": 143})
        self.account._set_state()
        self.deliver("starttls")
        self.receive()
        self.assertTrue(self.get_message("starttls"))

    def test_pop3_keeps_copies_and_imports_once(self):
        self.account.write(
            {
                "incoming_protocol": "pop3",
                "incoming_port": 995,
                "incoming_host": "pop.acme.example",
                "password": PASSWORD,
            }
        )
        self.account._set_state()
        self.deliver("pop")
        self.receive()
        self.assertTrue(self.get_message("pop"))
        self.assertEqual(len(self.hosts.mail.messages(ADDRESS)), 1)
        self.get_message("pop").unlink()  # not even what is gone here comes again
        self.receive()
        self.assertFalse(self.get_message("pop"))
        # after some days the copy goes
        self.account.pop3_keep_days = 3
        self.account.pop3_uids = dict.fromkeys(self.account.pop3_uids, "2026-01-01")
        self.receive()
        self.assertEqual(self.hosts.mail.messages(ADDRESS), [])
        self.assertFalse(self.account.pop3_uids)

    def test_pop3_without_copies(self):
        self.account.write({"incoming_protocol": "pop3", "incoming_port": 995, "pop3_keep": False})
        self.account._set_state()
        self.deliver("gone")
        self.receive()
        self.assertTrue(self.get_message("gone"))
        self.assertEqual(self.hosts.mail.messages(ADDRESS), [])

    def test_failure_and_recovery_show_on_the_account(self):
        self.account.password = "wrong"
        self.account._set_state()
        with mute_logger("odoo.addons.mail.models.fetchmail"):
            self.receive()
        self.assertEqual(self.account.state, "failing")
        self.assertIn("refused the user name or the password", self.account.last_error)
        self.assertEqual(self.account.fetchmail_server_id.state, "done")
        self.account.password = PASSWORD
        self.account._set_state("still")
        self.receive()
        self.assertEqual((self.account.state, self.account.last_error), ("ready", False))

    def test_account_that_is_not_ready_is_left_alone(self):
        self.account.state = "draft"
        self.deliver("early")
        self.receive()
        self.assertFalse(self.get_message("early"))
        self.assertFalse(
            self.env["fetchmail.server"].search(
                [("state", "=", "done"), ("id", "=", self.account.fetchmail_server_id.id)]
            )
        )

    def test_archived_server_says_so(self):
        self.account.active = False
        with self.assertRaisesRegex(UserError, "archived"):
            self.account.fetchmail_server_id._connect__()

    def test_send_receive_button(self):
        self.deliver("button")
        self.env.flush_all()
        with self.env.registry.cursor() as cr:
            action = self.account.with_env(self.env(cr=cr)).action_send_receive()
        self.assertEqual(action["params"]["type"], "success")
        self.assertTrue(self.get_message("button"))


@tagged("post_install", "-at_install")
class TestFetchmailServerCertificate(HostsCase):
    certificates = {"imap": "expired", "pop3": "wrong_name", "submission": "unknown_issuer"}

    def test_wizard_sends_no_password_and_stores_nothing(self):
        wizard = self.env["email.account.create"].create(self.wizard_values)
        wizard.action_create()
        self.assertEqual((wizard.step, wizard.is_retry), ("start", True))
        self.assertIn(f"smtp.{DOMAIN}:465: no valid certificate", wizard.message)
        self.assertIn(f"imap.{DOMAIN}:993: no valid certificate (certificate has expired)", wizard.message)
        self.assertFalse(self.env["email.account"].search([("email", "=", ADDRESS)]))
        self.assertNoLogin()

    def test_no_password_where_the_certificate_is_bad(self):
        account = self.env["email.account"].create(self.account_values)
        check = account._check()
        causes = {step.direction: step.cause for step in check.step_ids if step.result == "failed"}
        self.assertEqual(
            causes, {"outgoing": "certificate_unknown_issuer", "incoming": "certificate_expired"}
        )
        self.assertEqual(account.state, "failing")
        account.write({"incoming_protocol": "pop3", "incoming_port": 995})
        account._set_state()
        with mute_logger("odoo.addons.mail.models.fetchmail"):
            receive(account)
        self.assertIn("certificate of the server is for another name", account.last_error)
        account.write({"incoming_security": "starttls", "incoming_port": 110})
        account._set_state()
        with mute_logger("odoo.addons.mail.models.fetchmail"):
            receive(account)
        self.assertIn("certificate of the server is for another name", account.last_error)
        self.assertNoLogin()
