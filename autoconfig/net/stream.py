"""A socket that is read line by line and can be encrypted on the way.

``asyncio.StreamWriter.start_tls`` is new in Python 3.11, and does not tell what arrived before the handshake.
"""

import asyncio
import socket
import ssl

from ..race import Race
from .errors import NetworkError

MAX_LINE = 8192  # bytes
HEAD_START = 0.25  # seconds for an address before the next is tried as well (RFC 8305 section 5)

_CHUNK = 16384


class Stream:
    """A connected socket. Every method can be cancelled at any time; then only ``close`` is left."""

    def __init__(self, sock: socket.socket, name: str):
        """
        :param name: for messages
        """
        self._sock, self._name = sock, name
        self._buffer = bytearray()
        self._tls = None
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._loop = asyncio.get_running_loop()

    @classmethod
    async def connect(cls, addresses: list[tuple[str, int]], name: str) -> "Stream":
        """Connect to the first address that answers, each a moment after the one before.

        :raises OSError: of the last address, when none answers
        """
        error, connected = OSError("no address"), []
        waiting = list(addresses)
        try:
            async with Race() as race:
                while not connected and (waiting or race.running):
                    if waiting:
                        address = waiting.pop(0)
                        race.start(address, _dial(address, connected))
                    outcomes = await race.ended(HEAD_START if waiting else None)
                    error = next(filter(None, outcomes.values()), error)
            if not connected:
                raise error
            return cls(connected.pop(0), name)
        finally:
            for sock in connected:
                sock.close()

    async def send(self, line: str):
        data = f"{line}\r\n".encode()
        if self._tls:
            self._tls.write(data)
            await self._flush()
        else:
            await self._loop.sock_sendall(self._sock, data)

    async def line(self) -> str:
        """Return the next line without its end.

        :raises NetworkError: when it is too long, or the connection ends before
        """
        while (end := self._buffer.find(b"\n")) < 0:
            if len(self._buffer) > MAX_LINE:
                raise NetworkError("invalid", f"{self._name}: an overlong line")
            if not (data := await self._receive()):
                raise NetworkError("no_answer", f"{self._name}: closed the connection")
            self._buffer += data
        line = bytes(self._buffer[:end]).rstrip(b"\r")
        del self._buffer[: end + 1]
        return line.decode("utf-8", "replace")

    async def start_tls(self, context: ssl.SSLContext, host: str):
        """Encrypt, and verify the certificate for ``host``.

        :raises NetworkError: when something came unencrypted after encryption was agreed (RFC 3207 4.2)
        :raises ssl.SSLError: for the rest
        """
        if self._buffer:
            raise NetworkError("refused", f"{self._name}: unencrypted data where TLS was to begin")
        tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        await self._until_done(tls.do_handshake)
        self._tls = tls

    def close(self):
        self._sock.close()

    async def _receive(self):
        if not self._tls:
            return await self._loop.sock_recv(self._sock, _CHUNK)
        try:
            return await self._until_done(self._tls.read, _CHUNK)
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""

    async def _until_done(self, function, *args):
        """Call a function of the TLS layer again and again, with what it waits for."""
        while True:
            try:
                result = function(*args)
            except ssl.SSLWantReadError:
                await self._flush()
                data = await self._loop.sock_recv(self._sock, _CHUNK)
                if data:
                    self._incoming.write(data)
                else:
                    self._incoming.write_eof()
            except ssl.SSLError:
                await self._flush()  # the alert
                raise
            else:
                await self._flush()
                return result

    async def _flush(self):
        if data := self._outgoing.read():
            await self._loop.sock_sendall(self._sock, data)


async def _dial(address, connected):
    """Add a connected socket to the list, or return the error."""
    sock = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET, socket.SOCK_STREAM)
    sock.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(sock, address)
    except OSError as error:
        sock.close()
        return error
    except BaseException:
        sock.close()
        raise
    connected.append(sock)
    return None
