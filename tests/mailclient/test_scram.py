"""SCRAM: the password is proved, not sent, and the server has to prove that it knows it."""

import base64
from unittest.mock import patch

from odoo.addons.email_account.mailclient import (
    Endpoint,
    Login,
    MailFailure,
    Timeouts,
    connect_mailbox,
    connect_smtp,
)
from odoo.addons.email_account.mailclient.scram import MECHANISMS, Scram

from ..hosts.mail_host import MailHost
from .common import LOGIN, PROTOCOLS, MailCase, authority, connect, failure, mail_server
from .fault_server import HOST, PASSWORD, USER

AUTH = {"smtp": "AUTH", "imap": "AUTHENTICATE", "pop3": "AUTH"}
WELCOME = {"smtp": "235 welcome", "imap": "{tag} OK welcome", "pop3": "+OK welcome"}
ENDPOINT = Endpoint("imap", HOST, 143, "none")
SALT = base64.b64encode(bytes(16)).decode()


class TestChoice(MailCase):
    def test_each_one_logs_in(self):
        for protocol in PROTOCOLS:
            for mechanism in MECHANISMS:
                script = {"mechanisms": (mechanism,), "clear": True}
                with (
                    self.subTest(protocol, mechanism=mechanism),
                    mail_server(protocol, "none", **script) as server,
                ):
                    told = {}
                    connect(server, protocol, "none", on_stage=told.__setitem__).close()
                    self.assertEqual(told["login"], mechanism)
                    self.assertFalse(server.saw_secret())

    def test_strongest_first_where_the_connection_is_not_encrypted(self):
        mechanisms = ("PLAIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-256")
        for protocol in PROTOCOLS:
            script = {"mechanisms": mechanisms, "clear": True}
            with self.subTest(protocol), mail_server(protocol, "none", **script) as server:
                connect(server, protocol, "none").close()
                self.assertIn(b" SCRAM-SHA-256\r\n", server.seen)
                self.assertFalse(server.saw_secret())

    def test_over_tls_the_password_goes_first(self):
        for protocol in PROTOCOLS:
            script = {"mechanisms": (*MECHANISMS, "PLAIN")}
            with self.subTest(protocol), mail_server(protocol, "tls", **script) as server:
                connect(server, protocol).close()
                self.assertIn(b" PLAIN", server.seen)

    def test_over_tls_where_nothing_else_is_offered(self):
        for protocol in PROTOCOLS:
            script = {"mechanisms": ("SCRAM-SHA-256", "CRAM-MD5"), "extra": ("TOP", "LOGINDISABLED")}
            with self.subTest(protocol), mail_server(protocol, "tls", **script) as server:
                connect(server, protocol).close()
                self.assertIn(b" SCRAM-SHA-256\r\n", server.seen)


class TestRefusal(MailCase):
    def test_wrong_password_or_user(self):
        for protocol in PROTOCOLS:
            for login in (Login(USER, "wröng"), Login("bob", PASSWORD), Login("a=b,c", PASSWORD)):
                script = {"mechanisms": ("SCRAM-SHA-1",), "clear": True}
                with self.subTest(protocol, login=login), mail_server(protocol, "none", **script) as server:
                    problem = failure(server, protocol, "none", login=login)
                    self.assertEqual(
                        (problem.stage, problem.cause, problem.refused), ("login", "wrong_password", True)
                    )

    def test_refused_after_the_proof(self):
        with mail_server(
            "smtp", "none", mechanisms=("SCRAM-SHA-1",), clear=True, refusal="535 5.7.8 no"
        ) as server:
            self.assertEqual(failure(server, "smtp", "none").raw, "535 5.7.8 no")


