"""JSON of strangers: small, flat and without anything that programs read in different ways."""

import json

from . import FormatError

MAX_BRACKETS = 500  # of a document; no deeper than that


def parse(document: bytes) -> dict:
    """Return the object that a document is (RFC 8259, UTF-8).

    Numbers become None: none means anything in the documents of discovery, and reading a huge one takes
    long. A byte order mark is ignored, as the RFC allows it.

    :raises FormatError: when it is none, is nested too deeply, has a member twice or NaN
    """
    if document.count(b"[") + document.count(b"{") > MAX_BRACKETS:
        raise FormatError("has too many parts")
    try:
        text = document.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise FormatError("wrong character encoding") from None
    try:
        value = json.loads(
            text,
            parse_int=_number,
            parse_float=_number,
            parse_constant=_constant,
            object_pairs_hook=_members,
        )
    except FormatError:
        raise
    except (ValueError, RecursionError):
        raise FormatError("not JSON") from None
    if not isinstance(value, dict):
        raise FormatError("not a JSON object")
    return value


def _number(_text):
    return None


def _constant(_name):
    raise FormatError("not JSON")


def _members(pairs):
    members = dict(pairs)
    if len(members) < len(pairs):
        raise FormatError("says something twice")
    return members
