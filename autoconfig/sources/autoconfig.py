"""What the domain of the address publishes itself (draft-ietf-mailmaint-autoconfig-06, ranks 1.1 to 1.3)."""

from ..address import Address
from ..net.network import Network
from ..settings import Settings
from .base import DomainSource, Report
from .documents import autoconfig_url, first_document


class AutoconfigSource(DomainSource):
    """Over https."""

    name = "autoconfig"
    rank = 10

    async def find_at(
        self, domain: str, address: Address, network: Network, report: Report
    ) -> Settings | None:
        report(f"autoconfig.{domain}")
        urls = [
            autoconfig_url(domain, address),
            f"https://{domain}/.well-known/autoconfig/mail/config-v1.1.xml",
        ]
        document, url = await first_document(urls, address, network)
        return Settings.of(document.servers, source=self.name, name=document.name, origin=url)


class AutoconfigHttpSource(DomainSource):
    """Over http: anybody on the way could have written it, also where it redirects to https."""

    name = "autoconfig_http"
    rank = 14

    async def find_at(
        self, domain: str, address: Address, network: Network, report: Report
    ) -> Settings | None:
        report(f"http://autoconfig.{domain}")
        # the address is not told without encryption
        urls = [f"http://autoconfig.{domain}/mail/config-v1.1.xml"]
        document, url = await first_document(urls, address, network)
        return Settings.of(document.servers, source=self.name, doubt="http", name=document.name, origin=url)
