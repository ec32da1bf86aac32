import contextlib
import email
import email.policy
from email.message import EmailMessage
from unittest.mock import patch

from odoo.tests import tagged

from ..models import check_arrival
from ..models.check_message import TOKEN_HEADER, is_token, new_token
from .common import ADDRESS, DOMAIN, CheckCase
from .hosts import Delivery


@tagged("post_install", "-at_install")
class TestCheckArrival(CheckCase):
    """Where the test email goes."""

    def check(self, timeout=None, **delivery):
        self.hosts.mail.delivery = Delivery(**delivery)
        with contextlib.ExitStack() as stack:
            if timeout:
                stack.enter_context(patch.object(check_arrival, "ARRIVAL_TIMEOUT", timeout))
            stack.enter_context(patch.object(check_arrival, "BOUNCE_AFTER", 0.5))
            return self.account._check()

    def get_step(self, check, stage="find"):
        return check.step_ids.filtered(lambda step: step.stage == stage)

    def assertStep(self, check, result, words, state="ready"):
        step = self.get_step(check)
        self.assertEqual((step.result, self.account.state), (result, state), check.report_text)
        self.assertIn(words, step.message)
        if result != "passed":
            self.assertTrue(step.advice and step.responsible)

    def test_late(self):
        check = self.check(delay=2.5)
        self.assertStep(check, "passed", "arrived in the inbox")
        self.assertGreater(self.get_step(check).duration_ms, 2000)
        self.assertEqual(self.hosts.mail.messages(ADDRESS), [])

    def test_late_by_pop3(self):
        self.account.write({"incoming_protocol": "pop3", "incoming_port": 995})
        self.assertStep(self.check(delay=1), "passed", "arrived in the inbox")
        self.assertEqual(self.hosts.mail.messages(ADDRESS), [])

    def test_spam(self):
        check = self.check(folder="Junk")
        self.assertStep(check, "warning", "spam folder")
        self.assertEqual(check.result, "warning")
        self.assertEqual(self.hosts.mail.messages(ADDRESS), [])

    def test_another_folder(self):
        check = self.check(folder="Filtered/Deep")
        self.assertStep(check, "warning", "Filtered/Deep")
        self.assertEqual(self.hosts.mail.messages(ADDRESS), [])

    def test_never(self):
        check = self.check(timeout=2, dropped=True)
        self.assertStep(check, "failed", "did not arrive", state="failing")
        self.assertFalse(self.get_step(check, "remove"))

    def test_bounced(self):
        check = self.check(bounce="552 5.2.2 Mailbox full")
        self.assertStep(check, "failed", "came back", state="failing")
        self.assertIn("552 5.2.2 Mailbox full", self.get_step(check, "find").details)
        self.assertEqual(self.hosts.mail.messages(ADDRESS), [])

    def test_bounced_by_pop3(self):
        self.account.write({"incoming_protocol": "pop3", "incoming_port": 995})
        check = self.check(bounce="550 5.1.1 No such user")
        self.assertStep(check, "failed", "came back", state="failing")
        self.assertIn("550 5.1.1 No such user", self.get_step(check, "find").details)
        self.assertEqual(self.hosts.mail.messages(ADDRESS), [])

    def test_copy_in_sent_goes_too(self):
        self.hosts.mail.keep_sent = True
        check = self.check()
        self.assertStep(check, "passed", "arrived in the inbox")
        self.assertIn("Sent", self.get_step(check, "remove").message)
        self.assertEqual(self.hosts.mail.messages(ADDRESS), [])

    def test_copy_in_sent_is_no_arrival(self):
        self.hosts.mail.keep_sent = True
        check = self.check(timeout=1.5, dropped=True)
        self.assertStep(check, "failed", "did not arrive", state="failing")
        self.assertEqual(self.hosts.mail.messages(ADDRESS), [])

    def test_other_mail_stays(self):
        self.hosts.mail.deliver(f"To: {ADDRESS}\r\nSubject: mine\r\n\r\nkeep this".encode(), ADDRESS)
        self.assertStep(self.check(), "passed", "arrived")
        self.assertEqual(len(self.hosts.mail.messages(ADDRESS)), 1)


