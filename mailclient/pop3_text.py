"""Where an answer of several lines ends (RFC 1939 3): what a message holds does not end it."""

import re

# a dot at the beginning of a line: the only thing on it, or in front of another dot
_DOT = re.compile(rb"(\r?)\n\.(?=(\r?)\n|\.)")


class AnswerText:
    """Takes an answer apart as it comes: its lines without the dots that were put in, up to its end.

    That is a line of one dot between two ends of lines that are CRLF, or LF alone from a server that writes
    all its lines so.  Some servers write their own lines with CRLF and leave those of the message as they
    are: for them a dot between others ends the answer where it cannot but end, and nowhere else.

    :param crlf: whether the server's own lines end with CRLF
    :param lax: any line of one dot ends the answer: for lists, which are the server's own
    :param size: octets of the message, by LIST: there the answer may end at any line of one dot
    :param header: the answer is a header: after its empty line it may end at any line of one dot, if all its
        lines end with LF
    :ivar doubtful: it ended at such a line: then nothing may follow
    :ivar size: octets so far
    """

    def __init__(
        self, *, crlf: bool = True, lax: bool = False, size: int | None = None, header: bool = False
    ):
        self._crlf, self._lax, self._expected, self._header = crlf, lax, size, header
        self._before = b"\r\n" if crlf else b"\n"  # what was there last, as it was sent
        self._has_crlf, self._lf_dots = False, 0
        self.size, self.doubtful = 0, False

    def feed(self, block: bytes) -> tuple[bytes, bytes | None]:
        """The text in some whole lines, or in a piece of a long one; what follows the end, None before it."""
        sent = self._before + block
        position = start = len(self._before)
        self._before = sent[-2:]
        if b"\n." not in sent:
            self.size += len(block)
            self._has_crlf = self._has_crlf or b"\r\n" in block
            return block, None
        pieces, removed = [], 0
        for dot in _DOT.finditer(sent):
            place = dot.end() - 1
            if dot[2] is not None:
                so_far = self.size + place - start - removed
                if self._ends(dot, so_far) or self._ends_header(sent, start, place):
                    pieces.append(sent[position:place])
                    return self._joined(pieces), sent[place + 2 + len(dot[2]) :]
            elif dot[1] or not self._crlf:
                pieces.append(sent[position:place])
                position, removed = place + 1, removed + 1
            else:
                self._lf_dots += 1  # put in, or a part of the message: see without_dots_after_lf()
        self._has_crlf = self._has_crlf or b"\r\n" in block
        pieces.append(sent[position:])
        return self._joined(pieces), None

    def _joined(self, pieces: list[bytes]) -> bytes:
        text = b"".join(pieces)
        self.size += len(text)
        return text

    def _ends(self, dot: re.Match[bytes], so_far: int) -> bool:
        """Whether a line of one dot is the end of the answer, after so many octets."""
        strict = bool(dot[1] and dot[2]) if self._crlf else not dot[2]
        at_size = self._expected in (so_far, so_far - self._lf_dots)
        self.doubtful = not strict and not self._lax and at_size
        return strict or self._lax or self.doubtful

    def _ends_header(self, sent: bytes, start: int, place: int) -> bool:
        """Whether it is the end of a header of lines with LF."""
        self.doubtful = (
            self._header
            and not self._has_crlf
            and sent.endswith(b"\n\n", 0, place)
            and sent.find(b"\r\n", start, place) < 0
        )
        return self.doubtful


def without_dots_after_lf(text: bytes, size: int) -> bytes:
    """``text`` of a server that put in dots after bare LFs too, without these, if that gives it its size."""
    shorter = re.sub(rb"(?<!\r)\n\.\.", b"\n.", text) if len(text) > size else text
    return shorter if len(shorter) == size else text
