from odoo.tests import tagged

from .common import ADDRESS, DOMAIN, PASSWORD
from .receiving import OTHER, ReceivingCase
from .reports import EXIM, EXIM_LATE, LOTUS, QMAIL, YAHOO, block, receipt, report, words

BOB, ANN = "bob@customer.example", "ann@customer.example"


class ReportCase(ReceivingCase):
    """With a message that was sent to two contacts."""

    def setUp(self):
        super().setUp()
        partners = self.env["res.partner"]
        self.bob = partners.create({"name": "Bob", "email": BOB})
        self.ann = partners.create({"name": "Ann", "email": ANN})
        self.record = partners.create({"name": "Project"})
        self.posted = self.record.message_ids
        self.sent = self.post(self.bob + self.ann)

    def post(self, partners, **values):
        message = self.record.message_post(body="Hello", partner_ids=partners.ids, **values)
        self.assertEqual({*message.notification_ids.mapped("notification_status")}, {"sent"})
        self.posted += message
        return message

    def receive(self, *sources, sender=""):
        for source in sources:
            self.hosts.mail.deliver(source, ADDRESS, sender)
        self.account._receive()
        self.env.invalidate_all()

    def get_notification(self, partner, message=None):
        return (message or self.sent).notification_ids.filtered(lambda each: each.res_partner_id == partner)

    def get_notes(self):
        """Texts of what was noted in the chatter, the newest first."""
        notes = self.record.message_ids.filtered(
            lambda message: message.message_type == "notification" and message not in self.posted
        )
        return [" ".join(message.body.striptags().split()) for message in notes]

    def report(self, *blocks, number="report", **options):
        return report(number, *blocks, **({"original": self.sent.message_id} | options))

    def receipt(self, disposition, number="receipt", **options):
        return receipt(number, disposition, **({"original": self.sent.message_id} | options))

    def assertBounced(self, partner, message=None, count=1):
        notification = self.get_notification(partner, message)
        self.assertEqual(
            (notification.notification_status, notification.failure_type), ("bounce", "mail_bounce")
        )
        self.assertEqual(partner.message_bounce, count)
        return notification

    def assertNotBounced(self, partner, message=None):
        notification = self.get_notification(partner, message)
        self.assertEqual((notification.notification_status, notification.failure_type), ("sent", False))
        self.assertEqual(partner.message_bounce, 0)

    def assertKept(self, count=1, reason="report"):
        self.assertEqual(self.get_unprocessed().mapped("reason"), [reason] * count)

    def assertNothingElse(self):
        """It became no message, and nothing is kept."""
        self.assertFalse(self.get_unprocessed())
        self.assertFalse(self.get_message("report") + self.get_message("receipt"))


