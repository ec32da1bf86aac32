"""All that was answered, logged and printed, to be searched for secrets."""

import contextlib
import imaplib
import io
import logging
import traceback
from unittest.mock import patch

from .secret_forms import join_lines


class Haystack:
    """All that was answered and logged."""

    def __init__(self):
        self.parts = []

    def add(self, origin, *things):
        """Keep things of any kind, as what they are for Python and for a client."""
        for thing in things:
            if isinstance(thing, bytes):
                self.parts.append((origin, thing))
                continue
            texts = {str(thing), repr(thing)}
            if isinstance(thing, BaseException):
                texts |= {repr(thing.args), "".join(traceback.format_exception(thing))}
            self.parts += [(origin, text.encode("utf-8", "surrogatepass")) for text in texts]

    def ask(self, origin, function, *args, **kwargs):
        """Keep what the function answers or raises; return the answer, None if it raises."""
        try:
            answer = function(*args, **kwargs)
        except Exception as error:
            self.add(origin, error)
            return None
        self.add(origin, answer)
        return answer

    def find(self, secrets):
        """Return ``(origin, form)`` of each secret that is in it; once for the same origin."""
        whole = join_lines(b"\0\0".join({part for _origin, part in self.parts}))
        secrets = [secret for secret in secrets if secret.find_joined(whole)]
        return sorted(
            {
                (origin, form)
                for secret in secrets
                for origin, part in self.parts
                for form in secret.find(part)
            }
        )


class Listener(logging.Handler):
    """Everything that is logged, by whomever, goes to a haystack."""

    def __init__(self, haystack):
        super().__init__(logging.DEBUG)
        self.haystack = haystack
        self.setFormatter(logging.Formatter("%(name)s %(message)s"))

    def emit(self, record):
        self.haystack.add(f"log of {record.name}", self.format(record).encode("utf-8", "surrogatepass"))
        self.haystack.add(f"log of {record.name}", repr(record.args).encode("utf-8", "surrogatepass"))


@contextlib.contextmanager
def listening(haystack):
    """All loggers at DEBUG, what libraries print for debugging too; nothing goes to the log of the tests."""
    root, listener = logging.getLogger(), Listener(haystack)
    loggers = [logger for logger in root.manager.loggerDict.values() if isinstance(logger, logging.Logger)]
    before = [(logger, logger.level, logger.handlers, logger.disabled) for logger in (root, *loggers)]
    printed = io.StringIO()
    try:
        for logger in (root, *loggers):
            logger.setLevel(logging.DEBUG)
            logger.disabled = False
            logger.handlers = [] if logger.propagate and logger is not root else [listener]
        with (
            contextlib.redirect_stderr(printed),
            contextlib.redirect_stdout(printed),
            patch.object(imaplib, "Debug", 5),
        ):
            yield
    finally:
        for logger, level, handlers, disabled in before:
            logger.setLevel(level)
            logger.handlers, logger.disabled = handlers, disabled
        haystack.add("printed", printed.getvalue())
