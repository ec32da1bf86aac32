import contextlib
from datetime import timedelta
from unittest.mock import patch

import psycopg2

from odoo import fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import Form, new_test_user, tagged
from odoo.tools import mute_logger

from .common import ADDRESS
from .receiving import LARGE, MAIL, ReceivingCase

RICH = """From: "Carol Customer" <carol@customer.example>
To: {to}
Subject: {subject}
Message-ID: <{id}@customer.example>
Date: Tue, 24 Nov 2026 10:00:00 +0000
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="b"

--b
Content-Type: text/html; charset=utf-8

<p>Is it <b>blue</b>?</p><script>alert(1)</script><img src="x" onerror="alert(2)">
--b
Content-Type: text/plain
Content-Disposition: attachment; filename="order.txt"

One, please.
--b--
"""
BOUNCE = """From: MAILER-DAEMON@elsewhere.example
To: {to}
Subject: {subject}
Message-ID: <{id}@customer.example>
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

It came back.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.elsewhere.example

Final-Recipient: rfc822; nobody@elsewhere.example
Action: failed
--b--
"""
# more parts than any program makes
COMPLEX = (
    "From: carol@customer.example\nTo: {to}\nSubject: {subject}\nMessage-ID: <{id}@customer.example>\n"
    'Content-Type: multipart/mixed; boundary="b"\n\n' + "--b\n\nx\n" * 1200 + "--b--\n"
).replace("\n", "\r\n")


