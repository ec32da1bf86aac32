"""The central database that Thunderbird's project keeps (rank 2.1 of the draft)."""

from urllib.parse import urlsplit

from ..address import Address
from ..formats import mozilla
from ..net.errors import HostNotFound, NetworkError, TimedOut
from ..net.network import Network
from ..settings import Settings
from .base import DomainSource, Report

ISPDB_URL = "https://autoconfig.thunderbird.net/v1.1/"
# the address that the draft names; it redirects to the other
_OTHER_URL = "https://live.thunderbird.net/autoconfig/v1.1/"


class IspdbSource(DomainSource):
    name = "ispdb"
    rank = 20

    def __init__(self, url: str = ISPDB_URL):
        """
        :param url: of the database, with a final slash
        """
        self._url = url

    async def find_at(
        self, domain: str, address: Address, network: Network, report: Report
    ) -> Settings | None:
        report(urlsplit(self._url).hostname)
        url = self._url + domain
        document = mozilla.parse(await read_ispdb(url, network), address)
        return Settings.of(document.servers, source=self.name, name=document.name, origin=url)


async def read_ispdb(url: str, network: Network) -> bytes:
    """Return the database's document, from its other address when the usual one cannot be reached.

    :raises NetworkError: when there is none
    """
    try:
        return await network.get(url)
    except NetworkError as error:
        unreachable = isinstance(error, HostNotFound) or error.result == "no_answer"
        # where one has been waited for in vain, so would be the other
        if isinstance(error, TimedOut) or not (unreachable and url.startswith(ISPDB_URL)):
            raise
        return await network.get(_OTHER_URL + url.removeprefix(ISPDB_URL))
