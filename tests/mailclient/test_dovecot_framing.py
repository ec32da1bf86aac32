"""Hostile messages through a real Dovecot: octet for octet, by both protocols, and no other is deleted."""

import re

from ..hosts import maildir
from .test_imap_framing import HOSTILE
from .test_imap_receive import ReceivingCase
from .test_pop3_framing import ENDS, FORGERIES


class TestDovecot(ReceivingCase):
    def test_whatever_they_hold(self):
        bodies = [b"a" + end + forged + b"\r\nthe end\r\n" for end in ENDS for forged in FORGERIES]
        bodies += [b"a\r\n" + text.replace(b"\0", b"") + b"\r\nthe end" for text in HOSTILE]
        bodies += [b"".join(HOSTILE).replace(b"\0", b""), b".\r\n", b".", b"..", b"\r\n.", b""]
        for number, body in enumerate(bodies):
            maildir.put(self.host.mail, self.user, b"Subject: %d\r\n\r\n" % number + body)
        # it ends all lines with CRLF
        expected = [
            b"Subject: %d\r\n\r\n" % number + re.sub(rb"(?<!\r)\n", b"\r\n", body)
            for number, body in enumerate(bodies)
        ]
        box = self.connect()
        box.open(b"INBOX")
        self.assertEqual([item.source for item in self.receive(box, box.uids())], expected)
        for batch in (1, 25):
            box = self.connect("pop3")
            received = self.receive(box, box.uids(), batch=batch)
            self.assertEqual(
                [item.source for item in received],
                [text if text.endswith(b"\r\n") else text + b"\r\n" for text in expected],
            )
            box.close()
        box = self.connect("pop3")
        uids = box.uids()
        self.receive(box, uids)
        box.remove(uids[:3])
        box.disconnect()
        self.assertEqual(self.connect("pop3").uids(), uids[3:])
