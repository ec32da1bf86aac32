"""STARTTLS, wrong ports, time-outs: what is refused before a password is sent."""

import socket
import time
import unittest

from odoo.addons.email_account.mailclient import Endpoint, Login, Timeouts, connect_smtp

from .common import FAST, LOGIN, PROTOCOLS, MailCase, connect, failure, mail_server
from .fault_server import PASSWORD, SCRIPTS, USER, FaultServer, silence

GREETINGS = {"smtp": "220 ready", "imap": "* OK ready", "pop3": "+OK ready"}


class TestStartTls(MailCase):
    def test_stripped(self):
        for protocol in PROTOCOLS:
            with self.subTest(protocol), mail_server(protocol, "none", clear=True) as server:
                problem = failure(server, protocol, "starttls")
                self.assertEqual((problem.stage, problem.cause), ("tls", "starttls_required"))
                self.assertEqual(problem.field, "security")
                self.assert_no_login(server)

    def test_refused(self):
        refusals = {"smtp": "454 4.7.0 TLS not available", "imap": "NO not now", "pop3": "-ERR not now"}
        for protocol, refusal in refusals.items():
            with (
                self.subTest(protocol),
                mail_server(protocol, "starttls", starttls=refusal, clear=True) as server,
            ):
                problem = failure(server, protocol, "starttls")
                self.assertEqual((problem.stage, problem.raw), ("tls", refusal))
                self.assert_no_login(server)

    def test_injected_answer(self):
        """CVE-2011-0411's twin on the client: the answer to a command that TLS was to protect."""
        injected = {
            "smtp": b"250-mail.example.org\r\n250 AUTH PLAIN\r\n",
            "imap": b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n",
            "pop3": b"+OK\r\nUSER\r\n.\r\n",
        }
        for protocol, inject in injected.items():
            with self.subTest(protocol), mail_server(protocol, "starttls", inject=inject) as server:
                problem = failure(server, protocol, "starttls")
                self.assertEqual((problem.stage, problem.cause), ("tls", "connection_tampered"))
                self.assert_no_login(server)

    def test_capabilities_from_before_are_forgotten(self):
        with mail_server("smtp", "starttls", mechanisms=("LOGIN",)) as server:
            client = connect(server, "smtp", "starttls")
            self.assertNotIn("STARTTLS", client.capabilities)
            self.assertIn("AUTH LOGIN", client.capabilities)
            client.quit()

    def test_preauth_greeting(self):
        with mail_server("imap", "starttls", greeting="* PREAUTH welcome") as server:
            problem = failure(server, "imap", "starttls")
            self.assertEqual((problem.stage, problem.cause), ("tls", "connection_tampered"))


class TestWrongPort(MailCase):
    def test_tls_on_a_plain_port(self):
        for protocol in PROTOCOLS:
            with self.subTest(protocol), mail_server(protocol, "starttls") as server:
                problem = failure(server, protocol, "tls")
                self.assertEqual((problem.stage, problem.cause), ("tls", "tls_on_plain_port"))
                self.assertEqual(problem.field, "security")

    def test_plain_on_a_tls_port(self):
        for protocol in PROTOCOLS:
            for mode in ("starttls", "none"):
                with self.subTest(protocol, mode=mode), mail_server(protocol, "tls") as server:
                    problem = failure(server, protocol, mode)
                    self.assertEqual((problem.stage, problem.cause), ("connect", "plain_on_tls_port"))
                    self.assert_no_login(server)

    def test_another_protocol(self):
        for protocol in PROTOCOLS:
            for other in PROTOCOLS:
                if other != protocol:
                    with self.subTest(protocol, other=other), mail_server(other, "none") as server:
                        problem = failure(server, protocol, "none")
                        self.assertEqual(
                            (problem.stage, problem.cause), ("connect", "wrong_protocol"), problem
                        )
                        self.assertIn(GREETINGS[other], problem.raw)


