"""Receiving by POP3: from a real Dovecot, and from servers that can less."""

import hashlib
from datetime import date, datetime, timezone

from odoo.addons.email_account.mailclient import Login, MailFailure, Mark, Reader

from .common import MailCase, connect, mail_server
from .test_imap_receive import ReceivingCase, sent_by


class TestPop3Receiving(ReceivingCase):
    def test_received_in_order(self):
        subjects = [f"number {number}" for number in range(40)]
        self.deliver(*subjects, lines=3)
        box = self.connect("pop3")
        self.assertEqual([folder.name for folder in box.folders()], ["INBOX"])
        self.assertEqual((box.marks([b"INBOX"]), box.open(b"INBOX")), ({}, Mark(0, 0)))
        uids = box.uids(7, since=date(2999, 1, 1), unseen=True)
        self.assertEqual((len(set(uids)), box.count()), (40, 40))
        received = self.receive(box, uids, batch=7)
        self.assertEqual(self.subjects(received), subjects)
        self.assertEqual(received[0].source, self.host.messages(self.user)[0].replace(b"\n", b"\r\n"))
        self.assertEqual({len(item.source) - item.size for item in received}, {0})
        for item in received:
            self.assertLess(abs(item.arrived - datetime.now(timezone.utc)).total_seconds(), 3600)
        arrivals = box.arrivals([*uids[:2], "unknown"])
        self.assertEqual(arrivals, {item.uid: item.arrived for item in received[:2]})
        box.mark_seen(uids)
        self.assertIsNone(box.locate("<number 1@example.org>"))
        self.assertEqual(self.connect("pop3").uids(), uids)

    def test_removed_at_the_end(self):
        self.deliver("a", "b", "c")
        box = self.connect("pop3")
        first, _second, third = box.uids()
        box.remove([first, third, "unknown"])
        self.assertEqual(len(self.host.messages(self.user)), 3)
        box.disconnect()
        self.assertEqual(
            self.subjects(self.receive(self.connect("pop3"), self.connect("pop3").uids())), ["b"]
        )

    def test_header_alone_of_what_is_long(self):
        self.deliver("short")
        self.deliver("long", lines=1000)
        box = self.connect("pop3")
        [short, long] = self.receive(box, box.uids(), size_limit=2000)
        self.assertTrue(short.complete and not long.complete)
        self.assertIn(b"Subject: long\r\n", long.source)
        self.assertTrue(long.source.endswith(b"\r\n\r\n"))
        self.assertNotIn(b".line", long.source)
        self.assertIn(b"\r\n.line", box.sources([long.uid])[long.uid])

    def test_many_at_once(self):
        self.deliver(*map(str, range(20)))
        box = self.connect("pop3")
        uids = box.uids()
        self.assertEqual(len(sent_by(lambda: box.sources(uids))), 20)
        self.assertIn("PIPELINING", box.capabilities)

    def test_what_it_cannot(self):
        box = self.connect("pop3")
        with self.assertRaises(MailFailure):
            box.move(["1"], b"Junk")
        with self.assertRaises(MailFailure) as caught:
            box.open(b"Junk")
        self.assertEqual(caught.exception.cause, "folder_missing")


def message(number):
    received = f"Received: by a; Fri, 17 Jul 2026 0{number}:00:00 +0000"
    return f"{received}\nSubject: {number}\n\nbody {number}"


class Maildrop:
    """The answers of a server that has these messages.

    :param without: commands that it does not know
    :param refusing: ``{number: words}``: the answer to RETR
    """

    def __init__(self, messages, without=(), refusing=None, uids=None):
        self.messages, self.refusing, self.uids = messages, refusing or {}, uids
        self.answers = {
            **{f"{command}\\b": ["-ERR unknown command"] for command in without},
            "STAT": [f"+OK {len(messages)} 1000"],
            r"LIST (\d+)": self._size,
            "LIST": self._numbered(lambda number: len(messages[number - 1])),
            "UIDL": self._numbered(lambda number: uids[number - 1] if uids else f"id{number}"),
            "TOP": lambda line: self._text(line, header=True),
            "RETR": self._text,
        }

    def _numbered(self, value):
        return ["+OK", *(f"{number} {value(number)}" for number in range(1, len(self.messages) + 1)), "."]

    def _size(self, line):
        number = int(line.split()[1])
        return [f"+OK {number} 1" if number <= len(self.messages) else "-ERR no such message"]

    def _text(self, line, header=False):
        number = int(line.split()[1])
        if number in self.refusing and not header:
            return [self.refusing[number]]
        text = self.messages[number - 1]
        lines = (text.partition("\n\n")[0] + "\n" if header else text).split("\n")
        return ["+OK", *("." + line if line.startswith(".") else line for line in lines), "."]


