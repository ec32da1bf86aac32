"""What is known of providers, from the same data file that Odoo imports as ``email.provider``."""

import csv
import functools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from .address import Address, base_domain, host_name
from .net.errors import NetworkError
from .placeholders import fill, fill_usernames
from .settings import Server, Settings

DATA = Path(__file__).parent.parent / "data" / "email.provider.csv"

_PASSWORD = ("password-cleartext",)
_AUTHENTICATION = {
    "oauth": ("OAuth2",),
    "oauth_only": ("OAuth2",),
    "oauth_or_app_password": ("OAuth2", *_PASSWORD),
    "oauth_or_password": ("OAuth2", *_PASSWORD),
}


class NoServers(NetworkError):
    """A provider was recognised, but none of its servers can be used without further questions.

    Mail programs cannot be connected to it at all, or only the user knows the name of his server.
    """

    def __init__(self, provider: "Provider"):
        super().__init__("not_found", f"{provider.name}: no server that suits every mailbox")
        self.provider = provider.id


@dataclass(frozen=True)
class Provider:
    """A provider; its servers still hold placeholders."""

    id: str
    name: str
    domains: frozenset[str] = frozenset()
    """domains of addresses; ``*.example.org`` stands for all sub-domains of ``example.org``"""
    mx_patterns: tuple[str, ...] = ()
    """suffixes of the names of its MX hosts"""
    servers: tuple[Server, ...] = ()
    mx_decides: bool = False
    """whether an MX at it outranks what the domain's web host publishes: its customers publish nothing"""

    @classmethod
    def from_row(cls, row: Mapping) -> "Provider":
        """Make one of a row of the data file, or of what Odoo reads from ``email.provider``.

        :raises ValueError: for a port that is no number
        """
        username = row.get("username") or ""
        authentication = _AUTHENTICATION.get(row.get("authentication"), _PASSWORD)
        return cls(
            id=str(row["id"]),
            name=row.get("name") or str(row["id"]),
            domains=frozenset((row.get("domains") or "").lower().split()),
            mx_patterns=tuple((row.get("mx_patterns") or "").lower().split()),
            servers=tuple(
                Server(
                    protocol=protocol,
                    host=row[f"{protocol}_host"],
                    port=int(row[f"{protocol}_port"]),
                    security=row[f"{protocol}_security"],
                    username=(row.get("outgoing_username") if protocol == "smtp" else "") or username,
                    authentication=authentication,
                )
                for protocol in ("imap", "pop3", "smtp")
                if row.get(f"{protocol}_host")
            ),
            mx_decides=bool(row.get("mx_decides")),
        )

    def settings(self, address: Address, *, source: str, doubt: str = "", origin: str = "") -> Settings:
        """Return its servers for an address.

        :raises NoServers: when none has a name without further questions
        """
        settings = Settings.of(
            _usable(self.servers, address),
            source=source,
            doubt=doubt,
            provider=self.id,
            name=self.name,
            origin=origin,
        )
        if settings is None:
            raise NoServers(self)
        return settings


@functools.lru_cache(maxsize=8)
def load_providers(path: str | Path | None = None) -> tuple[Provider, ...]:
    """Read the known providers; none when there is no such file.

    :raises ValueError, KeyError: for a row that is not one
    """
    try:
        with open(path or DATA, encoding="utf-8", newline="") as file:
            return tuple(Provider.from_row(row) for row in csv.DictReader(file))
    except FileNotFoundError:
        return ()


def provider_of_domain(domain: str, providers: Iterable[Provider]) -> Provider | None:
    """Return the provider of addresses in this domain: by its name, else by the longest wildcard."""
    providers = tuple(providers)
    return next((p for name in domain_keys(domain) for p in providers if name in p.domains), None)


def provider_of_mx(host: str, providers: Iterable[Provider]) -> Provider | None:
    """Return the provider that runs this MX host, by its longest pattern, else by its own domain.

    Products that share their MX hosts are told apart by this: one made for customers' own domains gives out
    no addresses in domains of its own, so it comes first; then the order of the file counts.
    """
    providers = tuple(providers)
    for suffix in _with_parents(host):
        found = [provider for provider in providers if suffix in provider.mx_patterns]
        if found:
            return min(found, key=lambda provider: bool(provider.domains))
    at_least = base_domain(host).count(".")
    parents = (parent for parent in _with_parents(host) if parent.count(".") >= at_least)
    return next(filter(None, (provider_of_domain(parent, providers) for parent in parents)), None)


def domain_keys(domain: str) -> Iterator[str]:
    """Yield what a provider of this domain may have among its domains, the closest first.

    For ``a.example.org``: itself, ``*.example.org``, ``*.org``.
    """
    yield domain
    for parent in _with_parents(domain.partition(".")[2]):
        yield f"*.{parent}"


def _with_parents(host):
    """Yield a host name and the domains that it is in, the closest first."""
    while host:
        yield host
        host = host.partition(".")[2]


def _usable(servers, address):
    for server in servers:
        try:
            # an administrator's own may be called "mail": nobody else can write what is known here
            host = host_name(fill(server.host.replace("{domain}", address.domain), address), at_least=1)
        except ValueError:  # {region} and the like: only the user knows
            continue
        for username in fill_usernames(server.username, address) or [""]:
            yield replace(server, host=host, username=username)
