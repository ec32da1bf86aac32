"""Messages that have a text anywhere: the test email that came back."""

import base64

from odoo.addons.email_account.mailclient.mailbox import has_text

from .common import MailCase, connect, mail_server
from .test_remember import Folders

TOKEN = "a-token-nobody-else-has"
BOUNCE = (
    "Subject: Undelivered\r\nContent-Type: multipart/report; boundary=x\r\n\r\n--x\r\n\r\nSorry.\r\n"
    f"--x\r\nContent-Type: message/rfc822\r\n\r\nX-Token: {TOKEN}\r\n\r\nHello\r\n--x--\r\n"
)


def source_reply(uid, text):
    return [f"* 1 FETCH (UID {uid} BODY[]<0> {{{len(text)}}}\r\n{text})", "{tag} OK done"]


class TestHasText(MailCase):
    def test_anywhere(self):
        encoded = base64.b64encode(f"…{TOKEN}".encode()).decode()
        for source in (
            BOUNCE,
            f"X-Token: {TOKEN}\r\n\r\n",
            f"Content-Transfer-Encoding: base64\r\n\r\n{encoded}\r\n",
            f"Content-Transfer-Encoding: quoted-printable\r\n\r\n{TOKEN[:9]}=\r\n{TOKEN[9:]}\r\n",
        ):
            self.assertTrue(has_text(source.encode(), TOKEN), source)
            self.assertFalse(has_text(source.encode(), "another"), source)

    def test_what_is_no_mail(self):
        for source in (b"", b"\0\xff", b"Content-Type: multipart/mixed\r\n\r\n", b"\r\n" * 1000):
            self.assertFalse(has_text(source, TOKEN))

    def test_boxes_in_boxes(self):
        source = b"Content-Type: message/rfc822\r\n\r\n" * 5000
        self.assertFalse(has_text(source, TOKEN))
        self.assertTrue(has_text(source + TOKEN.encode(), TOKEN))


class TestImap(MailCase):
    def find(self, noted=True, **answers):
        folders = Folders(["INBOX", "Junk", "Other"])
        usual = {"UID SEARCH": ["* SEARCH", "{tag} OK done"]}
        answers = {pattern.replace("_", " "): lines for pattern, lines in answers.items()}
        script = {**answers, **(usual if "UID SEARCH" not in answers else {}), **folders.answers()}
        with mail_server("imap", extra=("LIST-STATUS",)) as server, connect(server, "imap") as box:
            server.talk.answers = script
            if noted:
                box.remember()
            found = box.find_text(TOKEN)
        self.seen = server.seen
        return [(item.folder, item.special_use, item.uid) for item in found]

    def test_inbox_and_junk_are_searched(self):
        hits = {"UID_SEARCH": ["* SEARCH 11", "{tag} OK done"], "UID_FETCH": source_reply(11, BOUNCE)}
        self.assertEqual(self.find(**hits), [("INBOX", "\\Inbox", "11"), ("Junk", "\\Junk", "11")])
        self.assertEqual(self.seen.count(b"UID SEARCH UID 10:* TEXT {23}\r\n"), 2)
        self.assertEqual(self.seen.count(b"UID FETCH 11 (UID BODY.PEEK[]<0.200000>)"), 2)
        self.assertNotIn(b'EXAMINE "Other"', self.seen)

    def test_what_was_there_before_is_not_read(self):
        self.assertEqual(self.find(UID_SEARCH=["* SEARCH 8 9", "{tag} OK done"]), [])
        self.assertNotIn(b"FETCH", self.seen)

    def test_without_a_note_all_are_searched(self):
        hits = {"UID_SEARCH": ["* SEARCH 3", "{tag} OK done"], "UID_FETCH": source_reply(3, BOUNCE)}
        self.assertEqual(len(self.find(noted=False, **hits)), 2)
        self.assertIn(b"UID SEARCH TEXT {23}\r\n", self.seen)

    def test_what_has_come_is_read_where_the_search_finds_nothing(self):
        found = self.find(
            **{
                "UID_SEARCH_UID_10:\\*$": ["* SEARCH 9 10 11", "{tag} OK done"],
                "UID_FETCH_10": source_reply(10, "X: y\r\n\r\n"),
                "UID_FETCH_11": source_reply(11, BOUNCE),
            }
        )
        self.assertEqual(found[0], ("INBOX", "\\Inbox", "11"))
        self.assertNotIn(b"UID FETCH 9 ", self.seen)

    def test_few_are_read(self):
        hits = " ".join(map(str, range(10, 90)))
        found = self.find(
            UID_SEARCH=[f"* SEARCH {hits}", "{tag} OK done"], UID_FETCH=source_reply(89, "X: y\r\n\r\n")
        )
        self.assertEqual(found, [])
        self.assertEqual(self.seen.count(b"UID FETCH"), 10)
        self.assertIn(b"UID FETCH 85 ", self.seen)


class TestPop3(MailCase):
    def test_newest_that_are_not_long(self):
        answers = {
            "STAT": ["+OK 30 1"],
            "UIDL": ["+OK", "30 abc", "."],
            "LIST": ["+OK", *(f"{number} 1000" for number in range(1, 30)), "30 200000", "."],
            "RETR 30": ["+OK", *BOUNCE.splitlines(), "."],
            "RETR": ["+OK", "X: y", "", "."],
        }
        with mail_server("pop3", answers=answers) as server, connect(server, "pop3") as box:
            box.remember()
            [found] = box.find_text(TOKEN)
            self.assertEqual((found.uid, found.special_use), ("abc", "\\Inbox"))
            self.assertEqual(server.seen.count(b"RETR"), 20)
            server.talk.answers["LIST"] = ["+OK", "30 200001", "x", "y z", "."]
            self.assertEqual(box.find_text(TOKEN), [])
            self.assertEqual(server.seen.count(b"RETR"), 20)
