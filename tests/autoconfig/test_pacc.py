import base64
import hashlib
import json
import unittest

from odoo.addons.email_account.autoconfig import Address
from odoo.addons.email_account.autoconfig.formats import FormatError
from odoo.addons.email_account.autoconfig.formats.pacc import digest_matches, has_digest, parse

from .documents import pacc, pacc_record

JANE = Address.parse("jane@example.org")
IMAP = ("imap", "imap.example.org", 993)
POP3 = ("pop3", "pop.example.org", 995)
SMTP = ("smtp", "smtp.example.org", 465)


def host(name):
    return {"host": name}


class TestDocument(unittest.TestCase):
    def places(self, document):
        found = parse(document, JANE).servers
        self.assertEqual({(server.security, server.username) for server in found}, {("tls", "")})
        return [(server.protocol, server.host, server.port) for server in found]

    def test_whole_document(self):
        document = parse(
            pacc(
                {
                    "submit": host("smtp.example.org"),
                    "imap": host("imap.example.org"),
                    "pop3": host("pop.example.org"),
                    "jmap": {"url": "https://jmap.example.org/session"},
                    "managesieve": host("sieve.example.org"),
                    "caldav": {"url": "https://dav.example.org/"},
                },
                authentication={"oauth-public": {"issuer": "https://auth.example.org"}, "password": True},
                info={
                    "provider": {"name": "Example Mail", "shortName": "Example"},
                    "help": {"documentation": "https://example.org/help", "contact": ["mailto:a@a.example"]},
                },
            ),
            JANE,
        )
        self.assertEqual(document.name, "Example Mail")
        self.assertEqual([(s.protocol, s.host, s.port) for s in document.servers], [IMAP, POP3, SMTP])
        self.assertEqual({s.authentication for s in document.servers}, {("OAuth2", "password-cleartext")})

    def test_protocols(self):
        imap = host("imap.example.org")
        for protocols, expected in (
            # -02 and -03
            ({"imap": imap, "smtp": host("smtp.example.org")}, [IMAP, SMTP]),
            ({"imap": imap, "submit": host("smtp.example.org")}, [IMAP, SMTP]),
            ({"smtp": host("old.example.org"), "submit": host("smtp.example.org")}, [SMTP]),
            ({"submit": host("smtp.example.org"), "smtp": host("old.example.org")}, [SMTP]),
            ({"submit": {}, "smtp": host("smtp.example.org")}, [SMTP]),
            # one alone
            ({"pop3": host("pop.example.org")}, [POP3]),
            ({"imap": imap}, [IMAP]),
            # spelling of the host
            ({"imap": host(" IMAP.Example.ORG. ")}, [IMAP]),
            ({"imap": host("imap.BÜCHER.example")}, [("imap", "imap.xn--bcher-kva.example", 993)]),
            # more than we know
            ({"imap": {**imap, "port": 143, "security": "none", "x": {"y": []}}}, [IMAP]),
            ({"imap": imap, "telepathy": host("x.example.org")}, [IMAP]),
            # one that is bad
            ({"imap": imap, "pop3": None}, [IMAP]),
            ({"imap": imap, "pop3": []}, [IMAP]),
            ({"imap": imap, "pop3": "pop.example.org"}, [IMAP]),
            ({"imap": imap, "pop3": {"url": "https://pop.example.org"}}, [IMAP]),
            ({"imap": imap, "pop3": host(None)}, [IMAP]),
            ({"imap": imap, "pop3": host(995)}, [IMAP]),
            ({"imap": imap, "pop3": host(["pop.example.org"])}, [IMAP]),
            ({"imap": imap, "pop3": host("")}, [IMAP]),
            ({"imap": imap, "pop3": host("localhost")}, [IMAP]),
            ({"imap": imap, "pop3": host("127.0.0.1")}, [IMAP]),
            ({"imap": imap, "pop3": host("[::1]")}, [IMAP]),
            ({"imap": imap, "pop3": host("pop.example.org:995")}, [IMAP]),
            ({"imap": imap, "pop3": host("pop.%EMAILDOMAIN%")}, [IMAP]),
            ({"imap": imap, "pop3": host("pop\x00.example.org")}, [IMAP]),
            ({"imap": imap, "pop3": host("pop\ud800.example.org")}, [IMAP]),
        ):
            with self.subTest(protocols):
                self.assertEqual(self.places(pacc(protocols)), expected)

    def test_authentication(self):
        issuer = {"issuer": "https://auth.example.org"}
        for methods, expected in (
            ({"oauth-public": issuer, "password": True}, ("OAuth2", "password-cleartext")),
            ({"password": True, "oauth-public": issuer}, ("OAuth2", "password-cleartext")),
            ({"oauth-public": issuer, "password": False}, ("OAuth2",)),
            ({"oauth-public": issuer}, ("OAuth2",)),
            ({"password": True}, ("password-cleartext",)),
            ({"password": True, "oauth-public": {}}, ("password-cleartext",)),
            ({"password": True, "oauth-public": "https://auth.example.org"}, ("password-cleartext",)),
            ({"password": "true"}, ()),
            ({"password": 1}, ()),
            ({"telepathy": True}, ()),
            ({}, ()),
            ([], ()),
            (None, ()),
        ):
            with self.subTest(methods):
                document = parse(pacc(authentication=methods), JANE)
                self.assertEqual({server.authentication for server in document.servers}, {expected})
        self.assertEqual(parse(pacc(), JANE).servers[0].authentication, ())

    def test_name(self):
        for info, expected in (
            ({"provider": {"name": "Bücher"}}, "Bücher"),
            ({"provider": {"name": "  A\n B "}}, "A B"),
            ({"provider": {"name": "x" * 3000}}, "x" * 100),
            ({"provider": {"name": "evil\u202egpj"}}, ""),
            ({"provider": {"name": "\ud800"}}, ""),
            ({"provider": {"name": 5}}, ""),
            ({"provider": {}}, ""),
            ({"provider": "Example"}, ""),
            ([], ""),
        ):
            with self.subTest(info):
                self.assertEqual(parse(pacc(info=info), JANE).name, expected)

    def test_bytes(self):
        for document in (
            b"\xef\xbb\xbf" + pacc(),  # RFC 8259 section 8.1 lets readers ignore it
            b"\r\n\t " + pacc() + b" \n",
            json.dumps(json.loads(pacc()), indent=8).encode(),
        ):
            with self.subTest(document[:10]):
                self.assertEqual(parse(document, JANE), parse(pacc(), JANE))

    def test_no_settings(self):
        for document in (
            b"",
            b" ",
            b"null",
            b"[]",
            b'"protocols"',
            b"{}",
            b'{"protocols": null}',
            b'{"protocols": []}',
            b'{"protocols": {}}',
            b'{"protocols": {"jmap": {"url": "https://example.org/"}}}',
            b'{"Protocols": {"imap": {"host": "imap.example.org"}}}',
            b"<html></html>",
            pacc() + pacc(),
            pacc()[:-1],
            pacc()[:-1] + b",}",
            pacc().replace(b'"', b"'"),
            pacc().decode().encode("utf-16"),
            pacc().decode().encode("utf-32-le"),
            pacc(info="x").replace(b"x", "é".encode("latin-1")),
            pacc(info="x").replace(b"x", b"\xed\xa0\x80"),
            pacc(info="x").replace(b"x", b"\n"),
            pacc(info="x").replace(b"x", b"\\x"),
            pacc(info=float("nan")),
            pacc(info=float("-inf")),
            pacc(info="x").replace(b'"x"', b"01"),
            pacc()[:-1] + b', "protocols": {}}',
            pacc(info="x").replace(b'"x"', b'{"a": 1, "a": 1}'),
            pacc(info="x").replace(b'"x"', b'{"a": 1, "\\u0061": 1}'),
            b'{"protocols": {"imap": {"host": "imap.example.org", "host": "imap.example.net"}}}',
            pacc(info="x").replace(b'"x"', b"[" * 600 + b"]" * 600),
        ):
            with self.subTest(document[:80]), self.assertRaises(FormatError):
                parse(document, JANE)

    def test_numbers_of_any_size(self):
        for number in (b"9" * 100000, b"-1e999999", b"0.%s" % (b"1" * 100000)):
            document = pacc(info="x").replace(b'"x"', number)
            with self.subTest(number[:9]):
                self.assertEqual(parse(document, JANE), parse(pacc(), JANE))


