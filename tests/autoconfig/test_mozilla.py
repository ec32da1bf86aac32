import unittest

from odoo.addons.email_account.autoconfig import Address
from odoo.addons.email_account.autoconfig.formats import FormatError
from odoo.addons.email_account.autoconfig.formats.mozilla import parse

from .documents import client_config, incoming, outgoing

JANE = Address.parse("jane@example.org")
FULL = client_config(
    incoming(more="<futureElement a='b'><x/></futureElement>"),
    incoming("pop3", "pop.example.org", "110", "STARTTLS", "%EMAILLOCALPART%"),
    incoming("jmap", "jmap.example.org", "443", "SSL"),
    outgoing(more="<restriction>client-IP-address</restriction><addThisServer>true</addThisServer>"),
    '<documentation url="https://example.org/help"><descr lang="en">Help</descr></documentation>',
    version="1.2",
)


def servers(*sections, address=JANE):
    """Return (protocol, host, port, security, username) of a document's servers, in its order."""
    document = parse(client_config(*sections), address)
    return [(s.protocol, s.host, s.port, s.security, s.username) for s in document.servers]


class TestFormat(unittest.TestCase):
    def test_whole_document(self):
        document = parse(FULL, JANE)
        self.assertEqual(document.name, "Example Mail")
        self.assertEqual(
            [
                (s.protocol, s.host, s.port, s.security, s.username, s.authentication)
                for s in document.servers
            ],
            [
                ("imap", "imap.example.org", 993, "tls", "jane@example.org", ("password-cleartext",)),
                ("pop3", "pop.example.org", 110, "starttls", "jane", ("password-cleartext",)),
                ("smtp", "smtp.example.org", 465, "tls", "jane@example.org", ("password-cleartext",)),
            ],
        )

    def test_authentication(self):
        for texts, expected in (
            (("OAuth2", "password-encrypted"), ("OAuth2", "password-encrypted", "password-cleartext")),
            (("secure", "plain"), ("password-encrypted", "password-cleartext")),
            (
                ("NTLM", "gssapi", "CLIENT-ip-address"),
                ("NTLM", "GSSAPI", "client-IP-address", "password-cleartext"),
            ),
            (("future-method",), ("password-cleartext",)),
        ):
            elements = "".join(f"<authentication>{text}</authentication>" for text in texts)
            section = incoming().replace("<authentication>", elements + "<authentication>", 1)
            with self.subTest(texts):
                self.assertEqual(parse(client_config(section), JANE).servers[0].authentication, expected)

    def test_several_user_names(self):
        section = incoming(more="<username>%EMAILLOCALPART%</username><username>%EMAILADDRESS%</username>")
        self.assertEqual([username for *_, username in servers(section)], ["jane@example.org", "jane"])

    def test_user_name_not_stated(self):
        for username in (
            None,
            "",
            "  ",
            "%REALNAME%",
            "%YOURNAME%",
            "{tenant}",
            "a\nb",
            "x" * 400,
            "a" + "%REALNAME%" * 40,
        ):
            with self.subTest(username):
                self.assertEqual(servers(incoming(username=username))[0][-1], "")

    def test_placeholders(self):
        address = Address.parse("Jane.%EMAILDOMAIN%@bücher.example")
        for template, expected in (
            ("%EMAILADDRESS%", "Jane.%EMAILDOMAIN%@xn--bcher-kva.example"),  # filled in once only
            ("%EMAILLOCALPART%", "Jane.%EMAILDOMAIN%"),
            ("%EMAILDOMAIN%\\%EMAILLOCALPART%", "xn--bcher-kva.example\\Jane.%EMAILDOMAIN%"),
            ("%emailaddress%", "Jane.%EMAILDOMAIN%@xn--bcher-kva.example"),
        ):
            with self.subTest(template):
                self.assertEqual(servers(incoming(username=template), address=address)[0][-1], expected)
        document = parse(client_config(name="Mail of %EMAILDOMAIN%"), address)
        self.assertEqual(document.name, "Mail of xn--bcher-kva.example")

    def test_user_name_with_an_internationalised_domain(self):
        address = Address.parse("jane@bücher.example")
        both = ["jane@xn--bcher-kva.example", "jane@bücher.example"]
        for template, expected in (
            ("%EMAILADDRESS%", both),
            ("%EMAILLOCALPART%@%EMAILDOMAIN%", both),
            ("jane@Bücher.example", both),
            ("jane@XN--bcher-kva.example", both),
            ("%EMAILLOCALPART%", ["jane"]),
            ("%EMAILDOMAIN%-%EMAILLOCALPART%", ["xn--bcher-kva.example-jane", "bücher.example-jane"]),
            ("jane@example.org", ["jane@example.org"]),
            ("{tenant}@%EMAILDOMAIN%", [""]),
        ):
            with self.subTest(template):
                found = servers(incoming(username=template), address=address)
                self.assertEqual([username for *_, username in found], expected)
        found = servers(incoming(host="imap.%EMAILDOMAIN%"), address=address)
        self.assertEqual(found[0][1], "imap.xn--bcher-kva.example")

    def test_versions(self):
        for version in ("1.0", "1.1", "1.2", "2.0", ""):
            with self.subTest(version):
                self.assertEqual(len(parse(client_config(version=version), JANE).servers), 2)

    def test_host_in_another_script(self):
        self.assertEqual(servers(incoming(host="imap.BÜCHER.example"))[0][1], "imap.xn--bcher-kva.example")

    def test_a_bad_section_is_dropped_alone(self):
        good = incoming("pop3", "pop.example.org", "995")
        for name, bad in {
            "type": incoming("telepathy"),
            "no type": incoming().replace('type="imap"', ""),
            "wrong direction": incoming("smtp"),
            "no host": incoming(host=None),
            "empty host": incoming(host=""),
            "host": incoming(host="imap example.org"),
            "host with path": incoming(host="imap.example.org/x"),
            "host without dot": incoming(host="localhost"),
            "IP address": incoming(host="127.0.0.1"),
            "IPv6 address": incoming(host="[::1]"),
            "unknown placeholder": incoming(host="imap.%REGION%.example.org"),
            "port": incoming(port="imaps"),
            "port 0": incoming(port="0"),
            "port too high": incoming(port="65536"),
            "port far too high": incoming(port="9" * 3000),
            "port in other digits": incoming(port="٩٩٣"),
            "security": incoming(security="quantum"),
        }.items():
            with self.subTest(name):
                self.assertEqual([host for _, host, *_ in servers(bad, good)], ["pop.example.org"])
                with self.assertRaises(FormatError):
                    servers(bad)


