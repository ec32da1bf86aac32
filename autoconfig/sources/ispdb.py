"""The central database that Thunderbird's project keeps (rank 2.1 of the draft)."""

from urllib.parse import urlsplit

from ..address import Address
from ..net.network import Network
from ..settings import Settings
from .base import Report
from .documents import first_document

ISPDB_URL = "https://autoconfig.thunderbird.net/v1.1/"


class IspdbSource:
    name = "ispdb"
    rank = 20

    def __init__(self, url: str = ISPDB_URL):
        self._url = url

    async def find(self, address: Address, network: Network, report: Report) -> Settings | None:
        report(urlsplit(self._url).hostname)
        document, url = await first_document([self._url + address.domain], address, network)
        return Settings.of(document.servers, source=self.name, name=document.name, origin=url)
