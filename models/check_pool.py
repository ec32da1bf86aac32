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
    tick = tick or (lambda: None)
    waiting, done = {}, queue.SimpleQueue()
    lines = defaultdict(deque)
    for lane, generator in zip(lanes or range(len(generators)), generators, strict=True):
        lines[lane].append(generator)
    with ThreadPoolExecutor(min(len(generators), MAX_THREADS), "email_account") as pool:

        def begin(lane):
            if lines[lane]:
                generator = lines[lane].popleft()
                advance(lane, generator, generator.send, None)

        def advance(lane, generator, resume, value):
            try:
                future = pool.submit(resume(value))
            except StopIteration:
                begin(lane)
            else:
                waiting[future] = lane, generator
                future.add_done_callback(done.put)

        try:
            for lane in list(lines):
                for _place in range(LANE_WIDTH):
                    begin(lane)
            next_tick = 0
            while waiting:
                if time.monotonic() >= next_tick:
                    tick()
                    next_tick = time.monotonic() + interval
                try:
                    future = done.get(timeout=max(next_tick - time.monotonic(), 0))
                except queue.Empty:
                    continue
                (lane, generator), error = waiting.pop(future), future.exception()
                if error:
                    advance(lane, generator, generator.throw, error)
                else:
                    advance(lane, generator, generator.send, future.result())
            tick()
        finally:
            for generator in generators:
                generator.close()
            for future in waiting:
                future.cancel()
