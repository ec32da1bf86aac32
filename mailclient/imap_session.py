"""One IMAP connection (RFC 3501, RFC 9051): ``imaplib``'s commands, verified, timed, UTF-8; what the server
says is read by :mod:`.imap_reader`."""

import contextlib
import imaplib
import re
import secrets
from collections.abc import Callable, Iterable

from .endpoint import Endpoint, Login
from .imap_parse import Folder, Mark, parse_list, parse_status, quote, responses
from .imap_reader import ResponseReader
from .outside import safe_name
from .sasl import COMMAND, Exchange
from .transport import Connection

FOLDER_ORDER = ("\\Inbox", "\\Junk", "\\All")
_MARK = "(UIDVALIDITY UIDNEXT)"
_CLIENT_NAME = '("name" "email_account")'
_CODE = re.compile(rb"\[([A-Za-z][\w/-]*)(?: ([^\]]*))?\]")  # RFC 3501 7.1


class ImapSession(imaplib.IMAP4):
    """imaplib on a :class:`Connection`; nothing that is sent is kept or printed.

    :raises imaplib.IMAP4.abort: from any command: no other can be sent, the connection is closed
    :raises OutOfStep: likewise; what the server said may be a part of a message
    """

    def __init__(self, connection: Connection, endpoint: Endpoint):
        self.connection, self._endpoint, self._quiet = connection, endpoint, False
        self._reader = ResponseReader(connection, self.abort)
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
            for piece in found.pieces:
                self._append_untagged(found.kind, piece)
        else:
            self.tagged_commands[found.tag] = (found.kind, [last])
        code = found.kind in ("OK", "NO", "BAD") and _CODE.match(last)
        if code:
            self._append_untagged(code[1].decode("ascii").upper(), code[2])
        if self._quiet:  # imaplib would wait for its turn to send, and the reason be lost
            self._check_bye()
        return found.line

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
        self._reader.begin()
        try:
            return super()._simple_command(name, *args)
        except (self.abort, ValueError):  # what comes next answers nothing that will be asked
            self.connection.close()
            raise

    def command(self, name: str, *arguments) -> list:
        """Send a command and return its untagged data.

        :raises imaplib.IMAP4.error: the server's words, unless it said OK
        """
        response = arguments[0] if name == "UID" else name
        if response not in ("LIST", "SEARCH", "STATUS"):
            response = "FETCH"
        self.untagged_responses.pop(response, None)
        answer, words = self._simple_command(name, *arguments)
        if answer != "OK":
            raise self.error(f"{answer} {_text(words)}")
        return self.untagged_responses.pop(response, [])

    @property
    def octets(self) -> int:
        """What the server has said since the last command."""
        return self._reader.octets

    def uids(self, *criteria) -> list[str]:
        """UIDs that a UID SEARCH finds, ascending."""
        numbers = {
            int(number)
            for line in self.command("UID", "SEARCH", *criteria)
            if isinstance(line, bytes)
            for number in line.split()
            if number.isdigit()
        }
        return list(map(str, sorted(numbers)))

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
        found = (parse_list(raw) for raw in responses(self.command("LIST", '""', '"*"', *options)))
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
        self.command("LIST", '""', b"(" + b" ".join(patterns) + b")", f"RETURN (STATUS {_MARK})")
        return self.untagged_responses.pop("STATUS", [])

    def open_folder(self, mailbox: bytes, readonly: bool) -> int:
        """EXAMINE or SELECT; how many messages it holds."""
        self.untagged_responses.clear()
        self.state = "AUTH"  # whatever was open is closed
        answer, data = self._simple_command("EXAMINE" if readonly else "SELECT", quote(mailbox))
        if answer != "OK":
            raise self.error(f"{answer} {_text(data)}")
        self.state = "SELECTED"
        return int(self.untagged_responses.get("EXISTS", [b"0"])[-1] or 0)

    @property
    def validity(self) -> int | None:
        """Of the UIDs in the open folder."""
        return self._told("UIDVALIDITY")

    @property
    def next_uid(self) -> int | None:
        """Of the open folder, when it was opened."""
        return self._told("UIDNEXT")

    def _told(self, code: str) -> int | None:
        told = self.untagged_responses.get(code, [b""])[-1] or b""
        return int(told) if told.isdigit() else None


def _text(words: list) -> str:
    return b" ".join(word for word in words if isinstance(word, bytes)).decode("utf-8", "replace")
