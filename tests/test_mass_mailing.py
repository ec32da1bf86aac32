import email
import unittest

from odoo.exceptions import UserError
from odoo.tests import tagged

from odoo.addons.mail.tests.common import mail_new_test_user

from .common import ADDRESS, HostsCase

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
