"""Reading messages ahead of who stores them."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from .failures import MailFailure, concerns_message
from .mailbox import Mailbox
from .received import Received, arrival_of

_DESCRIBED = 500  # messages whose size is asked for at once
_HEADER = 16 << 10  # bytes of a header, for the sum
_UNKNOWN = 1 << 20  # bytes of a message whose size is not told, for the sum
_LONG = 8 << 20  # bytes; nothing is fetched ahead beside a message as long as that


@dataclass(frozen=True)
class _Waiting:
    """A message that is to be read; no size and no date if the server said nothing of it."""

    uid: str
    size: int | None
    arrived: datetime | None
    header_only: bool

    @property
    def weight(self) -> int:
        """Bytes that come when it is read."""
        size = _UNKNOWN if self.size is None else self.size
        return min(size, _HEADER) if self.header_only else size


class Reader:
    """Reads messages of the open folder in batches; while the caller works on one, the next is fetched.

    A connection is for one thread, and until :meth:`close` that is the reader's own: what else is to be asked
    meanwhile goes by :meth:`submit`.

    :param uids: in the order in which they are wanted
    :param size_limit: bytes; of what is longer only the header is read; 0 is no limit
    :param batch: messages in a batch at most
    :param batch_bytes: bytes in a batch at most; a longer message is one of its own.  Two batches are in
        memory at a time, but one of more than 8 MB is alone: it is not fetched before its predecessor is done
        with (the caller lets go of it before :meth:`next`), and nothing is fetched while the caller has it
    :ivar trying: uids of the batch that is being read, or was last; after a failure: where it happened
    """

    def __init__(
        self,
        mailbox: Mailbox,
        uids: list[str],
        *,
        size_limit: int = 0,
        batch: int = 25,
        batch_bytes: int = 2 << 20,
    ):
        self._mailbox, self._uids, self._size_limit = mailbox, uids, size_limit
        self._batch, self._batch_bytes = batch, batch_bytes
        self._plans = self._plan()
        self._planned: list[_Waiting] | None = None
        self._ahead: Future | None = None
        self._failure: Exception | None = None
        self._closed = False
        self.trying: list[str] = []
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="mail reader")

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
        if self._failure:
            raise self._failure
        try:
            while True:
                if self._planned is None:
                    self._planned = next(self._plans, [])
                if ahead and sum(waiting.weight for waiting in self._planned) > _LONG:
                    return None
                planned, self._planned = self._planned, None
                self.trying = [waiting.uid for waiting in planned]
                found = self._read(planned)
                if found or not planned:
                    return found
                del planned
        except Exception as failure:  # whatever it is: what comes next would pass for the end
            self._failure = failure
            raise

    def _plan(self) -> Iterator[list[_Waiting]]:
        planned, weight = [], 0
        for waiting in self._describe():
            full = len(planned) >= self._batch or weight + waiting.weight > self._batch_bytes
            if planned and full:
                yield planned
                planned, weight = [], 0
            planned.append(waiting)
            weight += waiting.weight
        if planned:
            yield planned

    def _describe(self) -> Iterator[_Waiting]:
        for start in range(0, len(self._uids), _DESCRIBED):
            uids = self._uids[start : start + _DESCRIBED]
            known = self._mailbox.describe(uids)
            for uid in uids:
                size, arrived = known.get(uid, (None, None))
                yield _Waiting(uid, size, arrived, bool(self._size_limit and (size or 0) > self._size_limit))

    def _read(self, planned: list[_Waiting]) -> list[Received]:
        sources = {}
        for header_only in (False, True):
            uids = [waiting.uid for waiting in planned if waiting.header_only == header_only]
            if uids:
                sources |= self._sources(uids, header_only)
        # an empty one is none, unless the server says that it is empty
        silent = [waiting.uid for waiting in planned if not sources.get(waiting.uid) and waiting.size != 0]
        for uid in self._suspect(planned, sources) if silent else ():
            sources |= self._sources([uid], False)
        there = self._mailbox.present(silent) if silent else set()
        return [
            _received(waiting, sources.pop(waiting.uid, None))
            for waiting in planned
            if waiting.uid not in silent or waiting.uid in there
        ]

    def _sources(self, uids: list[str], header_only: bool) -> dict[str, bytes]:
        try:
            return self._mailbox.sources(uids, header_only)
        except MailFailure as failure:
            self._check(failure)
            refusal = failure
        found = {}  # some servers refuse all if one is gone, or cannot be read (RFC 2180 4.1)
        for uid in uids:
            try:
                found |= self._mailbox.sources([uid], header_only)
            except MailFailure as failure:
                self._check(failure)
        if not found and len(self._mailbox.present(uids)) > 1:
            raise refusal
        return found

    @staticmethod
    def _suspect(planned: list[_Waiting], sources: dict[str, bytes]) -> list[str]:
        """Those that are longer than they were said to be.  If another is missing, it may be in there."""
        whole = [waiting for waiting in planned if not waiting.header_only]
        return [waiting.uid for waiting in whole if len(sources.get(waiting.uid, b"")) > (waiting.size or 0)]

    def _check(self, failure: MailFailure) -> None:
        """A refusal may be about one message.

        :raises MailFailure: it is not
        """
        if not self._mailbox.usable or not concerns_message(failure):
            raise failure


def _received(waiting: _Waiting, source: bytes | None) -> Received:
    source = source or (b"" if waiting.size == 0 else None)
    arrived = waiting.arrived or (arrival_of(source) if source else None)
    size = len(source or b"") if waiting.size is None else waiting.size
    return Received(waiting.uid, size, arrived, source, not waiting.header_only)
