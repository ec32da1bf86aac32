"""What an IMAP and a POP3 mailbox have in common."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes

from .endpoint import Endpoint
from .failures import MailFailure, failing
from .tls import Certificate
from .transport import Connection

MAX_SOURCE = 200_000
"""Bytes of a message that are read to find a text in it."""


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
    :class:`MailFailure`.

    The four methods that Odoo's fetchmail calls (``mail/models/fetchmail.py``) are here too.
    """

    endpoint: Endpoint
    certificate: Certificate | None
    capabilities: tuple[str, ...]
    _connection: Connection

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        self.close()

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

        :raises MailFailure: cause ``message_missing`` if it is gone
        """

    @abstractmethod
    def fetch_header(self, found: Found) -> bytes:
        """The header of the message's source; otherwise like :meth:`fetch`."""

    @abstractmethod
    def delete(self, found: Found) -> None:
        """Remove this message and no other.  POP3: ends the session, which is what removes it."""

    @abstractmethod
    def check_unread_messages(self) -> int:
        """Look for messages to retrieve; how many."""

    @abstractmethod
    def retrieve_unread_messages(self) -> Iterator[tuple[str, bytes]]:
        """Those messages, oldest first: what :meth:`handled_message` wants, and the source.  What has gone
        meanwhile is left out; nothing is marked."""

    @abstractmethod
    def handled_message(self, num: str) -> None:
        """Tell the server, after the message is stored: IMAP marks it as read, POP3 deletes it (in the end,
        by :meth:`disconnect`)."""

    @abstractmethod
    def disconnect(self) -> None:
        """End the session properly; POP3 deletes now what was handled.  Never raises: what could not be told
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
