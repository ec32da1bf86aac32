"""DMARC: which policy counts, and whether SPF or DKIM stands for the domain (RFC 7489)."""

import unittest

from odoo.addons.email_account.mailclient.delivery import examine
from odoo.addons.email_account.mailclient.delivery.dmarc_record import DmarcError, find_policy
from odoo.addons.email_account.mailclient.delivery.lookups import Lookups
from odoo.addons.email_account.mailclient.delivery.names import aligned, organizational_domain

from .common import ADDRESS, ALIGNED, DOMAIN, IP, MAIL, OUTER, Zone, key_record, signed


class TestRecord(unittest.TestCase):
    def find(self, domain, **txt):
        names = {f"_dmarc.{name.replace('_', '.')}": texts for name, texts in txt.items()}
        return find_policy(domain, Lookups(Zone(names)))

    def test_own_record(self):
        record = self.find(
            DOMAIN, acme_example=["x", "v=DMARC1 ; P=Reject; sp=none; pct=50; adkim=S;aspf=s; rua"]
        )
        self.assertEqual((record.policy, record.percent), ("reject", 50))
        self.assertTrue(record.strict_dkim and record.strict_spf)

    def test_record_of_the_organization(self):
        text = "v=DMARC1; p=reject; sp=quarantine"
        record = self.find("a.b.acme.co.uk", acme_co_uk=[text])
        self.assertEqual((record.policy, record.name), ("quarantine", "_dmarc.acme.co.uk"))
        self.assertEqual(self.find("b.acme.example", acme_example=["v=DMARC1; p=reject"]).policy, "reject")
        self.assertEqual(
            self.find("b.acme.example", b_acme_example=["v=DMARC1;p=none"], acme_example=[text]).policy,
            "none",
        )

    def test_errors(self):
        for code, texts in (
            ("missing", []),
            ("missing", ["v=DMARC2; p=none", "v=DMARC10; p=none", "p=none; v=DMARC1", "v=dmarc1; p=none"]),
            ("several", ["v=DMARC1; p=none", "v=DMARC1"]),
            ("syntax", ["v=DMARC1"]),
            ("syntax", ["v=DMARC1; p=refuse"]),
            ("syntax", ["v=DMARC1; p=none" + ";" * 5000]),
        ):
            with self.subTest(texts), self.assertRaises(DmarcError) as caught:
                self.find(DOMAIN, acme_example=texts)
            self.assertEqual((caught.exception.code, caught.exception.name), (code, "_dmarc.acme.example"))
        self.assertEqual(
            self.find(DOMAIN, acme_example=["v=DMARC1; p=x; rua=mailto:a@b.example"]).policy, "none"
        )
        self.assertEqual(self.find(DOMAIN, acme_example=["v=DMARC1; p=none; pct=١٢"]).percent, 100)


class TestAlignment(unittest.TestCase):
    def test_domains(self):
        self.assertEqual(organizational_domain("mail.acme.co.uk"), "acme.co.uk")
        self.assertEqual(organizational_domain("co.uk"), "co.uk")
        self.assertTrue(aligned("bounce.acme.example", "mail.acme.example"))
        self.assertFalse(aligned("bounce.acme.example", "mail.acme.example", strict=True))
        self.assertTrue(aligned(DOMAIN, DOMAIN, strict=True))
        self.assertFalse(aligned("other.co.uk", "acme.co.uk"))
        self.assertFalse(aligned("", ""))
        self.assertFalse(aligned("", DOMAIN))


class TestFinding(unittest.TestCase):
    def finding(self, source, policy="v=DMARC1; p=reject", spf="v=spf1 -all", fails=(), **txt):
        records = {f"_dmarc.{DOMAIN}": [policy] if policy else [], DOMAIN: [spf], **txt}
        finding = examine(source, ADDRESS, Zone(records, fails=fails))[-1]
        self.assertEqual(finding.topic, "dmarc")
        return finding

    def check(self, result, code, source, *args, **options):
        finding = self.finding(source, *args, **options)
        self.assertEqual((finding.result, finding.code), (result, code))
        return finding

    def test_aligned(self):
        self.assertEqual(
            self.check("passed", "dmarc_passed", OUTER + MAIL, spf=ALIGNED).values["proofs"], "SPF"
        )
        keys = {f"s1._domainkey.{DOMAIN}": [key_record()]}
        finding = self.check("passed", "dmarc_passed", OUTER + signed(), **keys)
        self.assertEqual((finding.values["proofs"], finding.values["policy"]), ("DKIM", "reject"))
        both = self.check("passed", "dmarc_passed", OUTER + signed(), spf=ALIGNED, **keys)
        self.assertEqual(both.values["proofs"], "SPF, DKIM")
        self.assertIn("_dmarc.acme.example TXT v=DMARC1; p=reject", both.details)

    def test_not_aligned(self):
        self.check("warning", "dmarc_not_aligned", OUTER + MAIL)
        self.check("warning", "dmarc_not_aligned", OUTER + MAIL, "v=DMARC1; p=quarantine")
        self.check("passed", "dmarc_monitoring", OUTER + MAIL, "v=DMARC1; p=none")
        self.check("passed", "dmarc_monitoring", OUTER + MAIL, "v=DMARC1; p=reject; pct=0")

    def test_strict(self):
        keys = {"s1._domainkey.mail.acme.example": [key_record()]}
        mail = OUTER + signed(domain="mail.acme.example")
        self.check("passed", "dmarc_passed", mail, **keys)
        self.check("warning", "dmarc_not_aligned", mail, "v=DMARC1; p=reject; adkim=s", **keys)

    def test_envelope_of_another_domain(self):
        other = b"Return-Path: <bounce@other.example>\r\n" + OUTER + MAIL
        self.check("warning", "dmarc_not_aligned", other, spf=ALIGNED)
        below = b"Return-Path: <x@bounce.acme.example>\r\n" + OUTER + MAIL
        self.check("passed", "dmarc_published", below, spf=ALIGNED)
        said = b"Authentication-Results: mx.host.example; spf=pass smtp.mailfrom=x@bounce.acme.example\r\n"
        self.check("passed", "dmarc_passed", said + below, spf="v=spf1 mx -all")
        self.check("warning", "dmarc_not_aligned", said + OUTER + MAIL, "v=DMARC1; p=reject; aspf=s", spf="")

    def test_receiver_says_so(self):
        said = b"Authentication-Results: mx.host.example; dmarc=pass\r\n"
        self.check("passed", "dmarc_confirmed", said + OUTER + MAIL)

    def test_what_this_mail_does_not_show(self):
        self.check("passed", "dmarc_published", MAIL)
        self.check("passed", "dmarc_published", OUTER + signed(), fails=[f"s1._domainkey.{DOMAIN}"])
        self.check("passed", "dmarc_published", OUTER + MAIL, fails=[DOMAIN])

    def test_no_policy(self):
        finding = self.check("warning", "dmarc_missing", OUTER + MAIL, policy=None)
        self.assertEqual(
            finding.values, {"domain": DOMAIN, "name": f"_dmarc.{DOMAIN}", "record": "v=DMARC1; p=none"}
        )
        self.check("skipped", "dmarc_no_answer", OUTER + MAIL, fails=[f"_dmarc.{DOMAIN}"])
        self.assertNotIn(IP, finding.details)
