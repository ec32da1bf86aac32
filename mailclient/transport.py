"""A socket with an end to every wait, as smtplib, imaplib and poplib use one."""

import contextlib
import io
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import TypeVar

from .allowance import FREE, LINE_COST, REPLY, SHARED, WAIT, NoRoom, TooMuch
from .endpoint import Endpoint, Timeouts
from .failures import MailFailure, failing
from .tls import Certificate, Trust, certificate, client_context, unverified_context

Resolve = Callable[[str, int], list[tuple[str, int]]]
OnStage = Callable[[str, object], object]
"""Called as a stage ends well: ``("resolve", [(ip, port), …])``, ``("connect", (ip, port))`` when the server
is reached, ``("tls", Certificate)``, ``("login", mechanism)``.  What it raises ends the connection."""
_T = TypeVar("_T")

_LOOK = 5.0  # seconds for another look at a certificate that was refused
_CHUNK = 16384  # what has to arrive, or leave, within one reply time-out
_TLS_RECORDS = (b"\x15\x03", b"\x16\x03")  # alert, handshake


def system_addresses(host: str, port: int) -> list[tuple[str, int]]:
    """Ask the system's resolver, which has its own time-outs.

    :raises socket.gaierror: no such name, or no answer
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(address[:2] for *_rest, address in found))


class Connection:
    """A connected socket; its own file, too (``makefile`` returns it).

    The standard library's socket time-out starts again with each byte, so a server that drips could hold a
    caller for ever: here each line, and each 16 KiB of anything longer, has to be there in time.

    Nor does the server decide how much we take: see :meth:`allow`.

    :ivar patience: seconds for a reply, where that is less than the time-out; None is the time-out
    :raises TimeoutError: from any method that reads or writes
    :raises TooMuch: from any method that reads
    :raises NoRoom: likewise; see :class:`~.allowance.Room`
    """

    def __init__(self, sock: socket.socket, route: "Route"):
        self._sock, self._route, self._endpoint = sock, route, route.endpoint
        self._buffer = bytearray()
        self._ended = False
        self.patience: float | None = None
        self.certificate: Certificate | None = None
        self.last_line = b""
        self._allowed, self._kept, self._said, self._taken = REPLY, REPLY, 0, 0

    @property
    def encrypted(self) -> bool:
        """Whether TLS is on (and so, the server verified)."""
        return self.certificate is not None

    @property
    def usable(self) -> bool:
        """False after an error, a time-out or the end: no reply can be expected any more."""
        return not self._ended

    @property
    def local_address(self) -> str:
        """Our own IP address on this connection."""
        return self._sock.getsockname()[0]

    # what the standard library calls on a socket and its file

    def makefile(self, _mode: str = "rb") -> "Connection":
        return self

    def sendall(self, data: bytes) -> None:
        view = memoryview(data)
        for start in range(0, len(view), _CHUNK):
            with self._timed(self.deadline()):
                self._sock.sendall(view[start : start + _CHUNK])

    def readline(self, limit: int = -1) -> bytes:
        deadline, seen = self.deadline(), 0
        most = self._allowed - self._said + 1
        limit = most if limit < 0 else min(limit, most)
        while (end := self._buffer.find(b"\n", seen)) < 0:
            seen = len(self._buffer)
            if limit <= seen or not self._receive(deadline):
                end = seen - 1
                break
        self.last_line = self._take(min(end + 1, limit))
        self._count(LINE_COST)
        return self.last_line

    def read(self, size: int) -> bytes:  # pylint: disable=method-required-super
        # what BytesIO has grown to is handed out without another copy, and a size that lies reserves nothing
        self.expect(size)
        whole, missing = io.BytesIO(), size
        while missing:
            goal, deadline = min(missing, _CHUNK), self.deadline()
            while len(self._buffer) < goal:
                if not self._receive(deadline):
                    missing = len(self._buffer)
                    break
            missing -= whole.write(self._take(missing))
        return whole.getvalue()

    def shutdown(self, how: int) -> None:
        with contextlib.suppress(OSError):
            self._sock.shutdown(how)

    def close(self) -> None:
        self._ended = True
        self._sock.close()
        self._give_back(self._taken)

    def __del__(self):
        self._give_back(self._taken)

    # what mailclient calls

    def allow(self, octets: int, unkept: int = 0) -> None:
        """Something is about to be asked: so much may be said until it is asked for something else.  What was
        said before is done with, or soon will be.

        :param octets: of the answer; each line costs :data:`~.allowance.LINE_COST` more
        :param unkept: of what is read and forgotten beside it
        """
        self._give_back(self._taken)
        self._allowed, self._kept, self._said = octets + unkept, octets, 0

    def expect(self, octets: int) -> None:
        """So much is to come: refuse it now if it is too much."""
        if self._said + octets > self._allowed:
            self._refuse()
        self._take_room(self._said + octets)

    def settle(self) -> None:
        """The answer has ended: what it did not need is free for others."""
        self._give_back(self._taken - min(self._taken, self._said))

    def _count(self, octets: int) -> None:
        self._said += octets
        if self._said > self._allowed:
            self._refuse()
        self._take_room(self._said)

    def _refuse(self) -> None:
        self.close()
        raise TooMuch(self._allowed)

    def _take_room(self, octets: int) -> None:
        """All that the answer may need, once it is a long one."""
        if octets <= FREE or self._taken or self._kept <= FREE:
            return
        try:
            SHARED.take(self._kept, min(WAIT, self._route.expires - time.monotonic()))
        except NoRoom:
            self.close()
            raise
        self._taken = self._kept

    def _give_back(self, octets: int) -> None:
        if octets:
            self._taken -= octets
            SHARED.give_back(octets)

    def read_arrived(self, deadline: float) -> bytes:
        """All that is there of a long answer, up to the end of its last line; a line that is longer than
        16 KiB comes in pieces.  Empty at the end.

        :param deadline: when some of it has to be there, see :meth:`deadline`
        """
        while True:
            end = self._buffer.rfind(b"\n") + 1
            if end or len(self._buffer) >= _CHUNK:
                return self._take(end or len(self._buffer))
            if not self._receive(deadline):
                return b""

    def arrived(self) -> bytes:
        """What is there already, without waiting and without taking it."""
        # whatever goes wrong does so again for who reads or writes next
        with contextlib.suppress(OSError, ValueError):
            self._sock.settimeout(0)
            self._buffer += self._sock.recv(65536)
        return bytes(self._buffer[:1024])

    def put_back(self, data: bytes) -> None:
        """Take back what was read too much."""
        self._buffer[:0] = data
        self._said -= len(data)

    def start_tls(self) -> None:
        """Encrypt, and verify the server for the name in the settings, or compare its fingerprint.

        :raises MailFailure: at ``tls``; what came unencrypted after encryption was agreed is refused
            (RFC 3207 4.2, RFC 2595 2.2), as somebody on the way may have put it there
        """
        if self._has_unread():  # in TLS it is the client who begins
            early = "tls_on_plain_port" if self._endpoint.security == "tls" else "connection_tampered"
            raise MailFailure(self._endpoint, "tls", "unencrypted data where TLS was to begin", early)
        trust = self._route.trust
        with failing(self._endpoint, "tls"):
            context = client_context(trust) if trust else unverified_context()
            host = self._endpoint.ascii_host
            with self._timed(self.deadline()):
                self._sock = context.wrap_socket(self._sock, server_hostname=host)
            shown = certificate(self._sock, pinned=bool(trust and trust.fingerprint))
        if trust is None:
            raise Shown(shown)
        if shown.pinned:
            self._compare(shown, trust.fingerprint)
        self.certificate = shown
        self._route.passed("tls", shown)

    def _compare(self, shown: Certificate, fingerprint: str) -> None:
        now = datetime.now(timezone.utc)
        if shown.fingerprint != fingerprint:
            cause, raw = "certificate_changed", f"certificate {shown.fingerprint} instead of {fingerprint}"
        elif now > shown.not_after:
            cause, raw = "certificate_expired", "certificate has expired"
        elif now < shown.not_before:
            cause, raw = "certificate_not_yet_valid", "certificate is not yet valid"
        else:
            return
        raise MailFailure(self._endpoint, "tls", raw, cause, certificate=shown)

    def await_greeting(self) -> None:
        """Wait for the first bytes of a server that was not spoken to in TLS.

        :raises MailFailure: at ``connect``; silence and TLS records tell of a port that expects TLS
        """
        try:
            with failing(self._endpoint, "connect"):
                self._receive(self.deadline())
        except MailFailure as failure:
            if failure.cause == "timeout" and self._answers_tls():
                raise MailFailure(self._endpoint, "connect", failure.raw, "plain_on_tls_port") from None
            raise
        if self._buffer.startswith(_TLS_RECORDS):
            raise MailFailure(self._endpoint, "connect", "the server speaks TLS", "plain_on_tls_port")

    def _answers_tls(self) -> bool:
        self._sock.settimeout(min(self._route.timeouts.reply, 5.0))
        try:
            unverified_context().wrap_socket(self._sock, server_hostname=self._endpoint.ascii_host).close()
        except ssl.SSLError as exc:
            return "ALERT" in (exc.reason or "")
        except (OSError, ValueError):
            return False
        return True

    def _has_unread(self) -> bool:
        if self._buffer:
            return True
        self._sock.settimeout(0)
        try:
            return bool(self._sock.recv(1, socket.MSG_PEEK))
        except OSError:
            return False

    def deadline(self) -> float:
        """When a reply that is awaited now has to be there, by ``time.monotonic()``."""
        seconds = self._route.timeouts.reply
        if self.patience is not None:
            seconds = min(seconds, self.patience)
        return min(time.monotonic() + seconds, self._route.expires)

    @contextlib.contextmanager
    def _timed(self, deadline: float):
        try:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise TimeoutError("timed out")
            self._sock.settimeout(remaining)
            yield
        except (OSError, ValueError):
            self._ended = True
            raise

    def _receive(self, deadline: float) -> bool:
        with self._timed(deadline):
            data = self._sock.recv(65536)
        self._buffer += data
        self._ended = self._ended or not data
        return bool(data)

    def _take(self, size: int) -> bytes:
        with memoryview(self._buffer) as view, view[:size] as part:
            taken = bytes(part)
        del self._buffer[:size]
        self._count(len(taken))
        return taken


class Shown(Exception):
    """Carries the certificate out of a connection that was opened for a look at it."""

    def __init__(self, found: Certificate):
        super().__init__("a look at the certificate")
        self.certificate = found


@dataclass(frozen=True)
class Route:
    """The way to a server whose name is resolved.

    :param expires: when everything on the connection has to be over, by ``time.monotonic()``
    :param trust: None accepts every certificate and goes no further than the handshake (:class:`Shown`)
    """

    endpoint: Endpoint
    addresses: list[tuple[str, int]]
    timeouts: Timeouts
    expires: float
    trust: Trust | None
    on_stage: OnStage | None

    def passed(self, stage: str, detail: object) -> None:
        """Tell that a stage has ended well."""
        if self.on_stage:
            self.on_stage(stage, detail)

    def open(self) -> Connection:
        """Connect and, for ``security`` ``tls``, encrypt; otherwise wait for the greeting.

        :raises MailFailure: at ``connect`` or ``tls``
        """
        with failing(self.endpoint, "connect"):
            deadline = min(time.monotonic() + self.timeouts.connect, self.expires)
            sock, address = _dial(self.addresses, deadline)
        connection = Connection(sock, self)
        try:
            if self.endpoint.security == "tls":
                self.passed("connect", address)
                connection.start_tls()
            else:
                connection.await_greeting()
                self.passed("connect", address)
        except BaseException:
            connection.close()
            raise
        return connection


def reach(
    start: Callable[[Route], _T],
    endpoint: Endpoint,
    resolve: Resolve | None,
    timeouts: Timeouts,
    trust: Trust,
    on_stage: OnStage | None,
) -> _T:
    """Resolve, then ``start`` a session: connect, greet, encrypt; no login.

    :param start: called once, and again to see a certificate that was refused
    :raises MailFailure: at ``resolve``, or from ``start``; with the certificate, if that is the cause
    """
    expires = time.monotonic() + timeouts.total if timeouts.total is not None else float("inf")
    route = Route(endpoint, _resolve(endpoint, resolve), timeouts, expires, trust, on_stage)
    route.passed("resolve", route.addresses)
    try:
        return start(route)
    except MailFailure as failure:
        if failure.stage == "tls" and failure.cause.startswith("certificate_") and not failure.certificate:
            failure.certificate = _look(start, route)
        raise


def _look(start: Callable[[Route], object], route: Route) -> Certificate | None:
    """The certificate that the server shows; None if it shows none now."""
    timeouts = Timeouts(min(route.timeouts.connect, _LOOK), min(route.timeouts.reply, _LOOK))
    expires = min(route.expires, time.monotonic() + _LOOK)
    try:
        start(replace(route, timeouts=timeouts, expires=expires, trust=None, on_stage=None))
    except Shown as shown:
        return shown.certificate
    except MailFailure:
        return None
    raise AssertionError("a look does not end before the handshake")


def _resolve(endpoint: Endpoint, resolve: Resolve | None) -> list[tuple[str, int]]:
    try:
        addresses = list((resolve or system_addresses)(endpoint.ascii_host, endpoint.port))
    except Exception as exc:
        raise MailFailure.from_exception(exc, endpoint, "resolve") from exc
    if not addresses:
        raise MailFailure(endpoint, "resolve", "no address found", "no_such_host")
    return addresses


def _dial(addresses: list[tuple[str, int]], deadline: float) -> tuple[socket.socket, tuple[str, int]]:
    """The first address that answers; each gets its share of the time, so that a dead one leaves some.

    :raises OSError: of the last address
    """
    for left, address in zip(range(len(addresses), 0, -1), addresses, strict=True):
        share = (deadline - time.monotonic()) / left
        try:
            if share <= 0:
                raise TimeoutError("timed out")
            sock = socket.create_connection(address, share)
        except OSError:
            if left == 1:
                raise
            continue
        # imaplib sends the end of a line by itself; the system would hold it back for up to 40 ms
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock, address
    raise AssertionError("no address to dial")
