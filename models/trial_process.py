"""A process in which something is tried that may never come to an end. No model."""

import json
import signal
import subprocess
import sys
import threading
from pathlib import Path

import odoo.addons

from .mail_trial import LENGTH

_SCRIPT = Path(__file__).with_name("mail_trial.py")
# seconds by the clock to start it, and for the system to end it
START_SECONDS, END_SECONDS = 60, 5
# the signals of the limits of CPU time
_ENDED_BY_TIME = {-getattr(signal, name) for name in ("SIGPROF", "SIGXCPU") if hasattr(signal, name)}


class TrialFailed(Exception):
    """What was tried takes too long, or too much memory."""


class TrialUnavailable(Exception):
    """It could not be tried: no process could be started, or none is free."""


class TrialLost(Exception):
    """The process is gone, and not because of the time."""


class TrialProcess:
    """A process that does one job after the other (`mail_trial.Jobs`), started anew from the interpreter: it
    has nothing of this one, no connection to the database and no lock.

    :param bool is_indexing: whether Odoo reads what is in attachments
    :raises TrialUnavailable: it does not start
    """

    def __init__(self, is_indexing=False):
        self.is_indexing, self.is_last = is_indexing, False
        self._is_overdue = False
        path = {"path": sys.path, "addons": list(odoo.addons.__path__), "is_indexing": is_indexing}
        command = [sys.executable, "-I", str(_SCRIPT), json.dumps(path)]
        try:
            # interpreter and script are the system's and the addon's own
            self._process = subprocess.Popen(
                command,
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        except OSError as error:
            raise TrialUnavailable(f"no process to try it in: {error}") from error
        try:
            self._within(START_SECONDS, self._read_answer)
        except (OSError, EOFError) as error:
            self.close()
            raise TrialUnavailable("the process to try it in does not start") from error

    def run(self, job, payload, seconds, timeout, **options):
        """Do a job.

        :param str job: name of a method of `mail_trial.Jobs`
        :param bytes payload: its first argument
        :param float seconds: of CPU that it may take
        :param float timeout: seconds by the clock
        :param options: its other arguments, as JSON knows them
        :return: its result
        :raises TrialFailed: it takes more than it may; the process is gone
        :raises TrialLost: the process is gone
        """
        header = {"job": job, "seconds": seconds, "size": len(payload), "options": options}
        try:
            answer = self._within(timeout, self._ask, json.dumps(header).encode(), payload)
        except (OSError, EOFError) as error:
            if self._is_overdue or self._wait() in _ENDED_BY_TIME:
                raise TrialFailed(f"more than {seconds:.1f} s for {len(payload)} bytes") from error
            raise TrialLost(f"the process has ended over {len(payload)} bytes") from error
        self.is_last = answer["is_last"]
        if "error" in answer:
            raise TrialFailed(f"too much memory for {len(payload)} bytes")
        return answer["result"]

    def _within(self, seconds, function, *arguments):
        """Call a function that waits for the process; which is ended when the time is over."""
        watch = threading.Timer(seconds, self._end)
        watch.daemon = True
        watch.start()
        try:
            return function(*arguments)
        finally:
            watch.cancel()

    def _end(self):
        self._is_overdue = True
        self._process.kill()

    def _wait(self):
        """Wait for the end of a process that does not answer any more; return how it has ended."""
        try:
            return self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            return None

    def _ask(self, header, payload):
        self._write(LENGTH.pack(len(header)) + header)
        self._write(payload)
        return self._read_answer()

    def _write(self, data):
        view = memoryview(data)
        while view:
            view = view[self._process.stdin.write(view) :]

    def _read_answer(self):
        return json.loads(self._read(LENGTH.unpack(self._read(LENGTH.size))[0]))

    def _read(self, size):
        data = b""
        while len(data) < size:
            piece = self._process.stdout.read(size - len(data))
            if not piece:
                raise EOFError
            data += piece
        return data

    def is_alive(self):
        """Whether it can be given a job."""
        return self._process.poll() is None

    def close(self):
        """End it, whatever it is at."""
        self._process.kill()
        self._close_files()
        self._process.wait()

    def forget(self):
        """In a process that was forked: it is its parent's."""
        self._close_files()
        self._process.returncode = 0  # as far as this one is concerned

    def _close_files(self):
        self._process.stdin.close()
        self._process.stdout.close()