class TestSlips(unittest.TestCase):
    """What real documents get wrong, without being useless."""

    def test_missing_closing_percent_sign(self):
        self.assertEqual(servers(incoming(username="%EMAILADDRESS"))[0][-1], "jane@example.org")
        self.assertEqual(
            servers(incoming(username="%EMAILLOCALPART.%EMAILDOMAIN%"))[0][-1], "jane.example.org"
        )

    def test_host_that_is_a_placeholder(self):
        self.assertEqual(servers(incoming(host="%EMAILDOMAIN%"))[0][1], "example.org")
        self.assertEqual(servers(incoming(host="mail.%EMAILDOMAIN"))[0][1], "mail.example.org")

    def test_port_and_security(self):
        for section, expected in (
            # a port missing
            (incoming(port=None), [("imap", 993, "tls")]),
            (incoming(port="", security="STARTTLS"), [("imap", 143, "starttls")]),
            (incoming(port=None, security="plain"), [("imap", 143, "none")]),
            (incoming("pop3", port=None), [("pop3", 995, "tls")]),
            (outgoing(port=None), [("smtp", 465, "tls")]),
            (outgoing(port=None, security="STARTTLS"), [("smtp", 587, "starttls")]),
            # security missing: never clear text
            (incoming(security=None), [("imap", 993, "tls")]),
            (incoming(port="143", security=None), [("imap", 143, "starttls")]),
            (outgoing(port="587", security=""), [("smtp", 587, "starttls")]),
            (incoming(port=None, security=None), [("imap", 993, "tls")]),
            # another protocol's port
            (incoming("pop3", port="993"), [("pop3", 995, "tls")]),
            (incoming("pop3", port="143", security="STARTTLS"), [("pop3", 110, "starttls")]),
            (incoming("imap", port="995"), [("imap", 993, "tls")]),
            # port and security contradict each other
            (outgoing(port="587"), [("smtp", 587, "tls"), ("smtp", 587, "starttls")]),
            (outgoing(port="465", security="STARTTLS"), [("smtp", 465, "tls"), ("smtp", 465, "starttls")]),
            (incoming(port="993", security="plain"), [("imap", 993, "tls")]),
            # none of the usual ones
            (incoming(port="10993"), [("imap", 10993, "tls")]),
            (outgoing(port="2525", security="STARTTLS"), [("smtp", 2525, "starttls")]),
            (outgoing(port="25", security="plain"), [("smtp", 25, "none")]),
            (incoming(port="10993", security=None), [("imap", 10993, "tls"), ("imap", 10993, "starttls")]),
        ):
            with self.subTest(section):
                self.assertEqual(
                    [(protocol, port, sec) for protocol, _, port, sec, _ in servers(section)], expected
                )

    def test_upper_case_and_white_space_everywhere(self):
        section = incoming(" IMAP ", "\n IMAP.Example.ORG\t", " 993 ", " ssl ", "\n%EMAILADDRESS%\n").replace(
            "password-cleartext", " PASSWORD-ClearText "
        )
        server = parse(b"\n\n " + client_config(section) + b"\n \n", JANE).servers[0]
        self.assertEqual(
            (server.protocol, server.host, server.port, server.security),
            ("imap", "imap.example.org", 993, "tls"),
        )
        self.assertEqual(
            (server.username, server.authentication), ("jane@example.org", ("password-cleartext",))
        )

    def test_byte_order_mark(self):
        self.assertEqual(parse(b"\xef\xbb\xbf" + FULL, JANE), parse(FULL, JANE))

    def test_encodings(self):
        text = client_config(name="Bücher").decode()
        for encoding in ("UTF-8", "ISO-8859-1", "windows-1252", "utf-16"):
            document = text.replace("UTF-8", encoding).encode(encoding)
            with self.subTest(encoding):
                self.assertEqual(parse(document, JANE).name, "Bücher")
        for encoding in ("UTF-7", "no-such-one", "zlib_codec", "utf-32"):
            with self.subTest(encoding), self.assertRaises(FormatError):
                parse(text.replace("UTF-8", encoding).encode(), JANE)

    def test_encoding_declared_as_utf_16_in_bytes(self):
        document = client_config(name="Bücher").replace(b"UTF-8", b"utf-16")
        self.assertEqual(parse(document, JANE).name, "Bücher")

    def test_declaration_with_slips(self):
        for declaration in (b"", b"<?xml version='1.1'?>", b"<?xml version=1.0 encoding=UTF-8?>"):
            document = declaration + FULL.partition(b"?>")[2]
            with self.subTest(declaration):
                self.assertEqual(parse(document, JANE), parse(FULL, JANE))

    def test_comments_and_processing_instructions(self):
        document = FULL.replace(b"imap.example.org", b"imap.<!-- the new one -->example<?php echo ?>.org")
        document = document.replace(b"<clientConfig", b"<?xml-stylesheet href='x'?><!-- x --><clientConfig")
        self.assertEqual(parse(document, JANE), parse(FULL, JANE))

    def test_value_in_cdata(self):
        document = FULL.replace(b">imap.example.org<", b"><![CDATA[imap.example.org]]><")
        self.assertEqual(parse(document, JANE), parse(FULL, JANE))

    def test_long_help_text(self):
        document = FULL.replace(b">Help<", b">" + b"Help " * 10000 + b"<")
        self.assertEqual(parse(document, JANE), parse(FULL, JANE))

    def test_plain_before_tls(self):
        """All are kept: the settings sort them."""
        found = servers(incoming(port="143", security="plain"), incoming())
        self.assertEqual([server[2:4] for server in found], [(143, "none"), (993, "tls")])

    def test_several_values(self):
        """The first of those that can be but one counts."""
        section = incoming(
            more="<hostname>b.example.org</hostname><port>143</port><socketType>plain</socketType>"
        )
        self.assertEqual(servers(section)[0][:4], ("imap", "imap.example.org", 993, "tls"))

    def test_several_domains_and_pop3_alone(self):
        document = client_config(incoming("pop3", port="995")).replace(
            b"<domain>", b"<domain>example.com</domain><domain>example.net</domain><domain>"
        )
        self.assertEqual([server.protocol for server in parse(document, JANE).servers], ["pop3"])

    def test_no_name(self):
        self.assertEqual(parse(client_config(name=""), JANE).name, "")
        self.assertEqual(parse(client_config(name="  A\n B "), JANE).name, "A B")
        self.assertEqual(parse(client_config(name="x" * 3000), JANE).name, "x" * 100)
        self.assertEqual(parse(client_config(name="evil\u202egpj"), JANE).name, "")

    def test_name_space(self):
        document = FULL.replace(b"<clientConfig ", b'<clientConfig xmlns="https://example.org/ns" ')
        self.assertEqual(parse(document, JANE), parse(FULL, JANE))


