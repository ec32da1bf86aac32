"""One IMAP connection (RFC 3501, RFC 9051): ``imaplib``'s commands, verified, timed, UTF-8; what the server
says is read by :mod:`.imap_reader`."""

import contextlib
import imaplib
import re
import secrets
from array import array
from collections.abc import Callable, Iterable

from .allowance import REPLY
from .endpoint import Endpoint, Login
from .imap_parse import Folder, Mark, parse_list, parse_status, quote, responses
from .imap_reader import Response, ResponseReader
from .outside import safe_name
from .sasl import COMMAND, Exchange
from .transport import Connection

FOLDER_ORDER = ("\\Inbox", "\\Junk", "\\All")
_MARK = "(UIDVALIDITY UIDNEXT)"
_CLIENT_NAME = '("name" "email_account")'
_RESPONSE_CODE = re.compile(rb"\[([A-Za-z][\w/-]*)(?: ([^\]]*))?\]")  # RFC 3501 7.1

# what a server tells of a folder or of the session: the last word counts
_LAST = {
    *("OK", "NO", "BAD", "BYE", "PREAUTH", "CAPABILITY", "EXISTS", "READ-ONLY", "READ-WRITE"),
    *("PERMANENTFLAGS", "UIDVALIDITY", "UIDNEXT"),
}
MAX_MESSAGES = 400_000  # that a SEARCH may find, if there are so many
_FEWEST = 150_000  # that it may find whatever the server says
_UID = 12  # bytes in the answer to a SEARCH: a number of 32 bits and a space
_MAX_UID = 20  # digits
LISTS = 6 << 20  # bytes of what LIST and STATUS say: some 20,000 folders
# what may be said beside an answer, and is forgotten: others mark or remove all that is in the folder
_UNASKED, _UNASKED_EACH = 8 << 20, 200
_NUMBER = re.compile(rb"(?<!\S)\d+(?!\S)")
_ASKED = re.compile(rb"BODY|RFC822|INTERNALDATE", re.IGNORECASE)


