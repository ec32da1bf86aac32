"""One POP3 connection (RFC 1939, RFC 2449, RFC 5034): ``poplib`` underneath, verified, timed, UTF-8."""

import hashlib
import io
import poplib
from collections.abc import Callable, Iterable, Iterator

from .allowance import MARGIN, MAX_HEADER, REPLY, TooMuch
from .endpoint import Endpoint, Login
from .failures import OutOfStep
from .outside import safe_name
from .pop3_text import AnswerText
from .sasl import COMMAND, Exchange
from .transport import Connection

MAX_MESSAGES = 150_000  # in a maildrop
_LISTS = 10 << 20  # bytes of a list of them: unique ids have up to 70 (RFC 1939 7)
_MAX_EMPTY = 100  # empty lines before an answer
_DIGITS = 10  # of the number of a message
_MAX_COMMAND = 255  # octets of an AUTH command (RFC 5034 4)
_PIECE = 16384  # of a long answer has to be there within one reply time-out
_PIPELINED = 100  # commands that are sent at once at most: their answers must not wait for us to read


class Pop3Session(poplib.POP3):
    """poplib on a :class:`Connection`; nothing it sends while logging in is printed.

    :raises poplib.error_proto: from any command: the server's words, unless it said +OK
    :raises OutOfStep: from any command: the server said something that it was not asked for; the connection
        is closed
    """

    # A server that has ended one of its own lines with CRLF ends all so.  No message is asked for before.
    _crlf = False

    def __init__(self, connection: Connection, endpoint: Endpoint):
        self.connection, self._endpoint, self.capabilities = connection, endpoint, ()
        super().__init__(endpoint.host, endpoint.port)

    def _create_socket(self, timeout):
        return self.connection

    def _getline(self):
        """The next line that is not empty: some servers have those between their answers."""
        for _time in range(_MAX_EMPTY):
            line = self.file.readline()
            if not line:
                raise poplib.error_proto("-ERR EOF")
            if line.strip(b"\r\n"):
                self._crlf = self._crlf or line.endswith(b"\r\n")
                return line.removesuffix(b"\n").removesuffix(b"\r"), len(line)
        raise poplib.error_proto("nothing but empty lines")

    def _putline(self, line):
        self.keep_step()
        self.connection.allow(REPLY)
        return super()._putline(line)

    def keep_step(self) -> None:
        """Nothing may be there that was not asked for: it would pass for the answer to what is asked next.

        :raises OutOfStep: there is something
        :raises poplib.error_proto: it is the server's reason to end the session
        """
        said = self.connection.arrived().lstrip(b"\r\n")
        if said:
            self.connection.close()
            line = said.partition(b"\n")[0].rstrip(b"\r")
            if line.startswith(b"-ERR"):
                raise poplib.error_proto(line)
            raise OutOfStep("the server said more than it was asked for", line)

    def prove_step(self, number: int, size: int | None) -> None:
        """Show that the messages that were read ended where they ended: the answer to LIST comes next.

        :param number: of one of them
        :param size: its size by the whole LIST
        :raises OutOfStep: something else comes
        """
        reply = b""
        for command in ("LIST", "UIDL"):
            try:
                reply = self._shortcmd(f"{command} {number}")
                break
            except poplib.error_proto as refusal:
                [reply] = refusal.args
                if not isinstance(reply, bytes):
                    raise
                if not reply.startswith(b"-"):
                    break
        words = reply.split()
        # some leave out the number
        if words[:1] != [b"+OK"] or words[1:2] not in ([b"%d" % number], [b"%d" % (size or number)]):
            self.connection.close()
            raise OutOfStep(f"no answer to LIST {number} after the message", reply)
        self.keep_step()

    @property
    def encrypted(self) -> bool:
        """Whether TLS is on."""
        return self.connection.encrypted

    def stat(self) -> tuple[int, int]:
        try:
            return super().stat()
        except IndexError:
            raise poplib.error_proto("garbled answer to STAT") from None

    def text(self, command: str, bound: int, **end) -> bytes:
        """The answer of several lines to a command, as it is sent, without the dots that were put in.

        :param bound: bytes that it may have
        :param end: where it may end, see :class:`AnswerText`
        :raises TooMuch: it has more; the connection is closed
        """
        self._shortcmd(command)
        return self._read_text(AnswerText(crlf=self._crlf, **end), bound)

    def numbered(self, command: str) -> Iterator[tuple[int, str]]:
        """The lines of UIDL or LIST: number of the message, and what is said of it."""
        # of which there may be 100,000: one at a time
        text = io.BytesIO(self.text(command, _LISTS, lax=True))
        for count, line in enumerate(text):
            self.require_count(count)
            number, _space, value = line.decode("ascii", "backslashreplace").strip().partition(" ")
            if number.isdecimal() and number.isascii() and len(number) <= _DIGITS and value:
                yield int(number), _known_as(value)

    def require_count(self, count: int) -> None:
        """There may be so many messages.

        :raises TooMuch: there may not; the connection is closed
        """
        if count > MAX_MESSAGES:
            self.connection.close()
            raise TooMuch(MAX_MESSAGES, "messages")

    def headers(self, numbers: Iterable[int]) -> Iterator[bytes | poplib.error_proto]:
        """The headers of messages by TOP, or the refusals, in their order; asked for at once where the server
        can take that (RFC 2449 6.6)."""
        commands = [f"TOP {number} 0" for number in numbers]
        return self._each(commands, lambda _place: self._read_text(self._expected(header=True), MAX_HEADER))

    def messages(
        self,
        numbers: Iterable[int],
        sizes: dict[int, int],
        bound: Callable[[int | None], int],
        keep: int | None = None,
    ) -> Iterator[bytes | poplib.error_proto]:
        """The same for the messages themselves.

        :param sizes: by LIST; none of those that it does not tell
        :param bound: bytes that one may have, by its size
        :param keep: bytes to keep of each; the rest is read and forgotten
        """
        numbers = list(numbers)

        def read(place: int) -> bytes:
            size = sizes.get(numbers[place])
            return self._read_text(self._expected(size=size), bound(size), keep)

        return self._each([f"RETR {number}" for number in numbers], read)

    def replies(self, commands: Iterable[str]) -> Iterator[bytes | poplib.error_proto]:
        """The same for commands with answers of one line."""
        return self._each(commands, None)

    @property
    def _pipelining(self) -> bool:
        return "PIPELINING" in self.capabilities

    def _expected(self, **end) -> AnswerText:
        # a doubtful end shows by nothing following it, and with several answers to come something does
        return AnswerText(crlf=self._crlf, **({} if self._pipelining else end))

    def _each(self, commands: Iterable[str], read: Callable[[int], bytes] | None):
        commands = list(commands)
        width = _PIPELINED if self._pipelining else 1
        for start in range(0, len(commands), width):
            group = commands[start : start + width]
            self.keep_step()
            self.connection.sendall("".join(f"{command}\r\n" for command in group).encode("ascii"))
            for place in range(start, start + len(group)):
                yield self._answer(read, place)

    def _answer(self, read: Callable[[int], bytes] | None, place: int) -> bytes | poplib.error_proto:
        self.connection.allow(REPLY)
        try:
            reply = self._getresp()
        except poplib.error_proto as refusal:
            words = refusal.args[0]
            if isinstance(words, bytes) and words.startswith(b"-"):
                return refusal
            self.connection.close()
            raise
        return read(place) if read else reply

    def _read_text(self, text: AnswerText, bound: int, keep: int | None = None) -> bytes:
        # what was read ahead counts until it is put back
        self.connection.allow(bound + MARGIN if keep is None else keep + MARGIN, 0 if keep is None else bound)
        # what BytesIO has grown to is handed out without another copy
        whole, rest = io.BytesIO(), None
        deadline, due = self.connection.deadline(), _PIECE
        while rest is None:
            block = self.connection.read_arrived(deadline)
            if not block:
                raise poplib.error_proto("-ERR EOF")
            due -= len(block)
            if due <= 0:
                deadline, due = self.connection.deadline(), _PIECE
            block, rest = text.feed(block)
            whole.write(block if keep is None else block[: max(0, keep - whole.tell())])
        self.connection.put_back(rest)
        self.connection.settle()
        if text.doubtful:
            self.keep_step()
        return whole.getvalue()

    def ask_capabilities(self) -> None:
        """Note what CAPA lists, such as ``SASL PLAIN``; nothing where the server does not know it."""
        self.capabilities = self._list_capabilities()

    def _list_capabilities(self) -> tuple[str, ...]:
        try:
            lines = self.text("CAPA", REPLY, lax=True).splitlines()
        except poplib.error_proto:
            if not self.connection.usable:
                raise
            return ()
        return tuple(safe_name(line).upper() for line in lines)

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


def _known_as(value: str) -> str:
    """A unique id as it is, if it is like one (RFC 1939 7); else what is as unique, and can be stored."""
    if value == safe_name(value):
        return value
    return f"sha256:{hashlib.sha256(value.encode()).hexdigest()}"
