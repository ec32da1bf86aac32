"""Authorities beside the system's, and one certificate accepted by hand."""

import os
import ssl
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest.mock import patch

import trustme

from odoo.addons.email_account.mailclient import Trust, client_context
from odoo.addons.email_account.mailclient.tls import unverified_context

from .common import PROTOCOLS, MailCase, authority, connect, failure, intermediate, mail_server
from .fault_server import HOST

MODES = ("tls", "starttls")
WRONG = Trust(fingerprint="0" * 64)


class TestPinned(MailCase):
    def shown(self, kind):
        with mail_server("imap", "tls", kind) as server:
            return failure(server, "imap", host="another.example.org").certificate

    def test_right_one_logs_in(self):
        for kind in ("wrong_name", "common_name", "self_signed", "unknown_issuer", "incomplete_chain"):
            trust = Trust(fingerprint=self.shown(kind).fingerprint)
            for protocol in PROTOCOLS:
                for mode in MODES:
                    with (
                        self.subTest(kind=kind, protocol=protocol, mode=mode),
                        mail_server(protocol, mode, kind) as server,
                    ):
                        client = connect(server, protocol, mode, trust=trust)
                        self.assertTrue(server.saw_secret())
                        self.assertTrue(client.certificate.pinned)
                        self.assertEqual(client.certificate.fingerprint, trust.fingerprint)
                        self.assertEqual(server.connections, 1)
                        client.close()

    def test_another_one_sees_nothing(self):
        for protocol in PROTOCOLS:
            for mode in MODES:
                with self.subTest(protocol=protocol, mode=mode), mail_server(protocol, mode) as server:
                    problem = failure(server, protocol, mode, trust=WRONG)
                    self.assertEqual((problem.stage, problem.cause), ("tls", "certificate_changed"))
                    self.assertIn(HOST, problem.certificate.names)
                    self.assertIn(problem.certificate.fingerprint, problem.raw)
                    self.assertEqual(server.connections, 1)
                    self.assert_no_login(server)
                    if mode == "tls":
                        self.assertEqual(server.seen, b"")

    def test_its_days_count(self):
        for kind in ("expired", "not_yet_valid"):
            trust = Trust(fingerprint=self.shown(kind).fingerprint)
            for protocol in PROTOCOLS:
                with self.subTest(kind, protocol=protocol), mail_server(protocol, "tls", kind) as server:
                    problem = failure(server, protocol, trust=trust)
                    self.assertEqual((problem.stage, problem.cause), ("tls", f"certificate_{kind}"))
                    self.assertEqual(problem.certificate.fingerprint, trust.fingerprint)
                    self.assertEqual(server.seen, b"")

    def test_old_tls_is_refused_all_the_same(self):
        with mail_server("imap", "tls", "old_tls") as server:
            self.assertEqual(failure(server, "imap", trust=WRONG).cause, "tls_version")

    def test_a_fingerprint_that_is_none(self):
        for text in ("AB" * 32, "ab:" * 31 + "ab", "ab", " " + "0" * 64):
            with self.subTest(text), self.assertRaises(ValueError):
                Trust(fingerprint=text)


class TestAuthorities(MailCase):
    def test_added_one_is_trusted(self):
        own = trustme.CA()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        own.issue_cert(HOST).configure_cert(context)
        trust = Trust(authorities=(trustme.CA().cert_pem.bytes().decode(), own.cert_pem.bytes().decode()))
        for protocol in PROTOCOLS:
            for mode in MODES:
                with self.subTest(protocol=protocol, mode=mode), mail_server(protocol, mode) as server:
                    server.context = context
                    self.assertEqual(failure(server, protocol, mode).cause, "certificate_unknown_issuer")
                    connect(server, protocol, mode, trust=trust).close()
                    problem = failure(server, protocol, mode, trust=trust, host="other.example.org")
                    self.assertEqual(problem.cause, "certificate_name_mismatch")

    def test_intermediate_one_completes_the_chain(self):
        trust = Trust(authorities=(intermediate().cert_pem.bytes().decode(),))
        with mail_server("imap", "tls", "incomplete_chain") as server:
            connect(server, "imap", trust=trust).close()

    def test_the_system_is_trusted_still(self):
        trust = Trust(authorities=(trustme.CA().cert_pem.bytes().decode(),))
        with mail_server("imap") as server:
            connect(server, "imap", trust=trust).close()

    def test_what_is_no_certificate_is_typed(self):
        for text in ("", "hello", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
            with self.subTest(text), mail_server("imap") as server:
                self.assertEqual(failure(server, "imap", trust=Trust((text,))).stage, "tls")
                self.assertEqual(server.seen, b"")


class TestContexts(MailCase):
    def test_they_are_strict(self):
        for context in (client_context(), client_context(Trust((authority().pem.decode(),)))):
            self.assertTrue(context.check_hostname)
            self.assertFalse(context.hostname_checks_common_name)
            self.assertEqual(context.verify_mode, ssl.CERT_REQUIRED)
            self.assertGreaterEqual(context.minimum_version, ssl.TLSVersion.TLSv1_2)
        self.assertGreaterEqual(client_context(WRONG).minimum_version, ssl.TLSVersion.TLSv1_2)
        self.assertGreaterEqual(unverified_context().minimum_version, ssl.TLSVersion.TLSv1_2)

    def test_many_at_once_share_one(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "trusted.pem")
            path.write_bytes(authority().pem)
            together, made = threading.Barrier(50), []
            create = ssl.create_default_context

            def one(_number):
                together.wait(10)
                return client_context()

            with (
                patch.dict(os.environ, SSL_CERT_FILE=str(path)),
                patch("ssl.create_default_context", lambda: made.append(1) or create()),
                ThreadPoolExecutor(50) as pool,
            ):
                contexts = set(pool.map(one, range(50)))
            self.assertEqual((len(contexts), len(made)), (1, 1))

    def test_a_changed_trust_store_is_read_again(self):
        with tempfile.TemporaryDirectory() as folder, mail_server("imap") as server:
            path = Path(folder, "trusted.pem")
            path.write_bytes(trustme.CA().cert_pem.bytes())
            os.utime(path, (1, 1))
            with patch.dict(os.environ, SSL_CERT_FILE=str(path)):
                self.assertEqual(failure(server, "imap").cause, "certificate_unknown_issuer")
                path.write_bytes(authority().pem)
                connect(server, "imap").close()

    def test_few_are_kept(self):
        ours = client_context()
        pems = [trustme.CA().cert_pem.bytes().decode() for _number in range(20)]
        contexts = [client_context(Trust((pem,))) for pem in pems]
        self.assertEqual(len(set(contexts)), 20)
        self.assertIs(client_context(Trust((pems[-1],))), contexts[-1])
        self.assertIsNot(client_context(Trust((pems[0],))), contexts[0])
        self.assertIsNot(client_context(), ours)
