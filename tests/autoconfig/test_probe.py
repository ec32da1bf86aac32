"""Speaking to mail servers: good ones, bad ones, hostile ones."""

import contextlib
import ssl
import time
import unittest

from odoo.addons.email_account.autoconfig import Guard, NetworkError, Server
from odoo.addons.email_account.autoconfig.net.stream import Stream

from ..hosts import CertificateAuthority
from ..hosts.dead_ends import BlackHole, SilentPort
from ..hosts.mail_port import FAULTS, MailPort
from ..hosts.ports import free_ports
from ..mailclient.chains import CommonNames
from .hosts import LoopbackNetwork

AUTHORITY = CertificateAuthority()
HOST = "mail.acme.example"
PORTS = {
    ("imap", "tls"): 993,
    ("imap", "starttls"): 143,
    ("pop3", "tls"): 995,
    ("pop3", "starttls"): 110,
    ("smtp", "tls"): 465,
    ("smtp", "starttls"): 587,
}


def endpoint(protocol, security, port=None):
    port = port or PORTS[protocol, "tls" if security == "tls" else "starttls"]
    return Server(protocol, HOST, port, security)


class TestProbe(unittest.IsolatedAsyncioTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        stack = contextlib.ExitStack()
        cls.addClassCleanup(stack.close)
        cls.hole, cls.silent = stack.enter_context(BlackHole()), stack.enter_context(SilentPort())

    async def probe(self, server, port, timeout=2.0, **options):
        options = {"ssl_context": AUTHORITY.client_context(), "probe_timeout": timeout} | options
        network = LoopbackNetwork({HOST: port}, real_mail=True, **options)
        return await network.probe(server)

    async def refuse(self, server, port, result, words, **options):
        started = time.monotonic()
        with self.assertRaises(NetworkError) as caught:
            await self.probe(server, port, **options)
        self.assertEqual(
            (caught.exception.result, words in str(caught.exception)), (result, True), caught.exception
        )
        self.assertTrue(str(caught.exception).startswith(HOST), caught.exception)
        self.assertLess(time.monotonic() - started, 10)

    async def test_name_in_the_subject_does_not_count(self):
        """RFC 9525; by the context that discovery makes itself."""
        options = {"ssl_context": None, "authorities": [AUTHORITY.pem.decode()]}
        for protocol, security in PORTS:
            with (
                self.subTest(protocol=protocol, security=security),
                MailPort(protocol, security, AUTHORITY, names=(HOST,)) as host,
            ):
                server = endpoint(protocol, security)
                self.assertEqual((await self.probe(server, host.port, **options)).security, security)
                host.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                CommonNames(AUTHORITY.root).issue_cert(HOST).configure_cert(host.context)
                await self.refuse(server, host.port, "refused", "no valid certificate", **options)

    async def test_each_protocol_and_security(self):
        for protocol, security in PORTS:
            for early in (False, True):
                with (
                    self.subTest(protocol=protocol, security=security, early=early),
                    MailPort(protocol, security, AUTHORITY, early_capabilities=early) as host,
                ):
                    found = await self.probe(endpoint(protocol, security), host.port)
                    self.assertEqual((found.host, found.security), (HOST, security))
                    self.assertEqual(found.authentication, ("password-cleartext",))
                    self.assertEqual(host.logins, [])

    async def test_mechanisms(self):
        offered = ("CRAM-MD5", "XOAUTH2", "PLAIN", "GSSAPI", "NTLM", "X-OTHER")
        expected = ("password-cleartext", "password-encrypted", "NTLM", "GSSAPI", "OAuth2")
        for protocol in ("imap", "pop3", "smtp"):
            with (
                self.subTest(protocol),
                MailPort(protocol, "tls", AUTHORITY, authentication=offered) as host,
            ):
                self.assertEqual(
                    (await self.probe(endpoint(protocol, "tls"), host.port)).authentication, expected
                )

    async def test_without_encryption(self):
        for protocol in ("imap", "pop3", "smtp"):
            with self.subTest(protocol), MailPort(protocol, "none", AUTHORITY) as host:
                self.assertEqual((await self.probe(endpoint(protocol, "none"), host.port)).security, "none")
                await self.refuse(
                    endpoint(protocol, "starttls"), host.port, "invalid", "does not offer STARTTLS"
                )

    async def test_encrypts_where_it_can(self):
        for protocol in ("imap", "pop3", "smtp"):
            with self.subTest(protocol), MailPort(protocol, "starttls", AUTHORITY) as host:
                self.assertEqual(
                    (await self.probe(endpoint(protocol, "none"), host.port)).security, "starttls"
                )
            with self.subTest(protocol), MailPort(protocol, "starttls", AUTHORITY, kind="expired") as host:
                self.assertEqual((await self.probe(endpoint(protocol, "none"), host.port)).security, "none")

    async def test_bad_certificates(self):
        for kind in ("expired", "not_yet_valid", "wrong_name", "unknown_issuer"):
            for protocol, security in PORTS:
                with (
                    self.subTest(kind=kind, protocol=protocol, security=security),
                    MailPort(protocol, security, AUTHORITY, kind=kind) as host,
                ):
                    await self.refuse(
                        endpoint(protocol, security), host.port, "refused", "no valid certificate"
                    )

    async def test_authorities_beside_the_systems(self):
        options = {"ssl_context": None, "authorities": [AUTHORITY.pem.decode()]}
        for protocol, security in PORTS:
            with (
                self.subTest(protocol=protocol, security=security),
                MailPort(protocol, security, AUTHORITY) as host,
            ):
                server = endpoint(protocol, security)
                await self.refuse(server, host.port, "refused", "no valid certificate", ssl_context=None)
                self.assertEqual((await self.probe(server, host.port, **options)).security, security)

    async def test_faults(self):
        expected = {
            "silence": ("no_answer", "no answer within"),
            "silence_after_greeting": ("no_answer", "no answer within"),
            "close": ("no_answer", ""),
            "drip": ("no_answer", "no answer within"),
            "garbage": ("invalid", "does not speak"),
            "endless_line": ("invalid", "overlong"),
            "endless_capabilities": ("invalid", ""),
            "starttls_refused": (None, ""),
            "injection": ("refused", "unencrypted data"),
            "tls_instead": (None, ""),
        }
        self.assertEqual(set(expected), set(FAULTS))
        for fault, (result, words) in expected.items():
            for protocol, security in PORTS:
                if security == "tls" and fault in ("starttls_refused", "injection", "tls_instead"):
                    continue
                with (
                    self.subTest(fault=fault, protocol=protocol, security=security),
                    MailPort(protocol, security, AUTHORITY, fault=fault) as host,
                    self.assertRaises(NetworkError) as caught,
                ):
                    await self.probe(endpoint(protocol, security), host.port, timeout=0.3)
                self.assertIn(words, str(caught.exception))
                self.assertIn(caught.exception.result, (result,) if result else ("no_answer", "invalid"))

    async def test_protocols_are_told_apart(self):
        for spoken, expected in (("imap", "smtp"), ("smtp", "pop3"), ("pop3", "imap")):
            with self.subTest(expected), MailPort(spoken, "tls", AUTHORITY) as host:
                await self.refuse(endpoint(expected, "tls"), host.port, "invalid", "does not speak")

    async def test_plain_on_the_tls_port(self):
        with MailPort("imap", "none", AUTHORITY) as host:
            await self.refuse(endpoint("imap", "tls"), host.port, "no_answer", "no TLS connection")

    async def test_dead_ends(self):
        for port in (self.silent.port, self.hole.port):
            await self.refuse(endpoint("imap", "tls"), port, "no_answer", "within 0.2 s", timeout=0.2)
        await self.refuse(
            endpoint("imap", "tls"), free_ports(["closed"])["closed"], "no_answer", "refuses connections"
        )

    async def test_guard(self):
        with MailPort("imap", "tls", AUTHORITY) as host:
            network = LoopbackNetwork({HOST: host.port}, real_mail=True)
            network.resolve = lambda name: network.guard.check("10.0.0.1", name)
            network.guard = Guard()
            with self.assertRaises(NetworkError) as caught:
                await network.probe(endpoint("imap", "tls"))
            self.assertEqual(caught.exception.result, "refused")
            await self.refuse(endpoint("imap", "tls", 22), host.port, "refused", "not a port of mail servers")
            self.assertEqual(host.connections, 0)

    async def test_port_25_of_a_mail_exchanger_is_none_to_log_in_to(self):
        with MailPort("smtp", "starttls", AUTHORITY, authentication=()) as host:
            await self.refuse(
                endpoint("smtp", "starttls", 25), host.port, "invalid", "from other servers only"
            )
        with MailPort("smtp", "starttls", AUTHORITY) as host:
            self.assertEqual((await self.probe(endpoint("smtp", "starttls", 25), host.port)).port, 25)

    async def test_the_next_address_is_tried(self):
        with MailPort("imap", "none", AUTHORITY) as host:
            for first in (("127.0.0.1", 1), ("127.0.0.1", self.hole.port), ("::1", 1)):
                with self.subTest(first):
                    stream = await Stream.connect([first, ("127.0.0.1", host.port)], HOST)
                    self.assertTrue((await stream.line()).startswith("* OK"))
                    stream.close()
