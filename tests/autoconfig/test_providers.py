import tempfile
import time
import unittest
from pathlib import Path

from odoo.addons.email_account.autoconfig import Address, Provider, load_providers
from odoo.addons.email_account.autoconfig.providers import NoServers, provider_of_domain, provider_of_mx

HEADER = (
    "id,name,domains,mx_patterns,mx_decides,imap_host,imap_port,imap_security,pop3_host,pop3_port,pop3_security,"
    "smtp_host,smtp_port,smtp_security,username,outgoing_username,authentication,guidance,link,link_checked,"
    "sending_limit\n"
)
ROWS = """\
example,Example Mail,example.org example.net,mx.example.org,,imap.example.org,993,tls,pop.example.org,995,\
tls,smtp.example.org,587,starttls,%EMAILLOCALPART%,%EMAILADDRESS%,oauth_or_app_password,"Switch it on, \
then come back.",https://example.org/help,2026-09,
business,Example Business,,mx.example.org in.mx.example.org,1,imap.example.com,993,tls,,,,smtp.example.com,\
465,tls,%EMAILADDRESS%,,password,,,,
regions,Regional,,regions.example,,imap.{region}.example.com,993,tls,,,,smtp.%EMAILDOMAIN%,465,tls,\
{tenant},,oauth,,,,
bridge,Bridge,bridge.example,,,,,,,,,,,,,,bridge,,,,
wild,Wild,*.wild.example,,,,,,,,,,,,,,password,,,,
deep,Deep,*.b.wild.example,,,,,,,,,,,,,,password,,,,
exact,Exact,a.wild.example,,,,,,,,,,,,,,password,,,,
closed,Closed,closed.example,mx.closed.example,1,,,,,,,,,,,,impossible,No.,,,
"""
JANE = Address.parse("Jane@example.org")


class TestProviders(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        path = Path(folder.name) / "email.provider.csv"
        path.write_text(HEADER + ROWS, encoding="utf-8")
        cls.providers = load_providers(path)

    def settings(self, index, address=JANE):
        return self.providers[index].settings(address, source="provider")

    def test_no_file_no_providers(self):
        self.assertEqual(load_providers("no/such/file.csv"), ())

    def test_servers_for_an_address(self):
        settings = self.settings(0)
        self.assertEqual(
            [
                (s.protocol, s.host, s.port, s.security, s.username)
                for s in settings.incoming + settings.outgoing
            ],
            [
                ("imap", "imap.example.org", 993, "tls", "Jane"),
                ("pop3", "pop.example.org", 995, "tls", "Jane"),
                ("smtp", "smtp.example.org", 587, "starttls", "Jane@example.org"),
            ],
        )
        self.assertEqual(settings.incoming[0].authentication, ("OAuth2", "password-cleartext"))
        self.assertEqual((settings.provider, settings.name), ("example", "Example Mail"))

    def test_outgoing_username_is_the_same_unless_stated(self):
        self.assertEqual(self.settings(1).outgoing[0].username, "Jane@example.org")

    def test_what_only_the_user_knows_is_left_out(self):
        settings = self.settings(2)
        self.assertEqual(settings.incoming, ())
        self.assertEqual(settings.outgoing[0].host, "smtp.example.org")
        self.assertEqual(settings.outgoing[0].username, "")
        self.assertEqual(settings.outgoing[0].authentication, ("OAuth2",))

    def test_domain_in_a_host_name(self):
        provider = Provider.from_row(
            {"id": 7, "imap_host": "mail.{domain}", "imap_port": 993, "imap_security": "tls"}
        )
        settings = provider.settings(JANE, source="mx", doubt="dns")
        self.assertEqual(settings.incoming[0].host, "mail.example.org")
        self.assertEqual((settings.provider, settings.name), ("7", "7"))

    def test_no_server_no_settings(self):
        for index in (3, 7):
            with self.assertRaises(NoServers) as caught:
                self.settings(index)
            self.assertEqual(caught.exception.provider, self.providers[index].id)

    def test_row_of_a_database_with_false_for_empty(self):
        row = {
            "id": 1,
            "name": "A",
            "domains": False,
            "mx_patterns": False,
            "imap_host": False,
            "username": False,
        }
        self.assertEqual(Provider.from_row(row), Provider("1", "A"))

    def test_by_domain(self):
        self.assertEqual(provider_of_domain("example.net", self.providers).id, "example")
        self.assertIsNone(provider_of_domain("sub.example.net", self.providers))

    def test_by_wildcard(self):
        for domain, expected in (
            ("x.wild.example", "wild"),
            ("y.x.wild.example", "wild"),
            ("a.wild.example", "exact"),  # the name itself comes first
            ("y.a.wild.example", "wild"),
            ("b.wild.example", "wild"),
            ("x.b.wild.example", "deep"),  # the longer wildcard
            ("y.x.b.wild.example", "deep"),
            ("wild.example", None),
            ("xwild.example", None),
        ):
            with self.subTest(domain):
                provider = provider_of_domain(domain, self.providers)
                self.assertEqual(provider and provider.id, expected)

    def test_who_decides_by_the_mx(self):
        self.assertEqual(
            [provider.id for provider in self.providers if provider.mx_decides], ["business", "closed"]
        )
        for value in ("", False, None):
            self.assertFalse(Provider.from_row({"id": 1, "mx_decides": value}).mx_decides)

    def test_fast_enough_for_every_key_stroke(self):
        known = load_providers()
        started = time.process_time()
        for _round in range(100):
            provider_of_domain("a.b.c.acme.example", known)
            provider_of_mx("a.b.c.mx.acme.example", known)
        self.assertLess((time.process_time() - started) / 100, 0.005)

    def test_by_mx(self):
        for host, expected in (
            ("in.mx.example.org", "business"),  # the longer pattern
            ("mx.example.org", "business"),  # no domains of its own
            ("a.regions.example", "regions"),
            ("mx1.example.net", "example"),  # its own domain
            ("xmx.example.com", None),
            ("notregions.example", None),
        ):
            with self.subTest(host):
                provider = provider_of_mx(host, self.providers)
                self.assertEqual(provider and provider.id, expected)
        self.assertIsNone(provider_of_mx("mx.example.org", []))
