"""Providers whose customers' domains publish nothing of their own: there the MX host decides.

What a web host publishes for such a domain is left over from before, or was never meant for it.
"""

import asyncio
import contextlib
from collections.abc import Iterable

from ..address import Address
from ..net.errors import NetworkError
from ..net.network import Network
from ..providers import Provider, provider_of_mx
from ..settings import Settings
from .base import DomainSource, Report
from .microsoft_365 import is_tenant, serves_microsoft_365

# seconds: the user can confirm it as well, and must not get stale settings meanwhile
TENANT_PATIENCE = 0.3


class ProviderMxSource(DomainSource):
    name = "provider_mx"
    rank = 5

    def __init__(self, providers: Iterable[Provider]):
        self._providers = tuple(providers)

    async def find_at(
        self, domain: str, address: Address, network: Network, report: Report
    ) -> Settings | None:
        hosts = await network.mx(domain)
        provider = hosts and provider_of_mx(hosts[0][1], self._providers)
        if not (provider and provider.mx_decides):
            return None
        host = hosts[0][1]
        report(f"{host}, {provider.name}")
        doubt = "" if hosts.secure else "dns"
        if doubt and serves_microsoft_365(provider):
            with contextlib.suppress(NetworkError, asyncio.TimeoutError):
                if await asyncio.wait_for(is_tenant(domain, network), TENANT_PATIENCE):
                    doubt = ""  # Microsoft says over https that the domain is its customer's
        return provider.settings(address, source=self.name, doubt=doubt, origin=host)
