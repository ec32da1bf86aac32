"""Receiving by POP3: what is in the mailbox, many messages at once where the server can."""

import hashlib
import poplib
from collections.abc import Iterable, Iterator
from datetime import date, datetime

from .failures import PASSING, MailFailure, concerns_message
from .imap_parse import Folder, Mark
from .mailbox import Mailbox
from .pop3_session import Pop3Session
from .received import arrival_of

_INBOX = b"INBOX"
_HEADER = 1 << 18  # bytes of a message that are kept to take the header from, where the server has no TOP


class Pop3Receiving(Mailbox):
    """The part of :class:`Pop3Mailbox` that receives.

    A server without UIDL (RFC 1939 7) gives no names to messages: then a message's uid is the SHA-256 of its
    header as TOP gives it, or of all of it where TOP is missing too, which reads every header, or everything,
    each time.  The second of two that are alike has ``-2`` after that, and so on, as has one whose unique id
    another has too.
    """

    _session: Pop3Session

    _has_top = False  # the server has answered one

    def _forget(self) -> None:
        self._number_of: dict[str, int] | None = None
        self._sizes: dict[int, int] | None = None

    def folders(self) -> list[Folder]:
        return [Folder(_INBOX, "INBOX", "\\Inbox")]

    def marks(self, mailboxes: list[bytes]) -> dict[bytes, Mark]:
        return {}

    def open(self, mailbox: bytes) -> Mark:
        if mailbox.upper() != _INBOX:
            raise MailFailure(self.endpoint, "select", "POP3 has the inbox alone", "folder_missing")
        return Mark(0, 0)

    def uids(
        self, first: int = 1, *, since: date | None = None, unseen: bool = False, deleted: bool = False
    ) -> list[str]:
        return list(self._numbers_by_uid())

    def listing(self, first: int = 1) -> list[str]:
        return self.uids()

    def unmarked(self, uids: list[str], mark: str) -> set[str]:
        return set(self._known(uids))

    def count(self, since: date | None = None) -> int:
        with self._step("fetch"):
            return self._session.stat()[0]

    def _numbers_by_uid(self) -> dict[str, int]:
        """In the order of the server.  A session sees no mail that comes later: it is asked once."""
        if self._number_of is None:
            found = {}
            with self._step("fetch"):
                for number, uid in self._named():
                    unique, copies = uid, 1
                    while unique in found:
                        copies += 1
                        unique = f"{uid}-{copies}"
                    found[unique] = number
            self._number_of = found
        return self._number_of

    def _named(self) -> Iterator[tuple[int, str]]:
        try:
            lines = self._session.numbered("UIDL")
            first = next(lines, None)
        except poplib.error_proto as refusal:
            failure = MailFailure.from_exception(refusal, self.endpoint, "fetch")
            if (
                not self._connection.usable
                or failure.cause in PASSING
                or "UIDL" in self._session.capabilities
            ):
                raise  # under other names everything would be received again
            yield from self._named_by_content()
            return
        if first:
            yield first
            yield from lines

    def _named_by_content(self) -> Iterator[tuple[int, str]]:
        count, _octets = self._session.stat()
        digests, refused = {}, []
        for number, content in enumerate(self._headers(range(1, count + 1)), 1):
            if isinstance(content, poplib.error_proto):
                refused.append(number)
            else:
                digests[number] = hashlib.sha256(content).hexdigest()
        for number, content in zip(refused, self._texts(refused), strict=True):
            if not isinstance(content, poplib.error_proto):
                digests[number] = hashlib.sha256(content).hexdigest()
            elif not digests:
                self._check(content)
        # what the server does not give has no name today
        yield from sorted(digests.items())

    def _texts(self, numbers: Iterable[int], keep: int | None = None) -> Iterator[bytes | poplib.error_proto]:
        return self._session.texts([f"RETR {number}" for number in numbers], keep)

    def _headers(
        self, numbers: Iterable[int], keep: int | None = None
    ) -> Iterator[bytes | poplib.error_proto]:
        """By TOP; where the server does not know that, the messages, of each at most ``keep`` bytes; the
        refusals."""
        first, *others = numbers or [0]
        if not first:
            return
        [header] = self._session.texts([f"TOP {first} 0"])
        if isinstance(header, poplib.error_proto) and not self._has_top:
            self._check(header)
            yield from self._texts((first, *others), keep)
            return
        self._has_top = True
        yield header
        yield from self._session.texts([f"TOP {number} 0" for number in others])

    def _check(self, refusal: poplib.error_proto) -> None:
        """A refusal may be taken for a no.

        :raises poplib.error_proto: it tells of a bad moment, or nothing more can be asked
        """
        failure = MailFailure.from_exception(refusal, self.endpoint, "fetch")
        if not self._connection.usable or not concerns_message(failure):
            raise refusal

    def arrivals(self, uids: list[str]) -> dict[str, datetime]:
        headers = self.sources(uids, header_only=True)
        dated = ((uid, arrival_of(header)) for uid, header in headers.items())
        return {uid: arrived for uid, arrived in dated if arrived}

    def describe(self, uids: list[str]) -> dict[str, tuple[int, datetime | None]]:
        known = self._known(uids)
        if self._sizes is None and len(uids) == 1:  # one that is suspected: of all, LIST could fail over it
            return self._described_alone(known)
        if self._sizes is None:
            with self._step("fetch"):
                lines = self._session.numbered("LIST")
                words = ((number, value.split()[0]) for number, value in lines)
                self._sizes = {number: int(size) for number, size in words if size.isdigit()}
        return {uid: (self._sizes[number], None) for uid, number in known.items() if number in self._sizes}

    def _described_alone(self, known: dict[str, int]) -> dict[str, tuple[int, None]]:
        found = {}
        for uid, number in known.items():
            with self._step("fetch"):
                [answer] = self._session.replies([f"LIST {number}"])
                if isinstance(answer, poplib.error_proto):
                    raise answer
            words = answer.split()
            if len(words) > 2 and words[2].isdigit():
                found[uid] = int(words[2]), None
        return found

    def _known(self, uids: list[str]) -> dict[str, int]:
        """The numbers of those that are there."""
        number_of = self._numbers_by_uid()
        return {uid: number_of[uid] for uid in uids if uid in number_of}

    def sources(self, uids: list[str], header_only: bool = False) -> dict[str, bytes]:
        known = self._known(uids)
        numbers, found, refusal = list(known.values()), {}, None
        with self._step("fetch"):
            sources = self._headers(numbers, _HEADER) if header_only else self._texts(numbers)
            for uid, source in zip(known, sources, strict=True):
                # the others' answers are on their way: each is read, whatever this one is
                if isinstance(source, poplib.error_proto):
                    refusal = refusal or source
                else:
                    found[uid] = _header(source) if header_only else source
            if refusal:
                raise refusal
        return found

    def present(self, uids: list[str]) -> set[str]:
        known = self._known(uids)
        with self._step("fetch"):
            answers = list(self._session.replies([f"LIST {number}" for number in known.values()]))
            refusals = {
                uid: answer
                for uid, answer in zip(known, answers, strict=True)
                if isinstance(answer, poplib.error_proto)
            }
            for refusal in refusals.values():
                self._check(refusal)
        return known.keys() - refusals.keys()

    def mark_seen(self, uids: list[str]) -> None:
        pass

    def move(self, uids: list[str], mailbox: bytes) -> None:
        raise MailFailure(self.endpoint, "select", "POP3 cannot move messages", "folder_missing")

    def remove(self, uids: list[str]) -> None:
        known = self._known(uids)
        with self._step("fetch"):
            refusals = [
                answer
                for answer in self._session.replies([f"DELE {number}" for number in known.values()])
                if isinstance(answer, poplib.error_proto)
            ]
            if refusals:
                raise refusals[0]

    def locate(self, message_id: str) -> str | None:
        return None


def _header(source: bytes) -> bytes:
    return source.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
