"""The header of a raw mail, whatever it is made of: bounded, in order, never an error."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .comments import pieces
from .names import domain_of

MAX_HEADER = 256 * 1024  # octets of the header that are looked at
MAX_FIELDS = 500
MAX_VALUE = 16 * 1024  # octets of a field
_FIELD = re.compile(rb"([!-9;-~]{1,100})[ \t]*:")


@dataclass(frozen=True)
class Field:
    """One header field.

    :param position: 0 is the topmost, which was added last
    :param name: lower case
    :param value: unfolded; white space is single spaces
    """

    position: int
    name: str
    value: str


class Message:
    """The fields of a mail's header.

    :ivar whole: whether all fields are there: no bound was met
    """

    def __init__(self, source: bytes):
        lines = re.split(rb"\r?\n", source[:MAX_HEADER])
        if b"" in lines:
            lines = lines[: lines.index(b"")]
            self.whole = True
        else:
            self.whole = len(source) <= MAX_HEADER
        self.fields = []
        for name, value in self._read(lines):
            if len(self.fields) == MAX_FIELDS or len(value) > MAX_VALUE:
                self.whole = False
            if len(self.fields) < MAX_FIELDS:
                text = " ".join(value[:MAX_VALUE].decode("utf-8", "replace").split())
                self.fields.append(Field(len(self.fields), name, text))

    @staticmethod
    def _read(lines: list[bytes]) -> Iterator[tuple[str, bytes]]:
        name, parts = None, []
        for line in lines:
            if line[:1] in (b" ", b"\t"):
                parts.append(line)
            elif match := _FIELD.match(line):
                if name:
                    yield name, b"".join(parts)
                name, parts = match[1].decode("ascii").lower(), [line[match.end() :]]
        if name:
            yield name, b"".join(parts)

    def all(self, name: str) -> list[Field]:
        """The fields of that name (lower case), topmost first."""
        return [field for field in self.fields if field.name == name]

    def first(self, name: str) -> str:
        """The value of the topmost field of that name, ``""`` if there is none."""
        return next((field.value for field in self.fields if field.name == name), "")

    def domain(self, name: str) -> str:
        """The domain of the address in a field, ``""`` if there is none."""
        # not by parseaddr, which nested comments bring to its knees
        text = "".join(piece for kind, piece in pieces(self.first(name)) if kind == "text")
        match = re.search(r"<([^<>]*)>", text)
        return domain_of(match[1] if match else text)
