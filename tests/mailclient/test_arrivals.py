from datetime import datetime, timedelta, timezone

from odoo.addons.email_account.mailclient import Timeouts, uids_since

from .common import MailCase, connect, server_context
from .moody_server import MoodyServer

NOON = datetime(2026, 11, 24, 12, tzinfo=timezone.utc)


class TestUidsSince(MailCase):
    def setUp(self):
        super().setUp()
        self.server = self.enterContext(MoodyServer(server_context("valid")))
        for days in range(10, 0, -1):
            self.server.add(b"Subject: x\r\n\r\nx\r\n", NOON - timedelta(days=days))

    def find(self, moment):
        with connect(self.server, "imap", timeouts=Timeouts(connect=5, reply=5)) as mailbox:
            mailbox.open(b"INBOX")
            return uids_since(mailbox, moment)

    def test_to_the_second(self):
        moment = NOON - timedelta(days=4)
        self.assertEqual(self.find(moment), ["7", "8", "9", "10"])
        self.assertEqual(self.find(moment + timedelta(seconds=1)), ["8", "9", "10"])

    def test_where_a_search_gives_only_so_many(self):
        self.server.search_limit = 2
        self.assertEqual(self.find(NOON - timedelta(days=4)), ["7", "8", "9", "10"])
        self.assertEqual(self.find(None), [str(uid) for uid in range(1, 11)])

    def test_marked_as_deleted(self):
        self.server.messages[8].flags.add("\\Deleted")
        for limit in (None, 2):
            self.server.search_limit = limit
            self.assertEqual(self.find(NOON - timedelta(days=4)), ["7", "9", "10"])