class TestDigest(unittest.TestCase):
    def test_record(self):
        document = pacc()
        digest = base64.b64encode(hashlib.sha256(document).digest()).decode()
        other = base64.b64encode(hashlib.sha256(b"other").digest()).decode()
        bare = digest.rstrip("=")
        last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        # the same 32 octets: the last character's unused bits differ
        loose = bare[:-1] + last[last.index(bare[-1]) + 1]
        self.assertEqual(base64.b64decode(loose + "="), hashlib.sha256(document).digest())
        good = f"v=UAAC1; a=sha256; d={digest}"
        for record, matches in (
            (good, True),
            (good.encode(), True),
            (pacc_record(document), True),
            (f"v=UAAC1;a=sha256;d={digest}", True),
            (f"v=UAAC1; d={digest}; a=sha256", True),
            (f"{good};", True),
            (f"{good} ; ", True),
            (f"  v = UAAC1 ;\ta = sha256 ; d = {digest}  ", True),
            (f"v=UAAC1; a=sha256; d={bare}", True),
            (f"V=uaac1; A=SHA256; D={digest}", True),
            (f"v=UAAC1; x=1; a=sha256; y; d={digest}; z=a=b", True),
            (f"v=UAAC1;; a=sha256; d={digest}", True),
            # another digest, or none
            (f"v=UAAC1; a=sha256; d={other}", False),
            (f"v=UAAC1; a=sha256; d={digest.swapcase()}", False),
            ("v=UAAC1; a=sha256; d=", False),
            ("v=UAAC1; a=sha256", False),
            # not strictly base64
            (f"v=UAAC1; a=sha256; d={loose}=", False),
            (f"v=UAAC1; a=sha256; d={digest}=", False),
            (f"v=UAAC1; a=sha256; d={bare}==", False),
            (f"v=UAAC1; a=sha256; d={digest[:20]} {digest[20:]}", False),
            (f"v=UAAC1; a=sha256; d={digest[:20]}!{digest[20:]}", False),
            (f"v=UAAC1; a=sha256; d={bare[:-1]}", False),
            (f'v=UAAC1; a=sha256; d="{digest}"', False),
            (f"v=UAAC1; a=sha256; d={hashlib.sha256(document).hexdigest()}", False),
            # others
            (f"a=sha256; v=UAAC1; d={digest}", False),
            (f"v=UAAC2; a=sha256; d={digest}", False),
            (f"v=UAAC1; a=sha512; d={digest}", False),
            (f"v=UAAC1; d={digest}", False),
            (f"a=sha256; d={digest}", False),
            (f"v=UAAC1; a=sha256; d={other}; d={digest}", False),
            (f"v=UAAC1; a=sha256; a=sha512; d={digest}", False),
            (f"v=UAAC1, a=sha256, d={digest}", False),
            ("v=spf1 -all", False),
            ("", False),
            (";;;", False),
            ("=", False),
            (good.encode() + b"\xff", False),
            (good + "\u00e9", False),
            (f"v=UAAC1; x=é; a=sha256; d={digest}".encode(), True),
        ):
            with self.subTest(record):
                self.assertIs(digest_matches(document, [record]), matches)

    def test_several_records(self):
        old, new = pacc(), pacc(info={})
        records = ["v=spf1 -all", pacc_record(old), pacc_record(new).encode()]
        self.assertTrue(digest_matches(old, records))
        self.assertTrue(digest_matches(new, iter(records)))
        self.assertFalse(digest_matches(old + b"\n", records))
        self.assertFalse(digest_matches(b"\xef\xbb\xbf" + old, records))

    def test_no_digest_is_not_another_digest(self):
        for records, expected in (
            ([], False),
            (["v=spf1 -all"], False),
            (["v=UAAC1; a=sha512; d=AAAA"], False),
            (["v=UAAC1; a=sha256; d=AAAA"], False),
            (["v=spf1 -all", pacc_record(b"other")], True),
        ):
            with self.subTest(records):
                self.assertIs(has_digest(records), expected)
                self.assertFalse(digest_matches(pacc(), records))
