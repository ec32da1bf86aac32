"""The provider behind the domain's MX host (ranks 3.1 to 3.4 of the draft, and the known providers).

DNS answers can be forged, so nothing found this way is trusted.
"""

from collections.abc import Iterable

from ..address import Address, base_domain
from ..net.network import Network
from ..providers import Provider, provider_of_mx
from ..settings import Settings
from .base import Report
from .documents import autoconfig_url, first_document
from .ispdb import ISPDB_URL


class MxSource:
    name = "mx"
    rank = 30

    def __init__(self, providers: Iterable[Provider], ispdb_url: str = ISPDB_URL):
        self._providers = tuple(providers)
        self._ispdb_url = ispdb_url

    async def find(self, address: Address, network: Network, report: Report) -> Settings | None:
        hosts = await network.mx(address.domain)
        if not hosts:
            return None
        _preference, host = min(hosts)
        report(host)
        provider = provider_of_mx(host, self._providers)
        settings = provider and provider.settings(address, source=self.name, doubt="dns", origin=host)
        if settings:
            report(f"{host}, {provider.name}")
            return settings
        domains = _domains(host, address)
        if not domains:
            return None
        urls = [autoconfig_url(domain, address) for domain in domains]
        urls += [self._ispdb_url + domain for domain in domains]
        document, url = await first_document(urls, address, network)
        return Settings.of(document.servers, source=self.name, doubt="dns", name=document.name, origin=url)


def _domains(host, address):
    """Return the host less its first label, and its base domain, less those that other sources ask."""
    base = base_domain(host)
    full = host.partition(".")[2]
    domains = [full, base] if full.endswith(f".{base}") else [base]
    return [domain for domain in domains if domain != address.domain]
