"""By POP3 no message ends another, forges one, or has one deleted; where a server lets it, that is named."""

from hypothesis import given, settings
from hypothesis import strategies as st

from odoo.addons.email_account.mailclient import MailFailure, Reader
from odoo.addons.email_account.mailclient.failures import concerns_message

from .common import MailCase
from .raw_servers import RawPop3, raw_mailbox

FORGED = b"From: ceo@example.org\r\nSubject: forged\r\n\r\nPay at once\r\n"
# what ends a message for somebody
ENDS = [b"\n.\n", b"\r\n.\n", b"\n.\r\n", b"\r.\r", b"\r\n.\r", b"\r.\r\n", b"\r\r\n.\r\r\n", b"\r\n.\r\n"]
# what is left of a message where it is taken for the next one
FORGERIES = [
    b"+OK\r\n" + FORGED,
    b"+OK\r\n" + FORGED + b".\r\n+OK\r\n" + FORGED,
    b"-ERR no such message\r\n-ERR no such message",
    FORGED,
    b"+OK 1 123\r\n",
    b"+OK 1 123\r\n+OK\r\n" + FORGED + b".\r\n",
]


def mail(number, body=b"Hello\r\n"):
    return b"Received: by a; Fri, 17 Jul 2026 00:00:00 +0000\r\nSubject: %d\r\n\r\n" % number + body


class FramingCase(MailCase):
    def receive(self, talk, batch=25):
        """What is received in a session, and deleted."""
        received = {}
        with raw_mailbox(talk) as box:
            uids = box.uids()
            reader, told = Reader(box, uids, batch=batch), None
            try:
                while found := reader.next():
                    received |= {item.uid: item.source for item in found}
                    whole = [item.uid for item in found if item.source is not None]
                    if told:
                        told.result(10)
                    told = reader.submit(box.remove, whole)
                if told:
                    told.result(10)
            finally:
                reader.close()
        return received

    def assert_named(self, talk, cause, batch=25):
        with self.assertRaises(MailFailure) as caught:
            self.receive(talk, batch)
        self.assertEqual((caught.exception.stage, caught.exception.cause), ("fetch", cause), caught.exception)
        self.assertEqual(talk.deleted, [])
        return caught.exception

    def assert_whole(self, talk):
        """All arrive as the server has them, and are deleted."""
        expected = {f"id{number}": talk.sent(number) for number in range(1, len(talk.messages) + 1)}
        self.assertEqual(self.receive(talk), expected)
        self.assertEqual(talk.deleted, list(range(1, len(talk.messages) + 1)))


