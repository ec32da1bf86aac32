"""SPF: records, evaluation and limits (RFC 7208)."""

import contextlib
import unittest

from hypothesis import given
from hypothesis import strategies as st

from odoo.addons.email_account.mailclient.delivery import DnsError
from odoo.addons.email_account.mailclient.delivery.lookups import Lookups
from odoo.addons.email_account.mailclient.delivery.receiver import Verdict
from odoo.addons.email_account.mailclient.delivery.results import Result
from odoo.addons.email_account.mailclient.delivery.route import Route
from odoo.addons.email_account.mailclient.delivery.spf import Evaluation, SpfError
from odoo.addons.email_account.mailclient.delivery.spf_finding import examine_spf
from odoo.addons.email_account.mailclient.delivery.spf_macro import expand, macro_values
from odoo.addons.email_account.mailclient.delivery.spf_record import SpfSyntaxError, is_record, parse_record

from .common import ADDRESS, DOMAIN, IP, Zone


def evaluate(record, ip="1.2.3.4", sender=ADDRESS, txt=None, **records):
    zone = Zone({DOMAIN: [record], **(txt or {})}, **records)
    return Evaluation(ip, sender, "helo.example", Lookups(zone)).run(sender.rpartition("@")[2])


class TestRecord(unittest.TestCase):
    def test_which_is_one(self):
        for text in (b"v=spf1", b"v=spf1 -all", b"V=SPF1 a"):
            self.assertTrue(is_record(text), text)
        for text in (b"v=spf10", b"v=spf1-all", b" v=spf1", b"spf2.0/pra", b""):
            self.assertFalse(is_record(text), text)

    def test_wrong_terms(self):
        terms = """all:x all/8 include include: include:a.example/24 a: a:/24 a/33 a/024 a//129 a/24/64 a:x.1
            ptr/24 exists ip4 ip4: ip4:1.2.3 ip4:1.2.3.4/33 ip4:1.2.3.4/ ip4:::1 ip6:1.2.3.4 ip6:::1/129 foo
            mx:%a exists:%{x} exists:%{d0} exists:%{d exists:%(d) redirect= redirect=%{d}/ x=%{q} -- +-a
            redirect"""
        for term in terms.split():
            with self.subTest(term), self.assertRaises(SpfSyntaxError) as caught:
                parse_record(f"v=spf1 {term} -all".encode())
            self.assertEqual(str(caught.exception), term)
        for record in (
            b"v=spf1 redirect=a.example redirect=b.example",
            b"v=spf1 \xc3\xbc",
            b"v=spf1 " + b"a " * 201,
        ):
            with self.subTest(record[:30]), self.assertRaises(SpfSyntaxError):
                parse_record(record)

    def test_right_terms(self):
        record = parse_record(
            b"v=spf1  A/24//64 -mx:a.example. ?ptr:b.example ~ip4:1.2.3.4/0 ip6:2001:db8::/32 x=%{d}/y "
            b"exists:%{ir}.%{v}._spf.%{d2} a:c.example/16 exp=e.example redirect=%{d} "
        )
        self.assertEqual(
            [(term.name, term.result, term.domain, term.prefixes) for term in record.mechanisms],
            [
                ("a", "pass", "", (24, 64)),
                ("mx", "fail", "a.example.", (32, 128)),
                ("ptr", "neutral", "b.example", (32, 128)),
                ("ip4", "softfail", "", (32, 128)),
                ("ip6", "pass", "", (32, 128)),
                ("exists", "pass", "%{ir}.%{v}._spf.%{d2}", (32, 128)),
                ("a", "pass", "c.example", (16, 128)),
            ],
        )
        self.assertEqual(record.redirect.domain, "%{d}")

    @given(st.one_of(st.binary(max_size=60), st.text("aimx:/.%{}d1=+-~ ", max_size=60).map(str.encode)))
    def test_only_its_own_error(self, text):
        with contextlib.suppress(SpfSyntaxError):
            parse_record(b"v=spf1 " + text)


class TestMacros(unittest.TestCase):
    def test_examples_of_the_rfc(self):  # 7.4
        values = macro_values(
            "192.0.2.3", "strong-bad@email.example.com", "email.example.com", "mx.example.org"
        )
        for text, expected in {
            "%{s}": "strong-bad@email.example.com",
            "%{o}": "email.example.com",
            "%{d4}": "email.example.com",
            "%{d2}": "example.com",
            "%{d1}": "com",
            "%{dr}": "com.example.email",
            "%{d2r}": "example.email",
            "%{l}": "strong-bad",
            "%{l-}": "strong.bad",
            "%{lr-}": "bad.strong",
            "%{l1r-}": "strong",
            "%{ir}.%{v}._spf.%{d2}": "3.2.0.192.in-addr._spf.example.com",
            "%{lr-}.lp.%{ir}.%{v}._spf.%{d2}": "bad.strong.lp.3.2.0.192.in-addr._spf.example.com",
            "%{h}%%%_%-": "mx.example.org% %20",
            "%{L}.%{S}": "strong-bad.strong-bad%40email.example.com",
        }.items():
            with self.subTest(text):
                self.assertEqual(expand(text, values), expected)

    def test_ipv6(self):
        values = macro_values("2001:db8::cb01", "a@b.example", "b.example", "")
        self.assertEqual(
            expand("%{ir}.%{v}._spf", values),
            "1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6._spf",
        )

    def test_too_long(self):
        values = macro_values("1.2.3.4", "a@b.example", ".".join(["x" * 60] * 5), "")
        self.assertEqual(expand("%{d}", values), ".".join(["x" * 60] * 4))


