"""Processes in which things are tried: kept for the next one, ended when nobody needs them. No model."""

import atexit
import contextlib
import os
import threading
import weakref

from .trial_process import TrialFailed, TrialLost, TrialProcess, TrialUnavailable

# at once, in one process of Odoo; others wait so many seconds
MAX_PROCESSES, WAIT_SECONDS = 4, 60
# seconds after which a process that nobody needs ends
IDLE_SECONDS = 60
# seconds by the clock for each of CPU, and at least: the machine may have something else to do
CLOCK_FACTOR, MIN_CLOCK = 3, 30


class TrialPool:
    """For all threads of a process of Odoo. One that is forked begins with an empty one."""

    def __init__(self):
        self._idle, self._ending, self._all = [], None, weakref.WeakSet()
        self._lock, self._free = threading.Lock(), threading.Semaphore(MAX_PROCESSES)

    def run(self, job, payload, seconds, *, is_indexing=False, **options):
        """Do a job in a process; see `TrialProcess.run`.

        :raises TrialFailed: it takes more than it may
        :raises TrialUnavailable: no process can be had
        """
        if not self._free.acquire(timeout=WAIT_SECONDS):
            raise TrialUnavailable("too much is tried at the same time")
        try:
            # it may have been ended for any reason: then once more, in a new one
            with contextlib.suppress(TrialLost):
                return self._run(self._take(is_indexing), job, payload, seconds, options)
            try:
                return self._run(self._start(is_indexing), job, payload, seconds, options)
            except TrialLost as error:
                raise TrialFailed(str(error)) from error
        finally:
            self._free.release()

    def _run(self, process, job, payload, seconds, options):
        timeout = max(MIN_CLOCK, CLOCK_FACTOR * seconds)
        try:
            result = process.run(job, payload, seconds, timeout, **options)
        except BaseException:
            process.close()
            raise
        if process.is_last:
            process.close()
        else:
            self._give_back(process)
        return result

    def _take(self, is_indexing):
        with self._lock:
            for process in reversed(self._idle):
                if process.is_indexing == is_indexing:
                    self._idle.remove(process)
                    break
            else:
                process = None
        if process and process.is_alive():
            return process
        if process:
            process.close()
        return self._start(is_indexing)

    def _start(self, is_indexing):
        process = TrialProcess(is_indexing)
        with self._lock:
            self._all.add(process)
        return process

    def _give_back(self, process):
        with self._lock:
            self._idle.append(process)
            if self._ending:
                self._ending.cancel()
            self._ending = threading.Timer(IDLE_SECONDS, self.close)
            self._ending.daemon = True
            self._ending.start()

    def close(self):
        """End what nobody needs at the moment."""
        with self._lock:
            idle, self._idle = self._idle, []
        for process in idle:
            process.close()

    def forget(self):
        """In a process that was forked: these are its parent's."""
        for process in self._all:
            process.forget()
        self.__init__()


POOL = TrialPool()
atexit.register(POOL.close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=POOL.forget)

__all__ = ["POOL", "TrialFailed", "TrialPool", "TrialUnavailable"]
