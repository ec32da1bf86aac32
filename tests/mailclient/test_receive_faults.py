"""Servers that fail in the middle of a message: typed, in time, and never half a message for a whole one."""

import threading

from odoo.addons.email_account.mailclient import MailFailure, Reader, Timeouts

from .common import MailCase, connect, mail_server

DONE = "{tag} OK done"
SIZES = ["* 1 FETCH (UID 7 RFC822.SIZE 20)", "* 2 FETCH (UID 8 RFC822.SIZE 20)", DONE]
FIRST = "* 1 FETCH (UID 7 BODY[] {20}\r\nSubject: x\r\n\r\nfirst.)"


class TestFaults(MailCase):
    def reader(self, protocol, body, **options):
        answers = {
            "imap": {
                "SELECT": ["* 2 EXISTS", "* OK [UIDVALIDITY 5] ok", DONE],
                r"UID FETCH \S+ \(UID RFC822.SIZE": SIZES,
                r"UID FETCH": body,
                "UID SEARCH": ["* SEARCH 7 8", DONE],
            },
            "pop3": {
                "UIDL": ["+OK", "1 7", "2 8", "."],
                r"LIST \d": ["+OK 1 20"],
                "LIST": ["+OK", "1 20", "2 20", "."],
                "RETR": body,
            },
        }[protocol]
        server = mail_server(protocol, answers=answers, extra=("PIPELINING",))
        server.__enter__()
        self.addCleanup(server.__exit__)
        self.box = connect(server, protocol, **options)
        self.addCleanup(self.box.close)
        self.box.open(b"INBOX")
        reader = Reader(self.box, ["7", "8"])
        self.addCleanup(reader.close)
        return reader

    def fails(self, protocol, body, causes, **options):
        reader = self.reader(protocol, body, **options)
        for _time in range(2):
            with self.assertRaises(MailFailure) as caught:
                reader.next()
            self.assertEqual(caught.exception.stage, "fetch")
            self.assertIn(caught.exception.cause, causes, caught.exception.raw)
        with self.assertRaises(MailFailure) as caught:
            self.box.mark_seen(["7"]) if protocol == "imap" else self.box.remove(["7"])
        self.assertEqual(caught.exception.cause, "connection_closed")
        return caught.exception

    def test_healthy(self):
        second = FIRST.replace("UID 7", "UID 8").replace("* 1", "* 2")
        text = "Subject: x\r\n\r\nfirst."
        for protocol, body in (("imap", [FIRST, second, DONE]), ("pop3", ["+OK", text, "."])):
            sources = [item.source.rstrip() for item in self.reader(protocol, body).next()]
            self.assertEqual(sources, [text.encode()] * 2)

    def test_size_that_is_too_small(self):
        """What is left of the message follows the literal."""
        for rest in (
            "",
            ".)",
            " and more)",
            " and more words)",
            "\r\n* bullet\r\n)",
            ' "x")',
            " UID",
        ):
            with self.subTest(rest):
                self.fails("imap", [FIRST[:-1] + rest, DONE], ("framing_broken",))

    def test_size_that_is_too_large(self):
        """The literal swallows what comes after the message."""
        second = FIRST.replace("UID 7", "UID 8")
        for size in (21, 25, 40, 72, 80, 90, 500, 99999999999):
            with self.subTest(size):
                body = [FIRST.replace("20", str(size)), second, DONE]
                self.fails("imap", body, ("framing_broken", "timeout", "answer_too_long"))

    def test_size_that_takes_in_all_of_the_next(self):
        """Such an answer looks right; only the next message is missing."""
        second = FIRST.replace("UID 7", "UID 8")
        whole = [FIRST.replace("20", "73"), second, DONE]
        self.fails("imap", lambda line: whole if " 7:8 " in line else [whole[0], DONE], ("timeout",))

    def test_cut_off(self):
        half = b"* 1 FETCH (UID 7 BODY[] {20}\r\nSubject: x"
        for protocol, body in (
            ("imap", [half]),
            ("imap", [FIRST[:-1].encode()]),
            ("imap", [FIRST.encode()]),
            ("imap", [FIRST]),
            ("pop3", [b"+OK\r\nSubject: x\r\n\r\nfirst"]),
            ("pop3", [b"+OK\r\nSubject: x\r\n\r\nfirst\r\n"]),
            ("pop3", [b"+OK\r\nSubject: x\r\n\r\nfirst\r\n."]),
            ("pop3", [b"+OK"]),
            ("pop3", []),
        ):
            with self.subTest(protocol, body=body):
                self.fails(protocol, body, ("timeout",))  # silence
                self.fails(protocol, _then_gone(body), ("connection_closed",))

    def test_goodbye(self):
        for body in (["* BYE Server shutting down"], [FIRST, "* BYE Server shutting down"]):
            with self.subTest(body):
                self.fails("imap", body, ("server_busy",))

    def test_nonsense(self):
        for protocol, body in (("imap", ["nonsense"]), ("imap", [b"\xff\0\r\n"]), ("pop3", ["nonsense"])):
            with self.subTest(protocol, body=body):
                self.fails(protocol, body, ("unknown", "wrong_protocol"))

    def test_drip(self):
        """A byte at a time is too slow, though something always comes."""
        for protocol, start in (("imap", b"* 1 FETCH (UID 7 BODY[] {200000}\r\n"), ("pop3", b"+OK\r\n")):
            for byte in (b"x", b"\r\n"):
                with self.subTest(protocol, byte=byte):
                    ended = threading.Event()
                    self.addCleanup(ended.set)
                    body = _dripping(start, byte, ended)
                    self.fails(protocol, body, ("timeout",), timeouts=Timeouts(5, 0.5))
                    ended.set()

    def test_the_end_of_all_time(self):
        """Lines that each come in time do not go on for ever."""
        ended = threading.Event()
        self.addCleanup(ended.set)
        body = _dripping(b"", b"* 3 EXISTS\r\n", ended)
        self.fails("imap", body, ("timeout",), timeouts=Timeouts(5, 5, 1.5))

    def test_what_came_before_is_whole(self):
        answers = iter([[FIRST, DONE], [b"* 2 FETCH (UID 8 BODY[] {20}\r\nSubj"]])
        reader = self.reader("imap", lambda _line: next(answers))
        reader._batch = 1
        self.assertEqual([item.source for item in reader.next()], [b"Subject: x\r\n\r\nfirst."])
        with self.assertRaises(MailFailure) as caught:
            reader.next()
        self.assertEqual(caught.exception.cause, "timeout")
        self.assertEqual(reader.trying, ["8"])


def _then_gone(lines):
    def answer(_line):
        yield from lines
        raise EOFError

    return answer


def _dripping(start, byte, ended):
    def answer(_line):
        yield start
        while not ended.wait(0.05):
            yield byte

    return answer
