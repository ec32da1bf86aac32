"""Mail as it should not be: what `test_encodings` receives. Made in code, plain Python; all texts our own.

Sources of the rules that it keeps or breaks: RFC 5322 (headers), RFC 2045 to 2047 and 2231 (MIME), RFC 3462
and 3464 (delivery reports), RFC 5545 and 6047 (invitations), Italy's decree of 2 November 2005 (certified
mail, PEC), MS-OXTNEF (winmail.dat).
"""

import base64
import quopri
from dataclasses import dataclass
from itertools import count

GERMAN = "Grüße aus Köln, größer als „schön“"
RUSSIAN = "Счёт на оплату прилагается"
JAPANESE = "会議の資料をお送りします"
CHINESE = "请查收附件中的发票"
ITALIAN = "Ricevuta di avvenuta consegna"
DAY = "Tue, 24 Nov 2026 10:00:00 +0000"


@dataclass(frozen=True)
class Sample:
    """A mail and what has to become of it.

    :param str name: unique; the mail holds it as ``corpus-NAME``, in a header and as a rule in its text too
    :param bytes source: as a mailbox keeps it
    :param subject: what the message's subject has to be (None: whatever)
    :param text: what the text of the message has to hold (None: whatever; the mail may also be unprocessed)
    :param tuple attachments: names that the message's attachments have to have
    """

    name: str
    source: bytes
    subject: str | None = None
    text: str | None = None
    attachments: tuple = ()

    @property
    def is_readable(self):
        """Whether it has to become a message."""
        return self.subject is not None or self.text is not None


def join(*lines, end=b"\r\n"):
    """Return lines (text or bytes) as one, each with its end."""
    return b"".join((line.encode() if isinstance(line, str) else line) + end for line in lines)


def encode_word(text, charset):
    return f"=?{charset}?B?{base64.b64encode(text.encode(charset)).decode()}?="


def head(name, *, subject=None, sender=None, identity=None, date=DAY):
    """Return the lines of an ordinary header; a value that is "" leaves its line out."""
    # senders of their own: Odoo takes too many mails of one for a loop
    sender = f"Carol Customer <{name}@customer.example>" if sender is None else sender
    identity = f"<{name}@corpus.example>" if identity is None else identity
    fields = {
        "From": sender,
        "To": "jane@acme.example",
        "Subject": f"corpus-{name}" if subject is None else subject,
        "Date": date,
        "Message-ID": identity,
        "X-Corpus": f"corpus-{name}",
        "MIME-Version": "1.0",
    }
    return [
        f"{field}: ".encode() + (value if isinstance(value, bytes) else value.encode())
        for field, value in fields.items()
        if value
    ]


def simple(name, body="", *lines, **fields):
    """Return a mail of one part: more lines of the header, and a body (text or bytes) with the marker."""
    body = body.encode() if isinstance(body, str) else body
    return join(*head(name, **fields), *lines, "", body, f"corpus-{name}")


def multipart(name, *parts, subtype="mixed", close=True, lines=(), **fields):
    """Return a mail of several parts, each (bytes) with its own header."""
    boundary = f"=_{name}"
    body = [line for part in parts for line in (f"--{boundary}", part)]
    end = [f"--{boundary}--"] if close else []
    kind = f'Content-Type: multipart/{subtype}; boundary="{boundary}"'
    return join(*head(name, **fields), *lines, kind, "", "A mail of several parts.", *body, *end)


def part(kind, body, *lines):
    return join(f"Content-Type: {kind}", *lines, "") + (body.encode() if isinstance(body, str) else body)


def text_part(name, text=""):
    return part(
        "text/plain; charset=utf-8", f"{text}\r\ncorpus-{name}\r\n", "Content-Transfer-Encoding: 8bit"
    )


def attached(name, filename, content=b"content", kind="application/octet-stream"):
    """Return a mail with an attachment.

    :param filename: what follows ``filename`` in the header: ``="note.txt"``
    """
    disposition = b"Content-Disposition: attachment; filename" + (
        filename.encode() if isinstance(filename, str) else filename
    )
    body = base64.encodebytes(content)
    return multipart(
        name, text_part(name), part(kind, body, disposition, "Content-Transfer-Encoding: base64")
    )


