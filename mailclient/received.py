"""What is received, and when it came."""

from dataclasses import dataclass, field
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime


@dataclass(frozen=True)
class Received:
    """A message of the open folder.

    :param uid: IMAP UID; POP3: unique id
    :param size: bytes, as the server says
    :param arrived: when it came into the mailbox, in UTC: by IMAP's INTERNALDATE, else by the topmost
        Received header (never in the future); None if neither is known
    :param source: None if it is listed and still there, but the server does not give it
    :param complete: False if it is longer than the limit: ``source`` is its header alone
    :param passed: it came before the moment from which on it was wanted, and was not read
    """

    uid: str
    size: int
    arrived: datetime | None
    source: bytes | None = field(repr=False)
    complete: bool = True
    passed: bool = False


def arrival_of(source: bytes) -> datetime | None:
    """When the last server on the way took the message, by the topmost Received header (RFC 5321 4.4), in
    UTC; not after now; None if there is no such header, or it is garbled."""
    text = _topmost(source)
    try:
        found = parsedate_to_datetime(" ".join(text.rpartition(";")[2].split()))
        if found.tzinfo is None:  # "-0000": the zone is not known
            found = found.replace(tzinfo=timezone.utc)
        return min(found.astimezone(timezone.utc), datetime.now(timezone.utc))
    except (TypeError, ValueError, OverflowError, IndexError):
        return None


def _topmost(source: bytes) -> str:
    """The first Received header, folded or not."""
    lines = []
    for line in source[:65536].splitlines():
        if lines and line[:1] not in (b" ", b"\t"):
            break
        if lines or line[:9].lower() == b"received:":
            lines.append(line)
        elif not line:
            break
    return b" ".join(lines).decode("ascii", "replace")