class ImapSession(imaplib.IMAP4):
    """imaplib on a :class:`Connection`; nothing that is sent is kept or printed.

    :raises imaplib.IMAP4.abort: from any command: no other can be sent, the connection is closed
    :raises OutOfStep: likewise; what the server said may be a part of a message
    """

    def __init__(self, connection: Connection, endpoint: Endpoint):
        self.connection, self._endpoint, self._quiet = connection, endpoint, False
        self._reader = ResponseReader(connection, self.abort)
        self._awaited: tuple[str, ...] = ()
        self._room = self._line = self._texts = REPLY
        # imaplib's tags are some of 56,000: whoever sends enough mail could forge an answer
        self._first_tag = secrets.randbelow(1 << 64)
        super().__init__(endpoint.host, endpoint.port)

    @property
    def is_readonly(self) -> bool:
        """A folder that can only be read is good, too."""
        return True

    @is_readonly.setter
    def is_readonly(self, _value):
        """imaplib would refuse to go on after a folder that can only be read."""

    def open(self, host: str = "", port: int = 143, timeout: float | None = None) -> None:
        self.host, self.port = host, port
        self.sock = self.file = self.connection

    def _connect(self):
        try:
            return super()._connect()
        except self.error as exc:
            if exc.args == (None,):  # imaplib takes "+OK …" for a continuation
                raise self.error(self.connection.last_line.rstrip()) from None
            raise

    def _new_tag(self):
        tag = b"%s%d" % (self.tagpre, self._first_tag + self.tagnum)
        self.tagnum += 1
        self.tagged_commands[tag] = None
        return tag

    def _get_response(self):
        """Take the next response to where imaplib has it; its first line, None if the server says "go on"."""
        found = self._reader.next(self.tagged_commands)
        last = found.pieces[-1]
        if found.tag == b"+":
            self.continuation_response = last
            return None
        if found.tag == b"*":
            self._keep(found)
        else:
            self.tagged_commands[found.tag] = (found.kind, [last])
        code = found.kind in ("OK", "NO", "BAD") and _RESPONSE_CODE.match(last)
        if code:
            self._keep_last(code[1].decode("ascii").upper(), code[2])
        if self._quiet:  # imaplib would wait for its turn to send, and the reason be lost
            self._check_bye()
        return found.line

    def _keep(self, found: Response) -> None:
        """What is asked for; of other things that are of use, the last word."""
        if found.kind not in self._awaited:
            if len(found.pieces) == 1:
                self._keep_last(found.kind, found.pieces[0])
        elif found.kind != "FETCH" or len(found.pieces) > 1 or _ASKED.search(found.pieces[0]):
            self._reader.keep(found)
            for piece in found.pieces:
                self._append_untagged(found.kind, piece)

    def _keep_last(self, kind: str, said: bytes | None) -> None:
        if kind in _LAST:
            self.untagged_responses.pop(kind, None)
            self._append_untagged(kind, said)

    def _get_capabilities(self):
        told = self.untagged_responses.pop("CAPABILITY", None)
        if not told:  # neither by the greeting nor by the answer to the login (RFC 3501 7.1)
            super()._get_capabilities()
            return
        self.capabilities = tuple(map(safe_name, told[-1].decode("ascii", "replace").upper().split()))

    @property
    def encrypted(self) -> bool:
        """Whether TLS is on."""
        return self.connection.encrypted

    def _log(self, line):
        """imaplib keeps the last lines, for a debugger: there may be passwords in them, and megabytes."""

    def _mesg(self, s, secs=None):
        return None if self._quiet else super()._mesg(s, secs)

    def _simple_command(self, name, *args):
        self._reader.begin(self._room, self._line, self._texts)
        self.connection.allow(max(self._room, self._line), _UNASKED + _UNASKED_EACH * self.exists)
        try:
            return super()._simple_command(name, *args)
        except (self.abort, ValueError):  # what comes next answers nothing that will be asked
            self.connection.close()
            raise

    def command(self, name: str, *arguments, room: int = REPLY, line: int = 0, texts: int = 0) -> list:
        """Send a command and return its untagged data.

        :param room: bytes that these may take, see :class:`ResponseReader`
        :param line: bytes of a line that SEARCH answers with
        :param texts: bytes of ``room`` for what is no literal; 0 is all
        :raises imaplib.IMAP4.error: the server's words, unless it said OK
        :raises TooMuch: it takes more; the connection is closed
        """
        response = arguments[0] if name == "UID" else name
        self.untagged_responses.pop(response, None)
        self._room, self._line, self._texts = room, line, texts or room
        self._awaited = (response, "STATUS") if response == "LIST" else (response,)
        try:
            answer, words = self._simple_command(name, *arguments)
            if answer != "OK":
                raise self.error(f"{answer} {_text(words)}")
            return self.untagged_responses.pop(response, [])
        finally:
            self._awaited = ()
            self._room = self._line = self._texts = REPLY
            self.untagged_responses.pop(response, None)
            self.connection.settle()

    @property
    def octets(self) -> int:
        """What the server has said since the last command."""
        return self._reader.octets

    @property
    def exists(self) -> int:
        """Messages in the open folder, by the server, as far as it matters; 0 where it does not say."""
        told = self._last_told("EXISTS")
        return min(int(told), MAX_MESSAGES) if told.isdigit() and len(told) < _MAX_UID else 0

    def uids(self, *criteria) -> list[str]:
        """UIDs that a UID SEARCH finds, ascending.

        :raises TooMuch: it finds more than there are
        """
        most = max(self.exists, _FEWEST)
        size = most * _UID
        numbers = _numbers(self.command("UID", "SEARCH", *criteria, room=size + REPLY, line=size))
        if len(numbers) > most:
            raise self._reader.too_much()
        return _texts(numbers)

    def agree_on_tls(self) -> None:
        """STARTTLS (RFC 3501 6.2.1), up to the server's consent."""
        answer, words = self._simple_command("STARTTLS")
        if answer != "OK":
            raise self.error(f"{answer} {_text(words)}")

    def start_again(self) -> None:
        """Forget what was said before TLS began."""
        self.untagged_responses.clear()
        self._get_capabilities()

    def login_once(self, mechanism: str, login: Login) -> None:
        """One attempt; the server's refusal is raised word for word."""
        exchange = None if mechanism == COMMAND else Exchange(self._endpoint, mechanism, login)
        self._quiet = True
        try:
            if not exchange:
                words = (quote(part.encode()) for part in (login.username, login.password))
                answer, reply = self._simple_command("LOGIN", *words)
            else:
                # one round trip less (RFC 4959)
                at_once = mechanism == "PLAIN" and "SASL-IR" in self.capabilities
                initial = [exchange.answer(None)] if at_once else []
                self.literal = exchange.answer
                answer, reply = self._simple_command("AUTHENTICATE", mechanism, *initial)
        finally:
            self._quiet = False
        if answer != "OK":
            raise self.error(f"{answer} {_text(reply)}")
        if exchange:
            exchange.accepted()
        self.state = "AUTH"

    def look_around(self) -> None:
        """See what can be done after the login; say our name where a server is known to ask for it."""
        self._get_capabilities()
        if b"Coremail" in self.welcome or "X-CM-EXT-1" in self.capabilities:
            self.identify()

    def identify(self) -> bool:
        """Say our name, nothing else (RFC 2971): NetEase opens no folder without.

        :return: whether the server took it
        """
        if "ID" not in self.capabilities:
            return False
        try:
            return self.xatom("ID", _CLIENT_NAME)[0] == "OK"
        except self.abort:
            raise
        except self.error:
            return False

    def folders(self, *options: str) -> list[Folder]:
        """All that can be selected, the likeliest first."""
        told = self.command("LIST", '""', '"*"', *options, room=LISTS)
        found = map(parse_list, responses(told))
        selectable = [folder for folder in found if folder and folder.selectable]
        order = {use: place for place, use in enumerate(FOLDER_ORDER)}
        return sorted(selectable, key=lambda folder: order.get(folder.special_use, len(order)))

    def survey(
        self, worth_asking: Callable[[list[Folder]], Iterable[Folder]]
    ) -> tuple[list[Folder], dict[bytes, Mark]]:
        """The folders, and the marks of those that the server tells: all at once (RFC 5819), or one by one of
        those that are ``worth_asking``."""
        if "LIST-STATUS" in self.capabilities:
            self.untagged_responses.pop("STATUS", None)
            uses = "SPECIAL-USE " * ("SPECIAL-USE" in self.capabilities)
            folders = self.folders(f"RETURN ({uses}STATUS {_MARK})")
            told = self.untagged_responses.pop("STATUS", [])
        else:
            folders, told = self.folders(), []
            for folder in worth_asking(folders):
                with self.refusable():
                    told += self.status(folder.mailbox)
        return folders, dict(filter(None, map(parse_status, responses(told))))

    @contextlib.contextmanager
    def refusable(self):
        """The server may say no to what is asked within."""
        try:
            yield
        except self.error as refusal:
            if isinstance(refusal, self.abort):
                raise

    def status(self, mailbox: bytes) -> list:
        """What STATUS says of a folder's mark."""
        return self.command("STATUS", quote(mailbox), _MARK)

    def status_of(self, patterns: Iterable[bytes]) -> list:
        """The same of several, in one command (RFC 5258 3, RFC 5819)."""
        self.untagged_responses.pop("STATUS", None)
        asked = b"(" + b" ".join(patterns) + b")"
        self.command("LIST", '""', asked, f"RETURN (STATUS {_MARK})", room=LISTS)
        return self.untagged_responses.pop("STATUS", [])

    def open_folder(self, mailbox: bytes, readonly: bool) -> int:
        """EXAMINE or SELECT; how many messages it holds."""
        self.untagged_responses.clear()
        self.state = "AUTH"  # whatever was open is closed
        answer, data = self._simple_command("EXAMINE" if readonly else "SELECT", quote(mailbox))
        if answer != "OK":
            raise self.error(f"{answer} {_text(data)}")
        self.state = "SELECTED"
        return self.exists

    @property
    def validity(self) -> int | None:
        """Of the UIDs in the open folder."""
        return self._told("UIDVALIDITY")

    @property
    def next_uid(self) -> int | None:
        """Of the open folder, when it was opened."""
        return self._told("UIDNEXT")

    def _last_told(self, kind: str) -> bytes:
        return self.untagged_responses.get(kind, [b""])[-1] or b""

    def _told(self, code: str) -> int | None:
        told = self._last_told(code)
        return int(told) if told.isdigit() else None


def _text(words: list) -> str:
    return b" ".join(word for word in words if isinstance(word, bytes)).decode("utf-8", "replace")


def _numbers(lines: list) -> array:
    """The numbers in them, small: there may be 400,000."""
    numbers = array("Q")
    for line in lines:
        if isinstance(line, bytes):
            found = _NUMBER.finditer(line)
            numbers.extend(int(match[0]) for match in found if match.end() - match.start() < _MAX_UID)
    return numbers


def _texts(numbers: array) -> list[str]:
    """Each once, ascending."""
    ascending = array("Q", sorted(numbers))
    # a set would take several times the memory
    return [str(n) for place, n in enumerate(ascending) if not place or n != ascending[place - 1]]