class TestWaiting(MailCase):
    def test_silence(self):
        for protocol in PROTOCOLS:
            for security in ("tls", "starttls", "none"):
                with self.subTest(protocol, security=security), FaultServer(silence) as server:
                    started = time.monotonic()
                    problem = failure(server, protocol, security)
                    self.assertLess(time.monotonic() - started, 1.5)
                    self.assertEqual(problem.cause, "timeout")
                    self.assertEqual(problem.stage, "tls" if security == "tls" else "connect")

    def test_silence_at_the_login(self):
        for protocol, verb in (("smtp", "AUTH"), ("imap", "AUTHENTICATE"), ("pop3", "AUTH")):
            script = SCRIPTS[protocol](clear=True, answers={verb: []})
            with self.subTest(protocol), FaultServer(script) as server:
                problem = failure(server, protocol, "none", safe_logon=False)
                self.assertEqual((problem.stage, problem.cause), ("login", "timeout"))

    def test_dripping_server_is_not_waited_for(self):
        def drip(talk):
            for _byte in range(30):
                talk.send(b"2")
                time.sleep(0.1)

        with FaultServer(drip) as server:
            started = time.monotonic()
            self.assertEqual(failure(server, "smtp", "none").cause, "timeout")
            self.assertLess(time.monotonic() - started, 1)

    def test_endless_answers_end_with_the_total(self):
        def chatter(talk):
            while True:
                talk.send("* OK still here")
                time.sleep(0.05)

        with FaultServer(chatter) as server:
            started = time.monotonic()
            problem = failure(server, "imap", "none", timeouts=Timeouts(1, 0.3, total=0.6))
            self.assertEqual(problem.cause, "timeout")
            self.assertLess(time.monotonic() - started, 1.2)

    def test_closed_connection(self):
        for protocol in PROTOCOLS:
            for security in ("tls", "none"):
                with self.subTest(protocol, security=security), FaultServer(lambda _talk: None) as server:
                    self.assertEqual(failure(server, protocol, security).cause, "connection_closed")

    def test_refused(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        endpoint = Endpoint("smtp", "mail.example.org", port, "tls")
        with self.assertRaises(Exception) as caught:
            connect_smtp(endpoint, LOGIN, resolve=lambda *_name: [("127.0.0.1", port)], timeouts=FAST)
        self.assertEqual((caught.exception.stage, caught.exception.cause), ("connect", "connection_refused"))

    def test_next_address_when_one_is_dead(self):
        with mail_server("pop3") as server, socket.create_server(("127.0.0.1", 0)) as listener:
            dead = listener.getsockname()
            listener.close()
            connect(server, "pop3", resolve=lambda *name: [dead, *server.resolve(*name)]).close()

    def test_names(self):
        def no_such_name(*_name):
            raise socket.gaierror(-2, "Name or service not known")

        with FaultServer(silence) as server:
            for resolve, host in (
                (no_such_name, "a.example"),
                (lambda *_name: [], "a.example"),
                (None, "a..example"),
                (None, " "),
            ):
                problem = failure(server, "imap", host=host, resolve=resolve)
                self.assertEqual((problem.stage, problem.cause), ("resolve", "no_such_host"), problem)
            self.assertEqual(server.connections, 0)

    def test_whatever_a_resolver_raises_is_typed(self):
        class Refused(Exception):
            """Not an OSError."""

        def refuse(*_name):
            raise Refused("not an address on the public internet")

        with FaultServer(silence) as server:
            problem = failure(server, "imap", resolve=refuse)
        self.assertEqual((problem.stage, problem.cause), ("resolve", "address_blocked"))


class TestValues(unittest.TestCase):
    def test_endpoint_refuses_what_it_does_not_know(self):
        for protocol, security in (("jmap", "tls"), ("imap", "ssl")):
            with self.assertRaises(ValueError):
                Endpoint(protocol, "mail.example.org", 993, security)

    def test_login_shows_no_password(self):
        self.assertNotIn(PASSWORD, repr(Login(USER, PASSWORD)))
