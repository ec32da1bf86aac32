"""One POP3 connection (RFC 1939, RFC 2449, RFC 5034): ``poplib`` underneath, verified, timed, UTF-8."""

import io
import poplib
import re
from collections.abc import Callable, Iterable, Iterator

from .endpoint import Endpoint, Login
from .sasl import COMMAND, Exchange
from .transport import Connection

_MAX_LINE = 1 << 20  # poplib's 2048 refuses real mail
_MAX_COMMAND = 255  # octets of an AUTH command (RFC 5034 4)
_PIECE = 16384  # of a long answer has to be there within one reply time-out
_DOT = re.compile(rb"\n\.(?:(\r?\n)|(?=\.))")
_PIPELINED = 100  # commands that are sent at once at most: their answers must not wait for us to read


class Pop3Session(poplib.POP3):
    """poplib on a :class:`Connection`; nothing it sends while logging in is printed.

    :raises poplib.error_proto: from any command: the server's words, unless it said +OK
    """

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
        """Whether TLS is on."""
        return self.connection.encrypted

    def stat(self) -> tuple[int, int]:
        try:
            return super().stat()
        except IndexError:
            raise poplib.error_proto("garbled answer to STAT") from None

    def text(self, command: str, keep: int | None = None) -> bytes:
        """The answer of several lines to a command, as it is sent, without the dots that were put in.

        :param keep: bytes of it to keep; the rest is read and forgotten
        """
        self._shortcmd(command)
        return self._read_text(keep)

    def numbered(self, command: str) -> Iterator[tuple[int, str]]:
        """The lines of UIDL or LIST: number of the message, and what is said of it."""
        text = io.BytesIO(self.text(command))  # of which there may be 100,000: one at a time
        for line in text:
            number, _space, value = line.decode("ascii", "replace").strip().partition(" ")
            if number.isdecimal() and number.isascii() and value:
                yield int(number), value

    def texts(self, commands: Iterable[str], keep: int | None = None) -> Iterator[bytes | poplib.error_proto]:
        """The answers to several commands, or the refusals, in their order; sent at once where the server
        can take that (RFC 2449 6.6)."""
        return self._each(commands, lambda: self._read_text(keep))

    def replies(self, commands: Iterable[str]) -> Iterator[bytes | poplib.error_proto]:
        """The same for answers of one line."""
        return self._each(commands, None)

    def _each(self, commands: Iterable[str], read: Callable[[], bytes] | None):
        commands = list(commands)
        width = _PIPELINED if "PIPELINING" in self.capabilities else 1
        for start in range(0, len(commands), width):
            group = commands[start : start + width]
            self.connection.sendall("".join(f"{command}\r\n" for command in group).encode("ascii"))
            for _command in group:
                yield self._answer(read)

    def _answer(self, read: Callable[[], bytes] | None) -> bytes | poplib.error_proto:
        try:
            reply = self._getresp()
        except poplib.error_proto as refusal:
            words = refusal.args[0]
            if isinstance(words, bytes) and words.startswith(b"-"):
                return refusal
            self.connection.close()
            raise
        return read() if read else reply

    def _read_text(self, keep: int | None) -> bytes:
        # what BytesIO has grown to is handed out without another copy
        whole, at_start = io.BytesIO(), True
        deadline, due = self.connection.deadline(), _PIECE
        while True:
            block = self.connection.read_arrived(deadline)
            if not block:
                raise poplib.error_proto("-ERR EOF")
            due -= len(block)
            if due <= 0:
                deadline, due = self.connection.deadline(), _PIECE
            starts, at_start = at_start, block.endswith(b"\n")
            if b"\n." in block or (starts and block.startswith(b".")):
                block, rest = _unstuffed(block, starts)
                if rest is not None:
                    self.connection.put_back(rest)
                    whole.write(block if keep is None else block[: max(0, keep - whole.tell())])
                    return whole.getvalue()
            whole.write(block if keep is None else block[: max(0, keep - whole.tell())])

    def ask_capabilities(self) -> None:
        """Note what CAPA lists, such as ``SASL PLAIN``; nothing where the server does not know it."""
        self.capabilities = self._list_capabilities()

    def _list_capabilities(self) -> tuple[str, ...]:
        try:
            lines = self.text("CAPA").splitlines()
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
            reply = self._shortcmd(self._first_command(mechanism, login))
            for _challenge in range(3):
                if not reply.startswith(b"+OK"):
                    reply = self._shortcmd(exchange.answer(reply[2:]).decode())
            if not reply.startswith(b"+OK"):
                raise poplib.error_proto(reply)
            exchange.accepted()
        finally:
            self._debugging = debugging

    def _first_command(self, mechanism: str, login: Login) -> str:
        """AUTH, with the first answer where the server can take it: by RFC 1734, which CAPA does not tell
        from RFC 5034, it cannot (Microsoft 365 ends the connection); one that takes commands ahead can."""
        command = f"AUTH {mechanism}"
        if mechanism != "PLAIN" or "PIPELINING" not in self.capabilities:
            return command
        at_once = f"{command} {Exchange(self._endpoint, mechanism, login).answer(None).decode()}"
        return at_once if len(at_once) <= _MAX_COMMAND - 2 else command


def _unstuffed(block: bytes, at_start: bool) -> tuple[bytes, bytes | None]:
    """Whole lines without the dots that were put in (RFC 1939 3); what follows the end, None before it."""
    block = b"\n" + block if at_start else block
    pieces, position = [], 0
    for dot in _DOT.finditer(block):
        pieces.append(block[position : dot.start() + 1])
        position = dot.start() + 2
        if dot[1]:
            return b"".join(pieces)[at_start:], block[dot.end() :]
    pieces.append(block[position:])
    return b"".join(pieces)[at_start:], None
