"""Receiving by POP3: what is in the mailbox, many messages at once where the server can."""

import hashlib
import poplib
import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime

from .allowance import message_bound
from .failures import PASSING, MailFailure, OutOfStep, concerns_message
from .imap_parse import Folder, Mark
from .mailbox import Mailbox
from .pop3_session import Pop3Session
from .pop3_sizes import SizeCheck
from .pop3_text import without_dots_after_lf
from .received import arrival_of

_INBOX = b"INBOX"
_HEADER_END = re.compile(rb"(?<=\n)\r?\n|^\r?\n")
_LOOKED_AT, _MAX_LOOK = 3, 1 << 20  # messages, and bytes of each, that are read to judge a server's sizes
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
        self._sizes: dict[int, int] | None = None  # by LIST, as far as it was asked for
        self._is_listed = False  # it was asked for the sizes of all
        self._size_check = SizeCheck(b"Microsoft Exchange" in self._session.welcome)

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
            found, copies = {}, {}
            with self._step("fetch"):
                for number, uid in self._named():
                    unique = uid
                    while unique in found:
                        copies[uid] = copies.get(uid, 1) + 1
                        unique = f"{uid}-{copies[uid]}"
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
        self._session.require_count(count)
        digests, refused = {}, []
        for number, content in enumerate(self._headers(range(1, count + 1)), 1):
            if isinstance(content, poplib.error_proto):
                refused.append(number)
            else:
                digests[number] = hashlib.sha256(content).hexdigest()
        for number, content in zip(refused, self._session.messages(refused, {}, self._bound_of), strict=True):
            if not isinstance(content, poplib.error_proto):
                digests[number] = hashlib.sha256(content).hexdigest()
            elif not digests:
                self._check(content)
        # what the server does not give has no name today
        yield from sorted(digests.items())

    def _headers(
        self, numbers: Iterable[int], keep: int | None = None
    ) -> Iterator[bytes | poplib.error_proto]:
        """By TOP; where the server does not know that, the messages, of each at most ``keep`` bytes; the
        refusals."""
        first, *others = numbers or [0]
        if not first:
            return
        [header] = self._session.headers([first])
        if isinstance(header, poplib.error_proto) and not self._has_top:
            self._check(header)
            yield from self._session.messages((first, *others), self._sizes or {}, self._bound_of, keep)
            return
        self._has_top = True
        yield header
        yield from self._session.headers(others)
        self._session.keep_step()

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
        if not self._is_listed and len(known) == 1:  # one that is suspected: of all, LIST could fail over it
            sizes = self._listed_alone(*known.values())
        else:
            with self._step("fetch"):
                sizes = self._listed()
        return {uid: (sizes[number], None) for uid, number in known.items() if number in sizes}

    def _listed(self) -> dict[int, int]:
        """The sizes by number, as far as the server tells them."""
        if not self._is_listed:
            lines = self._session.numbered("LIST")
            words = ((number, value.split()[0]) for number, value in lines)
            self._sizes = {number: int(size) for number, size in words if size.isdigit()}
            self._is_listed = True
        return self._sizes

    def _listed_alone(self, number: int) -> dict[int, int]:
        """The same of one message."""
        with self._step("fetch"):
            [answer] = self._session.replies([f"LIST {number}"])
            if isinstance(answer, poplib.error_proto):
                raise answer
        words = answer.split()
        if len(words) > 2 and words[2].isdigit():
            self._sizes = {**(self._sizes or {}), number: int(words[2])}
        return self._sizes or {}

    def _known(self, uids: list[str]) -> dict[str, int]:
        """The numbers of those that are there."""
        number_of = self._numbers_by_uid()
        return {uid: number_of[uid] for uid in uids if uid in number_of}

    def sources(self, uids: list[str], header_only: bool = False) -> dict[str, bytes]:
        known = self._known(uids)
        numbers = list(known.values())
        with self._step("fetch"):
            if header_only:
                answers = dict(zip(numbers, self._headers(numbers, _HEADER), strict=True))
            else:
                answers = self._read_whole(numbers)
            # the others' answers were on their way: each was read, whatever this one is
            refusals = [answer for answer in answers.values() if isinstance(answer, poplib.error_proto)]
            if refusals:
                raise refusals[0]
        found = {uid: answers[number] for uid, number in known.items()}
        return {uid: header_of(source) for uid, source in found.items()} if header_only else found

    def _read_whole(self, numbers: list[int]) -> dict[int, bytes | poplib.error_proto]:
        """Messages, or the refusals; each is of the size that LIST says, or proved to end where it ends.

        :raises OutOfStep: one of them does not
        :raises MailFailure: at ``fetch``, ``message_incomplete``: one is shorter than LIST says
        """
        answers, sizes = {}, self._sizes or {}
        self._bound([sizes.get(number) for number in numbers], header_only=False)
        try:
            messages = self._session.messages(numbers, sizes, self._bound_of)
            for number, answer in zip(numbers, messages, strict=True):
                compared = isinstance(answer, bytes) and number in sizes
                answers[number] = without_dots_after_lf(answer, sizes[number]) if compared else answer
        except poplib.error_proto as answer:
            read = [number for number, source in answers.items() if isinstance(source, bytes)]
            if read and isinstance(answer.args[0], bytes):  # it may be a part of what was read
                number = [*self._doubtful(answers), read[-1]][0]
                raise OutOfStep(self._about(number, answers), answer.args[0]) from answer
            raise
        doubtful = self._doubtful(answers)
        for number in doubtful:
            if answers[number].startswith((b"+OK", b"-ERR")):  # there was one answer too many before it
                self._connection.close()
                raise OutOfStep(f"{self._about(number, answers)}: it begins with an answer")
        if doubtful:
            self._prove(doubtful[0], answers)
        else:
            self._session.keep_step()
        for number, answer in answers.items():
            if isinstance(answer, bytes):
                self._size_check.note(number, answer, sizes.get(number))
        for number in doubtful:
            self._require_whole(number, answers)
        return answers

    def _bound_of(self, size: int | None) -> int:
        """Bytes that a message may have."""
        return message_bound(size, self.size_limit)

    def _prove(self, number: int, answers: dict) -> None:
        try:
            self._session.prove_step(number, (self._sizes or {}).get(number))
        except OutOfStep as broken:
            raise OutOfStep(f"{self._about(number, answers)}: {broken}") from broken

    def _doubtful(self, answers: dict) -> list[int]:
        """Numbers of those that were read and do not have the size that LIST says."""
        if self._sizes is None:  # it was not asked for
            return []
        sizes = self._sizes
        return [
            number
            for number, answer in answers.items()
            if isinstance(answer, bytes) and not SizeCheck.fits(answer, sizes.get(number))
        ]

    def _require_whole(self, number: int, answers: dict) -> None:
        """A message may be shorter than LIST says where the server's sizes are not to be relied on.

        :raises MailFailure: at ``fetch``, ``message_incomplete``: elsewhere
        """
        size = self._sizes.get(number)
        if size is None or not self._size_check.is_short(number):
            return
        if not self._size_check.is_judged(number):
            self._look_at_others(number)
        if not self._size_check.is_estimated(number):
            raise MailFailure(self.endpoint, "fetch", self._about(number, answers), "message_incomplete")

    def _look_at_others(self, number: int) -> None:
        """Read some short ones, to see whether this server's sizes are right."""
        short = sorted((size, other) for other, size in self._sizes.items() if other != number)[:_LOOKED_AT]
        for size, other in short:
            if size <= _MAX_LOOK:
                [answer] = self._session.messages([other], self._sizes, self._bound_of)
                if isinstance(answer, bytes):
                    if not SizeCheck.fits(answer, size):
                        self._prove(other, {other: answer})
                    self._size_check.note(other, answer, size)

    def _about(self, number: int, answers: dict) -> str:
        size = (self._sizes or {}).get(number, "unknown")
        return f"message {number}: {len(answers[number])} octets, by LIST {size}"

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


def header_of(source: bytes) -> bytes:
    """The header of a message, with the empty line after it."""
    end = _HEADER_END.search(source)
    return source[: end.end()] if end else source + b"\r\n\r\n"
