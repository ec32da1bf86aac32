"""The reader: batches in order, fetched ahead, in bounded memory."""

import threading
import unittest
from datetime import datetime, timezone

from odoo.addons.email_account.mailclient import Endpoint, MailFailure, Reader, Received

ENDPOINT = Endpoint("imap", "mail.example.org", 993, "tls")
ARRIVED = datetime(2026, 7, 17, tzinfo=timezone.utc)
LONG = 9 << 20


class FakeMailbox:
    """Messages by uid; an exception in the place of a source is raised when it is read."""

    def __init__(self, messages):
        self.messages, self.gone, self.usable = messages, set(), True
        self.sizes, self.undescribed, self.reads = {}, set(), []
        self.threads = set()
        self.read_one = threading.Event()

    def describe(self, uids):
        there = [uid for uid in uids if uid not in self.gone | self.undescribed]
        return {uid: (self._size(uid), ARRIVED) for uid in there}

    def _size(self, uid):
        source = self.messages[uid]
        return len(source) if source and not isinstance(source, Exception) else self.sizes.get(uid, 0)

    def sources(self, uids, header_only=False):
        self.reads.append((tuple(uids), header_only))
        self.threads.add(threading.current_thread())
        self.read_one.set()
        for uid in uids:
            if isinstance(self.messages[uid], Exception):
                raise self.messages[uid]
        there = [uid for uid in uids if uid not in self.gone and self.messages[uid] is not None]
        return {uid: self.messages[uid][:6] if header_only else self.messages[uid] for uid in reversed(there)}

    def present(self, uids):
        return set(uids) - self.gone


def refusal(text="NO cannot read that", stage="fetch"):
    return MailFailure(ENDPOINT, stage, text)


