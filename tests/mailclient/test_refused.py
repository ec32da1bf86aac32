"""Which answers to a login count as refused: providers lock an account after a few."""

from odoo.addons.email_account.mailclient import Login

from .common import PROTOCOLS, MailCase, failure, mail_server

REFUSED = (
    ("smtp", "535 5.7.8 Error: authentication failed"),
    ("smtp", "534-5.7.9 Application-specific password required.\r\n534 5.7.9 https://support.google.com"),
    ("smtp", "535 5.7.139 Authentication unsuccessful, basic authentication is disabled."),
    ("smtp", "535 5.7.0 Your account has been locked"),
    ("smtp", "550 42"),
    ("imap", "NO [AUTHENTICATIONFAILED] Authentication failed."),
    ("imap", "NO [ALERT] Application-specific password required"),
    ("imap", "NO [ALERT] Your account is not enabled for IMAP use."),
    ("imap", "NO [CONTACTADMIN] Account locked"),
    ("imap", "NO nope"),
    ("imap", "BAD Invalid credentials"),
    ("pop3", "-ERR [AUTH] Authentication failed."),
    ("pop3", "-ERR [SYS/PERM] Account is disabled."),
    ("pop3", "-ERR nope"),
    ("pop3", "-ERR"),
)
NOT_REFUSED = (
    ("smtp", "454 4.7.0 Temporary authentication failure"),
    ("smtp", "421 4.7.0 Too many login attempts, try again later"),
    ("smtp", "451 4.3.0 authentication failed for now"),
    ("smtp", "535 4.7.8 authentication failed for now"),
    ("smtp", "535 5.7.0 Too many login attempts"),
    ("smtp", "550 5.7.0 too many connections"),
    ("imap", "NO [UNAVAILABLE] Authentication failed."),
    ("imap", "NO [INUSE] Authentication failed."),
    ("imap", "NO [SERVERBUG] Internal error"),
    ("imap", "NO [LIMIT] Too many logins"),
    ("imap", "NO Too many simultaneous connections"),
    ("pop3", "-ERR [SYS/TEMP] Authentication failed."),
    ("pop3", "-ERR [IN-USE] Authentication failed."),
    ("pop3", "-ERR [LOGIN-DELAY] Authentication failed."),
    ("pop3", "-ERR Too many login attempts, try again later"),
    ("pop3", "what"),
)
ATTEMPT = {"smtp": "AUTH", "imap": "AUTHENTICATE", "pop3": "AUTH"}


class TestRefused(MailCase):
    def test_a_definite_no_counts(self):
        for protocol, reply in REFUSED:
            with self.subTest(reply), mail_server(protocol, refusal=reply) as server:
                problem = failure(server, protocol)
                self.assertEqual((problem.stage, problem.refused), ("login", True), problem.cause)

    def test_anything_that_passes_does_not(self):
        for protocol, reply in NOT_REFUSED:
            with self.subTest(reply), mail_server(protocol, refusal=reply) as server:
                problem = failure(server, protocol)
                self.assertEqual((problem.stage, problem.refused), ("login", False), problem.cause)

    def test_nor_does_a_connection_that_ends(self):
        endings = {"silence": [], "bye": ["* BYE Authentication failed"], "garbage": [b"\xff\xff\r\n"]}
        for protocol, verb in ATTEMPT.items():
            for name, lines in endings.items():
                with (
                    self.subTest(protocol, ending=name),
                    mail_server(protocol, answers={verb: lines}) as server,
                ):
                    problem = failure(server, protocol)
                    self.assertEqual((problem.stage, problem.refused), ("login", False), problem)

    def test_nor_does_a_login_that_was_not_sent(self):
        for protocol in PROTOCOLS:
            with self.subTest(protocol), mail_server(protocol) as server:
                self.assertFalse(failure(server, protocol, login=Login("jane", "a\nb")).refused)
            with self.subTest(protocol), mail_server(protocol, "none", clear=True) as server:
                self.assertFalse(failure(server, protocol, "none").refused)

    def test_nor_does_what_comes_after_it(self):
        with mail_server("imap") as server:
            server.talk.answers = {"AUTHENTICATE": _Then(server.talk, ["{tag} BAD what"])}
            self.assertFalse(failure(server, "imap").refused)


class _Then(list):
    """Accepts a login; from then on CAPABILITY is answered otherwise."""

    def __init__(self, script, capability):
        super().__init__(["{tag} OK welcome"])
        self.script, self.capability = script, capability

    def __iter__(self):
        self.script.answers = {"CAPABILITY": self.capability}
        return super().__iter__()