class UnprocessedCase(ReceivingCase):
    """With an account that keeps what has no route, and somebody who manages shared accounts."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        groups = "base.group_user,base.group_partner_manager,email_account.group_email_account_manage"
        cls.manager = new_test_user(cls.env, "unprocessed_manager", groups)
        cls.employee = new_test_user(cls.env, "unprocessed_employee", "base.group_user")

    def setUp(self):
        super().setUp()
        self.account.incoming_action = "keep"

    def keep(self, number="one", subject="In blue?", mail=MAIL):
        """Receive a mail that is kept; return it for the manager."""
        known = self.get_unprocessed()
        self.deliver(number, subject, mail=mail)
        self.account._receive()
        return (self.get_unprocessed() - known).with_user(self.manager)

    def keep_large(self, number="large"):
        self.account.size_limit = 1
        return self.keep(number, mail=LARGE)

    def get_activities(self):
        self.account.invalidate_recordset(["activity_ids"])
        return self.account._get_reminders("email_account.mail_activity_type_unprocessed")

    def get_count(self):
        self.account.invalidate_recordset(["unprocessed_count"])
        return self.account.unprocessed_count

    def assertOpens(self, action, record):
        self.assertEqual((action["res_model"], action["res_id"]), (record._name, record.id))

    def assertDone(self, mail):
        self.assertFalse(mail.exists())
        self.assertEqual(self.get_count(), 0)
        self.assertFalse(self.get_activities())

    def failing(self, error):
        """Whatever is posted on a contact fails."""
        return patch.object(self.env.registry["res.partner"], "message_post", side_effect=error)


@tagged("post_install", "-at_install")
class TestUnprocessedRetry(UnprocessedCase):
    def test_success_opens_what_it_became(self):
        mail = self.keep()
        self.assertEqual((self.get_count(), len(self.get_activities())), (1, 1))
        self.account.incoming_action = "contact"
        action = mail.action_retry()
        message = self.get_message("one")
        self.assertOpens(action, self.env["res.partner"].browse(message.res_id))
        self.assertEqual(message.author_id.email, "carol@customer.example")
        self.assertEqual((message.message_type, message.email_account_id), ("email", self.account))
        self.assertTrue(message.email_account_id)
        self.assertDone(mail)

    def test_failure_says_why(self):
        mail = self.keep()
        self.account.incoming_action = "contact"
        with self.failing(KeyError("nothing")):
            action = mail.action_retry()
        self.assertEqual(action["params"]["message"], "The application could not store it.")
        self.assertEqual((mail.reason, mail.attempts, mail.state), ("error", 2, "stuck"))
        self.assertIn("KeyError", mail.details)
        self.assertEqual(len(self.get_activities()), 1)

    def test_several(self):
        mails = self.keep("one") + self.keep("two", "poison") + self.keep("three")
        self.account.incoming_action = "contact"
        partners = self.env.registry["res.partner"]
        message_post = partners.message_post

        def poisoned(thread, **values):
            if values.get("subject") == "poison":
                raise KeyError("poison")
            return message_post(thread, **values)

        with patch.object(partners, "message_post", poisoned):
            action = mails.action_retry()
        self.assertEqual(action["params"]["message"], "2 of 3 mails are done with.")
        self.assertEqual(mails.exists().subject, "poison")
        self.assertEqual(len(self.get_activities()), 1)

    def test_what_becomes_no_message(self):
        """The report that a mail of ours came back, say: there is nothing to open."""
        nobody = self.env["res.partner"].create({"name": "Nobody", "email": "nobody@elsewhere.example"})
        project = self.env["res.partner"].create({"name": "Project"})
        sent = project.message_post(body="Hello", partner_ids=nobody.ids)
        with self.failing(KeyError("nothing")):
            self.account.incoming_action = "contact"
            mail = self.keep()
        bounce = BOUNCE.format(to=ADDRESS, subject=f"Back\nIn-Reply-To: {sent.message_id}", id="back")
        mail._get_source_attachment().raw = bounce.encode()
        action = mail.action_retry()
        self.assertEqual(action["params"]["message"], "The mail was processed. There is nothing to show.")
        self.assertFalse(self.get_message("back"))
        self.assertEqual(sent.notification_ids.notification_status, "bounce")
        self.assertDone(mail)

    def test_what_another_mailbox_has_brought(self):
        mail = self.keep()
        other = self.create_account(email="info@acme.example")
        self.deliver("one", to="info@acme.example", mail=MAIL.replace("{to}", ADDRESS))
        other._receive()
        message = self.get_message("one")
        self.assertEqual(message.email_account_id, other)
        record = self.env["res.partner"].create({"name": "Elsewhere"})
        action = mail._assign(record.with_user(self.manager))
        self.assertOpens(action, self.env["res.partner"].browse(message.res_id))
        self.assertFalse(record.message_ids.filtered("email_account_id"))
        self.assertDone(mail)

    def test_without_its_receipt(self):
        """The folder was removed from the account: the mail keeps its name."""
        mail = self.keep()
        mail.sudo().receipt_id.unlink()
        self.account.incoming_action = "contact"
        mail.action_retry()
        self.assertTrue(self.get_message("one"))
        self.assertDone(mail)

    def test_waits_grow_and_end(self):
        self.account.incoming_action = "contact"
        with self.failing(psycopg2.errors.SerializationFailure("at the same moment")):
            mail = self.keep()
            self.assertIn("It is tried again by itself.", mail.message)
            self.assertFalse(self.get_activities())
            waits = []
            while mail.state == "waiting":
                waits.append((mail.next_attempt - fields.Datetime.now()).total_seconds() / 60)
                mail.sudo().next_attempt = fields.Datetime.now()
                self.account._receive()
        self.assertEqual([round(wait) for wait in waits], [1, 5, 15, 60, 240])
        self.assertEqual((mail.attempts, mail.next_attempt), (6, False))
        self.assertNotIn("again", mail.message)
        self.assertEqual(len(self.get_activities()), 1)
        mail.action_retry()
        self.assertDone(mail)

    def test_not_before_its_time(self):
        self.account.incoming_action = "contact"
        with self.failing(psycopg2.errors.SerializationFailure("at the same moment")):
            mail = self.keep()
        self.account._receive()
        self.assertTrue(mail.exists())
        mail.sudo().next_attempt = fields.Datetime.now()
        self.account._receive()
        self.assertDone(mail)

    def test_fault_holds_up_nobody(self):
        self.account.incoming_action = "contact"
        with self.failing(psycopg2.errors.SerializationFailure("at the same moment")):
            mail = self.keep()
        mail.sudo().next_attempt = fields.Datetime.now()
        self.deliver("two")
        mails = self.env.registry["email.account.unprocessed"]
        with (
            patch.object(mails, "_try", side_effect=KeyError("fault")),
            self.assertLogs("odoo.addons.email_account.models.email_account_unprocessed", "ERROR"),
        ):
            self.account._receive()
        self.assertTrue(self.get_message("two"))
        self.assertEqual((mail.attempts, mail.state), (2, "waiting"))

    def test_process_that_dies_over_it(self):
        """It counts, and one day it ends."""
        self.account.incoming_action = "contact"
        with self.failing(psycopg2.errors.SerializationFailure("at the same moment")):
            mail = self.keep()
        mails = self.env.registry["email.account.unprocessed"]
        with patch.object(mails, "_try", side_effect=KeyboardInterrupt):
            for attempts in range(2, 7):
                mail.sudo().next_attempt = fields.Datetime.now()
                self.env.flush_all()
                # assertRaises would undo what was committed
                with contextlib.suppress(KeyboardInterrupt):
                    self.account._receive()
                self.env.invalidate_all()
                self.assertEqual((mail.attempts, mail.state), (attempts, "waiting"))
            mail.sudo().next_attempt = fields.Datetime.now()
            self.account._receive()
        self.assertEqual((mail.attempts, mail.state), (6, "stuck"))
        self.assertEqual(len(self.get_activities()), 1)


@tagged("post_install", "-at_install")
class TestUnprocessedAssign(UnprocessedCase):
    def setUp(self):
        super().setUp()
        self.record = self.env["res.partner"].create({"name": "Project"}).with_user(self.manager)

    def test_record(self):
        mail = self.keep("rich", mail=RICH)
        action = mail.action_assign()
        wizard = self.env[action["res_model"]].with_user(self.manager).with_context(**action["context"])
        form = Form(wizard)
        self.assertIn("In blue?", form.summary)
        self.assertFalse(form.record_ref)
        form.record_ref = f"res.partner,{self.record.id}"
        self.assertOpens(form.save().action_assign(), self.record)
        message = self.get_message("rich")
        self.assertEqual((message.model, message.res_id), ("res.partner", self.record.id))
        self.assertEqual((message.message_type, message.email_account_id), ("email", self.account))
        self.assertEqual(message.subtype_id, self.env.ref("mail.mt_comment"))
        self.assertEqual(fields.Datetime.to_string(message.date), "2026-11-24 10:00:00")
        self.assertEqual(message.author_id.email, "carol@customer.example")
        self.assertEqual(message.author_id.name, "Carol Customer")
        self.assertIn("<b>blue</b>", message.body)
        self.assertNotIn("alert", message.body)
        self.assertEqual(message.attachment_ids.mapped("name"), ["order.txt"])
        self.assertFalse(self.record.sudo().message_follower_ids)
        self.assertDone(mail)
        # what answers it goes there too
        answer = MAIL.replace("Subject:", "In-Reply-To: <rich@customer.example>\nSubject:")
        self.deliver("answer", mail=answer)
        self.account._receive()
        self.assertEqual(self.get_message("answer").res_id, self.record.id)

    def test_known_sender_is_proposed(self):
        partner = self.env["res.partner"].create({"name": "Carol", "email": "carol@customer.example"})
        mail = self.keep()
        wizard = self.env["email.account.assign"].with_user(self.manager)
        form = Form(wizard.with_context(**mail.action_assign()["context"]))
        self.assertEqual(form.record_ref, f"res.partner,{partner.id}")
        form.save().action_assign()
        self.assertEqual(self.get_message("one").author_id, partner)

    def test_several(self):
        mails = self.keep("one") + self.keep("two")
        wizard = self.env["email.account.assign"].with_user(self.manager)
        form = Form(wizard.with_context(**mails.action_assign()["context"]))
        self.assertEqual(form.summary, "2 mails")
        form.record_ref = f"res.partner,{self.record.id}"
        self.assertEqual(form.save().action_assign()["params"]["message"], "2 of 2 mails are done with.")
        self.assertEqual(
            (self.get_message("one") + self.get_message("two")).mapped("res_id"), self.record.ids * 2
        )
        self.assertDone(mails)

    def test_reply_goes_where_somebody_wants_it(self):
        other = self.env["res.partner"].create({"name": "Other"})
        question = other.message_post(body="?", message_id="<question@acme.example>")
        self.account.incoming_action = "contact"
        with self.failing(KeyError("nothing")):
            mail = self.keep(mail=MAIL.replace("Subject:", f"In-Reply-To: {question.message_id}\nSubject:"))
        mail._assign(self.record)
        message = self.get_message("one")
        self.assertEqual((message.res_id, message.parent_id.id), (self.record.id, False))

    def test_what_cannot_be_read_is_attached(self):
        mail = self.keep("complex", mail=COMPLEX)
        self.assertEqual(mail.reason, "too_complex")
        source = mail._get_source_attachment().raw
        self.assertOpens(mail._assign(self.record), self.record)
        message = self.get_message("complex")
        self.assertEqual((message.res_id, message.message_type), (self.record.id, "email"))
        self.assertEqual((message.email_account_id, message.subject), (self.account, "In blue?"))
        self.assertEqual(message.author_id.email, "carol@customer.example")
        self.assertEqual(message.attachment_ids.raw, source)
        self.assertDone(mail)

    def test_broken_is_attached(self):
        threads = self.env.registry["mail.thread"]
        with patch.object(threads, "_message_parse_extract_payload", side_effect=ValueError("no charset")):
            mail = self.keep()
            self.assertEqual(mail.reason, "broken")
            with self.assertRaisesRegex(UserError, "damaged"):
                mail._create_records("res.partner")
            mail._assign(self.record)
        self.assertTrue(self.get_message("one").attachment_ids)
        self.assertDone(mail)

    def test_loop_and_answer_to_a_bounce(self):
        reference = "<1-loop-detection-bounce-email@acme.example>"
        mail = self.keep(mail=MAIL.replace("Subject:", "X-Test: 1\nSubject:"))
        source = mail._get_source_attachment().raw
        mail._get_source_attachment().raw = source.replace(b"X-Test: 1", f"References: {reference}".encode())
        self.env["ir.config_parameter"].set_param("mail.gateway.loop.threshold", 0)
        mail._assign(self.record)
        self.assertEqual(self.get_message("one").res_id, self.record.id)

    def test_rights(self):
        mail = self.keep()
        record = self.record.with_user(self.employee)
        for call in (
            lambda: mail.with_user(self.employee).action_retry(),
            lambda: mail.with_user(self.employee).action_discard(),
            lambda: mail.with_user(self.employee)._assign(record),
            lambda: mail.with_user(self.employee).subject,
        ):
            with self.assertRaises(AccessError), mute_logger("odoo.addons.base.models.ir_rule"):
                call()
        # the owner decides what becomes of his mail, but only where he may change something
        self.account.user_id = self.employee
        self.env.invalidate_all()
        with self.assertRaises(AccessError), mute_logger("odoo.addons.base.models.ir_rule"):
            mail.action_retry()
        own = mail.with_user(self.employee)
        with self.assertRaises(AccessError), mute_logger("odoo.addons.base.models.ir_model"):
            own._assign(record)
        with self.assertRaises(AccessError), mute_logger("odoo.addons.base.models.ir_model"):
            own._create_records("res.partner")
        wizard = self.env["email.account.assign"].with_user(self.employee)
        self.assertNotIn("res.partner", dict(wizard._select_models()))
        self.assertFalse(self.get_message("one"))
        own.action_discard()
        self.assertEqual(own.state, "discarded")

    def test_rule_on_what_is_made(self):
        mail = self.keep()
        self.env["ir.rule"].create(
            {
                "name": "No such contacts",
                "model_id": self.env["ir.model"]._get_id("res.partner"),
                "domain_force": "[('name', '!=', 'In blue?')]",
                "perm_read": False,
            }
        )
        with (
            self.assertRaises(AccessError),
            mute_logger("odoo.addons.base.models.ir_rule"),
            self.env.cr.savepoint(),
        ):
            mail._create_records("res.partner")
        self.assertFalse(self.get_message("one"))
        self.assertTrue(mail.exists())

    def test_route_of_a_stranger_is_ignored(self):
        """A context that does not come from here decides nothing."""
        threads = self.env["mail.thread"].with_user(self.employee)
        threads = threads.with_context(email_account_route=("res.partner", self.record.id, 1))
        self.assertIsNone(threads._get_forced_route())
        self.assertTrue(threads.sudo()._get_forced_route())


@tagged("post_install", "-at_install")
class TestUnprocessedNewRecord(UnprocessedCase):
    def get_form(self, mails):
        wizard = self.env["email.account.assign"].with_user(self.manager)
        return Form(wizard.with_context(**mails.action_create_record()["context"]))

    def test_record(self):
        self.account.incoming_model_id = self.env["ir.model"]._get("res.partner")
        mail = self.keep()
        form = self.get_form(mail)
        self.assertEqual(form.model_name, "res.partner")
        action = form.save().action_create_record()
        message = self.get_message("one")
        record = self.env["res.partner"].browse(message.res_id)
        self.assertOpens(action, record)
        self.assertEqual(
            (record.name, record.email), ("In blue?", '"Carol Customer" <carol@customer.example>')
        )
        self.assertEqual((record.create_uid, message.email_account_id), (self.manager, self.account))
        self.assertDone(mail)

    def test_several(self):
        mails = self.keep("one", "First") + self.keep("two", "Second")
        form = self.get_form(mails)
        form.model_name = "res.partner"
        form.save().action_create_record()
        records = (self.get_message("one") + self.get_message("two")).mapped("record_name")
        self.assertEqual(records, ["First", "Second"])
        self.assertDone(mails)

    def test_model_that_wants_more(self):
        mail = self.keep()
        for error, words in (
            (ValidationError("Pink is no colour."), "(?s)could not store it.*Pink is no colour"),
            (psycopg2.errors.NotNullViolation("null value"), "assign the mail to it"),
        ):
            with (
                patch.object(self.env.registry["res.partner"], "message_new", side_effect=error),
                self.assertRaisesRegex(UserError, words),
            ):
                mail._create_records("res.partner")
        self.assertEqual((mail.reason, mail.attempts), ("kept", 1))

    def test_choices(self):
        wizard = self.env["email.account.assign"].with_user(self.manager)
        names = dict(wizard._select_new_models())
        self.assertIn("res.partner", names)
        for name in ("email.account", "mail.blacklist", "mail.thread"):
            self.assertNotIn(name, names)
        form = wizard.create({"unprocessed_ids": self.keep().ids, "kind": "new"})
        with self.assertRaisesRegex(UserError, "choose what the mail becomes"):
            form.action_create_record()
        with self.assertRaisesRegex(UserError, "choose what the mail belongs to"):
            form.action_assign()


@tagged("post_install", "-at_install")
class TestUnprocessedDiscard(UnprocessedCase):
    def test_discard_and_restore(self):
        mail, other = self.keep("one"), self.keep("two")
        mail.action_discard()
        self.assertEqual((mail.state, self.get_count(), len(self.get_activities())), ("discarded", 1, 1))
        other.action_discard()
        self.assertEqual((self.get_count(), len(self.get_activities())), (0, 0))
        mail.action_restore()
        self.assertEqual((mail.state, self.get_count(), len(self.get_activities())), ("stuck", 1, 1))
        self.account.incoming_action = "contact"
        other.action_retry()
        self.assertTrue(self.get_message("two"))

    def test_kept_for_some_time(self):
        mail, other = self.keep("one"), self.keep("two")
        (mail + other).action_discard()
        self.env.flush_all()
        for each, days in ((mail, 31), (other, 29)):
            self.env.cr.execute(
                "UPDATE email_account_unprocessed SET write_date = %s WHERE id = %s",
                [fields.Datetime.now() - timedelta(days=days), each.id],
            )
        self.env.invalidate_all()
        attachment = mail._get_source_attachment()
        self.env["email.account.unprocessed"]._gc_discarded()
        self.assertEqual((mail + other).exists(), other)
        self.assertFalse(attachment.exists())
        # it does not come again
        self.account._receive()
        self.assertEqual(self.get_unprocessed(), other.sudo())

    def test_waiting_one_is_left_alone(self):
        self.account.incoming_action = "contact"
        with self.failing(psycopg2.errors.SerializationFailure("at the same moment")):
            mail = self.keep()
        mail.action_discard()
        self.assertFalse(mail.next_attempt)
        self.account._receive()
        self.assertFalse(self.get_message("one"))

    def test_server_is_told(self):
        mail = self.keep_large()
        self.account._receive()
        self.assertEqual(self.get_flags(), [""])
        mail.action_discard()
        mail.action_restore()
        self.account._receive()
        self.assertEqual(self.get_flags(), [""])
        mail.action_discard()
        self.account._receive()
        self.assertEqual(self.get_flags(), ["S"])

    def test_removed_by_hand(self):
        mail = self.keep_large()
        mail.unlink()
        self.assertDone(mail)
        self.account._receive()
        self.assertEqual(self.get_flags(), ["S"])

    def test_account_is_removed(self):
        """What nobody has decided about stays, what was discarded goes along."""
        kept, discarded = self.keep("kept"), self.keep("discarded")
        discarded.action_discard()
        attachments = [mail._get_source_attachment() for mail in (kept, discarded)]
        self.account.unlink()
        self.assertFalse(attachments[1].exists() or discarded.exists())
        self.assertTrue(attachments[0].exists())
        self.assertEqual((kept.address, kept.state), (ADDRESS, "stuck"))


@tagged("post_install", "-at_install")
class TestUnprocessedForm(UnprocessedCase):
    def test_what_is_seen(self):
        mail = self.keep("rich", mail=RICH)
        self.assertEqual(mail.preview, "Is it *blue*?")
        self.assertEqual(mail.display_name, "In blue?")
        self.assertRegex(mail.size_text, r"^\d+\.\d\d bytes$")
        self.assertIn("/source/", mail.action_download()["url"])
        views = mail.get_views([(False, "list"), (False, "form"), (False, "search")])["views"]
        self.assertIn('name="details"', views["form"]["arch"])
        self.account.user_id = self.employee
        own = mail.with_user(self.employee)
        self.assertIn("blue", own.preview)
        self.assertNotIn('name="details"', own.get_view(view_type="form")["arch"])

    def test_menu(self):
        menu = self.env.ref("email_account.menu_email_account_unprocessed")
        self.assertIn(menu.id, self.env["ir.ui.menu"].with_user(self.manager)._visible_menu_ids())

    def test_messages_know_their_account(self):
        self.account.incoming_action = "contact"
        self.keep()
        messages = self.env["mail.message"].with_user(self.manager)
        arch = messages.get_view(self.env.ref("mail.view_message_search").id, "search")["arch"]
        self.assertIn('name="email_account_id"', arch)
        domain = self.account.action_open_messages()["domain"]
        self.assertEqual(messages.search(domain), self.get_message("one").with_user(self.manager))
