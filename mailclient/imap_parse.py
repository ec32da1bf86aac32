"""IMAP's syntax: folder names and the data in responses (RFC 3501 5.1.3, 7.2.2, 7.4.2, 9)."""

import base64
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from .outside import REPLACEMENT, safe_name

# bytes of a folder's name: no file system takes more
_MAX_MAILBOX = 1000
_SPECIAL_USE = ("\\all", "\\archive", "\\drafts", "\\flagged", "\\junk", "\\sent", "\\trash", "\\important")
# for servers without SPECIAL-USE (RFC 6154), by the last part of the name
_USUAL_NAMES = {
    "\\Junk": ("junk", "spam", "junk e-mail", "junk email", "bulk", "bulk mail", "spamverdacht"),
    "\\Sent": ("sent", "sent items", "sent messages", "sent mail", "gesendet", "envoyés"),
    "\\Drafts": ("drafts", "draft", "entwürfe", "brouillons"),
    "\\Trash": ("trash", "deleted items", "deleted messages", "papierkorb", "corbeille"),
}


@dataclass(frozen=True)
class Folder:
    """One line of LIST.

    :param mailbox: name as the server writes it
    :param name: the same, for people; made safe
    :param special_use: as RFC 6154 writes it, ``\\Inbox``, or ``""``
    :param selectable: whether it can hold messages
    """

    mailbox: bytes
    name: str
    special_use: str = ""
    selectable: bool = True

    def __post_init__(self):
        object.__setattr__(self, "name", safe_name(self.name) or REPLACEMENT)


@dataclass(frozen=True)
class Mark:
    """Where a folder ends: what comes later has ``next_uid`` or more, as long as ``validity`` stays (RFC 3501
    2.3.1.1).

    :param validity: 0 if the server does not say (POP3: never)
    :param next_uid: likewise; whether something has come is then known by looking alone
    """

    validity: int
    next_uid: int


def decode_name(raw: bytes) -> str:
    """A folder name for people: modified UTF-7 (RFC 3501 5.1.3), or UTF-8 where a server sends that; what is
    neither is shown as it is.  Never raises."""
    text = raw.decode("utf-8", "replace")
    parts, position = [], 0
    while (start := text.find("&", position)) >= 0:
        parts.append(text[position:start])
        end = text.find("-", start)
        if end < 0:
            position = start
            break
        parts.append(_shifted(text[start + 1 : end]))
        position = end + 1
    return "".join([*parts, text[position:]])


def _shifted(encoded: str) -> str:
    """What stands between ``&`` and ``-``."""
    if not encoded:
        return "&"
    padded = encoded + "=" * (-len(encoded) % 4)
    try:
        return base64.b64decode(padded.encode("ascii"), altchars=b"+,", validate=True).decode("utf-16-be")
    except ValueError:
        return f"&{encoded}-"


def quote(text: bytes) -> bytes:
    """A quoted string.

    :raises ValueError: ``text`` cannot be quoted, having a line break or a NUL
    """
    if set(text) & set(b"\0\r\n"):
        raise ValueError("a quoted string holds no line break and no NUL")
    return b'"' + text.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def responses(data: Iterable) -> Iterator[bytes]:
    """The responses in what imaplib collected, each in one piece again: imaplib cuts before and after each
    literal."""
    pieces = []
    for item in data:
        if isinstance(item, tuple):
            pieces += [item[0], b"\r\n", item[1]]
        elif item is not None:
            yield b"".join([*pieces, item])
            pieces = []


def parse_values(raw: bytes, literals: Iterable[bytes] | None = None) -> list:
    """The values in a response: lists, ``bytes`` (strings, literals, atoms), None for NIL.

    :param literals: those in the response, if only their sizes are in ``raw``: what is long is not copied
    :raises ValueError: it is none
    """
    parser = _Parser(raw, None if literals is None else iter(literals))
    values = parser.values()
    if parser.position < len(raw):
        raise ValueError("unexpected closing parenthesis")
    return values


class _Parser:
    _MAX_DEPTH = 50
    _LITERAL = re.compile(rb"~?\{(\d{1,12})\}\r\n")
    _QUOTED = re.compile(rb'"([^"\\]*(?:\\.[^"\\]*)*)"', re.DOTALL)
    # BODY[HEADER.FIELDS (SUBJECT)] is one
    _ATOM = re.compile(rb'(?:\[[^\]]*\]|\[.*|[^()" \r\n\t\[])+', re.DOTALL)

    def __init__(self, raw: bytes, literals: Iterator[bytes] | None):
        self.raw, self.literals, self.position = raw, literals, 0

    def values(self, depth: int = 0) -> list:
        if depth > self._MAX_DEPTH:
            raise ValueError("nested too deep")
        found = []
        while self.position < len(self.raw):
            character = self.raw[self.position : self.position + 1]
            if character in b" \r\n\t":
                self.position += 1
            elif character == b")":
                return found
            elif character == b"(":
                self.position += 1
                found.append(self.values(depth + 1))
                if self.raw[self.position : self.position + 1] != b")":
                    raise ValueError("closing parenthesis missing")
                self.position += 1
            elif character == b'"':
                quoted = self._match(self._QUOTED, "closing quote missing")[1]
                found.append(
                    re.sub(rb"\\(.)", rb"\1", quoted, flags=re.DOTALL) if b"\\" in quoted else quoted
                )
            elif character == b"{" or self.raw.startswith(b"~{", self.position):
                found.append(self._literal(int(self._match(self._LITERAL, "malformed literal")[1])))
            else:
                atom = self._match(self._ATOM, "malformed atom")[0]
                found.append(None if atom.upper() == b"NIL" else atom)
        return found

    def _match(self, pattern: re.Pattern[bytes], otherwise: str) -> re.Match[bytes]:
        match = pattern.match(self.raw, self.position)
        if not match:
            raise ValueError(otherwise)
        self.position = match.end()
        return match

    def _literal(self, size: int) -> bytes:
        if self.literals is not None:
            literal = next(self.literals, None)
        else:
            literal = self.raw[self.position : self.position + size]
            self.position += size
        if literal is None or len(literal) < size:
            raise ValueError("literal cut short")
        return literal


