import contextlib
import os
import tempfile
from pathlib import Path
from unittest.mock import patch

from odoo.tests import TransactionCase

from ..autoconfig import Guard, port_ranges
from .hosts import CertificateAuthority, DkimKey, DnsHost, MailHost, WebHost
from .hosts.network import HostsNetwork

DOMAIN = "acme.example"
ADDRESS = f"jane@{DOMAIN}"
PASSWORD = "correct horse"
ANY_PORT = "1-65535"  # where nothing answers, for instance
# of a report that says that all is well
PASSED_STEP = {
    "stage": "login",
    "direction": "outgoing",
    "result": "passed",
    "message": "m",
    "duration_ms": 1,
}
AUTOCONFIG = f"""<clientConfig version="1.1"><emailProvider id="{DOMAIN}">
<domain>{DOMAIN}</domain>
<incomingServer type="imap"><hostname>imap.{DOMAIN}</hostname><port>993</port><socketType>SSL</socketType>
<username>%EMAILADDRESS%</username><authentication>password-cleartext</authentication></incomingServer>
<outgoingServer type="smtp"><hostname>smtp.{DOMAIN}</hostname><port>465</port><socketType>SSL</socketType>
<username>%EMAILADDRESS%</username><authentication>password-cleartext</authentication></outgoingServer>
</emailProvider></clientConfig>"""
ZONE = f"""
$ORIGIN {DOMAIN}.
@ A 127.0.0.1
autoconfig A 127.0.0.1
imap A 127.0.0.1
pop A 127.0.0.1
smtp A 127.0.0.1
mail A 127.0.0.1
@ MX 10 mail
"""


class Hosts:
    """The mail, DNS and web hosts that a test class talks to."""

    def __init__(self, certificates=None):
        self.authority = CertificateAuthority()
        self.mail = MailHost({ADDRESS: PASSWORD}, self.authority, certificates=certificates)
        self.dns = DnsHost()
        self.web = WebHost(self.authority)

    def start(self, stack):
        """Start them; they end with ``stack``."""
        for host in (self.mail, self.dns, self.web):
            stack.enter_context(host)
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        bundle = str(self.authority.bundle(Path(folder) / "bundle.pem"))
        stack.enter_context(patch.dict(os.environ, {"SSL_CERT_FILE": bundle}))
        self.network = HostsNetwork(self.mail, self.dns, self.web, guard=Guard(["*"], port_ranges(ANY_PORT)))

    def reset(self):
        """As at the beginning: the settings of the domain are published, mail is delivered."""
        self.mail.reset()
        self.dns.clear()
        self.dns.zone(ZONE)
        self.web.clear()
        self.web.route(f"autoconfig.{DOMAIN}", "/mail/config-v1.1.xml", AUTOCONFIG)


class HostsMixin:
    """Runs a test class against real hosts on loopback, through the real network layer."""

    certificates = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.hosts = Hosts(cls.certificates)
        stack = contextlib.ExitStack()
        cls.addClassCleanup(stack.close)
        cls.hosts.start(stack)
        settings = cls.env.registry["email.account.settings"]
        stack.enter_context(patch.object(settings, "_get_network", lambda _self: cls.hosts.network))
        cls.env["ir.config_parameter"].set_param("email_account.allowed_ports", ANY_PORT)
        # Odoo sends nothing in tests, unless it is told to
        stack.enter_context(
            patch.object(cls.env.registry["ir.mail_server"], "_disable_send", classmethod(lambda _cls: False))
        )
        cls.wizard_values = {"email": ADDRESS, "password": PASSWORD}
        cls.account_values = {
            "email": ADDRESS,
            "sender_name": "Jane of Acme",
            "password": PASSWORD,
            "incoming_host": f"imap.{DOMAIN}",
            "outgoing_host": f"smtp.{DOMAIN}",
        }

    def setUp(self):
        super().setUp()
        self.hosts.reset()

    def empty_mailbox(self, account):
        with account._connect_incoming__() as mailbox:
            for found in mailbox.find("To", ADDRESS):
                mailbox.delete(found)

    def assertNoLogin(self):
        """No server was offered a password."""
        self.assertEqual(self.hosts.mail.logins(), [])


class HostsCase(HostsMixin, TransactionCase):
    """A transaction case with hosts; Odoo's own cursors stay within the test's transaction."""

    def setUp(self):
        super().setUp()
        self.enterContext(self.enter_registry_test_mode())


class CheckCase(HostsCase):
    """With an account whose domain does everything well."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.key = DkimKey(DOMAIN)

    def setUp(self):
        super().setUp()
        self.hosts.mail.sign = self.key
        self.hosts.dns.zone(self.key.zone())
        self.account = self.env["email.account"].create(self.account_values)
        self.empty_mailbox(self.account)
