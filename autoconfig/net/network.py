"""The only way to the outside; what it finds is checked by the guard before it is connected to."""

import asyncio
import functools
import socket
import ssl
from collections.abc import Iterable
from concurrent.futures import TimeoutError as FutureTimeout

import dns.asyncresolver
import dns.exception
import dns.name
import dns.resolver

from ..address import host_name
from . import web
from .daemon import in_daemon
from .errors import NetworkError
from .guard import BlockedAddress, Guard

__all__ = ["BlockedAddress", "Guard", "Network", "NetworkError"]


class Network:
    """DNS and the web, guarded. One serves any number of discoveries, in any thread and event loop."""

    def __init__(
        self,
        guard: Guard | None = None,
        nameservers: Iterable[tuple[str, int]] | None = None,
        ssl_context: ssl.SSLContext | None = None,
        lookup_timeout: float = 5.0,
        request_timeout: float = 5.0,
    ):
        """
        :param guard: decides on addresses; the default lets through the public internet alone
        :param nameservers: (IP address, port) of name servers for MX, each address once; by default the
            system's
        :param ssl_context: for https; by default Python's own, which honours ``SSL_CERT_FILE``
        :param lookup_timeout: seconds for a look-up in DNS
        :param request_timeout: seconds for an https request, from the look-up to the last byte
        """
        self.guard = guard or Guard()
        self.lookup_timeout = lookup_timeout
        self.request_timeout = request_timeout
        self._nameservers = None if nameservers is None else dict(nameservers)
        self._given_ssl_context = ssl_context

    @functools.cached_property
    def ssl_context(self) -> ssl.SSLContext:
        """Verifies certificates. Made when first needed, as reading the authorities takes a while."""
        return self._given_ssl_context or ssl.create_default_context()

    def addresses(self, host: str, port: int) -> list[tuple[str, int]]:
        """Resolve a host by the system's resolver; return the (IP address, port) that may be connected to.

        Blocks, at most ``lookup_timeout`` seconds. Connect to what it returns, never to the name: a second
        look-up could give something else.

        :raises BlockedAddress: when the guard refuses all of them
        :raises socket.gaierror: when the name does not resolve
        :raises TimeoutError: when the resolver does not answer in time
        """
        try:
            look_up = in_daemon(socket.getaddrinfo, host, port, 0, socket.SOCK_STREAM)
            found = look_up.result(self.lookup_timeout)
        except FutureTimeout:
            raise TimeoutError(f"{host}: the name is not resolved within {self.lookup_timeout:g} s") from None
        allowed, blocked = [], None
        for *_, (ip, checked_port, *_rest) in found:
            try:
                self.guard.check(ip, host)
            except BlockedAddress as error:
                blocked = error
            else:
                allowed.append((ip, checked_port))
        if not allowed and blocked:
            raise blocked
        return list(dict.fromkeys(allowed))

    async def addresses_async(self, host: str, port: int) -> list[tuple[str, int]]:
        """Do the same for asyncio; it can be cancelled at once."""
        return await asyncio.wrap_future(in_daemon(self.addresses, host, port))

    async def mx(self, domain: str) -> list[tuple[int, str]]:
        """Return (preference, host) of the domain's MX hosts; none when it has none, or a null MX (RFC 7505).

        :raises NetworkError: when no name server answers
        """
        try:
            answer = await self._resolver().resolve(dns.name.from_text(domain), "MX")
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except dns.exception.DNSException as error:
            silent = isinstance(error, dns.exception.Timeout)
            reason = "no answer from DNS in time" if silent else "DNS cannot answer"
            raise NetworkError("no_answer", f"{domain}: {reason}") from None
        hosts = []
        for record in answer:
            try:
                hosts.append((record.preference, host_name(record.exchange.to_text())))
            except ValueError:
                continue  # also the null MX
        return sorted(hosts)

    async def get(self, url: str) -> bytes:
        """GET a document of at most 256 kB over https.

        :raises NetworkError: for everything but a document
        """
        return await web.fetch(url, self.addresses_async, self.ssl_context, self.request_timeout)

    def _resolver(self):
        resolver = dns.asyncresolver.Resolver(configure=self._nameservers is None)
        if self._nameservers is not None:
            resolver.nameservers = list(self._nameservers)
            resolver.nameserver_ports = self._nameservers
        resolver.lifetime = self.lookup_timeout
        return resolver
