"""A small internet on loopback: a name server, a web host of all names, a mail server on each usual port."""

import asyncio
import contextlib
import unittest

from odoo.addons.email_account.autoconfig import (
    Address,
    Guard,
    Provider,
    Server,
    default_sources,
    discover,
)

from ..hosts import CertificateAuthority, DnsHost, WebHost
from ..hosts.mail_port import MailPort
from ..hosts.network import ANY, PlacedNetwork
from ..hosts.ports import free_ports

LIVE = "127.0.0.1"  # all services
CLEAR = "127.0.0.2"  # mail without encryption, on the ports of STARTTLS
STARTTLS = "127.0.0.3"  # mail by STARTTLS alone
BAD = "127.0.0.4"  # mail with a certificate for another name
DEAD = "127.0.0.9"  # refuses all connections
SILENT = "127.0.0.10"  # takes connections and says nothing

TLS_PORTS = {"imap": 993, "pop3": 995, "smtp": 465}
STARTTLS_PORTS = {"imap": 143, "pop3": 110, "smtp": 587}

MICROSOFT_365 = Provider(
    "m365",
    "Microsoft 365",
    frozenset(),
    ("mail.protection.outlook.com",),
    (
        Server("imap", "outlook.office365.com", 993, "tls", "%EMAILADDRESS%", ("OAuth2",)),
        Server("smtp", "smtp.office365.com", 587, "starttls", "%EMAILADDRESS%", ("OAuth2",)),
    ),
    mx_decides=True,
)
HOSTER = Provider(
    "hoster",
    "Hoster",
    frozenset({"hoster.example"}),
    ("mx.hoster.example",),
    (
        Server("imap", "imap.hoster.example", 993, "tls", "%EMAILADDRESS%", ("password-cleartext",)),
        Server("smtp", "smtp.hoster.example", 465, "tls", "%EMAILADDRESS%", ("password-cleartext",)),
    ),
)
SERVICES = f"""
autoconfig.thunderbird.net. A {LIVE}
live.thunderbird.net. A {LIVE}
login.microsoftonline.com. A {LIVE}
outlook.office365.com. A {LIVE}
smtp.office365.com. A {LIVE}
imap.hoster.example. A {LIVE}
smtp.hoster.example. A {LIVE}
"""


class WorldCase(unittest.IsolatedAsyncioTestCase):
    """Runs a test class in such a world; no test may send a name or a password."""

    providers = (MICROSOFT_365, HOSTER)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        stack = contextlib.ExitStack()
        cls.addClassCleanup(stack.close)
        cls.authority = CertificateAuthority()
        cls.dns = stack.enter_context(DnsHost())
        cls.web = stack.enter_context(WebHost(cls.authority))
        closed = free_ports(["closed"])["closed"]
        cls.places = {(DEAD, ANY): closed, (LIVE, ANY): closed, (BAD, ANY): closed}
        cls.places |= {(CLEAR, ANY): closed, (STARTTLS, ANY): closed}
        for ip in (LIVE, CLEAR, STARTTLS, BAD):
            cls.places |= {(ip, 443): cls.web.port, (ip, 80): cls.web.http_port}
        cls.mail_ports = []

        def mail(ip, port, *args, **kwargs):
            host = stack.enter_context(MailPort(*args, cls.authority, **kwargs))
            cls.mail_ports.append(host)
            cls.places[ip, port] = host.port

        for protocol, port in TLS_PORTS.items():
            mail(LIVE, port, protocol, "tls")
            mail(BAD, port, protocol, "tls", kind="wrong_name")
        for protocol, port in STARTTLS_PORTS.items():
            mail(LIVE, port, protocol, "starttls")
            mail(STARTTLS, port, protocol, "starttls")
            mail(CLEAR, port, protocol, "none")

    def setUp(self):
        super().setUp()
        self.dns.clear()
        self.web.clear()
        self.dns.zone(SERVICES)

    def tearDown(self):
        self.assertEqual([login for port in self.mail_ports for login in port.logins], [])
        super().tearDown()

    def get_network(self, **options):
        options = {"guard": Guard(["*"]), "ssl_context": self.authority.client_context()} | options
        return PlacedNetwork(self.dns.nameserver, self.places, **options)

    async def discover(self, address="jane@acme.example", network=None, **options):
        at_start = asyncio.all_tasks()
        discovery = await discover(
            Address.parse(address),
            sources=default_sources(self.providers),
            network=network or self.get_network(),
            **options,
        )
        self.assertEqual(asyncio.all_tasks() - at_start, set(), "a task is left behind")
        self.steps = {step.source: step for step in discovery.steps}
        return discovery

    def assertFound(self, discovery, source, incoming="", outgoing="", doubt=""):
        """The best servers are these, as ``host:port security``."""
        self.assertIsNotNone(discovery.settings, discovery.steps)
        found = [
            " ".join((f"{server.host}:{server.port}", server.security))
            for servers in (discovery.settings.incoming, discovery.settings.outgoing)
            for server in servers[:1]
        ]
        self.assertEqual(
            (discovery.settings.source, found, discovery.settings.doubt),
            (source, list(filter(None, [incoming, outgoing])), doubt),
            discovery.steps,
        )

    def assertNotFound(self, discovery):
        self.assertIsNone(discovery.settings, discovery.steps)
