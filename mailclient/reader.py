"""Reading messages ahead of who stores them."""

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from .failures import MailFailure
from .mailbox import Mailbox
from .narrowing import Judge, narrowed
from .received import Received, arrival_of

_DESCRIBED = 500  # messages whose size is asked for at once
_DATED = 25  # messages whose header is asked for at once, where only that says when they came
_HEADER = 16 << 10  # bytes of a header, for the sum
_UNKNOWN = 1 << 20  # bytes of a message whose size is not told, for the sum
_LONG = 8 << 20  # bytes; nothing is fetched ahead beside a message as long as that
# seconds for a reply about a message that is suspected, where others came at once: ten times as long as the
# slowest of them, but at least so many
_SLOW, _PATIENCE = 10, 4.0


@dataclass(frozen=True)
class _Waiting:
    """A message that is to be read; no size and no date if the server said nothing of it."""

    uid: str
    size: int | None
    arrived: datetime | None
    header_only: bool
    passed: bool = False

    @property
    def weight(self) -> int:
        """Bytes that come when it is read."""
        if self.passed:
            return 0
        size = _UNKNOWN if self.size is None else self.size
        return min(size, _HEADER) if self.header_only else size


class Reader:
    """Reads messages of the open folder in batches; while the caller works on one, the next is fetched.

    A connection is for one thread, and until :meth:`close` that is the reader's own: what else is to be asked
    meanwhile goes by :meth:`submit`.

    What the server refuses of a batch is narrowed down to the messages that are meant: they come without a
    source, the others as always.  Where nothing shows that the server gives anything at all, or where it says
    that it is a bad moment, the refusal is raised; what it is about can be asked for ``alone``.  What a
    connection does not survive can be narrowed down by the caller alone, on another one.

    :param uids: in the order in which they are wanted
    :param size_limit: bytes; of what is longer only the header is read; 0 is no limit
    :param batch: messages in a batch at most
    :param batch_bytes: bytes in a batch at most; a longer message is one of its own.  Two batches are in
        memory at a time, but one of more than 8 MB is alone: it is not fetched before its predecessor is done
        with (the caller lets go of it before :meth:`next`), and nothing is fetched while the caller has it
    :param since: of some uids: what came before that moment is passed over.  What is not dated comes
    :param alone: each message is asked for by itself, and waited for less long where others have come fast
    :param pace: seconds that the slowest one has taken so far; 0 if none was given
    :param last_given: uid of a message that the server has given before
    :ivar trying: uids that are being asked for, or were last; after a failure: what it was about; empty if
        nothing in particular was asked for
    :ivar failure: what reading has ended with; None as long as it goes on
    :ivar given: how many messages the server has given
    """

    def __init__(
        self,
        mailbox: Mailbox,
        uids: list[str],
        *,
        size_limit: int = 0,
        batch: int = 25,
        batch_bytes: int = 2 << 20,
        since: Mapping[str, datetime] | None = None,
        alone: bool = False,
        pace: float = 0.0,
        last_given: str = "",
    ):
        self._mailbox, self._uids, self._size_limit = mailbox, uids, size_limit
        self._batch, self._batch_bytes = 1 if alone else batch, batch_bytes
        mailbox.size_limit = size_limit
        self._since, self._alone, self.pace = since or {}, alone, pace
        self._plans = self._plan()
        self._planned: list[_Waiting] | None = None
        self._ahead: Future | None = None
        self.failure: Exception | None = None
        self._closed = False
        self._judge = Judge(mailbox, self._ask, alone)
        self._judge.last_given = last_given
        self.trying: list[str] = []
        self.given = 0  # also those that only showed whether the server gives any
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="mail reader")

    @property
    def refused(self) -> list[str]:
        """Messages that the refusal which was raised is about; empty if it was none."""
        return self._judge.refused

    @property
    def last_given(self) -> str:
        """Uid of a message that the server has given; ``""`` without one."""
        return self._judge.last_given

    def next(self) -> list[Received]:
        """The next batch, in order; it may be smaller than planned, as what has gone is left out, but only
        at the end it is empty.

        :raises MailFailure: and the same each time after that
        """
        ahead, self._ahead = self._ahead, None
        found = ahead.result() if ahead else None
        if found is None:  # nothing was fetched ahead
            found = self._thread.submit(self._fetch).result()
        if found and sum(len(received.source or b"") for received in found) <= _LONG:
            self._ahead = self._thread.submit(self._fetch, ahead=True)
        return found

    def submit(self, function: Callable, *arguments) -> Future:
        """Run ``function`` on the reader's thread as soon as it has fetched what it is fetching."""
        return self._thread.submit(function, *arguments)

    def close(self) -> None:
        """End the thread, after what was submitted and what it is fetching; the mailbox stays open."""
        self._closed = True
        self._thread.shutdown()

    # on the reader's thread

    def _fetch(self, ahead: bool = False) -> list[Received] | None:
        """The next batch; None if it is too long to be fetched ahead."""
        if self._closed:
            return []
        if self.failure:
            raise self.failure
        try:
            while True:
                if self._planned is None:
                    self._planned = next(self._plans, [])
                if ahead and sum(waiting.weight for waiting in self._planned) > _LONG:
                    return None
                planned, self._planned = self._planned, None
                found = self._read(planned)
                if found or not planned:
                    return found
                del planned
        except Exception as failure:  # whatever it is: what comes next would pass for the end
            self.failure = failure
            raise

    def _ask(self, function: Callable, uids: list[str], *arguments):
        """Ask the server about messages, which are to blame if it does not survive that."""
        self.trying = uids if self._mailbox.usable else []
        try:
            if not self._alone or not self.pace:
                return function(uids, *arguments)
            with self._mailbox.patient(max(_PATIENCE, _SLOW * self.pace)):
                return function(uids, *arguments)
        except MailFailure as failure:
            if failure.cause == "reading_limited":  # others have taken the memory
                self.trying = []
            raise

    # what there is

    def _plan(self) -> Iterator[list[_Waiting]]:
        planned, weight = [], 0
        for waiting in self._describe():
            full = len(planned) >= (_DESCRIBED if waiting.passed else self._batch)
            # those that are passed over are by themselves: nobody waits for the others to be read
            other = planned and planned[-1].passed != waiting.passed
            if planned and (full or other or weight + waiting.weight > self._batch_bytes):
                yield planned
                planned, weight = [], 0
            planned.append(waiting)
            weight += waiting.weight
        if planned:
            yield planned

    def _describe(self) -> Iterator[_Waiting]:
        width = 1 if self._alone else _DESCRIBED
        for start in range(0, len(self._uids), width):
            uids = self._uids[start : start + width]
            known, _refused = narrowed(self._mailbox, self._ask, self._mailbox.describe, uids)
            yield from self._dated(uids, known)

    def _dated(self, uids: list[str], known: dict[str, tuple[int, datetime | None]]) -> Iterator[_Waiting]:
        """With what the header says of the day, where the server says nothing of it (POP3)."""
        undated = [uid for uid in uids if uid in self._since and not known.get(uid, (0, None))[1]]
        width = _DATED if undated else len(uids)
        for start in range(0, len(uids), width):
            part, arrivals = uids[start : start + width], {}
            asked = [uid for uid in part if uid in undated]
            if asked:
                headers, _refused = narrowed(self._mailbox, self._ask, self._mailbox.sources, asked, True)
                arrivals = {uid: arrival_of(header) for uid, header in headers.items()}
            for uid in part:
                size, arrived = known.get(uid, (None, None))
                arrived = arrived or arrivals.get(uid)
                passed = bool(arrived and uid in self._since and arrived < self._since[uid])
                header_only = bool(self._size_limit and (size or 0) > self._size_limit)
                yield _Waiting(uid, size, arrived, header_only, passed)

    # what is in it

    def _read(self, planned: list[_Waiting]) -> list[Received]:
        if planned and planned[0].passed:
            return [_received(waiting, None) for waiting in planned]
        started = time.monotonic()
        sources, refusals = {}, {}
        for header_only in (False, True):
            uids = [waiting.uid for waiting in planned if waiting.header_only == header_only]
            if uids:
                found, refused = narrowed(self._mailbox, self._ask, self._mailbox.sources, uids, header_only)
                sources |= found
                refusals |= refused
        # an empty one is none, unless the server says that it is empty
        silent = [waiting.uid for waiting in planned if not sources.get(waiting.uid) and waiting.size != 0]
        for uid in self._suspect(planned, sources) if silent else ():
            sources |= self._ask(self._mailbox.sources, [uid], False)
        given = [uid for uid, source in sources.items() if source]
        there = self._judge.withheld(silent, refusals, given, self._others(planned)) if silent else set()
        if given:
            self.given += len(given)
            self.pace = max(self.pace, (time.monotonic() - started) / len(planned))
            self._judge.last_given = given[-1]
        return [
            _received(waiting, sources.pop(waiting.uid, None))
            for waiting in planned
            if waiting.uid not in silent or waiting.uid in there
        ]

    def _others(self, planned: list[_Waiting]) -> list[str]:
        """Messages that were not asked for yet, the last ones."""
        after = self._uids.index(planned[-1].uid) + 1
        return self._uids[after:][-3:]

    @staticmethod
    def _suspect(planned: list[_Waiting], sources: dict[str, bytes]) -> list[str]:
        """Those that are longer than they were said to be.  If another is missing, it may be in there."""
        whole = [waiting for waiting in planned if not waiting.header_only]
        return [waiting.uid for waiting in whole if len(sources.get(waiting.uid, b"")) > (waiting.size or 0)]


def _received(waiting: _Waiting, source: bytes | None) -> Received:
    source = source or (b"" if waiting.size == 0 else None)
    arrived = waiting.arrived or (arrival_of(source) if source else None)
    size = len(source or b"") if waiting.size is None else waiting.size
    return Received(waiting.uid, size, arrived, source, not waiting.header_only, waiting.passed)
