"""Receiving by IMAP: from a real Dovecot, and from servers with habits of their own."""

from datetime import date, datetime, timezone
from unittest.mock import patch

from odoo.addons.email_account.mailclient import (
    Endpoint,
    Login,
    MailFailure,
    Mark,
    Reader,
    Timeouts,
    connect_mailbox,
)
from odoo.addons.email_account.mailclient.transport import Connection

from ..hosts.mail_host import MailHost
from .common import MailCase, authority, connect, failure, mail_server

PASSWORD, HOST = "Jäne's wörd", "mail.example.org"
SPACES = b"R&AOQ-ume/&ZeVnLIqe-"
DONE = "{tag} OK done"


class ReceivingCase(MailCase):
    """Against a real Dovecot."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.host = MailHost({"jane@example.org": PASSWORD}, authority=authority(), names=(HOST,)).start()
        cls.addClassCleanup(cls.host.stop)

    def setUp(self):
        super().setUp()
        self.user = f"{self._testMethodName}@example.org"
        self.host.add_user(self.user, PASSWORD)

    def connect(self, protocol="imap", security="tls"):
        port = self.host.ports[protocol + "s" * (security == "tls")]
        box = connect_mailbox(
            Endpoint(protocol, HOST, port, security),
            Login(self.user, PASSWORD),
            resolve=lambda _host, port: [(self.host.address, port)],
            timeouts=Timeouts(5, 5),
        )
        self.addCleanup(box.close)
        return box

    def deliver(self, *subjects, lines=1):
        for subject in subjects:
            text = f"Subject: {subject}\r\nMessage-ID: <{subject}@example.org>\r\n\r\n"
            self.host.deliver((text + ".line\r\n" * lines).encode(), self.user)

    def subjects(self, batch):
        found = [received.source.partition(b"Subject: ")[2].partition(b"\r\n")[0] for received in batch]
        return [subject.decode() for subject in found]

    def receive(self, box, uids, **options):
        reader = Reader(box, uids, **options)
        self.addCleanup(reader.close)
        return [received for batch in iter(reader.next, []) for received in batch]


def sent_by(work):
    """The command lines that the client sends while ``work`` is done."""
    lines, send = [], Connection.sendall

    def record(connection, data):
        lines.append(data)
        send(connection, data)

    with patch.object(Connection, "sendall", record):
        work()
    return b"".join(lines).split(b"\r\n")[:-1]


class TestImapReceiving(ReceivingCase):
    def test_received_in_order_and_not_marked(self):
        subjects = [f"number {number}" for number in range(40)]
        self.deliver(*subjects)
        box = self.connect()
        mark = box.open(b"INBOX")
        self.assertEqual(mark.next_uid, 41)
        self.assertEqual(box.marks([b"INBOX"]), {b"INBOX": mark})
        received = self.receive(box, box.uids(), batch=7)
        self.assertEqual(self.subjects(received), subjects)
        self.assertEqual(received[0].source, self.host.messages(self.user)[0].replace(b"\n", b"\r\n"))
        self.assertEqual({len(item.source) - item.size for item in received}, {0})
        for item in received:
            self.assertLess(abs(item.arrived - datetime.now(timezone.utc)).total_seconds(), 3600)
        self.assertEqual(
            box.arrivals(["1", "40", "41"]), {"1": received[0].arrived, "40": received[-1].arrived}
        )
        self.assertEqual(len(box.uids(unseen=True)), 40)

    def test_which_are_there(self):
        self.deliver("a", "b", "c", "d")
        box = self.connect()
        box.open(b"INBOX")
        box.mark_seen(["1", "3"])
        self.assertEqual(box.uids(unseen=True), ["2", "4"])
        self.assertEqual(box.uids(2, unseen=True), ["2", "4"])
        box._session.uid("STORE", "2", "+FLAGS", "(\\Deleted)")
        self.assertEqual(box.uids(), ["1", "3", "4"])
        self.assertEqual((box.uids(4), box.uids(5), box.uids(500)), (["4"], [], []))
        self.assertEqual(box.uids(since=date(2020, 1, 31)), ["1", "3", "4"])
        self.assertEqual(box.uids(since=date(2999, 1, 31)), [])
        self.assertEqual((box.count(), box.count(date(2020, 1, 31)), box.count(date(2999, 1, 31))), (3, 3, 0))
        self.assertEqual(box.present(["1", "2", "7"]), {"1", "2"})

    def test_header_alone_of_what_is_long(self):
        self.deliver("short")
        self.deliver("long", lines=1000)
        box = self.connect()
        box.open(b"INBOX")
        [short, long] = self.receive(box, box.uids(), size_limit=2000)
        self.assertTrue(short.complete and not long.complete)
        self.assertIn(b"Subject: long\r\n", long.source)
        self.assertTrue(long.source.endswith(b"\r\n\r\n"))
        self.assertNotIn(b".line", long.source)
        self.assertGreater(long.size, 7000)
        self.assertIn(b".line", box.sources([long.uid])[long.uid])

    def test_gone_meanwhile(self):
        self.deliver("a", "b", "c")
        box, other = self.connect(), self.connect()
        for each in (box, other):
            each.open(b"INBOX")
        uids = box.uids()
        other.remove(["2"])
        self.assertEqual(self.subjects(self.receive(box, uids)), ["a", "c"])

    def test_moved_to_a_folder_with_any_name(self):
        self.deliver("a", "b", "c", "d", "e")
        for able in (True, False):
            with self.subTest(able=able):
                box = self.connect()
                if not able:
                    box.capabilities = tuple(set(box.capabilities) - {"MOVE", "UIDPLUS"})
                with box._session.refusable():
                    box._session.command("CREATE", b'"' + SPACES + b'"')
                self.assertIn("Räume/日本語", [folder.name for folder in box.folders()])
                box.open(b"INBOX")
                first, second = box.uids()[:2]
                box.move([first, second], SPACES)
                box.move([first], SPACES)  # it has gone: nothing happens
                self.assertNotIn(first, box.uids())
                with self.assertRaises(MailFailure) as caught:
                    box.move(box.uids(), b"Not there")
                self.assertEqual(
                    (caught.exception.stage, caught.exception.cause), ("select", "folder_missing")
                )
        box.open(SPACES)
        self.assertEqual(self.subjects(self.receive(box, box.uids())), ["a", "b", "c", "d"])

    def test_removed_and_no_other(self):
        self.deliver("a", "b", "c", "d", "e")
        box = self.connect()
        box.open(b"INBOX")
        box._session.uid("STORE", "5", "+FLAGS", "(\\Deleted)")
        box.remove(["1", "3"])
        self.assertEqual(box.present(["1", "2", "3", "4", "5"]), {"2", "4", "5"})
        box.capabilities = tuple(set(box.capabilities) - {"UIDPLUS"})
        box.remove(["2"])
        self.assertEqual(box.present(["2", "4", "5"]), {"2", "4", "5"})
        box._session.uid("STORE", "5", "-FLAGS", "(\\Deleted)")
        box.remove(["2", "4"])
        self.assertEqual(box.present(["2", "4", "5"]), {"5"})

    def test_located_after_a_new_validity(self):
        self.deliver("wanted", "wanted too", "other")
        box = self.connect()
        box.open(b"INBOX")
        self.assertEqual(box.locate("<wanted@example.org>"), "1")
        self.assertEqual(box.locate("<wanted too@example.org>"), "2")
        self.assertIsNone(box.locate("<wan"))
        self.assertIsNone(box.locate("<nöwhere@example.org>"))

    def test_marks_of_several_folders(self):
        box = self.connect()
        for name in (b'"' + SPACES + b'"', b'"a*b"', b'"with \\"quotes\\""'):
            box._session.command("CREATE", name)
        wanted = [b"INBOX", b"Junk", SPACES, b"a*b", b'with "quotes"', b"Not there", b"inbox"]
        for capabilities in (box.capabilities, ("IMAP4REV1",)):
            box.capabilities = capabilities
            found = box.marks(wanted)
            self.assertEqual(set(found), set(wanted) - {b"Not there"})
            self.assertEqual(len({mark.validity for mark in found.values()}), 5)
            self.assertEqual({mark.next_uid for mark in found.values()}, {1})
        self.assertEqual(box.marks([]), {})

    def test_one_command_for_the_marks(self):
        box = self.connect()
        self.assertEqual(len(sent_by(lambda: box.marks([b"INBOX"]))), 1)
        self.assertEqual(len(sent_by(lambda: box.marks([b"INBOX", b"Junk", b"Sent", b"Trash"]))), 1)

    def test_folder_that_is_not_there(self):
        box = self.connect()
        with self.assertRaises(MailFailure) as caught:
            box.open(b"Not there")
        self.assertEqual((caught.exception.stage, caught.exception.cause), ("select", "folder_missing"))
        self.assertEqual(box.open(b"INBOX").next_uid, 1)

    def test_few_commands_where_nothing_has_come(self):
        for protocol, security, most in (("imap", "tls", 3), ("imap", "starttls", 5), ("pop3", "tls", 4)):
            with self.subTest(protocol=protocol, security=security):

                def poll(protocol=protocol, security=security):
                    box = self.connect(protocol, security)
                    box.marks([b"INBOX"])
                    if protocol == "pop3":
                        self.assertEqual(box.uids(), [])
                    box.disconnect()

                sent = sent_by(poll)
                self.assertLessEqual(len(sent), most, sent)
                self.assertIn(sent[-1].split()[-1], (b"LOGOUT", b"QUIT"))


class TestImapServers(MailCase):
    def open(self, answers=None, **script):
        answers = {
            'SELECT "INBOX"': ["* 3 EXISTS", "* OK [UIDVALIDITY 5] ok", DONE],
            **(answers or {}),
        }
        self.server = mail_server("imap", answers=answers, **script)
        self.server.__enter__()
        self.addCleanup(self.server.__exit__)
        box = connect(self.server, "imap")
        self.addCleanup(box.close)
        self.assertEqual(box.open(b"INBOX"), Mark(5, 0))
        return box

    def received(self, *lines, uids=("7", "8"), size=3):
        """What is received where the server answers a FETCH of bodies like that."""
        sizes = [f"* {uid} FETCH (UID {uid} RFC822.SIZE {size})" for uid in uids]
        box = self.open(
            {
                r"UID FETCH \S+ \(UID RFC822.SIZE": [*sizes, DONE],
                r"UID FETCH \S+ \(UID BODY.PEEK\[\]\)": [*lines, DONE],
                "UID SEARCH": ["* SEARCH " + " ".join(uids), DONE],
            }
        )
        reader = Reader(box, list(uids))
        self.addCleanup(reader.close)
        return {item.uid: item.source for item in reader.next()}

    def test_forms_of_an_answer(self):
        whole = {"7": b"abc", "8": b"def"}
        for lines in (
            ["* 1 FETCH (UID 7 BODY[] {3}\r\nabc)", "* 2 FETCH (UID 8 BODY[] {3}\r\ndef)"],
            ["* 2 FETCH (UID 8 BODY[] {3}\r\ndef)", "* 1 FETCH (UID 7 BODY[] {3}\r\nabc)"],
            ["* 1 FETCH (BODY[] {3}\r\nabc UID 7)", '* 2 FETCH (BODY[] "def" UID 8 FLAGS (\\Seen))'],
            ["* 1 FETCH (uid 7 body[] {3}\r\nabc)", "* 2 FETCH (Uid 8 Body[] {3}\r\ndef)"],
            [
                "* 4 EXISTS",
                "* 1 FETCH (FLAGS (\\Seen))",
                "* 1 FETCH (UID 7 BODY[] {3}\r\nabc MODSEQ (12))",
                "* 3 EXPUNGE",
                "* 2 FETCH (UID 9 BODY[] {3}\r\nxyz)",
                "* 2 FETCH (UID 8 BODY[]<0> {3}\r\ndef)",
                "* OK [ALERT] hello",
            ],
            ["* 1 FETCH (UID 7 BODY[] ~{3}\r\nabc X-GM-MSGID 12)", "* 2 FETCH (UID 8 BODY[] {003}\r\ndef)"],
        ):
            with self.subTest(lines):
                self.assertEqual(self.received(*lines), whole)

    def test_size_that_lies(self):
        lines = ["* 1 FETCH (UID 7 BODY[] {3}\r\nabc)", "* 2 FETCH (UID 8 BODY[] {3}\r\ndef)"]
        for size in (1, 3000, 99999999):
            with self.subTest(size):
                self.assertEqual(self.received(*lines, size=size)["7"], b"abc")

    def test_listed_but_not_given(self):
        for lines in (
            [],
            ["* 1 FETCH (UID 7 BODY[] NIL)"],
            ['* 1 FETCH (UID 7 BODY[] "")'],
            ["* 1 FETCH (UID 7 BODY[] {0}\r\n)"],
            ["* 1 FETCH (UID 7)"],
            ["* 1 FETCH ((("],
        ):
            with self.subTest(lines):
                lines = [*lines, "* 2 FETCH (UID 8 BODY[] {3}\r\ndef)"]
                self.assertEqual(self.received(*lines), {"7": None, "8": b"def"})
                self.assertIn(b"UID SEARCH UID 7\r\n", self.server.seen)

    def test_nothing_to_tell_it_by(self):
        self.assertEqual(self.received("* 7 FETCH (BODY[] {3}\r\nabc)", uids=("7",)), {"7": None})

    def test_refused_because_of_one(self):
        def fetch(command):
            uid = command.split()[2]
            return (
                [f"* 1 FETCH (UID {uid} BODY[] {{3}}\r\nabc)", DONE]
                if uid == "7"
                else ["{tag} NO Cannot read"]
            )

        sizes = ["* 1 FETCH (UID 7 RFC822.SIZE 3)", "* 2 FETCH (UID 8 RFC822.SIZE 3)", DONE]
        answers = {r"UID FETCH \S+ \(UID RFC822": sizes, "UID FETCH": fetch}
        box = self.open({**answers, "UID SEARCH": ["* SEARCH 8", DONE]})
        reader = Reader(box, ["7", "8"])
        self.addCleanup(reader.close)
        self.assertEqual([(item.uid, item.source) for item in reader.next()], [("7", b"abc"), ("8", None)])

    def test_no_command_is_too_long(self):
        box = self.open({"UID SEARCH": ["* SEARCH", DONE]})
        uids = [str(number) for number in range(4_000_000_000, 4_000_008_000, 2)]
        before = len(self.server.seen)
        for work in (
            lambda: box.mark_seen(uids),
            lambda: box.move(uids, b"&AOQ-" * 200),
            lambda: box.remove(uids),
            lambda: box.arrivals(uids),
            lambda: box.present(uids),
            lambda: box.sources(uids),
            lambda: box.marks([b"Folder %d" % number for number in range(1000)]),
        ):
            work()
        commands = self.server.seen[before:].split(b"\r\n")
        self.assertGreater(len(commands), 40)
        self.assertLess(max(map(len, commands)), 8000)

    def test_neighbours_in_one_command(self):
        box = self.open()
        box.mark_seen(["1", "2", "3", "7", "10", "9"])
        self.assertIn(b"UID STORE 1:3,7,9:10 +FLAGS.SILENT (\\Seen)\r\n", self.server.seen)

    def test_gmail_moves_to_the_bin(self):
        box = self.open(extra=("X-GM-EXT-1", "UIDPLUS", "MOVE"))
        box.remove(["7", "8"])
        self.assertIn(b"UID STORE 7:8 +X-GM-LABELS (\\Trash)", self.server.seen)
        self.assertNotIn(b"EXPUNGE", self.server.seen)

    def test_last_one_that_is_before_the_first(self):
        box = self.open({"UID SEARCH": ["* SEARCH 3", DONE]})
        self.assertEqual(box.uids(10), [])
        self.assertIn(b"UID SEARCH UID 10:* UNDELETED\r\n", self.server.seen)

    def test_search_in_several_lines(self):
        box = self.open({"UID SEARCH": ["* SEARCH 3 20", "* SEARCH 100 3 (MODSEQ 9)", "* SEARCH", DONE]})
        self.assertEqual(box.uids(since=date(2026, 3, 1)), ["3", "20", "100"])
        self.assertIn(b"UID SEARCH SINCE 1-Mar-2026 UNDELETED\r\n", self.server.seen)

    def test_more_than_a_million_bytes_in_a_line(self):
        uids = list(map(str, range(4_000_000_000, 4_000_120_000)))
        box = self.open({"UID SEARCH": ["* SEARCH " + " ".join(uids), DONE]})
        self.assertEqual(box.uids(), uids)

    def test_folder_that_can_only_be_read(self):
        opened = ["* 1 EXISTS", "* OK [UIDVALIDITY 5] ok", "{tag} OK [READ-ONLY] done"]
        box = self.open({'SELECT "INBOX"': opened, "UID SEARCH": ["* SEARCH 3", DONE]})
        self.assertEqual(box.uids(), ["3"])

    def test_missing_folder_in_the_servers_own_words(self):
        refused = ["{tag} NO Das gibt es nicht"]
        box = self.open({'SELECT "[FB]': refused, "LIST": ['* LIST () "/" INBOX', '* LIST () "/" Bar', DONE]})
        with self.assertRaises(MailFailure) as caught:
            box.open(b"Foo")
        self.assertEqual((caught.exception.cause, caught.exception.raw), ("folder_missing", refused[0][6:]))
        with self.assertRaises(MailFailure) as caught:
            box.open(b"Bar")
        self.assertEqual(caught.exception.cause, "unknown")

    def test_mark_that_is_not_told(self):
        for lines, mark in (
            (['* STATUS "INBOX" (UIDVALIDITY 5 UIDNEXT 9)', DONE], Mark(5, 9)),
            (["* STATUS inbox (UIDNEXT 9 UIDVALIDITY 5)", DONE], Mark(5, 9)),
            (['* STATUS "INBOX" (UIDVALIDITY 5)', DONE], Mark(0, 0)),
            ([DONE], Mark(0, 0)),
            (["{tag} NO no such folder"], None),
        ):
            with self.subTest(lines):
                self.assertEqual(self.open({"STATUS": lines}).marks([b"INBOX"]).get(b"INBOX"), mark)

    def test_bad_moment_is_no_missing_folder(self):
        box = self.open({"STATUS": ["{tag} NO [UNAVAILABLE] Try again later"]})
        with self.assertRaises(MailFailure) as caught:
            box.marks([b"INBOX"])
        self.assertEqual((caught.exception.stage, caught.exception.cause), ("select", "server_busy"))

    def test_capabilities_are_asked_for_where_they_are_not_told(self):
        told = "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] ready"
        welcome = "{tag} OK [CAPABILITY IMAP4rev1 UIDPLUS] welcome"
        for greeting, answers, count in (
            (None, {}, 2),
            (told, {}, 1),
            (told, {"AUTHENTICATE": [welcome]}, 0),
            (told, {"AUTHENTICATE": ["* CAPABILITY IMAP4rev1 UIDPLUS", DONE]}, 0),
            ("* PREAUTH [CAPABILITY IMAP4rev1] welcome", {}, 2),
        ):
            with self.subTest(greeting=greeting, answers=answers):
                box = self.open(answers, greeting=greeting)
                self.assertEqual(self.server.seen.count(b"CAPABILITY\r\n"), count)
                self.assertEqual("UIDPLUS" in box.capabilities, bool(answers))

    def test_password_refused_with_its_initial_response(self):
        told = "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] ready"
        with mail_server("imap", greeting=told, refusal="NO [AUTHENTICATIONFAILED] no") as server:
            problem = failure(server, "imap")
        self.assertEqual((problem.cause, problem.refused), ("wrong_password", True))
        self.assertEqual(server.seen.count(b"\r\n"), 1)