def samples():
    """Return all of them (list of `Sample`)."""
    makers = (charsets, headers, senders, identities, dates, structure, transfer, content, files, shapes)
    return [sample for make in makers for sample in make()]


def charsets():
    """Character sets, named rightly, wrongly and not at all."""
    plain = "Content-Type: text/plain; charset="
    for name, charset, text in (
        ("utf8", "utf-8", GERMAN),
        ("iso2022jp", "iso-2022-jp", JAPANESE),
        ("shiftjis", "shift_jis", JAPANESE),
        ("eucjp", "euc-jp", JAPANESE),
        ("gb18030", "gb18030", CHINESE),
        ("big5", "big5", "請查收附件"),
        ("koi8r", "koi8-r", RUSSIAN),
        ("windows1251", "windows-1251", RUSSIAN),
        ("windows1252", "windows-1252", GERMAN),
        ("utf7", "utf-7", GERMAN),
        ("utf16", "utf-16", GERMAN),
    ):
        encoded = text.encode(charset)
        subject = encode_word(text, charset)
        lines = f"{plain}{charset}", "Content-Transfer-Encoding: base64"
        source = join(*head(name, subject=subject), *lines, "", base64.encodebytes(encoded))
        yield Sample(name, source, text, text)
        if charset in ("utf-16", "gb18030"):  # not without a transfer encoding
            continue
        source = simple(f"{name}-8bit", encoded, f"{plain}{charset}", "Content-Transfer-Encoding: 8bit")
        yield Sample(f"{name}-8bit", source, f"corpus-{name}-8bit", text)
    quoted = quopri.encodestring(RUSSIAN.encode("koi8-r"))
    lines = f"{plain}koi8-r", "Content-Transfer-Encoding: quoted-printable"
    yield Sample("koi8r-quoted", simple("koi8r-quoted", quoted, *lines), "corpus-koi8r-quoted", RUSSIAN)
    for name, charset, encoded in (
        ("charset-unknown", "x-klingon", GERMAN.encode()),
        ("charset-empty", "", GERMAN.encode()),
        ("charset-open", '"utf-8', GERMAN.encode()),
        ("charset-blank", '"utf 8"', GERMAN.encode()),
        ("charset-long", "x" * 5000, GERMAN.encode()),
        ("charset-hex", "hex", b"not hex"),  # Python has a codec of that name that is none for text
        ("charset-idna", "idna", b"a..b"),
        ("charset-undefined", "undefined", b"text"),
        ("ascii-lie", "us-ascii", GERMAN.encode()),
        ("utf8-lie", "utf-8", "Grüße aus Köln".encode("latin-1")),
        ("utf16-lie", "utf-16", b"odd"),
        ("utf16-surrogate", "utf-16-le", b"a\x00\x00\xd8b\x00"),
        ("surrogate", "utf-8", b"\xed\xa0\x80 half of a pair"),
        ("iso2022jp-cut", "iso-2022-jp", JAPANESE.encode("iso-2022-jp")[:-5]),
        ("nul-text", "utf-8", b"before\x00after"),
    ):
        yield Sample(name, simple(name, encoded, f"{plain}{charset}", "Content-Transfer-Encoding: 8bit"))
    nul = join(
        *head("nul-coded"),
        f"{plain}utf-8",
        "Content-Transfer-Encoding: base64",
        "",
        base64.b64encode(b"a\x00b"),
    )
    yield Sample("nul-coded", nul)
    html = f'<html><head><meta charset="koi8-r"></head><body><p>{GERMAN}</p></body></html>'
    lines = "Content-Type: text/html; charset=utf-8", "Content-Transfer-Encoding: 8bit"
    yield Sample("html-lie", simple("html-lie", html, *lines), "corpus-html-lie", GERMAN)
    yield Sample("utf8-undeclared", simple("utf8-undeclared", GERMAN), "corpus-utf8-undeclared")


