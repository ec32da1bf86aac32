"""Hostile documents of every format: nothing but the typed error, and none takes long."""

import json
import random
import re
import time
import unittest
from functools import partial
from xml.sax.saxutils import escape

from hypothesis import given, note, settings
from hypothesis import strategies as st

from odoo.addons.email_account.autoconfig import Address
from odoo.addons.email_account.autoconfig.formats import FormatError, autodiscover, mozilla, pacc

from . import documents
from .documents import client_config, incoming, outgoing, pacc_record, protocol

LONGEST = 0.05  # seconds of CPU time for a document
SIZE = 256 * 1024  # bytes, what the network lets through
JANE = Address.parse("jane@bücher.example")  # the more expensive kind of address
DOCUMENTS = 4000  # mutated ones a format
BATCH = 25  # of them an example of hypothesis: drawing costs more than parsing

MOZILLA = client_config(
    incoming(more="<futureElement a='b'><x/></futureElement>"),
    incoming("pop3", "pop.%EMAILDOMAIN%", "110", "STARTTLS", "%EMAILLOCALPART%"),
    outgoing(more="<username>%EMAILADDRESS</username><!-- x --><![CDATA[y]]>"),
    '<documentation url="https://example.org/"><descr lang="en">&#72;elp &amp; so on</descr></documentation>',
    version="1.2",
)
AUTODISCOVER = documents.autodiscover(
    protocol("EXCH", "exchange.example.org", None),
    protocol("IMAP", "imap.example.org", "993", LoginName="jane@bücher.example", SPA="off"),
    protocol("SMTP", "smtp.example.org", "587", Encryption="TLS", UsePOPAuth="on", DomainRequired="on"),
)
REDIRECT = documents.autodiscover(
    action="redirectUrl", more="<RedirectUrl>https://example.net:443/a?b=c</RedirectUrl>"
)
VERSION_2 = b'{"Protocol": "Autodiscoverv1", "Url": "https://example.net/autodiscover/autodiscover.xml"}'
PACC = documents.pacc(
    {
        "imap": {"host": "imap.example.org"},
        "pop3": {"host": "pop.bücher.example"},
        "submit": {"host": "smtp.example.org"},
    },
    authentication={"oauth-public": {"issuer": "https://auth.example.org"}, "password": True},
    info={"provider": {"name": "Bücher"}, "n": [1, -2.5e10, None]},
)
# what is put anywhere
_TOKENS = [b"<a ", b" xmlns='x'", b"<!DOCTYPE a>", b"\xff\xfe", b"\xef\xbb\xbf", b"\xe2\x80\xae"]
_TOKENS += rb"""< > & ' " / ! ? [ ] { } : , \ % ; = b: xn-- NaN null 1e999 \ud800 \u0000 %EMAILADDRESS% {x}
    </a> <!-- --> <![CDATA[ ]]> <?x ?> &a; &#0; &#x10FFFF;""".split()
# what is put in the place of a value
_VALUES = ["", " ", "a\n b", "\u202e", "9" * 5000, "x" * 400, "ü" * 200, "üe." * 80, "%REALNAME%" * 30]
_VALUES += """0 993 587 65536 on Off None TLS ssl plain Auto true NaN imap POP3 smtp settings redirectAddr
    redirectUrl @ jane@example.net %EMAILADDRESS% %EMAILDOMAIN {x} mail.bücher.example xn--a.example 127.0.0.1
    [::1] https://ü.example:0/ https://[ v=UAAC1""".split()
_TEXT = re.compile(rb"(?<=>)[^<>]*(?=</)")
_ELEMENT = re.compile(rb"<(\w+)[^<>]*>[^<>]*</\1>")


def mutated(dice, seed):
    """Return a document with a few changes: half of them of any kind, half such that it stays readable."""
    document = bytearray(seed)
    mutations = dice.choice([_MUTATIONS, _GENTLE_MUTATIONS[seed[:1]]])
    for _ in range(dice.randint(1, 6)):
        dice.choice(mutations)(dice, document)
    if dice.random() < 0.05:
        _grow(dice, document)
    return bytes(document[:SIZE])


def _slice(dice, document, longest=400):
    start = dice.randint(0, len(document))
    return start, min(start + dice.randint(0, longest), len(document))


def _flip(dice, document):
    for _ in range(min(dice.randint(1, 4), len(document))):
        document[dice.randrange(len(document))] ^= 1 << dice.randrange(8)


