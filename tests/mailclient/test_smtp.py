"""Sending: a session that Odoo can use, and failures typed where they happen."""

import smtplib
from email.message import EmailMessage

from odoo.addons.email_account.mailclient import Endpoint, MailFailure, SmtpClient

from .common import MailCase, connect, failure, mail_server


def message():
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Cc"] = "jane@example.org", "bob@example.org", "eve@example.org"
    mail.set_content("Hello")
    return mail


class TestSession(MailCase):
    def test_is_an_smtplib_session(self):
        for mode in ("tls", "starttls"):
            with self.subTest(mode), mail_server("smtp", mode) as server:
                client = connect(server, "smtp", mode)
                self.assertIsInstance(client, smtplib.SMTP)
                client.ehlo_or_helo_if_needed()
                self.assertEqual(client.send_message(message()), {})
                self.assertEqual(client.noop()[0], 250)
                client.quit()
                client.close()

    def test_login_of_smtplib_is_ours(self):
        with mail_server("smtp", refusal="535 5.7.8 no") as server:
            client = connect(server, "smtp", login=None)
            with self.assertRaises(MailFailure):
                client.login("jane", "secret")
            self.assertEqual(server.seen.count(b"AUTH "), 1)
            client.close()

    def test_name_in_ehlo(self):
        for name, expected in (
            (None, rb"ehlo (\[127\.0\.0\.1\]|\S+\.\S+)\r\n"),
            ("erp.example.org", b"ehlo erp.example.org"),
        ):
            with self.subTest(name), mail_server("smtp") as server:
                connect(server, "smtp", local_hostname=name).quit()
                self.assertRegex(server.seen, expected)

    def test_helo_where_ehlo_is_unknown(self):
        with mail_server("smtp", answers={"EHLO": ["502 what"]}) as server:
            connect(server, "smtp", login=None).quit()
            self.assertIn(b"helo ", server.seen)

    def test_greeting_that_refuses(self):
        with mail_server("smtp", greeting="554 5.7.1 Your IP is blacklisted") as server:
            problem = failure(server, "smtp")
            self.assertEqual((problem.stage, problem.cause), ("connect", "ip_blocked"))
            self.assertEqual(problem.raw, "554 5.7.1 Your IP is blacklisted")


class TestFailures(MailCase):
    ENDPOINT = Endpoint("smtp", "smtp.example.org", 465, "tls")

    def send(self, answers):
        with mail_server("smtp", answers=answers) as server:
            client = connect(server, "smtp")
            try:
                with self.assertRaises(smtplib.SMTPException) as caught:
                    client.send_message(message())
            finally:
                client.close()
        return MailFailure.from_exception(caught.exception, self.ENDPOINT, "data")

    def test_stage_is_where_it_happened(self):
        cases = (
            (
                {"MAIL": ["553 5.7.1 Sender address rejected: not owned by user jane"]},
                "sender",
                "send_as_denied",
            ),
            ({"RCPT": ["550-5.1.1 No such\r\n550 5.1.1 user"]}, "recipient", "mailbox_not_found"),
            ({"DATA": ["552 5.3.4 Message too large"]}, "data", "message_too_large"),
            ({"RCPT": []}, "data", "timeout"),
        )
        for answers, stage, cause in cases:
            with self.subTest(answers):
                problem = self.send(answers)
                self.assertEqual((problem.stage, problem.cause), (stage, cause), problem)
                self.assertEqual(
                    (problem.protocol, problem.host, problem.port), ("smtp", "smtp.example.org", 465)
                )

    def test_reply_of_several_lines(self):
        problem = self.send({"MAIL": ["550-5.7.26 Unauthenticated\r\n550-5.7.26 mail\r\n550 5.7.26 refused"]})
        self.assertEqual(problem.raw, "550 5.7.26 Unauthenticated 5.7.26 mail 5.7.26 refused")

    def test_what_odoo_wraps_is_found_again(self):
        class MailDeliveryException(Exception):
            """As Odoo's."""

        try:
            try:
                raise smtplib.SMTPRecipientsRefused({"bob@example.org": (452, b"4.2.2 Mailbox full")})
            except smtplib.SMTPException:
                raise MailDeliveryException("Mail Delivery Failed")
        except MailDeliveryException as exc:
            problem = MailFailure.from_exception(exc, self.ENDPOINT, "data")
        self.assertEqual((problem.stage, problem.cause), ("recipient", "quota_exceeded"))
        self.assertEqual(problem.raw, "452 4.2.2 Mailbox full (bob@example.org)")
        self.assertIs(MailFailure.from_exception(problem, self.ENDPOINT, "data"), problem)

    def test_anything_else_keeps_its_words(self):
        problem = MailFailure.from_exception(RuntimeError("the cat did it"), self.ENDPOINT, "data")
        self.assertEqual((problem.cause, problem.raw), ("unknown", "the cat did it"))
        self.assertEqual(str(problem), "smtp.example.org:465: the cat did it")

    def test_client_that_was_never_opened(self):
        client = SmtpClient(self.ENDPOINT)
        self.assertIsNone(client.certificate)
        self.assertEqual(client.capabilities, ())
        client.close()
