"""Where an answer of several lines ends: whatever the message holds, and wherever the network cuts."""

import itertools
import re
import unittest

from hypothesis import given
from hypothesis import strategies as st

from odoo.addons.email_account.mailclient.pop3_text import AnswerText, without_dots_after_lf

# what could pass for an end, in all its spellings
HOSTILE = st.lists(
    st.sampled_from([b".", b"..", b"\r\n", b"\n", b"\r", b"x", b"\0", b"+OK 2 9\r\n", b"-ERR no\r\n"]),
    max_size=20,
).map(b"".join)


def stuffed(content: bytes, end: bytes = b"\r\n") -> bytes:
    """What a server sends that knows no line but by this end (RFC 1939 3)."""
    lines = (content if content.endswith(end) or not content else content + end).split(end)
    sent = end.join(b"." + line if line.startswith(b".") else line for line in lines[:-1])
    return sent + end * (len(lines) > 1) + b"." + end


def cut(sent: bytes, places) -> list[bytes]:
    """As the connection hands it out: whole lines, several at once."""
    ends = [match.end() for match in re.finditer(rb"\n", sent)] + [len(sent)]
    cuts = [0, *sorted({ends[place % len(ends)] for place in places}), len(sent)]
    return [sent[start:end] for start, end in itertools.pairwise(cuts) if end > start]


def read(pieces, **end) -> tuple[bytes, bytes | None, AnswerText]:
    """The text, what follows it, and the reader."""
    text, found = AnswerText(**end), []
    for number, piece in enumerate(pieces, 1):
        part, rest = text.feed(piece)
        found.append(part)
        if rest is not None:
            return b"".join(found), rest + b"".join(pieces[number:]), text
    return b"".join(found), None, text


class TestAnswerText(unittest.TestCase):
    @given(HOSTILE, st.lists(st.integers(0, 99)))
    def test_content_cannot_end_it(self, content, places):
        whole = content if content.endswith(b"\r\n") or not content else content + b"\r\n"
        sent = stuffed(content) + b"+OK next\r\n.\r\n"
        found, rest, text = read(cut(sent, places))
        self.assertEqual((found, rest), (whole, b"+OK next\r\n.\r\n"))
        self.assertEqual((text.size, text.doubtful), (len(whole), False))
        # knowing its size changes nothing
        self.assertEqual(read(cut(sent, places), size=len(whole))[:2], (whole, b"+OK next\r\n.\r\n"))

    @given(HOSTILE, st.lists(st.integers(0, 99)))
    def test_nor_where_lines_end_with_lf(self, content, places):
        whole = content if content.endswith(b"\n") or not content else content + b"\n"
        found, rest, _text = read(cut(stuffed(content, b"\n") + b"+OK next\n", places), crlf=False)
        self.assertEqual((found, rest), (whole, b"+OK next\n"))

    def test_a_line_longer_than_a_piece(self):
        for pieces in (
            [b"x" * 16384, b"y\r\n", b".\r\n"],
            [b"x" * 16383 + b"\r", b"\n.\r\n"],
            [b"." + b"x" * 16384, b"\r\n.\r\n"],
            [b".." + b"x" * 16384, b"\r\n.\r\n"],
        ):
            with self.subTest(pieces[0][-1:]):
                found, rest, _text = read(pieces)
                self.assertEqual(rest, b"")
                self.assertEqual(found, b"".join(pieces)[:-3].replace(b"..", b"."))

    def test_lines_of_one_dot_that_are_none(self):
        ends = (b"\n.\n", b"\r\n.\n", b"\n.\r\n", b"\r.\r", b"\r.\r\n", b"\r\r.\r\r")
        for content in (*(b"a" + end + b"b" for end in ends), b".\nb"):
            with self.subTest(content):
                self.assertEqual(read([content + b"\r\n.\r\n"])[:2], (content + b"\r\n", b""))

    def test_lists_end_at_any(self):
        for sent in (b"1 a\r\n.\r\n", b"1 a\n.\r\n", b"1 a\r\n.\n", b"1 a\n.\n", b".\n"):
            with self.subTest(sent):
                found, rest, _text = read([sent], lax=True)
                self.assertEqual((found.strip(), rest), (sent[:-2].strip(b".\r\n"), b""))

    def test_message_that_is_sent_as_it_is_stored(self):
        """By a server that ends its own lines with CRLF: only the size tells where it ends."""
        content = b"Subject: x\n\na\n.\r\nb\n.\nc\n"
        found, rest, text = read([content + b".\r\n"], size=len(content))
        self.assertEqual((found, rest, text.doubtful), (content, b"", True))
        self.assertEqual(read([content + b".\r\n"])[1], None)
        self.assertEqual(read([content + b".\r\n"], size=len(content) + 1)[1], None)

    def test_its_header(self):
        header = b"Received: x\nSubject: .\n.\n\n"
        found, rest, text = read([header + b".\r\n"], header=True)
        self.assertEqual((found, rest, text.doubtful), (header, b"", True))
        self.assertEqual(read([b"Received: x\r\nSubject: y\n\n.\r\n"], header=True)[1], None)

    def test_dots_after_bare_lf(self):
        content = b"a\n..\nb\n.c\r\n...d\r\n"
        sent = content.replace(b"\n.", b"\n..")
        found, _rest, _text = read([sent + b".\r\n"])
        self.assertEqual(found, b"a\n...\nb\n..c\r\n...d\r\n")
        self.assertEqual(without_dots_after_lf(found, len(content)), content)
        for size in (len(found), len(content) - 1, len(content) + 1, 0, 9999):
            self.assertEqual(without_dots_after_lf(found, size), found)
