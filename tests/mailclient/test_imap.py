"""IMAP servers with habits of their own."""

from odoo.addons.email_account.mailclient import Found, MailFailure

from .common import MailCase, connect, failure, mail_server

LIST = ['* LIST () "/" "Archive"', '* LIST () "/" INBOX', "{tag} OK done"]
OPENED = ["* 2 EXISTS", "{tag} OK done"]


def header_reply(number, uid, token):
    text = f"X-Token: {token}\r\n\r\n"
    return [
        f"* {number} FETCH (UID {uid} BODY[HEADER.FIELDS (X-Token)] {{{len(text)}}}\r\n{text})",
        "{tag} OK done",
    ]


class TestSearch(MailCase):
    def find(self, answers, **script):
        usual = {'LIST "" "\\*"': LIST, "EXAMINE": OPENED}
        answers = answers | {pattern: lines for pattern, lines in usual.items() if pattern not in answers}
        with mail_server("imap", answers=answers, **script) as server, connect(server, "imap") as box:
            found = box.find("X-Token", "mine")
        self.seen = server.seen
        return [(item.folder, item.uid) for item in found]

    def test_server_that_ignores_the_criterion(self):
        reply = header_reply(1, 7, "other")[:1] + header_reply(2, 8, "mine")
        found = self.find({"UID SEARCH": ["* SEARCH 7 8", "{tag} OK done"], "UID FETCH 7,8 ": reply})
        self.assertEqual(found, [("INBOX", "8"), ("Archive", "8")])

    def test_server_that_finds_nothing(self):
        answers = {"UID SEARCH": ["* SEARCH", "{tag} OK done"], "FETCH 1:\\* ": header_reply(2, 8, "mine")}
        self.assertEqual(self.find(answers), [("INBOX", "8")])

    def test_server_that_refuses_the_search(self):
        with self.assertRaises(MailFailure) as caught:
            self.find({"UID SEARCH": ["{tag} NO [SERVERBUG] Internal error"]})
        self.assertEqual((caught.exception.stage, caught.exception.cause), ("fetch", "server_busy"))

    def test_uid_after_the_literal_and_unasked_flags(self):
        text = "X-Token: mine\r\n\r\n"
        reply = [
            "* 1 FETCH (FLAGS (\\Seen))",
            f"* 2 FETCH (BODY[HEADER.FIELDS (X-Token)] {{{len(text)}}}\r\n{text} UID 8)",
            "{tag} OK done",
        ]
        found = self.find({"UID SEARCH": ["* SEARCH 8", "{tag} OK done"], "UID FETCH": reply})
        self.assertEqual(found[0], ("INBOX", "8"))

    def test_folders_that_cannot_be_opened_are_left_out(self):
        answers = {
            "UID SEARCH": ["* SEARCH 8", "{tag} OK done"],
            "UID FETCH": header_reply(2, 8, "mine"),
            'EXAMINE "Archive"': ["{tag} NO [NOPERM] no"],
        }
        self.assertEqual(self.find(answers), [("INBOX", "8")])

    def test_inbox_that_cannot_be_opened_is_a_failure(self):
        refusal = "NO EXAMINE Unsafe Login. Please contact kefu@188.com for help"
        with self.assertRaises(MailFailure) as caught:
            self.find({"EXAMINE": [f"{{tag}} {refusal}"]})
        self.assertEqual((caught.exception.stage, caught.exception.cause), ("select", "client_id_required"))
        self.assertEqual(caught.exception.raw, refusal)

    def test_folders_that_hold_no_mail_are_not_opened(self):
        folders = ['* LIST (\\Noselect) "/" "[Gmail]"', '* LIST (\\NonExistent) "/" gone', *LIST]
        self.find({'LIST "" "\\*"': folders, "EXAMINE": ["* 0 EXISTS", "{tag} OK done"]})
        self.assertEqual(self.seen.count(b"EXAMINE"), 2)
        self.assertNotIn(b"UID", self.seen)

    def test_names_as_literals_and_with_quotes(self):
        folders = ['* LIST () "/" {5}\r\na"b\\c', "{tag} OK done"]
        self.find({'LIST "" "\\*"': folders, "EXAMINE": ["* 0 EXISTS", "{tag} OK done"]})
        self.assertIn(rb'EXAMINE "a\"b\\c"', self.seen)

    def test_connection_lost_on_the_way(self):
        with self.assertRaises(MailFailure) as caught:
            self.find({'EXAMINE "Archive"': [b"* BY"], "EXAMINE": ["* 0 EXISTS", "{tag} OK done"]})
        self.assertEqual((caught.exception.stage, caught.exception.cause), ("select", "timeout"))


