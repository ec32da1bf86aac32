"""Sets of IMAP UIDs as commands want them (RFC 3501 9, sequence-set)."""

from collections.abc import Iterable, Iterator

MAX_LENGTH = 7500
"""Bytes of one set, so that the command has no more than the 8,000 that servers take (RFC 2683 3.2.1.5)."""


def uid_sets(uids: Iterable[str | int], length: int = MAX_LENGTH) -> Iterator[str]:
    """Sets with exactly these UIDs, ascending, neighbours as ranges (``1:5,7``).

    :param length: of each set at most
    """
    parts, used = [], 0
    for first, last in _ranges(sorted(set(map(int, uids)))):
        part = str(first) if first == last else f"{first}:{last}"
        if parts and used + len(part) > length:
            yield ",".join(parts)
            parts, used = [], 0
        parts.append(part)
        used += len(part) + 1
    if parts:
        yield ",".join(parts)


def _ranges(numbers: list[int]) -> Iterator[tuple[int, int]]:
    first = last = None
    for number in numbers:
        if last is not None and number == last + 1:
            last = number
            continue
        if last is not None:
            yield first, last
        first = last = number
    if last is not None:
        yield first, last
