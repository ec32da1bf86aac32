"""By what a mailbox is told from another where refused logins are counted: provider and name. No model."""

import contextlib
import functools
import ipaddress
import unicodedata

from ..autoconfig import base_domain, load_providers
from ..autoconfig.address import host_name

# of the same mailboxes, in no file
OTHER_NAMES = (("gmail.com", "googlemail.com"),)


def get_place(host: str) -> str:
    """Return what stands for the provider that has the server ``host``: its base domain, or an address.

    Providers whose servers are in several base domains count as one; which ones these are is told by the
    data file, since the table of providers can be edited by those whose logins are counted.
    """
    with contextlib.suppress(ValueError):
        return str(ipaddress.ip_address(host.strip("[]")))
    try:
        host = host_name(host, at_least=1)
    except ValueError:
        host = host.strip().lower()
    base = base_domain(host)
    return _get_aliases().get(base, base)


def get_login_name(username: str) -> str:
    """Return a user name in the form in which servers that are not particular compare it."""
    name = unicodedata.normalize("NFKC", username).strip().casefold()
    local, at, domain = name.rpartition("@")
    if at:
        with contextlib.suppress(ValueError):
            name = f"{local}@{host_name(domain)}"
    return name


def get_mailbox_name(place: str, username: str) -> str:
    """Return what stands for the mailbox at ``place``: a name without a domain is completed as the server
    would do it, so that both forms of a name are one mailbox."""
    name = get_login_name(username)
    return name if "@" in name else f"{name}@{place}"


@functools.cache
def _get_aliases() -> dict[str, str]:
    """Base domain -> the one that stands for its provider, where it has several."""
    groups = [set(names) for names in OTHER_NAMES]
    for provider in load_providers():
        bases = {base_domain(server.host) for server in provider.servers if not set("%{") & set(server.host)}
        if len(bases) > 1:
            groups.append(bases)
    return {base: min(group) for group in groups for base in group}
