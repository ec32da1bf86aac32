"""Is the domain a customer of Microsoft 365? Microsoft is asked about the domain, never about the address."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from ..address import Address, base_domain
from ..formats import autodiscover
from ..net.errors import NetworkError
from ..net.network import Network
from ..providers import Provider
from ..settings import Settings
from .base import DomainSource, Report

IMAP_HOST = "outlook.office365.com"
MX_PATTERN = "mail.protection.outlook.com"
LOGIN_URL = "https://login.microsoftonline.com/"
AUTODISCOVER_URL = f"https://{IMAP_HOST}/autodiscover/autodiscover.json"

_AUTODISCOVER_DOMAINS = {"office365.com", "outlook.com"}


class MicrosoftSource(DomainSource):
    """Tenant check and Autodiscover v2, for domains with a mail filter in front of Microsoft 365.

    Many tenants have their mailboxes elsewhere, so this counts only where nothing was published, and not
    where the domain's MX host is its own.
    """

    name = "microsoft"
    rank = 50

    def __init__(self, providers: Iterable[Provider]):
        self._provider = microsoft_365(providers)

    async def find_at(
        self, domain: str, address: Address, network: Network, report: Report
    ) -> Settings | None:
        if not self._provider:
            return None
        report(urlsplit(LOGIN_URL).hostname)
        if not await is_tenant(domain, network):
            return None
        report(f"{domain} is a customer of Microsoft")
        hosts = await network.mx(domain)
        if hosts and base_domain(hosts[0][1]) == base_domain(domain):
            return None
        # the name before the @ is made up: the answer depends on the domain alone
        url = f"{AUTODISCOVER_URL}?Email=postmaster@{domain}&Protocol=Autodiscoverv1"
        if not is_microsoft_365(autodiscover.parse_v2(await network.get(url))):
            return None
        return self._provider.settings(address, source=self.name, origin=url.partition("?")[0])


async def is_tenant(domain: str, network: Network) -> bool:
    """Return whether the domain belongs to a tenant of Microsoft's directory.

    :raises NetworkError: when Microsoft does not answer
    """
    try:
        await network.get(f"{LOGIN_URL}{domain}/v2.0/.well-known/openid-configuration")
    except NetworkError as error:
        if error.result == "not_found":  # HTTP status 400
            return False
        raise
    return True


def is_microsoft_365(url: str) -> bool:
    """Return whether an Autodiscover service is the one of Microsoft 365."""
    return base_domain((urlsplit(url).hostname or "").lower()) in _AUTODISCOVER_DOMAINS


def serves_microsoft_365(provider: Provider) -> bool:
    """Return whether this is Microsoft 365 for domains of customers."""
    return MX_PATTERN in provider.mx_patterns and any(s.host == IMAP_HOST for s in provider.servers)


def microsoft_365(providers: Iterable[Provider]) -> Provider | None:
    return next(filter(serves_microsoft_365, providers), None)
