"""DKIM: signatures, keys and what can be wrong with them (RFC 6376, RFC 8301, RFC 8463)."""

import base64
import unittest
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from odoo.addons.email_account.mailclient.delivery.dkim_finding import examine_dkim
from odoo.addons.email_account.mailclient.delivery.dkim_key import KeyProblem, read_key
from odoo.addons.email_account.mailclient.delivery.dkim_signature import verify_signatures
from odoo.addons.email_account.mailclient.delivery.lookups import Lookups
from odoo.addons.email_account.mailclient.delivery.message import Message
from odoo.addons.email_account.mailclient.delivery.receiver import Verdict
from odoo.addons.email_account.mailclient.delivery.results import Result

from .common import DOMAIN, MAIL, OUTER, Zone, key_record, private_key, signed

KEY_NAME = f"s1._domainkey.{DOMAIN}"
# RFC 8463 appendix A
TWO_KINDS = b"""\
DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=brisbane; t=1528637909; h=from : to :
 subject : date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus
 Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==
DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=test; t=1528637909; h=from : to : subject :
 date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3
 DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz
 dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=
From: Joe SixPack <joe@football.example.com>
To: Suzie Q <suzie@shopping.example.net>
Subject: Is dinner ready?
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
Message-ID: <20030712040037.46341.5F8J@football.example.com>

Hi.

We lost the game.  Are you hungry yet?

Joe.
"""
TWO_KEYS = {
    "brisbane._domainkey.football.example.com": [
        "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
    ],
    "test._domainkey.football.example.com": [
        "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bd"
        "OKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYL"
        "zBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB"
    ],
}


def verify(source, txt, **zone):
    return verify_signatures(source, Message(source), Lookups(Zone(txt, **zone)))


class TestSignatures(unittest.TestCase):
    def results(self, source, record=None, **zone):
        txt = {KEY_NAME: [key_record() if record is None else record]}
        return [signature.result for signature in verify(source, txt, **zone)]

    def test_example_of_the_rfc(self):
        found = verify(TWO_KINDS, TWO_KEYS)
        self.assertEqual(
            [(each.result, each.algorithm, each.bits, each.selector) for each in found],
            [("pass", "ed25519-sha256", 256, "brisbane"), ("pass", "rsa-sha256", 1024, "test")],
        )
        found = verify(TWO_KINDS.replace(b"Is dinner", b"Was dinner"), TWO_KEYS)
        self.assertEqual([each.result for each in found], ["wrong", "wrong"])
        found = verify(TWO_KINDS.replace(b"We lost", b"We won"), TWO_KEYS)
        self.assertEqual([each.result for each in found], ["body_changed", "body_changed"])

    def test_pass(self):
        self.assertEqual(self.results(OUTER + signed()), ["pass"])
        self.assertEqual(self.results(signed().replace(b"\r\n", b"\n")), ["pass"])
        self.assertEqual(self.results(MAIL), [])

    def test_fail(self):
        mail = signed()
        self.assertEqual(self.results(mail.replace(b"Hello", b"Hello!")), ["body_changed"])
        self.assertEqual(self.results(mail.replace(b"Subject: Test", b"Subject: Spam")), ["wrong"])
        self.assertEqual(self.results(b"From: x@evil.example\r\n" + mail), ["wrong"])
        self.assertEqual(self.results(mail.replace(b"v=1; a", b"v=1; x=1000; a")), ["expired"])
        self.assertEqual(self.results(mail.replace(b"a=rsa-sha256", b"a=rsa-sha1")), ["outdated"])
        self.assertEqual(self.results(mail.replace(b"a=rsa-sha256", b"a=rsa-md5")), ["unsupported"])
        self.assertEqual(
            self.results(b"DKIM-Signature: a=rsa-sha256; d=a.b; s=c; h=to\r\n" + MAIL), ["malformed"]
        )
        self.assertEqual(self.results(mail.replace(b"d=acme.example", b"d=a@b")), ["malformed"])
        self.assertEqual(self.results(b"DKIM-Signature: garbage\r\n" + mail), ["malformed", "pass"])
        self.assertEqual(self.results(b"no field\r\n" + mail), ["unsupported"])

    def test_keys(self):
        mail = signed()
        public = private_key(2048)[1]
        for record, result in (
            ("v=DKIM1; p=", "key_revoked"),
            ("v=DKIM1; k=rsa", "key_unusable"),
            ("v=DKIM1; p=abc=d", "key_unusable"),
            ("v=DKIM1; p=abcd", "key_unusable"),
            (f"v=DKIM2; p={public}", "key_unusable"),
            (f"v=DKIM1; k=ed25519; p={public}", "key_unusable"),
            (f"v=DKIM1; h=sha1; p={public}", "key_unusable"),
            (f"v=DKIM1; s=web; p={public}", "key_unusable"),
            (f"h=sha1:sha256; s=*; p={public}; n=x", "pass"),
            (f"p={public[:20]} {public[20:]}", "pass"),
            (b"\xff\xfe", "key_unusable"),
            ("p=" + "A" * 5000, "unsupported"),
            ("p=" + base64.b64encode(b"\x30" * 1000).decode(), "unsupported"),
            (key_record(1024), "wrong"),
        ):
            with self.subTest(record[:30]):
                self.assertEqual(self.results(mail, record), [result])
        self.assertEqual([each.result for each in verify(mail, {})], ["key_missing"])
        self.assertEqual(self.results(mail, fails=[KEY_NAME]), ["no_answer"])
        rotated = {KEY_NAME: ["v=spf1 -all", key_record()]}
        self.assertEqual([each.result for each in verify(mail, rotated)], ["pass"])

    def test_size_of_keys(self):
        self.assertEqual(
            [each.bits for each in verify(signed(bits=1024), {KEY_NAME: [key_record(1024)]})], [1024]
        )
        # 512 bits, which cryptography makes no more
        modulus = b"\x02\x41\x00" + b"\xff" * 64
        der = b"\x30" + bytes([len(modulus) + 3]) + modulus + b"\x02\x01\x03"
        with self.assertRaises(KeyProblem) as caught:
            read_key(b"p=" + base64.b64encode(der), "rsa-sha256")
        self.assertEqual((caught.exception.code, str(caught.exception)), ("short", "512 bits"))

    def test_dkimpy_asks_nobody(self):
        with (
            patch("dkim.get_txt", side_effect=AssertionError),
            patch("socket.socket", side_effect=AssertionError),
        ):
            self.assertEqual(self.results(signed()), ["pass"])

    def test_bounds(self):
        zone = Zone({KEY_NAME: [key_record()]})
        many = b"DKIM-Signature: v=1; a=rsa-sha256; d=x.example; s=s; h=from; bh=YQ==; b=YQ==\r\n" * 50 + MAIL
        self.assertEqual(len(verify_signatures(many, Message(many), Lookups(zone))), 5)
        self.assertEqual(len(zone.asked), 1)
        mail = signed()
        self.assertEqual(self.results(mail + b" " * 2000), ["unsupported"])
        self.assertEqual(self.results(mail + b"x" * 300_000), ["unsupported"])
        self.assertEqual(self.results(mail.replace(b"b=", b"b=" + b"\r\n " * 50)), ["malformed"])
        self.assertEqual(self.results(mail.replace(b"v=1", b"v=1; x=" + b"1" * 5000)), ["malformed"])
        self.assertEqual(self.results(mail.replace(b"v=1", b"v=1; x=" + b"1" * 9000)), ["malformed"])

    @given(st.data())
    @settings(max_examples=60, deadline=None)
    def test_garbage_never_raises(self, data):
        tags = st.sampled_from(b"v a b bh c d h i l q s t x z".split())
        values = st.one_of(
            st.sampled_from(
                [b"1", b"rsa-sha256", b"YQ==", b"acme.example", b"s1", b"from", b"relaxed/simple", b"-1"]
            ),
            st.binary(max_size=8).map(lambda value: value.replace(b"\n", b"").replace(b"\r", b"")),
        )
        pairs = {b"a": b"rsa-sha256", b"d": b"acme.example", b"s": b"s1", b"h": b"from"}
        pairs |= data.draw(st.dictionaries(tags, values))
        field = b"; ".join(b"=".join(pair) for pair in pairs.items())
        source = b"DKIM-Signature: " + field + b"\r\n" + data.draw(st.binary(max_size=20)) + MAIL
        self.assertNotIn("pass", [each.result for each in verify(source, {KEY_NAME: [key_record()]})])


