"""Known providers, by the domain of the address: no network."""

from collections.abc import Iterable

from ..address import Address
from ..net.network import Network
from ..providers import Provider, provider_of_domain
from ..settings import Settings
from .base import Report


class ProviderSource:
    name = "provider"
    rank = 0

    def __init__(self, providers: Iterable[Provider]):
        self._providers = tuple(providers)

    async def find(self, address: Address, network: Network, report: Report) -> Settings | None:
        provider = provider_of_domain(address.domain, self._providers)
        if not provider:
            return None
        report(provider.name)
        return provider.settings(address, source=self.name)
