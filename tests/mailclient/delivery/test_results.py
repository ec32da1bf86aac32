"""Authentication-Results and Received-SPF, whatever servers write into them."""

import unittest

from hypothesis import example, given
from hypothesis import strategies as st

from odoo.addons.email_account.mailclient.delivery.comments import pieces
from odoo.addons.email_account.mailclient.delivery.results import Result, parse_received_spf, parse_results


class TestParse(unittest.TestCase):
    def check(self, text, server, *results):
        report = parse_results(text)
        self.assertEqual(report.server, server)
        self.assertEqual([(each.method, each.result, each.properties) for each in report.results], [*results])

    def test_gmail(self):
        self.check(
            "mx.google.com; dkim=pass header.i=@acme.example header.s=s1 header.b=abC/+d==; spf=pass "
            "(google.com: domain of jane@acme.example designates 192.0.2.1; as permitted sender) "
            "smtp.mailfrom=jane@acme.example; dmarc=pass (p=REJECT dis=NONE) header.from=acme.example",
            "mx.google.com",
            ("dkim", "pass", {"header.i": "@acme.example", "header.s": "s1", "header.b": "abC/+d=="}),
            ("spf", "pass", {"smtp.mailfrom": "jane@acme.example"}),
            ("dmarc", "pass", {"header.from": "acme.example"}),
        )

    def test_microsoft_names_no_server(self):
        self.check(
            "spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=acme.example; dkim=none (message not signed) "
            "header.d=none;dmarc=fail action=none header.from=acme.example;compauth=fail reason=001",
            "",
            ("spf", "pass", {"smtp.mailfrom": "acme.example"}),
            ("dkim", "none", {"header.d": "none"}),
            ("dmarc", "fail", {"action": "none", "header.from": "acme.example"}),
            ("compauth", "fail", {"reason": "001"}),
        )

    def test_grammar(self):
        self.check("example.org 1; none", "example.org")
        self.check('"Example.ORG" (a (nested; dkim=pass) one) 1;', "example.org")
        self.check(
            'example.org;; DKIM / 1 = Pass reason="good; (really) \\"so\\"" header.d = a.example',
            "example.org",
            ("dkim", "pass", {"reason": 'good; (really) "so"', "header.d": "a.example"}),
        )
        self.check("a.example; spf=fail spf.x=1 spf.x=2", "a.example", ("spf", "fail", {"spf.x": "1"}))
        self.check("a.example; spf=pass (never closed; dkim=pass", "a.example", ("spf", "pass", {}))

    def test_arc(self):
        self.check("i=2; mx.example.org; arc=pass", "mx.example.org", ("arc", "pass", {}))

    def test_received_spf(self):
        report = parse_received_spf(
            "Pass (mx.example.org: domain of jane@acme.example designates 192.0.2.1 as permitted sender) "
            'receiver=mx.example.org; client-ip=192.0.2.1; envelope-from="jane@acme.example"; helo=x'
        )
        self.assertEqual(report.server, "mx.example.org")
        self.assertEqual(report.results, (Result("spf", "pass", {"smtp.mailfrom": "jane@acme.example"}),))
        for garbage in ("", "  ", "(only a comment)", "=;=", '"'):
            with self.subTest(garbage):
                self.assertEqual(parse_received_spf(garbage).results, ())

    def test_long_ones_end(self):
        for text in ("a" * 16000, "(" * 16000, '"\\' * 8000, "a=" * 8000, "a.example;" * 1600, "a /" * 5000):
            with self.subTest(text[:5]):
                self.assertLessEqual(len(parse_results(text).results), 50)

    @given(st.one_of(st.text(), st.text('ab=;:/\\()" \t\0.1', max_size=60)))
    @example("\0" + "0\0")
    @example('a;b="\0')
    def test_never_raises(self, text):
        for parse in (parse_results, parse_received_spf):
            for result in parse(text).results:
                self.assertEqual(result.method, result.method.lower())

    @given(st.text('ab\\()" ', max_size=30))
    def test_pieces_hold_all_text(self, text):
        for kind, piece in pieces(text):
            if kind == "text":
                self.assertNotRegex(piece, r'[("]')
                self.assertIn(piece, text)
