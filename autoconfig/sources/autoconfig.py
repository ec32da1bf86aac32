"""What the domain of the address publishes itself (draft-ietf-mailmaint-autoconfig-06, ranks 1.1 and 1.2)."""

from ..address import Address
from ..net.network import Network
from ..settings import Settings
from .base import Report
from .documents import autoconfig_url, first_document


class AutoconfigSource:
    name = "autoconfig"
    rank = 10

    async def find(self, address: Address, network: Network, report: Report) -> Settings | None:
        report(f"autoconfig.{address.domain}")
        urls = [
            autoconfig_url(address.domain, address),
            f"https://{address.domain}/.well-known/autoconfig/mail/config-v1.1.xml",
        ]
        document, url = await first_document(urls, address, network)
        return Settings.of(document.servers, source=self.name, name=document.name, origin=url)
