from unittest.mock import patch

import psycopg2

from odoo import fields
from odoo.tests import tagged

from .common import ADDRESS, DOMAIN, HostsCase
from .receiving import LARGE, MAIL, ReceivingCase


@tagged("post_install", "-at_install")
class TestReceiving(ReceivingCase):
    def test_mail_becomes_a_message_on_the_contact(self):
        self.deliver("one")
        self.account._receive()
        message = self.get_message("one")
        self.assertEqual((message.model, message.subject), ("res.partner", "In blue?"))
        self.assertEqual(message.email_account_id, self.account)
        self.assertEqual(self.account.message_count, 1)
        self.assertEqual(
            self.env["mail.message"].search(self.account.action_open_messages()["domain"]), message
        )
        partner = self.env["res.partner"].browse(message.res_id)
        self.assertEqual((partner.name, partner.email), ("Carol Customer", "carol@customer.example"))
        self.assertEqual(message.author_id, partner)
        self.assertFalse(partner.message_follower_ids)
        self.assertFalse(message.notification_ids)
        # the next one finds the contact
        self.deliver("two")
        self.account._receive()
        self.assertEqual(self.get_message("two").res_id, partner.id)
        self.account._receive()
        self.assertEqual(len(self.get_message("one") + self.get_message("two")), 2)
        self.assertEqual(self.get_flags(), ["S", "S"])

    def test_many_mails_of_one_sender_are_no_loop(self):
        for number in range(25):
            self.deliver(f"many{number}")
        self.account._receive()
        self.assertEqual(self.account.message_count, 25)
        self.assertFalse(self.get_unprocessed())

    def test_mail_becomes_a_record(self):
        self.account.write(
            {"incoming_action": "create", "incoming_model_id": self.env["ir.model"]._get("res.partner").id}
        )
        self.deliver("record", "New contact")
        self.account._receive()
        message = self.get_message("record")
        self.assertEqual(self.env["res.partner"].browse(message.res_id).name, "New contact")

    def test_loop_is_kept(self):
        self.create_alias()
        self.env["ir.config_parameter"].set_param("mail.gateway.loop.threshold", 2)
        for number in range(4):
            self.deliver(f"loop{number}")
        mails = self.env["mail.mail"].search_count([])
        self.account._receive()
        self.assertEqual(self.account.message_count, 2)
        self.assertEqual(self.get_unprocessed().mapped("reason"), ["loop", "loop"])
        self.assertEqual(self.env["mail.mail"].search_count([]), mails)

    def test_mail_is_kept(self):
        self.account.incoming_action = "keep"
        self.deliver("kept")
        self.account._receive()
        self.assertFalse(self.get_message("kept"))
        mail = self.get_unprocessed()
        self.assertEqual((mail.reason, mail.state, mail.subject), ("kept", "stuck", "In blue?"))
        self.assertIn("assign it to a record", mail.message)
        self.assertEqual(self.account.unprocessed_count, 1)
        self.assertEqual(self.account.activity_ids.user_id, self.account._get_responsible_user())
        self.account._receive()
        self.assertEqual(len(self.get_unprocessed()), 1)

    def test_reply_comes_first(self):
        self.account.incoming_action = "keep"
        partner = self.env["res.partner"].create({"name": "Project"})
        question = partner.message_post(body="?", message_id="<question@acme.example>")
        reply = MAIL.replace("Subject:", f"In-Reply-To: {question.message_id}\nSubject:")
        self.deliver("answer", "Re: ?", mail=reply)
        self.account._receive()
        self.assertEqual(self.get_message("answer").res_id, partner.id)
        self.assertFalse(self.get_unprocessed())

    def test_alias_comes_first(self):
        self.account.incoming_action = "keep"
        self.create_alias()
        self.deliver("alias", "By alias")
        self.account._receive()
        message = self.get_message("alias")
        self.assertEqual(self.env["res.partner"].browse(message.res_id).name, "By alias")

    def test_sender_who_is_nobody(self):
        self.deliver("nobody", mail=MAIL.replace('From: "Carol Customer" <carol@customer.example>\n', ""))
        self.account._receive()
        self.assertFalse(self.get_message("nobody"))
        self.assertEqual(self.get_unprocessed().reason, "no_route")

    def test_starttls(self):
        self.account.write({"incoming_security": "starttls", "incoming_port": 143})
        self.account._set_state()
        self.deliver("starttls")
        self.account._receive()
        self.assertTrue(self.get_message("starttls"))

    def test_send_receive_button(self):
        self.deliver("button")
        action = self.account.action_send_receive()
        self.assertEqual(action["params"]["type"], "success")
        self.assertTrue(self.get_message("button"))

    def test_account_that_is_not_ready_is_left_alone(self):
        self.account.state = "draft"
        self.deliver("early")
        self.account._receive()
        self.assertFalse(self.get_message("early"))

    def test_large_mail_comes_as_its_header(self):
        self.account.size_limit = 1
        self.deliver("large", mail=LARGE)
        self.deliver("small")
        self.account._receive()
        self.assertTrue(self.get_message("small"))
        self.assertFalse(self.get_message("large"))
        mail = self.get_unprocessed()
        self.assertEqual((mail.reason, mail.subject, mail.is_complete), ("too_large", "In blue?", False))
        self.assertGreater(mail.size, 1 << 20)
        self.assertLess(len(mail._get_source_attachment().raw), 2000)
        self.assertEqual(self.get_flags(), ["", "S"])

    def test_error_of_an_addon_loses_nothing(self):
        """The poison is kept with its source, what comes after it is received."""
        for name in ("before", "poison", "after"):
            self.deliver(name, name)
        partners = self.env.registry["res.partner"]
        message_post = partners.message_post

        def poisoned(thread, **values):
            if values.get("subject") == "poison":
                raise KeyError("poison")
            return message_post(thread, **values)

        with patch.object(partners, "message_post", poisoned):
            self.account._receive()
        self.assertTrue(self.get_message("before") and self.get_message("after"))
        mail = self.get_unprocessed()
        self.assertEqual((mail.reason, mail.state, mail.attempts), ("error", "stuck", 1))
        self.assertIn("KeyError", mail.details)
        self.assertIn(b"do you have it in blue?", mail._get_source_attachment().raw)
        self.assertEqual(self.account.state, "ready")
        self.assertEqual(self.get_flags(), ["S", "S", "S"])

    def test_conflict_is_tried_again(self):
        """Twice at once, later five times, then somebody has to look."""
        self.deliver("conflict")
        tried = []

        def fail(*_arguments, **_values):
            tried.append(1)
            raise psycopg2.errors.SerializationFailure("could not serialize access")

        with patch.object(self.env.registry["res.partner"], "message_post", fail):
            self.account._receive()
            self.assertEqual(len(tried), 2)
            mail = self.get_unprocessed()
            self.assertEqual((mail.reason, mail.state, mail.attempts), ("conflict", "waiting", 1))
            waits = []
            for _attempt in range(5):
                waits.append((mail.next_attempt - fields.Datetime.now()).total_seconds())
                mail.next_attempt = fields.Datetime.now()
                self.account._receive()
            self.assertEqual([round(seconds / 60) for seconds in waits], [1, 5, 15, 60, 240])
            self.assertEqual((len(tried), mail.state, mail.attempts), (7, "stuck", 6))
        self.assertFalse(self.get_message("conflict"))

    def test_conflict_that_passes(self):
        self.deliver("passes")
        with patch.object(
            self.env.registry["res.partner"], "message_post", side_effect=psycopg2.errors.DeadlockDetected
        ):
            self.account._receive()
        self.get_unprocessed().next_attempt = fields.Datetime.now()
        self.account._receive()
        self.assertTrue(self.get_message("passes"))
        self.assertFalse(self.get_unprocessed())


