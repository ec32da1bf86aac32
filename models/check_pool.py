"""Wait for many servers at once: generators take turns in this thread, what they wait for runs in others.

A generator yields a function without arguments that blocks, such as ``partial(mailbox.fetch, found)``, and is
given what it returns or raises. So everything that touches the database stays in the one thread that owns its
cursor, and no server holds up another. No model.
"""

import contextlib
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

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
            except Exception as error:
                call = generator.throw(error)
            else:
                call = generator.send(result)
    except StopIteration as stop:
        return stop.value


def run_together(generators, tick=None, interval=0.2):
    """Run generators to their ends, side by side.

    :param generators: list of generators; what they return is left alone
    :param tick: called in this thread again and again meanwhile
    :param float interval: seconds, at most, from one ``tick`` to the next
    :raises Exception: what one of them lets through; the others end with it
    """
    if not generators:
        return
    waiting = {}
    with ThreadPoolExecutor(min(len(generators), MAX_THREADS), "email_account") as pool:
        try:
            for generator in generators:
                _advance(pool, waiting, generator, generator.send, None)
            while waiting:
                done, _others = wait(waiting, interval, FIRST_COMPLETED)
                for future in done:
                    generator = waiting.pop(future)
                    error = future.exception()
                    if error:
                        _advance(pool, waiting, generator, generator.throw, error)
                    else:
                        _advance(pool, waiting, generator, generator.send, future.result())
                if tick:
                    tick()
        finally:
            for generator in generators:
                generator.close()
            for future in waiting:
                future.cancel()


def _advance(pool, waiting, generator, resume, value):
    with contextlib.suppress(StopIteration):
        waiting[pool.submit(resume(value))] = generator
