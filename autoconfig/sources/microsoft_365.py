"""What is known of Microsoft 365: who is its customer, and how it is recognised."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from ..address import base_domain
from ..net.errors import NetworkError
from ..net.network import Network
from ..providers import Provider

IMAP_HOST = "outlook.office365.com"
MX_PATTERN = "mail.protection.outlook.com"
LOGIN_URL = "https://login.microsoftonline.com/"

_AUTODISCOVER_DOMAINS = {"office365.com", "outlook.com"}


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
    """Return Microsoft 365 for domains of customers, None if it is not known."""
    return next(filter(serves_microsoft_365, providers), None)
