"""Which message a server means that says no to many: what it refuses of one must not keep back the others."""

from collections.abc import Callable

from .failures import MailFailure, concerns_message
from .mailbox import Mailbox

# so many refusals, and nothing given: it is not about messages; the second where the server speaks of limits
_HOPELESS, _LIMITED = 60, 8
_LIMITS = {"rate_limited", "too_many_connections"}


def narrowed(
    mailbox: Mailbox, ask: Callable, function: Callable, uids: list[str], *arguments
) -> tuple[dict, dict[str, MailFailure]]:
    """What ``function`` finds of each message, and the refusals of those that the server refuses even when
    they are asked for alone.  A refusal is halved, so that each of the others is given once.

    :param ask: calls ``function`` with uids and ``arguments``
    :raises MailFailure: the connection did not survive it, or the server gives nothing at all
    """
    found, refused, groups, first, count = {}, {}, [uids], None, 0
    while groups:
        group = groups.pop(0)
        try:
            found |= ask(function, group, *arguments)
        except MailFailure as failure:
            first, count = first or failure, count + 1
            if not mailbox.usable:
                raise
            if not found and count > (_LIMITED if first.cause in _LIMITS else _HOPELESS):
                raise first from None
            if len(group) == 1:
                refused[group[0]] = failure
            else:
                middle = len(group) // 2
                groups[:0] = [group[:middle], group[middle:]]
    return found, refused


class Judge:
    """Whether messages are to blame that a server has not given, or the moment.

    :param alone: each is asked for by itself, after a failure: whether it is the moment ("try again later")
        or the message is told by whether the server gives another one at the same moment
    :ivar last_given: uid of a message that the server has given; ``""`` without one
    :ivar refused: uids of those that nothing could be said of, when a failure was raised
    """

    def __init__(self, mailbox: Mailbox, ask: Callable, alone: bool):
        self._mailbox, self._ask, self._alone = mailbox, ask, alone
        self.last_given = ""
        self.refused: list[str] = []

    def withheld(
        self, silent: list[str], refusals: dict[str, MailFailure], given: list[str], others: list[str]
    ) -> set[str]:
        """Which of ``silent`` are there, though the server does not give them.

        :param refusals: what it has said to some of them
        :param given: messages that it has given along with them
        :param others: more that it could be asked for
        :raises MailFailure: it may be the moment, not these
        """
        found, _refused = narrowed(self._mailbox, self._ask, self._present, silent)
        there = {uid for uid in silent if found.get(uid, True)}  # the question was refused, too
        passing = [uid for uid in silent if uid in there and uid in refusals and _passes(refusals[uid])]
        if not there or (not self._alone and not passing and (given or len(there) == 1)):
            return there
        if (self._alone or not passing) and self._gives(given, others):
            return there
        self.refused = passing or [uid for uid in silent if uid in there]
        raise refusals.get(self.refused[0]) or MailFailure(
            self._mailbox.endpoint, "fetch", f"{len(there)} messages are listed, none is given"
        )

    def _present(self, uids: list[str]) -> dict[str, bool]:
        there = self._mailbox.present(uids)
        return {uid: uid in there for uid in uids}

    def _gives(self, given: list[str], others: list[str]) -> bool:
        """Whether the server gives a message at this moment."""
        for uid in dict.fromkeys([*given[-1:], *others, self.last_given]):
            try:
                if uid and self._ask(self._mailbox.sources, [uid], True):
                    return True
            except MailFailure:
                if not self._mailbox.usable:
                    raise
        return False


def _passes(refusal: MailFailure) -> bool:
    return not concerns_message(refusal)
