"""Text that somebody else has written (servers, DNS, mails, exceptions that quote them), made safe where it
comes in.

The same file is in ``autoconfig/`` and in ``mailclient/``: neither imports the other.  A test compares them.
"""

import re

MAX_TEXT = 2000
"""Characters of what a server says that are kept: more is nobody's to read."""
MAX_NAME = 255
"""Characters of a name: of a folder, a host, a user, an issuer."""
REPLACEMENT = "\ufffd"

# what no database takes, and no encoding: NUL, and halves of pairs
_NOWHERE = "\x00\ud800-\udfff"
# control characters but for the end of a line and the tabulator
_CONTROLS = "\x01-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029"
# they turn round the text behind them
_DIRECTIONS = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_UNSAFE = re.compile(f"[{_NOWHERE}{_CONTROLS}{_DIRECTIONS}]")
_NOT_IN_HEADER = re.compile(f"[{_NOWHERE}{_CONTROLS}\n]")
_NOT_STORED = re.compile(f"[{_NOWHERE}]")


def safe_text(text: str | bytes, limit: int | None = MAX_TEXT, replacement: str = REPLACEMENT) -> str:
    """``text`` as it can be stored, shown and sent on; never raises, in linear time.

    :param text: bytes are taken for UTF-8, as far as they are
    :param limit: characters; what is longer ends with an ellipsis.  None: there is none
    :param replacement: what stands for each character that is not safe
    """
    if limit is not None:  # of 5 MB nothing is looked at twice; a character of UTF-8 has four bytes at most
        text = text[: 4 * limit + 4] if isinstance(text, bytes) else text[: 2 * limit + 2]
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    text = _UNSAFE.sub(replacement, text.replace("\r\n", "\n").replace("\r", "\n"))
    return text if limit is None or len(text) <= limit else f"{text[: limit - 1]}…"


def safe_name(text: str | bytes, limit: int = MAX_NAME) -> str:
    """The same of what stands in one line."""
    return " ".join(safe_text(text, limit).split())


def safe_header(text: str) -> str:
    """What the header of a mail holds, decoded, in one line.  Directions stay: names and subjects are written
    in scripts that need them."""
    return " ".join(_NOT_IN_HEADER.sub(REPLACEMENT, line) for line in text.splitlines())


def storable(text: str) -> str:
    """The text of a mail as it is, but for what no database takes."""
    return _NOT_STORED.sub(REPLACEMENT, text)
