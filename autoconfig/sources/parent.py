"""The parent domain of an address in a sub-domain, as far as both have the same owner."""

from collections.abc import Iterable
from dataclasses import replace

from ..address import Address, base_domain
from ..net.errors import NetworkError
from ..net.network import Network
from ..settings import Settings
from .base import DomainSource, Report
from .documents import first_of

MAX_PARENTS = 3


class ParentSource:
    name = "parent"
    rank = 60

    def __init__(self, sources: Iterable[DomainSource]):
        """
        :param sources: what the parent domains are asked by
        """
        self._sources = sorted(sources, key=lambda source: source.rank)

    async def find(self, address: Address, network: Network, report: Report) -> Settings | None:
        parents = _parents(address.domain)
        if not parents:
            return None
        report(parents[0])

        async def ask(question):
            parent, source = question
            settings = await source.find_at(parent, address, network, lambda _detail: None)
            if not settings:
                raise NetworkError("not_found", f"{parent}: nothing published")
            return settings

        questions = [(parent, source) for parent in parents for source in self._sources]
        settings, (parent, source) = await first_of(questions, ask)
        report(f"{parent}, {source.name}")
        return replace(settings, source=self.name)


def _parents(domain):
    """Return the domains above, the nearest first, down to the base domain."""
    base = base_domain(domain)
    parents = []
    while domain != base and len(parents) < MAX_PARENTS:
        domain = domain.partition(".")[2]
        parents.append(domain)
    return parents
