"""Blocking calls that cannot be interrupted, in threads that nobody has to wait for."""

import threading
from collections.abc import Callable
from concurrent.futures import Future


def in_daemon(function: Callable, *args) -> Future:
    """Run a function in a thread of its own; waiting for its result can be given up at any time.

    The threads of ``asyncio`` and ``concurrent.futures`` are joined when the loop or the interpreter ends: a
    resolver that hangs would hold up both.
    """
    future = Future()

    def run():
        if not future.set_running_or_notify_cancel():
            return
        try:
            result = function(*args)
        except BaseException as error:  # the waiting side raises it
            future.set_exception(error)
        else:
            future.set_result(result)

    threading.Thread(target=run, name=f"autoconfig {function.__name__}", daemon=True).start()
    return future
