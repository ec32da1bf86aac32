import email
import unittest

from odoo.exceptions import UserError
from odoo.tests import tagged

from odoo.addons.mail.tests.common import mail_new_test_user

from .common import ADDRESS, HostsCase
from .reports import EXIM, block, receipt, report, words

RECIPIENT = "bob@acme.example"


@tagged("post_install", "-at_install")
class TestMassMailing(HostsCase):
    """Mailings leave through accounts; "make test-install" runs this in a database with mass_mailing."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if "mailing.mailing" not in cls.env:
            raise unittest.SkipTest("mass_mailing is not installed")
        cls.marketer = mail_new_test_user(
            cls.env,
            login="ea_marketer",
            email="marketer@other.example",
            groups="base.group_user,mass_mailing.group_mass_mailing_user",
        )

    def setUp(self):
        super().setUp()
        self.hosts.mail.add_user(RECIPIENT, "bob")
        self.account = self.env["email.account"].create(self.account_values)
        self.account._set_state()
        self.empty_mailbox(self.account)
        self.server = self.account.mail_server_id
        self.list = self.env["mailing.list"].create(
            {"name": "L", "contact_ids": [(0, 0, {"name": "Bob", "email": RECIPIENT})]}
        )
        self.before = len(self.hosts.mail.messages(RECIPIENT))

    def create_mailing(self, **values):
        mailing = (
            self.env["mailing.mailing"]
            .with_user(self.marketer)
            .create(
                {
                    "subject": "News",
                    "body_html": "<p>Hello</p>",
                    "mailing_model_id": self.env["ir.model"]._get_id("mailing.list"),
                    "contact_list_ids": self.list.ids,
                    "mail_server_id": self.server.id,
                    **values,
                }
            )
        )
        self.env.flush_all()
        return mailing

    def send(self, mailing):
        """Send and return what has arrived at the recipient."""
        mailing.action_send_mail()
        self.assertEqual(mailing.mailing_trace_ids.mapped("failure_reason"), [False])
        self.assertEqual(mailing.mailing_trace_ids.mapped("trace_status"), ["sent"])
        sources = self.hosts.mail.messages(RECIPIENT)[self.before :]
        return [email.message_from_bytes(source) for source in sources]

    def test_mailing_leaves_through_the_account(self):
        logins = len(self.hosts.mail.logins())
        [message] = self.send(self.create_mailing(email_from=self.account._get_email_formatted()))
        self.assertEqual(message["From"], '"Jane of Acme" <jane@acme.example>')
        self.assertIn("List-Unsubscribe", message)
        used = [login[:2] for login in self.hosts.mail.logins()[logins:]]
        self.assertEqual(used, [("submission", ADDRESS)])

    def test_other_sender_keeps_his_name_only(self):
        mailing = self.create_mailing(email_from=self.marketer.email_formatted)
        self.assertIn("can not be used with this mail server", mailing.warning_message)
        [message] = self.send(mailing)
        self.assertEqual(email.utils.parseaddr(message["From"]), (self.marketer.name, ADDRESS))

    def test_marketer_chooses_the_server(self):
        found = self.env["ir.mail_server"].with_user(self.marketer).name_search(self.account.name)
        self.assertIn((self.server.id, self.server.display_name), found)
        fields = {"mail_server_id": {"fields": {"display_name": {}}}, "email_from": {}}
        [values] = self.create_mailing().web_read(fields)
        self.assertEqual(values["mail_server_id"]["display_name"], self.server.display_name)

    def test_used_account_is_not_archived(self):
        mailing = self.create_mailing()
        for values in ({"active": False}, {"use_for_sending": False}):
            with self.assertRaisesRegex(UserError, r'cannot archive this Outgoing Mail Server[^$]*"News"'):
                self.account.write(values)
        self.assertTrue(self.server.active)
        mailing.active = False
        self.account.active = False
        self.assertFalse(self.server.active)

    def test_default_server_of_mailings(self):
        settings = self.env["res.config.settings"].create(
            {"mass_mailing_outgoing_mail_server": True, "mass_mailing_mail_server_id": self.server.id}
        )
        settings.execute()
        self.assertEqual(self.env["res.config.settings"].create({}).mass_mailing_mail_server_id, self.server)
        mailing = self.env["mailing.mailing"].with_user(self.marketer).create({"subject": "News"})
        self.assertEqual(mailing.mail_server_id, self.server)
        mailing.unlink()
        with self.assertRaisesRegex(UserError, "default mail server to send mass mailings"):
            self.account.active = False

    def receive_about(self, mailing, make):
        """Receive a report about what was sent to the contact; return the trace of it."""
        [message] = self.send(mailing)
        self.hosts.mail.deliver(make(message["Message-ID"]), ADDRESS, sender="")
        self.account._receive()
        self.env.invalidate_all()
        return mailing.mailing_trace_ids

    def get_unprocessed(self):
        return self.env["email.account.unprocessed"].search([("account_id", "=", self.account.id)])

    def test_mailing_that_came_back(self):
        """The contact of a mailing list is no contact: what Odoo notes of him stays."""
        failed = block(RECIPIENT, "failed", "5.2.2", "smtp; 552 5.2.2 Mailbox full")
        contact = self.list.contact_ids
        for number, make in enumerate(
            (
                lambda message_id: report("r", failed, original=message_id),
                lambda message_id: report("s", failed, original=message_id, third="text/rfc822-headers"),
                lambda message_id: words(
                    "w", EXIM.format(original=message_id), head=[f"X-Failed-Recipients: {RECIPIENT}"]
                ),
            ),
            start=1,
        ):
            with self.subTest(number):
                self.before = len(self.hosts.mail.messages(RECIPIENT))
                trace = self.receive_about(self.create_mailing(), make)
                self.assertEqual((trace.trace_status, trace.failure_type), ("bounce", "mail_bounce"))
                self.assertRegex(trace.failure_reason, "mailbox|Mailbox")
                self.assertNotIn("mail system", trace.failure_reason)
                self.assertEqual(contact.message_bounce, number)
                self.assertFalse(self.get_unprocessed())

    def test_mailing_that_is_late_or_read(self):
        """A trace has no place for it: so it is kept, and the trace is as it was."""
        for number, make in enumerate(
            (
                lambda message_id: report("r", block(RECIPIENT, "delayed", "4.4.1"), original=message_id),
                lambda message_id: receipt("m", "a/b; displayed", original=message_id, address=RECIPIENT),
            ),
            start=1,
        ):
            self.before = len(self.hosts.mail.messages(RECIPIENT))
            trace = self.receive_about(self.create_mailing(), make)
            self.assertEqual((trace.trace_status, trace.failure_type), ("sent", False))
            self.assertEqual(self.list.contact_ids.message_bounce, 0)
            self.assertEqual(self.get_unprocessed().mapped("reason"), ["report"] * number)

    def test_mailing_is_counted_once(self):
        """What is noted stays though the mail is kept, and is not noted again when it is tried again."""
        two = block(RECIPIENT), block("unclear@customer.example", None, None, None)
        mailing = self.create_mailing()
        trace = self.receive_about(mailing, lambda message_id: report("r", *two, original=message_id))
        self.assertEqual(trace.trace_status, "bounce")
        mail = self.get_unprocessed()
        self.assertEqual((mail.reason, self.list.contact_ids.message_bounce), ("report", 1))
        mail.action_retry()
        self.assertEqual((mail.reason, self.list.contact_ids.message_bounce), ("report", 1))

    def test_unknown_mail_to_a_contact_of_a_list(self):
        mailing = self.create_mailing()
        trace = self.receive_about(
            mailing, lambda _id: report("r", block(RECIPIENT), original="<phone@acme.example>")
        )
        self.assertEqual(trace.trace_status, "sent")
        self.assertEqual((self.get_unprocessed().reason, self.list.contact_ids.message_bounce), ("report", 1))

    def test_blacklist(self):
        """Mass mailing's rule goes on: five that came back, over more than a week."""
        mailings = self.create_mailing()
        trace = self.receive_about(
            mailings, lambda message_id: report("r", block(RECIPIENT), original=message_id)
        )
        self.assertFalse(self.env["mail.blacklist"].search([("email", "=", RECIPIENT)]))
        trace.flush_recordset()
        for number in range(5):
            copy = trace.copy({"message_id": f"<old{number}@acme.example>", "trace_status": "bounce"})
            copy.flush_recordset()
            self.env.cr.execute(
                "UPDATE mailing_trace SET write_date = now() - interval '8 days' WHERE id = %s", [copy.id]
            )
        self.env.invalidate_all()
        self.before = len(self.hosts.mail.messages(RECIPIENT))
        self.receive_about(
            self.create_mailing(), lambda message_id: report("t", block(RECIPIENT), original=message_id)
        )
        self.assertTrue(self.env["mail.blacklist"].search([("email", "=", RECIPIENT)]))