class TestReader(unittest.TestCase):
    def open(self, messages, **options):
        self.box = FakeMailbox(messages)
        reader = Reader(self.box, list(messages), **options)
        self.addCleanup(reader.close)
        return reader

    def batches(self, reader):
        return [[received.uid for received in batch] for batch in iter(reader.next, [])]

    def numbered(self, count, length=10):
        return {str(number): b"x" * length for number in range(1, count + 1)}

    def test_batches_in_order(self):
        reader = self.open(self.numbered(12), batch=5)
        self.assertEqual(
            self.batches(reader),
            [["1", "2", "3", "4", "5"], ["6", "7", "8", "9", "10"], ["11", "12"]],
        )
        self.assertEqual(reader.next(), [])

    def test_nothing_to_read(self):
        self.assertEqual(self.open({}).next(), [])

    def test_what_a_message_is_like(self):
        reader = self.open({"7": b"Subject: x\r\n\r\n"})
        self.assertEqual(reader.next(), [Received("7", 14, ARRIVED, b"Subject: x\r\n\r\n", True)])

    def test_many_are_described_in_parts(self):
        reader = self.open(self.numbered(1203), batch=100)
        self.assertEqual(sum(map(len, self.batches(reader))), 1203)

    def test_bounded_by_bytes(self):
        messages = {"1": b"x" * 60, "2": b"x" * 60, "3": b"x" * 500, "4": b"x" * 10, "5": b"x" * 90}
        reader = self.open(messages, batch_bytes=100)
        self.assertEqual(self.batches(reader), [["1"], ["2"], ["3"], ["4", "5"]])

    def test_longer_than_the_limit(self):
        reader = self.open({"1": b"x" * 10, "2": b"y" * 11, "3": b""}, size_limit=10)
        [first, second, third] = reader.next()
        self.assertEqual((first.complete, first.source), (True, b"x" * 10))
        self.assertEqual((second.complete, second.source, second.size), (False, b"y" * 6, 11))
        self.assertEqual((third.complete, third.source, third.size), (True, b"", 0))
        self.assertEqual(self.box.reads, [(("1", "3"), False), (("2",), True)])

    def test_gone_and_not_given(self):
        reader = self.open({"1": b"x", "2": b"x", "3": None, "4": b"", "5": b"x"}, batch=2)
        self.box.gone = {"1", "2"}
        self.box.sizes = {"3": 30, "4": 40}
        batch = reader.next()
        self.assertEqual(
            [(item.uid, item.source, item.size, item.complete) for item in batch],
            [("3", None, 30, True), ("4", None, 40, True)],
        )
        self.assertEqual(self.batches(reader), [["5"]])

    def test_size_that_is_not_told(self):
        reader = self.open({"1": b"Received: by b; Fri, 17 Jul 2026 00:00:00 +0000\r\n\r\n", "2": b"x"})
        self.box.undescribed = {"1", "2"}
        batch = reader.next()
        self.assertEqual([(item.size, item.arrived) for item in batch], [(51, ARRIVED), (1, None)])

    def test_the_next_is_fetched_meanwhile(self):
        reader = self.open(self.numbered(6), batch=2)
        reader.next()
        self.box.read_one.clear()
        self.assertTrue(self.box.read_one.wait(5))
        reader.submit(lambda: None).result(5)
        self.assertEqual(len(self.box.reads), 2)  # and no more than the next

    def test_nothing_is_fetched_beside_a_long_one(self):
        reader = self.open({"1": b"x", "2": b"x" * LONG, "3": b"x"})
        for number in ("1", "2", "3"):
            self.assertEqual([item.uid for item in reader.next()], [number])
            reader.submit(lambda: None).result(5)
            self.assertEqual(len(self.box.reads), int(number))

    def test_a_long_one_of_which_the_header_is_read(self):
        reader = self.open({"1": b"x", "2": b"x" * LONG, "3": b"x"}, size_limit=100)
        self.assertEqual(self.batches(reader), [["1", "2", "3"]])

    def test_everything_on_one_thread(self):
        reader = self.open(self.numbered(9), batch=2)
        threads = {reader.submit(threading.current_thread).result(5)}
        self.batches(reader)
        self.assertEqual(threads, self.box.threads)
        self.assertNotIn(threading.current_thread(), threads)
        reader.close()
        self.assertFalse(any(thread.is_alive() for thread in threads))

    def test_what_is_submitted_is_done_at_the_close(self):
        reader, done = self.open(self.numbered(9), batch=2), []
        reader.next()
        reader.submit(done.append, 1)
        reader.close()
        reader.close()
        self.assertEqual(done, [1])
        with self.assertRaises(RuntimeError):
            reader.submit(done.append, 2)

    def test_what_fails_in_submit(self):
        reader = self.open(self.numbered(3), batch=2)

        def fail():
            raise refusal()

        with self.assertRaises(MailFailure):
            reader.submit(fail).result(5)
        self.assertEqual(self.batches(reader), [["1", "2"], ["3"]])

    def test_one_that_is_refused(self):
        reader = self.open({"1": b"x", "2": refusal(), "3": b"x"})
        self.box.sizes = {"2": 5}
        self.assertEqual(
            [(item.uid, item.source) for item in reader.next()], [("1", b"x"), ("2", None), ("3", b"x")]
        )

    def test_one_alone_that_is_refused(self):
        reader = self.open({"2": refusal()})
        self.box.sizes = {"2": 5}
        self.assertEqual([item.source for item in reader.next()], [None])

    def test_all_are_refused(self):
        reader = self.open({"1": refusal("NO first"), "2": refusal("NO second")})
        self.box.sizes = {"1": 5, "2": 5}
        for _time in range(2):
            with self.assertRaises(MailFailure) as caught:
                reader.next()
            self.assertEqual(caught.exception.raw, "NO first")

    def test_all_are_refused_since_they_are_gone(self):
        reader = self.open({"1": refusal(), "2": refusal(), "3": b"x"}, batch=2)
        self.box.sizes = {"1": 5, "2": 5}
        self.box.gone = {"1", "2"}
        self.assertEqual(self.batches(reader), [["3"]])

    def test_bad_moment(self):
        reader = self.open({"1": b"x", "2": refusal("NO [UNAVAILABLE] Try again later"), "3": b"x"}, batch=1)
        self.box.sizes = {"2": 5}
        self.assertEqual(len(reader.next()), 1)
        for _time in range(2):
            with self.assertRaises(MailFailure) as caught:
                reader.next()
            self.assertEqual(caught.exception.cause, "server_busy")

    def test_connection_that_ends(self):
        reader = self.open({"1": refusal("socket error: EOF")})
        self.box.sizes, self.box.usable = {"1": 5}, False
        with self.assertRaises(MailFailure):
            reader.next()
        self.assertEqual(len(self.box.reads), 1)