class TestCommands(MailCase):
    def test_identification_only_where_asked_for_and_offered(self):
        coremail = "* OK Coremail System IMap Server Ready(163com[10774b2])"
        for greeting, offered, said in (
            (None, (), False),
            (None, ("ID",), False),
            (coremail, (), False),
            (coremail, ("ID",), True),
            (None, ("ID", "X-CM-EXT-1"), True),
        ):
            with self.subTest(greeting=greeting, offered=offered):
                with mail_server("imap", greeting=greeting, extra=offered) as server:
                    connect(server, "imap").close()
                self.assertEqual(b' ID ("name" "email_account")' in server.seen, said)

    def test_identification_where_a_folder_is_refused_without(self):
        opened = iter([["{tag} NO SELECT Unsafe Login. Please contact kefu@188.com for help"], OPENED])
        answers = {"SELECT": lambda _line: next(opened)}
        with mail_server("imap", extra=("ID",), answers=answers) as server, connect(server, "imap") as box:
            box.open(b"INBOX")
        self.assertEqual(server.seen.count(b' ID ("name"'), 1)

    def test_refused_identification_is_no_failure(self):
        for answer in ("{tag} NO no", "{tag} BAD no"):
            with (
                self.subTest(answer),
                mail_server("imap", extra=("ID", "X-CM-EXT-1"), answers={"ID": [answer]}) as server,
            ):
                connect(server, "imap").close()

    def test_gmail_moves_to_the_bin(self):
        with mail_server("imap", extra=("X-GM-EXT-1", "UIDPLUS")) as server, connect(server, "imap") as box:
            box.delete(Found("INBOX", "7"))
        self.assertIn(b"UID STORE 7 +X-GM-LABELS (\\Trash)", server.seen)
        self.assertNotIn(b"EXPUNGE", server.seen)

    def test_uidplus_expunges_one(self):
        with mail_server("imap", extra=("UIDPLUS",)) as server, connect(server, "imap") as box:
            box.delete(Found("INBOX", "7"))
        self.assertIn(b"UID EXPUNGE 7\r\n", server.seen)

    def test_leaving_expunges_nothing(self):
        with mail_server("imap", answers={"SELECT": OPENED}) as server, connect(server, "imap") as box:
            box.open(b"INBOX")
        self.assertIn(b"LOGOUT", server.seen)
        self.assertNotIn(b"CLOSE", server.seen)

    def test_closed_in_the_middle(self):
        answers = {"SELECT": OPENED, "UID SEARCH": ["* BYE Autologout"]}
        with mail_server("imap", answers=answers) as server, connect(server, "imap") as box:
            box.open(b"INBOX")
            with self.assertRaises(MailFailure) as caught:
                box.uids()
            self.assertEqual((caught.exception.stage, caught.exception.cause), ("fetch", "connection_closed"))

    def test_close_does_not_wait_for_a_dead_server(self):
        with mail_server("imap", answers={"SELECT": []}) as server, connect(server, "imap") as box:
            with self.assertRaises(MailFailure) as caught:
                box.open(b"INBOX")
            self.assertEqual(caught.exception.cause, "timeout")
            box.close()
            with self.assertRaises(MailFailure):
                box.open(b"INBOX")
        self.assertNotIn(b"LOGOUT", server.seen)

    def test_garbage_is_typed(self):
        for answer in ("* LIST ((((", "* LIST", '* LIST () "/"', "* LIST () NIL {3}\r\n\r\n\0", "nonsense"):
            answers = {"LIST": [answer, "{tag} OK done"]}
            with self.subTest(answer), mail_server("imap", answers=answers) as server:
                box = connect(server, "imap")
                try:
                    self.assertEqual(box.folders(), [])
                except MailFailure as problem:
                    self.assertEqual(problem.stage, "select")
                box.close()

    def test_greetings(self):
        greetings = {
            "* BYE [ALERT] Too many connections": "too_many_connections",
            "* BYE Server shutting down": "server_busy",
        }
        for greeting, cause in greetings.items():
            with self.subTest(greeting), mail_server("imap", greeting=greeting) as server:
                problem = failure(server, "imap")
                self.assertEqual((problem.stage, problem.cause, problem.raw), ("connect", cause, greeting))

    def test_preauth_needs_no_login(self):
        with mail_server("imap", greeting="* PREAUTH welcome") as server:
            connect(server, "imap").close()
            self.assert_no_login(server)
