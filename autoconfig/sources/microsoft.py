"""Is the domain a customer of Microsoft 365? Microsoft is asked about the domain, never about the address."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from ..address import Address, base_domain
from ..formats import FormatError, autodiscover
from ..net.errors import NetworkError
from ..net.network import Network
from ..providers import Provider
from ..race import together
from ..settings import Settings
from .autodiscover import ask_service
from .base import DomainSource, Report
from .microsoft_365 import IMAP_HOST, LOGIN_URL, is_microsoft_365, is_tenant, microsoft_365

AUTODISCOVER_URL = f"https://{IMAP_HOST}/autodiscover/autodiscover.json"


class MicrosoftSource(DomainSource):
    """Tenant check and Autodiscover version 2, for domains with a mail filter in front of their mailboxes.

    Many tenants have their mailboxes elsewhere, so this counts only where nothing was published, and not
    where the domain's MX host is its own.
    """

    name = "microsoft"
    rank = 50

    def __init__(self, providers: Iterable[Provider]):
        """
        :param providers: known ones, with Microsoft 365
        """
        self._provider = microsoft_365(providers)

    async def find_at(
        self, domain: str, address: Address, network: Network, report: Report
    ) -> Settings | None:
        report(urlsplit(LOGIN_URL).hostname)
        tenant, url = await together(is_tenant(domain, network), _autodiscover_url(domain, network))
        if tenant:
            report(f"{domain} is a customer of Microsoft")
        if not url:
            return None
        if not is_microsoft_365(url):
            return await ask_service(url, address, network, source=self.name)
        hosts = await network.mx(domain)
        own = hosts and base_domain(hosts[0][1]) == base_domain(domain)
        # the service names itself for domains that it does not know, too
        if own or not (tenant and self._provider):
            return None
        return self._provider.settings(address, source=self.name, origin=AUTODISCOVER_URL)


async def _autodiscover_url(domain, network):
    """Return where Autodiscover version 1 answers for the domain, "" if Microsoft does not know."""
    # the name before the @ is made up: the answer depends on the domain alone
    url = f"{AUTODISCOVER_URL}?Email=postmaster@{domain}&Protocol=Autodiscoverv1"
    try:
        return autodiscover.parse_v2(await network.get(url))
    except (NetworkError, FormatError):
        return ""
