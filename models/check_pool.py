"""Wait for many servers at once: generators take turns in this thread, what they wait for runs in others.

A generator yields a function without arguments that blocks, such as ``partial(mailbox.fetch, found)``, and is
given what it returns or raises. So everything that touches the database stays in the one thread that owns its
cursor, and no server holds up another. No model.
"""

import contextlib
import queue
import time
from concurrent.futures import ThreadPoolExecutor

# one a generator: whoever hangs occupies his own; more of them wait for their turn
MAX_THREADS = 256


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


def run_together(generators, tick=None, interval=0.2):
    """Run generators to their ends, side by side.

    :param generators: list of generators; what they return is left alone
    :param tick: called in this thread again and again meanwhile, and when all have ended
    :param float interval: seconds from one ``tick`` to the next, at least
    :raises Exception: what one of them lets through; the others end with it
    """
    if not generators:
        return
    tick = tick or (lambda: None)
    waiting, done = {}, queue.SimpleQueue()
    with ThreadPoolExecutor(min(len(generators), MAX_THREADS), "email_account") as pool:

        def advance(generator, resume, value):
            with contextlib.suppress(StopIteration):
                future = pool.submit(resume(value))
                waiting[future] = generator
                future.add_done_callback(done.put)

        try:
            for generator in generators:
                advance(generator, generator.send, None)
            next_tick = 0
            while waiting:
                if time.monotonic() >= next_tick:
                    tick()
                    next_tick = time.monotonic() + interval
                try:
                    future = done.get(timeout=max(next_tick - time.monotonic(), 0))
                except queue.Empty:
                    continue
                generator, error = waiting.pop(future), future.exception()
                if error:
                    advance(generator, generator.throw, error)
                else:
                    advance(generator, generator.send, future.result())
            tick()
        finally:
            for generator in generators:
                generator.close()
            for future in waiting:
                future.cancel()
