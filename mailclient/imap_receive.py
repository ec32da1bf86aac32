"""Receiving by IMAP: what has come into a folder, many messages in one command."""

import contextlib
import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime

from .allowance import REPLY
from .causes import parse
from .failures import PASSING, MailFailure, OutOfStep
from .imap_parse import (
    MONTHS,
    Folder,
    Mark,
    parse_date,
    parse_messages,
    parse_status,
    quote,
    responses,
)
from .imap_session import MAX_MESSAGES, ImapSession
from .mailbox import Mailbox, has_header
from .uid_sets import MAX_LENGTH, uid_sets

_MAX_LISTED = 200  # messages that are asked for at a time where a SEARCH gives only so many
ITEMS = 512  # bytes of what FETCH says of a message beside its text
_MAX_LOCATED = 50  # hits that are verified: a server that ignores the criterion finds all


_DELETED = "\\Deleted"
_NO_RIGHT = {"NOPERM", "READ-ONLY"}  # RFC 5530 3, RFC 3501 7.1
_READ_ONLY = re.compile(r"read.?only|permission denied|not permitted|access denied", re.IGNORECASE)


class ImapReceiving(Mailbox):
    """The part of :class:`ImapMailbox` that receives."""

    _session: ImapSession
    _sizes: dict[str, int]  # in the open folder, as far as they were asked for
    _exists = 0  # messages in the open folder
    _at_once = _MAX_LISTED  # messages that a SEARCH gives for certain
    _kept: set[bytes] | None = None  # flags that the open folder keeps; None: the server does not say

    def folders(self) -> list[Folder]:
        with self._step("select"):
            return self._session.folders()

    def marks(self, mailboxes: list[bytes]) -> dict[bytes, Mark]:
        told, at_once = {}, {"LIST-EXTENDED", "LIST-STATUS"} <= set(self.capabilities)
        with self._step("select"):
            # in a pattern of LIST these stand for other characters
            patterns = [quote(name) for name in mailboxes if at_once and not set(name) & set(b"*%")]
            for group in _groups(patterns if len(patterns) > 1 else []):
                with self._session.refusable():
                    told |= _marks(self._session.status_of(group))
        found = {}
        for name in mailboxes:
            mark = told.get(_canonical(name)) or self._mark(name)
            if mark:
                found[name] = mark
        return found

    def _mark(self, mailbox: bytes) -> Mark | None:
        """Of one folder; None if it is not there."""
        with self._may_be_missing(), self._step("select"):
            return _marks(self._session.status(mailbox)).get(_canonical(mailbox), Mark(0, 0))
        return None

    @contextlib.contextmanager
    def _may_be_missing(self):
        """The server may say no, unless it says that it is not a good moment."""
        try:
            yield
        except MailFailure as failure:
            if not self._connection.usable or failure.cause in PASSING:
                raise

    def open(self, mailbox: bytes) -> Mark:
        try:
            self._exists = self._enter(mailbox, readonly=False)
        except MailFailure as failure:
            self._exists = self._enter_refused(mailbox, failure)
        self.search_limited, self._at_once = False, _MAX_LISTED
        told = self._session.untagged_responses
        self._kept = set() if "READ-ONLY" in told else _flags(told.get("PERMANENTFLAGS"))
        return Mark(self._session.validity or 0, self._session.next_uid or 0)

    def _enter_refused(self, mailbox: bytes, failure: MailFailure) -> int:
        """Open to read alone what cannot be changed; how many messages it holds.

        :raises MailFailure: it cannot be read either
        """
        if not self._connection.usable:
            raise failure
        if parse("imap", failure.raw).response in _NO_RIGHT:
            with contextlib.suppress(MailFailure):
                return self._enter(mailbox, readonly=True)
        elif failure.cause == "unknown" and not self._is_listed(mailbox):
            raise MailFailure(self.endpoint, "select", failure.raw, "folder_missing") from failure
        raise failure

    def _enter(self, mailbox: bytes, readonly: bool) -> int:
        """Open a folder, with our name if the server wants that; how many messages it holds."""
        self._sizes = {}
        try:
            with self._step("select"):
                return self._session.open_folder(mailbox, readonly)
        except MailFailure as failure:
            if failure.cause != "client_id_required":
                raise
            with self._step("select"):
                if not self._session.identify():
                    raise
        with self._step("select"):
            return self._session.open_folder(mailbox, readonly)

    def _is_listed(self, mailbox: bytes) -> bool:
        with self._step("select"):
            return any(
                _canonical(folder.mailbox) == _canonical(mailbox) for folder in self._session.folders()
            )

    def uids(
        self, first: int = 1, *, since: date | None = None, unseen: bool = False, deleted: bool = False
    ) -> list[str]:
        criteria = [
            *(("UID", f"{first}:*") if first > 1 else ()),
            *_since(since),
            *(["UNSEEN"] * unseen),
            *(["UNDELETED"] * (not deleted)),
        ]
        with self._step("fetch"):
            found = self._session.uids(*(criteria or ["ALL"]))
        return from_uid(first, found)

    def listing(self, first: int = 1) -> list[str]:
        found = self.uids(first, deleted=True)
        # all from a UID on are the last ones of the folder: so the one before them has to have a lower UID
        missing = self._exists - len(found)
        if found and missing > 0 and (before := self._numbered(missing, missing)) and int(before[0]) >= first:
            found = self._listing_in_parts(first, found)
        return found

    def _listing_in_parts(self, first: int, found: list[str]) -> list[str]:
        """The server's SEARCH gives only so many: ask by numbers, from the end on."""
        self.search_limited, self._at_once = True, min(len(found), _MAX_LISTED)
        known, end = set(found), self._exists
        while end > 0:
            part = self._numbered(max(end - self._at_once + 1, 1), end)
            known.update(from_uid(first, part))
            if len(known) > MAX_MESSAGES:
                raw = f"more than {MAX_MESSAGES} messages"
                raise MailFailure(self.endpoint, "fetch", raw, "answer_too_long")
            if not part or int(part[0]) < first:
                break
            end -= self._at_once
        return sorted(known, key=int)

    def _numbered(self, start: int, end: int) -> list[str]:
        """UIDs of the messages with these numbers; none if the server does not understand the question."""
        with self._step("fetch"), self._session.refusable():
            found = self._session.uids(f"{start}:{end}" if start < end else str(start))
            return found if len(found) <= end - start + 1 else []
        return []

    def unmarked(self, uids: list[str], mark: str) -> set[str]:
        found = set()
        for start in range(0, len(uids), self._at_once):
            for uid_set in uid_sets(uids[start : start + self._at_once]):
                with self._step("fetch"):
                    found.update(self._session.uids("UID", uid_set, f"UN{mark.upper()}"))
        return found & set(uids)

    def count(self, since: date | None = None) -> int:
        return len(self.uids(since=since))

    def arrivals(self, uids: list[str]) -> dict[str, datetime]:
        return {
            uid: arrived
            for uid, items in self._items(uids, "(UID INTERNALDATE)")
            if (arrived := parse_date(items.get("INTERNALDATE", b"")))
        }

    def describe(self, uids: list[str]) -> dict[str, tuple[int, datetime | None]]:
        found = {}
        for uid, items in self._items(uids, "(UID RFC822.SIZE INTERNALDATE)"):
            size = items.get("RFC822.SIZE", b"")
            if size.isdigit():
                found[uid] = int(size), parse_date(items.get("INTERNALDATE", b""))
        self._sizes |= {uid: size for uid, (size, _arrived) in found.items()}
        return found

    def _items(
        self, uids: list[str], items: str, each: int = 0
    ) -> Iterator[tuple[str, dict[str, bytes]]]:
        """What FETCH says of each that is still there.

        :param each: bytes that it says of one beside the usual ones
        """
        wanted = set(uids)
        for uid_set in uid_sets(uids):
            with self._step("fetch"):
                fetched = self._fetched(uid_set, items, len(uids) * ITEMS, len(uids) * each)
            for found in fetched:
                uid = found.get("UID", b"").decode("ascii", "replace")
                if uid in wanted:
                    yield uid, found

    def sources(self, uids: list[str], header_only: bool = False) -> dict[str, bytes]:
        section = "[HEADER]" if header_only else "[]"
        found, wanted = {}, set(uids)
        with self._step("fetch"):
            room = self._bound([self._sizes.get(uid) for uid in uids], header_only)
        for uid_set in uid_sets(uids):
            read = self._read(uid_set, section, len(uids) * ITEMS, room)
            if not header_only and not read.keys() <= wanted:
                self._require_whole({uid: len(read[uid]) for uid in read.keys() & wanted})
            found |= read
        return {uid: found[uid] for uid in uids if uid in found}

    def _require_whole(self, lengths: dict[str, int]) -> None:
        """A message that was not asked for may be the end of one that was.

        :raises MailFailure: at ``fetch``, ``framing_broken``: what one lacks may be among what was read
        """
        for uid, length in lengths.items():
            if length < self._sizes.get(uid, 0) <= self._session.octets:
                self._connection.close()
                raw = f"less of message {uid} than there is, and another that was not asked for"
                raise MailFailure(self.endpoint, "fetch", raw, "framing_broken")

    def _read(self, uid_set: str, section: str, texts: int, literals: int) -> dict[str, bytes]:
        found = {}
        with self._step("fetch"):
            for items in self._fetched(uid_set, f"(UID BODY.PEEK{section})", texts, literals):
                body = next((value for key, value in items.items() if key.startswith(f"BODY{section}")), None)
                uid = items.get("UID", b"").decode("ascii", "replace")
                if body is not None and uid and found.setdefault(uid, body) != body:
                    self._connection.close()
                    raise OutOfStep(f"two different messages {uid}")
        return found

    def _fetched(self, uid_set: str, items: str, texts: int, literals: int) -> list[dict[str, bytes]]:
        """What FETCH says.

        :param texts: bytes that items may take beside :data:`~.allowance.REPLY`
        :param literals: bytes that the messages may take
        :raises OutOfStep: it is garbled, and what comes next may be a part of a message
        """
        texts += REPLY
        data = self._session.command("UID", "FETCH", uid_set, items, room=texts + literals, texts=texts)
        try:
            return list(parse_messages(data))
        except ValueError as broken:
            self._connection.close()
            raise OutOfStep(str(broken)) from broken

    def present(self, uids: list[str]) -> set[str]:
        found = set()
        for start in range(0, len(uids), self._at_once):
            for uid_set in uid_sets(uids[start : start + self._at_once]):
                with self._step("fetch"):
                    found.update(self._session.uids("UID", uid_set))
        return found & set(uids)

    def mark_seen(self, uids: list[str]) -> None:
        self._check_kept("\\Seen")
        self._store(uids, "+FLAGS.SILENT", "(\\Seen)")

    def move(self, uids: list[str], mailbox: bytes) -> None:
        able = "MOVE" in self.capabilities
        if not able:
            self._check_kept(_DELETED)  # else there would be a copy more each time
        for uid_set in uid_sets(uids, MAX_LENGTH - 2 * len(mailbox)):
            try:
                with self._changing("select"):
                    self._session.command("UID", "MOVE" if able else "COPY", uid_set, quote(mailbox))
            except MailFailure as failure:
                if "[TRYCREATE]" in failure.raw.upper():
                    raise MailFailure(self.endpoint, "select", failure.raw, "folder_missing") from failure
                raise
        if not able:
            self._expunge(uids)

    def remove(self, uids: list[str]) -> None:
        if "X-GM-EXT-1" in self.capabilities:
            # for Gmail an expunged message is archived, unless the user has set it otherwise
            self._store(uids, "+X-GM-LABELS", "(\\Trash)")
        else:
            self._expunge(uids)

    def _expunge(self, uids: list[str]) -> None:
        self._check_kept(_DELETED)
        self._store(uids, "+FLAGS.SILENT", f"({_DELETED})")
        with self._changing("fetch"):
            if "UIDPLUS" in self.capabilities:
                for uid_set in uid_sets(uids):
                    self._session.command("UID", "EXPUNGE", uid_set)
            elif set(self._session.uids("DELETED")) <= set(uids):
                self._session.command("EXPUNGE")
            else:
                return  # somebody else's would go too: they go with these
        # who may mark but not expunge is told OK by Dovecot, and nothing happens
        left = self.present(uids)
        if left:
            raise MailFailure(
                self.endpoint, "fetch", f"OK, but {len(left)} are still there after EXPUNGE", "read_only"
            )

    def _store(self, uids: list[str], change: str, value: str) -> None:
        with self._changing("fetch"):
            for uid_set in uid_sets(uids):
                self._session.command("UID", "STORE", uid_set, change, value)

    @contextlib.contextmanager
    def _changing(self, stage: str):
        """The server may say that we have no right to do what is asked within."""
        try:
            with self._step(stage):
                yield
        except MailFailure as failure:
            if parse("imap", failure.raw).response in _NO_RIGHT or _READ_ONLY.search(failure.raw):
                raise MailFailure(self.endpoint, stage, failure.raw, "read_only") from failure
            raise

    def _check_kept(self, flag: str) -> None:
        """Servers say OK to a STORE and keep nothing where we have no right (Dovecot with an ACL).

        :raises MailFailure: the server says that it does not keep it (PERMANENTFLAGS, RFC 3501 7.1)
        """
        if self._kept is not None and flag.lower().encode() not in self._kept:
            raise MailFailure(self.endpoint, "fetch", f"[READ-ONLY] {flag} is not kept here", "read_only")

    def locate(self, message_id: str) -> str | None:
        name = "Message-ID"
        with self._step("fetch"):
            self._session.literal = message_id.encode()
            charset = () if message_id.isascii() else ("CHARSET", "UTF-8")
            hits = self._session.uids(*charset, "HEADER", quote(name.encode()))[:_MAX_LOCATED]
        for uid, items in self._items(hits, f"(UID BODY.PEEK[HEADER.FIELDS ({name})])", REPLY):
            if any(
                has_header(text, name, message_id) for key, text in items.items() if key.startswith("BODY[")
            ):
                return uid
        return None


