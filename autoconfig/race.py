"""Coroutines side by side; none outlives its block (what ``asyncio.TaskGroup`` is from Python 3.11 on)."""

import asyncio
from collections.abc import Coroutine, Hashable, Iterable
from typing import Any


class Race:
    """``async with Race() as race`` starts, awaits and cancels coroutines, each under a key.

    Whatever ends the block - its last line, an exception, a cancellation - first cancels the coroutines that
    still run and waits until they have ended.
    """

    def __init__(self):
        self._tasks = {}

    async def __aenter__(self) -> "Race":
        return self

    async def __aexit__(self, *_exc):
        await self.cancel(list(self._tasks))

    @property
    def running(self) -> list[Hashable]:
        """The keys of the coroutines whose end was not yet reported."""
        return list(self._tasks)

    def start(self, key: Hashable, coroutine: Coroutine):
        self._tasks[key] = asyncio.ensure_future(coroutine)

    async def ended(self, timeout: float | None = None) -> dict[Hashable, Any]:
        """Wait until at least one has ended, at most ``timeout`` seconds; return the results by key.

        One that was cancelled from elsewhere gives None.

        :raises Exception: what one of them raised
        """
        done, _pending = await asyncio.wait(
            self._tasks.values(), timeout=timeout, return_when=asyncio.FIRST_COMPLETED
        )
        keys = [key for key, task in self._tasks.items() if task in done]
        tasks = {key: self._tasks.pop(key) for key in keys}
        _see_failures(tasks.values())  # of several only one is raised
        return {key: None if task.cancelled() else task.result() for key, task in tasks.items()}

    async def cancel(self, keys: Iterable[Hashable]):
        """Cancel some and wait for their end; what they still return or raise is dropped."""
        await cancel_tasks([self._tasks.pop(key) for key in keys])


async def together(*coroutines: Coroutine) -> list:
    """Run coroutines side by side and return their results in order; the first failure cancels the others.

    (``asyncio.gather`` would leave the others running.)
    """
    results = {}
    async with Race() as race:
        for position, coroutine in enumerate(coroutines):
            race.start(position, coroutine)
        while race.running:
            results |= await race.ended()
    return [results[position] for position in range(len(coroutines))]


async def cancel_tasks(tasks: Iterable[asyncio.Future]):
    """Cancel tasks and wait for their end; what they still return or raise is dropped."""
    tasks = list(tasks)
    for task in tasks:
        task.cancel()
    interrupted = None
    while pending := [task for task in tasks if not task.done()]:
        try:
            await asyncio.wait(pending)
        except asyncio.CancelledError as error:  # we are cancelled as well: still leave none behind
            interrupted = error
    _see_failures(tasks)
    if interrupted:
        raise interrupted


def _see_failures(tasks):
    """Look at what tasks have raised, so that asyncio does not complain that nobody did."""
    for task in tasks:
        if not task.cancelled():
            task.exception()
