import unittest
from xml.etree import ElementTree

from odoo.addons.email_account.autoconfig import Address
from odoo.addons.email_account.autoconfig.formats import FormatError
from odoo.addons.email_account.autoconfig.formats.autodiscover import Redirect, parse, parse_v2, request

from .documents import autodiscover, protocol

JANE = Address.parse("jane@example.org")
INTERNATIONAL = Address.parse("jane@bücher.example")
ERROR = (
    '<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"><Response>'
    '<Error Time="12:00:00" Id="2477272013"><ErrorCode>{}</ErrorCode><Message>secret words</Message>'
    "<DebugData/></Error></Response></Autodiscover>"
)


def servers(*protocols, address=JANE):
    """Return (protocol, host, port, security, username) of a document's servers, in its order."""
    document = parse(autodiscover(*protocols), address)
    return [(s.protocol, s.host, s.port, s.security, s.username) for s in document.servers]


def places(*protocols):
    return [(port, security) for _, _, port, security, _ in servers(*protocols)]


class TestRequest(unittest.TestCase):
    def test_body(self):
        root = ElementTree.fromstring(request(Address.parse("a&b@bücher.example")))
        schema = "{http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006}"
        self.assertEqual(root.tag, f"{schema}Autodiscover")
        self.assertEqual(
            [(element.tag, element.text) for element in root[0]],
            [
                (f"{schema}EMailAddress", "a&b@xn--bcher-kva.example"),
                (
                    f"{schema}AcceptableResponseSchema",
                    "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a",
                ),
            ],
        )

    def test_address_in_another_script(self):
        root = ElementTree.fromstring(request(Address.parse("jürgen@example.org")))
        self.assertEqual(root[0][0].text, "jürgen@example.org")


