"""However much a server says: what it takes is bounded, by itself and together with all others."""

import json
import subprocess
import sys
import threading
import unittest
from pathlib import Path
from unittest.mock import patch

from odoo.addons.email_account.mailclient import MailFailure, Reader, allowance, transport

from .common import MailCase, connect, mail_server

REPO = Path(__file__).resolve().parent.parent.parent
MOST, TOGETHER = 50, 350  # MB over idle
# other words for the end of an answer that goes on; what is sound; the end of a session, which nobody reads
OTHERS = {
    "imap empty lines": "unknown",
    "pop3 empty lines": "unknown",
    "imap FETCH: an empty end": "framing_broken",
    "imap LIST: 20,000 folders": None,
    "imap LIST: 90 folders with long names": None,
    "imap SEARCH: 400,000 messages": None,
    "imap sizes: 300 others'": None,
    "imap sizes: 60 kB of items": None,
    "imap FETCH: 300 others'": None,
    "pop3 UIDL: 140,000 long ones": None,
    "pop3 UIDL: 140,000 times the same": None,
    "pop3 QUIT": None,
    "smtp QUIT": None,
}


class TestMemory(unittest.TestCase):
    """By the memory of processes of their own: ``bench/receive_hostile.py``."""

    def measure(self, protocol):
        command = [sys.executable, str(REPO / "bench/receive_hostile.py"), protocol]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True, timeout=300)
        for name, found in json.loads(done.stdout).items():
            with self.subTest(name):
                if found["cause"] == "connection_closed" and "challenges" in name:
                    continue  # it has not read our answers any more
                self.assertEqual(found["cause"], OTHERS.get(name, "answer_too_long"))
                self.assertLessEqual(found["mb"], TOGETHER if name.endswith("at once") else MOST)

    def test_imap(self):
        self.measure("imap")

    def test_pop3(self):
        self.measure("pop3")

    def test_smtp(self):
        self.measure("smtp")


class TestRoom(unittest.TestCase):
    def test_nobody_takes_more_than_there_is(self):
        room, most, errors = allowance.Room(100), [], []

        def read(octets):
            try:
                for _time in range(50):
                    room.take(octets, 30)
                    most.append(room.left)
                    room.give_back(octets)
            except Exception as error:
                errors.append(error)

        threads = [threading.Thread(target=read, args=(octets,)) for octets in (30, 60, 100) * 5]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertFalse(errors)
        self.assertGreaterEqual(min(most), 0)
        self.assertEqual(room.left, 100)

    def test_waiting_ends(self):
        room = allowance.Room(100)
        room.take(60, 0)
        with self.assertRaises(allowance.NoRoom):
            room.take(60, 0.01)
        self.assertEqual(room.left, 40)
        room.give_back(60)
        room.take(100, 0)


class TestSessions(MailCase):
    """Who reads a long answer takes room, and gives it back."""

    def setUp(self):
        super().setUp()
        self.room = allowance.Room(10 << 20)
        for change in (patch.object(transport, "SHARED", self.room), patch.object(transport, "WAIT", 0.05)):
            change.start()
            self.addCleanup(change.stop)

    def open(self, protocol, length=3 << 20):
        text = "Subject: x\r\n\r\n" + "x" * 70 + "\r\n"
        text += ("x" * 70 + "\r\n") * ((length - len(text)) // 72)
        done = "{tag} OK done"
        body = f"* 1 FETCH (UID 7 BODY[] {{{len(text)}}}\r\n{text})"
        answers = {
            "imap": {
                "SELECT": ["* 1 EXISTS", "* OK [UIDVALIDITY 5] ok", done],
                r"UID FETCH \S+ \(UID RFC822.SIZE": [f"* 1 FETCH (UID 7 RFC822.SIZE {len(text)})", done],
                "UID FETCH": [body, done],
                "UID SEARCH": ["* SEARCH 7", done],
            },
            "pop3": {
                "UIDL": ["+OK", "1 7", "."],
                r"LIST \d": [f"+OK 1 {len(text)}"],
                "LIST": ["+OK", f"1 {len(text)}", "."],
                "RETR": ["+OK", text + "."],
            },
        }[protocol]
        server = mail_server(protocol, answers=answers)
        server.__enter__()
        self.addCleanup(server.__exit__)
        box = connect(server, protocol)
        self.addCleanup(box.close)
        box.open(b"INBOX")
        return box, text.encode()

    def reading(self, box):
        reader = Reader(box, ["7"])
        self.addCleanup(reader.close)
        return reader, reader.next

    def test_given_back(self):
        for protocol in ("imap", "pop3"):
            with self.subTest(protocol):
                box, text = self.open(protocol)
                _reader, read = self.reading(box)
                self.assertEqual([received.source for received in read()], [text])
                taken = self.room.octets - self.room.left
                self.assertLess(abs(taken - len(text)), 300_000, "what was not needed is free")
                box.close()
                self.assertEqual(self.room.left, self.room.octets)

    def test_no_room(self):
        """The session ends; no message is to blame, and it is a failure that passes."""
        for protocol in ("imap", "pop3"):
            with self.subTest(protocol):
                box, text = self.open(protocol)
                self.room.take(8 << 20, 0)
                reader, read = self.reading(box)
                with self.assertRaises(MailFailure) as caught:
                    read()
                self.assertEqual(caught.exception.cause, "reading_limited")
                self.assertEqual((box.usable, reader.trying, reader.refused), (False, [], []))
                self.room.give_back(8 << 20)
                self.assertEqual(self.room.left, self.room.octets)
                again, _text = self.open(protocol)
                self.assertEqual(self.reading(again)[1]()[0].source, text)
                again.close()

    def test_short_answers_need_none(self):
        self.room.take(self.room.octets, 0)
        for protocol in ("imap", "pop3"):
            with self.subTest(protocol):
                box, text = self.open(protocol, 100_000)
                self.assertEqual(self.reading(box)[1]()[0].source, text)

    def test_a_message_longer_than_is_ever_read(self):
        """By the server's own word: it is refused without being asked for, and nothing else is."""
        for protocol in ("imap", "pop3"):
            with self.subTest(protocol):
                box, _text = self.open(protocol, 100_000)
                box.describe(["7"])
                box._sizes = dict.fromkeys(box._sizes, 200 << 20)
                with self.assertRaises(MailFailure) as caught:
                    box.sources(["7"])
                self.assertEqual((caught.exception.cause, box.usable), ("answer_too_long", True))
