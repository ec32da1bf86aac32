"""Sending: a session that Odoo can use, and failures typed where they happen."""

import smtplib
from email.message import EmailMessage

from odoo.addons.email_account.mailclient import Endpoint, MailFailure, SmtpClient
from odoo.addons.email_account.mailclient.smtp import with_crlf

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


class TestFraming(MailCase):
    """What is sent is one message, and an answer is the answer to what was asked."""

    def sent(self, message):
        with mail_server("smtp") as server:
            client = connect(server, "smtp")
            self.assertEqual(client.sendmail("jane@example.org", ["bob@example.org"], message), {})
            client.quit()
            return server.seen.partition(b"data\r\n")[2].partition(b"quit\r\n")[0]

    def test_no_line_ends_but_with_crlf(self):
        smuggled = "MAIL FROM:<ceo@example.org>"
        ends = ("\n.\n", "\r\n.\n", "\n.\r\n", "\r.\r", "\r\n.\r", "\r.\r\n", "\r\n.\r\n")
        for end in (*ends, "\r\r\n.\r\r\n"):
            # of texts smtplib makes two lines there
            for text in (str, str.encode) if end in ends else (str.encode,):
                with self.subTest(end, text=text):
                    sent = self.sent(text(f"Subject: x\r\n\r\nHello{end}{smuggled}\r\n"))
                    self.assertEqual(
                        sent, f"Subject: x\r\n\r\nHello\r\n..\r\n{smuggled}\r\n.\r\n".encode()
                    )

    def test_lines_with_lf(self):
        self.assertEqual(
            self.sent(b"Subject: x\nTo: y\n\nHello\n.\n"), b"Subject: x\r\nTo: y\r\n\r\nHello\r\n..\r\n.\r\n"
        )

    def test_no_header_out_of_a_cr(self):
        self.assertEqual(
            self.sent(b"Subject: x\rBcc: eve@example.org\r\n\r\nHello\rBob"),
            b"Subject: x Bcc: eve@example.org\r\n\r\nHello\r\nBob\r\n.\r\n",
        )

    def test_what_is_right_is_left_alone(self):
        for text in (b"", b"x", b"Subject: x\r\n\r\n\r\n.\r\n", b"\r\n\0\xff\r\n"):
            self.assertIs(with_crlf(text), text)

    def test_answers_that_come_uncalled_for(self):
        for command in ("mail", "rcpt", "data"):
            first = {"mail": "250 ok", "rcpt": "250 ok", "data": "354 go"}[command]
            answers = {command: [f"{first}\r\n250 queued"]}
            with self.subTest(command), mail_server("smtp", answers=answers) as server:
                client = connect(server, "smtp")
                with self.assertRaises(smtplib.SMTPException) as caught:
                    client.sendmail("jane@example.org", ["bob@example.org"], b"Subject: x\r\n\r\nHello")
                problem = MailFailure.from_exception(caught.exception, client.endpoint, "data")
                self.assertEqual(problem.cause, "framing_broken", problem)
                self.assertNotIn(b"Hello", server.seen)

    def test_answer_that_comes_late(self):
        """It is not there yet when DATA is sent: the one before it passes for the answer."""
        with mail_server("smtp", answers={"data": ["250 ok\r\n354 go"]}) as server:
            client = connect(server, "smtp")
            with self.assertRaises(smtplib.SMTPServerDisconnected) as caught:
                client.sendmail("jane@example.org", ["bob@example.org"], b"Subject: x\r\n\r\nHello")
            problem = MailFailure.from_exception(caught.exception, client.endpoint, "data")
            self.assertEqual(problem.cause, "framing_broken", problem)
            self.assertNotIn(b"Hello", server.seen)

    def test_goodbye_is_an_answer(self):
        answers = {"rcpt": ["250 ok\r\n421 4.3.2 shutting down"]}
        with mail_server("smtp", answers=answers) as server:
            client = connect(server, "smtp")
            with self.assertRaises(smtplib.SMTPException) as caught:
                client.sendmail("jane@example.org", ["bob@example.org"], b"Subject: x\r\n\r\nHello")
            self.assertIn("shutting down", str(caught.exception))


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
