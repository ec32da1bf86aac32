"""The whole way: a signed mail, a real DNS server, the addon's guarded network."""

import socket
import threading
import unittest
from unittest.mock import patch

from odoo.addons.email_account.autoconfig import Guard
from odoo.addons.email_account.mailclient.delivery import DnsError, examine
from odoo.addons.email_account.models.check_dns import CheckDns

from ...hosts import DnsHost
from ...hosts.network import PlacedNetwork
from .common import ADDRESS, INNER, IP, OUTER, key_record, signed


def strings(text):
    """A TXT record as a zone writes it: strings of at most 255 octets."""
    return " ".join(f'"{text[start : start + 200]}"' for start in range(0, len(text), 200))


class TestCheckDns(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.host = DnsHost().start()
        cls.addClassCleanup(cls.host.stop)
        cls.host.zone(
            f"""
$ORIGIN acme.example.
@ MX 20 mx2
@ MX 10 mx1
@ TXT {strings("v=spf1 include:_spf.acme.example mx -all")}
_spf TXT {strings("v=spf1 a:out.acme.example -all")}
out A {IP}
mx1 A 10.0.0.1
s1._domainkey TXT {strings(key_record())}
_dmarc TXT {strings("v=DMARC1; p=reject")}
"""
        )
        for number in range(21):
            cls.host.zone(f'full.example. TXT "v={number}"')
        cls.host.fail("broken.example")
        cls.network = PlacedNetwork(cls.host.nameserver, {}, lookup_timeout=2)
        cls.dns = CheckDns(cls.network)

    def test_the_whole_way(self):
        results = []

        def work():
            results.extend(examine(INNER + OUTER + signed(), ADDRESS, self.dns))

        thread = threading.Thread(target=work)  # without an event loop, as the check does it
        thread.start()
        thread.join()
        self.assertEqual(
            [(finding.result, finding.code) for finding in results],
            [
                ("skipped", "authentication_none"),
                ("passed", "spf_passed"),
                ("passed", "dkim_passed"),
                ("passed", "dmarc_passed"),
            ],
            results,
        )
        self.assertIn(f"{IP}: pass", results[1].details)
        self.assertEqual(results[3].values["proofs"], "SPF, DKIM")

    def test_answers(self):
        self.assertEqual(self.dns.mx("acme.example"), ["mx1.acme.example", "mx2.acme.example"])
        self.assertEqual(self.dns.addresses("out.acme.example"), [IP])
        self.assertEqual(self.dns.txt("_dmarc.acme.example"), [b"v=DMARC1; p=reject"])
        for kind in (self.dns.txt, self.dns.mx, self.dns.addresses):
            self.assertEqual(kind("nothing.example"), [])
        self.assertEqual(self.dns.addresses("mx1.acme.example"), [], "internal: the guard refuses it")
        self.assertEqual(
            CheckDns(PlacedNetwork(self.host.nameserver, {}, guard=Guard(["*"]))).addresses(
                "mx1.acme.example"
            ),
            ["10.0.0.1"],
        )

    def test_no_answers(self):
        for kind in (self.dns.txt, self.dns.mx, self.dns.addresses):
            with self.assertRaises(DnsError):
                kind("broken.example")
        with self.assertRaisesRegex(DnsError, "more records"):
            self.dns.txt("full.example")
        for error in (TimeoutError("late"), socket.gaierror(socket.EAI_AGAIN, "again")):
            with patch.object(self.network, "resolve", side_effect=error), self.assertRaises(DnsError):
                self.dns.addresses("out.acme.example")
        with patch.object(self.network, "resolve", side_effect=UnicodeError):
            self.assertEqual(self.dns.addresses("a..b"), [])
