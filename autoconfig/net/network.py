"""The only way to the outside; what it finds is checked by the guard before it is connected to."""

import asyncio
import copy
import functools
import ipaddress
import os
import socket
import ssl
from collections.abc import Iterable
from concurrent.futures import TimeoutError as FutureTimeout

import dns.asyncresolver
import dns.exception
import dns.flags
import dns.name
import dns.resolver

from ..address import host_name
from ..race import cancel_tasks
from ..settings import Server
from . import web
from .daemon import in_daemon
from .errors import NetworkError
from .guard import BlockedAddress, Guard
from .probe import probe
from .records import MAX_RECORDS, Records, ServiceRecord
from .timing import time_limit

__all__ = ["BlockedAddress", "Guard", "Network", "NetworkError"]


def _once(method):
    """Within a session, ask each question only once, whoever asks; who has the answer may be cancelled."""

    @functools.wraps(method)
    async def asked(self, *args):
        if self._asked is None:
            return await method(self, *args)
        key = (method.__name__, *args)
        if key not in self._asked:
            self._asked[key] = asyncio.ensure_future(method(self, *args))
        return await asyncio.shield(self._asked[key])

    return asked


class Network:
    """DNS, the web and mail servers, guarded; for any number of discoveries, in any thread and event loop."""

    _asked = None

    def __init__(
        self,
        guard: Guard | None = None,
        nameservers: Iterable[tuple[str, int]] | None = None,
        ssl_context: ssl.SSLContext | None = None,
        authorities: Iterable[str] = (),
        lookup_timeout: float = 5.0,
        request_timeout: float = 5.0,
        probe_timeout: float = 5.0,
    ):
        """
        :param guard: decides on addresses; the default lets through the public internet alone
        :param nameservers: (IP address, port) of name servers for MX, SRV and TXT, each address once; by
            default the system's
        :param ssl_context: verifies certificates; by default Python's own, which honours ``SSL_CERT_FILE``
        :param authorities: certificates (PEM) of those trusted beside the system's; not with ``ssl_context``
        :param lookup_timeout: seconds for a look-up in DNS
        :param request_timeout: seconds for an https request, from the look-up to the last byte
        :param probe_timeout: seconds for speaking to a mail server, the look-up included
        """
        self.guard = guard or Guard()
        self.lookup_timeout = lookup_timeout
        self.request_timeout = request_timeout
        self.probe_timeout = probe_timeout
        self._nameservers = None if nameservers is None else dict(nameservers)
        self._given_ssl_context = ssl_context
        self._authorities = tuple(authorities)

    @property
    def ssl_context(self) -> ssl.SSLContext:
        """Verifies certificates and names, TLS 1.2 or newer."""
        return self._given_ssl_context or _default_context(
            os.environ.get("SSL_CERT_FILE"),
            os.environ.get("SSL_CERT_DIR"),
            _authorities_age(),
            self._authorities,
        )

    # looking up

    def resolve(self, host: str) -> list[str]:
        """Resolve a host by the system's resolver; return the IP addresses that may be connected to.

        Blocks, at most ``lookup_timeout`` seconds. Connect to what it returns, never to the name: a second
        look-up could give something else.

        :raises BlockedAddress: when the guard refuses all of them
        :raises socket.gaierror: when the name does not resolve
        :raises TimeoutError: when the resolver does not answer in time
        """
        self.guard.check_name(host)
        allowed, blocked = [], None
        for ip in self._find_ips(host):
            try:
                self.guard.check(ip, host)
            except BlockedAddress as error:
                blocked = error
            else:
                allowed.append(ip)
        if not allowed and blocked:
            raise blocked
        return list(dict.fromkeys(allowed))

    def _find_ips(self, host):
        """Ask the system's resolver; the IP addresses may come more than once."""
        try:
            look_up = in_daemon(socket.getaddrinfo, host, None, 0, socket.SOCK_STREAM)
            return [ip for *_, (ip, *_rest) in look_up.result(self.lookup_timeout)]
        except FutureTimeout:
            raise TimeoutError(f"{host}: the name is not resolved within {self.lookup_timeout:g} s") from None

    def addresses(self, host: str, port: int) -> list[tuple[str, int]]:
        """Return the (IP address, port) of a mail server to connect to; blocks as ``resolve`` does.

        :raises BlockedAddress: also when the guard refuses the port; the rest as of ``resolve``
        """
        self.guard.check_port(port, host)
        return self._places(host, self.resolve(host), port)

    @_once
    async def resolve_async(self, host: str) -> list[str]:
        """Do what ``resolve`` does for asyncio; it can be cancelled at once."""
        return await asyncio.wrap_future(in_daemon(self.resolve, host))

    async def addresses_async(self, host: str, port: int) -> list[tuple[str, int]]:
        """Return the (IP address, port) to connect to; who asks has checked the port. It can be cancelled."""
        return self._places(host, await self.resolve_async(host), port)

    @_once
    async def mx(self, domain: str) -> Records:
        """Return (preference, host) of the domain's MX hosts; none when it has none, or a null MX (RFC 7505).

        :raises NetworkError: when no name server answers
        """
        return await self._records(domain, "MX", lambda r: (r.preference, host_name(r.exchange.to_text())))

    @_once
    async def srv(self, name: str) -> Records:
        """Return the ``ServiceRecord`` of a service (RFC 2782), best first; none when it is not offered.

        :raises NetworkError: when no name server answers
        """
        return await self._records(
            name,
            "SRV",
            lambda r: ServiceRecord(r.priority, -r.weight, host_name(r.target.to_text()), r.port),
        )

    @_once
    async def txt(self, name: str) -> Records:
        """Return the TXT records of a name, the strings of each joined (bytes).

        :raises NetworkError: when no name server answers
        """
        return await self._records(name, "TXT", lambda r: b"".join(r.strings))

    # asking

    @_once
    async def get(self, url: str) -> bytes:
        """GET a document of at most 256 kB over https or http; an https URL stays https to the end.

        :raises NetworkError: for everything but a document
        """
        return await web.fetch(url, self.addresses_async, self.ssl_context, self.request_timeout)

    @_once
    async def post(self, url: str, body: bytes) -> bytes:
        """POST XML and return the document that comes back, under the rules of ``get``.

        :raises NetworkError: for everything but a document
        """
        return await web.fetch(url, self.addresses_async, self.ssl_context, self.request_timeout, body=body)

    @_once
    async def redirect(self, url: str) -> str | None:
        """GET a URL and return where it redirects to, None when it does not; it is not followed.

        :raises NetworkError: when there is no answer
        """
        try:
            await web.fetch(url, self.addresses_async, self.ssl_context, self.request_timeout, redirects=0)
        except web.Redirected as redirected:
            return redirected.url
        return None

    @_once
    async def probe(self, endpoint: Server) -> Server:
        """Speak to a mail server without a login; return how it was spoken to and what it offers.

        :raises NetworkError: when it does not answer, or is none that a password may go to
        """
        try:
            self.guard.check_port(endpoint.port, endpoint.host)
        except BlockedAddress as error:
            raise NetworkError(error.result, str(error)) from None
        return await probe(endpoint, self.addresses_async, self.ssl_context, self.probe_timeout)

    # sessions

    def session(self) -> "Network":
        """Return a view of this network for one discovery, which asks each question once; close it."""
        session = copy.copy(self)
        session._asked = {}
        return session

    async def close(self):
        """End a session: what is still being asked is cancelled."""
        tasks, self._asked = self._asked.values(), None
        await cancel_tasks(tasks)

    def _places(self, _host, ips, port):
        return [(ip, port) for ip in ips]

    async def _records(self, name, kind, read):
        """Return the well-formed records of a name, sorted."""
        try:
            async with time_limit(self.lookup_timeout):  # dnspython's own limit is a little more
                answer = await self._resolver().resolve(dns.name.from_text(name), kind)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return Records()
        except (dns.exception.DNSException, asyncio.TimeoutError) as error:
            silent = isinstance(error, (dns.exception.Timeout, asyncio.TimeoutError))
            reason = "no answer from DNS in time" if silent else "DNS cannot answer"
            raise NetworkError("no_answer", f"{name}: {reason}") from None
        found = []
        for record in list(answer)[:MAX_RECORDS]:
            try:
                found.append(read(record))
            except ValueError:
                continue  # also the null MX, and the SRV target that says "not offered"
        return Records(sorted(found), secure=_is_secure(answer))

    def _resolver(self):
        resolver = dns.asyncresolver.Resolver(configure=self._nameservers is None)
        if self._nameservers is not None:
            resolver.nameservers = list(self._nameservers)
            resolver.nameserver_ports = self._nameservers
        resolver.lifetime = self.lookup_timeout
        if all(map(_is_local, resolver.nameservers)):
            resolver.use_edns(
                0, dns.flags.DO, 1232
            )  # "tell whether it is authentic" (RFC 4035 section 3.2.1)
        return resolver


def _is_local(nameserver):
    try:
        return ipaddress.ip_address(nameserver).is_loopback
    except ValueError:
        return False


def _is_secure(answer):
    """Whether a resolver on this machine has validated it: from further away, its word can be forged."""
    return _is_local(answer.nameserver) and bool(answer.response.flags & dns.flags.AD)


@functools.lru_cache(maxsize=4)
def _default_context(_file, _folder, _age, authorities):
    """Reading the authorities takes a while: once as long as they do not change."""
    context = ssl.create_default_context()
    context.hostname_checks_common_name = False  # RFC 9525 2: a name is a subjectAltName
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if authorities:
        context.load_verify_locations(cadata="\n".join(authorities))
        # who trusts an intermediate authority need not trust the one above it (Python 3.13's default)
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def _authorities_age():
    paths = ssl.get_default_verify_paths()
    try:
        return os.stat(paths.cafile or paths.openssl_cafile).st_mtime_ns
    except OSError:
        return None
