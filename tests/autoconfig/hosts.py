"""Real hosts on loopback for these tests: DNS, https with its own certificate authority, and a silent one.

They run in an event loop of their own, so that a test's loop holds nothing but what is tested.
"""

import asyncio
import functools
import socket
import ssl
import threading
from contextlib import asynccontextmanager, contextmanager

import trustme
from aiohttp import web
from dnslib import MX, QTYPE, RCODE, RR, DNSRecord

from odoo.addons.email_account.autoconfig import Guard, Network

LOOPBACK = "127.0.0.1"


@functools.cache
def authority() -> trustme.CA:
    return trustme.CA()


@functools.cache
def client_context() -> ssl.SSLContext:
    """Trusts our authority alone."""
    context = ssl.create_default_context()
    authority().configure_trust(context)
    return context


class LoopbackNetwork(Network):
    """Every name leads to one of the test's hosts, or does not exist.

    :param hosts: {name: port}
    :param real_mail: whether mail servers are spoken to; otherwise all of them are taken to be there
    """

    def __init__(self, hosts=None, real_mail=False, **kwargs):
        kwargs.setdefault("guard", Guard(["127.0.0.0/8"]))
        kwargs.setdefault("ssl_context", client_context())
        kwargs.setdefault("nameservers", [(LOOPBACK, 9)])
        super().__init__(**kwargs)
        self.hosts = dict(hosts or {})
        self.looked_up = []
        self._real_mail = real_mail

    async def probe(self, endpoint):
        return await super().probe(endpoint) if self._real_mail else endpoint

    def resolve(self, host):
        self.looked_up.append(host)
        if host[0].isdigit() or ":" in host:
            return super().resolve(host)
        if host not in self.hosts:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [LOOPBACK]

    def _places(self, host, ips, port):
        return [(ip, self.hosts.get(host, port)) for ip in ips]


@functools.cache
def _loop():
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="test hosts", daemon=True).start()
    return loop


def _in_the_loop(host):
    """Turn an asynchronous context manager into a plain one that runs in the hosts' loop."""

    @contextmanager
    def manager(*args, **kwargs):
        context = host(*args, **kwargs)
        value = asyncio.run_coroutine_threadsafe(context.__aenter__(), _loop()).result(5)
        try:
            yield value
        finally:
            asyncio.run_coroutine_threadsafe(context.__aexit__(None, None, None), _loop()).result(5)

    return manager


@_in_the_loop
@asynccontextmanager
async def https_host(handler, *names, issuer=None):
    """Serve ``handler(request)`` with a certificate for ``names``; yields the port."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    (issuer or authority()).issue_cert(*names).configure_cert(context)
    runner = web.ServerRunner(web.Server(handler), shutdown_timeout=0.01)
    await runner.setup()
    try:
        site = web.TCPSite(runner, LOOPBACK, 0, ssl_context=context)
        await site.start()
        yield site._server.sockets[0].getsockname()[1]
    finally:
        await runner.cleanup()


@_in_the_loop
@asynccontextmanager
async def stream_host(talk):
    """Run ``talk(reader, writer)`` for each connection; yields the port."""
    writers = []

    async def connected(reader, writer):
        writers.append(writer)
        await talk(reader, writer)

    server = await asyncio.start_server(connected, LOOPBACK, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()
        await asyncio.sleep(0)


def silent_host():
    """Take connections and say nothing; yields the port."""

    async def listen(reader, writer):
        while await reader.read(1000):
            pass

    return stream_host(listen)


class _Dns(asyncio.DatagramProtocol):
    def __init__(self, zone):
        self.zone = zone
        self.asked = []

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, peer):
        query = DNSRecord.parse(data)
        name = str(query.q.qname).rstrip(".")
        self.asked.append((name, QTYPE[query.q.qtype]))
        answer = query.reply()
        mx = self.zone.get(name, "NXDOMAIN")
        if mx == "silence":
            return
        if isinstance(mx, str):
            answer.header.rcode = getattr(RCODE, mx)
        else:
            for preference, host in mx:
                answer.add_answer(RR(name, QTYPE.MX, rdata=MX(host, preference), ttl=60))
        self.transport.sendto(answer.pack(), peer)


@_in_the_loop
@asynccontextmanager
async def dns_host(zone):
    """Answer MX questions from ``zone``: {domain: [(preference, host), ...] or an RCODE's name or "silence"}.

    Yields the host; its ``address`` is for ``Network``, its ``asked`` holds the questions.
    """
    transport, host = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: _Dns(zone), local_addr=(LOOPBACK, 0)
    )
    host.address = transport.get_extra_info("sockname")
    try:
        yield host
    finally:
        transport.close()
        await asyncio.sleep(0)
