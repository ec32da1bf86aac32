"""IMAP's syntax: folder names and the data in responses (RFC 3501 5.1.3, 7.2.2, 7.4.2, 9)."""

import base64
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_SPECIAL_USE = ("\\all", "\\archive", "\\drafts", "\\flagged", "\\junk", "\\sent", "\\trash", "\\important")
# for servers without SPECIAL-USE (RFC 6154), by the last part of the name
_USUAL_NAMES = {
    "\\Junk": ("junk", "spam", "junk e-mail", "junk email", "bulk", "bulk mail", "spamverdacht"),
    "\\Sent": ("sent", "sent items", "sent messages", "sent mail", "gesendet", "envoyés"),
    "\\Trash": ("trash", "deleted items", "deleted messages", "papierkorb", "corbeille"),
}


@dataclass(frozen=True)
class Folder:
    """One line of LIST.

    :param mailbox: name as the server writes it
    :param name: the same, for people
    :param special_use: as RFC 6154 writes it, ``\\Inbox``, or ``""``
    :param selectable: whether it can hold messages
    """

    mailbox: bytes
    name: str
    special_use: str = ""
    selectable: bool = True


@dataclass(frozen=True)
class Mark:
    """Where a folder ends: what comes later has ``next_uid`` or more, as long as ``validity`` stays (RFC 3501
    2.3.1.1)."""

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


def parse_values(raw: bytes) -> list:
    """The values in a response: lists, ``bytes`` (strings, literals, atoms), None for NIL.

    :raises ValueError: it is none
    """
    parser = _Parser(raw)
    values = parser.values()
    if parser.position < len(raw):
        raise ValueError("unexpected closing parenthesis")
    return values


class _Parser:
    _MAX_DEPTH = 50

    def __init__(self, raw: bytes):
        self.raw, self.position = raw, 0

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
                found.append(self._quoted())
            elif character == b"{":
                found.append(self._literal())
            else:
                atom = self._atom()
                found.append(None if atom.upper() == b"NIL" else atom)
        return found

    def _quoted(self) -> bytes:
        text, position = bytearray(), self.position + 1
        while (character := self.raw[position : position + 1]) != b'"':
            if character == b"\\":
                position += 1
                character = self.raw[position : position + 1]
            if not character:
                raise ValueError("closing quote missing")
            text += character
            position += 1
        self.position = position + 1
        return bytes(text)

    def _literal(self) -> bytes:
        head, separator, _rest = self.raw[self.position : self.position + 20].partition(b"}\r\n")
        if not separator or not head[1:].isdigit():
            raise ValueError("malformed literal")
        start = self.position + len(head) + len(separator)
        self.position = start + int(head[1:])
        if self.position > len(self.raw):
            raise ValueError("literal cut short")
        return self.raw[start : self.position]

    def _atom(self) -> bytes:
        start, brackets = self.position, 0
        while self.position < len(self.raw):
            character = self.raw[self.position : self.position + 1]
            # BODY[HEADER.FIELDS (SUBJECT)] is one atom
            brackets += {b"[": 1, b"]": -1}.get(character, 0)
            if character in b'()" \r\n\t' and brackets <= 0:
                break
            self.position += 1
        return self.raw[start : self.position]


def parse_list(raw: bytes) -> Folder | None:
    """One LIST response, after ``* LIST``; None if it is garbled."""
    try:
        flags, delimiter, mailbox = parse_values(raw)[:3]
        known = {flag.decode("ascii", "replace").lower() for flag in flags}
        separator = (delimiter or b"").decode("ascii", "replace")
        quote(mailbox)
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
    for raw in responses(data):
        try:
            _number, items = parse_values(raw)[:2]
            pairs = zip(items[::2], items[1::2], strict=True)
            yield {key.decode("ascii").upper(): value for key, value in pairs if isinstance(value, bytes)}
        except (ValueError, TypeError, AttributeError):
            continue
