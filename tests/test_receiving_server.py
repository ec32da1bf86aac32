import datetime
from unittest.mock import patch

from odoo import fields
from odoo.tests import tagged

from .common import ADDRESS, DOMAIN, PASSWORD
from .receiving import LARGE, MAIL, POP3, ReceivingCase


@tagged("post_install", "-at_install")
class TestReceivingServer(ReceivingCase):
    """What becomes of the mail on the server."""

    def load_folders(self):
        self.account.action_load_folders()
        return {folder.name: folder for folder in self.account.folder_ids}

    def create_folder(self, name):
        with self.account._connect_incoming__() as mailbox:
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
        with failing, self.assertLogs("odoo.addons.email_account.models.receive_telling", "ERROR"):
            self.account._receive()
        self.assertTrue(self.get_message("later"))
        self.assertEqual((self.get_flags(), self.account.state), ([""], "ready"))
        self.assertIn("could not be marked as read", self.account.telling_error)
        self.account._receive()
        self.assertEqual((self.get_flags(), self.account.state), (["S"], "ready"))
        self.assertFalse(self.account.telling_error)

    def test_several_folders(self):
        self.create_folder("Orders")
        self.deliver("inbox")
        self.hosts.mail.delivery = self.hosts.mail.delivery.__class__(folder="Orders")
        self.account._receive()
        folder = self.load_folders()["Orders"]
        self.assertFalse(folder.is_received)
        with self.account._connect_incoming__() as mailbox:
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
        with self.account._connect_incoming__() as mailbox:
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
