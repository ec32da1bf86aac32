"""What a source is."""

from collections.abc import Callable
from typing import Protocol

from ..address import Address, base_domain
from ..net.network import Network
from ..settings import Settings

Report = Callable[[str], None]


class Source(Protocol):
    """A way of publishing settings: ``discover`` takes any object with ``name``, ``rank`` and ``find``.

    Two more attributes are optional: ``probe`` = False for settings that need no proof, so that the servers
    are not spoken to; ``patience``, seconds that better servers of its settings get once a worse one has
    answered (1 by default).
    """

    name: str
    """of its settings and its step"""
    rank: int
    """the lowest wins; a known provider has 0, the others leave room between them"""

    async def find(self, address: Address, network: Network, report: Report) -> Settings | None:
        """Return the settings that are published for an address, None when there are none.

        It is cancelled when its answer no longer matters. Whatever it raises becomes the result of its step:
        the exception's ``result`` attribute where it has one, as ``NetworkError`` and ``FormatError`` do.

        :param network: the only way to the outside; within one discovery it asks each question once
        :param report: takes a few words on what it asks or has found; they are shown as the step's detail
        """


class DomainSource:
    """A source that asks a domain: that of the address, or another one in its place."""

    async def find(self, address: Address, network: Network, report: Report) -> Settings | None:
        """Ask the domain of the address; see ``Source``."""
        return await self.find_at(address.domain, address, network, report)

    async def find_at(
        self, domain: str, address: Address, network: Network, report: Report
    ) -> Settings | None:
        """Ask ``domain`` for the settings of ``address``; see ``Source``."""
        raise NotImplementedError


def doubt_of_hosts(hosts, domain: str, secure: bool) -> str:
    """Return the doubt about hosts that DNS named for a domain: none if they are of its own base domain.

    A forged answer could then only name another host of the same owner.

    :param secure: whether DNSSEC has validated the answer
    """
    own = base_domain(domain)
    return "" if secure or all(base_domain(host) == own for host in hosts) else "dns"
