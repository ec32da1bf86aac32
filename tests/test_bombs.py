import email
import email.policy
import io
import time
import zipfile
from unittest import TestCase

from odoo.tests import tagged

from ..models.mail_bounds import check_bounds
from ..models.mail_preview import MAX_LENGTH, get_preview
from ..models.received_mail import MAX_SHOWN, NotProcessed, ReceivedMail
from .common import ADDRESS
from .receiving import ReceivingCase

HEAD = b"From: carol@customer.example\r\nTo: jane@acme.example\r\nSubject: Bomb\r\nMIME-Version: 1.0\r\n"
MIXED = b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n'
HTML = b"Content-Type: text/html; charset=utf-8\r\n\r\n"
# each takes stock Odoo many seconds to hours; 8,000 "<" alone do not
SLOW_TEXTS = {
    "tags without end": "<" * 200_000,
    "tags of Outlook": "<o:" * 100_000,
    "encoding=": "<" * 2000 + " encoding=x" * 2000,
    "conditional comments": "<!--[if " * 50_000,
    "quotes of Gmail": '<div><div class="gmail_extra"></div>' + "<p>x</p>" * 20_000 + "</div>",
    "quotes of Gmail, encoded": '<div><div class="gmail&#95;&#101;xtra"></div>'
    + "<p>x</p>" * 20_000
    + "</div>",
    "rulers": '<hr class="stopSpelling">' * 10_000,
    "quoted lines": "<pre>" + "\n>a\nb" * 50_000 + "</pre>",
    "links of a style": '<p style="background:url(' + "url(" * 100_000 + '">x</p>',
    "attributes": "<p " + " ".join(f"a{number}=1" for number in range(100_000)) + ">",
}


def nested(count, inner=b"Subject: x\r\n\r\nx"):
    return HEAD + b"Content-Type: message/rfc822\r\n\r\n" * count + inner


def nested_multipart(count):
    levels = (
        b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (number, number)
        for number in range(count)
    )
    return HEAD + b"".join(levels) + b"\r\nx\r\n"


# refused before they are parsed
SOURCES = {
    "parts": HEAD + MIXED + b"--b\r\n\r\nx\r\n" * 100_000,
    "parts by CR": (HEAD + MIXED + b"--b\r\n\r\nx\r\n" * 100_000).replace(b"\r\n", b"\r"),
    "levels": nested_multipart(500),
    "levels with one boundary": HEAD + (MIXED + b"--b\r\n") * 500,
    "headers": HEAD + b"X-A: b\r\n" * 100_000 + b"\r\nx",
    "header of 10 MB": HEAD + b"X-A: " + b"a" * 10_000_000 + b"\r\n\r\nx",
    "folded header of 4 MB": HEAD + b"X-A: " + b"a\r\n " * 1_000_000 + b"\r\n\r\nx",
    "no end of header": HEAD + b"X-A: b\r\n" * 100_000,
    "recipients": HEAD + b"Cc: " + b"a@b.c,\r\n " * 1_000_000 + b"d@e.f\r\n\r\nx",
    "references": HEAD + b"References: " + b"<a@b>\r\n " * 1_000_000 + b"\r\n\r\nx",
    "encoded words": HEAD + b"X-A: " + b"=?utf-8?q?x?= " * 100_000 + b"\r\n\r\nx",
    "parameters": HEAD + b"Content-Type: text/plain" + b"; a*0=b" * 100_000 + b"\r\n\r\nx",
    "parameters of a part": HEAD
    + MIXED
    + (b"--b\r\nContent-Type: text/plain" + b"; a*0=b" * 5000 + b"\r\n\r\nx\r\n") * 2,
}
# stock Odoo does them in a short time: they become messages, or are kept
HARMLESS = {
    "deep": nested(90),
    "as many parts as there may be": HEAD + MIXED + b"--b\r\n\r\nx\r\n" * 900 + b"--b--\r\n",
    "deep HTML": HEAD + HTML + b"<div>" * 100_000,
    "charset": HEAD + b"Content-Type: text/plain; charset=no-such-thing\r\n\r\nx",
    "charset that is a codec": HEAD + b"Content-Type: text/plain; charset=zip\r\n\r\nx",
    "year": HEAD + b"Date: Tue, 24 Nov 99999 10:00:00 +9999\r\n\r\nx",
    "date": HEAD + b"Date: " + b"1 " * 40_000 + b"\r\n\r\nx",
    "brackets": HEAD.replace(b"carol", b"(" * 5000 + b"carol") + b"\r\nx",
    "quoted-printable": HEAD + b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + b"=" * 500_000,
    "base64": HEAD + b"Content-Transfer-Encoding: base64\r\n\r\n" + b"A===" * 200_000,
    "image": HEAD + HTML + b'<img src="data:image/png;base64,' + b"A" * 3_000_000 + b'">',
    "line": HEAD + b"\r\n" + b"x" * 3_000_000,
}