def headers():
    """Headers that break RFC 5322 and RFC 2047."""
    for name, subject in (
        ("subject-koi8r", RUSSIAN.encode("koi8-r")),
        ("word-cut", "=?utf-8?B?R3LD"),
        ("word-half", "=?utf-8?B?R3LD?="),
        ("word-encoding", "=?utf-8?X?Gruesse?="),
        ("word-charset", "=?klingon?Q?nuqneH?="),
        ("word-garbage", "=?utf-8?B?!!!!?= =?utf-8?Q?=ZZ?="),
        ("word-surrogate", "=?utf-8?B?7aCA?="),
        ("word-nul", "=?utf-8?Q?a=00b?="),
        ("word-lines", "=?utf-8?Q?a=0D=0ABcc:_somebody@customer.example=0D=0A?="),
        ("subject-nul", b"before\x00after"),
        ("subject-controls", b"bell \x07 escape \x1b delete \x7f"),
        ("subject-huge", "very long " * 10_000),
        ("subject-rtl", "\u202egpj.xe\u202c"),
    ):
        yield Sample(name, simple(name, "Body", subject=subject))
    for name, subject, wanted in (
        ("subject-utf8", GERMAN, GERMAN),
        ("word-q", "=?utf-8?Q?Gr=C3=BC=C3=9Fe_aus_K=C3=B6ln?=", "Grüße aus Köln"),
        ("word-folded", "=?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\n =?utf-8?Q?_aus_K=C3=B6ln?=", "Grüße aus Köln"),
        ("word-mixed", "Re: =?iso-8859-1?Q?K=F6ln?= and =?koi8-r?B?7c/Ty9fB?=", "Re: Köln and Москва"),
    ):
        yield Sample(name, simple(name, "Body", subject=subject), wanted, "Body")
    for name, line in (
        ("header-nul", b"X-Nul: a\x00b"),
        ("header-8bit", b"X-Gr\xc3\xbc\xc3\x9fe: \xff\xfe"),
        ("header-no-colon", "this line has no colon"),
        ("header-no-name", ": no name"),
        ("header-blank", "   "),
        ("header-unfolded", "X-Folded: first\r\nsecond line that was not indented"),
        ("header-huge", "X-Huge: " + "x" * 100_000),
        ("header-many", "\r\n".join(f"X-Number-{number}: {number}" for number in range(5000))),
        (
            "references-huge",
            "References: " + " ".join(f"<{number}@corpus.example>" for number in range(2000)),
        ),
        ("references-garbage", "References: <<>> @ <a b\r\nIn-Reply-To: ,;<"),
        ("to-huge", "Cc: " + ", ".join(f"user{number}@customer.example" for number in range(2000))),
        ("to-garbage", 'Cc: <>, @, a@, "open <x@y>, (comment (nested), group: a@b.example;'),
    ):
        yield Sample(name, simple(name, "Body", line))
    source = simple("header-indented", "Body")
    yield Sample("header-indented", b" " + source)
    yield Sample(
        "header-mbox", b"From carol@customer.example Tue Nov 24 10:00:00 2026\r\n" + simple("header-mbox")
    )


def senders():
    """No sender, several, and what is none."""
    for name, sender in (
        ("from-missing", ""),
        ("from-empty", " "),
        ("from-none", "<>"),
        ("from-words", "nobody in particular"),
        ("from-group", "undisclosed: ;"),
        ("from-open", '"Carol <carol@customer.example>'),
        ("from-8bit", "Jörg <joerg@customer.example>".encode("latin-1")),
        ("from-utf8", "Jörg <jörg@kölner.example>"),
        ("from-nul", b"Carol\x00 <carol@customer.example>"),
        ("from-huge", "x" * 5000 + " <carol@customer.example>"),
        ("from-two", "one@customer.example, two@customer.example"),
        ("from-twice", "one@customer.example\r\nFrom: two@customer.example"),
        ("from-injected", '"carol@customer.example <admin@acme.example>" <other@customer.example>'),
    ):
        yield Sample(name, simple(name, "Body", sender=sender))
    sender = f"{encode_word('Юлия', 'koi8-r')} <julia@customer.example>"
    yield Sample("from-word", simple("from-word", "Body", sender=sender), "corpus-from-word", "Body")