class TestAnswer(unittest.TestCase):
    def test_whole_answer(self):
        document = parse(
            autodiscover(
                protocol("EXCH", "exchange.example.org", None, ServerDN="/o=Example"),
                protocol("EXPR", "rpc.example.org", None, AuthPackage="Basic"),
                "<Protocol Type='mapiHttp' Version='1'><MailStore/></Protocol>",
                protocol("WEB", None, None, Internal="<OWAUrl>https://example.org/owa</OWAUrl>"),
                protocol("IMAP", "imap.example.org", "993", TTL="1", LoginName="jane", SPA="off"),
                protocol("POP3", "pop.example.org", "110", Encryption="TLS", LoginName="jane@example.org"),
                protocol("SMTP", "smtp.example.org", "465", AuthRequired="on", SMTPLast="off"),
                protocol("DAV", "dav.example.org", "443"),
            ),
            JANE,
        )
        self.assertEqual(document.name, "")
        self.assertEqual(
            [
                (s.protocol, s.host, s.port, s.security, s.username, s.authentication)
                for s in document.servers
            ],
            [
                ("imap", "imap.example.org", 993, "tls", "jane", ("password-cleartext",)),
                ("pop3", "pop.example.org", 110, "starttls", "jane@example.org", ("password-cleartext",)),
                ("smtp", "smtp.example.org", 465, "tls", "", ("password-cleartext",)),
            ],
        )

    def test_port_and_security(self):
        tls, starttls, clear = "tls", "starttls", "none"
        for kind, port, ssl, encryption, expected in (
            # SSL alone
            ("IMAP", "993", "on", None, [(993, tls)]),
            ("POP3", "995", "on", None, [(995, tls)]),
            ("SMTP", "465", "on", None, [(465, tls)]),
            ("IMAP", "143", "on", None, [(143, tls), (143, starttls)]),
            ("POP3", "110", "on", None, [(110, tls), (110, starttls)]),
            ("SMTP", "587", "on", None, [(587, tls), (587, starttls)]),
            ("SMTP", "25", "on", None, [(25, tls), (25, starttls)]),
            ("IMAP", "10993", "on", None, [(10993, tls)]),
            ("IMAP", None, "on", None, [(993, tls)]),
            ("POP3", None, "on", None, [(995, tls)]),
            ("SMTP", None, "on", None, [(465, tls)]),
            # "off" says that TLS is not required, not that there is none
            ("IMAP", "143", "off", None, [(143, starttls), (143, clear)]),
            ("POP3", "110", "off", None, [(110, starttls), (110, clear)]),
            ("SMTP", "587", "off", None, [(587, starttls), (587, clear)]),
            ("SMTP", "2525", "off", None, [(2525, starttls), (2525, clear)]),
            ("IMAP", None, "off", None, [(143, starttls), (143, clear)]),
            ("IMAP", "993", "off", None, [(993, tls), (993, starttls)]),
            # neither
            ("IMAP", "993", None, None, [(993, tls)]),
            ("IMAP", "143", None, None, [(143, starttls)]),
            ("SMTP", "587", "", "", [(587, starttls)]),
            ("SMTP", None, None, None, [(465, tls)]),
            ("SMTP", "2525", None, None, [(2525, tls), (2525, starttls)]),
            # Encryption counts more than SSL
            ("IMAP", "993", "off", "SSL", [(993, tls)]),
            ("SMTP", "465", None, "SSL", [(465, tls)]),
            ("IMAP", "10993", None, "SSL", [(10993, tls)]),
            ("SMTP", "587", "on", "SSL", [(587, tls), (587, starttls)]),
            ("SMTP", None, "off", "SSL", [(465, tls)]),
            ("SMTP", "587", "on", "TLS", [(587, starttls)]),
            ("SMTP", "587", "off", "TLS", [(587, starttls)]),
            ("SMTP", "587", None, "TLS", [(587, starttls)]),
            ("SMTP", "2525", None, "TLS", [(2525, starttls)]),
            ("IMAP", "143", "on", "TLS", [(143, starttls)]),
            ("IMAP", "993", "on", "TLS", [(993, tls), (993, starttls)]),
            ("IMAP", None, "on", "TLS", [(143, starttls)]),
            ("IMAP", "143", "on", "None", [(143, clear)]),
            ("SMTP", "25", None, "None", [(25, clear)]),
            ("IMAP", "993", "off", "None", [(993, tls)]),
            ("POP3", None, None, "None", [(110, clear)]),
            ("IMAP", "993", "off", "Auto", [(993, tls)]),
            ("IMAP", "143", "off", "Auto", [(143, starttls)]),
            ("SMTP", "587", None, "Auto", [(587, starttls)]),
            ("SMTP", None, None, "Auto", [(465, tls)]),
            ("SMTP", "2525", None, "Auto", [(2525, tls), (2525, starttls)]),
            # slips
            ("imap", " 993\n", " ON ", None, [(993, tls)]),
            ("Pop", "995", "True", None, [(995, tls)]),
            ("IMAP4", "993", "1", None, [(993, tls)]),
            ("SMTP", "587", "on", "tls ", [(587, starttls)]),
            ("SMTP", "587", "on", "STARTTLS", [(587, starttls)]),
            ("SMTP", "587", "FALSE", None, [(587, starttls), (587, clear)]),
            ("SMTP", "587", "0", None, [(587, starttls), (587, clear)]),
            ("SMTP", "465", "maybe", None, [(465, tls)]),
            ("SMTP", "587", None, "on", [(587, starttls)]),
            ("SMTP", "25", None, "Off", [(25, clear)]),
            ("POP3", "993", "on", None, [(995, tls)]),
        ):
            with self.subTest(kind=kind, port=port, ssl=ssl, encryption=encryption):
                section = protocol(kind, "mail.example.org", port, ssl, Encryption=encryption)
                self.assertEqual(places(section), expected)

    def test_login_name(self):
        for fields, expected in (
            ({"LoginName": "jane"}, ["jane"]),
            ({"LoginName": " jane@example.org\n"}, ["jane@example.org"]),
            ({"LoginName": "EXAMPLE\\jane"}, ["EXAMPLE\\jane"]),
            ({"LoginName": "%EMAILADDRESS%"}, ["jane@example.org"]),
            ({"LoginName": ""}, [""]),
            ({}, [""]),
            ({"LoginName": "{email}"}, [""]),
            ({"LoginName": "jane", "DomainRequired": "off", "DomainName": "EXAMPLE"}, ["jane"]),
            ({"LoginName": "jane", "DomainName": "EXAMPLE"}, ["jane"]),
            ({"LoginName": "jane", "DomainRequired": "on"}, ["jane@example.org"]),
            (
                {"LoginName": "jane", "DomainRequired": "on", "DomainName": "ads.example"},
                ["jane@ads.example"],
            ),
            ({"LoginName": "jane", "DomainRequired": "on", "DomainName": "EXAMPLE"}, ["EXAMPLE\\jane"]),
            ({"LoginName": "jane@example.org", "DomainRequired": "on"}, ["jane@example.org"]),
            ({"DomainRequired": "on", "DomainName": "EXAMPLE"}, [""]),
        ):
            with self.subTest(fields):
                found = servers(protocol("IMAP", "imap.example.org", "993", **fields))
                self.assertEqual([username for *_, username in found], expected)

    def test_login_name_with_an_internationalised_domain(self):
        for login in ("jane@bücher.example", "jane@xn--bcher-kva.example"):
            found = servers(protocol("IMAP", "imap.example.org", LoginName=login), address=INTERNATIONAL)
            with self.subTest(login):
                self.assertEqual(
                    [username for *_, username in found],
                    ["jane@xn--bcher-kva.example", "jane@bücher.example"],
                )

    def test_outgoing_login_as_incoming(self):
        pop = protocol("POP3", "pop.example.org", "995", LoginName="jane")
        for fields, expected in (
            ({"UsePOPAuth": "on"}, "jane"),
            ({"UsePOPAuth": "true"}, "jane"),
            ({"UsePOPAuth": "on", "LoginName": "other"}, "other"),
            ({"UsePOPAuth": "off"}, ""),
            ({}, ""),
        ):
            for sections in ((pop, protocol(**fields)), (protocol(**fields), pop)):
                with self.subTest(fields):
                    outgoing = [server for server in servers(*sections) if server[0] == "smtp"]
                    self.assertEqual([username for *_, username in outgoing], [expected])
        self.assertEqual(servers(protocol(UsePOPAuth="on"))[0][-1], "")

    def test_authentication(self):
        for kind, fields, expected in (
            ("IMAP", {}, "password-cleartext"),
            ("IMAP", {"SPA": "off"}, "password-cleartext"),
            ("IMAP", {"SPA": "On"}, "NTLM"),
            ("SMTP", {"AuthRequired": "on"}, "password-cleartext"),
            ("SMTP", {"AuthRequired": "off"}, "none"),
            ("SMTP", {"AuthRequired": "off", "SPA": "on"}, "none"),
            ("IMAP", {"AuthRequired": "off"}, "password-cleartext"),
        ):
            with self.subTest(kind, **fields):
                document = parse(autodiscover(protocol(kind, **fields)), JANE)
                self.assertEqual(document.servers[0].authentication, (expected,))

    def test_a_bad_protocol_is_dropped_alone(self):
        good = protocol("POP3", "pop.example.org", "995")
        for name, bad in {
            "no type": protocol(None),
            "no server": protocol(server=None),
            "empty server": protocol(server=" "),
            "server": protocol(server="smtp example org"),
            "server with port": protocol(server="smtp.example.org:465"),
            "server without dot": protocol(server="localhost"),
            "IP address": protocol(server="127.0.0.1"),
            "port": protocol(port="smtps"),
            "port 0": protocol(port="0"),
            "port too high": protocol(port="65536"),
            "port far too high": protocol(port="9" * 3000),
            "encryption": protocol(Encryption="quantum"),
        }.items():
            with self.subTest(name):
                self.assertEqual([host for _, host, *_ in servers(bad, good)], ["pop.example.org"])
                with self.assertRaises(FormatError):
                    servers(bad)

    def test_host_in_another_script(self):
        self.assertEqual(servers(protocol(server="smtp.BÜCHER.example"))[0][1], "smtp.xn--bcher-kva.example")

    def test_name_spaces_and_case(self):
        expected = parse(autodiscover(), JANE)
        text = autodiscover().decode()
        outer = ' xmlns="http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"'
        inner = ' xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"'
        self.assertIn(outer, text)
        self.assertIn(inner, text)
        for name, changed in {
            "none": text.replace(outer, "").replace(inner, ""),
            "outer only": text.replace(inner, ""),
            "inner only": text.replace(outer, ""),
            "another": text.replace(inner, ' xmlns="https://example.org/ns"'),
            "prefix": text.replace(outer, outer + ' xmlns:a="urn:a"').replace("Protocol>", "a:Protocol>"),
            "spelling": text.replace("Autodiscover", "AutoDiscover").replace("Port>", "PORT>"),
            "no account type": text.replace("<AccountType>email</AccountType>", ""),
            "no action": text.replace("<Action>settings</Action>", ""),
            "upper case": text.replace(">settings<", "> SETTINGS <").replace(">email<", ">EMAIL<"),
            "byte order mark": "\ufeff" + text,
        }.items():
            with self.subTest(name):
                self.assertNotEqual(changed, text)
                self.assertEqual(parse(changed.encode(), JANE), expected)
        self.assertEqual(parse(text.replace("utf-8", "utf-16").encode("utf-16"), JANE), expected)
        # as .NET writes it when a text is made of the document
        self.assertEqual(parse(text.replace("utf-8", "utf-16").encode(), JANE), expected)

    def test_account_of_another_type(self):
        other = b"<Account><AccountType>nntp</AccountType></Account>"
        document = autodiscover().replace(b"<Account>", other + b"<Account>")
        self.assertEqual(parse(document, JANE), parse(autodiscover(), JANE))


