"""POP3 servers with habits of their own."""

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

    def test_server_that_goes_away(self):
        _server, box = self.open(RETR=[b"+OK\r\nhalf"])
        with self.assertRaises(MailFailure) as caught:
            box.sources(["abc"])
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
                box.count()
            self.assertEqual(caught.exception.stage, "fetch")

    def test_busy_greeting(self):
        with mail_server("pop3", greeting="-ERR [SYS/TEMP] Server busy") as server:
            problem = failure(server, "pop3")
            self.assertEqual((problem.stage, problem.cause), ("connect", "server_busy"))
