"""Where a mail came from, and who on the receiving side says what about it."""

import unittest

from hypothesis import given
from hypothesis import strategies as st

from odoo.addons.email_account.mailclient.delivery.message import MAX_FIELDS, Message
from odoo.addons.email_account.mailclient.delivery.receiver import examine_verdict, read_verdict
from odoo.addons.email_account.mailclient.delivery.route import read_route

from .common import INNER, IP, MAIL, OUTER


def route_of(*received):
    fields = "".join(f"Received: {text}\r\n" for text in received)
    return read_route(Message(fields.encode() + MAIL))


class TestMessage(unittest.TestCase):
    def test_fields(self):
        message = Message(b"A: 1\r\n 2\r\n>From x\r\nb : \xff\xc3\xbc\n\r\nC: body\r\n")
        self.assertEqual(
            [(field.name, field.value) for field in message.fields], [("a", "1 2"), ("b", "\ufffdü")]
        )
        self.assertTrue(message.whole)

    def test_bounds(self):
        many = Message(b"A: 1\r\n" * (MAX_FIELDS + 1))
        self.assertEqual((len(many.fields), many.whole), (MAX_FIELDS, False))
        long = Message(b"A: " + b"x" * 20000 + b"\r\n\r\n")
        self.assertEqual((len(long.first("a")), long.whole), (16 * 1024 - 1, False), "less the space")
        self.assertFalse(Message(b"A: 1\r\n" + b"x" * 300_000).whole)

    def test_addresses(self):
        for text in ("Jane <jane@Acme.Example>", '"x@y" (a@b) <jane@acme.example>', "jane@acme.example"):
            with self.subTest(text):
                self.assertEqual(Message(f"From: {text}\r\n".encode()).domain("from"), "acme.example")
        for text in ("", "<>", "jane", "(" * 9000, "a@-", "jane@[192.0.2.1]"):
            with self.subTest(text[:9]):
                self.assertEqual(Message(f"From: {text}\r\n".encode()).domain("from"), "")


class TestRoute(unittest.TestCase):
    def test_ways_to_write_it(self):
        for text in (
            f"from mail.a.example (mail.a.example [{IP}]) by mx.b.example with ESMTPS id 1; Mon",
            f"from mail.a.example ([{IP}] helo=x) by mx.b.example with esmtp (Exim 4) id 1; Mon",
            f"from [{IP}] (helo=[8.8.8.8]) by mx.b.example with esmtp (Exim 4); Mon",
            f"from unknown (HELO mail.a.example) ({IP}) by mx.b.example with SMTP; Mon",
            f"from mail.a.example ({IP}) by mx.b.example (2603::1) with Microsoft SMTP Server; Mon",
            f"from [8.8.8.8] (by the way [{IP}]) by mx.b.example with SMTP; Mon",
            f"from x (x [IPv6:::ffff:{IP}]) by mx.b.example; Mon",
        ):
            with self.subTest(text):
                self.assertEqual((route_of(text).ip, route_of(text).servers), (IP, ("mx.b.example",)))
        text = "from a.example (a.example [IPv6:2a00:1450:4001::1]) by b.example; Mon"
        self.assertEqual(route_of(text).ip, "2a00:1450:4001::1")

    def test_hops_within_the_receiving_side(self):
        route = route_of(
            "by 2002:a05:1:b0:1 with SMTP id x; Mon",
            "from localhost ([127.0.0.1]) by store.b.example with LMTP; Mon",
            "from filter.b.example ([8.8.4.4]) by store.b.example with ESMTP; Mon",
            f"from mail.a.example (x [{IP}]) by mx.b.example with ESMTPS; Mon",
            "from inner (inner [8.8.8.8]) by mail.a.example with ESMTP; Mon",
        )
        self.assertEqual((route.ip, route.helo), (IP, "mail.a.example"))
        self.assertEqual(route.servers, ("store.b.example", "store.b.example", "mx.b.example"))
        self.assertEqual((route.entry, route.end), (3, 4))

    def test_who_logged_in_is_no_server(self):
        for how in (
            "with ESMTPSA id 1",
            "with esmtpa (Exim)",
            "with UTF8SMTPSA",
            "(Authenticated sender: jane) with ESMTPS",
        ):
            with self.subTest(how):
                route = route_of(
                    f"from x ([{IP}]) by mx.b.example {how}; Mon", "from y ([8.8.8.8]) by x; Mon"
                )
                self.assertEqual((route.ip, route.entry), ("", None))
        fields = f"Received: from x ({IP}) by y.prod.outlook.com with Microsoft SMTP Server; Mon\r\n"
        marked = f"{fields}X-MS-Exchange-Organization-AuthAs: Internal\r\n"
        self.assertEqual(read_route(Message(fields.encode())).ip, IP)
        self.assertEqual(read_route(Message(marked.encode())).ip, "")

    def test_nothing_to_tell(self):
        for text in ("", "from", "by", "from a by b", "from a ([1.2.3]) by b", "from a ([300.1.1.1]) by b"):
            with self.subTest(text):
                self.assertEqual(route_of(text).ip, "")
        self.assertEqual(read_route(Message(MAIL)).servers, ())

    @given(st.one_of(st.text(max_size=80), st.text("from by[]()1.:=; ", max_size=80)))
    def test_never_raises(self, text):
        read_route(Message(f"Received: from {text}\r\nReceived: {text}\r\n".encode("utf-8", "replace")))


