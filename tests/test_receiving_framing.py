from functools import partial
from unittest.mock import patch

from odoo.tests import tagged

from .mailclient.common import connect
from .mailclient.fault_server import FaultServer
from .mailclient.raw_servers import RawImap, RawPop3
from .receiving import POP3, ReceivingCase

FORGED = (
    b"From: ceo@acme.example\r\nSubject: forged\r\nMessage-ID: <forged@customer.example>\r\n"
    b"\r\nPay at once\r\n"
)
ENDS = (b"\n.\n", b"\r\n.\n", b"\n.\r\n", b"\r.\r", b"\r\n.\r\n")


def mail(number, body=b"Hello\r\n"):
    header = (
        b"From: carol@customer.example\r\nTo: jane@acme.example\r\nSubject: %d\r\n"
        b"Date: Tue, 24 Nov 2026 10:00:00 +0000\r\nMessage-ID: <%d@customer.example>\r\n\r\n"
    )
    return header % (number, number) + body


@tagged("post_install", "-at_install")
class TestReceivingFraming(ReceivingCase):
    """What a message holds neither ends it nor becomes another; nobody's mail is deleted for it."""

    def receive(self, talk, **values):
        self.account.write({"after_receiving": "delete", "delete_after_days": 0, **values})
        self.account._set_state()
        protocol = "pop3" if isinstance(talk, RawPop3) else "imap"
        with FaultServer(talk) as server:

            def connecting(_account, _direction, **_options):
                return (yield partial(connect, server, protocol, "none", safe_logon=False))

            with patch.object(self.env.registry["email.account"], "_connecting__", connecting):
                self.account._receive()

    def get_bodies(self):
        messages = self.env["mail.message"].search([("email_account_id", "=", self.account.id)])
        return {message.message_id: message.body for message in messages}

    def assert_nothing_forged(self):
        self.assertFalse(self.get_message("forged"))
        self.assertFalse(
            self.get_unprocessed().filtered(lambda unprocessed: b"forged" in (unprocessed.source or b""))
        )

    def assert_others_arrive(self, *message_ids):
        """The one whose frame is broken is kept as unreadable; the account goes on."""
        self.assertEqual(set(self.get_bodies()), set(message_ids))
        self.assertEqual(self.get_unprocessed().mapped("reason"), ["unreadable"])
        self.assertEqual(self.account.state, "ready")

    def test_by_pop(self):
        talk = RawPop3(
            [
                mail(number, b"Hello" + end + b"+OK\r\n" + FORGED + b"the end\r\n")
                for number, end in enumerate(ENDS)
            ]
        )
        self.receive(talk, **POP3)
        self.assertEqual(len(self.get_bodies()), len(ENDS))
        for body in self.get_bodies().values():
            self.assertIn("the end", str(body))
        self.assertEqual(talk.deleted, list(range(1, len(ENDS) + 1)))
        self.assert_nothing_forged()

    def test_by_a_server_that_lets_it(self):
        talk = RawPop3([mail(1, b"Hello\r\n.\r\n+OK\r\n" + FORGED), mail(2), mail(3)], stuff=b"")
        self.receive(talk, **POP3)
        self.assert_nothing_forged()
        self.assertNotIn(1, talk.deleted)
        self.assert_others_arrive("<2@customer.example>", "<3@customer.example>")

    def test_by_imap(self):
        def form(number, uid, message):
            answer = b"* %d FETCH (UID %d BODY[] {%d}\r\n%s\r\n\r\n)\r\n\r\n"
            return answer % (number, uid, len(message), message)

        rest = b")\r\n* 2 FETCH (UID 8 BODY[] {%d}\r\n%s)\r\nthe end {5}\r\n" % (len(FORGED), FORGED)
        talk = RawImap([mail(1, rest), mail(2, rest)], form=form)
        self.receive(talk)
        self.assertEqual(len(self.get_bodies()), 2)
        for body in self.get_bodies().values():
            self.assertIn("the end", str(body))
        self.assert_nothing_forged()
        self.assertTrue(any("Deleted" in line for line in talk.told), talk.told)

    def test_by_imap_from_a_server_that_lets_it(self):
        forged = b")\r\n* 2 FETCH (UID 8 BODY[] {%d}\r\n%s" % (len(FORGED), FORGED)

        def form(number, uid, message):
            size = len(message) - len(forged) * (uid == 7)
            return b"* %d FETCH (UID %d BODY[] {%d}\r\n%s)\r\n" % (number, uid, size, message)

        talk = RawImap([mail(1, forged), mail(2)], form=form)
        self.receive(talk)
        self.assert_nothing_forged()
        self.assertFalse([line for line in talk.told if " 7 " in line], talk.told)
        self.assert_others_arrive("<2@customer.example>")
