"""Reading by IMAP (RFC 3501, RFC 9051): ``imaplib`` underneath, verified, timed, UTF-8."""

import contextlib
import imaplib
from collections.abc import Callable, Iterable, Iterator

from .endpoint import DEFAULT_TIMEOUTS, Endpoint, Login, Timeouts
from .failures import MailFailure, failing, logging_in
from .imap_parse import Folder, Mark, parse_fetch, parse_list, parse_status, quote, responses
from .mailbox import MAX_SOURCE, Found, Mailbox, has_header, has_text
from .sasl import COMMAND, Exchange, choose
from .tls import SYSTEM_TRUST, Trust
from .transport import Connection, OnStage, Resolve, Route, reach

_FOLDER_ORDER = ("\\Inbox", "\\Junk", "\\All")
_NEWEST = 20  # messages whose header is read where the server's SEARCH finds nothing
_MAX_HITS = 50  # of a SEARCH that are verified: a server that ignores the criterion finds all
_MAX_READ = 5  # messages of a folder that are read whole by find_text()
# where find() looks each time after remember(), at most so many; into others if something has come there
_ALWAYS, _MAX_ALWAYS = (*_FOLDER_ORDER, "\\Sent"), 10
_MAX_OTHERS = 50  # other folders in one find() after remember(), and folders asked for their mark one by one
_MARK = "(UIDVALIDITY UIDNEXT)"
_CLIENT_NAME = '("name" "email_account")'


class _Session(imaplib.IMAP4):
    """imaplib on a :class:`Connection`; nothing it sends while logging in is kept or printed."""

    def __init__(self, connection: Connection, endpoint: Endpoint):
        self.connection, self._endpoint, self._quiet = connection, endpoint, False
        super().__init__(endpoint.host, endpoint.port)

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

    def _get_response(self):
        response = super()._get_response()
        if self._quiet:  # imaplib would wait for its turn to send, and the reason be lost
            self._check_bye()
        return response

    @property
    def encrypted(self) -> bool:
        """Whether TLS is on."""
        return self.connection.encrypted

    def _log(self, line):
        return None if self._quiet else super()._log(line)

    def _mesg(self, s, secs=None):
        return None if self._quiet else super()._mesg(s, secs)

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
                self.literal = exchange.answer
                answer, reply = self._simple_command("AUTHENTICATE", mechanism)
        finally:
            self._quiet = False
        if answer != "OK":
            raise self.error(f"{answer} {_text(reply)}")
        if exchange:
            exchange.accepted()
        self.state = "AUTH"

    def identify(self) -> None:
        """See what can be done after the login, and say our name, nothing else (RFC 2971): NetEase opens no
        folder without."""
        self._get_capabilities()
        if "ID" in self.capabilities:
            with contextlib.suppress(self.error):
                self.xatom("ID", _CLIENT_NAME)

    def folders(self, *options: str) -> list[Folder]:
        """All that can be selected, the likeliest first."""
        found = (parse_list(raw) for raw in responses(self.command("LIST", '""', '"*"', *options)))
        selectable = [folder for folder in found if folder and folder.selectable]
        order = {use: place for place, use in enumerate(_FOLDER_ORDER)}
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
                told += self._status(folder)
        return folders, dict(filter(None, map(parse_status, responses(told))))

    def _status(self, folder: Folder) -> list:
        try:
            return self.command("STATUS", quote(folder.mailbox), _MARK)
        except self.abort:
            raise
        except self.error:
            return []

    def open_folder(self, mailbox: bytes, readonly: bool) -> int:
        """EXAMINE or SELECT; how many messages it holds."""
        answer, data = self.select(quote(mailbox), readonly)
        if answer != "OK":
            raise self.error(f"{answer} {_text(data)}")
        return int(data[-1] or 0)

    @property
    def validity(self) -> int | None:
        """Of the UIDs in the open folder."""
        told = self.untagged_responses.get("UIDVALIDITY", [b""])[-1]
        return int(told) if told.isdigit() else None


