import datetime
import time
from unittest.mock import patch

import psycopg2

from odoo import fields
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import ADDRESS, DOMAIN, PASSWORD, HostsCase

MAIL = """From: "Carol Customer" <carol@customer.example>
To: {to}
Subject: {subject}
Message-ID: <{id}@customer.example>
Date: Tue, 24 Nov 2026 10:00:00 +0000

Hello, do you have it in blue?
"""
LARGE = MAIL.replace("\n", "\r\n") + ("x" * 70 + "\r\n") * 20000
OTHER = f"info@{DOMAIN}"
POP3 = {"incoming_protocol": "pop3", "incoming_port": 995}


class ReceivingCase(HostsCase):
    """With an account that works, and an empty mailbox."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.hosts.mail.add_user(OTHER, PASSWORD)

    def setUp(self):
        super().setUp()
        self.account = self.create_account()
        self.empty_folders(ADDRESS)
        self.empty_folders(OTHER)

    def create_account(self, **values):
        account = self.env["email.account"].create(self.account_values | values)
        account._set_state()
        return account

    def empty_folders(self, address):
        """Remove all mail; Dovecot notices by itself."""
        box = self.hosts.mail.mail / address
        for file in [*box.glob("cur/*"), *box.glob("new/*"), *box.glob(".*/cur/*"), *box.glob(".*/new/*")]:
            file.unlink()

    def deliver(self, number, subject="In blue?", to=ADDRESS, mail=MAIL):
        self.hosts.mail.deliver(mail.format(to=to, subject=subject, id=number).encode(), to)

    def create_alias(self):
        domain = self.env["mail.alias.domain"].create({"name": DOMAIN})
        model = self.env["ir.model"]._get("res.partner")
        self.env["mail.alias"].create(
            {"alias_name": "jane", "alias_domain_id": domain.id, "alias_model_id": model.id}
        )

    def get_message(self, number):
        return self.env["mail.message"].search([("message_id", "=", f"<{number}@customer.example>")])

    def get_unprocessed(self, account=None):
        return self.env["email.account.unprocessed"].search(
            [("account_id", "=", (account or self.account).id)]
        )

    def in_mailbox(self, folder="INBOX", address=ADDRESS):
        return self.hosts.mail.messages(address, folder)

    def change_uidvalidity(self):
        """The server counts anew, as after it was restored from a backup."""
        time.sleep(1.1)  # for Dovecot it is the time in seconds
        for path in (self.hosts.mail.mail / ADDRESS).glob("dovecot*"):
            path.unlink()

    def get_flags(self, address=ADDRESS):
        """Letters of Maildir for each mail in the inbox: S is seen."""
        box = self.hosts.mail.mail / address
        return sorted(file.name.partition(":2,")[2] for file in [*box.glob("cur/*"), *box.glob("new/*")])


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
class TestReceivingOnce(ReceivingCase):
    def test_uidvalidity_changed(self):
        self.deliver("kept")
        self.hosts.mail.deliver(b"Subject: Anonymous\n\nNo name", ADDRESS)
        self.account._receive()
        before = self.account.folder_ids.uid_validity
        self.assertEqual((self.account.message_count, len(self.get_unprocessed())), (1, 1))
        self.change_uidvalidity()
        self.deliver("new")
        self.account._receive()
        self.assertNotEqual(self.account.folder_ids.uid_validity, before)
        self.assertTrue(self.get_message("new"))
        self.assertEqual((self.account.message_count, len(self.get_unprocessed())), (2, 1))

    def test_uidvalidity_changed_below_a_large_mail(self):
        self.account.size_limit = 1
        self.deliver("large", mail=LARGE)
        self.account._receive()
        self.change_uidvalidity()
        self.account._receive()
        mail = self.get_unprocessed()
        self.assertEqual(mail.reason, "too_large")
        mail.action_fetch()
        self.assertTrue(self.get_message("large"))
        self.change_uidvalidity()
        self.account._receive()
        self.assertFalse(self.get_unprocessed())
        self.assertEqual(len(self.get_message("large")), 1)

    def test_mail_without_message_id(self):
        """Each that came by itself is one, however often it is seen."""
        mail = MAIL.replace("Message-ID: <{id}@customer.example>\n", "")
        self.deliver("", "Nameless", mail=mail)
        self.deliver("", "Nameless", mail=mail)
        self.account._receive()
        messages = self.env["mail.message"].search([("email_account_id", "=", self.account.id)])
        self.assertEqual(messages.mapped("subject"), ["Nameless", "Nameless"])
        self.change_uidvalidity()
        self.account._receive()
        self.assertEqual(self.account.message_count, 2)

    def test_message_id_that_is_another_mails(self):
        self.deliver("same", "First")
        self.deliver("same", "Second", mail=MAIL.replace("10:00", "11:00"))
        self.deliver("same", "First")  # delivered twice
        self.account._receive()
        messages = self.env["mail.message"].search([("email_account_id", "=", self.account.id)], order="id")
        self.assertEqual(messages.mapped("subject"), ["First", "Second"])
        self.assertEqual(len(set(messages.mapped("message_id"))), 2)
        self.assertEqual(self.get_flags(), ["S", "S", "S"])

    def test_copy_by_a_mailing_list(self):
        self.deliver("list", "News")
        self.deliver(
            "list", "[list] News", mail=MAIL.replace("To:", "List-Id: <list.example>\nTo:") + "--\nlist"
        )
        self.account._receive()
        self.assertEqual(self.account.message_count, 1)

    def test_mail_in_two_mailboxes(self):
        other = self.create_account(email=OTHER, password=PASSWORD)
        self.deliver("both")
        self.hosts.mail.deliver(MAIL.format(to=ADDRESS, subject="In blue?", id="both").encode(), OTHER)
        (self.account + other)._receive()
        self.assertEqual(len(self.get_message("both")), 1)
        self.assertFalse(self.get_unprocessed() + self.get_unprocessed(other))

    def test_what_odoo_has_sent_comes_back(self):
        partner = self.env["res.partner"].create({"name": "Project"})
        partner.message_post(body="?", message_id="<own@customer.example>")
        self.deliver("own")
        self.account._receive()
        self.assertEqual(len(self.get_message("own")), 1)

    def test_opened_elsewhere(self):
        self.deliver("opened")
        with self.account._connect_incoming() as mailbox:
            mailbox.open(b"INBOX")
            mailbox.mark_seen(mailbox.uids())
        self.account._receive()
        self.assertTrue(self.get_message("opened"))

    def test_another_worker_was_faster(self):
        """What it has stored is not stored again, even if it was stored after the list was asked for."""
        self.deliver("fast")
        self.deliver("slow")
        folder = self.account.folder_ids
        with self.account._connect_incoming() as mailbox:
            validity = str(mailbox.open(b"INBOX").validity)
            [first, _second] = mailbox.uids()
        receipts = self.env["email.account.receipt"]
        receipts.create(
            {"account_id": self.account.id, "folder_id": folder.id, "uid_validity": validity, "uid": first}
        )
        # asked for the list, it was not there yet; afterwards it is
        answers = iter([set(), {first}])
        with (
            patch.object(self.env.registry[receipts._name], "_get_known", lambda *_arguments: next(answers)),
            mute_logger("odoo.sql_db"),
        ):
            self.account._receive()
        self.assertFalse(self.get_message("fast"))
        self.assertTrue(self.get_message("slow"))
        self.assertEqual(self.account.state, "ready")

    def test_process_that_dies_over_a_mail(self):
        """The third time the mail is put aside."""
        self.deliver("deadly")
        polling = self.account.sudo().polling_ids
        with self.account._connect_incoming() as mailbox:
            validity = mailbox.open(b"INBOX").validity
            [uid] = mailbox.uids()
        polling.write({"trying": f"{self.account.folder_ids.id}/{validity}/{uid}", "tries": 1})
        self.account._receive()
        self.assertFalse(self.get_message("deadly"))
        mail = self.get_unprocessed()
        self.assertEqual((mail.reason, mail.state), ("crashed", "waiting"))
        mail.next_attempt = fields.Datetime.now()
        self.account._receive()
        self.assertTrue(self.get_message("deadly"))

    def test_only_what_odoo_would_have_fetched(self):
        """An adopted server goes on where it was."""
        self.deliver("seen")
        with self.account._connect_incoming() as mailbox:
            mailbox.open(b"INBOX")
            mailbox.mark_seen(mailbox.uids())
        self.deliver("unseen")
        self.account.folder_ids.unseen_below = "*"
        self.account._receive()
        self.assertFalse(self.get_message("seen"))
        self.assertTrue(self.get_message("unseen"))
        self.deliver("later")
        with self.account._connect_incoming() as mailbox:
            mailbox.open(b"INBOX")
            mailbox.mark_seen(mailbox.uids())
        self.account._receive()
        self.assertFalse(self.get_message("seen"))
        self.assertTrue(self.get_message("later"))
        # of what has come since, nothing is lost when the server counts anew
        self.deliver("last")
        with self.account._connect_incoming() as mailbox:
            mailbox.open(b"INBOX")
            mailbox.mark_seen(mailbox.uids())
        self.change_uidvalidity()
        self.account._receive()
        self.assertTrue(self.get_message("last"))


@tagged("post_install", "-at_install")
class TestReceivingServer(ReceivingCase):
    """What becomes of the mail on the server."""

    def load_folders(self):
        self.account.action_load_folders()
        return {folder.name: folder for folder in self.account.folder_ids}

    def create_folder(self, name):
        with self.account._connect_incoming() as mailbox:
            mailbox._session.create(name)

    def test_left_untouched(self):
        self.account.after_receiving = "leave"
        self.deliver("untouched")
        self.account._receive()
        self.assertTrue(self.get_message("untouched"))
        self.assertEqual(self.get_flags(), [""])

    def test_moved(self):
        self.create_folder("Done")
        self.account.write({"after_receiving": "move", "move_folder_id": self.load_folders()["Done"].id})
        self.deliver("moved")
        self.account._receive()
        self.assertTrue(self.get_message("moved"))
        self.assertEqual((len(self.in_mailbox()), len(self.in_mailbox("Done"))), (0, 1))

    def test_deleted_after_days(self):
        self.account.write({"after_receiving": "delete", "delete_after_days": 3})
        self.deliver("old")
        self.deliver("new")
        self.account._receive()
        self.assertEqual(len(self.in_mailbox()), 2)
        receipt = self.env["email.account.receipt"].search([("message_id", "=", "<old@customer.example>")])
        receipt.arrived -= datetime.timedelta(days=4)
        self.account._receive()
        [left] = self.in_mailbox()
        self.assertIn(b"<new@customer.example>", left)
        self.account.delete_after_days = 0
        self.account._receive()
        self.assertEqual(self.in_mailbox(), [])

    def test_only_what_was_received_is_deleted(self):
        self.account.write({"after_receiving": "delete", "delete_after_days": 0})
        self.account.import_from = fields.Date.today() + datetime.timedelta(days=2)
        self.deliver("older")
        self.account._receive()
        self.assertFalse(self.get_message("older"))
        self.assertEqual(len(self.in_mailbox()), 1)

    def test_server_is_told_later_if_it_could_not_be_told(self):
        self.deliver("later")
        failing = patch(
            "odoo.addons.email_account.mailclient.ImapMailbox.mark_seen", side_effect=OSError("gone")
        )
        with failing, self.assertLogs("odoo.addons.email_account.models.receive_run", "ERROR"):
            self.account._receive()
        self.assertTrue(self.get_message("later"))
        self.assertEqual((self.get_flags(), self.account.state), ([""], "failing"))
        self.account._receive()
        self.assertEqual((self.get_flags(), self.account.state), (["S"], "ready"))

    def test_several_folders(self):
        self.create_folder("Orders")
        self.deliver("inbox")
        self.hosts.mail.delivery = self.hosts.mail.delivery.__class__(folder="Orders")
        self.account._receive()
        folder = self.load_folders()["Orders"]
        self.assertFalse(folder.is_received)
        with self.account._connect_incoming() as mailbox:
            mail = MAIL.format(to=ADDRESS, subject="Order", id="order").encode()
            mailbox._session.append("Orders", "", None, mail)
        self.account._receive()
        self.assertFalse(self.get_message("order"))
        folder.is_received = True
        self.account._receive()
        self.assertTrue(self.get_message("order") and self.get_message("inbox"))

    def test_folder_that_is_gone(self):
        self.create_folder("Brief")
        folder = self.load_folders()["Brief"]
        folder.is_received = True
        with self.account._connect_incoming() as mailbox:
            mailbox._session.delete("Brief")
        self.deliver("here")
        self.account._receive()
        self.assertTrue(self.get_message("here"))
        self.assertTrue(folder.is_missing)
        self.assertEqual(self.account.state, "ready")

    def test_older_mail_is_fetched_later(self):
        self.deliver("older")
        self.account.import_from = fields.Date.today() + datetime.timedelta(days=2)
        self.account._receive()
        self.assertFalse(self.get_message("older"))
        self.account.import_from = False
        self.account._receive()
        self.assertFalse(self.get_message("older"))
        self.account.folder_ids.import_since = fields.Date.today() - datetime.timedelta(days=2)
        self.account._receive()
        self.assertTrue(self.get_message("older"))
        self.assertFalse(self.account.folder_ids.import_since)


@tagged("post_install", "-at_install")
class TestReceivingPop3(ReceivingCase):
    def setUp(self):
        super().setUp()
        self.account.write({**POP3, "password": PASSWORD, "incoming_host": f"pop.{DOMAIN}"})
        self.account._set_state()

    def test_copies_stay_and_are_imported_once(self):
        self.deliver("pop")
        self.account._receive()
        self.assertTrue(self.get_message("pop"))
        self.assertEqual(len(self.in_mailbox()), 1)
        self.get_message("pop").unlink()  # not even what is gone here comes again
        self.account._receive()
        self.assertFalse(self.get_message("pop"))

    def test_deleted_at_once(self):
        self.account.after_receiving = "delete"
        self.deliver("gone")
        self.account._receive()
        self.assertTrue(self.get_message("gone"))
        self.assertEqual(self.in_mailbox(), [])

    def test_deleted_after_days(self):
        self.account.write({"after_receiving": "delete", "delete_after_days": 3})
        self.deliver("old")
        self.account._receive()
        self.assertEqual(len(self.in_mailbox()), 1)
        receipt = self.env["email.account.receipt"].search([("account_id", "=", self.account.id)])
        receipt.arrived -= datetime.timedelta(days=4)
        self.account._receive()
        self.assertEqual(self.in_mailbox(), [])

    def test_session_that_did_not_end_properly(self):
        """It has deleted nothing: the next one does."""
        self.account.after_receiving = "delete"
        self.deliver("twice")
        with patch(
            "odoo.addons.email_account.mailclient.Pop3Mailbox.disconnect", lambda box: box._connection.close()
        ):
            self.account._receive()
        self.assertEqual(len(self.in_mailbox()), 1)
        self.account._receive()
        self.assertEqual(self.in_mailbox(), [])
        self.assertEqual(len(self.get_message("twice")), 1)

    def test_older_mail_stays(self):
        self.account.write({"after_receiving": "delete", "import_from": fields.Date.today()})
        self.deliver("new")
        box = self.hosts.mail.mail / ADDRESS / "new"
        received = "Received: from x by y; Mon, 05 Jan 2026 10:00:00 +0000\n"
        path = box / "1.old.host"
        path.write_text(received + MAIL.format(to=ADDRESS, subject="Old", id="old"))
        path.chmod(0o666)
        self.account._receive()
        self.account._receive()
        self.assertTrue(self.get_message("new"))
        self.assertFalse(self.get_message("old"))
        [left] = self.in_mailbox()
        self.assertIn(b"<old@customer.example>", left)

    def test_large_mail(self):
        self.account.write({"size_limit": 1, "after_receiving": "delete"})
        self.deliver("large", mail=LARGE)
        self.account._receive()
        self.assertEqual(self.get_unprocessed().reason, "too_large")
        self.assertEqual(len(self.in_mailbox()), 1)
        self.account._receive()
        self.assertEqual((len(self.get_unprocessed()), len(self.in_mailbox())), (1, 1))


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