class TestHostileDocuments(unittest.TestCase):
    def refuse(self, document):
        with self.assertRaises(FormatError) as caught:
            parse(document, JANE)
        return str(caught.exception)

    def test_no_settings(self):
        for document in (
            b"",
            b"   ",
            b"\x00",
            b"hello",
            b"{}",
            b"<",
            b"<a/>",
            b"<clientConfig/>",
            b"<clientConfig><emailProvider/></clientConfig>",
            FULL[: len(FULL) // 2],
            FULL + FULL,
            FULL.replace(b"clientConfig", b"html"),
            b"\xff\xfe\xff",
            "<clientConfig>é".encode("latin-1"),
        ):
            with self.subTest(document[:30]):
                self.refuse(document)

    def test_no_document_type_no_entities(self):
        doctype = (
            '<!DOCTYPE clientConfig [<!ENTITY a "imap.example.org"><!ENTITY b SYSTEM "file:///etc/hostname">'
            '<!ENTITY % c SYSTEM "http://127.0.0.1/x">%c;]>'
        )
        text = FULL.decode().replace("<clientConfig", doctype + "<clientConfig")
        for encoding in ("UTF-8", "utf-16"):
            self.assertIn("document type", self.refuse(text.replace("UTF-8", encoding).encode(encoding)))
        self.assertIn("well-formed", self.refuse(FULL.replace(b"imap.example.org", b"&host;")))

    def test_too_many_elements(self):
        more = b"<domain/>" * 19_000
        self.assertEqual(parse(FULL.replace(b"<domain>", more + b"<domain>"), JANE), parse(FULL, JANE))
        self.assertIn("too many", self.refuse(FULL.replace(b"<domain>", more + b"<a/>" * 1000 + b"<domain>")))
        self.assertIn("too many", self.refuse(b"<a>" * 10_001 + b"</a>" * 10_001))