@tagged("post_install", "-at_install")
class TestReportOfKnownMail(ReportCase):
    def test_failed(self):
        self.receive(self.report(block(BOB)))
        reason = self.assertBounced(self.bob).failure_reason
        self.assertEqual(
            reason.splitlines(),
            ["There is no such mailbox on the recipient's server.", "550 5.1.1 No such user"],
        )
        self.assertNotBounced(self.ann)
        self.assertNothingElse()
        self.assertFalse(self.get_notes())
        self.assertEqual(self.get_flags(), ["S"])

    def test_only_failed_is_a_bounce(self):
        for action, status, expected in (
            ("delayed", "4.4.1", f"The email to {BOB} is delayed: the mail server keeps trying."),
            ("delivered", "2.0.0", f"The email to {BOB} was delivered."),
            ("relayed", "2.0.0", f"The email to {BOB} was passed on to a server"),
            ("expanded", "2.0.0", f"The email to {BOB} was delivered, and passed on to several recipients."),
        ):
            with self.subTest(action):
                self.receive(self.report(block(BOB, action, status, None), number=action))
                self.assertNotBounced(self.bob)
                self.assertTrue(self.get_notes()[0].startswith(expected), self.get_notes())
                self.assertNothingElse()

    def test_read_receipts(self):
        for kind, expected in (
            ("manual-action/MDN-sent-manually; displayed", f"The email was opened by {BOB}."),
            ("automatic-action/MDN-sent-automatically; deleted", f"The email was deleted by {BOB}."),
            ("automatic-action/MDN-sent-automatically; dispatched", f"The email to {BOB} was forwarded"),
            ("automatic-action/MDN-sent-automatically; processed/error", f"The email to {BOB} was processed"),
            ("manual-action/MDN-sent-manually; denied", f"{BOB} declined to say"),
        ):
            with self.subTest(kind):
                self.receive(self.receipt(kind, number=kind[-6:].replace("/", "")))
                self.assertNotBounced(self.bob)
                self.assertTrue(self.get_notes()[0].startswith(expected), self.get_notes())
                self.assertNothingElse()

    def test_each_recipient_by_its_own(self):
        self.receive(
            self.report(
                block(BOB, "failed", "5.2.2", "smtp; 552 5.2.2 Mailbox full"),
                block(ANN, "delayed", "4.4.1", "smtp; connect to mx.customer.example: Connection timed out"),
                block("list@customer.example", "expanded", "2.0.0", None),
            )
        )
        self.assertIn("mailbox of the recipient is full", self.assertBounced(self.bob).failure_reason)
        self.assertNotBounced(self.ann)
        [note] = self.get_notes()
        self.assertIn(f"The email to {ANN} is delayed", note)
        self.assertIn("did not answer in time", note)
        self.assertIn("list@customer.example", note)
        self.assertNotIn(BOB, note)
        self.assertNothingElse()

    def test_two_failed(self):
        """The host knows one recipient of a report."""
        self.receive(self.report(block(BOB), block(ANN, "failed", "5.2.2", "smtp; 552 5.2.2 full")))
        self.assertIn("no such mailbox", self.assertBounced(self.bob).failure_reason)
        self.assertIn("is full", self.assertBounced(self.ann).failure_reason)
        self.assertNothingElse()

    def test_recipient_who_passes_his_mail_on(self):
        passed = block("else@where.example", Original_Recipient=f"rfc822; {BOB}")
        self.receive(self.report(passed))
        self.assertBounced(self.bob)
        only = self.post(self.ann)
        self.receive(self.report(block("ann@where.example"), number="second", original=only.message_id))
        self.assertBounced(self.ann, only)
        self.assertNothingElse()

    def test_recipient_who_was_not_notified(self):
        """Somebody in Cc: there is no notification, so the chatter says it."""
        self.receive(self.report(block("cc@customer.example")))
        self.assertNotBounced(self.bob)
        [note] = self.get_notes()
        self.assertIn("The email to cc@customer.example came back.", note)
        self.assertIn("550 5.1.1 No such user", note)
        self.assertNothingElse()

    def test_known_without_the_third_part(self):
        by_field = self.report(block(BOB, Original_Message_ID=self.sent.message_id), third=None)
        by_header = self.report(
            block(ANN), number="second", third=None, head=[f"In-Reply-To: {self.sent.message_id}"]
        )
        self.receive(by_field, by_header)
        self.assertBounced(self.bob)
        self.assertBounced(self.ann)
        self.assertNothingElse()

    def test_types(self):
        for number, options in enumerate(
            (
                {"third": "text/rfc822-headers"},
                {"third": "message/global-headers", "kind": "message/global-delivery-status"},
                {"kind": "text/plain"},
                {"sender": "postmaster@customer.example"},
            ),
            start=1,
        ):
            with self.subTest(options):
                self.receive(self.report(block(BOB), number=f"type{number}", **options))
                self.assertBounced(self.bob, count=number)
        self.assertNothingElse()

    def test_words_alone(self):
        failed = [f"X-Failed-Recipients: {BOB}"]
        for number, (text, head) in enumerate(
            ((QMAIL, ()), (EXIM, failed), (LOTUS, ()), (YAHOO, ())), start=1
        ):
            message = self.post(self.bob)
            with self.subTest(text[:20]):
                self.receive(words(f"words{number}", text.format(original=message.message_id), head=head))
                self.assertBounced(self.bob, message, number)
                self.assertFalse(self.get_unprocessed())
        message = self.post(self.ann)
        late = EXIM_LATE.format(original=message.message_id)
        self.receive(
            words("late", late, "Warning: message delayed 24 hours", head=[f"X-Failed-Recipients: {ANN}"])
        )
        self.assertNotBounced(self.ann, message)
        self.assertIn(f"The email to {ANN} is delayed", self.get_notes()[0])
        self.assertFalse(self.get_unprocessed())

    def test_reason_is_harmless(self):
        evil = "smtp; 550 <script>alert(1)</script> <img src=x onerror=alert(2)> \x1b[31m\u202e"
        evil += ("\n " + "x" * 70) * 70
        self.receive(self.report(block(BOB, diagnostic=evil), block("cc@customer.example", diagnostic=evil)))
        reason = self.assertBounced(self.bob).failure_reason
        self.assertLess(len(reason), 700)
        self.assertNotIn("\x1b", reason)
        self.assertNotIn("\u202e", reason)
        body = self.record.message_ids[0].body
        self.assertIn("&lt;script&gt;", body)
        self.assertNotRegex(body, "<(script|img)")

    def test_explanation_of_an_administrator(self):
        self.env["email.account.cause"].create(
            {"name": "greenlisted", "text": "QX-17", "message": "Bob's provider wants a telephone call."}
        )
        self.receive(self.report(block(BOB, diagnostic="smtp; 550 QX-17")))
        self.assertEqual(
            self.assertBounced(self.bob).failure_reason.splitlines(),
            ["Bob's provider wants a telephone call.", "5.1.1 550 QX-17"],
        )

    def test_gone_record(self):
        """What it is about is no more: so the report is kept."""
        partner = self.env["res.partner"].create({"name": "Short"})
        message = partner.message_post(body="Hello", partner_ids=self.bob.ids, message_type="comment")
        message.res_id = 0
        self.receive(self.receipt("a/b; displayed", original=message.message_id))
        self.assertKept()


