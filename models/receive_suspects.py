"""Messages over which a mail server may end a session, hang or say that it is a bad moment. No model."""

# of a suspect: it was asked for with others; by itself, and nothing showed that the server gives any; it is
# to blame, and put aside when the server lets in again
TOGETHER, ALONE, TO_BLAME = 0, 1, 2
# so many messages, each asked for by itself, and none given: it is the server
INNOCENT = 3
# unless it was so in so many turns in a row, in which it always let in, and no more than so many are there
PATIENCE, FEW = 3, 10
# messages that are asked for one by one after a session has ended over others
CAREFUL = 50


class Suspects:
    """What is suspected in all folders of a mailbox during one turn.

    It is kept in the folders, so that the next turn knows. Nobody is suspected where the server was down:
    see `acquit`.

    :ivar failures: how many sessions have ended, or refusals were met
    """

    def __init__(self):
        self.failures = 0
        # (folder, uid): alone and in vain, in this turn; those that were refused
        self._tried, self._refused = set(), set()
        self._last = None  # folder and what it held before the last note
        self._vain = {}  # by folder: turns before this one in which it gave none

    def get(self, folder, validity):
        """Return ``{uid: count}`` of a folder with this UIDVALIDITY (text)."""
        noted = folder.suspects or {}
        return dict(noted.get("uids", {})) if noted.get("validity") == validity else {}

    def sort(self, folder, validity, uids, given):
        """Return ``(fresh, suspected, blamed)``: those of ``uids`` in the order in which they are asked for.

        Those that were tried in vain in this turn come again only when the server has given others.

        :param int given: how many messages the server has given in this turn
        """
        noted = self.get(folder, validity)
        fresh = [uid for uid in uids if uid not in noted]
        if self.failures and not given:
            # one from the other end shows best whether the server gives any
            fresh[:] = [*fresh[-1:], *fresh[:-1]]
        suspected = [uid for uid in uids if noted.get(uid) == TOGETHER]
        suspected += [
            uid
            for uid in uids
            if noted.get(uid) == ALONE
            and (folder.id, uid) not in self._refused
            and (given or (folder.id, uid) not in self._tried)
        ]
        return fresh, suspected, [uid for uid in uids if noted.get(uid) == TO_BLAME]

    def note(self, folder, validity, uids, count, given, refused):
        """Suspect messages (list of uids) that were asked for together.

        :param int count: how many messages of the folder are wanted
        :param int given: how many messages the server has given in this turn
        :param bool refused: it has said no, and gives no other message at the moment; else it has ended the
            session, but let in before
        :return: whether it is the server rather than one of them
        """
        before = self._vain.setdefault(folder, (folder.suspects or {}).get("vain", 0))
        vain = 0 if given else before + 1
        is_patient = before < PATIENCE or count > FEW
        if refused:
            given = 0
        noted = self.get(folder, validity)
        self._last = (folder, folder.suspects)
        was_careful = bool(self.failures or noted)
        self.failures += 1
        if len(uids) > 1:
            noted = dict.fromkeys(uids, TOGETHER) | noted
        else:
            [uid] = uids
            tried = (folder.id, uid) in self._tried
            if was_careful and (given or not is_patient):
                noted[uid] = TO_BLAME
            elif not tried:
                noted[uid] = min(noted.get(uid, TOGETHER) + 1, TO_BLAME)
            self._tried.add((folder.id, uid))
            if refused:
                self._refused.add((folder.id, uid))
        is_server = is_patient and not given and len(self._tried) >= INNOCENT
        if is_server:
            tried = {uid for uid in noted if (folder.id, uid) in self._tried}
            noted |= dict.fromkeys(tried, TOGETHER)
        folder.suspects = {"validity": validity, "uids": noted, "vain": vain}
        return is_server

    def acquit(self):
        """The server has not let in again: it is down, and no message is to blame."""
        folder, before = self._last or (None, None)
        if folder:
            folder.suspects = before
        for folder, vain in self._vain.items():
            if folder.suspects:
                folder.suspects = {**folder.suspects, "vain": vain}

    def clear(self, folder, validity, uids):
        """Messages (set of uids) are done with."""
        noted = self.get(folder, validity)
        left = {uid: count for uid, count in noted.items() if uid not in uids}
        if folder.suspects and (left != noted or not left):
            folder.suspects = {**folder.suspects, "validity": validity, "uids": left} if left else False
