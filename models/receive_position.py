"""Up to where a folder was looked at. No model."""


class Position:
    """The position in a folder by IMAP: it passes only what is done with, in whatever order that happens.

    :param int first: UID from which on it was not looked at
    :param uids: list of UIDs (text) that are to be read
    :param int end: UID after the last one that the server has listed
    """

    def __init__(self, first, uids, end):
        self._waiting = sorted(int(uid) for uid in uids if int(uid) >= first)
        self._done, self._index = set(), 0
        self._first, self._end = first, max(end, first)

    def get_passing(self, uid):
        """Return the position (int) when this message is done with, too."""
        self._done.add(int(uid))
        while self._index < len(self._waiting) and self._waiting[self._index] in self._done:
            self._done.discard(self._waiting[self._index])
            self._index += 1
        return self._waiting[self._index] if self._index < len(self._waiting) else self._end
