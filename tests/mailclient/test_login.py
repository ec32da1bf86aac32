"""Which login is tried, how often, and what becomes of the password."""

import base64
import contextlib
import io
import traceback
from unittest.mock import patch

from odoo.addons.email_account.mailclient import Login

from .common import PROTOCOLS, MailCase, connect, failure, mail_server
from .fault_server import PASSWORD, USER

COMMANDS = {"imap": "LOGIN ", "pop3": "PASS "}


class TestMechanisms(MailCase):
    def test_each_one_takes_utf8(self):
        for protocol in PROTOCOLS:
            for mechanism in ("PLAIN", "LOGIN", "CRAM-MD5"):
                script = {"mechanisms": (mechanism,), "extra": ("TOP",)}
                if protocol == "imap":
                    script["extra"] = ("LOGINDISABLED",)
                with (
                    self.subTest(protocol=protocol, mechanism=mechanism),
                    mail_server(protocol, **script) as server,
                ):
                    connect(server, protocol).close()
                    self.assertIn(f" {mechanism}".encode(), server.seen)
                    self.assertEqual(server.saw_secret(), mechanism != "CRAM-MD5")

    def test_plain_is_preferred(self):
        for protocol in PROTOCOLS:
            mechanisms = ("CRAM-MD5", "LOGIN", "PLAIN")
            with self.subTest(protocol), mail_server(protocol, mechanisms=mechanisms) as server:
                connect(server, protocol).close()
                self.assertIn(b" PLAIN", server.seen)

    def test_own_command_where_no_sasl_is_offered(self):
        for protocol, command in COMMANDS.items():
            with self.subTest(protocol), mail_server(protocol, mechanisms=("USER",)) as server:
                connect(server, protocol).close()
                self.assertIn(command.encode(), server.seen)
                self.assertIn(PASSWORD.encode(), server.seen)

    def test_imap_command_quotes(self):
        with mail_server("imap", mechanisms=()) as server:
            problem = failure(server, "imap", login=Login(USER, 'a"b\\c'))
            self.assertIn(rb'"a\"b\\c"', server.seen)
            self.assertEqual(problem.cause, "wrong_password")

    def test_smtp_without_a_login(self):
        with mail_server("smtp", mechanisms=()) as server:
            client = connect(server, "smtp", login=None)
            self.assertEqual(client.noop()[0], 250)
            client.quit()
            self.assert_no_login(server)

    def test_none_that_can_be_used(self):
        cases = (
            (("XOAUTH2", "OAUTHBEARER"), "oauth_required"),
            (("NTLM", "GSSAPI"), "auth_mechanism_unsupported"),
            ((), "auth_mechanism_unsupported"),
        )
        for mechanisms, cause in cases:
            for protocol in PROTOCOLS:
                script = {"mechanisms": mechanisms, "extra": ("TOP",)}
                if protocol == "imap":
                    capabilities = " ".join(f"AUTH={name}" for name in mechanisms)
                    script["answers"] = {
                        "CAPABILITY": [
                            f"* CAPABILITY IMAP4rev1 LOGINDISABLED {capabilities}",
                            "{tag} OK done",
                        ]
                    }
                with self.subTest(protocol, mechanisms=mechanisms), mail_server(protocol, **script) as server:
                    problem = failure(server, protocol)
                    self.assertEqual((problem.stage, problem.cause), ("login", cause))
                    self.assert_no_login(server)