class TestEvaluation(unittest.TestCase):
    def check(self, expected, record, ip="1.2.3.4", **zone):
        with self.subTest(record, ip=ip):
            self.assertEqual(evaluate(record, ip, **zone), expected)

    def test_addresses(self):
        self.check("pass", "v=spf1 ip4:1.2.3.0/24 -all")
        self.check("fail", "v=spf1 ip4:1.2.3.0/24 -all", "1.2.4.4")
        self.check("softfail", "v=spf1 ip6:2001:db8::/32 ~all")
        self.check("pass", "v=spf1 ip6:2001:db8::/32 ~all", "2001:db8::1")
        self.check("neutral", "v=spf1 -ip4:1.2.3.5")
        self.check("neutral", "v=spf1 ?all")
        self.check("fail", "v=spf1 -ip4:1.2.3.4 +all")

    def test_hosts(self):
        hosts = {DOMAIN: ["1.2.3.9", "2001:db8::9"], "mx.acme.example": ["1.2.3.4"]}
        self.check("pass", "v=spf1 a/24 -all", addresses=hosts)
        self.check("fail", "v=spf1 a -all", addresses=hosts)
        self.check("pass", "v=spf1 a/32//64 -all", "2001:db8::1", addresses=hosts)
        self.check("pass", "v=spf1 a:mx.acme.example. -all", addresses=hosts)
        self.check("pass", "v=spf1 mx -all", addresses=hosts, mx={DOMAIN: ["x.example", "mx.acme.example"]})
        self.check("fail", "v=spf1 mx -all", addresses=hosts)
        self.check("fail", "v=spf1 ptr a:%s.example -all" % ("x" * 64))

    def test_exists(self):
        for found, expected in ((["127.0.0.2"], "pass"), ([], "fail")):
            zone = {"4.3.2.1.jane+x._spf.acme.example": found}
            record = "v=spf1 exists:%{ir}.%{l}._spf.%{o} -all"
            self.check(expected, record, sender=f"jane+x@{DOMAIN}", addresses=zone)

    def test_include_and_redirect(self):
        txt = {"pass.example": ["v=spf1 ip4:1.2.3.4"], "fail.example": ["v=spf1 -all"]}
        self.check("pass", "v=spf1 include:pass.example -all", txt=txt)
        self.check("softfail", "v=spf1 include:fail.example ~all", txt=txt)
        self.check("fail", "v=spf1 redirect=fail.example", txt=txt)
        self.check("softfail", "v=spf1 redirect=fail.example ~all", txt=txt)
        self.check("pass", "v=spf1 redirect=%{l}.example", sender=f"pass@{DOMAIN}", txt=txt)

    def test_errors(self):
        many = {f"i{n}.example": [f"v=spf1 include:i{n + 1}.example"] for n in range(12)}
        for code, record, zone in (
            ("syntax", "v=spf1 ip4:1.2.3.4 foo", {}),
            ("missing", "v=spf1 include:none.example ip4:1.2.3.4", {}),
            ("missing", "v=spf1 redirect=none.example", {}),
            ("missing", "v=spf1 redirect=%{l}..example", {}),
            ("several", "v=spf1 include:two.example", {"txt": {"two.example": ["v=spf1", "v=spf1 a"]}}),
            ("lookups", "v=spf1 " + "a:h.example " * 11, {"addresses": {"h.example": ["5.5.5.5"]}}),
            ("lookups", "v=spf1 include:i0.example", {"txt": many}),
            ("lookups", f"v=spf1 include:{DOMAIN}", {}),
            ("lookups", "v=spf1 mx", {"mx": {DOMAIN: [f"m{n}.example" for n in range(11)]}}),
            ("void", "v=spf1 a:1.example a:2.example exists:3.example -all", {}),
        ):
            with self.subTest(record[:50]), self.assertRaises(SpfError) as caught:
                evaluate(record, **zone)
            self.assertEqual(caught.exception.code, code)
        with self.assertRaises(DnsError):
            evaluate("v=spf1 a -all", fails=[DOMAIN])
        self.check("pass", "v=spf1 a:1.example a:2.example ip4:1.2.3.4 a:3.example")