@tagged("post_install", "-at_install")
class TestReportOfUnknownMail(ReportCase):
    """Sent with another program that has the same mailbox."""

    unknown = {"original": "<phone@acme.example>"}

    def test_kept(self):
        sources = [
            self.report(block(BOB, action, status), number=action, **self.unknown)
            for action, status in (
                ("failed", "5.1.1"),
                ("delayed", "4.4.1"),
                ("delivered", "2.0.0"),
                ("relayed", "2.0.0"),
                ("expanded", "2.0.0"),
            )
        ]
        sources.append(self.report(block("nobody@elsewhere.example"), number="nobody", **self.unknown))
        sources.append(self.report(block(BOB, None, None, None), number="unclear", **self.unknown))
        sources.append(self.report(block(BOB), number="twopart", third=None))
        sources.append(self.report(block(None), number="empty", third=None))
        sources.append(self.receipt("a/b; displayed", **self.unknown))
        sources.append(words("words", EXIM.format(**self.unknown), head=[f"X-Failed-Recipients: {BOB}"]))
        sources.append(words("nothing", "I am out of office."))
        self.receive(*sources)
        self.assertKept(len(sources))
        self.assertIn("about mail that is not known here", self.get_unprocessed()[0].message)
        self.assertFalse(self.get_notes())
        # what Odoo counts is counted: three times it said that this contact's mail came back
        self.assertEqual((self.bob.message_bounce, self.ann.message_bounce), (3, 0))
        self.assertEqual(self.get_flags(), ["S"] * len(sources))

    def test_not_counted_again(self):
        """Retry, assigning by hand, the same in another mailbox."""
        source = self.report(block(BOB), **self.unknown)
        self.receive(source)
        self.assertEqual(self.bob.message_bounce, 1)
        mail = self.get_unprocessed()
        for _again in range(2):
            mail.action_retry()
            self.assertEqual((mail.exists().reason, self.bob.message_bounce), ("report", 1))
        other = self.create_account(email=OTHER, password=PASSWORD)
        self.hosts.mail.deliver(source, OTHER)
        other._receive()
        self.assertEqual(self.bob.message_bounce, 1)
        mail._assign(self.record)
        self.env.invalidate_all()
        self.assertFalse(mail.exists())
        self.assertEqual(self.get_message("report").res_id, self.record.id)
        self.assertEqual(self.bob.message_bounce, 1)

    def test_first_noted_on_the_retry(self):
        """As after a conflict: then it is noted, once."""
        self.account.incoming_action = "keep"
        self.deliver("one")
        self.account._receive()
        mail = self.get_unprocessed()
        mail._get_source_attachment().raw = self.report(block(BOB), **self.unknown)
        for _again in range(2):
            mail.action_retry()
            self.assertEqual((mail.reason, self.bob.message_bounce), ("report", 1))

    def test_unclear_beside_clear(self):
        """What is clear is noted, and the rest is there to be read."""
        self.receive(self.report(block(BOB), block(ANN, None, None, None)))
        self.assertBounced(self.bob)
        self.assertNotBounced(self.ann)
        self.assertKept()

    def test_complaint(self):
        source = self.report(
            "Feedback-Type: abuse", kind="message/feedback-report", report_type="feedback-report"
        )
        self.receive(source.replace(b"Subject: Delivery Status Notification", b"Subject: Abuse"))
        self.assertNotBounced(self.bob)
        self.assertKept()

    def test_stock_servers_are_left_alone(self):
        """What no account receives is Odoo's business, as before."""
        self.env["mail.thread"].message_process(False, self.report(block(BOB, "delayed", "4.4.1")))
        self.env.invalidate_all()
        self.assertEqual(self.get_notification(self.bob).notification_status, "bounce")
        self.assertEqual(self.bob.message_bounce, 1)


