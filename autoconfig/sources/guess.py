"""What servers are usually called. No name and no password is sent to find out whether they exist."""

import asyncio
import contextlib

from ..address import Address, base_domain
from ..net.errors import NetworkError
from ..net.network import Network
from ..settings import STARTTLS_PORTS, TLS_PORTS, Server, Settings
from .base import Report

_PREFIXES = {"imap": ("imap", "mail"), "pop3": ("pop", "pop3", "mail"), "smtp": ("smtp", "mail")}
_PORTS = {name: [(TLS_PORTS[name], "tls"), (STARTTLS_PORTS[name], "starttls")] for name in TLS_PORTS}
_PORTS["smtp"].append((25, "starttls"))
_MX_PATIENCE = 0.5  # seconds


class GuessSource:
    """Servers of the domain and its base domain by their usual names, the domain itself, and its MX host."""

    name = "guess"
    rank = 70
    patience = 0.5

    async def find(self, address: Address, network: Network, report: Report) -> Settings | None:
        domain = address.domain
        report(f"imap.{domain}, mail.{domain}, …")
        hosts = []
        with contextlib.suppress(NetworkError, asyncio.TimeoutError):
            hosts = [host for _preference, host in await asyncio.wait_for(network.mx(domain), _MX_PATIENCE)]
        return Settings.of(
            [
                Server(protocol, host, port, security)
                for protocol in _PREFIXES
                for port, security in _PORTS[protocol]
                for host in _hosts(protocol, domain, hosts[:1])
            ],
            source=self.name,
            doubt="guess",
        )


def _hosts(protocol, domain, mx):
    """Return the hosts in the order of their likelihood; those of a parent domain come last."""
    names, base = [f"{prefix}.{domain}" for prefix in _PREFIXES[protocol]], base_domain(domain)
    of_the_base = [f"{prefix}.{base}" for prefix in _PREFIXES[protocol] if protocol != "pop3"]
    return dict.fromkeys([*names, domain, *mx, *(of_the_base if base != domain else [])])
