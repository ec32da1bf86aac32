"""The provider behind the domain's MX host (ranks 3.1 to 3.4 of the draft, and the known providers)."""

from collections.abc import Iterable

from ..address import Address, base_domain
from ..formats import mozilla
from ..net.network import Network
from ..providers import Provider, provider_of_mx
from ..settings import Settings
from .base import DomainSource, Report, doubt_of_hosts
from .documents import autoconfig_url, first_of
from .ispdb import ISPDB_URL, read_ispdb


class MxSource(DomainSource):
    name = "mx"
    rank = 30

    def __init__(self, providers: Iterable[Provider], ispdb_url: str = ISPDB_URL):
        self._providers = tuple(providers)
        self._ispdb_url = ispdb_url

    async def find_at(
        self, domain: str, address: Address, network: Network, report: Report
    ) -> Settings | None:
        hosts = await network.mx(domain)
        if not hosts:
            return None
        _preference, host = hosts[0]
        report(host)
        doubt = doubt_of_hosts([host], domain, hosts.secure)
        provider = provider_of_mx(host, self._providers)
        if provider:
            report(f"{host}, {provider.name}")
            return provider.settings(address, source=self.name, doubt=doubt, origin=host)
        domains = _domains(host, domain)
        if not domains:
            return None
        by_domain = [autoconfig_url(other, address) for other in domains]
        by_ispdb = [self._ispdb_url + other for other in domains]

        async def read(url):
            body = await (read_ispdb(url, network) if url in by_ispdb else network.get(url))
            return mozilla.parse(body, address)

        document, url = await first_of(by_domain + by_ispdb, read)
        return Settings.of(
            document.servers, source=self.name, doubt=doubt, name=document.name, origin=url.partition("?")[0]
        )


def _domains(host, domain):
    """Return the host less its first label, and its base domain, less those that other sources ask."""
    base = base_domain(host)
    full = host.partition(".")[2]
    domains = [full, base] if full.endswith(f".{base}") else [base]
    return [other for other in domains if other != domain]