class TestPop3Servers(MailCase):
    def open(self, maildrop, **script):
        self.server = mail_server("pop3", answers=maildrop.answers, **script)
        self.server.__enter__()
        self.addCleanup(self.server.__exit__)
        box = connect(self.server, "pop3")
        self.addCleanup(box.close)
        return box

    def received(self, box, **options):
        reader = Reader(box, box.uids(), **options)
        self.addCleanup(reader.close)
        return [item for batch in iter(reader.next, []) for item in batch]

    def test_pipelined_where_the_server_says_so(self):
        for extra in ((), ("PIPELINING",)):
            with self.subTest(extra):
                box = self.open(Maildrop([message(number) for number in range(1, 6)]), extra=extra)
                received = self.received(box)
                self.assertEqual([item.uid for item in received], ["id1", "id2", "id3", "id4", "id5"])
                self.assertTrue(received[4].source.endswith(b"Subject: 5\r\n\r\nbody 5\r\n"))
                self.assertEqual(received[4].arrived, datetime(2026, 7, 17, 5, tzinfo=timezone.utc))

    def test_password_with_the_command_where_the_server_takes_commands_ahead(self):
        for extra, count in (((), 2), (("PIPELINING",), 1)):
            with self.subTest(extra):
                self.open(Maildrop([]), extra=extra).close()
                sent = self.server.seen.partition(b"AUTH")[2].partition(b"QUIT")[0]
                self.assertEqual(sent.count(b"\r\n"), count)

    def test_long_password_is_not_sent_with_the_command(self):
        with mail_server("pop3", extra=("PIPELINING",)) as server, self.assertRaises(MailFailure) as caught:
            connect(server, "pop3", login=Login("jane", "x" * 200))
        self.assertTrue(caught.exception.refused)
        self.assertIn(b"\r\nAUTH PLAIN\r\n", server.seen)

    def test_named_by_content_without_uidl(self):
        same = message(1)
        for without in (("UIDL",), ("UIDL", "TOP")):
            with self.subTest(without):
                box = self.open(Maildrop([same, message(2), same, same], without), extra=("PIPELINING",))
                uids = box.uids()
                text = same.replace("\n", "\r\n") + "\r\n"
                named = text if "TOP" in without else text.partition("body")[0]
                digest = hashlib.sha256(named.encode()).hexdigest()
                self.assertEqual([uids[0], *uids[2:]], [digest, f"{digest}-2", f"{digest}-3"])
                self.assertEqual(len(self.received(box)), 4)
                self.assertEqual(self.open(Maildrop([message(2), same], without)).uids(), [uids[1], digest])

    def test_same_unique_id_twice(self):
        box = self.open(Maildrop([message(1), message(2)], uids=["same", "same"]))
        self.assertEqual(box.uids(), ["same", "same-2"])
        self.assertIn(b"Subject: 2", box.sources(["same-2"])["same-2"])

    def test_uidl_that_fails_for_now(self):
        for refusal, extra in (("-ERR [SYS/TEMP] try again", ()), ("-ERR no", ("UIDL",))):
            with self.subTest(refusal):
                maildrop = Maildrop([message(1)])
                maildrop.answers["UIDL"] = [refusal]
                with self.assertRaises(MailFailure) as caught:
                    self.open(maildrop, extra=extra).uids()
                self.assertEqual((caught.exception.stage, caught.exception.raw), ("fetch", refusal))
                self.assertNotIn(b"TOP", self.server.seen)

    def test_header_without_top(self):
        long = message(1) + "\n\nmore" * 100
        box = self.open(Maildrop([long, message(2)], without=("TOP",)))
        [first, second] = self.received(box, size_limit=100)
        self.assertEqual((first.complete, first.size), (False, len(long)))
        self.assertTrue(first.source.endswith(b"Subject: 1\r\n\r\n"))
        self.assertTrue(second.complete)

    def test_one_that_is_refused(self):
        for words in ("-ERR cannot open message", "-ERR", "-ERR [SYS/PERM] damaged"):
            for extra in ((), ("PIPELINING",)):
                with self.subTest(words, extra=extra):
                    maildrop = Maildrop([message(1), message(2), message(3)], refusing={2: words})
                    sources = [item.source for item in self.received(self.open(maildrop, extra=extra))]
                    self.assertIsNone(sources[1])
                    self.assertTrue(sources[0].endswith(b"body 1\r\n") and sources[2].endswith(b"body 3\r\n"))

    def test_refused_at_a_bad_moment(self):
        maildrop = Maildrop([message(1)], refusing={1: "-ERR [SYS/TEMP] later"})
        with self.assertRaises(MailFailure) as caught:
            self.received(self.open(maildrop))
        self.assertEqual((caught.exception.stage, caught.exception.cause), ("fetch", "server_busy"))

    def test_refused_removal(self):
        maildrop = Maildrop([message(1), message(2)])
        maildrop.answers["DELE 1"] = ["-ERR cannot"]
        box = self.open(maildrop, extra=("PIPELINING",))
        with self.assertRaises(MailFailure) as caught:
            box.remove(box.uids())
        self.assertEqual(caught.exception.raw, "-ERR cannot")
        self.assertIn(b"DELE 2\r\n", self.server.seen)
        self.assertEqual(box.count(), 2)

    def test_dots(self):
        text = message(1) + "\n.\n..\n.x\n\n.\n"
        [item] = self.received(self.open(Maildrop([text])))
        self.assertTrue(item.source.endswith(b"\r\nbody 1\r\n.\r\n..\r\n.x\r\n\r\n.\r\n\r\n"))

    def test_long_lines(self):
        text = f"Subject: long\n\n{'.' * 100_000}\n{'x' * 70_000}\n."
        [item] = self.received(self.open(Maildrop([text])))
        self.assertEqual(item.source, text.replace("\n", "\r\n").encode() + b"\r\n")

    def test_size_that_is_not_told(self):
        maildrop = Maildrop([message(1), message(2)])
        for lines in (["+OK", "1 x", "garbage", "."], ["+OK", "."], ["+OK", "2 57", "."]):
            with self.subTest(lines):
                maildrop.answers["LIST"] = lines
                self.assertEqual(
                    [item.size > 50 for item in self.received(self.open(maildrop))], [True, True]
                )