class TestFinding(unittest.TestCase):
    def outcome(self, source, txt=None, verdict=None, **zone):
        zone = Zone({KEY_NAME: [key_record()]} if txt is None else txt, **zone)
        return examine_dkim(source, Message(source), DOMAIN, verdict or Verdict(), Lookups(zone))

    def check(self, result, code, source, *args, **zone):
        finding = self.outcome(source, *args, **zone).finding
        self.assertEqual((finding.topic, finding.result, finding.code), ("dkim", result, code))
        return finding

    def test_passed(self):
        finding = self.check("passed", "dkim_passed", signed())
        self.assertEqual(finding.values, {"domain": DOMAIN, "selector": "s1", "bits": "2048"})
        self.assertEqual(finding.details, "d=acme.example s=s1 (rsa-sha256, 2048 bits): pass")
        self.check("passed", "dkim_small_key", signed(bits=1024), {KEY_NAME: [key_record(1024)]})
        self.assertEqual(self.outcome(signed()).domains, (DOMAIN,))

    def test_one_good_signature_is_enough(self):
        other = signed(signed(), "host.example")
        keys = {KEY_NAME: [key_record()], "s1._domainkey.host.example": [key_record()]}
        finding = self.check("passed", "dkim_passed", other, keys)
        self.assertEqual(len(finding.details.splitlines()), 2)
        self.check("passed", "dkim_passed", other, {KEY_NAME: [key_record()]})
        del keys[KEY_NAME]
        finding = self.check("warning", "dkim_other_domain", other, keys)
        self.assertEqual(finding.values, {"domain": DOMAIN, "signer": "host.example"})
        self.check(
            "passed",
            "dkim_passed",
            signed(domain="mail.acme.example"),
            {"s1._domainkey.mail.acme.example": [key_record()]},
        )

    def test_bad_ones(self):
        self.check("skipped", "dkim_none", MAIL)
        self.check("skipped", "dkim_no_answer", signed(), fails=[KEY_NAME])
        finding = self.check("warning", "dkim_key_missing", signed(), {})
        self.assertEqual(finding.values["key_name"], KEY_NAME)
        self.check("warning", "dkim_body_changed", signed() + b"footer\r\n")
        two = signed(signed(), "host.example") + b"footer\r\n"
        self.check("warning", "dkim_key_missing", two, {"s1._domainkey.host.example": [key_record()]})

    def test_what_the_receiver_says_counts_more(self):
        verdict = Verdict("mx", (Result("dkim", "pass", {"header.i": "@acme.example"}),))
        changed = signed() + b"footer\r\n"
        self.check("passed", "dkim_confirmed", changed, verdict=verdict)
        self.assertEqual(self.outcome(changed, verdict=verdict).domains, (DOMAIN,))
