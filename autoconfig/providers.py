"""What is known of providers, from the same data file that Odoo imports as ``email.provider``."""

import csv
import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from .address import Address, base_domain, host_name
from .placeholders import fill, fill_username
from .settings import Server, Settings

DATA = Path(__file__).parent.parent / "data" / "email.provider.csv"

_PASSWORD = ("password-cleartext",)
_AUTHENTICATION = {
    "oauth": ("OAuth2",),
    "oauth_only": ("OAuth2",),
    "oauth_or_app_password": ("OAuth2", *_PASSWORD),
    "oauth_or_password": ("OAuth2", *_PASSWORD),
}


@dataclass(frozen=True)
class Provider:
    """A provider; its servers still hold placeholders."""

    id: str
    name: str
    domains: frozenset[str] = frozenset()
    """domains of addresses"""
    mx_patterns: tuple[str, ...] = ()
    """suffixes of the names of its MX hosts"""
    servers: tuple[Server, ...] = ()

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
        )

    def settings(self, address: Address, *, source: str, doubt: str = "", origin: str = "") -> Settings | None:
        """Return its servers for an address; None when none has a name without further questions."""
        return Settings.of(
            _usable(self.servers, address),
            source=source,
            doubt=doubt,
            provider=self.id,
            name=self.name,
            origin=origin,
        )

    def _match(self, host):
        """Length of the longest MX pattern that the host matches."""
        return max((len(p) for p in self.mx_patterns if host == p or host.endswith(f".{p}")), default=0)


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
    """Return the provider that gives out addresses in this domain."""
    return next((provider for provider in providers if domain in provider.domains), None)


def provider_of_mx(host: str, providers: Iterable[Provider]) -> Provider | None:
    """Return the provider that runs this MX host, by its longest pattern, else by its own domain.

    Products that share their MX hosts are told apart by this: one made for customers' own domains gives out
    no addresses in domains of its own, so it comes first; then the order of the file counts.
    """
    providers = list(providers)
    best = max(providers, key=lambda provider: (provider._match(host), not provider.domains), default=None)
    if best and best._match(host):
        return best
    labels = host.split(".")
    shortest = base_domain(host).count(".") + 1
    parents = [".".join(labels[i:]) for i in range(len(labels) - shortest + 1)]
    return next(filter(None, (provider_of_domain(parent, providers) for parent in parents)), None)


def _usable(servers, address):
    for server in servers:
        try:
            # an administrator's own may be called "mail": nobody else can write what is known here
            host = host_name(fill(server.host.replace("{domain}", address.domain), address), at_least=1)
        except ValueError:  # {region} and the like: only the user knows
            continue
        yield replace(server, host=host, username=fill_username(server.username, address))
