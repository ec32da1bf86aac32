"""Reading by IMAP (RFC 3501, RFC 9051): what is looked for in all folders; receiving is beside."""

import contextlib
import imaplib
from collections.abc import Callable, Iterator

from .allowance import MAX_HEADER, REPLY
from .endpoint import Endpoint, Login
from .failures import MailFailure, failing, logging_in
from .imap_parse import Folder, Mark, parse_fetch, quote
from .imap_receive import ITEMS, ImapReceiving, from_uid
from .imap_session import FOLDER_ORDER, ImapSession
from .mailbox import MAX_FOUND, MAX_SOURCE, Found, has_header, has_text
from .opening import open_session
from .sasl import COMMAND, choose
from .transport import Connection

_NEWEST = 20  # messages whose header is read where the server's SEARCH finds nothing
_MAX_HITS = 50  # of a SEARCH that are verified: a server that ignores the criterion finds all
_MAX_READ = 5  # messages of a folder that are read whole by find_text()
# where find() looks each time after remember(), at most so many; into others if something has come there
_ALWAYS, _MAX_ALWAYS = (*FOLDER_ORDER, "\\Sent"), 10
_MAX_OTHERS = 50  # other folders in one find() after remember(), and folders asked for their mark one by one


class ImapMailbox(ImapReceiving):
    """An account's mail in all its folders; made by :func:`connect_imap`."""

    def __init__(self, session: ImapSession, connection: Connection, endpoint: Endpoint):
        self._session, self._connection, self.endpoint = session, connection, endpoint
        self.certificate, self.capabilities = connection.certificate, session.capabilities
        self._noted: dict[bytes, Mark] | None = None
        self._turn = 0

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
        count = self._enter(folder.mailbox, readonly=True)
        mark = (self._noted or {}).get(folder.mailbox)
        return count, mark.next_uid if mark and mark.validity == self._session.validity else 1

    def _find_in(self, folder: Folder, header: str, value: str) -> list[Found]:
        count, first = self._open(folder)
        if not count:
            return []
        with self._step("fetch"):
            hits = self._search(first, value, "HEADER", quote(header.encode("ascii")))[-_MAX_HITS:]
            part = f"(UID BODY.PEEK[HEADER.FIELDS ({header})])"
            room = max(_MAX_HITS, _NEWEST) * (REPLY + ITEMS)
            if hits:
                data = self._session.command("UID", "FETCH", ",".join(hits), part, room=room)
            elif folder.special_use in ("\\Inbox", "\\Junk"):
                # some servers do not search headers, or know new mail only after a while
                data = self._session.command("FETCH", f"{max(1, count - _NEWEST + 1)}:*", part, room=room)
            else:
                return []
        uids = [
            items["UID"].decode("ascii", "replace")
            for items in parse_fetch(data)
            if "UID" in items and any(has_header(text, header, value) for text in _bodies(items))
        ]
        return [_found(folder, uid) for uid in from_uid(first, uids)]

    def _find_text_in(self, folder: Folder, text: str) -> list[Found]:
        count, first = self._open(folder)
        if not count:
            return []
        with self._step("fetch"):
            hits = self._search(first, text, "TEXT")
            if not hits and self._noted is not None:
                # some servers do not search what is attached, such as the mail that came back
                hits = from_uid(first, self._session.uids("UID", f"{first}:*"))
        found = []
        for uid in hits[-_MAX_READ:]:
            source = self._source(uid, f"BODY.PEEK[]<0.{MAX_SOURCE}>", MAX_SOURCE)
            if source is not None and has_text(source, text):
                found.append(_found(folder, uid))
        return found

    def _search(self, first: int, value: str, *key) -> list[str]:
        """UIDs from ``first`` on of what a search key finds with ``value``."""
        self._session.literal = value.encode()
        charset = () if value.isascii() else ("CHARSET", "UTF-8")
        since = ("UID", f"{first}:*") if first > 1 else ()
        return from_uid(first, self._session.uids(*charset, *since, *key))

    def fetch(self, found: Found) -> bytes:
        return self._fetch(found, "BODY.PEEK[]", MAX_FOUND)

    def fetch_header(self, found: Found) -> bytes:
        return self._fetch(found, "BODY.PEEK[HEADER]", MAX_HEADER)

    def _fetch(self, found: Found, part: str, bound: int) -> bytes:
        self._enter(found.mailbox, readonly=True)
        source = self._source(found.uid, part, bound)
        if source is None:
            raw = f"no message {found.uid} in {found.folder}"
            raise MailFailure(self.endpoint, "fetch", raw, "message_missing")
        return source

    def _source(self, uid: str, part: str, bound: int) -> bytes | None:
        """Part of a message, of so many bytes at most."""
        with self._step("fetch"):
            data = self._session.command("UID", "FETCH", uid, f"(UID {part})", room=bound + REPLY)
        for items in parse_fetch(data):
            if items.get("UID") == uid.encode():
                return next(_bodies(items), None)
        return None

    def delete(self, found: Found) -> None:
        self._enter(found.mailbox, readonly=False)
        self.remove([found.uid])

    def disconnect(self) -> None:
        # LOGOUT expunges nothing, unlike CLOSE
        with contextlib.suppress(OSError, ValueError, imaplib.IMAP4.error):
            if self._connection.usable:
                self._session.logout()
        self._connection.close()


def connect_imap(endpoint: Endpoint, login: Login, **options) -> ImapMailbox:
    """Connect, encrypt, log in; options and failures are those of :func:`~.opening.open_session`."""
    session = open_session(ImapSession, _encrypt, _log_in, endpoint, login, **options)
    return ImapMailbox(session, session.connection, endpoint)


def _encrypt(session: ImapSession, endpoint: Endpoint) -> None:
    if session.state != "NONAUTH":  # RFC 9051 11.1: a forged PREAUTH keeps a client from STARTTLS
        raise MailFailure(endpoint, "tls", "PREAUTH greeting", "connection_tampered")
    if "STARTTLS" not in session.capabilities:
        raise MailFailure(endpoint, "tls", "STARTTLS is not offered by the server", "starttls_required")
    with failing(endpoint, "tls"):
        session.agree_on_tls()
    session.connection.start_tls()
    with failing(endpoint, "tls"):
        session.start_again()


def _log_in(session: ImapSession, endpoint: Endpoint, login: Login, safe_logon: bool) -> str:
    """One attempt, unless the server wants none, and a look around; the mechanism."""
    mechanism = "PREAUTH" if session.state == "AUTH" else _prove(session, endpoint, login, safe_logon)
    with failing(endpoint, "login", login):
        session.look_around()
    return mechanism


def _prove(session: ImapSession, endpoint: Endpoint, login: Login, safe_logon: bool) -> str:
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


def _bodies(items: dict[str, bytes]) -> Iterator[bytes]:
    return (value for key, value in items.items() if key.startswith("BODY["))
