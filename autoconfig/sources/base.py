"""What a source is."""

from collections.abc import Callable
from typing import Protocol

from ..address import Address
from ..net.network import Network
from ..settings import Settings

Report = Callable[[str], None]


class Source(Protocol):
    """A way of publishing settings. Any object with these three members can be given to ``discover``."""

    name: str
    """of its settings and its step"""
    rank: int
    """the lowest wins; a known provider has 0, the others leave room between them"""

    async def find(self, address: Address, network: Network, report: Report) -> Settings | None:
        """Return the settings that are published for an address, None when there are none.

        It is cancelled when its answer no longer matters. Whatever it raises becomes the result of its step:
        the exception's ``result`` attribute where it has one, as ``NetworkError`` and ``FormatError`` do.

        :param network: the only way to the outside
        :param report: takes a few words on what it asks or has found; they are shown as the step's detail
        """