def _truncate(dice, document):
    if dice.random() < 0.3:
        del document[dice.randint(0, len(document)) :]


def _remove(dice, document):
    start, end = _slice(dice, document, 40)
    del document[start:end]


def _duplicate(dice, document):
    start, end = _slice(dice, document)
    document[end:end] = document[start:end] * dice.randint(1, 4)


def _nest(dice, document):
    start, end = _slice(dice, document)
    inside = dice.randint(start, end)
    document[inside:inside] = document[start:end]


def _insert(dice, document):
    position = dice.randint(0, len(document))
    document[position:position] = dice.choice(_TOKENS) * dice.choice([1, 1, 2, 50])


def _number(dice, document):
    digits = [i for i, byte in enumerate(document) if chr(byte).isdigit()]
    if digits:
        position = dice.choice(digits)
        document[position : position + 1] = dice.choice(
            [b"0", b"-1", b"9" * 20, b"9" * 5000, b"1e99", b"0x1"]
        )


def _control(dice, document):
    position = dice.randint(0, len(document))
    document[position:position] = bytes([dice.choice([*range(32), 127, 128, 255])])


def _encoding(dice, document):
    try:
        text = document.decode()
    except UnicodeDecodeError:
        return
    encoding = dice.choice(
        ["utf-8", "utf-16", "utf-16-le", "utf-32", "utf-7", "latin-1", "cp1252", "no-such"]
    )
    if dice.random() < 0.5:
        text = text.replace("UTF-8", encoding).replace("utf-8", encoding)
    if encoding != "no-such" and dice.random() < 0.7:
        document[:] = text.encode(encoding, "replace")
    else:
        document[:] = text.encode()


def _replace_text(dice, document):
    if texts := list(_TEXT.finditer(document)):
        document[slice(*dice.choice(texts).span())] = dice.choice(_VALUES).encode()


def _copy_element(dice, document):
    """Put an element once more, beside or into another."""
    if elements := list(_ELEMENT.finditer(document)):
        place = dice.choice(elements)
        position = dice.choice([place.start(), place.end() - len(place[1]) - len("</>")])
        document[position:position] = dice.choice(elements)[0] * dice.choice([1, 1, 2, 30])


def _remove_element(dice, document):
    if elements := list(_ELEMENT.finditer(document)):
        del document[slice(*dice.choice(elements).span())]


def _replace_member(dice, document):
    """Put other values in the place of a few members of JSON."""
    try:
        root, other = json.loads(document), json.loads(document)
    except ValueError:
        return
    others = [*_VALUES, other, *other.values(), [], {}, True, 10**30, -0.5, None]
    part = root
    while isinstance(part, dict) and part:
        name = dice.choice(list(part))
        if not isinstance(part[name], dict) or dice.random() < 0.3:
            part[dice.choice([name, name, "host", "smtp"])] = dice.choice(others)
            break
        part = part[name]
    document[:] = json.dumps(root, ensure_ascii=dice.random() < 0.5).encode()


_GENTLE_MUTATIONS = {
    b"<": [_replace_text, _replace_text, _copy_element, _remove_element],
    b"{": [_replace_member],
    b"v": [_insert],
}
_MUTATIONS = [_flip, _truncate, _remove, _duplicate, _nest, _insert, _number, _control, _encoding]


