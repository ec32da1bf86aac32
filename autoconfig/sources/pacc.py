"""Provider Automatic Configuration for Clients (draft-ietf-mailmaint-pacc-04)."""

from ..address import Address
from ..formats import FormatError, pacc
from ..net.network import Network
from ..race import together
from ..settings import Settings
from .base import DomainSource, Report


class PaccSource(DomainSource):
    name = "pacc"
    rank = 12

    async def find_at(
        self, domain: str, address: Address, network: Network, report: Report
    ) -> Settings | None:
        host = f"ua-auto-config.{domain}"
        report(host)
        url = f"https://{host}/.well-known/user-agent-configuration.json"
        body, records = await together(network.get(url), network.txt(f"_{host}"))
        if not pacc.digest_matches(body, records):
            reason = "does not match the digest" if pacc.has_digest(records) else "has no digest"
            raise FormatError(f"{host}: the document {reason} in DNS")
        document = pacc.parse(body, address)
        return Settings.of(document.servers, source=self.name, name=document.name, origin=url)