def parse_list(raw: bytes) -> Folder | None:
    """One LIST response, after ``* LIST``; None if it is garbled, or if the name is longer than any."""
    try:
        flags, delimiter, mailbox = parse_values(raw)[:3]
        known = {flag.decode("ascii", "replace").lower() for flag in flags}
        separator = (delimiter or b"").decode("ascii", "replace")
        quote(mailbox)
        if len(mailbox) > _MAX_MAILBOX:
            return None
    except (ValueError, TypeError, AttributeError):
        return None
    name = decode_name(mailbox)
    special_use = next((flag.title() for flag in _SPECIAL_USE if flag in known), "")
    if name.upper() == "INBOX":
        special_use = "\\Inbox"
    elif not special_use:
        last = (name.rsplit(separator, 1)[-1] if separator else name).lower()
        special_use = next((use for use, names in _USUAL_NAMES.items() if last in names), "")
    return Folder(mailbox, name, special_use, not known & {"\\noselect", "\\nonexistent"})


def parse_status(raw: bytes) -> tuple[bytes, Mark] | None:
    """The folder's name, as the server writes it, and its mark in one STATUS response, after ``* STATUS``;
    None if it is garbled or does not say."""
    try:
        mailbox, items = parse_values(raw)[:2]
        values = {key.upper(): int(value) for key, value in zip(items[::2], items[1::2], strict=True)}
        quote(mailbox)
        return mailbox, Mark(values[b"UIDVALIDITY"], values[b"UIDNEXT"])
    except (ValueError, TypeError, AttributeError, KeyError):
        return None


def parse_fetch(data: Iterable) -> Iterator[dict[str, bytes]]:
    """The items of each FETCH response in what imaplib collected: ``{"UID": b"7", "BODY[]": b"…"}``.  Lists
    (flags) and garbled responses are left out."""
    for raw, literals in _uncopied(data):
        try:
            yield _items(raw, literals)
        except (ValueError, TypeError, AttributeError):
            continue


def parse_messages(data: Iterable) -> Iterator[dict[str, bytes]]:
    """The same where messages are among the items.

    :raises ValueError: a response with a literal is garbled: the server's size of it lies, so that what was
        read may be half a message, or two
    """
    for raw, literals in _uncopied(data):
        try:
            items = _items(raw, literals)
        except (ValueError, TypeError, AttributeError):
            if literals:
                raise ValueError("garbled FETCH response") from None
            continue
        if literals and not all(map(_ITEM.fullmatch, items)):
            raise ValueError("garbled FETCH response")
        yield items


# what servers tell of a message, asked or not: RFC 3501 7.4.2, RFC 7162, RFC 8474, RFC 8514, Gmail's own
_ITEM = re.compile(
    r"UID|FLAGS|INTERNALDATE|ENVELOPE|MODSEQ|EMAILID|THREADID|SAVEDATE|BODY|BODYSTRUCTURE|RFC822(\.\w+)?"
    r"|(BODY|BINARY)(\.\w+)?\[.*\](<\d+>)?|X-[-\w]+"
)


def _uncopied(data: Iterable) -> Iterator[tuple[bytes, list[bytes]]]:
    """The responses in what imaplib collected, without their literals, and these."""
    pieces, literals = [], []
    for item in data:
        if isinstance(item, tuple):
            pieces += [item[0], b"\r\n"]
            literals.append(item[1])
        elif item is not None:
            yield b"".join([*pieces, item]), literals
            pieces, literals = [], []


def _items(raw: bytes, literals: list[bytes]) -> dict[str, bytes]:
    _number, items = parse_values(raw, literals)
    pairs = list(zip(items[::2], items[1::2], strict=True))
    if len({key.upper() for key, _value in pairs}) < len(pairs):
        raise ValueError(
            "said twice"
        )  # a literal that is too long swallows the beginning of the next response
    return {key.decode("ascii").upper(): value for key, value in pairs if isinstance(value, bytes)}


_DATE = re.compile(r"\s*(\d{1,2})-(\w{3})-(\d{4}) (\d\d):(\d\d):(\d\d) ([-+])(\d\d)(\d\d)\s*", re.ASCII)
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
"""As IMAP writes them, whatever the language of the system."""


def parse_date(text: bytes) -> datetime | None:
    """An INTERNALDATE in UTC; None if it is garbled."""
    match = _DATE.fullmatch(text.decode("ascii", "replace"))
    try:
        day, month, year, hour, minute, second, sign, hours, minutes = match.groups()
        zone = timezone(timedelta(hours=int(hours), minutes=int(minutes)) * (-1 if sign == "-" else 1))
        number = MONTHS.index(month.title()) + 1
        local = datetime(
            int(year), number, int(day), int(hour), int(minute), min(int(second), 59), tzinfo=zone
        )
        return local.astimezone(timezone.utc)
    except (AttributeError, ValueError, OverflowError):
        return None
