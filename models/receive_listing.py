"""What is to be fetched from a folder: everything that was not looked at, but for what is passed over
knowingly. No model."""

from datetime import timezone
from functools import partial
from typing import NamedTuple

from .. import mailclient
from ..mailclient.uid_sets import uid_sets
from .receive_position import Position


class Listed(NamedTuple):
    """
    :ivar uids: what is not stored yet, oldest first (text)
    :ivar since: of some of them: before which moment (aware) they are passed over
    :ivar position: `Position`
    :ivar end: UID (int) after the last one that the server has listed
    :ivar older: the day (date) from which on older mail is among them, False without one
    :ivar deleted: what is marked as deleted (text, see `email.account.folder`), False without any
    """

    uids: list
    since: dict
    position: Position
    end: int
    older: object
    deleted: object


class Listing:
    """
    :param mailbox: with the folder open
    :param folder: the `email.account.folder`
    :param mailclient.Mark mark: where it ends, as the server says
    """

    def __init__(self, mailbox, folder, mark):
        self._mailbox, self._folder, self._mark = mailbox, folder, mark
        self._account, self._validity = folder.account_id, str(mark.validity)
        self._receipts = folder.env["email.account.receipt"]

    def listing(self):
        """Return the `Listed`; a generator for `server_pool`."""
        if not self._mark.validity:
            return (yield from self._listing_without_positions())
        folder, mailbox, validity = self._folder, self._mailbox, self._validity
        was_renumbered = folder.uid_validity not in (validity, False)
        first = folder._get_position(validity)
        # both: what is marked as deleted now may be no more later
        listed = yield partial(mailbox.listing, first)
        uids = yield partial(mailbox.uids, first)
        listed = sorted({*listed, *uids}, key=int)
        end = max(int(listed[-1]) + 1 if listed else 1, first)
        seen = yield from self._looking_for_seen(first, listed, was_renumbered)
        watched, back = yield from self._looking_at_deleted()
        dated_below = folder._begin(validity, listed)
        moment = self._get_moment()
        older_day = folder.import_since
        older = yield from self._looking_for_older(older_day)
        wanted = [uid for uid in listed if uid not in seen]
        if moment and dated_below > first and not mailbox.search_limited:
            # those whose day alone is too early are passed over without a look at each
            day = mailclient.day_before(moment)
            near = set((yield partial(mailbox.uids, first, since=day, deleted=True)))
            wanted = [uid for uid in wanted if int(uid) >= dated_below or uid in near]
        candidates = {*wanted, *back, *older}
        known = self._receipts._get_known(folder, validity, list(candidates))
        # of what a SEARCH has left out, though it is there, it is asked once more: it may give only so many
        hidden = (set(wanted) - set(uids)) - known
        if hidden:
            hidden -= yield partial(mailbox.unmarked, sorted(hidden, key=int), "deleted")
        deleted = _get_text(watched | hidden)
        # what is marked no more stays on the list until it is stored: the position has passed it
        self._note_deleted(_get_text(watched | hidden | (back - known)))
        found = sorted((candidates - known) - hidden, key=int)
        since = {uid: moment for uid in found if int(uid) < dated_below} if moment else {}
        if older_day and older_day != folder.EVERYTHING:
            earlier = self._account._get_day_start(older_day)
            since |= {
                uid: min(since.get(uid, earlier), earlier)
                for uid in older
                if uid in since or int(uid) < dated_below
            }
        elif older_day:
            since = {}
        return Listed(found, since, Position(first, found, end), end, older_day, deleted)

    def _get_moment(self):
        """Return when the account's first day begins (aware), None without one."""
        day = self._account.import_from
        return self._account._get_day_start(day) if day else None

    def _looking_for_seen(self, first, listed, was_renumbered):
        """Return what is passed over as Odoo has fetched it before the account was there: marked as read."""
        folder, mailbox = self._folder, self._mailbox
        if not folder.unseen_below:
            return set()
        if was_renumbered:
            # what has come since the account is there may have been read elsewhere
            created = folder.create_date.replace(tzinfo=timezone.utc)
            recent = yield partial(mailclient.uids_since, mailbox, created)
            folder.unseen_below = recent[0] if recent else folder.UNKNOWN
        below = folder._get_unseen_below(listed)
        if below <= first:
            return set()
        before = [uid for uid in listed if int(uid) < below]
        if mailbox.search_limited:
            unseen = yield partial(mailbox.unmarked, before, "seen")
        else:
            unseen = set((yield partial(mailbox.uids, first, unseen=True, deleted=True)))
        return set(before) - unseen

    def _looking_for_older(self, day):
        """Return what is imported of what is older (list of uids)."""
        if not day:
            return []
        # it also shows whether a SEARCH gives only so many, which nothing has if nothing is new
        everything = yield partial(self._mailbox.listing, 1)
        if day == self._folder.EVERYTHING or self._mailbox.search_limited:
            return sorted((yield partial(self._mailbox.unmarked, everything, "deleted")), key=int)
        moment = self._account._get_day_start(day)
        return (yield partial(self._mailbox.uids, 1, since=mailclient.day_before(moment)))

    def _looking_at_deleted(self):
        """Return of what was marked as deleted before (sets of uids): what still is, and what is no more."""
        folder = self._folder
        if folder.uid_validity != self._validity or not folder.deleted_uids:
            return set(), set()
        uids = list(_expanded(folder.deleted_uids))
        back = yield partial(self._mailbox.unmarked, uids, "deleted")
        there = yield partial(self._mailbox.present, uids)
        return there - back, back

    def _note_deleted(self, text):
        """Remember what is marked as deleted now, before the position passes it."""
        if (self._folder.deleted_uids or False) != text:
            self._folder.deleted_uids = text

    def _listing_without_positions(self):
        """POP, and servers without UIDVALIDITY: what has no receipt is new, of what was there at the first
        look if it is not too old."""
        folder, validity = self._folder, self._validity
        uids = yield self._mailbox.uids
        self._receipts._set_still_there(folder, uids)
        known, moment = self._receipts._get_known(folder, validity, uids), self._get_moment()
        new = [uid for uid in uids if uid not in known]
        is_begun = folder.uid_validity == validity and folder.looked_date
        since = dict.fromkeys(new, moment) if moment and not is_begun else {}
        return Listed(new, since, None, 1, folder.import_since, False)


def _get_text(uids):
    return ",".join(uid_sets(uids)) or False


def _expanded(uid_set):
    """Yield the UIDs (text) of a set as IMAP writes it."""
    for part in uid_set.split(","):
        first, _colon, last = part.partition(":")
        yield from map(str, range(int(first), int(last or first) + 1))
