"""The mails of a batch are tried while those before them are stored. No model."""

import threading
from collections import deque
from concurrent.futures import Future

from .mail_bounds import try_mail


class Trials:
    """
    :param options: of `mail_bounds.try_mail`
    """

    def __init__(self, **options):
        self._options = options
        self._futures, self._waiting = {}, deque()

    def begin(self, sources):
        """Try mails (bytes) from now on, in this order, each before it is asked for. What was begun before
        and not asked for is given up."""
        self._waiting.clear()
        self._waiting = waiting = deque((source, Future()) for source in sources)
        # the very same bytes are asked for
        self._futures = {id(source): (source, future) for source, future in waiting}
        try:
            threading.Thread(target=_try_all, args=(waiting, self._options), daemon=True).start()
        except RuntimeError:  # no more threads: each is tried when it is asked for
            self._futures.clear()

    def check(self, source):
        """Refuse a mail that cannot be processed in a short time.

        :raises NotProcessed: see `mail_bounds.try_mail`
        """
        begun, future = self._futures.pop(id(source), (None, None))
        if begun is source and future:
            future.result()
        else:
            try_mail(source, **self._options)

    def __del__(self):
        self._waiting.clear()


def _try_all(waiting, options):
    while True:
        try:
            source, future = waiting.popleft()
        except IndexError:
            return
        try:
            try_mail(source, **options)
        except BaseException as error:
            future.set_exception(error)
        else:
            future.set_result(None)
        source = future = None  # its memory
