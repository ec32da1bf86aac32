"""Every protocol, both TLS modes, every state of a certificate: what is refused, and what is told of it."""

import socket
import ssl
import warnings
from datetime import datetime, timezone

from odoo.addons.email_account.mailclient import Endpoint, Timeouts, Trust

from .chains import unreadable
from .common import PROTOCOLS, MailCase, authority, connect, failure, intermediate, mail_server
from .fault_server import HOST

MODES = ("tls", "starttls")
BAD_CERTIFICATES = {
    "expired": "certificate_expired",
    "not_yet_valid": "certificate_not_yet_valid",
    "wrong_name": "certificate_name_mismatch",
    "common_name": "certificate_name_mismatch",
    "common_name_email": "certificate_name_mismatch",
    "self_signed": "certificate_self_signed",
    "unknown_issuer": "certificate_unknown_issuer",
    "incomplete_chain": "certificate_unknown_issuer",
}
NAMES = {"wrong_name": ("other.example",), "self_signed": (), "common_name": (), "common_name_email": ()}


class TestCertificates(MailCase):
    def test_good_one_logs_in(self):
        for protocol in PROTOCOLS:
            for mode in MODES:
                with self.subTest(protocol=protocol, mode=mode), mail_server(protocol, mode) as server:
                    client = connect(server, protocol, mode)
                    self.assertTrue(server.saw_secret())
                    self.assertEqual(server.connections, 1)
                    self.assertIn("mail.example.org", client.certificate.names)
                    self.assertRegex(client.certificate.version, r"TLSv1\.[23]")
                    self.assertLess(client.certificate.not_before, datetime.now(timezone.utc))
                    self.assertGreater(client.certificate.not_after, datetime.now(timezone.utc))
                    self.assertGreater(client.certificate.days_left, 0)
                    self.assertRegex(client.certificate.fingerprint, r"^[0-9a-f]{64}$")
                    self.assertFalse(client.certificate.self_signed)
                    self.assertFalse(client.certificate.pinned)
                    client.close()

    def test_bad_ones_never_see_a_login(self):
        for kind, cause in BAD_CERTIFICATES.items():
            for protocol in PROTOCOLS:
                for mode in MODES:
                    with (
                        self.subTest(kind=kind, protocol=protocol, mode=mode),
                        mail_server(protocol, mode, kind) as server,
                    ):
                        problem = failure(server, protocol, mode)
                        self.assertEqual((problem.stage, problem.cause), ("tls", cause), problem)
                        self.assertEqual(problem.port, server.port)
                        self.assertFalse(problem.refused)
                        self.assert_no_login(server)
                        self.assertEqual(server.connections, 2)
                        shown = problem.certificate
                        self.assertEqual(shown.names, NAMES.get(kind, (HOST, "127.0.0.1")))
                        self.assertTrue(shown.issuer)
                        self.assertEqual(shown.self_signed, kind == "self_signed")
                        self.assertEqual(shown.has_issuer_url, kind == "incomplete_chain")
                        self.assertEqual(shown.days_left < 0, kind == "expired")
                        self.assertFalse(shown.pinned)

    def test_name_in_the_subject_does_not_count(self):
        """Nor where an authority of one's own is trusted, whose certificates may lack other things."""
        trust = Trust((authority().pem.decode(),))
        for kind in ("common_name", "common_name_email"):
            for protocol in PROTOCOLS:
                with self.subTest(kind, protocol=protocol), mail_server(protocol, "tls", kind) as server:
                    problem = failure(server, protocol, trust=trust)
                    self.assertEqual(problem.cause, "certificate_name_mismatch")
                    self.assertEqual(problem.certificate.subject, HOST)
                    self.assert_no_login(server)

    def test_old_tls_never_sees_a_login(self):
        for protocol in PROTOCOLS:
            for mode in MODES:
                with self.subTest(protocol, mode=mode), mail_server(protocol, mode, "old_tls") as server:
                    problem = failure(server, protocol, mode)
                    self.assertEqual((problem.stage, problem.cause), ("tls", "tls_version"), problem)
                    self.assertEqual((problem.certificate, server.connections), (None, 1))
                    self.assert_no_login(server)

    def test_the_old_server_would_have_talked(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=authority().pem.decode())
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = ssl.TLSVersion.TLSv1
        with mail_server("imap", "tls", "old_tls") as server:
            plain = socket.create_connection(("127.0.0.1", server.port), 2)
            with context.wrap_socket(plain, server_hostname=HOST) as sock:
                self.assertEqual(sock.version(), "TLSv1")

    def test_name_of_the_settings_counts_not_the_address(self):
        with mail_server("imap") as server:
            problem = failure(server, "imap", host="other.example.org")
            self.assertEqual(problem.cause, "certificate_name_mismatch")
            self.assertIn("other.example.org:", str(problem))

    def test_internationalized_name_is_asked_for_as_a_label(self):
        asked = []
        endpoint = Endpoint("imap", " Bücher.example. ", 993, "tls")
        self.assertEqual(endpoint.ascii_host, "xn--bcher-kva.example")
        with mail_server("smtp") as server:
            problem = failure(
                server,
                "smtp",
                host="Bücher.example",
                resolve=lambda *name: asked.append(name) or server.resolve(*name),
            )
        self.assertEqual(asked, [("xn--bcher-kva.example", server.port)])
        self.assertEqual(problem.cause, "certificate_name_mismatch")
        self.assertIn(HOST, problem.certificate.names)


class TestLook(MailCase):
    """The second connection, for a look at a certificate that was refused."""

    def test_another_look_that_fails_hides_nothing(self):
        for protocol in PROTOCOLS:
            for mode in MODES:
                with self.subTest(protocol, mode=mode), mail_server(protocol, mode, "wrong_name") as server:
                    server.context = _Once(server.context)
                    problem = failure(server, protocol, mode)
                    self.assertEqual(problem.cause, "certificate_name_mismatch")
                    self.assertIsNone(problem.certificate)
                    self.assertEqual(server.connections, 2)

    def test_certificate_that_cannot_be_read(self):
        context = unreadable(intermediate())
        for mode in MODES:
            with self.subTest(mode), mail_server("imap", mode) as server:
                server.context = context
                problem = failure(server, "imap", mode)
                self.assertEqual((problem.stage, problem.cause), ("tls", "certificate_unknown_issuer"))
                self.assertIsNone(problem.certificate)
                problem = failure(server, "imap", mode, trust=Trust(fingerprint="0" * 64))
                self.assertEqual(problem.stage, "tls")
                self.assert_no_login(server)

    def test_it_ends_with_the_total(self):
        with mail_server("imap", "tls", "wrong_name") as server:
            server.context = _Once(server.context, hang=True)
            problem = failure(server, "imap", timeouts=Timeouts(1, 30, total=0.5))
            self.assertEqual(problem.cause, "certificate_name_mismatch")
            self.assertIsNone(problem.certificate)

    def test_nothing_is_said_after_the_handshake(self):
        with mail_server("smtp", "starttls", "wrong_name") as server:
            failure(server, "smtp", "starttls")
            self.assertTrue(server.seen.endswith(b"STARTTLS\r\n"), server.seen)
            self.assertEqual(server.seen.count(b"STARTTLS"), 2)


class _Once:
    """A server's context that works for one connection."""

    def __init__(self, context, hang=False):
        self._context, self._hang, self._used = context, hang, False

    def wrap_socket(self, sock, **options):
        if self._used:
            while self._hang and sock.recv(4096):
                pass
            raise ConnectionError("once")
        self._used = True
        return self._context.wrap_socket(sock, **options)