class ImapMailbox(Mailbox):
    """An account's mail in all its folders; made by :func:`connect_imap`."""

    def __init__(self, session: _Session, connection: Connection, endpoint: Endpoint):
        self._session, self._connection, self.endpoint = session, connection, endpoint
        self.certificate, self.capabilities = connection.certificate, session.capabilities
        self._unread: list[str] = []
        self._noted: dict[bytes, Mark] | None = None
        self._turn = 0

    def folders(self) -> list[Folder]:
        """The folders that can be opened: inbox, junk, "all mail", then the others."""
        with self._step("select"):
            return self._session.folders()

    def remember(self) -> None:
        with self._step("select"):
            _folders, self._noted = self._session.survey(lambda folders: folders[:_MAX_OTHERS])

    def find(self, header: str, value: str) -> list[Found]:
        folders = self.folders() if self._noted is None else self._worth_a_look()
        return self._look(folders, lambda folder: self._find_in(folder, header, value))

    def find_text(self, text: str) -> list[Found]:
        folders = [folder for folder in self.folders() if folder.special_use in ("\\Inbox", "\\Junk")]
        return self._look(folders[:_MAX_ALWAYS], lambda folder: self._find_text_in(folder, text))

    def _worth_a_look(self) -> list[Folder]:
        """Where something may have come since :meth:`remember`.  If many other folders may have something,
        each call gives the next of them."""

        def split(folders: list[Folder]) -> tuple[list[Folder], list[Folder]]:
            always = [folder for folder in folders if folder.special_use in _ALWAYS][:_MAX_ALWAYS]
            return always, [folder for folder in folders if folder not in always]

        with self._step("select"):
            folders, marks = self._session.survey(
                lambda folders: [folder for folder in split(folders)[1] if folder.mailbox in self._noted]
            )
        always, others = split(folders)
        grown = [
            folder
            for folder in others
            if folder.mailbox not in marks or marks[folder.mailbox] != self._noted.get(folder.mailbox)
        ]
        start = self._turn if self._turn < len(grown) else 0
        self._turn = start + _MAX_OTHERS
        return always + grown[start : self._turn]

    def _look(self, folders: list[Folder], look: Callable[[Folder], list[Found]]) -> list[Found]:
        found = []
        for folder in folders:
            try:
                found += look(folder)
            except MailFailure:
                if folder.special_use == "\\Inbox" or not self._connection.usable:
                    raise
        return found

    def _open(self, folder: Folder) -> tuple[int, int]:
        """How many messages a folder holds, and the UID from which on they have not been there before."""
        with self._step("select"):
            count = self._session.open_folder(folder.mailbox, readonly=True)
        mark = (self._noted or {}).get(folder.mailbox)
        return count, mark.next_uid if mark and mark.validity == self._session.validity else 1

    def _find_in(self, folder: Folder, header: str, value: str) -> list[Found]:
        count, first = self._open(folder)
        if not count:
            return []
        with self._step("fetch"):
            hits = self._search(first, value, "HEADER", quote(header.encode("ascii")))[-_MAX_HITS:]
            part = f"(UID BODY.PEEK[HEADER.FIELDS ({header})])"
            if hits:
                data = self._session.command("UID", "FETCH", ",".join(hits), part)
            elif folder.special_use in ("\\Inbox", "\\Junk"):
                # some servers do not search headers, or know new mail only after a while
                data = self._session.command("FETCH", f"{max(1, count - _NEWEST + 1)}:*", part)
            else:
                return []
        uids = [
            items["UID"].decode("ascii", "replace")
            for items in parse_fetch(data)
            if "UID" in items and any(has_header(text, header, value) for text in _bodies(items))
        ]
        return [_found(folder, uid) for uid in _from(first, uids)]

    def _find_text_in(self, folder: Folder, text: str) -> list[Found]:
        count, first = self._open(folder)
        if not count:
            return []
        with self._step("fetch"):
            hits = self._search(first, text, "TEXT")
            if not hits and self._noted is not None:
                # some servers do not search what is attached, such as the mail that came back
                hits = _from(first, self._uids("SEARCH", "UID", f"{first}:*"))
        found = []
        for uid in hits[-_MAX_READ:]:
            source = self._source(uid, f"BODY.PEEK[]<0.{MAX_SOURCE}>")
            if source is not None and has_text(source, text):
                found.append(_found(folder, uid))
        return found

    def _search(self, first: int, value: str, *key) -> list[str]:
        """UIDs from ``first`` on of what a search key finds with ``value``."""
        self._session.literal = value.encode()
        charset = () if value.isascii() else ("CHARSET", "UTF-8")
        since = ("UID", f"{first}:*") if first > 1 else ()
        return _from(first, self._uids("SEARCH", *charset, *since, *key))

    def fetch(self, found: Found) -> bytes:
        return self._fetch(found, "BODY.PEEK[]")

    def fetch_header(self, found: Found) -> bytes:
        return self._fetch(found, "BODY.PEEK[HEADER]")

    def _fetch(self, found: Found, part: str) -> bytes:
        with self._step("select"):
            self._session.open_folder(found.mailbox, readonly=True)
        source = self._source(found.uid, part)
        if source is None:
            raw = f"no message {found.uid} in {found.folder}"
            raise MailFailure(self.endpoint, "fetch", raw, "message_missing")
        return source

    def _source(self, uid: str, part: str) -> bytes | None:
        with self._step("fetch"):
            data = self._session.command("UID", "FETCH", uid, f"(UID {part})")
        for items in parse_fetch(data):
            if items.get("UID") == uid.encode():
                return next(_bodies(items), None)
        return None

    def delete(self, found: Found) -> None:
        with self._step("select"):
            self._session.open_folder(found.mailbox, readonly=False)
        with self._step("fetch"):
            if "X-GM-EXT-1" in self.capabilities:
                # for Gmail an expunged message is archived, unless the user has set it otherwise
                self._session.command("UID", "STORE", found.uid, "+X-GM-LABELS", "(\\Trash)")
                return
            self._session.command("UID", "STORE", found.uid, "+FLAGS.SILENT", "(\\Deleted)")
            if "UIDPLUS" in self.capabilities:
                self._session.command("UID", "EXPUNGE", found.uid)
            elif self._uids("SEARCH", "DELETED") == [found.uid]:
                self._session.command("EXPUNGE")

    def check_unread_messages(self) -> int:
        with self._step("select"):
            self._session.open_folder(b"INBOX", readonly=False)
        with self._step("fetch"):
            self._unread = self._uids("SEARCH", "UNSEEN", "UNDELETED")
        return len(self._unread)

    def retrieve_unread_messages(self) -> Iterator[tuple[str, bytes]]:
        while self._unread:
            uid = self._unread.pop(0)
            source = self._source(uid, "BODY.PEEK[]")
            if source is not None:
                yield uid, source

    def handled_message(self, num: str) -> None:
        with self._step("fetch"):
            self._session.command("UID", "STORE", num, "+FLAGS.SILENT", "(\\Seen)")

    def disconnect(self) -> None:
        # LOGOUT expunges nothing, unlike CLOSE
        with contextlib.suppress(OSError, ValueError, imaplib.IMAP4.error):
            if self._connection.usable:
                self._session.logout()
        self._connection.close()

    def _uids(self, *criteria) -> list[str]:
        """UIDs that a UID SEARCH finds, ascending."""
        data = self._session.command("UID", *criteria)
        numbers = {number for line in data if isinstance(line, bytes) for number in line.split()}
        return [number.decode() for number in sorted(filter(bytes.isdigit, numbers), key=int)]


