import contextlib
import random
import time
import unittest
from xml.sax.saxutils import escape

from hypothesis import given, settings
from hypothesis import strategies as st

from odoo.addons.email_account.autoconfig import Address
from odoo.addons.email_account.autoconfig.formats import FormatError
from odoo.addons.email_account.autoconfig.formats.mozilla import parse

from .documents import client_config, incoming, outgoing

JANE = Address.parse("jane@example.org")
_USUAL = [
    "imap",
    "smtp",
    "POP3",
    "%EMAILDOMAIN%",
    "Imap.Bücher.example",
    "993",
    "587",
    " SSL",
    "plain",
    "%EMAILADDRESS",
]
# "xml" characters: what a well-formed document can hold
_ANYTHING = st.sampled_from(_USUAL) | st.text(
    st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff")
)
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
        for username in (None, "", "  ", "%REALNAME%", "%YOURNAME%", "{tenant}", "a\nb", "x" * 400):
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

    def test_bombs_are_cheap(self):
        laughs = "".join(f'<!ENTITY l{i + 1} "{f"&l{i};" * 10}">' for i in range(9))
        size = 256 * 1024
        for name, document in {
            "entities": f'<!DOCTYPE c [<!ENTITY l0 "ha">{laughs}]><c>&l9;</c>'.encode(),
            "depth": b"<a>" * (size // 3),
            "balanced depth": b"<a>" * (size // 7) + b"</a>" * (size // 7),
            "attributes": b"<a " + b"".join(b"a%d='' " % i for i in range(size // 10)) + b"/>",
            "name spaces": b"<a " + b"".join(b"xmlns:a%d='b' " % i for i in range(size // 17)) + b"/>",
            "quoted brackets": b"<a " + b"".join(b"a%d='>' " % i for i in range(size // 11)) + b"/>",
            "attributes of many": (b"<b " + b"".join(b"a%d='' " % i for i in range(400)) + b"/>") * 75,
            "one text": b"<a>" + b"x" * size + b"</a>",
            "declaration": b"<?xml " * (size // 6),
            "spaces": b"<?xml version='1.0'" + b" " * size + b"?><a/>",
            "percent signs": client_config(incoming(username="%EMAILADDRESS" * (size // 14))),
            "sections": client_config(*[incoming(host="bücher.example")] * 900),
            "user names": client_config(*[incoming(more="<username>a</username>" * 200)] * 50),
            "domains": FULL.replace(b"<domain>", b"<domain/>" * 20000 + b"<domain>"),
        }.items():
            with self.subTest(name):
                started = time.process_time()
                with contextlib.suppress(FormatError):
                    self.assertLessEqual(len(parse(document, JANE).servers), 50)
                self.assertLess(time.process_time() - started, 0.1)

    @settings(max_examples=300, deadline=None)
    @given(st.binary(max_size=300), st.integers(0, 2**32), st.integers(1, 12))
    def test_nothing_but_the_typed_error(self, noise, seed, changes):
        dice = random.Random(seed)
        document = bytearray(FULL)
        for _ in range(changes):
            start, length = dice.randrange(len(document)), dice.randrange(40)
            source = dice.choice([noise, FULL, b"<>&%\"'/!?[]", "é\u202e".encode()])
            cut = dice.randrange(len(source) + 1)
            document[start : start + length] = source[cut : cut + dice.randrange(60)]
        for data in (bytes(document), noise):
            self.parse_anything(data)

    @settings(max_examples=300, deadline=None)
    @given(st.lists(_ANYTHING, min_size=5, max_size=5), st.sampled_from([incoming, outgoing]))
    def test_any_text_in_a_well_formed_document(self, texts, section):
        kind, *fields = [escape(text, {'"': "&quot;"}) for text in texts]
        self.parse_anything(client_config(section(kind, *fields), outgoing(), name=fields[0]))

    def parse_anything(self, data):
        try:
            found = parse(data, JANE)
        except FormatError:
            return
        self.assertTrue(found.servers)
        self.assertTrue(found.name.isprintable())
        for server in found.servers:
            self.assertIn(server.protocol, ("imap", "pop3", "smtp"))
            self.assertIn(server.security, ("tls", "starttls", "none"))
            self.assertTrue(0 < server.port < 65536)
            self.assertTrue(server.host.isascii() and "." in server.host)
            self.assertTrue(server.username.isprintable())
