"""By IMAP no message ends an answer or forges one; where a server lets it, that is named."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from odoo.addons.email_account.mailclient import MailFailure, Reader

from .common import MailCase
from .raw_servers import RawImap, raw_mailbox

FORGED = b"From: ceo@example.org\r\nSubject: forged\r\n\r\nPay at once\r\n"
# what could pass for protocol
HOSTILE = [
    b")\r\n",
    b"\r\n",
    b"\n",
    b"\r",
    b"\0",
    b"x",
    b' UID 8 BODY[] {3}\r\n',
    b" {5}\r\n",
    b"{5}\r\n",
    b"~{5}\r\n",
    b'"',
    b"\\",
    b"(",
    b"* 2 FETCH (UID 8 BODY[] {%d}\r\n" % len(FORGED) + FORGED + b")\r\n",
    b"* 1 FETCH (UID 7 BODY[] {3}\r\nabc)\r\n",
    b"* BYE over\r\n",
    b"* 0 EXISTS\r\n",
    b"A1 OK done\r\n",
    b"ABCD1 OK done\r\n",
    b"+ go on\r\n",
    b"* OK [UIDVALIDITY 9] x {5}\r\n",
]
contents = st.lists(st.sampled_from(HOSTILE), max_size=8).map(b"".join)


def mail(number, body=b"Hello\r\n"):
    return b"Subject: %d\r\n\r\n" % number + body


def quoted(text):
    return b'"' + text.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


class FramingCase(MailCase):
    def receive(self, talk, batch=25):
        """What is received in a session, and removed."""
        received = {}
        with raw_mailbox(talk) as box:
            reader, told = Reader(box, box.uids(), batch=batch), None
            try:
                while found := reader.next():
                    received |= {item.uid: item.source for item in found}
                    if told:
                        told.result(10)
                    told = reader.submit(box.mark_seen, [item.uid for item in found if item.source])
                told.result(10)
            finally:
                reader.close()
        return received

    def assert_whole(self, talk, batch=25):
        expected = {str(uid): message for uid, message in enumerate(talk.messages, 7)}
        self.assertEqual(self.receive(talk, batch), expected)

    def assert_named(self, talk, causes=("framing_broken",), batch=25):
        with self.assertRaises(MailFailure) as caught:
            self.receive(talk, batch)
        failure = caught.exception
        self.assertEqual(failure.stage, "fetch")
        self.assertIn(failure.cause, causes, failure)
        self.assertEqual(talk.told, [])
        self.assertNotIn(b"LOGOUT", talk.server.seen)
        return failure


class TestContent(FramingCase):
    @settings(max_examples=60, deadline=None)
    @given(
        st.lists(contents, min_size=1, max_size=4),
        st.sampled_from([b"\r\n", b"\n"]),
        st.sampled_from(["{%d}", "{%d+}", "~{%d}", "{%d} ", "{0%d}"]),
    )
    def test_whatever_it_holds(self, messages, end, marker):
        def form(number, uid, message):
            start = b"* %d FETCH (UID %d BODY[] " % (number, uid) + (marker % len(message)).encode()
            return start + end + message + b")" + end

        messages = [mail(1), *(mail(place, content) for place, content in enumerate(messages, 2)), mail(9)]
        self.assert_whole(RawImap(messages, end=end, form=form))

    @settings(max_examples=60, deadline=None)
    @given(contents.map(lambda content: re.sub(rb"\r+\n", b"\n", content)))
    def test_quoted_with_lf_in_it(self, content):
        """No string may hold a line break; where the server's own lines end with CRLF, no harm is done."""
        messages = [content or b"x", b"abc"]
        self.assert_whole(
            RawImap(
                messages,
                form=lambda number, uid, message: (
                    b"* %d FETCH (BODY[] %s UID %d)\r\n" % (number, quoted(message), uid)
                ),
            )
        )


class _MixedImap(RawImap):
    """Its answers to commands end with LF, the rest with CRLF."""

    def __call__(self, talk):
        send = talk.send

        def mixed(data):
            send(data[:-2] + b"\n" if data.endswith(b" OK done\r\n") else data)

        talk.send = mixed
        return super().__call__(talk)


