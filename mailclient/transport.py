"""A socket with an end to every wait, as smtplib, imaplib and poplib use one."""

import contextlib
import socket
import ssl
import time
from collections.abc import Callable

from .endpoint import Endpoint, Timeouts
from .failures import MailFailure, failing
from .tls import Certificate, certificate, client_context

Resolve = Callable[[str, int], list[tuple[str, int]]]

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

    :raises TimeoutError: from any method that reads or writes
    """

    def __init__(self, sock: socket.socket, endpoint: Endpoint, timeouts: Timeouts, expires: float):
        self._sock, self._endpoint = sock, endpoint
        self._timeouts, self._expires = timeouts, expires
        self._buffer = bytearray()
        self._ended = False
        self.certificate: Certificate | None = None
        self.last_line = b""

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
            with self._timed(self._deadline()):
                self._sock.sendall(view[start : start + _CHUNK])

    def readline(self, limit: int = -1) -> bytes:
        deadline, seen = self._deadline(), 0
        while (end := self._buffer.find(b"\n", seen)) < 0:
            seen = len(self._buffer)
            if 0 <= limit <= seen or not self._receive(deadline):
                end = seen - 1
                break
        self.last_line = self._take(end + 1 if limit < 0 else min(end + 1, limit))
        return self.last_line

    def read(self, size: int) -> bytes:  # pylint: disable=method-required-super
        while (present := len(self._buffer)) < size:
            goal, deadline = min(size, present + _CHUNK), self._deadline()
            while len(self._buffer) < goal:
                if not self._receive(deadline):
                    return self._take(size)
        return self._take(size)

    def shutdown(self, how: int) -> None:
        with contextlib.suppress(OSError):
            self._sock.shutdown(how)

    def close(self) -> None:
        self._ended = True
        self._sock.close()

    # what mailclient calls

    def start_tls(self) -> None:
        """Encrypt, and verify the server for the name in the settings.

        :raises MailFailure: at ``tls``; what came unencrypted after encryption was agreed is refused
            (RFC 3207 4.2, RFC 2595 2.2), as somebody on the way may have put it there
        """
        if self._has_unread():  # in TLS it is the client who begins
            early = "tls_on_plain_port" if self._endpoint.security == "tls" else "connection_tampered"
            raise MailFailure(self._endpoint, "tls", "unencrypted data where TLS was to begin", early)
        with failing(self._endpoint, "tls"):
            context, host = client_context(), self._endpoint.ascii_host
            with self._timed(self._deadline()):
                self._sock = context.wrap_socket(self._sock, server_hostname=host)
            self.certificate = certificate(self._sock)

    def await_greeting(self) -> None:
        """Wait for the first bytes of a server that was not spoken to in TLS.

        :raises MailFailure: at ``connect``; silence and TLS records tell of a port that expects TLS
        """
        try:
            with failing(self._endpoint, "connect"):
                self._receive(self._deadline())
        except MailFailure as failure:
            if failure.cause == "timeout" and self._answers_tls():
                raise MailFailure(self._endpoint, "connect", failure.raw, "plain_on_tls_port") from None
            raise
        if self._buffer.startswith(_TLS_RECORDS):
            raise MailFailure(self._endpoint, "connect", "the server speaks TLS", "plain_on_tls_port")

    def _answers_tls(self) -> bool:
        self._sock.settimeout(min(self._timeouts.reply, 5.0))
        try:
            client_context().wrap_socket(self._sock, server_hostname=self._endpoint.ascii_host).close()
        except ssl.SSLError as exc:
            return isinstance(exc, ssl.SSLCertVerificationError) or "ALERT" in (exc.reason or "")
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

    def _deadline(self) -> float:
        return min(time.monotonic() + self._timeouts.reply, self._expires)

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
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken


def open_connection(endpoint: Endpoint, resolve: Resolve | None, timeouts: Timeouts) -> Connection:
    """Resolve, connect and, for ``security`` ``tls``, encrypt; otherwise wait for the greeting.

    :param resolve: ``(host, port) → [(ip, port), …]``; only these addresses are tried
    :raises MailFailure: at ``resolve``, ``connect`` or ``tls``
    """
    expires = time.monotonic() + timeouts.total if timeouts.total is not None else float("inf")
    try:
        addresses = list((resolve or system_addresses)(endpoint.ascii_host, endpoint.port))
    except Exception as exc:
        raise MailFailure.from_exception(exc, endpoint, "resolve") from exc
    if not addresses:
        raise MailFailure(endpoint, "resolve", "no address found", "no_such_host")
    with failing(endpoint, "connect"):
        sock = _dial(addresses, min(time.monotonic() + timeouts.connect, expires))
    connection = Connection(sock, endpoint, timeouts, expires)
    try:
        if endpoint.security == "tls":
            connection.start_tls()
        else:
            connection.await_greeting()
    except BaseException:
        connection.close()
        raise
    return connection


def _dial(addresses: list[tuple[str, int]], deadline: float) -> socket.socket:
    """The first address that answers; each gets its share of the time, so that a dead one leaves some.

    :raises OSError: of the last address
    """
    for left, address in zip(range(len(addresses), 0, -1), addresses, strict=True):
        share = (deadline - time.monotonic()) / left
        try:
            if share <= 0:
                raise TimeoutError("timed out")
            return socket.create_connection(address, share)
        except OSError:
            if left == 1:
                raise
    raise AssertionError("no address to dial")