@tagged("post_install", "-at_install")
class TestBounceAddress(ReportCase):
    """Mail to the address for bounces of an alias domain."""

    def setUp(self):
        super().setUp()
        self.domain = self.env["mail.alias.domain"].create(
            {"name": DOMAIN, "bounce_alias": "bounce", "catchall_alias": "catchall"}
        )

    def test_reports(self):
        for number, to in enumerate((f"bounce@{DOMAIN}", f"bounce+17-res.partner-3@{DOMAIN}"), start=1):
            with self.subTest(to):
                self.receive(self.report(block(BOB), number=f"to{number}", to=to))
                self.assertBounced(self.bob, count=number)
        self.assertNothingElse()

    def test_what_is_no_report_is_kept(self):
        for number, to in enumerate((f"bounce@{DOMAIN}", f"Bounce+17@{DOMAIN}"), start=1):
            source = words(f"to{number}", "Hello", "Hi", "carol@customer.example", to=to)
            self.receive(source, sender="carol@customer.example")
            self.assertKept(number)

    def test_account_that_has_this_address(self):
        """What people write is mail to the account; what programs answer is kept."""
        self.domain.bounce_alias = "jane"
        self.deliver("person")
        self.account._receive()
        self.assertEqual(self.get_message("person").model, "res.partner")
        self.assertFalse(self.get_unprocessed())
        self.receive(words("program", "Away", "Re: Hi", "carol@customer.example"))
        self.assertKept()
        self.receive(self.report(block(BOB)))
        self.assertBounced(self.bob)

    def test_beside_the_account(self):
        source = words("both", "Hello", "Hi", "carol@customer.example", to=f"bounce@{DOMAIN}, {ADDRESS}")
        self.receive(source, sender="carol@customer.example")
        self.assertEqual(self.get_message("both").model, "res.partner")
