"""Asks all sources at once and ends as soon as the answer is certain, or time is up."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable

from .address import Address
from .net.network import Network
from .outside import safe_text
from .proof import nothing_answered, prove
from .race import Race
from .settings import DIRECTIONS, Discovery, Step, Unreachable, best_for, choose
from .sources import default_sources
from .sources.base import Source

_logger = logging.getLogger(__name__)

DEADLINE = 15.0  # seconds
# seconds for sources that count more, once a complete answer is there, or as long as that took: a web host
# that hangs must not hold up what is known
PATIENCE = 0.5

OnStep = Callable[[Step], None]


async def discover(
    address: Address,
    *,
    sources: Iterable[Source] | None = None,
    network: Network | None = None,
    deadline: float = DEADLINE,
    on_step: OnStep | None = None,
    directions: Iterable[str] = DIRECTIONS,
) -> Discovery:
    """Find the mail settings of an address.

    Sources run side by side; each speaks to the servers it has found, and only those that answer count. The
    source with the lowest rank wins; one that offers a direction (receiving, sending) without encryption wins
    it only when no other offers it at all. What can no longer change the answer is cancelled, and nothing is
    left running in the end, however it ends.

    :param sources: by default those that come with the package
    :param network: by default the public internet
    :param deadline: seconds for all of it; what was found until then is the answer
    :param on_step: called when a source starts or reports (result ``asking``) and when it ends
    :param directions: what is wanted, of ``incoming`` and ``outgoing``
    :raises Exception: only what ``on_step`` raises; failures of sources become their steps
    """
    sources = default_sources() if sources is None else sources
    session = (network or Network()).session()
    try:
        return await _Run(address, sources, session, deadline, on_step, tuple(directions)).run()
    finally:
        await session.close()


class _Entry:
    """One source in a run."""

    def __init__(self, source):
        self.source = source
        self.started = None
        self.detail = ""
        self.step = None
        self.settings = None
        self.provider = ""
        self.unreachable = ()


class _Run:
    def __init__(self, address, sources, network, deadline, on_step, directions):
        self._address = address
        self._entries = [_Entry(source) for source in sorted(sources, key=lambda source: source.rank)]
        self._network = network
        self._deadline = deadline
        self._on_step = on_step
        self._directions = directions
        self._callback_error = None

    async def run(self):
        started = time.monotonic()
        async with Race() as race:
            for entry in self._entries:
                race.start(entry, self._ask(entry))
                # each gets as far as its first wait: one that needs no network can settle all before
                # the others ask
                await race.ended(timeout=0)
                if self._outranked():
                    break
            ends, patient = started + self._deadline, True
            while race.running and (left := ends - time.monotonic()) > 0:
                outranked = [entry for entry in self._outranked() if entry in race.running]
                await race.cancel(outranked)
                for entry in outranked:
                    self._end(entry, "cancelled", entry.detail)
                if patient and self._is_complete():
                    patient, now = False, time.monotonic()
                    ends = min(ends, now + max(PATIENCE, now - started))
                    continue
                if race.running:
                    await race.ended(timeout=left)
        for entry in self._entries:
            if entry.started is None:
                self._end(entry, "skipped")
            else:
                self._end(entry, "no_answer", entry.detail or "no answer in time")
        proposals = self._proposals()
        return Discovery(
            address=str(self._address),
            settings=choose(proposals),
            proposals=tuple(proposals),
            elapsed_ms=_elapsed_ms(started),
            steps=tuple(entry.step for entry in self._entries),
            provider=next((entry.provider for entry in self._entries if entry.provider), ""),
            unreachable=tuple(dict.fromkeys(one for entry in self._entries for one in entry.unreachable)),
        )

    async def _ask(self, entry):
        def report(detail):
            entry.detail = detail
            self._tell(Step(entry.source.name, "asking", _elapsed_ms(entry.started), detail))

        entry.started = time.monotonic()
        report("")
        try:
            settings = await entry.source.find(self._address, self._network, report)
            entry.provider = settings.provider if settings else ""
            if settings and getattr(entry.source, "probe", True):
                settings = await self._prove(entry, settings)
            entry.settings = settings
        except Exception as error:  # one source must not fail the others
            if error is self._callback_error:
                raise
            entry.provider = entry.provider or getattr(error, "provider", "")
            self._end(entry, *_failure(entry.source.name, error))
        else:
            self._end(entry, "found" if entry.settings else "not_found", entry.detail)

    async def _prove(self, entry, settings):
        patience = getattr(entry.source, "patience", 2 * PATIENCE)
        proved, failures = await prove(settings, self._network, patience, self._directions)
        if settings.doubt != "guess":
            entry.unreachable = [
                Unreachable(server, safe_text(str(error))) for server, error in failures.items()
            ]
        if not proved:
            raise nothing_answered(failures)
        return proved

    def _end(self, entry, result, detail=""):
        if entry.step is None:
            entry.step = Step(entry.source.name, result, _elapsed_ms(entry.started), detail)
            self._tell(entry.step)

    def _tell(self, step):
        if self._on_step is None:
            return
        try:
            self._on_step(step)
        except Exception as error:
            self._callback_error = error  # the caller's own, not the source's that was reporting
            raise

    def _proposals(self):
        return [entry.settings for entry in self._entries if entry.settings]

    def _winners(self):
        return [best_for(direction, self._proposals()) for direction in self._directions]

    def _is_complete(self):
        """Whether each direction has a server to which a password can go unasked."""
        pairs = zip(self._winners(), self._directions, strict=True)
        return all(winner and winner.encrypts(direction) for winner, direction in pairs)

    def _outranked(self):
        """Return the entries that cannot change the answer any more.

        When it is complete, only what ranks above the lower of the winners counts.
        """
        if not self._is_complete():
            return []
        winners = self._winners()
        last = max(i for i, entry in enumerate(self._entries) if any(entry.settings is w for w in winners))
        return self._entries[last + 1 :]


def _failure(name, error):
    """Return the result and detail of a step for what its source raised."""
    result = getattr(error, "result", None)
    if result in ("not_found", "no_answer", "invalid", "refused"):
        return result, str(error)
    if isinstance(error, (OSError, asyncio.TimeoutError)):
        return "no_answer", type(error).__name__
    _logger.warning("Mail settings source %s failed", name, exc_info=error)
    return "invalid", type(error).__name__


def _elapsed_ms(started):
    return 0 if started is None else round((time.monotonic() - started) * 1000)