class TestServersProof(MailCase):
    def assert_tampered(self, server, protocol):
        problem = failure(server, protocol, "none")
        self.assertEqual((problem.stage, problem.cause), ("login", "connection_tampered"), problem)
        self.assertFalse(problem.refused)
        self.assertFalse(server.saw_secret())

    def test_server_that_does_not_know_the_password(self):
        for protocol in PROTOCOLS:
            script = {"mechanisms": ("SCRAM-SHA-1",), "clear": True, "knows_password": False}
            with self.subTest(protocol), mail_server(protocol, "none", **script) as server:
                self.assert_tampered(server, protocol)

    def test_server_that_is_content_too_early(self):
        for protocol in PROTOCOLS:
            script = {"mechanisms": ("SCRAM-SHA-1",), "clear": True}
            script["answers"] = {AUTH[protocol]: [WELCOME[protocol]]}
            with self.subTest(protocol), mail_server(protocol, "none", **script) as server:
                self.assert_tampered(server, protocol)

    def test_refusal_in_place_of_the_proof_is_no_proof(self):
        scram = self.begun()
        scram.final(self.challenge(scram))
        self.assertEqual(scram.verify(b"e=other-error"), b"")
        with self.assertRaises(MailFailure):
            scram.require_proof()

    def test_garbled_proofs(self):
        for proof in (b"", b"v=", b"v=x", b"v=AAAA", b"\xff", b"x=1", b"v=AAAA,e=x", b"=", b",,,"):
            with self.subTest(proof):
                scram = self.begun()
                scram.final(self.challenge(scram))
                with self.assertRaises(MailFailure) as caught:
                    scram.verify(proof)
                self.assertEqual(caught.exception.cause, "connection_tampered")

    def test_garbled_challenges(self):
        nonce = self.nonce(self.begun())
        challenges = (
            "",
            "e=other-error",
            "r=",
            "r=x,s=x,i=x",
            f"r={nonce}x,s={SALT},i=4096",
            "i=4096",
            "\0",
            "ü",
            "r={0}x,s=" + SALT + ",i=1",
            "r={0}x,s=,i=4096",
            "r={0}x,s=" + SALT + ",i=999999999999999999999999",
            "r={0}x,s=" + SALT + ",i=2000001",
            "m=x,r={0}x,s=" + SALT + ",i=4096",
            "r={0}x,s=" + SALT,
            "r={0}x,s=" + SALT + ",i=-5",
        )
        for challenge in (*challenges, b"\xff\xfe"):
            with self.subTest(challenge):
                scram = self.begun()
                if isinstance(challenge, str):
                    challenge = challenge.replace("{0}", self.nonce(scram)).encode()
                with self.assertRaises(MailFailure) as caught:
                    scram.final(challenge)
                self.assertEqual(caught.exception.cause, "auth_mechanism_unsupported")

    def test_bounds_are_ours(self):
        """Whatever the version of scramp: each in what it lets through and what it does not."""
        for rounds, salt, end, answered in (
            (4095, 16, "", False),
            (4096, 16, "", True),
            (10_000, 16, "", True),
            (2_000_000, 16, "", True),
            (2_000_001, 16, "", False),
            (4096, 0, "", False),
            (4096, 7, "", False),
            (4096, 8, "", True),
            (4096, 64, "", True),
            (4096, 16, ",x=more", True),
            (4096, 16, ",x=more,y=ü", True),
            (4096, 16, ",m=x", False),
            (4096, 16, ",x=more,m=x", False),
            (4096, 16, ",i=4096", False),
            (4096, 16, ",s=AAAA", False),
            (4096, 16, ",r=x", False),
            (4096, 16, ",", False),
            (4096, 16, ",more", False),
            (4096, 16, ",x=", False),
            (4096, 16, "\0", False),
            (4096, 16, "\n", False),
            (4096, 16, ",x=" + "y" * 5000, False),
        ):
            with self.subTest(rounds=rounds, salt=salt, end=end[:20]):
                scram = self.begun()
                text = base64.b64encode(bytes(salt)).decode()
                challenge = f"r={self.nonce(scram)}x,s={text},i={rounds}{end}".encode()
                with patch("hashlib.pbkdf2_hmac", return_value=b"x" * 20) as hashed:
                    if answered:
                        self.assertIn(b",p=", scram.final(challenge))
                        self.assertEqual(hashed.call_args.args[3], rounds)
                    else:
                        with self.assertRaises(MailFailure) as caught:
                            scram.final(challenge)
                        self.assertEqual(caught.exception.cause, "auth_mechanism_unsupported")
                        hashed.assert_not_called()

    def test_spellings_of_a_number(self):
        fullwidth = "".join(chr(ord(digit) + 0xFEE0) for digit in "4096")
        for rounds in ("04096", "+4096", "4096.0", "4_096", fullwidth, "4096 ", "0x1000", "", "9" * 400):
            with self.subTest(rounds):
                scram = self.begun()
                with self.assertRaises(MailFailure):
                    scram.final(f"r={self.nonce(scram)}x,s={SALT},i={rounds}".encode())

    def test_nonces(self):
        for change in ("{0}", "{0}x\t", "{0}x y", "x{0}", "{1}x", "{0}\x7f", "{0}ü", ""):
            with self.subTest(change):
                scram = self.begun()
                nonce = self.nonce(scram)
                changed = change.replace("{0}", nonce).replace("{1}", nonce[:-1])
                with self.assertRaises(MailFailure):
                    scram.final(f"r={changed},s={SALT},i=4096".encode())

    def test_another_nonce_each_time(self):
        nonces = {self.nonce(self.begun()) for _time in range(100)}
        self.assertEqual((len(nonces), min(map(len, nonces)) >= 24), (100, True))

    def test_example_of_the_standard(self):
        """RFC 5802 5 and RFC 7677 3."""
        for mechanism, ours, theirs, salt, proof, signature in (
            (
                "SCRAM-SHA-1",
                "fyko+d2lbbFgONRv9qkxdawL",
                "3rfcNHYJY1ZVvWVs7j",
                "QSXCR+Q6sek8bf92",
                b"v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
                b"rmF9pqV8S7suAoZWja4dJRkFsKQ=",
            ),
            (
                "SCRAM-SHA-256",
                "rOprNGfwEbeRWgbNEkqO",
                "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
                "W22ZaJ0SNY7soEsUEjb6gQ==",
                b"dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
                b"6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
            ),
        ):
            with self.subTest(mechanism):
                with patch("secrets.token_hex", return_value=ours):
                    scram = Scram(ENDPOINT, mechanism, Login("user", "pencil"))
                self.assertEqual(scram.first(b""), f"n,,n=user,r={ours}".encode())
                answer = scram.final(f"r={ours}{theirs},s={salt},i=4096".encode())
                self.assertEqual(answer, f"c=biws,r={ours}{theirs},p=".encode() + proof)
                scram.verify(b"v=" + signature)
                self.assertTrue(scram.proved)

    def test_proof_before_anything_was_asked(self):
        scram = self.begun()
        with self.assertRaises(MailFailure):
            scram.verify(b"v=")
        with self.assertRaises(MailFailure):
            scram.verify(b"v=AAAAAAAAAAAAAAAAAAAAAAAAAAA=")

    def test_letters_without_a_form(self):
        for login in (Login(USER, "\u0221"), Login("\U0001f600", PASSWORD)):
            with self.subTest(login), self.assertRaises(MailFailure) as caught:
                Scram(ENDPOINT, "SCRAM-SHA-1", login)
            self.assertEqual(caught.exception.cause, "login_not_ascii")
            self.assertNotIn(login.password, str(caught.exception))

    def begun(self):
        scram = Scram(ENDPOINT, "SCRAM-SHA-1", LOGIN)
        scram.begun = scram.first(b"").decode()
        return scram

    @staticmethod
    def nonce(scram):
        return scram.begun.rpartition("r=")[2]

    def challenge(self, scram):
        return f"r={self.nonce(scram)}x,s={SALT},i=4096".encode()


