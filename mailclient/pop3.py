"""Reading by POP3 (RFC 1939, RFC 2449, RFC 5034): ``poplib`` underneath, verified, timed, UTF-8."""

import contextlib
import datetime
import poplib
from collections.abc import Callable, Iterator

from .endpoint import DEFAULT_TIMEOUTS, Endpoint, Login, Timeouts
from .failures import MailFailure, failing, logging_in
from .mailbox import MAX_SOURCE, Found, Mailbox, has_header, has_text
from .sasl import COMMAND, Exchange, choose
from .tls import SYSTEM_TRUST, Trust
from .transport import Connection, OnStage, Resolve, Route, reach

_NEWEST = 50  # messages whose header is read by find()
_NEWEST_READ = 20  # messages that are read whole by find_text(), unless they are long
_MAX_LINE = 1 << 20  # poplib's 2048 refuses real mail


class _Session(poplib.POP3):
    """poplib on a :class:`Connection`; nothing it sends while logging in is printed."""

    def __init__(self, connection: Connection, endpoint: Endpoint):
        self.connection, self._endpoint, self.capabilities = connection, endpoint, ()
        super().__init__(endpoint.host, endpoint.port)

    def _create_socket(self, timeout):
        return self.connection

    def _getline(self):
        line = self.file.readline(_MAX_LINE + 1)
        if len(line) > _MAX_LINE:
            raise poplib.error_proto("line too long")
        if not line:
            raise poplib.error_proto("-ERR EOF")
        return line.removesuffix(b"\n").removesuffix(b"\r"), len(line)

    @property
    def encrypted(self) -> bool:
        return self.connection.encrypted

    def stat(self) -> tuple[int, int]:
        try:
            return super().stat()
        except IndexError:
            raise poplib.error_proto("garbled answer to STAT") from None

    def ask_capabilities(self) -> None:
        """Note what CAPA lists, such as ``SASL PLAIN``; nothing where the server does not know it."""
        self.capabilities = self._list_capabilities()

    def _list_capabilities(self) -> tuple[str, ...]:
        try:
            _reply, lines, _octets = self._longcmd("CAPA")
        except poplib.error_proto:
            if not self.connection.usable:
                raise
            return ()
        return tuple(line.decode("ascii", "replace").upper() for line in lines)

    def agree_on_tls(self) -> None:
        """STLS (RFC 2595 4), up to the server's consent."""
        self._shortcmd("STLS")

    def login_once(self, mechanism: str, login: Login) -> None:
        """One attempt; the server's refusal is raised word for word."""
        debugging, self._debugging = self._debugging, 0
        try:
            if mechanism == COMMAND:
                self.user(login.username)
                self.pass_(login.password)
                return
            exchange = Exchange(self._endpoint, mechanism, login)
            reply = self._shortcmd(f"AUTH {mechanism}")
            for _challenge in range(3):
                if not reply.startswith(b"+OK"):
                    reply = self._shortcmd(exchange.answer(reply[2:]).decode())
            if not reply.startswith(b"+OK"):
                raise poplib.error_proto(reply)
            exchange.accepted()
        finally:
            self._debugging = debugging


