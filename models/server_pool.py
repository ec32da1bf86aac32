"""Wait for many servers at once: generators take turns in this thread, what they wait for runs in others.

A generator yields a function without arguments that blocks, such as ``partial(mailbox.fetch, found)``, and is
given what it returns or raises. So everything that touches the database stays in the one thread that owns its
cursor, and no server holds up another. No model.
"""

import queue
import time
from collections import defaultdict, deque
from concurrent.futures import ThreadPoolExecutor

# one a generator: whoever hangs occupies his own; more of them wait for their turn
MAX_THREADS = 256
# servers take only so many connections at a time, Dovecot 100 logins by default
LANE_WIDTH = 20


def run_here(generator):
    """Run one generator to its end; what it yields is called here.

    :return: what the generator returns
    """
    try:
        call = next(generator)
        while True:
            try:
                result = call()
            except Exception as error:  # it is the generator's
                call = generator.throw(error)
            else:
                call = generator.send(result)
    except StopIteration as stop:
        return stop.value


def run_together(generators, tick=None, interval=0.2, lanes=None):
    """Run generators to their ends, side by side.

    :param generators: list of generators; what they return is left alone
    :param tick: called in this thread again and again meanwhile, and when all have ended
    :param float interval: seconds from one ``tick`` to the next, at least
    :param lanes: list with a key for each generator: of those with the same one only so many run at a time
    :raises Exception: what one of them lets through; the others end with it
    """
    if not generators:
        return
    waiting = _Lanes(lanes or range(len(generators)), generators)
    run_flow(waiting.take, waiting.leave, min(len(generators), MAX_THREADS), tick, interval)


class _Lanes:
    """Generators that wait for a place in their lane."""

    def __init__(self, lanes, generators):
        self._lane_of = {id(generator): lane for lane, generator in zip(lanes, generators, strict=True)}
        self._ready, self._waiting, self._places = deque(), defaultdict(deque), defaultdict(int)
        for generator in generators:
            lane = self._lane_of[id(generator)]
            if self._places[lane] < LANE_WIDTH:
                self._places[lane] += 1
                self._ready.append(generator)
            else:
                self._waiting[lane].append(generator)

    def take(self):
        return self._ready.popleft() if self._ready else None

    def leave(self, generator):
        lane = self._lane_of[id(generator)]
        if self._waiting[lane]:
            self._ready.append(self._waiting[lane].popleft())


def run_flow(take, leave, width, tick=None, interval=0.2):
    """Run generators side by side as they come, to their ends.

    :param take: called when there is room: gives the next generator, None if there is none at the moment
    :param leave: called with each generator that has ended
    :param int width: so many run at a time
    :param tick: called in this thread again and again meanwhile, and when all have ended
    :param float interval: seconds from one ``tick`` to the next, at least
    :raises Exception: what one of them lets through; the others end with it
    """
    tick = tick or (lambda: None)
    running, waiting, done = set(), {}, queue.SimpleQueue()
    with ThreadPoolExecutor(width, "email_account") as pool:

        def fill():
            while len(waiting) < width and (generator := take()) is not None:
                running.add(generator)
                advance(generator, generator.send, None)

        def advance(generator, resume, value):
            try:
                future = pool.submit(resume(value))
            except StopIteration:
                running.discard(generator)
                leave(generator)
            else:
                waiting[future] = generator
                future.add_done_callback(done.put)

        try:
            fill()
            next_tick = 0
            while waiting:
                if time.monotonic() >= next_tick:
                    tick()
                    next_tick = time.monotonic() + interval
                    fill()
                try:
                    future = done.get(timeout=max(next_tick - time.monotonic(), 0))
                except queue.Empty:
                    continue
                generator, error = waiting.pop(future), future.exception()
                if error:
                    advance(generator, generator.throw, error)
                else:
                    advance(generator, generator.send, future.result())
                fill()
            tick()
        finally:
            for generator in running:
                generator.close()
            for future in waiting:
                future.cancel()
