"""What has come since a moment.  A server knows days alone, in a zone of its own (RFC 3501 6.4.4)."""

from datetime import date, datetime, timedelta

from .failures import MailFailure
from .mailbox import Mailbox

_MARGIN = timedelta(days=2)  # no zone is as far from UTC


def day_before(moment: datetime) -> date:
    """A day that has begun before ``moment`` (aware) wherever the server is: for ``since`` of
    :meth:`Mailbox.uids`."""
    return _day(moment, -_MARGIN)


def uids_since(mailbox: Mailbox, moment: datetime | None) -> list[str]:
    """What is in the open folder and came at ``moment`` (aware) or later, oldest first; None: everything.

    What the server does not say the date of is counted in.  POP3 gives all.

    :raises MailFailure: the folder cannot be read
    """
    listed = mailbox.listing()
    if mailbox.search_limited:  # its days are not to be relied on either: each is looked at
        there = mailbox.unmarked(listed, "deleted")
        found = near = [uid for uid in listed if uid in there]
    elif moment is None:
        return mailbox.uids()
    else:
        found = mailbox.uids(since=day_before(moment))
        later = set(mailbox.uids(since=_day(moment, _MARGIN)))
        near = [uid for uid in found if uid not in later]
    if not near or moment is None:
        return found
    try:
        known = mailbox.describe(near)
    except MailFailure:
        if not mailbox.usable:
            raise
        known = {}
    arrivals = {uid: arrived for uid, (_size, arrived) in known.items() if arrived}
    return [uid for uid in found if arrivals.get(uid, moment) >= moment]


def _day(moment: datetime, distance: timedelta) -> date:
    try:
        return (moment + distance).date()
    except OverflowError:
        return moment.date()
