"""POP3 servers with habits of their own."""

import datetime

from odoo.addons.email_account.mailclient import Found, MailFailure

from .common import MailCase, connect, failure, mail_server

MESSAGE = ["+OK", "X-Token: mine", "Subject: hello", "", "..stuffed", ".x" * 3000, "."]
SOURCE = ("X-Token: mine\r\nSubject: hello\r\n\r\n.stuffed\r\n" + ".x" * 3000 + "\r\n").encode()


class TestPop3(MailCase):
    def open(self, **answers):
        answers = {"STAT": ["+OK 2 120"], "UIDL": ["+OK", "1 abc", "2 def", "."], **answers}
        server = mail_server(
            "pop3", answers={pattern.replace("_", " "): lines for pattern, lines in answers.items()}
        )
        server.__enter__()
        self.addCleanup(server.__exit__)
        box = connect(server, "pop3")
        self.addCleanup(box.close)
        return server, box

    def test_found_by_unique_id(self):
        server, box = self.open(TOP_1=MESSAGE, TOP_2=["+OK", "X-Token: other", "", "."], RETR_1=MESSAGE)
        [found] = box.find("X-Token", "mine")
        self.assertEqual((found.folder, found.uid), ("INBOX", "abc"))
        self.assertEqual(box.fetch(found), SOURCE)
        self.assertEqual(box.fetch_header(found), b"X-Token: mine\r\nSubject: hello\r\n\r\n")
        box.delete(found)
        self.assertTrue(server.seen.endswith(b"DELE 1\r\nQUIT\r\n"))

    def test_without_uidl_and_top(self):
        _server, box = self.open(
            TOP=["-ERR what"], UIDL=["-ERR what"], RETR_1=MESSAGE, RETR_2=["+OK", "", "."]
        )
        [found] = box.find("X-Token", "mine")
        self.assertEqual(found.uid, "1")

    def test_kept_copies_are_skipped_and_go_after_some_days(self):
        server, box = self.open(RETR_2=MESSAGE)
        kept = {"abc": "2026-11-20", "gone": "2026-11-23"}
        box.keep_copies(kept, days=3, today=datetime.date(2026, 11, 24))
        self.assertIn(b"DELE 1\r\n", server.seen)
        self.assertEqual((box.check_unread_messages(), box.kept), (1, {}))
        self.assertEqual(list(box.retrieve_unread_messages()), [("2", SOURCE)])
        box.handled_message("2")
        self.assertEqual(box.kept, {"def": "2026-11-24"})
        box.disconnect()
        self.assertNotIn(b"DELE 2", server.seen)

    def test_copies_are_kept_for_ever(self):
        server, box = self.open()
        box.keep_copies({"abc": "1999-01-01", "def": "2026-11-24"}, days=0, today=datetime.date(2026, 11, 24))
        self.assertEqual((box.check_unread_messages(), len(box.kept)), (0, 2))
        self.assertNotIn(b"DELE", server.seen)

    def test_copies_cannot_be_kept_without_uidl(self):
        _server, box = self.open(UIDL=["-ERR what"])
        with self.assertRaises(MailFailure) as caught:
            box.keep_copies({}, days=0, today=datetime.date(2026, 11, 24))
        self.assertEqual(caught.exception.cause, "uidl_missing")

    def test_only_the_newest_are_looked_at(self):
        server, box = self.open(STAT=["+OK 500 120"], TOP=["+OK", "", "."])
        self.assertEqual(box.find("X-Token", "mine"), [])
        self.assertEqual(server.seen.count(b"TOP "), 50)
        self.assertIn(b"TOP 500 0\r\n", server.seen)

    def test_another_connections_find_is_no_use(self):
        _server, box = self.open()
        for use in (box.fetch, box.fetch_header, box.delete):
            with self.assertRaises(MailFailure) as caught:
                use(Found("INBOX", "zzz"))
            self.assertEqual((caught.exception.stage, caught.exception.cause), ("fetch", "message_missing"))

    def test_fetchmail(self):
        server, box = self.open(RETR_1=["-ERR no such message"], RETR_2=MESSAGE)
        self.assertEqual(box.check_unread_messages(), 2)
        [(num, source)] = box.retrieve_unread_messages()
        self.assertEqual((num, source), ("2", SOURCE))
        self.assertNotIn(b"DELE", server.seen)
        box.handled_message(num)
        box.disconnect()
        self.assertTrue(server.seen.endswith(b"DELE 2\r\nQUIT\r\n"))

    def test_server_that_goes_away(self):
        _server, box = self.open(RETR=[b"+OK\r\nhalf"])
        box.check_unread_messages()
        with self.assertRaises(MailFailure) as caught:
            list(box.retrieve_unread_messages())
        self.assertEqual((caught.exception.stage, caught.exception.cause), ("fetch", "timeout"))
        box.close()

    def test_server_without_capa(self):
        with mail_server("pop3", answers={"CAPA": ["-ERR what"]}) as server:
            box = connect(server, "pop3")
            self.assertEqual(box.capabilities, ())
            self.assertIn(b"PASS ", server.seen)
            box.close()

    def test_garbled_answers_are_typed(self):
        for answer in ("+OK", "+OK x y", "+OK 1", "nonsense", b"\xff\0\r\n"):
            with self.subTest(answer), self.assertRaises(MailFailure) as caught:
                _server, box = self.open(STAT=[answer])
                box.check_unread_messages()
            self.assertEqual(caught.exception.stage, "fetch")

    def test_busy_greeting(self):
        with mail_server("pop3", greeting="-ERR [SYS/TEMP] Server busy") as server:
            problem = failure(server, "pop3")
            self.assertEqual((problem.stage, problem.cause), ("connect", "server_busy"))
