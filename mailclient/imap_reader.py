"""Reading what an IMAP server says, response by response (RFC 3501 7 and 9, RFC 7888, RFC 3516).

``imaplib`` takes ``{5}`` at the end of any line for a literal, and an empty line, or one that ends with LF
alone, for the end of everything.
"""

import re
from collections.abc import Container
from typing import NamedTuple

from .allowance import REPLY, TooMuch
from .failures import OutOfStep
from .imap_parse import parse_values
from .transport import Connection

_MAX_LINE = 4 << 20  # of words, which nobody keeps all of
_PIECE_COST = 150  # bytes that a piece of a response takes beside what is in it
_MAX_LITERAL, _MAX_DIGITS = 1 << 40, 30
_MAX_EMPTY = 100  # empty lines one after another, and lines of a response that are none of its own
_UNTAGGED = re.compile(rb"\*[ \t]+(?:(\d+)[ \t]+)?([A-Za-z][\w.-]*)[ \t]*(.*)", re.DOTALL)
_TAGGED = re.compile(rb"([^\s*+(){\"]+)[ \t]+(OK|NO|BAD)\b[ \t]*(.*)", re.DOTALL | re.IGNORECASE)
_CONTINUATION = re.compile(rb"\+(?: (.*))?", re.DOTALL)
# a literal's size ends its line; some servers put a space after it
_LITERAL = re.compile(rb"(?:(?<=[ \t(])|^)(~?)\{(\d+)\+?\}[ \t\r]*$")
_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|["()]', re.DOTALL)
# what these say is for people, or has no strings in it
_WORDS = {"OK", "NO", "BAD", "BYE", "PREAUTH"}
_NO_STRINGS = {"CAPABILITY", "ENABLED", "EXISTS", "EXPUNGE", "FLAGS", "RECENT", "SEARCH", "VANISHED"}
_NAME_AT = {"LIST": 2, "LSUB": 2, "XLIST": 2, "STATUS": 0}  # the values before the one that may be a literal


class Response(NamedTuple):
    """One response.

    :ivar tag: ``b"*"``, ``b"+"`` (go on) or the tag of a command
    :ivar kind: ``OK``, ``FETCH``, …, upper case; ``""`` for ``+``
    :ivar pieces: what follows, as imaplib has it: ``(text up to a literal, literal)`` each, then the rest
    :ivar line: its first line
    """

    tag: bytes
    kind: str
    pieces: list[tuple[bytes, bytes] | bytes]
    line: bytes


class ResponseReader:
    """Reads responses; what a message holds is never taken for one.

    Lines end with CRLF, or LF alone; there may be empty lines between them, also between a literal and what
    closes its response.  A line for people is not so sure to hold nothing of a message: from a server that
    has ended one line with CRLF, all of these end so.

    Of what is for people :data:`~.allowance.REPLY` bytes are kept, and no other line is longer, but for what
    SEARCH finds, which is one line.

    :ivar literals: how many were read since the last command
    :ivar octets: likewise, of everything
    """

    def __init__(self, connection: Connection, abort: type[Exception]):
        """
        :param abort: raised where no other response can be read
        """
        self._connection, self._abort = connection, abort
        self._crlf = False
        self._held: tuple[bytes, bool] | None = None
        self.literals = self.octets = 0
        self._bound = self._room = self._texts = REPLY
        self._line_bound = _MAX_LINE

    def begin(self, room: int = REPLY, line: int = REPLY, texts: int = REPLY) -> None:
        """A command is sent.

        :param room: bytes that responses take which are kept, or one that is not
        :param line: bytes of a line that SEARCH answers with
        :param texts: bytes of ``room`` for what is no literal: taken apart, it is many times as long
        """
        self.literals = self.octets = 0
        self._bound = self._room = room
        self._texts = texts
        self._line_bound = max(line, _MAX_LINE)

    def keep(self, response: "Response") -> None:
        """A response stays in memory until the command is done."""
        texts, literals = _weights(response.pieces)
        self._room -= texts + literals
        self._texts -= texts
        self._require(0, 0)

    def _require(self, texts: int, literals: int) -> None:
        """There has to be room for so much."""
        if texts + literals > self._room or texts > self._texts:
            raise self.too_much()

    def too_much(self) -> TooMuch:
        """What to raise where an answer is too long: nothing more is read."""
        self._connection.close()
        return TooMuch(self._bound)

    def next(self, tags: Container[bytes]) -> Response:
        """The next response.

        :param tags: of the commands that are not answered yet
        :raises OutOfStep: it is none, and may be a part of a message
        """
        for _time in range(_MAX_EMPTY):
            line, at_crlf = self._line()
            if line.strip():
                return self._response(line, at_crlf, tags)
        raise self._abort("unexpected response: nothing but empty lines")

    def _line(self) -> tuple[bytes, bool]:
        """A line without its end; whether that was CRLF."""
        if self._held:
            held, self._held = self._held, None
            return held
        line = self._connection.readline(self._line_bound + 1)
        if len(line) > self._line_bound:
            raise self.too_much()
        self.octets += len(line)
        if not line.endswith(b"\n"):
            raise self._abort("socket error: unterminated line" if line else "socket error: EOF")
        if line.endswith(b"\r\n"):
            self._crlf = True
            return line[:-2], True
        return line[:-1], False

    def _to_crlf(self, line: bytes, at_crlf: bool, tags: Container[bytes] = ()) -> bytes:
        """The line, with what follows up to the next CRLF, from a server that ends its lines so.

        :param tags: an answer with one of these cannot but be a line of its own
        """
        lines, size = [line], len(line)
        while self._crlf and not at_crlf:
            line, at_crlf = self._line()
            if _is_answer(line, tags):
                self._held = line, at_crlf
                break
            lines.append(line)
            size += len(line)
            if size > self._line_bound:
                raise self.too_much()
        return b"\n".join(lines)

    def _response(self, line: bytes, at_crlf: bool, tags: Container[bytes]) -> Response:
        if match := _UNTAGGED.fullmatch(line):
            number, kind, rest = match[1], match[2].decode("ascii").upper(), match[3]
            if kind in _WORDS:
                return Response(b"*", kind, [self._to_crlf(rest, at_crlf, tags)[:REPLY]], line)
            if number:
                rest = b"%s %s" % (number, rest) if rest else number
            if kind in _NO_STRINGS:
                rest = rest if kind == "SEARCH" else rest[:REPLY]
                return Response(b"*", kind, [rest], line)
            return Response(b"*", kind, self._pieces(kind, rest, at_crlf, tags), line)
        if (match := _TAGGED.fullmatch(line)) and match[1] in tags:
            # with it the server has said all, so that nothing follows unless it is a part of the line
            words = self._to_crlf(match[3], at_crlf or not self._connection.arrived())
            return Response(match[1], match[2].decode("ascii").upper(), [words[:REPLY]], line)
        if match := _CONTINUATION.match(line):
            return Response(b"+", "", [match[1] and match[1][:REPLY]], line)
        if line.startswith(b"* ") and not self.literals:
            return Response(b"*", "", [line[2:]], line)  # nothing that anybody asks for
        raise self.unexpected(line)

    def unexpected(self, line: bytes) -> Exception:
        """What to raise about a line that is no response: after a literal, it may be a part of that."""
        if self.literals:
            return OutOfStep("unexpected response", line)
        return self._abort(f"unexpected response: {line[:1000]!r}")

    def _pieces(self, kind: str, text: bytes, at_crlf: bool, tags: Container[bytes]) -> list:
        """The rest of a response: its literals, and what is between them."""
        pieces, depth, more, texts, literals = [], 0, 0, 0, 0
        while True:
            if len(text) > REPLY:
                raise self.too_much()
            change, quoted = _scan(text)
            if quoted and not at_crlf and self._crlf:  # the LF is a part of the string
                text, at_crlf = self._to_crlf(text, at_crlf), True
                change, quoted = _scan(text)
            if quoted and kind == "FETCH":
                raise OutOfStep("a string with a line break in it", text)
            literal = None if quoted else _LITERAL.search(text)
            if literal and self._may_be(kind, pieces, text[: literal.start()], depth + change):
                depth += change
                size = self._size(literal)
                marked = text[: literal.start()] + b"%s{%d}" % (literal[1], size)
                texts, literals = texts + len(marked) + _PIECE_COST, literals + size
                self._require(texts, literals)
                pieces.append((marked, self._literal(size)))
                text, at_crlf = self._line()
                continue
            if kind != "FETCH" or not pieces or depth + change <= 0:
                return [*pieces, text]
            # the end of the response is on a line of its own
            line, at_crlf = self._line()
            more += 1
            if more > _MAX_EMPTY or line.startswith((b"* ", b"+")) or _is_answer(line, tags):
                raise OutOfStep("a response does not end", line)
            text += b" " + line

    @staticmethod
    def _may_be(kind: str, pieces: list, before: bytes, depth: int) -> bool:
        """Whether a literal can be where one seems to be."""
        if kind == "FETCH":
            return depth > 0
        if kind not in _NAME_AT:
            return True
        try:
            return not pieces and len(parse_values(before)) == _NAME_AT[kind]
        except ValueError:
            return False

    @staticmethod
    def _size(literal: re.Match[bytes]) -> int:
        size = int(literal[2].lstrip(b"0")[:_MAX_DIGITS] or b"0")
        if size > _MAX_LITERAL:
            raise OutOfStep("a literal longer than any message", literal[0])
        return size

    def _literal(self, size: int) -> bytes:
        self.literals += 1
        self.octets += size
        literal = self._connection.read(size)
        if len(literal) < size:
            raise self._abort("socket error: EOF")
        return literal


def _weights(pieces: list[tuple[bytes, bytes] | bytes]) -> tuple[int, int]:
    """What a response takes: bytes of its texts, and of its literals."""
    texts, literals = _PIECE_COST * len(pieces), 0
    for piece in pieces:
        text, literal = piece if isinstance(piece, tuple) else (piece or b"", b"")
        texts, literals = texts + len(text), literals + len(literal)
    return texts, literals


def _is_answer(line: bytes, tags: Container[bytes]) -> bool:
    match = _TAGGED.fullmatch(line)
    return bool(match and match[1] in tags)


def _scan(text: bytes) -> tuple[int, bool]:
    """How much deeper in parentheses a text ends, and whether within a quoted string."""
    depth = 0
    for token in _TOKEN.finditer(text):
        character = token[0]
        if character == b"(":
            depth += 1
        elif character == b")":
            depth -= 1
        elif character == b'"':
            return depth, True
    return depth, False
