"""What an IMAP and a POP3 mailbox have in common."""

from abc import ABC, abstractmethod
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from email import message_from_bytes

from .allowance import MARGIN, MAX_HEADER, MAX_MESSAGE, ROOM, message_bound
from .endpoint import Endpoint
from .failures import MailFailure, failing
from .imap_parse import Folder, Mark
from .tls import Certificate
from .transport import Connection

MAX_SOURCE = 200_000
"""Bytes of a message that are read to find a text in it."""

MAX_FOUND = 25 << 20
"""Bytes of a message that was found by what is in it, and is read whole."""


@dataclass(frozen=True)
class Found:
    """A message that was found.

    :param folder: name of the folder, for people
    :param uid: IMAP UID, POP3 unique id (or number); good for the connection that found it
    :param special_use: ``\\Inbox``, ``\\Junk``, ``\\All``, ``\\Sent``, … (RFC 6154) or ``""``
    :param mailbox: name of the folder, for commands
    """

    folder: str
    uid: str
    special_use: str = ""
    mailbox: bytes = field(default=b"INBOX", repr=False)


class Mailbox(ABC):
    """An open, logged-in mailbox.  Every method but :meth:`close` and :meth:`disconnect` raises
    :class:`MailFailure`.  For one thread at a time.
    """

    endpoint: Endpoint
    certificate: Certificate | None
    capabilities: tuple[str, ...]
    search_limited = False
    """Whether :meth:`listing` has found out that :meth:`uids` gives only so many."""
    size_limit = 0
    """Bytes of a message that is read whole; 0 is :data:`~.allowance.MAX_MESSAGE`."""
    _connection: Connection

    def _bound(self, told: list[int | None], header_only: bool) -> int:
        """Bytes that the sources of some messages may have together.

        :param told: their sizes by the server; those that it does not tell have no more than the longest
            message together
        :raises MailFailure: at ``fetch``, ``answer_too_long``: by the server's own word one of them is longer
            than is ever read; nothing was asked for
        """
        if header_only:
            return sum(MAX_HEADER if size is None else min(size + MARGIN, MAX_HEADER) for size in told)
        if any((size or 0) > MAX_MESSAGE for size in told):
            raw = f"a message of {max(filter(None, told))} bytes, of at most {MAX_MESSAGE}"
            raise MailFailure(self.endpoint, "fetch", raw, "answer_too_long")
        known = sum(message_bound(size, self.size_limit) for size in told if size is not None)
        unknown = message_bound(None, self.size_limit) if None in told else 0
        return min(known + unknown, ROOM)

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        self.close()

    @property
    def usable(self) -> bool:
        """Whether more can be asked: False after the end, a time-out or an answer that is none."""
        return self._connection.usable

    @contextmanager
    def patient(self, seconds: float | None):
        """Within, a reply has no more time than that; None changes nothing."""
        self._connection.patience = seconds
        try:
            yield
        finally:
            self._connection.patience = None

    @contextmanager
    def _step(self, stage: str):
        """What goes wrong within is a :class:`MailFailure` at ``stage``."""
        if not self._connection.usable:
            raise MailFailure(self.endpoint, stage, "the connection is closed", "connection_closed")
        with failing(self.endpoint, stage):
            yield

    @abstractmethod
    def find(self, header: str, value: str) -> list[Found]:
        """Messages that have ``header`` with exactly ``value``; none is marked as read."""

    @abstractmethod
    def find_text(self, text: str) -> list[Found]:
        """Messages of the inbox or junk that have ``text`` anywhere, also in what is attached (a mail that
        came back, say); none is marked as read.

        Of the newest messages only, or of those since :meth:`remember`; each is looked at up to
        :data:`MAX_SOURCE`.
        """

    @abstractmethod
    def remember(self) -> None:
        """Note what is there: what :meth:`find` and :meth:`find_text` have to find comes later."""

    @abstractmethod
    def fetch(self, found: Found) -> bytes:
        """The message's source; it is not marked as read.

        :raises MailFailure: cause ``message_missing`` if it is gone; ``answer_too_long`` if it is longer than
            :data:`MAX_FOUND`
        """

    @abstractmethod
    def fetch_header(self, found: Found) -> bytes:
        """The header of the message's source; otherwise like :meth:`fetch`."""

    @abstractmethod
    def delete(self, found: Found) -> None:
        """Remove this message and no other.  POP3: ends the session, which is what removes it."""

    # receiving: one folder is open; uids are texts, IMAP UIDs or unique ids of POP3

    @abstractmethod
    def folders(self) -> list[Folder]:
        """The folders that can be opened: inbox, junk, "all mail", then the others.  POP3 has the inbox."""

    @abstractmethod
    def marks(self, mailboxes: list[bytes]) -> dict[bytes, Mark]:
        """Where these folders end, in as few commands as possible; those that do not exist are left out.
        POP3 has none.

        A ``next_uid`` or ``validity`` of 0 is one that the server does not tell.
        """

    @abstractmethod
    def open(self, mailbox: bytes) -> Mark:
        """Open a folder to receive from it, and to change what is in it.

        :raises MailFailure: cause ``folder_missing`` if it is not there
        """

    @abstractmethod
    def uids(
        self, first: int = 1, *, since: date | None = None, unseen: bool = False, deleted: bool = False
    ) -> list[str]:
        """What is in the open folder, oldest first.

        :param first: only UIDs from here on; POP3 gives all, whatever the parameters
        :param since: only what has come on that day or later, in whatever zone the server keeps the time
            (RFC 3501 6.4.4): ask for some days more, and look at :meth:`describe`
        :param deleted: also what is marked as deleted
        """

    @abstractmethod
    def listing(self, first: int = 1) -> list[str]:
        """Everything from that UID on, also what is marked as deleted, though a SEARCH gives only so many:
        see :attr:`search_limited`.  POP3 gives all."""

    @abstractmethod
    def unmarked(self, uids: list[str], mark: str) -> set[str]:
        """Which of them are there without that mark: ``deleted`` or ``seen``.  POP3 has no marks."""

    @abstractmethod
    def count(self, since: date | None = None) -> int:
        """How many :meth:`uids` would give."""

    @abstractmethod
    def arrivals(self, uids: list[str]) -> dict[str, datetime]:
        """When each has come, in UTC; what is gone, or not dated, is left out."""

    @abstractmethod
    def describe(self, uids: list[str]) -> dict[str, tuple[int, datetime | None]]:
        """Size in bytes, and when it came (POP3 does not say that here), of each that is still there."""

    @abstractmethod
    def sources(self, uids: list[str], header_only: bool = False) -> dict[str, bytes]:
        """The sources, all asked for at once, none marked as read; what is gone, or what the server does not
        give, is left out.

        :raises MailFailure: cause ``framing_broken`` if one does not end where it should: the connection is
            closed, and by POP3 nothing that was removed in this session is; ``message_incomplete`` if one is
            shorter than the server says; also if the server refuses some of them, with the mailbox
            still :attr:`usable`
        """

    @abstractmethod
    def present(self, uids: list[str]) -> set[str]:
        """Which of them are still there."""

    @abstractmethod
    def mark_seen(self, uids: list[str]) -> None:
        """Mark as read.  POP3 has no such mark: nothing happens.

        :raises MailFailure: cause ``read_only`` if the server does not keep such a mark, or does not let us
        """

    @abstractmethod
    def move(self, uids: list[str], mailbox: bytes) -> None:
        """Move to another folder.

        :raises MailFailure: cause ``folder_missing`` if it is not there; always, by POP3; ``read_only``
        """

    @abstractmethod
    def remove(self, uids: list[str]) -> None:
        """Remove these messages and no others.  POP3: takes effect by :meth:`disconnect`.

        :raises MailFailure: cause ``read_only`` if the server does not let us, or only says that it has
        """

    @abstractmethod
    def locate(self, message_id: str) -> str | None:
        """The uid in the open folder of the mail whose header ``Message-ID`` is exactly that; POP3: None."""

    @abstractmethod
    def disconnect(self) -> None:
        """End the session properly; POP3 deletes now what was removed.  Never raises: what could not be told
        is told next time."""

    def close(self) -> None:
        """The same; never raises."""
        self.disconnect()


def has_header(source: bytes, header: str, value: str) -> bool:
    """Whether the header block in ``source`` has ``header: value``, folding and case of the name aside."""
    fields = message_from_bytes(source).get_all(header, [])
    return any(" ".join(str(found).split()) == " ".join(value.split()) for found in fields)


def has_text(source: bytes, text: str) -> bool:
    """Whether ``text`` is in ``source``, in its header or in any of its parts, decoded."""
    wanted = text.encode()
    if wanted in source:
        return True
    try:
        parts = list(message_from_bytes(source).walk())
    except RecursionError:  # messages in messages, without end
        return False
    return any(wanted in (part.get_payload(decode=True) or b"") for part in parts)