def from_uid(first: int, uids: list[str]) -> list[str]:
    """Those from that one on: "first:*" gives the last message even if it is before (RFC 3501 6.4.8)."""
    return [uid for uid in uids if uid.isdigit() and int(uid) >= first]


def _since(day: date | None) -> Iterable[str]:
    return ("SINCE", f"{day.day}-{MONTHS[day.month - 1]}-{day.year:04}") if day else ()


def _flags(told: list | None) -> set[bytes] | None:
    """The flags in a response code, in lower case; None if there is none."""
    return set((told[-1] or b"").strip(b"()").lower().split()) if told else None


def _marks(told: list) -> dict[bytes, Mark]:
    found = {}
    for raw in responses(told):
        name_and_mark = parse_status(raw)
        if name_and_mark:
            found[_canonical(name_and_mark[0])] = name_and_mark[1]
    return found


def _canonical(mailbox: bytes) -> bytes:
    """The inbox is the only name of which case does not matter (RFC 3501 5.1)."""
    return b"INBOX" if mailbox.upper() == b"INBOX" else mailbox


def _groups(patterns: list[bytes]) -> Iterator[list[bytes]]:
    """As many as a command may hold."""
    group, used = [], 0
    for pattern in patterns:
        if group and used + len(pattern) > MAX_LENGTH:
            yield group
            group, used = [], 0
        group.append(pattern)
        used += len(pattern) + 1
    if group:
        yield group