@tagged("post_install", "-at_install")
class TestCheckMessageIsNoMail(CheckCase):
    """The test email becomes nothing in Odoo, however it gets there."""

    def setUp(self):
        super().setUp()
        with patch.object(
            type(self.account), "_check_stages", lambda _self: ["outgoing_login", "sender", "send"]
        ):
            self.account._check()

    def get_counts(self):
        return [
            self.env[name].search_count([]) for name in ("mail.message", "res.partner", "mail.notification")
        ]

    def assertIgnored(self, source, **context):
        counts = self.get_counts()
        self.env["mail.thread"].with_context(**context).message_process("res.partner", source)
        self.assertEqual(self.get_counts(), counts)

    def test_fetched_through_the_account(self):
        [source] = self.hosts.mail.messages(ADDRESS)
        self.assertIgnored(source, email_account_receiving=self.account.id)

    def test_through_any_other_way(self):
        """A server that no account owns, or the mail gateway."""
        [source] = self.hosts.mail.messages(ADDRESS)
        self.assertIgnored(source)

    def test_by_the_scheduler_while_the_check_waits(self):
        self.account._set_state()
        counts = self.get_counts()
        self.account._receive()
        self.assertEqual(self.get_counts(), counts)

    def test_its_bounce(self):
        self.hosts.mail.delivery = Delivery(bounce="550 5.1.1 No such user")
        self.empty_mailbox(self.account)
        with patch.object(
            type(self.account), "_check_stages", lambda _self: ["outgoing_login", "sender", "send"]
        ):
            self.account._check()
        [source] = self.hosts.mail.messages(ADDRESS)
        self.assertIn(b"delivery-status", source)
        self.assertIgnored(source, email_account_receiving=self.account.id)

    def test_forwarded_by_somebody(self):
        """What he writes about it is not lost."""
        [source] = self.hosts.mail.messages(ADDRESS)
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = "bob@elsewhere.example", ADDRESS, "What is this?"
        message["Message-Id"] = "<forwarded@elsewhere.example>"
        message.set_content("I have got a strange email.")
        message.add_attachment(email.message_from_bytes(source, policy=email.policy.SMTP))
        self.assertIn(TOKEN_HEADER.encode(), message.as_bytes())
        self.env["mail.thread"].with_context(email_account_receiving=self.account.id).message_process(
            False, message.as_bytes()
        )
        self.assertTrue(self.env["mail.message"].search([("subject", "=", "What is this?")]))

    def test_a_header_of_somebody_else_hides_no_mail(self):
        for number, token in enumerate(("", "x", "abc.def", f"{new_token(self.env)[:-1]}x", "é.ü")):
            self.assertFalse(is_token(self.env, token), token)
            source = (
                f"From: eve@elsewhere.example\r\nTo: {ADDRESS}\r\n"
                f"Message-Id: <{number}@elsewhere.example>\r\n"
                f"Subject: hidden\r\n{TOKEN_HEADER}: {token}\r\n\r\nhello"
            ).encode()
            self.env["mail.thread"].with_context(email_account_receiving=self.account.id).message_process(
                False, source
            )
        self.assertEqual(self.env["mail.message"].search_count([("subject", "=", "hidden")]), 5)
        self.assertTrue(is_token(self.env, new_token(self.env)))

    def test_the_test_email_goes_to_the_domain_of_the_account(self):
        [source] = self.hosts.mail.messages(ADDRESS)
        header = source.partition(b"\r\n\r\n")[0].decode().lower()
        self.assertIn(f"@{DOMAIN}>", header)
        self.assertIn("auto-submitted: auto-generated", header)