@tagged("post_install", "-at_install")
class TestReceivingCertificate(HostsCase):
    certificates = {"imap": "expired", "pop3": "wrong_name", "submission": "unknown_issuer"}

    def test_wizard_sends_no_password_and_stores_nothing(self):
        wizard = self.env["email.account.create"].create(self.wizard_values)
        wizard.action_create()
        self.assertEqual((wizard.step, wizard.is_retry), ("start", True))
        self.assertIn(f"smtp.{DOMAIN}:465: no valid certificate", wizard.message)
        self.assertIn(f"imap.{DOMAIN}:993: no valid certificate (certificate has expired)", wizard.message)
        self.assertFalse(self.env["email.account"].search([("email", "=", ADDRESS)]))
        self.assertNoLogin()

    def test_no_password_where_the_certificate_is_bad(self):
        account = self.env["email.account"].create(self.account_values)
        check = account._check()
        causes = {step.direction: step.cause for step in check.step_ids if step.result == "failed"}
        self.assertEqual(
            causes, {"outgoing": "certificate_unknown_issuer", "incoming": "certificate_expired"}
        )
        self.assertEqual(account.state, "failing")
        account.write({"incoming_protocol": "pop3", "incoming_port": 995})
        account._set_state()
        account._receive()
        self.assertIn("certificate of the server is for another name", account.last_error)
        account.write({"incoming_security": "starttls", "incoming_port": 110})
        account._set_state()
        account._receive()
        self.assertIn("certificate of the server is for another name", account.last_error)
        self.assertNoLogin()