def connect_imap(
    endpoint: Endpoint,
    login: Login,
    *,
    resolve: Resolve | None = None,
    timeouts: Timeouts = DEFAULT_TIMEOUTS,
    safe_logon: bool = True,
    trust: Trust = SYSTEM_TRUST,
    on_stage: OnStage | None = None,
) -> ImapMailbox:
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
        with failing(endpoint, "login", login):
            session.identify()
        if on_stage:
            on_stage("login", mechanism)
        return ImapMailbox(session, session.connection, endpoint)
    except BaseException:
        session.connection.close()
        raise


def _start(route: Route) -> _Session:
    connection, endpoint = route.open(), route.endpoint
    try:
        with failing(endpoint, "connect"):
            session = _Session(connection, endpoint)
        if endpoint.security == "starttls":
            _encrypt(session, endpoint)
        return session
    except BaseException:
        connection.close()
        raise


def _encrypt(session: _Session, endpoint: Endpoint) -> None:
    if session.state != "NONAUTH":  # RFC 9051 11.1: a forged PREAUTH keeps a client from STARTTLS
        raise MailFailure(endpoint, "tls", "PREAUTH greeting", "connection_tampered")
    if "STARTTLS" not in session.capabilities:
        raise MailFailure(endpoint, "tls", "STARTTLS is not offered by the server", "starttls_required")
    with failing(endpoint, "tls"):
        session.agree_on_tls()
    session.connection.start_tls()
    with failing(endpoint, "tls"):
        session.start_again()


def _log_in(session: _Session, endpoint: Endpoint, login: Login, safe_logon: bool) -> str:
    """One attempt, unless the server wants none; the mechanism."""
    if session.state == "AUTH":
        return "PREAUTH"
    offered = [name[5:] for name in session.capabilities if name.startswith("AUTH=")]
    disabled = "LOGINDISABLED" in session.capabilities
    mechanism = choose(
        endpoint,
        login,
        offered if disabled else [*offered, COMMAND],
        encrypted=session.encrypted,
        clear_allowed=not (safe_logon or disabled),
        starttls_offered="STARTTLS" in session.capabilities,
    )
    with logging_in(endpoint, login):
        session.login_once(mechanism, login)
    return "LOGIN" if mechanism == COMMAND else mechanism


def _found(folder: Folder, uid: str) -> Found:
    return Found(folder.name, uid, folder.special_use, folder.mailbox)


def _from(first: int, uids: list[str]) -> list[str]:
    """Those from ``first`` on: ``first:*`` gives the last message even if it is before (RFC 3501 6.4.8)."""
    return [uid for uid in uids if uid.isdigit() and int(uid) >= first]


def _bodies(items: dict[str, bytes]) -> Iterator[bytes]:
    return (value for key, value in items.items() if key.startswith("BODY["))


def _text(words: list) -> str:
    return b" ".join(word for word in words if isinstance(word, bytes)).decode("utf-8", "replace")
