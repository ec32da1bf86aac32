from unittest.mock import patch

from odoo import fields
from odoo.exceptions import UserError
from odoo.tests import tagged

from .. import mailclient
from .common import ADDRESS
from .receiving import LARGE, MAIL, POP3
from .test_email_account_unprocessed import UnprocessedCase


@tagged("post_install", "-at_install")
class TestUnprocessedFetch(UnprocessedCase):
    def keep_unreadable(self):
        """The server lists a mail and does not give it."""
        with patch.object(mailclient.ImapMailbox, "sources", lambda *_arguments, **_options: {}):
            return self.keep()

    def assertFetched(self, mail):
        """It is kept, all of it, and the server is told."""
        self.assertEqual((mail.reason, mail.is_complete), ("kept", True))
        self.assertGreater(len(mail._get_source_attachment().raw), 1 << 20)
        self.account._receive()
        self.assertEqual(self.get_unprocessed(), mail.sudo())

    def test_imap(self):
        mail = self.keep_large()
        with self.assertRaisesRegex(UserError, "fetch the rest first"):
            mail.action_assign()
        mail.action_fetch()
        self.assertFetched(mail)
        self.assertEqual(self.get_flags(), ["S"])
        with self.assertRaisesRegex(UserError, "nothing to fetch"):
            mail.action_fetch()

    def test_becomes_what_it_is(self):
        mail = self.keep_large()
        self.account.incoming_action = "contact"
        action = mail.action_retry()  # which fetches it, too
        message = self.get_message("large")
        self.assertOpens(action, self.env["res.partner"].browse(message.res_id))
        self.assertDone(mail)
        self.account._receive()
        self.assertEqual((self.account.message_count, len(self.get_unprocessed())), (1, 0))

    def test_pop3(self):
        self.account.write({**POP3, "password": self.account_values["password"]})
        self.account._set_state()
        mail = self.keep_large()
        mail.action_fetch()
        self.assertFetched(mail)

    def test_several_mailboxes(self):
        self.account.size_limit = 1
        other = self.create_account(email="info@acme.example", size_limit=1, incoming_action="keep")
        for number, to in (("one", ADDRESS), ("two", ADDRESS), ("three", "info@acme.example")):
            self.deliver(number, to=to, mail=LARGE)
        (self.account + other)._receive()
        mails = self.get_unprocessed() + self.get_unprocessed(other)
        self.assertEqual(mails.mapped("reason"), ["too_large"] * 3)
        mails = mails.with_user(self.manager)
        other.password = "wrong"
        action = mails.action_fetch()
        self.assertEqual(mails.mapped("reason"), ["kept", "kept", "too_large"])
        self.assertIn("0 of 3 mails are done with.\n", action["params"]["message"])
        self.assertIn("password", action["params"]["message"])
        with self.assertRaisesRegex(UserError, "password"):
            mails[2].action_fetch()

    def test_uidvalidity_changed(self):
        mail = self.keep_large()
        self.deliver("before", mail=MAIL)
        self.account._receive()
        self.get_unprocessed().filtered(lambda other: other != mail.sudo()).unlink()
        self.change_uidvalidity()
        mail.action_fetch()
        self.assertFetched(mail)
        self.assertEqual(self.get_flags(), ["S", "S"])

    def test_uidvalidity_changed_and_seen(self):
        """The same mail under its new UID is not waited for either."""
        mail = self.keep_large()
        self.change_uidvalidity()
        self.deliver("after", mail=MAIL)
        self.account._receive()
        (self.get_unprocessed() - mail.sudo()).unlink()
        mail.action_fetch()
        self.assertFetched(mail)
        self.assertEqual(self.get_flags(), ["S", "S"])

    def test_gone(self):
        mail = self.keep_large()
        self.empty_folders(ADDRESS)
        with self.assertRaisesRegex(UserError, "not in the mailbox any more"):
            mail.action_fetch()
        self.assertEqual((mail.reason, mail.is_complete), ("too_large", False))

    def test_server_that_cannot_be_reached(self):
        mail = self.keep_large()
        self.hosts.dns.clear()
        with self.assertRaisesRegex(UserError, "There is no server of this name"):
            mail.action_fetch()

    def test_without_its_receipt(self):
        mail = self.keep_large()
        mail.sudo().receipt_id.unlink()
        with self.assertRaisesRegex(UserError, "folder"):
            mail.action_fetch()

    def test_by_itself(self):
        mail = self.keep_unreadable()
        self.assertEqual((mail.reason, mail.state, mail.attempts), ("unreadable", "waiting", 1))
        self.assertFalse(mail.subject)
        self.account._receive()
        self.assertEqual(mail.attempts, 1)
        mail.sudo().next_attempt = fields.Datetime.now()
        self.account._receive()
        self.assertEqual((mail.reason, mail.subject, mail.is_complete), ("kept", "In blue?", True))
        self.assertEqual(mail.message_id, "<one@customer.example>")
        self.account.incoming_action = "contact"
        mail.action_retry()
        self.assertDone(mail)

    def test_not_even_later(self):
        mail = self.keep_unreadable()
        with patch.object(mailclient.ImapMailbox, "sources", lambda *_arguments, **_options: {}):
            for attempts in range(2, 7):
                self.assertEqual(mail.state, "waiting")
                mail.sudo().next_attempt = fields.Datetime.now()
                self.account._receive()
                self.assertEqual(mail.attempts, attempts)
            with self.assertRaisesRegex(UserError, "does not hand it out"):
                mail.action_fetch()
        self.assertEqual(mail.state, "stuck")
        self.assertEqual(len(self.get_activities()), 1)

    def test_gone_by_itself(self):
        mail = self.keep_unreadable()
        self.empty_folders(ADDRESS)
        mail.sudo().next_attempt = fields.Datetime.now()
        self.account._receive()
        self.assertEqual((mail.state, mail.next_attempt), ("stuck", False))
        self.assertIn("not in the mailbox any more", mail.message)

    def test_account_that_fails_is_not_asked_again(self):
        mail = self.keep_unreadable()
        self.account.sudo().polling_ids.failure_count = 1
        mail.sudo().next_attempt = fields.Datetime.now()
        logins = len(self.hosts.mail.logins())
        self.env["email.account.unprocessed"]._fetch_due()
        self.assertEqual((mail.attempts, len(self.hosts.mail.logins())), (1, logins))
