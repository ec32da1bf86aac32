"""One exception for everything that can go wrong with a mail server."""

import base64
import imaplib
import poplib
import re
import smtplib
from collections.abc import Iterable
from contextlib import contextmanager
from traceback import clear_frames

from .allowance import NoRoom, TooMuch
from .causes import Cause, cause_named, explain, parse
from .endpoint import Endpoint, Login
from .outside import safe_text
from .tls import Certificate

_EXPECTED = (OSError, EOFError, ValueError, imaplib.IMAP4.error, poplib.error_proto, smtplib.SMTPException)
# smtplib knows better than its caller where it was
_STAGES = (
    (smtplib.SMTPSenderRefused, "sender"),
    (smtplib.SMTPRecipientsRefused, "recipient"),
    (smtplib.SMTPDataError, "data"),
    (smtplib.SMTPAuthenticationError, "login"),
    (smtplib.SMTPConnectError, "connect"),
    (smtplib.SMTPHeloError, "connect"),
)
# how a server refuses; a connection that ends, or an answer that is none, is no refusal
_NO = {"imap": r"(NO|BAD)\b|\w+ command error: BAD\b", "pop3": r"-ERR\b"}
# what another moment, or another place, may change: the login itself was not judged
PASSING = {
    "connection_closed",
    "connection_tampered",
    "rate_limited",
    "reading_limited",
    "server_busy",
    "timeout",
    "too_many_connections",
}
# RFC 5530 3, RFC 3206, RFC 2449 8.1
_PASSING_CODES = {
    "INUSE",
    "IN-USE",
    "LIMIT",
    "LOGIN-DELAY",
    "SERVERBUG",
    "SYS/TEMP",
    "THROTTLED",
    "UNAVAILABLE",
}


_SHOWN = 60  # bytes of an answer that may be a part of a message


class OutOfStep(ValueError):
    """An answer does not end where it should, or does not fit what was asked: what comes next on the
    connection may be a part of a message.  Nothing of it is used, and the connection is closed.

    :param said: what the server said, of which a little is shown
    """

    def __init__(self, text: str, said: bytes = b""):
        shown = said[:_SHOWN].decode("ascii", "backslashreplace")
        super().__init__(f"{text}: {shown}" if said else text)


class MailFailure(Exception):
    """What went wrong, where, and what the server said.

    :ivar protocol: ``imap``, ``pop3`` or ``smtp``
    :ivar stage: ``resolve``, ``connect``, ``tls``, ``login``, ``sender``, ``recipient``, ``data``, ``select``
        or ``fetch``
    :ivar cause: a key of :data:`mailclient.causes.CAUSES`
    :ivar raw: the server's reply or the text of the exception, made safe; secrets are removed
    :ivar advice: what to do, in English
    :ivar field: the setting concerned (``host``, ``port``, ``security``, ``username``, ``password``,
        ``email``) or ``""``
    :ivar link: a page that helps, or ``""``
    :ivar certificate: the one that the server showed, not verified; None unless it is the cause, or if
        another look at it failed
    :ivar refused: a login was sent and the server said no to it, which counts towards locking the account
    :ivar hold: until when such a login is not tried, if whoever counts refused ones has noted it; None
    :ivar responsible: who can mend it: ``user``, ``administrator`` (of this system) or ``provider``
    """

    def __init__(
        self,
        endpoint: Endpoint,
        stage: str,
        raw: str,
        cause: Cause | str | None = None,
        *,
        certificate: Certificate | None = None,
        refused: bool = False,
    ):
        raw = safe_text(raw)
        if cause is None:
            cause = explain(endpoint.protocol, stage, raw, endpoint.host)
        elif isinstance(cause, str):
            cause = cause_named(cause)
        self.protocol, self.host, self.port = endpoint.protocol, endpoint.host, endpoint.port
        self.stage, self.raw = stage, raw
        self.cause, self.advice, self.field, self.link = cause.name, cause.advice, cause.field, cause.link
        self.certificate, self.refused, self.hold = certificate, refused, None
        self.responsible = cause.responsible
        super().__init__(f"{self.host}:{self.port}: {raw}")

    @classmethod
    def from_exception(
        cls, exc: BaseException, endpoint: Endpoint, stage: str, login: Login | None = None
    ) -> "MailFailure":
        """Type what the standard library (or Odoo, wrapping it) raised.

        :param stage: where it happened; smtplib's own exceptions override it
        :param login: its secrets are cut out of ``raw``
        """
        exc = _origin(exc)
        if isinstance(exc, MailFailure):
            return exc
        stage = next((name for kind, name in _STAGES if isinstance(exc, kind)), stage)
        raw = safe_text(without_secrets(_text(exc), login))
        if isinstance(exc, OutOfStep):  # by what a message holds nothing is explained
            cause = "framing_broken"
        elif isinstance(exc, TooMuch | NoRoom):
            cause = "answer_too_long" if isinstance(exc, TooMuch) else "reading_limited"
        else:
            cause = explain(endpoint.protocol, stage, raw, endpoint.host)
        return cls(endpoint, stage, raw, cause)


