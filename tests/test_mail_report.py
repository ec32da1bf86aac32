import base64
import email
import email.policy

from odoo.tests import BaseCase, tagged

from ..models.mail_report import MAX_DIAGNOSTIC, MAX_RECIPIENTS, is_automatic, read_report
from .reports import EXIM, EXIM_LATE, LOTUS, QMAIL, YAHOO, block, join, parse, receipt, report, words

BOB, SENT = "bob@customer.example", "<sent@acme.example>"
RECEIPT_TYPE = "message/disposition-notification"


@tagged("post_install", "-at_install")
class TestMailReport(BaseCase):
    """What reports say, without a database."""

    def read_all(self, source):
        found = read_report(parse(source))
        self.assertIsNotNone(found)
        return found

    def read_one(self, source):
        [recipient] = self.read_all(source).recipients
        return recipient

    def assertSays(self, source, action, status=None, addresses=(BOB,), message_ids=(SENT,)):
        found = self.read_all(source)
        [recipient] = found.recipients
        self.assertEqual(
            (recipient.addresses, recipient.action, found.message_ids), (addresses, action, message_ids)
        )
        if status is not None:
            self.assertEqual(recipient.status, status)
        return recipient

    def test_actions(self):
        """RFC 3464 2.3.3; what says no action has the one of its status."""
        for action, status, expected in (
            ("failed", "5.1.1", "failed"),
            ("FAILED", "5.1.1", "failed"),
            ("failed (undeliverable)", "4.4.7", "failed"),
            ("delayed", "4.4.1", "delayed"),
            ("Delayed", "5.0.0", "delayed"),
            ("delivered", "2.0.0", "delivered"),
            ("relayed", "2.0.0", "relayed"),
            ("expanded", "2.0.0", "expanded"),
            (None, "5.1.1", "failed"),
            (None, "4.2.2 (mailbox full)", "delayed"),
            (None, "2.1.5", "delivered"),
            ("error", "5.0.0", "failed"),
            (None, None, ""),
            ("unheard-of", None, ""),
        ):
            with self.subTest(action=action, status=status):
                self.assertSays(report("x", block(BOB, action, status, None)), expected)

    def test_read_receipts(self):
        for disposition, expected in (
            ("manual-action/MDN-sent-manually; displayed", "displayed"),
            ("automatic-action/MDN-sent-automatically; Displayed", "displayed"),
            ("manual-action/MDN-sent-manually;deleted", "deleted"),
            ("automatic-action/MDN-sent-automatically; dispatched/error", "dispatched"),
            ("automatic-action/MDN-sent-automatically; processed", "processed"),
            ("automatic-action/MDN-sent-automatically; failed/failure", "processed"),
            ("manual-action/MDN-sent-manually; denied", "denied"),
            ("displayed", "displayed"),
            ("manual-action/MDN-sent-manually; no-such-type", ""),
        ):
            with self.subTest(disposition):
                self.assertSays(receipt("x", disposition), expected)
        self.assertSays(
            receipt("x", "a/b; displayed", kind="message/global-disposition-notification"), "displayed"
        )

    def test_third_part(self):
        for third in ("message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers"):
            with self.subTest(third):
                self.assertSays(report("x", block(BOB), third=third), "failed", "5.1.1")
        self.assertSays(report("x", block(BOB), third=None), "failed", "5.1.1", message_ids=())
        with_id = block(BOB, Original_Message_ID=SENT)
        self.assertSays(report("x", with_id, third=None), "failed")
        quoted = report("x", block(BOB), third=None, text=f"It came back.\n> Message-ID: {SENT}")
        self.assertSays(quoted, "failed")
        microsoft = report("x", block(BOB)).replace(
            b"Message-ID: <sent", b"X-Microsoft-Original-Message-ID: <sent"
        )
        self.assertSays(microsoft, "failed")

    def test_international(self):
        """RFC 6533: other types, addresses in UTF-8 or written out."""
        kind = "message/global-delivery-status"
        for address in ("utf-8; j\\x{F6}rg@customer.example", "utf-8; jörg@customer.example"):
            fields = block(None, "failed", "5.1.1", Final_Recipient=address)
            with self.subTest(address):
                self.assertSays(
                    report("x", fields, kind=kind), "failed", "5.1.1", addresses=("jörg@customer.example",)
                )

    def test_encoded_parts(self):
        """Servers encode what they must not."""
        fields = f"Reporting-MTA: dns; mx\n\n{block(BOB)}".encode()
        header = f"Message-ID: {SENT}\nTo: {BOB}\n\nHello".encode()
        for status_kind in ("message/delivery-status", "message/global-delivery-status"):
            lines = [
                "From: MAILER-DAEMON@mx.customer.example",
                'Content-Type: multipart/report; report-type=delivery-status; boundary="b"',
                "",
                "--b",
                f"Content-Type: {status_kind}",
                "Content-Transfer-Encoding: base64",
                "",
                base64.encodebytes(fields).decode(),
                "--b",
                "Content-Type: message/rfc822",
                "Content-Transfer-Encoding: base64",
                "",
                base64.encodebytes(header).decode(),
                "--b--",
            ]
            with self.subTest(status_kind):
                self.assertSays(join(*lines).encode(), "failed", "5.1.1")

    def test_several_recipients(self):
        found = self.read_all(
            report(
                "x",
                block("a@customer.example", "failed", "5.1.1"),
                block("b@customer.example", "delayed", "4.4.1"),
                block("c@customer.example", "delivered", "2.0.0"),
            )
        )
        self.assertEqual(
            [(each.addresses[0][0], each.action) for each in found.recipients],
            [("a", "failed"), ("b", "delayed"), ("c", "delivered")],
        )
        # the empty lines between them are missing, or stand within them
        fields = "\n".join(block(f"{name}@customer.example", diagnostic=None) for name in "abc")
        self.assertEqual(len(self.read_all(report("x", fields)).recipients), 3)
        torn = block(BOB).replace("\nAction", "\n\nAction")
        self.assertSays(report("x", torn), "failed", "5.1.1")

    def test_more_than_anybody_reads(self):
        found = self.read_all(report("x", *(block(f"{number}@customer.example") for number in range(500))))
        self.assertEqual(
            (len(found.recipients), found.is_cut, found.is_clear()), (MAX_RECIPIENTS, True, False)
        )

    def test_addresses(self):
        for fields, expected in (
            ({"Final_Recipient": "RFC822;Bob@Customer.Example"}, (BOB,)),
            ({"Final_Recipient": "rfc822; <bob@customer.example> (Bob)"}, (BOB,)),
            ({"Final_Recipient": "bob@customer.example"}, (BOB,)),
            (
                {"Original_Recipient": f"rfc822; {BOB}", "Final_Recipient": "rfc822; else@where.example"},
                (BOB, "else@where.example"),
            ),
            (
                {
                    "Original_Recipient": "rfc822; bob+2Bx@customer.example",
                    "Final_Recipient": "rfc822; q@q.example",
                },
                ("bob+2bx@customer.example", "bob+x@customer.example", "q@q.example"),
            ),
            # from the header of the mail
            ({"Final_Recipient": "local; bob"}, (BOB,)),
            ({"Final_Recipient": ""}, (BOB,)),
        ):
            with self.subTest(fields):
                self.assertEqual(self.read_one(report("x", block(None, **fields))).addresses, expected)

    def test_diagnosis(self):
        found = self.read_one(report("x", block(BOB, diagnostic="smtp; 550 5.1.1\n <bob> No\tsuch user")))
        self.assertEqual((found.diagnostic, found.get_reply()), ("550 5.1.1 <bob> No such user",) * 2)
        found = self.read_one(report("x", block(BOB, status="5.2.2", diagnostic="x-unix; over quota")))
        self.assertEqual(found.get_reply(), "5.2.2 over quota")
        evil = "smtp; 550 a\x1b[31mb\u202ec\x00d\x07" + "x" * 5000
        found = self.read_one(report("x", block(BOB, diagnostic=evil)))
        self.assertTrue(found.diagnostic.startswith("550 a[31mbcd"))
        self.assertTrue(found.diagnostic.isprintable())
        self.assertEqual(len(found.diagnostic), MAX_DIAGNOSTIC)
        self.assertEqual(self.read_one(report("x", block(BOB, status=None))).status, "5.1.1")

    def test_words_alone(self):
        """As servers write that know no other way."""
        failed = [f"X-Failed-Recipients: {BOB}"]
        for name, source, action in (
            ("qmail", words("x", QMAIL.format(original=SENT)), "failed"),
            ("exim", words("x", EXIM.format(original=SENT), head=failed), "failed"),
            (
                "gmail",
                words(
                    "x", f"Message blocked\nMessage-ID: {SENT}", "Delivery Status Notification", head=failed
                ),
                "failed",
            ),
            (
                "late",
                words(
                    "x", EXIM_LATE.format(original=SENT), "Warning: message 1x delayed 24 hours", head=failed
                ),
                "delayed",
            ),
        ):
            with self.subTest(name):
                self.assertSays(source, action)
        for name, text in (("lotus", LOTUS), ("yahoo", YAHOO)):
            with self.subTest(name):
                found = self.read_all(words("x", text.format(original=SENT)))
                self.assertEqual(
                    ([each.action for each in found.recipients], found.message_ids), (["failed"], (SENT,))
                )
        # nothing is said of a mail of ours
        self.assertFalse(self.read_all(words("x", "I am out of office, returning Monday.")).is_clear())
        self.assertFalse(self.read_all(words("x", "", subject="")).is_clear())

    def test_html_alone(self):
        text = f"<p>Undelivered: 550 5.1.1<br>Message-ID: &lt;sent@acme.example&gt;<br>To: {BOB}</p>"
        source = words("x", text, head=["Content-Type: text/html"])
        found = self.read_all(source)
        self.assertEqual(
            ([each.action for each in found.recipients], found.message_ids), (["failed"], (SENT,))
        )

    def test_wrapped(self):
        """Signed by who has read the mail (RFC 8098 6.2), or with a footer below it."""
        for subtype in ("signed", "mixed"):
            inner = receipt("x", "a/b; displayed", sender="bob@customer.example").partition(
                b"MIME-Version: 1.0"
            )[2]
            lines = [
                "From: bob@customer.example",
                f'Content-Type: multipart/{subtype}; boundary="s"',
                "",
                "--s",
                inner.decode().replace("\r\n", "\n").strip(),
                "--s",
                "Content-Type: text/plain",
                "",
                "footer",
                "--s--",
            ]
            with self.subTest(subtype):
                self.assertSays(join(*lines).encode(), "displayed")

    def test_fields_in_another_part(self):
        source = report("x", block(BOB), kind="text/plain; name=status.txt")
        self.assertSays(source, "failed", "5.1.1")

    def test_what_is_no_report(self):
        for name, source in (
            ("mail", words("x", "Hello", sender="carol@customer.example")),
            (
                "postmaster",
                words("x", "Hello", sender="postmaster@customer.example").replace(
                    b"Path: <>", b"Path: <p@q>"
                ),
            ),
            (
                "out of office",
                words(
                    "x",
                    "550 people are away",
                    "Returned",
                    "carol@customer.example",
                    ["Auto-Submitted: auto-replied"],
                ),
            ),
            (
                "forwarded by somebody",
                join(
                    "From: carol@customer.example",
                    'Content-Type: multipart/mixed; boundary="m"',
                    "",
                    "--m\nContent-Type: text/plain\n\nLook, it came back.",
                    "--m\nContent-Type: message/rfc822\n",
                    report("inner", block(BOB)).decode(),
                    "--m--",
                ).encode(),
            ),
        ):
            with self.subTest(name):
                self.assertIsNone(read_report(parse(source)))

    def test_other_kinds(self):
        """Complaints (RFC 5965) and reports of TLS (RFC 8460) are none about delivery."""
        for report_type, kind in (
            ("feedback-report", "message/feedback-report"),
            ("tlsrpt", "application/tlsrpt+gzip"),
        ):
            source = report(
                "x", "Feedback-Type: abuse", kind=kind, report_type=report_type, sender="fbl@isp.example"
            )
            with self.subTest(report_type):
                self.assertFalse(
                    self.read_all(source.replace(b"Subject: Delivery", b"Subject: Abuse")).is_clear()
                )

    def test_broken(self):
        """Whatever is cut off or missing: never an error, and never less than a report."""
        source = report("x", block(BOB), block("carol@customer.example", "delayed", "4.0.0"))
        head = source.index(b"\r\n\r\n")
        for end in range(head, len(source), 7):
            with self.subTest(end):
                self.read_all(source[:end])
        for old, new in (
            (b"boundary", b"bondary"),
            (b"message/delivery-status", b"message/delivery-status; charset=\xff"),
            (b"rfc822;", b"\xff\xfe;\x00"),
            (b"Message-ID: <sent", b"Message-ID: sent <<<>"),
            (b"Action: ", b"Action\r\n:"),
            (b"Status: 5.1.1", b"Status: 5.1.1.1.1." + b"1" * 5000),
        ):
            with self.subTest(old):
                self.read_all(source.replace(old, new))

    def test_time(self):
        """What is made to be slow is read at once: by the square, each of these takes minutes."""
        for text in (
            "<" * 200_000,
            "Message-ID: " * 20_000,
            "<a@b>:\n" * 30_000,
            "\n> " * 60_000,
            "5." * 90_000,
        ):
            for make in (lambda text: words("x", text), lambda text: words("x", f"Hi. This is the\n{text}")):
                read_report(parse(make(text)))

    def test_automatic(self):
        message = email.message.EmailMessage(policy=email.policy.SMTP)
        message["From"] = "carol@customer.example"
        self.assertFalse(is_automatic(message))
        for name, value in (
            ("Auto-Submitted", "auto-replied"),
            ("Auto-Submitted", "auto-generated; owner"),
            ("Return-Path", "<>"),
            ("Precedence", "bulk"),
            ("X-Auto-Response-Suppress", "All"),
            ("List-Id", "<l.example>"),
        ):
            other = email.message.EmailMessage(policy=email.policy.SMTP)
            other["From"], other[name] = "carol@customer.example", value
            with self.subTest(name):
                self.assertTrue(is_automatic(other))
        message["Auto-Submitted"] = "no"
        self.assertFalse(is_automatic(message))
