import email

from odoo.exceptions import UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from odoo.addons.mail.tests.common import mail_new_test_user

from .common import ADDRESS, HostsCase

RECIPIENT = "bob@acme.example"


@tagged("post_install", "-at_install")
class TestIrMailServer(HostsCase):
    def setUp(self):
        super().setUp()
        self.hosts.mail.add_user(RECIPIENT, "bob")
        self.account = self.env["email.account"].create(self.account_values)
        self.account._set_state()
        self.user = mail_new_test_user(
            self.env,
            login="ea_user",
            email="user@other.example",
            groups="base.group_user,base.group_partner_manager",
        )
        self.before = len(self.hosts.mail.messages(RECIPIENT))

    def send(self, **values):
        mail = self.env["mail.mail"].create(
            {
                "email_to": RECIPIENT,
                "subject": "Hi",
                "body_html": "<p>Hello</p>",
                "auto_delete": False,
                **values,
            }
        )
        mail.send()
        return mail

    def get_sent(self):
        """Return the mails that have arrived at the recipient since the start of the test."""
        return [
            email.message_from_bytes(source) for source in self.hosts.mail.messages(RECIPIENT)[self.before :]
        ]

    def test_from_the_account(self):
        mail = self.send(
            email_from=self.account._get_email_formatted(), mail_server_id=self.account.mail_server_id.id
        )
        self.assertEqual((mail.state, mail.failure_reason), ("sent", False))
        [message] = self.get_sent()
        self.assertEqual(message["From"], '"Jane of Acme" <jane@acme.example>')
        self.assertEqual(message["Return-Path"], f"<{ADDRESS}>")

    def test_server_is_found_by_the_address(self):
        self.assertEqual(self.send(email_from=f"Jane <{ADDRESS}>").state, "sent")
        self.assertEqual(len(self.get_sent()), 1)

    def test_other_sender_keeps_his_name_only(self):
        self.send(email_from='"Uma User" <user@other.example>', mail_server_id=self.account.mail_server_id.id)
        [message] = self.get_sent()
        self.assertEqual(message["From"], '"Uma User" <jane@acme.example>')

    def test_always_bcc(self):
        self.account.bcc_email = ADDRESS
        before = len(self.hosts.mail.messages(ADDRESS))
        self.send(email_from=ADDRESS)
        copies = self.hosts.mail.messages(ADDRESS)[before:]
        self.assertEqual(len(copies), 1)
        self.assertNotIn(b"Bcc", copies[0])

    def test_unchecked_account_sends_nothing(self):
        self.account.state = "draft"
        with mute_logger("odoo.addons.mail.models.mail_mail"):
            mail = self.send(email_from=ADDRESS, mail_server_id=self.account.mail_server_id.id)
        self.assertEqual(mail.state, "exception")
        self.assertIn("was not checked yet", mail.failure_reason)
        found, _from = self.env["ir.mail_server"]._find_mail_server(ADDRESS)
        self.assertNotEqual(found, self.account.mail_server_id)
        self.assertEqual(self.get_sent(), [])

    def test_what_the_server_says_stays_out_of_notifications(self):
        banner = "mx7.intranet has enough of you"
        self.account._set_state()
        self.hosts.mail.refuse_data = f"550 5.9.9 {banner}"
        partner = self.env["res.partner"].create({"name": "Joe", "email": "joe@elsewhere.example"})
        message = partner.message_post(
            body="Hello", message_type="comment", subtype_xmlid="mail.mt_comment", email_from=ADDRESS
        )
        mail = self.env["mail.mail"].create(
            {
                "mail_message_id": message.id,
                "recipient_ids": partner.ids,
                "mail_server_id": self.account.mail_server_id.id,
                "email_from": ADDRESS,
                "is_notification": True,
            }
        )
        notification = self.env["mail.notification"].create(
            {
                "mail_message_id": message.id,
                "mail_mail_id": mail.id,
                "res_partner_id": partner.id,
                "notification_type": "email",
                "notification_status": "ready",
            }
        )
        with mute_logger("odoo.addons.mail.models.mail_mail"):
            mail.send()
        self.assertEqual(notification.notification_status, "exception")
        self.assertIn("unknown", notification.failure_reason)
        for text in (notification.failure_reason, mail.failure_reason, notification.format_failure_reason()):
            self.assertNotIn(banner, text)

    def test_failure_is_in_words(self):
        self.account.password = "wrong"
        self.account._set_state()
        mail = self.send(email_from=ADDRESS)
        self.assertEqual(mail.state, "exception")
        self.assertIn("Cannot connect to the outgoing email server: The server refused", mail.failure_reason)
        self.assertNotIn("wrong", mail.failure_reason.replace("wrong_password", ""))

    def test_test_connection_of_the_owned_server(self):
        self.account.mail_server_id.test_smtp_connection()
        self.account.password = "wrong"
        with self.assertRaisesRegex(UserError, "refused the user name or the password"):
            self.account.mail_server_id.test_smtp_connection()

    def test_personal_account_is_its_owners(self):
        self.account.user_id = self.user
        mail = self.env["mail.mail"].create({"email_from": ADDRESS, "email_to": RECIPIENT, "body_html": "x"})
        self.assertNotIn(
            self.account.mail_server_id, mail._filter_mail_mail_servers(self.env["ir.mail_server"].search([]))
        )
        with self.assertRaisesRegex(Exception, "another user's mail server"):
            self.send(email_from=ADDRESS, mail_server_id=self.account.mail_server_id.id)
        found, _from = self.env["ir.mail_server"]._find_mail_server(ADDRESS)
        self.assertNotEqual(found, self.account.mail_server_id)
        message = self.env["mail.message"].with_user(self.user).sudo().create({"body": "x"})
        own = self.env["mail.mail"].create({"mail_message_id": message.id, "email_to": RECIPIENT})
        self.assertIn(
            self.account.mail_server_id, own._filter_mail_mail_servers(self.env["ir.mail_server"].search([]))
        )

    def test_fallback(self):
        MailServer = self.env["ir.mail_server"]
        MailServer.search([("email_account_id", "=", False)]).active = False
        # the only one: its address is used for everybody
        self.assertEqual(MailServer._find_mail_server("x@other.example")[0], self.account.mail_server_id)
        stock = MailServer.create(
            {"name": "Stock", "smtp_host": "localhost", "from_filter": "elsewhere.example"}
        )
        # a stock server stays the first choice, as it was before there was an account
        self.assertEqual(MailServer._find_mail_server("x@other.example")[0], stock)
        self.account.use_for_notifications = True
        self.assertEqual(MailServer._find_mail_server("x@other.example")[0], self.account.mail_server_id)
        self.assertEqual(MailServer._find_mail_server("x@elsewhere.example")[0], stock)

    def test_pop_before_smtp(self):
        self.account.login_incoming_first = True
        self.account._set_state()
        before = len(self.hosts.mail.logins())
        self.send(email_from=ADDRESS)
        self.assertEqual([login[0] for login in self.hosts.mail.logins()[before:]], ["imap", "submission"])

    def test_composer_sends_from_the_account(self):
        partner = self.env["res.partner"].create({"name": "Bob", "email": RECIPIENT})
        composer = (
            self.env["mail.compose.message"]
            .with_user(self.user)
            .with_context(
                default_model="res.partner", default_res_ids=partner.ids, default_composition_mode="comment"
            )
            .create({"body": "<p>Offer</p>", "subject": "Offer", "partner_ids": partner.ids})
        )
        self.assertEqual(composer.email_account_id, self.account)
        self.assertFalse(composer.email_account_hint)
        self.assertEqual(composer.email_from, '"Jane of Acme" <jane@acme.example>')
        composer.web_read(
            {
                "mail_server_id": {"fields": {"display_name": {}}},
                "email_account_id": {"fields": {"display_name": {}}},
            }
        )
        composer._action_send_mail()
        message = partner.message_ids[0]
        self.assertEqual(
            (message.author_id, message.mail_server_id), (self.user.partner_id, self.account.mail_server_id)
        )
        self.env["mail.mail"].search([("mail_message_id", "=", message.id)]).send()
        [sent] = self.get_sent()
        self.assertEqual(sent["From"], '"Jane of Acme" <jane@acme.example>')

    def test_composer_without_an_account(self):
        self.account.use_for_sending = False
        composer = self.env["mail.compose.message"].with_user(self.user).create({"body": "x"})
        self.assertFalse(composer.email_account_id)
        self.assertEqual(composer.email_account_hint, "create")
        self.assertEqual(composer.email_from, self.user.email_formatted)

    def test_template_decides(self):
        other = self.env["email.account"].create({**self.account_values, "email": "sales@acme.example"})
        other._set_state()
        template = self.env["mail.template"].create(
            {
                "name": "T",
                "model_id": self.env["ir.model"]._get_id("res.partner"),
                "email_from": "sales@acme.example",
                "mail_server_id": other.mail_server_id.id,
            }
        )
        composer = self.env["mail.compose.message"].create(
            {"template_id": template.id, "model": "res.partner", "res_ids": repr(self.user.partner_id.ids)}
        )
        self.assertEqual(composer.mail_server_id, other.mail_server_id)
        self.assertEqual(composer.email_from, "sales@acme.example")