class TestSafeLogon(MailCase):
    def test_no_password_over_clear_text(self):
        for protocol in PROTOCOLS:
            script = {"mechanisms": ("PLAIN", "LOGIN", "USER"), "clear": True}
            with self.subTest(protocol), mail_server(protocol, "none", **script) as server:
                problem = failure(server, protocol, "none")
                self.assertEqual((problem.stage, problem.cause), ("login", "starttls_required"))
                self.assertEqual(problem.field, "security")
                self.assert_no_login(server)

    def test_a_digest_may_go(self):
        for protocol in PROTOCOLS:
            script = {"mechanisms": ("PLAIN", "CRAM-MD5"), "clear": True}
            with self.subTest(protocol), mail_server(protocol, "none", **script) as server:
                connect(server, protocol, "none").close()
                self.assertFalse(server.saw_secret())
                self.assertIn(b"CRAM-MD5", server.seen)

    def test_switched_off(self):
        for protocol in PROTOCOLS:
            with self.subTest(protocol), mail_server(protocol, "none", clear=True) as server:
                connect(server, protocol, "none", safe_logon=False).close()
                self.assertTrue(server.saw_secret())

    def test_login_disabled_is_respected(self):
        disabled = {
            "CAPABILITY": ["* CAPABILITY IMAP4rev1 LOGINDISABLED AUTH=PLAIN STARTTLS", "{tag} OK done"]
        }
        with mail_server("imap", "none", answers=disabled) as server:
            problem = failure(server, "imap", "none", safe_logon=False)
            self.assertEqual((problem.stage, problem.cause), ("login", "starttls_required"))
            self.assert_no_login(server)


class TestRefusals(MailCase):
    REPLIES = (
        ("smtp", "535 5.7.8 Error: authentication failed: authentication failure", "wrong_password"),
        ("smtp", "534 5.7.9 Application-specific password required", "app_password_required"),
        (
            "smtp",
            "535 5.7.139 Authentication unsuccessful, basic authentication is disabled.",
            "oauth_required",
        ),
        ("smtp", "454 4.7.0 Temporary authentication failure", "server_busy"),
        ("smtp", "535 5.7.0 42", "unknown"),
        ("imap", "NO [AUTHENTICATIONFAILED] Authentication failed.", "wrong_password"),
        ("imap", "NO [ALERT] Your account is not enabled for IMAP use.", "imap_disabled"),
        ("imap", "NO [UNAVAILABLE] Temporary authentication failure.", "server_busy"),
        ("imap", "NO nope", "unknown"),
        ("pop3", "-ERR [AUTH] Authentication failed.", "wrong_password"),
        ("pop3", "-ERR [IN-USE] Mailbox is locked", "too_many_connections"),
        ("pop3", "-ERR [SYS/TEMP] Temporary authentication failure.", "server_busy"),
        ("pop3", "-ERR", "unknown"),
    )

    def test_word_for_word(self):
        for protocol, reply, cause in self.REPLIES:
            with self.subTest(reply), mail_server(protocol, refusal=reply) as server:
                problem = failure(server, protocol)
                self.assertEqual((problem.stage, problem.raw, problem.cause), ("login", reply, cause))
                self.assertEqual(str(problem), f"mail.example.org:{server.port}: {reply}")

    def test_one_attempt(self):
        offered = ("PLAIN", "LOGIN", "CRAM-MD5", "USER")
        logins = (
            ("smtp", "535 no", (b"AUTH ",)),
            ("imap", "NO no", (b"AUTHENTICATE", b"LOGIN ")),
            ("pop3", "-ERR no", (b"AUTH ", b"PASS ")),
        )
        for protocol, refusal, words in logins:
            with self.subTest(protocol), mail_server(protocol, mechanisms=offered, refusal=refusal) as server:
                failure(server, protocol)
                self.assertEqual(sum(server.seen.count(word) for word in words), 1)
                self.assertEqual(server.connections, 1)

    def test_imap_bye_and_bad(self):
        refusals = (("* BYE Too many connections", "too_many_connections"), ("{tag} BAD what", "unknown"))
        for refusal, cause in refusals:
            with self.subTest(refusal), mail_server("imap", answers={"AUTHENTICATE": [refusal]}) as server:
                problem = failure(server, "imap")
                self.assertEqual((problem.stage, problem.cause), ("login", cause))

    def test_server_that_never_stops_asking(self):
        for protocol, answer in (("smtp", "334 "), ("pop3", "+ ")):
            answers = {r"AUTH|[A-Za-z0-9+/]{12}|\*": [answer]}
            with self.subTest(protocol), mail_server(protocol, answers=answers) as server:
                problem = failure(server, protocol)
                self.assertEqual(problem.stage, "login")
                self.assertLess(server.seen.count(b"*"), 5)

    def test_garbled_challenge_is_cancelled(self):
        with mail_server("smtp", mechanisms=("CRAM-MD5",), answers={"AUTH": ["334 x"]}) as server:
            self.assertEqual(failure(server, "smtp").stage, "login")
            self.assertIn(b"*\r\n", server.seen)

    def test_line_breaks_are_not_sent(self):
        for text in ("a\r\nb", "a\0b", "a\nb"):
            for login in (Login(USER, text), Login(text, PASSWORD)):
                for protocol in PROTOCOLS:
                    with self.subTest(protocol, text=text), mail_server(protocol) as server:
                        problem = failure(server, protocol, login=login)
                        self.assertEqual((problem.stage, problem.cause), ("login", "invalid_login_text"))
                        self.assert_no_login(server)


