"""Whether messages have the sizes that LIST says (RFC 1939 11)."""

import re

# octets that servers leave out (the last end of a line) or count in (the dot at the end)
_LEFT_OUT, _COUNTED_IN = 2, 3
_STUFFED = re.compile(rb"^\.", re.MULTILINE)
_BARE = re.compile(rb"(?<!\r)\n|\r(?!\n)")
_LEAST = 0.5  # of the size by LIST, where that is an estimate


class SizeCheck:
    """What was seen of a server's sizes in a session.

    LIST has the size of a message as it is sent, each end of a line being two octets.  Servers differ: some
    count one, or what they put in, round, or estimate.  What is longer than that has been added to, and a
    message that is shorter may have been cut, unless the server says too much of others as well.

    :param estimating: whether the server is known to estimate (Exchange, unless it is told not to:
        ``EnableExactRFC822Size``)
    """

    def __init__(self, estimating: bool):
        self._estimating = estimating
        self._fitting: dict[int, bool] = {}  # by one of the two ways of counting
        self._short: dict[int, float] = {}

    @staticmethod
    def fits(source: bytes, size: int | None) -> bool:
        """Whether a message is just as long as LIST says, so that it cannot but end where it ends."""
        return size is not None and -_LEFT_OUT <= size - len(source) <= _COUNTED_IN

    def note(self, number: int, source: bytes, size: int | None) -> None:
        """A message was read, and it is known to end where it ends."""
        if size is None:
            return
        counted = len(source) + _COUNTED_IN
        if size > counted:
            counted += sum(1 for _found in _STUFFED.finditer(source))
            counted += sum(1 for _found in _BARE.finditer(source))
        lines = source.count(b"\r\n")
        self._fitting[number] = self.fits(source, size) or self.fits(source, size + lines)
        self._short.pop(number, None)
        if size > counted:
            self._short[number] = len(source) / size

    def is_short(self, number: int) -> bool:
        """Whether it is shorter than LIST says, by any way of counting."""
        return number in self._short

    def is_judged(self, number: int) -> bool:
        """Whether enough is known to tell the next."""
        return self._estimating or set(self._fitting) > {number}

    def is_estimated(self, number: int) -> bool:
        """Whether that is the server's way: most others do not fit either."""
        if self._estimating:
            return True
        others = [fits for other, fits in self._fitting.items() if other != number]
        return 2 * sum(others) < len(others) and self._short[number] >= _LEAST