class TestHarmless(FramingCase):
    def test_around_a_literal(self):
        start = b"* %d FETCH (UID %d BODY[] {%d}\r\n%s"
        for rest in (
            b")\r\n",
            b")\n",
            b") \r\n",
            b" )\r\n",
            b"\r\n)\r\n",
            b"\r\n\r\n)\r\n",
            b"\n)\n",
            b"\r\n \r\n )\r\n",
            b")\r\n\r\n",
            b")\r\n\r\n\r\n\r\n",
            b")\n\n",
            b"\r\n)\r\n\r\n",
            b"\r\n FLAGS (\\Seen))\r\n",
            b" FLAGS (\\Seen)\r\n)\r\n",
            b' X-NOTE "a)b {5}")\r\n',
            b"\r\r\n)\r\n",
        ):
            for batch in (1, 25):
                with self.subTest(rest, batch=batch):

                    def form(number, uid, message, rest=rest):
                        return start % (number, uid, len(message), message) + rest

                    self.assert_whole(RawImap([mail(1), mail(2, b")\r\n"), mail(3)], form=form), batch)

    def test_in_between(self):
        for line in (
            b"* 7 EXISTS\r\n",
            b"* 1 EXPUNGE\r\n",
            b"* 3 FETCH (FLAGS (\\Seen))\r\n",
            b"* 1 FETCH (FLAGS (\\Seen {5}))\r\n",
            b"* 2 FETCH (UID 8 FLAGS (\\Seen))\r\n",
            b"* FLAGS (\\Seen x{5}\r\n",
            b"* OK [ALERT] Subject was {5}\r\n",
            b"* NO cannot index {12}\r\n",
            b"* ok still here {0}\r\n",
            b"* OK x\n* 2 FETCH (UID 8 BODY[] {3}\nabc)\r\n",
            b"* SEARCH 1 2 {5}\r\n",
            b'* LIST () "/" {3}\r\nabc\r\n',
            b'* LIST () "/" abc {5}\r\n',
            b'* LIST () "/" abc{5}\r\n',
            b'* LIST () "/" "abc {5}"\r\n',
            b"* STATUS abc (MESSAGES {5}\r\n",
            b"* CAPABILITY IMAP4rev1 {5}\r\n",
            b"* XUNKNOWN what (is this\r\n",
            b"+ idling\r\n",
            b"+\r\n",
            b"\r\n",
            b" \r\n\n",
            b"* OK \0\r\n",
            b"*  OK twice\r\n",
            b"* OK\r\n",
            b'* 2 FETCH (UID 8 ENVELOPE ("x" "Re: {5}" NIL))\r\n',
            b"* OK " + b"x" * 3_000_000 + b"\r\n",
        ):
            for before in (True, False):
                with self.subTest(line[:40], before=before):

                    def form(number, uid, message, line=line, before=before):
                        usual = b"* %d FETCH (UID %d BODY[] {%d}\r\n%s)\r\n"
                        answer = usual % (number, uid, len(message), message)
                        return line + answer if before else answer + line

                    self.assert_whole(RawImap([mail(1), mail(2), mail(3)], form=form))

    def test_ends_of_answers(self):
        for done in (b" OK", b" OK ", b" ok done", b" OK done {5}", b" OK [X] done  ", b"  OK done"):
            with self.subTest(done):
                self.assert_whole(RawImap([mail(1), mail(2)], done=done))

    def test_lf_here_and_there(self):
        usual = b"* %d FETCH (UID %d BODY[] {%d}\n%s)\n"
        for said in (b"", b"* OK still here\n", b"* 9 EXISTS\n* NO {3}\n"):
            talk = RawImap(
                [mail(1), mail(2)],
                form=lambda number, uid, message: usual % (number, uid, len(message), message),
                said={"FETCH": said, "STORE": said},
            )
            self.assert_whole(talk)
            self.assertEqual(len(talk.told), 1)

    def test_answers_that_end_with_lf(self):
        self.assert_whole(_MixedImap([mail(1), mail(2)]))

    def test_lf_everywhere(self):
        self.assert_whole(RawImap([mail(1), mail(2, b"\n)\n* BYE x\n")], end=b"\n"))


