"""One parser a document format; each turns bytes into :class:`Document` or raises :class:`FormatError`."""

from dataclasses import dataclass

from ..settings import Server


class FormatError(ValueError):
    """A document that gives no settings; the message says why, without quoting from it."""

    result = "invalid"


@dataclass(frozen=True)
class Document:
    """What a document says, placeholders filled in."""

    servers: tuple[Server, ...]
    """in the order of the document"""
    name: str = ""
    """of the provider, for people"""