def identities():
    """Message-IDs."""
    for name, identity in (
        ("id-missing", ""),
        ("id-empty", " "),
        ("id-bare", "id-bare"),
        ("id-blank", "<id blank@corpus.example>"),
        ("id-open", "<id-open@corpus.example"),
        ("id-8bit", b"<id-\xff@corpus.example>"),
        ("id-nul", b"<id-\x00@corpus.example>"),
        ("id-word", "=?utf-8?Q?=3Cid-word=40corpus.example=3E?="),
        ("id-huge", f"<{'x' * 5000}@corpus.example>"),
        ("id-folded", "\r\n <id-folded\r\n @corpus.example>"),
        ("id-twice", "<id-twice@corpus.example>\r\nMessage-ID: <id-other@corpus.example>"),
    ):
        yield Sample(
            name,
            simple(name, "Body", identity=identity),
            f"corpus-{name}" if name in ("id-missing", "id-empty", "id-bare", "id-twice") else None,
        )


def dates():
    """Dates that no calendar has, or no database."""
    for number, date in enumerate(
        (
            "",
            "yesterday",
            "Mon, 32 Foo 2026 25:61:61 +9999",
            "Mon, 01 Jan 0001 00:00:00 +1400",
            "Fri, 31 Dec 9999 23:59:59 -1200",
            "Fri, 31 Dec 99999 23:59:59 +0000",
            "Thu, 01 Jan 1970 00:00:00 +0000",
            "99999999999999999999",
            b"\xff\x00",
            f"{DAY}\r\nDate: Tue, 24 Nov 2020 10:00:00 +0000",
        )
    ):
        name = f"date-{number}"
        yield Sample(name, simple(name, "Body", date=date))


def nested(name, depth, make):
    """Return a body that was wrapped ``depth`` times by a function of the inner one and of a number."""
    inner = text_part(name, "at the bottom")
    for number in range(depth):
        inner = make(inner, number)
    return join(*head(name)) + inner


def wrap_multipart(inner, number):
    boundary = f"level-{number}"
    kind = f"multipart/mixed; boundary={boundary}"
    return part(kind, join(f"--{boundary}", inner, f"--{boundary}--"))


def wrap_message(inner, number):
    fields = join("From: dave@customer.example", f"Subject: inner {number}", "MIME-Version: 1.0")
    return part("message/rfc822", fields + inner)