class TestFinding(unittest.TestCase):
    def outcome(self, *records, ip=IP, verdict=None, txt=None, **zone):
        zone = Zone({DOMAIN: list(records), **(txt or {})}, **zone)
        outcome = examine_spf(ADDRESS, Route(ip, "out.acme.example"), verdict or Verdict(), Lookups(zone))
        self.assertEqual(outcome.finding.topic, "spf")
        self.assertEqual(outcome.finding.values["domain"], DOMAIN)
        return outcome

    def check(self, code, *records, result="warning", **zone):
        with self.subTest(records, code=code):
            outcome = self.outcome(*records, **zone)
            self.assertEqual((outcome.finding.code, outcome.finding.result), (code, result))
            return outcome.finding

    def test_passed(self):
        finding = self.check("spf_passed", "other", f"v=spf1 ip4:{IP} -all", result="passed")
        self.assertEqual(finding.values["ip"], IP)
        self.assertIn(f"acme.example TXT v=spf1 ip4:{IP} -all", finding.details)
        self.assertIn(f"{IP}: pass", finding.details)
        self.check("spf_published", "v=spf1 mx -all", mx={DOMAIN: ["m"]}, ip="", result="passed")
        self.check("spf_published", "v=spf1 ptr -all", result="passed")

    def test_what_the_receiver_says_counts_more(self):
        verdict = Verdict("mx", (Result("spf", "pass", {"smtp.mailfrom": "bounce@sub.acme.example"}),))
        self.check("spf_confirmed", "v=spf1 -all", verdict=verdict, result="passed")
        other = Verdict("mx", (Result("spf", "pass", {"smtp.mailfrom": "other.example"}),))
        self.check("spf_not_permitted", "v=spf1 -all", verdict=other)
        self.check("spf_missing", verdict=verdict)

    def test_records_to_publish(self):
        finding = self.check("spf_missing")
        self.assertEqual(finding.values["record"], f"v=spf1 mx ip4:{IP} ~all")
        finding = self.check("spf_missing", mx={DOMAIN: ["aspmx.l.google.com"]})
        self.assertEqual(finding.values["record"], "v=spf1 include:_spf.google.com ~all")
        finding = self.check("spf_missing", ip="")
        self.assertEqual(finding.values["record"], "v=spf1 mx ~all")
        finding = self.check("spf_not_permitted", "v=spf1 ip4:1.2.3.4 ~all")
        self.assertEqual(finding.values["record"], f"v=spf1 ip4:{IP} ip4:1.2.3.4 ~all")
        self.check("spf_passed", finding.values["record"], result="passed")
        finding = self.check(
            "spf_allows_all", "v=spf1 a:x.example +all", addresses={"x.example": ["1.1.1.1"]}
        )
        self.assertEqual(finding.values["record"], "v=spf1 a:x.example ~all")

    def test_broken_records(self):
        self.check("spf_several", "v=spf1 -all", "v=spf1 +all")
        finding = self.check("spf_syntax", "v=spf1 ipv4:1.2.3.4 -all")
        self.assertEqual((finding.values["term"], finding.values["record_domain"]), ("ipv4:1.2.3.4", DOMAIN))
        finding = self.check("spf_broken_include", "v=spf1 include:gone.example -all")
        self.assertEqual(finding.values["record_domain"], "gone.example")
        self.assertEqual(finding.values["term"], "include:gone.example")
        inner = {"inner.example": ["v=spf1 a:"]}
        finding = self.check("spf_syntax", "v=spf1 include:inner.example -all", txt=inner)
        self.assertEqual(finding.values["record_domain"], "inner.example")
        self.check("spf_broken_include", "v=spf1 redirect=gone.example")

    def test_limits_count_even_if_this_mail_does_not_reach_them(self):
        hosts = {f"{n}.example": ["1.1.1.1"] for n in range(11)}
        terms = " ".join(f"a:{host}" for host in hosts)
        self.check("spf_lookups", f"v=spf1 ip4:{IP} {terms} -all", addresses=hosts)
        self.check("spf_lookups", "v=spf1 " + "exists:%{i}.x.example " * 11)
        self.check("spf_void", f"v=spf1 ip4:{IP} a:1.example mx:2.example a:3.example -all")
        self.check("spf_lookups", f"v=spf1 include:{DOMAIN} -all")
        self.check("spf_lookups", "v=spf1 mx", mx={DOMAIN: [f"{n}.example" for n in range(11)]})

    def test_silent_dns_is_no_fault_of_the_domain(self):
        for fails in ([DOMAIN], ["x.example"]):
            outcome = self.outcome("v=spf1 include:x.example -all", fails=fails)
            self.assertEqual((outcome.finding.code, outcome.finding.result), ("spf_no_answer", "skipped"))
            self.assertFalse(outcome.decided)

    def test_questions_are_bounded(self):
        hosts = [f"m{n}.example" for n in range(10)]
        mx = {f"d{n}.example": [f"{n}{host}" for host in hosts] for n in range(10)}
        zone = Zone({DOMAIN: ["v=spf1 " + " ".join(f"mx:{name}" for name in mx) + " -all"]}, mx=mx)
        outcome = examine_spf(ADDRESS, Route(IP), Verdict(), Lookups(zone))
        self.assertEqual(outcome.finding.code, "spf_no_answer")
        self.assertLessEqual(len(zone.asked), 80)