class TestDovecot(MailCase):
    USER = "jane@example.org"
    PASSWORD = "Pässwörd, = 日本"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.host = MailHost(
            {cls.USER: cls.PASSWORD},
            authority=authority(),
            mechanisms=("scram-sha-1", "scram-sha-256", "plain"),
        ).start()
        cls.addClassCleanup(cls.host.stop)

    def connect(self, protocol, mechanism, password):
        """Log in by that mechanism; not encrypted, which Dovecot allows on 127.0.0.1."""
        port = self.host.ports[{"smtp": "submission"}.get(protocol, protocol)]
        told = {}
        with patch("odoo.addons.email_account.mailclient.sasl._PREFERENCE", (mechanism,)):
            connector = connect_smtp if protocol == "smtp" else connect_mailbox
            connector(
                Endpoint(protocol, HOST, port, "none"),
                Login(self.USER, password),
                resolve=lambda *_name: [("127.0.0.1", port)],
                timeouts=Timeouts(5, 5),
                on_stage=told.__setitem__,
            ).close()
        return told["login"]

    def test_right_password(self):
        for protocol in PROTOCOLS:
            for mechanism in ("SCRAM-SHA-1", "SCRAM-SHA-256"):
                with self.subTest(protocol, mechanism=mechanism):
                    self.assertEqual(self.connect(protocol, mechanism, self.PASSWORD), mechanism)

    def test_wrong_password(self):
        for protocol in PROTOCOLS:
            for mechanism in ("SCRAM-SHA-1", "SCRAM-SHA-256"):
                with self.subTest(protocol, mechanism=mechanism), self.assertRaises(MailFailure) as caught:
                    self.connect(protocol, mechanism, "wröng")
                problem = caught.exception
                self.assertEqual(
                    (problem.stage, problem.cause, problem.refused),
                    ("login", "wrong_password", True),
                    problem,
                )
