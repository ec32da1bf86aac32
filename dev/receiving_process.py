"""Processes that receive and are killed, for ``receiving_steps.py``.

They are forked from one that has loaded Odoo's registry, as Odoo forks its own workers: starting one anew
takes milliseconds.
"""
import contextlib
import functools
import os
import select
import signal
import sys
import threading
import time
import traceback

import odoo
from odoo.modules.registry import Registry
from odoo.sql_db import Cursor, close_all
from odoo.tools import config

LONG = 240  # seconds that a process may say nothing


def load(path):
    """Load Odoo with a configuration file; return the registry of its database, without open connections."""
    config.parse_config(["-c", path, "--no-http"], setup_logging=True)
    [name] = config["db_name"]
    registry = Registry(name)
    close_all()
    return registry


@contextlib.contextmanager
def environment(registry):
    """An environment of the superuser with a transaction of its own, which is committed at the end."""
    with registry.cursor() as cr:
        yield odoo.api.Environment(cr, odoo.api.SUPERUSER_ID, {})


class Process:
    """A process that runs a function and tells by a pipe, a letter for each event, how far it is.

    ``m``: a message was written, in a transaction that may still fail; ``i``: the function says that it found
    nothing to do; ``k``: the process kills itself, since it has come to the point that was asked for.

    ``events`` holds what it has told so far, ``last`` is when it told the last (``time.monotonic``).

    :param function: called with ``tell``, a function that takes the letter
    :param kill: ``(point, number)``: kill yourself when you are there for the so manieth time
    """

    def __init__(self, registry, function, kill=None):
        close_all()  # a connection must not be shared
        self._read, write = os.pipe()
        self.events, self.last, self._status = "", time.monotonic(), None
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid:
            os.close(write)
            return
        status = 1
        try:
            os.close(self._read)
            tell = functools.partial(_tell, write)
            _mark_points(registry, Points(tell, *(kill or (None, 0))))
            function(tell)
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)

    def wait(self, end=None, letters=""):
        """Wait until it has ended, has told one of ``letters``, or a time has come (``time.monotonic``).

        :return: the letter, "" if the time came first, None if the process has ended
        :raises TimeoutError: it says nothing for a long time
        """
        while True:
            limit = min(end or float("inf"), time.monotonic() + LONG)
            if not select.select([self._read], [], [], max(limit - time.monotonic(), 0))[0]:
                if end and time.monotonic() >= end:
                    return ""
                raise TimeoutError(f"process {self.pid} is stuck")
            if not (letter := os.read(self._read, 1).decode()):
                return None
            self.events += letter
            self.last = time.monotonic()
            if letter in letters:
                return letter

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)

    def end(self):
        """Wait until it has ended; return its exit status, negative if a signal ended it."""
        if self._status is None:
            self.wait()
            os.close(self._read)
            self._status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self._status


def _tell(pipe, letter):
    os.write(pipe, letter.encode())


class Points:
    """Counts how often a process has come to a point, and kills it there.

    :param point: its name, None to kill never
    :param number: of the time at which to kill
    """

    def __init__(self, tell, point, number):
        self.tell, self.point, self.number = tell, point, number
        self.written = False  # whether the transaction has a new message
        self._lock = threading.Lock()  # what is fetched ahead comes in other threads

    def pass_by(self, point):
        if point != self.point:
            return
        with self._lock:
            self.number -= 1
            if not self.number:
                self.tell("k")
                os.kill(os.getpid(), signal.SIGKILL)


def _mark_points(registry, points):
    """Let this process say when it comes to one of the points at which it may be killed."""
    from odoo.addons.email_account.mailclient import imap, pop3

    def written(function, *args, **kwargs):
        created = function(*args, **kwargs)
        if any(message.message_type == "email" for message in created):
            points.written = True
            points.tell("m")
            points.pass_by("written")
        return created

    def commit(function, *args, **kwargs):
        has_message, points.written = points.written, False
        if has_message:
            points.pass_by("before commit")
        function(*args, **kwargs)
        if has_message:
            points.pass_by("after commit")

    def tell(function, *args, **kwargs):
        points.pass_by("before telling")
        result = function(*args, **kwargs)
        points.pass_by("after telling")
        return result

    def fetch(function, *args, **kwargs):
        result = function(*args, **kwargs)
        points.pass_by("fetched")
        return result

    from odoo.addons.email_account.mailclient.reader import Reader
    from odoo.addons.mail.models.mail_message import MailMessage

    _wrap(MailMessage, "create", written)
    _wrap(Cursor, "commit", commit)
    _wrap(Reader, "next", fetch)
    for kind in (imap.ImapMailbox, pop3.Pop3Mailbox):
        for name in ("mark_seen", "remove"):
            _wrap(kind, name, tell)
    _wrap(pop3.Pop3Mailbox, "disconnect", tell)


def _wrap(owner, name, function):
    wrapped = getattr(owner, name)

    @functools.wraps(wrapped)
    def call(*args, **kwargs):
        return function(wrapped, *args, **kwargs)

    setattr(owner, name, call)
