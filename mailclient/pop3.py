"""Reading by POP3 (RFC 1939): what is looked for; receiving is beside."""

import contextlib
import poplib
from collections.abc import Callable

from .allowance import MAX_HEADER
from .endpoint import Endpoint, Login
from .failures import MailFailure, failing, logging_in
from .mailbox import MAX_FOUND, MAX_SOURCE, Found, has_header, has_text
from .opening import open_session
from .pop3_receive import Pop3Receiving, header_of
from .pop3_session import Pop3Session
from .sasl import COMMAND, choose
from .transport import Connection

_NEWEST = 50  # messages whose header is read by find()
_NEWEST_READ = 20  # messages that are read whole by find_text(), unless they are long


class Pop3Mailbox(Pop3Receiving):
    """An account's inbox as it was at login: a session sees no mail that comes later.  Made by
    :func:`connect_pop3`."""

    def __init__(self, session: Pop3Session, connection: Connection, endpoint: Endpoint):
        self._session, self._connection, self.endpoint = session, connection, endpoint
        self.certificate, self.capabilities = connection.certificate, session.capabilities
        self._forget()
        self._numbers: dict[str, int] = {}

    def remember(self) -> None:
        """Nothing to note: what comes later is seen by another session alone, and both look at the newest."""

    def find(self, header: str, value: str) -> list[Found]:
        return self._look(_NEWEST, lambda number: has_header(self._top(number), header, value))

    def find_text(self, text: str) -> list[Found]:
        with self._step("fetch"):
            sizes = {number: int(size) for number, size in self._session.numbered("LIST") if size.isdigit()}
            short = {number: size for number, size in sizes.items() if size <= MAX_SOURCE}
        return self._look(
            _NEWEST_READ,
            lambda number: number in short and has_text(self._retrieve(number, short[number]), text),
        )

    def _look(self, newest: int, fits: Callable[[int], bool]) -> list[Found]:
        with self._step("fetch"):
            count, _octets = self._session.stat()
            names = self._unique_ids()
            found = []
            for number in range(count, max(0, count - newest), -1):
                if fits(number):
                    uid = names.get(number, str(number))
                    self._numbers[uid] = number
                    found.append(Found("INBOX", uid, "\\Inbox"))
        return found

    def _unique_ids(self) -> dict[int, str]:
        try:
            return dict(self._session.numbered("UIDL"))
        except poplib.error_proto:
            if not self._connection.usable:
                raise
            return {}

    def _top(self, number: int) -> bytes:
        try:
            return self._session.text(f"TOP {number} 0", MAX_HEADER, header=True)
        except poplib.error_proto:  # TOP is optional
            if not self._connection.usable:
                raise
            return self._retrieve(number)

    def fetch(self, found: Found) -> bytes:
        return self._read(found, self._retrieve)

    def fetch_header(self, found: Found) -> bytes:
        return header_of(self._read(found, self._top))

    def _read(self, found: Found, read) -> bytes:
        number = self._number(found)
        with self._step("fetch"):
            return read(number)

    def _retrieve(self, number: int, size: int | None = None) -> bytes:
        return self._session.text(f"RETR {number}", MAX_FOUND, size=size)

    def _number(self, found: Found) -> int:
        if found.uid not in self._numbers:
            raise MailFailure(self.endpoint, "fetch", f"no message {found.uid}", "message_missing")
        return self._numbers[found.uid]

    def delete(self, found: Found) -> None:
        number = self._number(found)
        with self._step("fetch"):
            self._session.dele(number)
            self._session.quit()
        self._connection.close()

    def disconnect(self) -> None:
        with contextlib.suppress(OSError, ValueError, poplib.error_proto):
            if self._connection.usable:
                self._session.quit()
        self._connection.close()


def connect_pop3(endpoint: Endpoint, login: Login, **options) -> Pop3Mailbox:
    """Connect, encrypt, log in; options and failures are those of :func:`~.opening.open_session`."""
    session = open_session(_greet, _encrypt, _log_in, endpoint, login, **options)
    return Pop3Mailbox(session, session.connection, endpoint)


def _greet(connection: Connection, endpoint: Endpoint) -> Pop3Session:
    session = Pop3Session(connection, endpoint)
    session.ask_capabilities()
    return session


def _encrypt(session: Pop3Session, endpoint: Endpoint) -> None:
    if "STLS" not in session.capabilities:
        raise MailFailure(endpoint, "tls", "STLS is not offered by the server", "starttls_required")
    with failing(endpoint, "tls"):
        session.agree_on_tls()
    session.connection.start_tls()
    with failing(endpoint, "tls"):
        session.ask_capabilities()


def _log_in(session: Pop3Session, endpoint: Endpoint, login: Login, safe_logon: bool) -> str:
    """One attempt; the mechanism."""
    capabilities = session.capabilities
    offered = [name for line in capabilities if line.startswith("SASL ") for name in line.split()[1:]]
    if not capabilities or "USER" in capabilities:
        offered.append(COMMAND)
    mechanism = choose(
        endpoint,
        login,
        offered,
        encrypted=session.encrypted,
        clear_allowed=not safe_logon,
        starttls_offered="STLS" in capabilities,
    )
    with logging_in(endpoint, login):
        session.login_once(mechanism, login)
    return "USER" if mechanism == COMMAND else mechanism