class TestSecrets(MailCase):
    def assert_clean(self, text, password=PASSWORD):
        for secret in (password, _base64(password), _base64(f"\0{USER}\0{password}")):
            self.assertNotIn(secret, text)

    def test_an_echo_is_cut_out(self):
        plain = _base64(f"\0{USER}\0{PASSWORD}")
        for protocol, form in (("smtp", "535 no: {}"), ("imap", "NO no: {}"), ("pop3", "-ERR no: {}")):
            for echo in (PASSWORD, plain):
                with self.subTest(protocol), mail_server(protocol, refusal=form.format(echo)) as server:
                    problem = failure(server, protocol)
                    self.assertEqual(problem.raw, form.format("***"))
                    lines = traceback.format_exception(problem)
                    self.assert_clean("".join(lines) + repr(problem) + repr(vars(problem)))

    def test_the_cause_is_found_all_the_same(self):
        with mail_server("smtp", refusal="535 5.7.8 password authentication failed") as server:
            problem = failure(server, "smtp", login=Login(USER, "password"))
        self.assertEqual(
            (problem.cause, problem.raw), ("wrong_password", "535 5.7.8 *** authentication failed")
        )

    def test_smtp_debug_output(self):
        for mechanism in ("PLAIN", "LOGIN"):
            with self.subTest(mechanism), mail_server("smtp", mechanisms=(mechanism,)) as server:
                client, printed = connect(server, "smtp", login=None), []
                client._print_debug = lambda *words, printed=printed: printed.append(
                    repr(words)
                )  # Odoo logs it
                client.set_debuglevel(1)
                client.login(USER, PASSWORD)
                client.putcmd("AUTH", "XOAUTH2 c2VjcmV0")
                client.noop()
                client.close()
                text = "".join(printed)
                self.assertTrue(server.saw_secret())
                self.assert_clean(text)
                self.assertNotIn("c2VjcmV0", text)
                self.assertIn("noop", text)
                self.assertIn("235", text)

    def test_nothing_is_kept_by_imaplib(self):
        for mechanisms in ((), ("PLAIN",)):
            with self.subTest(mechanisms), mail_server("imap", mechanisms=mechanisms) as server:
                box = connect(server, "imap")
                self.assertEqual(box._session._cmd_log, {})
                box.close()

    def test_imap_debug_output(self):
        printed = io.StringIO()
        with (
            patch("imaplib.Debug", 5),
            contextlib.redirect_stderr(printed),
            mail_server("imap", mechanisms=()) as server,
        ):
            connect(server, "imap").close()
        self.assertTrue(server.saw_secret())
        self.assertIn("LOGOUT", printed.getvalue())
        self.assert_clean(printed.getvalue())


def _base64(text):
    return base64.b64encode(text.encode()).decode()
