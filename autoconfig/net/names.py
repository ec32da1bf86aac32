"""From a host name to addresses, and the error for a name that leads to none."""

import socket
from collections.abc import Awaitable, Callable

from .errors import HostNotFound, NetworkError

Addresses = Callable[[str, int], Awaitable[list[tuple[str, int]]]]

_NO_SUCH_HOST = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}


async def checked_addresses(host: str, port: int, addresses: Addresses) -> list[tuple[str, int]]:
    """Return the (IP address, port) that a host may be reached at.

    :param addresses: resolves and checks; raises as ``Network.addresses`` does
    :raises NetworkError: when the name leads nowhere, or nowhere that may be connected to
    """
    try:
        return await addresses(host, port)
    except socket.gaierror as error:
        if error.errno in _NO_SUCH_HOST:
            raise HostNotFound(host) from None
        raise NetworkError("no_answer", f"{host}: the name cannot be resolved") from None
    except UnicodeError:
        raise HostNotFound(host) from None
    except OSError as error:
        raise NetworkError(getattr(error, "result", "no_answer"), str(error)) from None