class TestHarmful(FramingCase):
    def short(self, rest, missing=0):
        """A literal whose size leaves out ``rest``, the end of the message."""

        def form(number, uid, message):
            if uid != 8:
                return b"* %d FETCH (UID %d BODY[] {%d}\r\n%s)\r\n" % (number, uid, len(message), message)
            size = len(message) - len(rest) - missing
            return b"* %d FETCH (UID %d BODY[] {%d}\r\n%s)\r\n" % (number, uid, size, message)

        return RawImap([mail(1), mail(2, b"Hello" + rest), mail(3)], form=form)

    def test_size_that_is_too_small(self):
        other = b"* 3 FETCH (UID 9 BODY[] {%d}\r\n" % len(FORGED) + FORGED
        for rest in (
            b"x\r\n",
            b" and more",
            b")\r\nHello",
            b")\r\n" + other,
            b")\r\n" + other + b")\r\nA1 OK done\r\n" + other,
            b")\r\nA1 OK done\r\n",
            b")\r\nABCD1 OK done\r\n",
            b")\r\nABCD2 NO done\r\n",
            b'\r\n* 3 FETCH (UID 9 BODY[] "x"',
            b" UID 9 BODY[] {3}\r\nabc",
            b" BODY[] {3}\r\nabc",
        ):
            for batch in (1, 25):
                with self.subTest(rest[:30], batch=batch):
                    talk = self.short(rest)
                    with self.assertRaises(MailFailure) as caught:
                        self.receive(talk, batch)
                    self.assertEqual(caught.exception.cause, "framing_broken", caught.exception)
                    self.assertNotIn("Pay", caught.exception.raw)
                    self.assertFalse([line for line in talk.told if "8" in line or "9" in line], talk.told)

    def test_forged_goodbye(self):
        self.assert_named(self.short(b")\r\n* BYE over\r\n"), ("connection_closed", "server_busy", "unknown"))

    def test_forged_answer_nobody_asks_for(self):
        """Even if no size is known, it is not taken for the message that it says it is."""
        other = b")\r\n* 3 FETCH (UID 9 BODY[] {%d}\r\n" % len(FORGED) + FORGED
        received = {}
        with raw_mailbox(self.short(other)) as box:
            for uid in ("7", "8", "9"):
                received |= box.sources([uid])
        self.assertEqual((received["7"], received["9"]), (mail(1), mail(3)))

    def test_size_that_is_too_large(self):
        for size in (1, 2, 3, 10, 40, 70, 500):

            def form(number, uid, message, size=size):
                told = len(message) + (size if uid == 8 else 0)
                return b"* %d FETCH (UID %d BODY[] {%d}\r\n%s)\r\n" % (number, uid, told, message)

            for batch in (1, 25):
                with self.subTest(size, batch=batch):
                    talk = RawImap([mail(1), mail(2), mail(3)], form=form)
                    with self.assertRaises(MailFailure) as caught:
                        self.receive(talk, batch)
                    self.assertIn(caught.exception.cause, ("framing_broken", "timeout"), caught.exception)
                    self.assertFalse([line for line in talk.told if "8" in line or "9" in line], talk.told)

    def test_literals_of_any_size(self):
        for size in (b"99999999999999", b"9" * 40, b"0" * 40 + b"9" * 15, b"9" * 5000):
            with self.subTest(size[:20]):
                answer = b"* 1 FETCH (UID 7 BODY[] {%s}\r\n" % size
                self.assert_named(RawImap([mail(1)], form=lambda *_any, answer=answer: answer))

    def test_quoted_with_crlf_in_it(self):
        self.assert_named(RawImap([mail(1)], form=lambda *_any: b'* 1 FETCH (UID 7 BODY[] "a\r\n")\r\n'))
        self.assert_named(
            RawImap([mail(1)], end=b"\n", form=lambda *_any: b'* 1 FETCH (UID 7 BODY[] "a\n")\n')
        )

    def test_two_bodies_of_one(self):
        def form(number, uid, message):
            answer = b"* %d FETCH (UID %d BODY[] {%d}\r\n%s)\r\n" % (number, uid, len(message), message)
            return answer + answer.replace(b"Hello", b"Jello")

        self.assert_named(RawImap([mail(1)], form=form))

    def test_endless_empty_lines(self):
        self.assert_named(RawImap([mail(1)], said={"FETCH": b"\r\n" * 10_000}), ("framing_broken", "unknown"))
        self.assert_named(
            RawImap([mail(1)], form=lambda *_any: b"* 1 FETCH (UID 7 BODY[] {1}\r\nx" + b"\r\n" * 10_000)
        )