class TestRedirect(unittest.TestCase):
    def redirect(self, action, element, text):
        more = f"<{element}>{text}</{element}>"
        return parse(autodiscover(protocol("EXCH"), action=action, more=more), JANE)

    def test_address(self):
        for action, text, expected in (
            ("redirectAddr", "jane@mail.example.net", "jane@mail.example.net"),
            ("REDIRECTADDR", " Jane@BÜCHER.example ", "Jane@xn--bcher-kva.example"),
            ("", "jane@example.net", "jane@example.net"),
        ):
            with self.subTest(action):
                self.assertEqual(
                    self.redirect(action, "RedirectAddr", text), Redirect(address=expected, url="")
                )

    def test_url(self):
        url = "https://autodiscover.example.net/autodiscover/autodiscover.xml"
        for action, text, expected in (
            ("redirectUrl", url, url),
            ("redirecturl", f"\n{url} ", url),
            ("", url, url),
            ("redirectUrl", f"{url}?a=b&amp;c=d#e", f"{url}?a=b&c=d"),
            ("redirectUrl", "HTTPS://EXAMPLE.net:443/X", "https://example.net/X"),
            ("redirectUrl", "https://bücher.example:8443/", "https://xn--bcher-kva.example:8443/"),
        ):
            with self.subTest(text):
                self.assertEqual(self.redirect(action, "RedirectUrl", text), Redirect(url=expected))

    def test_no_redirect_that_can_be_followed(self):
        for element, texts in {
            "RedirectAddr": ("", "jane", "jane@localhost", "a b@example.net", "jane@example.org"),
            "RedirectUrl": (
                "",
                "http://example.net/",
                "ftp://example.net/",
                "/autodiscover/autodiscover.xml",
                "https://",
                "https://localhost/",
                "https://127.0.0.1/",
                "https://[::1]/",
                "https://[::1",
                "https://jane:x@example.net/",
                "https://example.net:99999/",
                "https://example.net/a b",
                "https://example.net/\u202e",
                "https://example.net/ü",
                "https://example.net/" + "x" * 5000,
            ),
        }.items():
            for text in texts:
                with self.subTest(text[:40]), self.assertRaisesRegex(FormatError, "^redirects to"):
                    self.redirect(element, element, text)

    def test_settings_count_more_when_the_action_says_so(self):
        document = autodiscover(more="<RedirectUrl>https://example.net/</RedirectUrl>")
        self.assertEqual(parse(document, JANE), parse(autodiscover(), JANE))