@contextmanager
def failing(endpoint: Endpoint, stage: str, login: Login | None = None):
    """Turn what a step raises into a :class:`MailFailure` at ``stage``.

    With a ``login`` the original exception is not shown as its context: a server may echo what it was sent.
    """
    try:
        yield
    except MailFailure:
        raise
    except _EXPECTED as exc:
        failure = MailFailure.from_exception(exc, endpoint, stage, login)
        # what was read until then is in their variables, and would stay as long as the failure does
        clear_frames(exc.__traceback__)
        raise failure from (None if login else exc)


@contextmanager
def logging_in(endpoint: Endpoint, login: Login):
    """The same for the one attempt to log in: says too whether the server has refused it."""
    try:
        with failing(endpoint, "login", login):
            yield
    except MailFailure as failure:
        failure.refused = _is_refusal(failure)
        raise


def _is_refusal(failure: MailFailure) -> bool:
    """Whether the server has said no to the login itself, and would say so again."""
    reply = parse(failure.protocol, failure.raw)
    if failure.protocol == "smtp":
        said_no = reply.code.startswith("5") and not reply.status.startswith("4")
    else:
        said_no = re.match(_NO[failure.protocol], failure.raw, re.IGNORECASE) is not None
    return said_no and failure.cause not in PASSING and reply.response not in _PASSING_CODES


def concerns_message(failure: MailFailure) -> bool:
    """Whether a refusal may be about the one message that was asked for, not about the moment or the
    connection.  An "internal error" is what Dovecot, and a "cannot open" what others say of a damaged one."""
    response = parse(failure.protocol, failure.raw).response
    return failure.cause not in PASSING - {"server_busy"} and response not in _PASSING_CODES - {"SERVERBUG"}


def without_secrets(text: str, login: Login | None) -> str:
    """``text`` without the password, plain or as SASL sends it."""
    if not login or not login.password:
        return text
    password, username = login.password.encode(), login.username.encode()
    encoded = (password, b"\0" + username + b"\0" + password)
    secrets = [login.password, *(base64.b64encode(secret).decode() for secret in encoded)]
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


def _chain(exc: BaseException | None) -> Iterable[BaseException]:
    seen = set()
    while exc is not None and id(exc) not in seen:
        seen.add(id(exc))
        yield exc
        exc = exc.__cause__ or exc.__context__


def _origin(exc: BaseException) -> BaseException:
    """The exception that says most: Odoo wraps smtplib's, smtplib and imaplib wrap the socket's."""
    if _telling(exc):
        return exc
    return next(filter(_telling, _chain(exc)), exc)


def _telling(exc: BaseException) -> bool:
    vague = isinstance(exc, smtplib.SMTPServerDisconnected | imaplib.IMAP4.abort)
    return isinstance(exc, (MailFailure, *_EXPECTED)) and not vague


def _text(exc: BaseException) -> str:
    if isinstance(exc, smtplib.SMTPResponseException):
        return reply_text(exc.smtp_code, exc.smtp_error)
    if isinstance(exc, smtplib.SMTPRecipientsRefused):
        refused = exc.recipients.items()
        return "; ".join(f"{reply_text(code, text)} ({address})" for address, (code, text) in refused)
    if exc.args and isinstance(exc.args[0], bytes):  # poplib, imaplib
        return _decode(exc.args[0])
    return _without_repr(str(exc)) or type(exc).__name__


def _without_repr(text: str) -> str:
    """imaplib puts the repr of bytes at the end of its texts: ``LOGIN command error: BAD [b'…']``.

    By hand: a pattern looks for the end from each ``b'`` anew.
    """
    quoted = text.removesuffix("]")
    quote = quoted[-1:]
    start = quoted.find(f"b{quote}") if quote in ("'", '"') else -1
    if 0 <= start < len(quoted) - 2:
        return text[:start].removesuffix("[") + quoted[start + 2 : -1]
    return text


def reply_text(code: int, text: bytes | str) -> str:
    """An SMTP reply as the server wrote it, without line breaks."""
    return f"{code} {' '.join(_decode(text).split())}".strip()


def _decode(text: bytes | str) -> str:
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