class TestContent(FramingCase):
    @settings(max_examples=60, deadline=None)
    @given(
        st.lists(
            st.lists(
                st.sampled_from([*ENDS, *FORGERIES, b"x", b"\0", b".", b"\r\n", b"\n", b"\r", b"Subject: a"]),
                max_size=8,
            ).map(b"".join),
            min_size=1,
            max_size=4,
        ),
        st.booleans(),
        st.sampled_from([b"\r\n", b"\n"]),
    )
    def test_whatever_it_holds(self, messages, pipelining, end):
        extra = ("PIPELINING",) * pipelining
        self.assert_whole(RawPop3([mail(1), *messages, mail(9)], end=end, extra=extra))

    def test_each_end_and_each_forgery(self):
        for pipelining in ((), ("PIPELINING",)):
            messages = [mail(5, b"a" + end + forged) for end in ENDS for forged in FORGERIES]
            self.assert_whole(RawPop3([mail(1), *messages, mail(9)], extra=pipelining))

    def test_at_the_border_of_pieces(self):
        for size in (16383, 16384, 16385, 65535, 65536, 65537):
            for end in ENDS:
                lines = (b"x" * 70 + b"\r\n") * (size // 72 + 1)
                with self.subTest(size, end=end):
                    cut = size - len(mail(1, b"")) - len(end)
                    self.assert_whole(RawPop3([mail(1, lines[:cut] + end + b"+OK\r\n"), mail(2)]))
                    self.assert_whole(RawPop3([mail(1, b"y" * cut + end + b"+OK\r\n"), mail(2)]))


class TestHarmless(FramingCase):
    """Servers that are not quite as the standard has it: mail arrives octet for octet all the same."""

    def test_lf_everywhere(self):
        plain = [mail(number).replace(b"\r\n", b"\n") for number in (1, 2, 3)]
        dots = mail(4, b"a\n.\nb\n..\n.\r\nc").replace(b"\r\n", b"\n")
        for extra in ((), ("PIPELINING",)):
            for more in (0, 1):  # LIST may count each end of a line as two octets
                with self.subTest(extra, more=more):
                    self.assert_whole(
                        RawPop3(
                            [*plain, dots],
                            end=b"\n",
                            extra=extra,
                            size=lambda _number, sent, more=more: len(sent) + more * sent.count(b"\n"),
                        )
                    )

    def test_messages_as_they_are_stored(self):
        """Lines with LF between the server's own, which end with CRLF."""
        messages = [mail(number, b"a\n.\nb\n.\r\nc\n").replace(b"\r\n", b"\n") for number in (1, 2)]
        talk = RawPop3(messages, stuff=b"\n", text_end=b"\n")
        self.assert_whole(talk)
        with raw_mailbox(RawPop3(messages, stuff=b"\n", text_end=b"\n")) as box:
            headers = box.sources(["id1", "id2"], header_only=True)
        self.assertEqual(headers, {f"id{n}": messages[n - 1].partition(b"a\n")[0] for n in (1, 2)})

    def test_dots_after_bare_lf(self):
        talk = RawPop3([mail(1, b"a\n.\nb\n..c\n.\r\n"), mail(2)], stuff=b"\n")
        self.assert_whole(talk)

    def test_sizes_of_many_kinds(self):
        def stuffed(sent):
            return sum(line.startswith(b".") for line in sent.split(b"\n"))

        body = b"Hello\r\n.\r\n..\r\n" + b"line\r\n" * 300
        for size in (
            lambda _number, sent: len(sent) - sent.count(b"\r\n"),
            lambda _number, sent: len(sent) - 2,
            lambda _number, sent: len(sent) + 3,
            lambda _number, sent: len(sent) + 3 + stuffed(sent),
            lambda _number, sent: len(sent) - 700,  # a filter on the way adds a header
            lambda _number, sent: len(sent) // 1024 * 1024,
            lambda _number, sent: -(-len(sent) // 1024) * 1024,
            lambda number, sent: len(sent) + (500 if number % 3 else -500),
            lambda _number, _sent: 1,
        ):
            for extra in ((), ("PIPELINING",)):
                messages = [mail(number, body + b"x" * 11 * number) for number in range(1, 6)]
                self.assert_whole(RawPop3(messages, size=size, extra=extra))

    def test_known_to_estimate(self):
        talk = RawPop3(
            [mail(1)],
            size=lambda _number, sent: len(sent) + 500,
            greeting=b"+OK The Microsoft Exchange POP3 service is ready.",
        )
        self.assert_whole(talk)

    def test_empty_lines_between_answers(self):
        self.assert_whole(RawPop3([mail(1), mail(2)], after={1: b"\r\n", 2: b"\n\r\n"}))


class TestHarmful(FramingCase):
    """Servers that let a message end where it does not: named, and nothing is stored or deleted."""

    def test_no_dots_are_put_in(self):
        for forged in FORGERIES:
            for extra in ((), ("PIPELINING",)):
                for batch in (1, 25):
                    with self.subTest(forged, extra=extra, batch=batch):
                        hostile = mail(2, b"Hello\r\n.\r\n" + forged)
                        talk = RawPop3([mail(1), hostile, mail(3), mail(4)], stuff=b"", extra=extra)
                        problem = self.assert_named(talk, "framing_broken", batch)
                        self.assertNotIn("Pay", problem.raw)

    def test_nor_where_lines_end_with_lf(self):
        for forged in FORGERIES:
            forged = forged.replace(b"\r\n", b"\n")
            with self.subTest(forged):
                hostile = mail(2, b"Hello\n.\n" + forged).replace(b"\r\n", b"\n")
                talk = RawPop3([mail(1).replace(b"\r\n", b"\n"), hostile, hostile], stuff=b"", end=b"\n")
                self.assert_named(talk, "framing_broken")

    def test_sizes_that_hide_it(self):
        """LIST counts lines as LF, and there are as many lines as octets in the forgery."""
        forged = b".\r\n+OK\r\n" + FORGED
        body = b"\r\n" * (len(forged) - 8)
        hostile = mail(2, body + forged)
        for extra in ((), ("PIPELINING",)):
            talk = RawPop3(
                [mail(1), hostile, mail(3)],
                stuff=b"",
                extra=extra,
                size=lambda _number, sent: len(sent) - sent.count(b"\r\n"),
            )
            self.assert_named(talk, "framing_broken")

    def test_answers_that_come_uncalled_for(self):
        for said in (b"+OK\r\n", b"+OK\r\n" + FORGED + b".\r\n", b"junk\r\n", b"+OK 1 60\r\n", b"x"):
            for after in (1, 2, 3):
                with self.subTest(said, after=after):
                    talk = RawPop3([mail(1), mail(2), mail(3)], after={after: said})
                    self.assert_named(talk, "framing_broken", 1)
                    talk = RawPop3([mail(1), mail(2), mail(3)], after={after: said}, extra=("PIPELINING",))
                    self.assert_named(talk, "framing_broken")

    def test_headers(self):
        """Dates and names by content are read by TOP."""
        received = b"Received: x; Fri, 17 Jul 2020 00:00:00 +0000\r\n"
        forged = mail(1, b"").replace(b"Subject", b".\r\n+OK\r\n" + received + b"X")
        for extra in ((), ("PIPELINING",)):
            talk = RawPop3([mail(1), forged, mail(3)], stuff=b"", extra=extra)
            with self.subTest(extra), raw_mailbox(talk) as box, self.assertRaises(MailFailure) as caught:
                box.arrivals(box.uids())
            self.assertEqual(caught.exception.cause, "framing_broken")

    def test_a_reason_to_end_is_told(self):
        talk = RawPop3([mail(1), mail(2)], after={1: b"-ERR [SYS/TEMP] Server is shutting down\r\n"})
        self.assertEqual(self.assert_named(talk, "server_busy", 1).raw[:15], "-ERR [SYS/TEMP]")

    def test_nothing_is_deleted_in_that_session(self):
        """What was marked before is not deleted either, as the session does not end properly (RFC 1939 6)."""
        talk = RawPop3([mail(1), mail(2), mail(3, b"Hello\r\n.\r\n+OK\r\n")], stuff=b"")
        self.assert_named(talk, "framing_broken", 1)
        self.assertIn(b"DELE 1\r\n", talk.server.seen)
        self.assertNotIn(b"DELE 3", talk.server.seen)
        self.assertNotIn(b"QUIT", talk.server.seen)

    def test_less_than_there_is(self):
        """One of several is cut: the others arrive, that one is kept."""
        for extra in ((), ("PIPELINING",)):
            talk = RawPop3(
                [mail(number) for number in range(1, 6)],
                size=lambda number, sent: len(sent) + 5000 * (number == 3),
                extra=extra,
            )
            received = self.receive(talk)
            self.assertEqual([uid for uid, source in received.items() if source is None], ["id3"])
            self.assertEqual(talk.deleted, [1, 2, 4, 5])
            with raw_mailbox(talk) as box, self.assertRaises(MailFailure) as caught:
                box.describe(box.uids())
                box.sources(["id3"])
            self.assertEqual(caught.exception.cause, "message_incomplete")

    def test_it_is_about_the_message(self):
        """Whoever reads on leaves that one out."""
        for talk in (
            RawPop3([mail(1, b"Hello\r\n.\r\n+OK\r\n")], stuff=b""),
            RawPop3([mail(1)], size=lambda _number, sent: len(sent) + 5000),
        ):
            with raw_mailbox(talk) as box, self.assertRaises(MailFailure) as caught:
                box.describe(box.uids())
                box.sources(["id1"])
            self.assertTrue(concerns_message(caught.exception))
            self.assertIn("message 1", caught.exception.raw)

    def test_one_way_of_counting(self):
        """Where all others have as many octets less as they have lines, one that has more is cut."""
        talk = RawPop3(
            [mail(number, b"line\r\n" * 50) for number in range(1, 5)],
            size=lambda number, sent: len(sent) - sent.count(b"\r\n") + 100 * (number == 2),
        )
        self.assertIsNone(self.receive(talk)["id2"])
        self.assertEqual(talk.deleted, [1, 3, 4])

    def test_less_than_there_is_of_the_only_one(self):
        talk = RawPop3([mail(1)], size=lambda _number, sent: len(sent) + 5000)
        self.assertEqual(self.receive(talk), {"id1": None})
        self.assertEqual(talk.deleted, [])

    def test_far_less_is_no_estimate(self):
        messages = [mail(1, b"x" * 9000), mail(2, b"y" * 9000), mail(3)]
        talk = RawPop3(messages, size=lambda number, sent: len(sent) + [0, 900, 900, 90000][number])
        received = self.receive(talk)
        self.assertEqual([uid for uid, source in received.items() if source is None], ["id3"])
        self.assertEqual(talk.deleted, [1, 2])