def zip_bomb():
    """A document that would be 200 MB, in 200 kB."""
    file = io.BytesIO()
    with (
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("content.xml", "w") as member,
    ):
        for _megabyte in range(200):
            member.write(bytes(1 << 20))
    return file.getvalue()


class TestBounds(TestCase):
    def test_refused_before_it_is_parsed(self):
        for name, source in SOURCES.items():
            with self.subTest(name), self.assertRaises(NotProcessed) as failure:
                check_bounds(source)
            self.assertEqual(failure.exception.reason, "too_complex")

    def test_harmless(self):
        for name, source in HARMLESS.items():
            with self.subTest(name):
                check_bounds(source)

    def test_preview_of_all(self):
        for source in [
            *SOURCES.values(),
            *HARMLESS.values(),
            *(HEAD + HTML + text.encode() for text in SLOW_TEXTS.values()),
        ]:
            self.assertLessEqual(len(get_preview(source)), MAX_LENGTH)

    def test_what_is_shown_is_short(self):
        long = b"\xe2\x80\xae=?utf-8?q?=0D=0A=00?=" + b"y" * 50_000
        mail = ReceivedMail.parse(HEAD.replace(b"Bomb", long) + b"\r\nx")
        self.assertEqual(len(mail.get_shown()["subject"]), MAX_SHOWN)
        self.assertTrue(mail.get_shown()["subject"].isprintable())


@tagged("post_install", "-at_install")
class TestBombs(ReceivingCase):
    """They end, and the mail after them is received."""

    def setUp(self):
        super().setUp()
        self.deliver("first")  # the host makes the folders of a mailbox with its first mail
        self.empty_folders(ADDRESS)

    def put(self, source):
        """Put a mail into the mailbox, past the host's own limits."""
        box = self.hosts.mail.mail / ADDRESS / "new"
        # whole from its first moment, and of a name that never comes again: Dovecot relies on both
        path = box.with_name("tmp") / f"{time.time_ns()}.bomb.host"
        path.write_bytes(source)
        path.chmod(0o666)
        path.rename(box / path.name)

    def receive_all(self):
        """Receive until the last mail is there: a mailbox is given a turn of some seconds each time."""
        for _turn in range(20):
            self.account._receive()
            if self.get_message("after"):
                return
        self.fail("the mails after it are not received")

    def test_refused(self):
        self.deliver("before")
        for source in SOURCES.values():
            self.put(source)
        for name in ("tags without end", "rulers", "links of a style"):
            self.put(HEAD + HTML + SLOW_TEXTS[name].encode())
        self.deliver("after")
        self.receive_all()
        self.assertTrue(self.get_message("before"))
        kept = self.get_unprocessed()
        self.assertEqual(kept.mapped("reason"), ["too_complex"] * (len(SOURCES) + 3))
        self.assertIn("it may be an attack", kept[0].message)
        self.assertEqual(self.account.state, "ready")

    def test_harmless(self):
        for source in HARMLESS.values():
            self.put(source)
        self.put(nested(2000))  # which Python's parser does not
        self.deliver("after")
        self.receive_all()
        kept = self.get_unprocessed()
        self.assertEqual(len(kept) + self.account.message_count, len(HARMLESS) + 2)
        self.assertLessEqual(set(kept.mapped("reason")), {"broken", "error", "too_complex"})
        self.assertEqual(self.account.state, "ready")

    def test_nothing_is_unpacked(self):
        """Of archives nothing is looked into; what `attachment_indexation` does when it is installed is its
        own, and the same for every attachment."""
        message = email.message_from_bytes(
            HEAD + b"Message-ID: <zip@customer.example>\r\n\r\n", policy=email.policy.SMTP
        )
        message.set_content("See the document.")
        bomb = zip_bomb()
        message.add_attachment(bomb, "application", "vnd.oasis.opendocument.text", filename="bomb.odt")
        self.put(message.as_bytes())
        self.account._receive()
        self.assertEqual(self.get_message("zip").attachment_ids.raw, bomb)
