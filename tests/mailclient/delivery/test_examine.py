"""All four findings of one mail, and hostile mails."""

import unittest

from hypothesis import given, settings
from hypothesis import strategies as st

from odoo.addons.email_account.mailclient.delivery import Finding, examine
from odoo.addons.email_account.mailclient.delivery.finding import MAX_DETAILS, MAX_VALUE

from .common import ADDRESS, ALIGNED, DOMAIN, INNER, MAIL, OUTER, Zone, key_record, signed

TOPICS = ["authentication", "spf", "dkim", "dmarc"]
ZONE = {
    DOMAIN: [ALIGNED],
    f"s1._domainkey.{DOMAIN}": [key_record()],
    f"_dmarc.{DOMAIN}": ["v=DMARC1; p=reject; aspf=s; adkim=s"],
}
LINES = st.sampled_from(
    [
        OUTER,
        INNER,
        b"Authentication-Results: mx.host.example; spf=pass smtp.mailfrom=jane@acme.example\r\n",
        b"Authentication-Results: ;;=\r\n",
        b"ARC-Authentication-Results: i=1; x\r\n",
        b"Received-SPF: fail\r\n",
        b"DKIM-Signature: v=1; a=rsa-sha256; d=acme.example; s=s1; h=from; bh=YQ==; b=YQ==\r\n",
        b"From: <>\r\n",
        b"Return-Path: <x@y.example>\r\n",
        b" folded\r\n",
        b"\r\n",
        b"\0\xff\r\n",
    ]
)


class TestExamine(unittest.TestCase):
    def test_good_mail(self):
        said = b"Authentication-Results: mx.host.example; spf=pass smtp.mailfrom=jane@acme.example\r\n"
        findings = examine(INNER + said + OUTER + signed(), ADDRESS, Zone(ZONE))
        self.assertEqual([finding.topic for finding in findings], TOPICS)
        self.assertEqual([finding.result for finding in findings], ["passed"] * 4)

    def test_bare_mail_and_domain(self):
        findings = examine(MAIL, ADDRESS, Zone())
        self.assertEqual(
            [(finding.result, finding.code) for finding in findings],
            [
                ("skipped", "authentication_none"),
                ("warning", "spf_missing"),
                ("skipped", "dkim_none"),
                ("warning", "dmarc_missing"),
            ],
        )

    def test_silent_dns_never_warns(self):
        silent = Zone(fails=[DOMAIN, f"s1._domainkey.{DOMAIN}", f"_dmarc.{DOMAIN}"])
        for source in (MAIL, OUTER + signed()):
            results = {finding.result for finding in examine(source, ADDRESS, silent)}
            self.assertEqual(results, {"skipped"})

    def test_each_question_is_asked_once(self):
        zone = Zone(ZONE)
        examine(OUTER + signed(), ADDRESS, zone)
        self.assertEqual(len(zone.asked), len(set(zone.asked)), zone.asked)

    def test_domains_in_unicode(self):
        findings = examine(b"", "jane@bücher.example", Zone({"xn--bcher-kva.example": ["v=spf1 -all"]}))
        self.assertEqual(findings[1].code, "spf_published")

    def test_what_is_no_address(self):
        for address in ("", "jane", "jane@", "jane@[192.0.2.1]", "jane@a..b"):
            with self.subTest(address):
                codes = [finding.code for finding in examine(b"", address, Zone())]
                self.assertEqual(
                    codes, ["authentication_none", "spf_no_answer", "dkim_none", "dmarc_no_answer"]
                )

    def test_findings_are_bounded(self):
        finding = Finding(
            "spf", "skipped", "spf_no_answer", {"domain": "\x1b[0m" + "x" * 9000}, "\u202e\n" + "y" * 9000
        )
        self.assertEqual((len(finding.values["domain"]), len(finding.details)), (MAX_VALUE, MAX_DETAILS))
        self.assertNotIn("\x1b", finding.values["domain"])
        self.assertTrue(finding.details.startswith(" \ny"))
        with self.assertRaises(ValueError):
            Finding("spf", "passed", "spf_passed", {"domain": DOMAIN})

    @given(st.lists(LINES, max_size=12), st.binary(max_size=30))
    @settings(max_examples=150, deadline=None)
    def test_hostile_mails(self, lines, body):
        for source in (b"".join(lines) + body, b"".join(lines) + MAIL):
            findings = examine(source, ADDRESS, Zone(ZONE))
            self.assertEqual([finding.topic for finding in findings], TOPICS)

    @given(st.lists(st.binary(max_size=60), max_size=3), st.booleans())
    @settings(max_examples=100, deadline=None)
    def test_hostile_records(self, records, prefixed):
        zone = {
            name: [(prefix if prefixed else b"") + record for record in records]
            for name, prefix in (
                (DOMAIN, b"v=spf1 "),
                (f"_dmarc.{DOMAIN}", b"v=DMARC1; "),
                (f"s1._domainkey.{DOMAIN}", b"v=DKIM1; k=rsa; p="),
            )
        }
        findings = examine(OUTER + signed(), ADDRESS, Zone(zone))
        self.assertEqual([finding.topic for finding in findings], TOPICS)
