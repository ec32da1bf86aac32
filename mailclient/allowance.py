"""How much a server may say: what follows from what it was asked, and what all of them may say together."""

import threading

REPLY = 64 << 10
"""Bytes of an answer in words, such as a greeting, a refusal or a list of capabilities; and of a line."""
LINE_COST = 100
"""Bytes that a line takes beside what is in it."""
FREE = 256 << 10
"""Bytes of an answer that take nothing of the room that all share."""
MAX_MESSAGE = 150 << 20
"""Bytes of a message, where nobody has set a limit: more than any large provider takes."""
MAX_HEADER = 1 << 20
"""Bytes of a header; what may be processed is less (``models/mail_bounds.py``)."""
ROOM = 224 << 20
"""Bytes that all answers which are being read in a process, or were read last, take together."""
MARGIN = 256 << 10
"""Bytes that a message may have beside a third more than the server has said: some count an end of a
line as one byte, others estimate."""
WAIT = 30.0
"""Seconds for others to make room."""


class TooMuch(ValueError):
    """An answer is longer than what was asked for can be.  Nothing of it is used, and the connection is
    closed.

    :param most: what it may have
    :param unit: of that
    """

    def __init__(self, most: int, unit: str = "octets"):
        super().__init__(f"the answer is longer than it may be ({most} {unit})")


class NoRoom(ValueError):
    """Other sessions have taken all the memory that is set aside for answers, and have not given it back in
    time.  Nothing is wrong with the server, or with the message that was asked for."""

    def __init__(self):
        super().__init__("too much is being read at the same time")


class Room:
    """What all sessions of a process share.  Each takes all that it wants at once, or nothing, and has given
    back everything before: nobody who waits keeps others waiting.

    :param octets: that there are
    """

    def __init__(self, octets: int = ROOM):
        self.octets = self.left = octets
        self._changed = threading.Condition()

    def take(self, octets: int, seconds: float) -> None:
        """Wait for so much room, and take it.

        :param seconds: to wait at most
        :raises NoRoom: there was none in time
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self.left >= octets, max(seconds, 0)):
                raise NoRoom
            self.left -= octets

    def give_back(self, octets: int) -> None:
        """Others may have it."""
        with self._changed:
            self.left += octets
            self._changed.notify_all()


SHARED = Room()
"""The room of this process."""


def message_bound(told: int | None, longest: int) -> int:
    """Bytes that a message may have.

    :param told: its size by the server; None if it has not said
    :param longest: that one may be at most; 0 is :data:`MAX_MESSAGE`
    """
    size = longest or MAX_MESSAGE
    if told is not None:
        size = min(told, size)
    return size + size // 3 + MARGIN