class TestVerdict(unittest.TestCase):
    def finding(self, source):
        message = Message(source)
        return examine_verdict(read_verdict(message, read_route(message)))

    def field(self, text, name="Authentication-Results"):
        return f"{name}: {text}\r\n".encode()

    def test_above_and_between(self):
        passed = self.field("mx.host.example; spf=pass; dmarc=pass")
        for source in (
            passed + INNER + OUTER + MAIL,
            INNER + passed + OUTER + MAIL,
            INNER + OUTER + passed + MAIL,
        ):
            finding = self.finding(source)
            self.assertEqual((finding.result, finding.code), ("passed", "authentication_passed"))
            self.assertEqual(finding.values, {"server": "mx.host.example"})
            self.assertEqual(finding.details, passed.decode().strip())

    def test_forged_ones(self):
        forged = self.field("trust.example; dmarc=pass")
        failed = self.field("mx.host.example; dmarc=fail")
        for source in (INNER + failed + OUTER + forged + MAIL, INNER + OUTER + failed + forged + MAIL):
            finding = self.finding(source)
            self.assertEqual((finding.code, finding.values["failed"]), ("authentication_failed", "DMARC"))
            self.assertNotIn("trust.example", finding.details)
        self.assertEqual(self.finding(INNER + OUTER + forged + MAIL).code, "authentication_none")
        sender = b"Received: from pc ([8.8.8.8]) by out.acme.example with ESMTP; Mon\r\n"
        own = self.field("mx.host.example; dmarc=pass")
        self.assertEqual(self.finding(INNER + OUTER + sender + own + MAIL).code, "authentication_none")

    def test_several_of_one_organization(self):
        fields = self.field("dmarc.host.example; dmarc=none") + self.field("spf.host.example; spf=softfail")
        finding = self.finding(fields + OUTER + MAIL)
        self.assertEqual((finding.code, finding.values["failed"]), ("authentication_failed", "SPF"))
        self.assertEqual(len(finding.details.splitlines()), 2)

    def test_results(self):
        for text, code in (
            ("h.example; spf=fail; dmarc=pass", "authentication_passed"),
            ("h.example; dkim=fail; dkim=pass", "authentication_passed"),
            ("h.example; dkim=pass; dmarc=fail", "authentication_failed"),
            ("h.example; spf=none; dkim=none; dmarc=none", "authentication_undecided"),
            ("h.example; spf=temperror", "authentication_undecided"),
            ("h.example; spf=100%", "authentication_undecided"),
            ("h.example; auth=pass smtp.auth=jane", "authentication_login"),
            ("spf=pass smtp.mailfrom=acme.example", "authentication_passed_unnamed"),
            ("spf=fail", "authentication_failed_unnamed"),
            ("h.example; none", "authentication_undecided"),
            ("", "authentication_undecided"),
        ):
            with self.subTest(text):
                self.assertEqual(self.finding(self.field(text) + MAIL).code, code)

    def test_copies_only_where_there_is_nothing_better(self):
        copy = self.field("i=1; mx.host.example; spf=fail", "ARC-Authentication-Results")
        spf = self.field("softfail (x) receiver=mx.host.example; client-ip=1.2.3.4;", "Received-SPF")
        better = self.field("mx.host.example; spf=pass")
        self.assertEqual(self.finding(copy + better + OUTER + MAIL).code, "authentication_passed")
        self.assertEqual(self.finding(spf + copy + OUTER + MAIL).values["failed"], "SPF")
        self.assertTrue(self.finding(spf + copy + OUTER + MAIL).details.startswith("ARC-"))
        self.assertTrue(self.finding(spf + OUTER + MAIL).details.startswith("Received-SPF: softfail"))