def structure():
    """MIME structures, whole and broken."""
    yield Sample("nested-5", nested("nested-5", 5, wrap_message))
    yield Sample("levels-30", nested("levels-30", 30, wrap_multipart), "corpus-levels-30", "at the bottom")
    yield Sample("levels-2000", nested("levels-2000", 2000, wrap_multipart))
    yield Sample("nested-2000", nested("nested-2000", 2000, wrap_message))
    parts = [text_part("parts-2000", f"part {number} of many") for number in range(2000)]
    yield Sample("parts-2000", multipart("parts-2000", *parts))
    body = text_part("never-closed", GERMAN)
    yield Sample("never-closed", multipart("never-closed", body, close=False), "corpus-never-closed", GERMAN)
    for name, kind in (
        ("no-boundary", "multipart/mixed"),
        ("other-boundary", 'multipart/mixed; boundary="elsewhere"'),
        ("empty-boundary", 'multipart/mixed; boundary=""'),
        ("huge-boundary", f'multipart/mixed; boundary="{"b" * 5000}"'),
        ("type-empty", ""),
        ("type-garbage", ";;;=;"),
        ("type-half", "text"),
        ("type-stars", "*/*"),
        ("type-nul", "text/plain\x00; charset=utf-8"),
        ("type-8bit", "text/plän; charset=utf-8"),
        ("type-twice", "text/plain; charset=utf-8\r\nContent-Type: text/html; charset=koi8-r"),
        ("type-multipart-twice", "multipart/mixed; boundary=a\r\nContent-Type: multipart/mixed; boundary=b"),
        ("message-text", "message/rfc822"),
        ("message-partial", 'message/partial; id="x@corpus.example"; number=1; total=9'),
        ("message-elsewhere", 'message/external-body; access-type=URL; URL="http://127.0.0.1/"'),
    ):
        lines = f"Content-Type: {kind}", "Content-Transfer-Encoding: 8bit"
        yield Sample(name, simple(name, "--a\r\n\r\nBody\r\n--a--", *lines))
    yield Sample("type-missing", simple("type-missing", "Plain text"), "corpus-type-missing", "Plain text")
    same = part('multipart/mixed; boundary="=_same-boundary"', "--=_same-boundary\r\n\r\ninner\r\n")
    yield Sample("same-boundary", multipart("same-boundary", same, text_part("same-boundary")))
    coded = part("message/rfc822", base64.encodebytes(simple("inner")), "Content-Transfer-Encoding: base64")
    yield Sample("message-coded", multipart("message-coded", text_part("message-coded"), coded))
    yield Sample("no-parts", multipart("no-parts"))
    empty = [part("text/plain", ""), part("text/html", ""), b""]
    yield Sample("empty-parts", multipart("empty-parts", *empty, subtype="alternative"))


def transfer():
    """Content transfer encodings."""
    plain = "Content-Type: text/plain; charset=utf-8"
    quoted = quopri.encodestring(GERMAN.encode())
    whole = base64.encodebytes(GERMAN.encode() * 20)
    uu = b"begin 644 note.txt\r\n#86)C\r\n`\r\nend"
    for name, encoding, body in (
        ("base64-garbage", "base64", b"!!" + whole[:70] + b"\xff*** " + whole[70:]),
        ("base64-cut", "base64", whole[:31]),
        ("base64-not", "base64", b"This is no base64 at all."),
        ("quoted-cut", "quoted-printable", quoted[:-1] + b"="),
        ("quoted-half", "quoted-printable", quoted + b"=C"),
        ("quoted-bad", "quoted-printable", b"=ZZ =\xff = = =0"),
        ("uuencode", "x-uuencode", uu),
        ("uuencode-cut", "x-uuencode", uu[:25]),
        ("encoding-unknown", "x-secret", GERMAN.encode()),
        ("encoding-twice", "base64\r\nContent-Transfer-Encoding: 8bit", GERMAN.encode()),
        ("encoding-7bit", "7bit", GERMAN.encode()),
    ):
        lines = plain, f"Content-Transfer-Encoding: {encoding}"
        yield Sample(name, join(*head(name), *lines, "", body))
    yield Sample("uuencode-text", simple("uuencode-text", uu, plain), "corpus-uuencode-text", "begin 644")
    lines = plain, "Content-Transfer-Encoding: QUOTED-PRINTABLE"
    yield Sample("quoted", join(*head("quoted"), *lines, "", quoted), "corpus-quoted", GERMAN)


