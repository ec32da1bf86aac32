from unittest.mock import patch

from odoo import fields
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import ADDRESS, PASSWORD
from .receiving import LARGE, MAIL, OTHER, ReceivingCase


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
        with self.account._connect_incoming__() as mailbox:
            mailbox.open(b"INBOX")
            mailbox.mark_seen(mailbox.uids())
        self.account._receive()
        self.assertTrue(self.get_message("opened"))

    def test_another_worker_was_faster(self):
        """What it has stored is not stored again, even if it was stored after the list was asked for."""
        self.deliver("fast")
        self.deliver("slow")
        folder = self.account.folder_ids
        with self.account._connect_incoming__() as mailbox:
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
        with self.account._connect_incoming__() as mailbox:
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
        with self.account._connect_incoming__() as mailbox:
            mailbox.open(b"INBOX")
            mailbox.mark_seen(mailbox.uids())
        self.deliver("unseen")
        self.account.folder_ids.unseen_below = "*"
        self.account._receive()
        self.assertFalse(self.get_message("seen"))
        self.assertTrue(self.get_message("unseen"))
        self.deliver("later")
        with self.account._connect_incoming__() as mailbox:
            mailbox.open(b"INBOX")
            mailbox.mark_seen(mailbox.uids())
        self.account._receive()
        self.assertFalse(self.get_message("seen"))
        self.assertTrue(self.get_message("later"))
        # of what has come since, nothing is lost when the server counts anew
        self.deliver("last")
        with self.account._connect_incoming__() as mailbox:
            mailbox.open(b"INBOX")
            mailbox.mark_seen(mailbox.uids())
        self.change_uidvalidity()
        self.account._receive()
        self.assertTrue(self.get_message("last"))