class Pop3Mailbox(Mailbox):
    """An account's inbox as it was at login: a session sees no mail that comes later.  Made by
    :func:`connect_pop3`."""

    def __init__(self, session: _Session, connection: Connection, endpoint: Endpoint):
        self._session, self._connection, self.endpoint = session, connection, endpoint
        self.certificate, self.capabilities = connection.certificate, session.capabilities
        self._unread: list[int] = []
        self.kept: dict[str, str] | None = None
        self._numbers: dict[str, int] = {}

    def remember(self) -> None:
        """Nothing to note: what comes later is seen by another session alone, and both look at the newest."""

    def find(self, header: str, value: str) -> list[Found]:
        return self._look(_NEWEST, lambda number: has_header(self._top(number), header, value))

    def find_text(self, text: str) -> list[Found]:
        with self._step("fetch"):
            _reply, lines, _octets = self._session.list()
            short = {
                int(number)
                for number, size in (line.split()[:2] for line in lines if len(line.split()) > 1)
                if number.isdigit() and size.isdigit() and int(size) <= MAX_SOURCE
            }
        return self._look(
            _NEWEST_READ, lambda number: number in short and has_text(self._retrieve(number), text)
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
            _reply, lines, _octets = self._session.uidl()
        except poplib.error_proto:
            if not self._connection.usable:
                raise
            return {}
        pairs = (line.decode("ascii", "replace").split(" ", 1) for line in lines)
        return {int(pair[0]): pair[1] for pair in pairs if len(pair) == 2 and pair[0].isdigit()}

    def _top(self, number: int) -> bytes:
        try:
            _reply, lines, _octets = self._session.top(number, 0)
        except poplib.error_proto:  # TOP is optional
            if not self._connection.usable:
                raise
            _reply, lines, _octets = self._session.retr(number)
        return b"\r\n".join([*lines, b""])

    def fetch(self, found: Found) -> bytes:
        return self._read(found, self._retrieve)

    def fetch_header(self, found: Found) -> bytes:
        return self._read(found, self._top).partition(b"\r\n\r\n")[0] + b"\r\n\r\n"

    def _read(self, found: Found, read) -> bytes:
        number = self._number(found)
        with self._step("fetch"):
            return read(number)

    def _retrieve(self, number: int) -> bytes:
        _reply, lines, _octets = self._session.retr(number)
        return b"\r\n".join([*lines, b""])

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

    def keep_copies(self, kept: dict[str, str], days: int, today: datetime.date) -> None:
        """Leave on the server what is handled, and skip what was handled before.

        :param kept: unique ids (RFC 1939 7) of what was handled, each with the day (ISO 8601); afterwards
            :attr:`kept` says which there are now
        :param days: after so many days a copy is deleted; 0 keeps it for ever
        :raises MailFailure: also if the server has no unique ids, without which nothing can be kept
        """
        with self._step("fetch"):
            numbers = {uid: number for number, uid in self._unique_ids().items()}
            if not numbers and self._session.stat()[0]:
                raise MailFailure(self.endpoint, "fetch", "the server has no UIDL", "uidl_missing")
            self.kept = {uid: day for uid, day in kept.items() if uid in numbers}
            last_day = (today - datetime.timedelta(days=days)).isoformat() if days else ""
            for uid in [uid for uid, day in self.kept.items() if day < last_day]:
                self._session.dele(numbers[uid])
                del self.kept[uid], numbers[uid]
        self._today = today.isoformat()
        self._unique_id_of = {str(number): uid for uid, number in numbers.items()}

    def check_unread_messages(self) -> int:
        if self.kept is not None:
            self._unread = [int(number) for number, uid in self._unique_id_of.items() if uid not in self.kept]
            return len(self._unread)
        with self._step("fetch"):
            count, _octets = self._session.stat()
        self._unread = list(range(1, count + 1))
        return count

    def retrieve_unread_messages(self) -> Iterator[tuple[str, bytes]]:
        while self._unread:
            number = self._unread.pop(0)
            with self._step("fetch"):
                try:
                    source = self._retrieve(number)
                except poplib.error_proto:
                    if not self._connection.usable:
                        raise
                    continue
            yield str(number), source

    def handled_message(self, num: str) -> None:
        if self.kept is not None:
            self.kept[self._unique_id_of[num]] = self._today
            return
        with self._step("fetch"):
            self._session.dele(num)

    def disconnect(self) -> None:
        with contextlib.suppress(OSError, ValueError, poplib.error_proto):
            if self._connection.usable:
                self._session.quit()
        self._connection.close()


def connect_pop3(
    endpoint: Endpoint,
    login: Login,
    *,
    resolve: Resolve | None = None,
    timeouts: Timeouts = DEFAULT_TIMEOUTS,
    safe_logon: bool = True,
    trust: Trust = SYSTEM_TRUST,
    on_stage: OnStage | None = None,
) -> Pop3Mailbox:
    """Connect, encrypt, log in.

    :param resolve: ``(host, port) → [(ip, port), …]``, default the system's resolver; only these addresses
        are tried, TLS is verified for ``endpoint.host`` all the same
    :param safe_logon: on an unencrypted connection the password itself is never sent
    :param trust: whom to trust beside the system's trust store
    :param on_stage: see :data:`OnStage`
    :raises MailFailure: at ``resolve``, ``connect``, ``tls`` or ``login``
    """
    session = reach(_start, endpoint, resolve, timeouts, trust, on_stage)
    try:
        mechanism = _log_in(session, endpoint, login, safe_logon)
        if on_stage:
            on_stage("login", mechanism)
        return Pop3Mailbox(session, session.connection, endpoint)
    except BaseException:
        session.connection.close()
        raise


def _start(route: Route) -> _Session:
    connection, endpoint = route.open(), route.endpoint
    try:
        with failing(endpoint, "connect"):
            session = _Session(connection, endpoint)
            session.ask_capabilities()
        if endpoint.security == "starttls":
            _encrypt(session, endpoint)
        return session
    except BaseException:
        connection.close()
        raise


def _encrypt(session: _Session, endpoint: Endpoint) -> None:
    if "STLS" not in session.capabilities:
        raise MailFailure(endpoint, "tls", "STLS is not offered by the server", "starttls_required")
    with failing(endpoint, "tls"):
        session.agree_on_tls()
    session.connection.start_tls()
    with failing(endpoint, "tls"):
        session.ask_capabilities()


def _log_in(session: _Session, endpoint: Endpoint, login: Login, safe_logon: bool) -> str:
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