class TestNoSettings(unittest.TestCase):
    def refuse(self, document):
        with self.assertRaises(FormatError) as caught:
            parse(document, JANE)
        return str(caught.exception)

    def test_error(self):
        for code, words in (
            ("500", "does not know the address"),
            ("501", "does not know the address"),
            ("600", "did not understand the request"),
            ("601", "has no settings for mail programs"),
            ("603", "answers with an error"),
            ("secret", "answers with an error"),
            ("", "answers with an error"),
        ):
            with self.subTest(code):
                self.assertEqual(self.refuse(ERROR.format(code).encode()), words)

    def test_error_without_a_response(self):
        document = b"<Autodiscover><Error><ErrorCode>600</ErrorCode></Error></Autodiscover>"
        self.assertEqual(self.refuse(document), "did not understand the request")

    def test_other_documents(self):
        for document in (
            b"",
            b"{}",
            b"<html/>",
            b"<Autodiscover/>",
            b"<Autodiscover><Response/></Autodiscover>",
            b"<Autodiscover><Response><Account/></Response></Autodiscover>",
            autodiscover()[:300],
            autodiscover(protocol("EXCH"), protocol("WEB")),
            b"<!DOCTYPE a>" + autodiscover().partition(b"?>")[2],
        ):
            with self.subTest(document[:40]):
                self.refuse(document)


class TestVersion2(unittest.TestCase):
    def test_url(self):
        url = "https://outlook.example.org/autodiscover/autodiscover.xml"
        for document in (
            b'{"Protocol":"Autodiscoverv1","Url":"%s"}',
            b'{"Url": "%s", "Protocol": "AutodiscoverV1", "More": [1.5, {}]}',
            b'\xef\xbb\xbf{"Protocol":"Autodiscoverv1","Url":"%s"}\n',
        ):
            with self.subTest(document):
                self.assertEqual(parse_v2(document % url.encode()), url)

    def test_no_url(self):
        for document in (
            b"",
            b"<html/>",
            b"[]",
            b"null",
            b"{}",
            b'{"Protocol":"Autodiscoverv1"}',
            b'{"Protocol":"Autodiscoverv1","Url":null}',
            b'{"Protocol":"Autodiscoverv1","Url":5}',
            b'{"Protocol":null,"Url":"https://example.org/"}',
            b'{"Protocol":"ActiveSync","Url":"https://example.org/"}',
            b'{"Protocol":"Autodiscoverv1","Url":"http://example.org/"}',
            b'{"Protocol":"Autodiscoverv1","Url":"https://localhost/"}',
            b'{"Protocol":"Autodiscoverv1","Url":"https://example.org/","Url":"https://example.net/"}',
            b'{"ErrorCode":"UserNotFound","ErrorMessage":"secret words"}',
        ):
            with self.subTest(document), self.assertRaises(FormatError) as caught:
                parse_v2(document)
            self.assertNotIn("secret", str(caught.exception))