def content():
    """What is inside: reports, invitations, signed and certified mail, Outlook's own."""
    text = text_part("winmail", "See the attachment.")
    # the signature of TNEF, a key, and an attribute that promises more than there is
    tnef = (
        (0x223E9F78).to_bytes(4, "little")
        + b"\x01\x00"
        + b"\x01\x06\x90\x08\x00\xff\xff\xff\x7f"
        + b"\x00" * 64
    )
    outlook = part(
        "application/ms-tnef",
        base64.encodebytes(tnef),
        "Content-Transfer-Encoding: base64",
        'Content-Disposition: attachment; filename="winmail.dat"',
    )
    source = multipart("winmail", text, outlook)
    yield Sample("winmail", source, "corpus-winmail", "See the attachment.", ("winmail.dat",))
    yield _certified()
    report = part(
        "message/delivery-status",
        join(
            "Reporting-MTA: dns; mx.customer.example",
            "",
            "Final-Recipient: rfc822; gone@customer.example",
            "Action: failed",
            "Status: 5.1.1",
        ),
    )
    original = part("message/rfc822", simple("report-original", "The original"))
    kind = 'multipart/report; report-type=delivery-status; boundary="=_report"'
    lines = [
        part_line
        for each in (text_part("report", "Not delivered"), report, original)
        for part_line in ("--=_report", each)
    ]
    daemon = "Mail Delivery System <MAILER-DAEMON@mx.customer.example>"
    yield Sample(
        "report", join(*head("report", sender=daemon), f"Content-Type: {kind}", "", *lines, "--=_report--")
    )
    # an answer to what Odoo writes to who sends too much
    answer = "In-Reply-To: <1-loop-detection-bounce-email@acme.example>"
    yield Sample("loop", simple("loop", "I am out of office.", answer))
    event = join(
        "BEGIN:VCALENDAR",
        "METHOD:REQUEST",
        "BEGIN:VEVENT",
        "UID:1@corpus.example",
        "DTSTART:20261201T090000Z",
        f"SUMMARY:{GERMAN}",
        "ORGANIZER:mailto:carol@customer.example",
        "END:VEVENT",
        "END:VCALENDAR",
    )
    invitation = part(
        "text/calendar; method=REQUEST; charset=utf-8", event, "Content-Transfer-Encoding: 8bit"
    )
    parts = text_part("invitation", "You are invited."), invitation
    source = multipart("invitation", *parts, subtype="alternative")
    yield Sample("invitation", source, "corpus-invitation", "You are invited.")
    yield Sample("invitation-alone", join(*head("invitation-alone")) + invitation)
    opaque = part(
        "application/pkcs7-mime; smime-type=enveloped-data",
        base64.encodebytes(b"\x30\x80" * 50),
        "Content-Transfer-Encoding: base64",
    )
    yield Sample("enveloped", join(*head("enveloped")) + opaque)
    deep = "<div>" * 5000 + "deep" + "</div>" * 5000
    html = "Content-Type: text/html; charset=utf-8"
    yield Sample("html-deep", simple("html-deep", deep, html))
    yield Sample("html-open", simple("html-open", "<p><table><b>text<!-- never closed <style>p {", html))
    yield Sample(
        "html-bomb",
        simple("html-bomb", '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><p>&b;</p>', html),
    )
    yield Sample("html-empty", join(*head("html-empty"), html, "", "<html></html>"))
    picture = part(
        "image/png",
        base64.encodebytes(b"\x89PNG"),
        "Content-ID: <picture>",
        "Content-Transfer-Encoding: base64",
        'Content-Disposition: inline; filename="p.png"',
    )
    page = part(
        "text/html; charset=utf-8",
        f'<p>{GERMAN}</p><img src="cid:picture"/>',
        "Content-Transfer-Encoding: 8bit",
    )
    yield Sample("related", multipart("related", page, picture, subtype="related"), "corpus-related", GERMAN)


def _certified():
    """A receipt of Italian certified mail: the mail itself, data about it, the provider's signature."""
    original = simple("pec-original", "Contratto in allegato", sender="ufficio@pec.customer.example")
    data = '<?xml version="1.0" encoding="UTF-8"?><postacert tipo="posta-certificata" errore="nessuno"/>'
    inside = [
        text_part("pec", ITALIAN),
        part(
            "application/xml; name=daticert.xml", data, "Content-Disposition: inline; filename=daticert.xml"
        ),
        part(
            "message/rfc822; name=postacert.eml",
            original,
            "Content-Disposition: inline; filename=postacert.eml",
        ),
    ]
    lines = [line for each in inside for line in ("--=_pec-inside", each)]
    mixed = part('multipart/mixed; boundary="=_pec-inside"', join(*lines, "--=_pec-inside--"))
    signature = part(
        "application/x-pkcs7-signature; name=smime.p7s",
        base64.encodebytes(b"\x30\x80" * 200),
        "Content-Transfer-Encoding: base64",
        "Content-Disposition: attachment; filename=smime.p7s",
    )
    kind = 'signed; protocol="application/x-pkcs7-signature"; micalg=sha-256'
    source = multipart(
        "pec",
        mixed,
        signature,
        subtype=kind,
        lines=["X-Trasporto: posta-certificata", "X-Riferimento-Message-ID: <pec-original@corpus.example>"],
        sender='"Per conto di: ufficio@pec.customer.example" <posta-certificata@pec.provider.example>',
        subject=f"POSTA CERTIFICATA: {ITALIAN}",
    )
    return Sample(
        "pec",
        source,
        f"POSTA CERTIFICATA: {ITALIAN}",
        ITALIAN,
        ("daticert.xml", "postacert.eml", "smime.p7s"),
    )