def _grow(dice, document):
    """Repeat a part until the document is as long as one can be."""
    start, end = _slice(dice, document, dice.choice([1, 10, 100, 400]))
    part = bytes(document[start:end]) or b"<a>"
    document[end:end] = part * ((SIZE - len(document)) // len(part))


class TestFuzz(unittest.TestCase):
    """16,000 mutated documents, and bombs."""

    def check(self, parse, document):
        """Parse a document; return what is found, None when it is refused."""
        for _ in range(3):  # the machine may be busy, or collect garbage
            started = time.thread_time()
            try:
                found = parse(document)
            except FormatError:
                found = None
            taken = time.thread_time() - started
            if taken < LONGEST:
                return found
        self.fail(f"{taken:.3f} s for {len(document)} bytes")

    def check_document(self, parse, document):
        found = self.check(lambda document: parse(document, JANE), document)
        if isinstance(found, autodiscover.Redirect):
            self.assertTrue(bool(found.url) != bool(found.address))
            self.assertTrue(found.url.isascii() and (not found.url or found.url.startswith("https://")))
        elif found:
            self.check_servers(found)

    def check_servers(self, found):
        self.assertTrue(0 < len(found.servers) <= 50)
        self.assertTrue(found.name.isprintable())
        for server in found.servers:
            self.assertIn(server.protocol, ("imap", "pop3", "smtp"))
            self.assertIn(server.security, ("tls", "starttls", "none"))
            self.assertTrue(0 < server.port < 65536)
            self.assertTrue(server.host.isascii() and "." in server.host)
            self.assertTrue(server.username.isprintable())

    def fuzz(self, seeds, check):
        """Call ``check`` with mutations of the seeds."""
        checked = 0

        @settings(max_examples=DOCUMENTS // BATCH, deadline=None)
        @given(st.integers(0, 2**64))
        def run(number):
            nonlocal checked
            dice = random.Random(number)
            for _ in range(BATCH):
                document = mutated(dice, dice.choice(seeds))
                try:
                    check(document)
                except BaseException:
                    note(repr(document[:2000]))
                    raise
                checked += 1

        for seed in seeds:
            check(seed)
        run()
        self.assertGreaterEqual(checked, DOCUMENTS)

    def test_seeds_are_good(self):
        self.assertEqual(len(mozilla.parse(MOZILLA, JANE).servers), 5)
        self.assertEqual(len(autodiscover.parse(AUTODISCOVER, JANE).servers), 4)
        self.assertTrue(autodiscover.parse(REDIRECT, JANE).url)
        self.assertTrue(autodiscover.parse_v2(VERSION_2))
        self.assertEqual(len(pacc.parse(PACC, JANE).servers), 3)

    def test_mozilla(self):
        self.fuzz([MOZILLA], lambda document: self.check_document(mozilla.parse, document))

    def test_autodiscover(self):
        self.fuzz(
            [AUTODISCOVER, REDIRECT], lambda document: self.check_document(autodiscover.parse, document)
        )

    def test_autodiscover_v2_and_digest(self):
        records = [pacc_record(PACC).encode(), b"v=UAAC1; a=sha256"]

        def check(document):
            url = self.check(autodiscover.parse_v2, document)
            self.assertTrue(url is None or url.startswith("https://"))
            records = [document, document.decode("latin-1")]
            matches = self.check(partial(pacc.digest_matches, PACC), records)
            self.assertIn(matches, (True, False))

        self.fuzz([VERSION_2, *records], check)

    def test_pacc(self):
        self.fuzz([PACC], lambda document: self.check_document(pacc.parse, document))

    @settings(max_examples=200, deadline=None)
    @given(
        st.lists(
            st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff")),
            min_size=5,
            max_size=5,
        )
    )
    def test_any_text_in_a_well_formed_document(self, texts):
        kind, *fields = [escape(text, {'"': "&quot;"}) for text in texts]
        name, *others = fields
        document = client_config(incoming(kind, *others), outgoing("smtp", *fields[:4]), name=name)
        self.check_document(mozilla.parse, document)
        section = protocol("IMAP", *fields[:3], LoginName=fields[3], DomainRequired="on", DomainName=name)
        self.check_document(autodiscover.parse, documents.autodiscover(section, protocol(*fields[:4])))
        hosts = {"imap": {"host": texts[0]}, "submit": {"host": texts[1]}}
        self.check_document(pacc.parse, documents.pacc(hosts, info={"provider": {"name": texts[2]}}))

    def test_bombs_are_cheap(self):
        laughs = "".join(f'<!ENTITY l{i + 1} "{f"&l{i};" * 10}">' for i in range(9))
        hosts = [
            ".".join(["üe"] * 80),
            ".".join(["ü" * 50] * 4),
            "مثال" * 60,
            ".".join(["xn--" + "a" * 55] * 4),
        ]
        for name, document in {
            "entities": f'<!DOCTYPE c [<!ENTITY l0 "ha">{laughs}]><c>&l9;</c>'.encode(),
            "depth": b"<a>" * (SIZE // 3),
            "balanced depth": b"<a>" * (SIZE // 7) + b"</a>" * (SIZE // 7),
            "depth that is let through": b"<clientConfig>" * 9_000 + b"</clientConfig>" * 9_000,
            "depth in a value": MOZILLA.replace(b"993", b"<a>" * 9_000 + b"993" + b"</a>" * 9_000),
            "elements": b"<a>" + b"<b/>" * (SIZE // 4) + b"</a>",
            "attributes": b"<a " + b"".join(b"a%d='' " % i for i in range(SIZE // 10)) + b"/>",
            "name spaces": b"<a " + b"".join(b"xmlns:a%d='b' " % i for i in range(SIZE // 17)) + b"/>",
            "attributes in a name space": (
                b"<a xmlns:b='c' " + b"".join(b"b:a%d='' " % i for i in range(SIZE // 12)) + b"/>"
            ),
            "nested name spaces": b"".join(b"<a xmlns:b%d='c'>" % i for i in range(9_000)) + b"</a>" * 9_000,
            "quoted brackets": b"<a " + b"".join(b"a%d='>' " % i for i in range(SIZE // 11)) + b"/>",
            "attributes of many": (
                b"<r>" + (b"<b " + b"".join(b"a%d='' " % i for i in range(400)) + b"/>") * 75 + b"</r>"
            ),
            "one text": b"<a>" + b"x" * SIZE + b"</a>",
            "line ends": b"<a>" + b"\r" * SIZE + b"</a>",
            "references": b"<a>" + b"&amp;" * (SIZE // 5) + b"</a>",
            "comments": b"<!---->" * (SIZE // 7) + b"<a/>",
            "instructions": b"<?a ?>" * (SIZE // 6) + b"<a/>",
            "open comment": b"<a><!--" + b"x-" * (SIZE // 2),
            "open attribute": b"<a b='" + b"x" * SIZE,
            "declaration": b"<?xml " * (SIZE // 6),
            "spaces": b"<?xml version='1.0'" + b" " * SIZE + b"?><a/>",
            "utf-16": ("<a>" + "x" * (SIZE // 2)).encode("utf-16"),
            "percent signs": client_config(incoming(username="%EMAILADDRESS" * (SIZE // 14))),
            "percent signs in a host": client_config(incoming(host="%EMAILADDRESS" * (SIZE // 14))),
            "user names": client_config(
                *[incoming(more=f"<username>{'%EMAILDOMAIN' * 20}x</username>" * 15)] * 50
            ),
            "bad user names": client_config(
                *[incoming(username="%EMAILDOMAIN" * 20, more="<username>{x}</username>" * 40)] * 100
            ),
            "long user names": client_config(
                *[incoming(more=f"<username>{'%EMAILDOMAIN' * 330}</username>" * 3)] * 20
            ),
            "domains": MOZILLA.replace(b"<domain>", b"<domain/>" * 19_000 + b"<domain>"),
            **{f"hosts {host[:4]}": client_config(*[incoming(host=host)] * 400) for host in hosts},
            **{
                f"servers {host[:4]}": documents.autodiscover(*[protocol(server=host)] * 400)
                for host in hosts
            },
            "accounts": documents.autodiscover().replace(b"<Account>", b"<Account/>" * 9_000 + b"<Account>"),
            "redirect": documents.autodiscover(
                action="redirectUrl", more="<RedirectUrl>https://" + "ü." * (SIZE // 3) + "</RedirectUrl>"
            ),
            "brackets": b"[" * SIZE,
            "objects": b'{"a":' * (SIZE // 5),
            "brackets that are let through": b"[" * 500,
            "members": b"{" + b",".join(b'"%x":0' % i for i in range(SIZE // 9)) + b"}",
            "numbers": b'{"a":[' + b"1," * (SIZE // 2) + b"1]}",
            "one number": b'{"a":' + b"9" * SIZE + b"}",
            "strings": b'{"a":[' + b'"",' * (SIZE // 3) + b'""]}',
            "escapes": b'{"a":"' + b"\\u0061" * (SIZE // 6) + b'"}',
            "host in JSON": documents.pacc({"imap": {"host": "ü" * (SIZE // 6)}}),
        }.items():
            self.assertLess(len(document), SIZE * 1.2, name)
            for parse in (mozilla.parse, autodiscover.parse, pacc.parse):
                with self.subTest(name, parse=parse.__module__):
                    self.check_document(parse, document)

    def test_digest_bombs_are_cheap(self):
        for record in ("v=UAAC1;" * 8000, "=;" * 32000, "v=UAAC1; a=sha256; d=" + "A" * 65000, ";" * 65000):
            with self.subTest(record[:20]):
                self.assertFalse(self.check(partial(pacc.digest_matches, PACC), [record]))
