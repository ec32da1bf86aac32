"""Which ports of a server can be reached from here."""

import contextlib
import socket
from collections.abc import Iterable

from .transport import Resolve


def answering_ports(host: str, ports: Iterable[int], resolve: Resolve, timeout: float = 2.0) -> list[int]:
    """Connect to each port and hang up; nothing is sent.

    :param resolve: ``(host, port) → [(ip, port), …]``; only the first two of these are tried
    :param timeout: seconds for each address
    :return: those that answer, in the given order
    :raises Exception: whatever ``resolve`` raises
    """
    return [port for port in ports if any(_answers(place, timeout) for place in resolve(host, port)[:2])]


def _answers(place: tuple[str, int], timeout: float) -> bool:
    with contextlib.suppress(OSError):
        socket.create_connection(place, timeout).close()
        return True
    return False