def files():
    """Names of attachments."""
    for name, filename in (
        ("file-path", '="../../../etc/passwd"'),
        ("file-windows", r'="C:\\Users\\carol\\note.txt"'),
        ("file-rtl", "*=utf-8''invoice%E2%80%AEfdp.exe"),
        ("file-nul", b'="note\x00.txt"'),
        ("file-nul-coded", "*=utf-8''note%00.txt"),
        ("file-lines", "*=utf-8''note%0D%0A.txt"),
        ("file-empty", '=""'),
        ("file-dots", '=".."'),
        ("file-huge", f'="{"x" * 5000}.txt"'),
        ("file-8bit", f'="{GERMAN}.txt"'),
        ("file-koi8r", b'="' + RUSSIAN.encode("koi8-r") + b'.txt"'),
        ("file-charset", "*=klingon''note.txt"),
        ("file-percent", "*=utf-8''note%ZZ.txt"),
        ("file-pieces", "*0*=utf-8''Gr%C3; filename*2*=%9Fe.txt; filename*1*=%BC%C3"),
        ("file-pieces-gap", "*0=no; filename*7=te.txt"),
        ("file-open", '="note.txt'),
    ):
        yield Sample(name, attached(name, filename))
    for name, filename, wanted in (
        ("file-word", f'="{encode_word("Grüße.txt", "utf-8")}"', "Grüße.txt"),
        ("file-2231", "*=utf-8''Gr%C3%BC%C3%9Fe.txt", "Grüße.txt"),
    ):
        yield Sample(name, attached(name, filename), f"corpus-{name}", f"corpus-{name}", (wanted,))
    number = count(1)
    parts = [
        part("text/plain", "x", f'Content-Disposition: attachment; filename="same{next(number) % 2}.txt"')
        for _each in range(300)
    ]
    yield Sample("file-many", multipart("file-many", *parts))


def shapes():
    """The whole mail: its line ends, its size, and how little of it there is."""
    ordinary = simple("lf", "Body")
    yield Sample("lf", ordinary.replace(b"\r\n", b"\n"), "corpus-lf", "Body")
    yield Sample("cr", simple("cr", "Body").replace(b"\r\n", b"\r"))
    mixed = simple("line-ends", "one\ntwo\rthree\r\r\nfour")
    yield Sample("line-ends", mixed, "corpus-line-ends")
    yield Sample("dots", simple("dots", ".\r\n..\r\n.dotted\r\n."), "corpus-dots", ".dotted")
    yield Sample("header-only", join(*head("header-only")))
    yield Sample("header-cut", join(*head("header-cut"))[:-2])
    yield Sample("body-only", join("", "corpus-body-only"))
    yield Sample("binary", b"\x00\xff\xfe" * 1000 + b"corpus-binary")
    yield Sample("one-line", b"corpus-one-line")
    megabyte = "0123456789abcdef" * 65536
    yield Sample("long-line", simple("long-line", megabyte), "corpus-long-line")
    yield Sample("many-lines", simple("many-lines", "\r\n" * 100_000 + "Body"), "corpus-many-lines")
    yield Sample("empty", b"")
