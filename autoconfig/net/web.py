"""Guarded HTTP: the answers of strangers, asked for in their name by us."""

import asyncio
import ipaddress
import socket
import ssl

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from ..address import host_name
from .errors import NetworkError, TimedOut
from .names import Addresses, checked_addresses
from .timing import time_limit

MAX_BODY = 256 * 1024  # bytes
MAX_REDIRECTS = 3
PORTS = {"https": 443, "http": 80}
USER_AGENT = "email_account (mail settings discovery)"


class Redirected(NetworkError):
    """A redirect that was not to be followed."""

    def __init__(self, host: str, url: str):
        super().__init__("not_found", f"{host}: a redirect")
        self.url = url


async def fetch(
    url: str,
    addresses: Addresses,
    ssl_context: ssl.SSLContext,
    timeout: float,
    body: bytes | None = None,
    redirects: int = MAX_REDIRECTS,
) -> bytes:
    """Get a document; follow redirects, each checked like the first URL.

    :param addresses: resolves a host and port to checked addresses; nothing else is connected to
    :param timeout: seconds for the whole of it, redirects and body included
    :param body: XML to POST; without it the request is a GET
    :param redirects: how many to follow
    :raises Redirected: by the first redirect, if none is to be followed
    :raises NetworkError: for everything else but a document
    """
    host = URL(url).host
    try:
        async with time_limit(timeout):
            return await _fetch(URL(url, encoded=True), addresses, ssl_context, body, redirects)
    except asyncio.TimeoutError:
        raise TimedOut(host, timeout) from None


async def _fetch(url, addresses, ssl_context, body, redirects):
    resolver = _Resolved()
    connector = aiohttp.TCPConnector(resolver=resolver, use_dns_cache=False, ssl=ssl_context)
    async with aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None),
        auto_decompress=False,  # a small body could become a huge one
        headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
    ) as session:
        for _hop in range(1 + redirects):
            _check(url)
            resolver.answers = await checked_addresses(url.raw_host, url.port, addresses)
            try:
                # an Autodiscover service wants its question again wherever it redirects to
                async with session.request(
                    "GET" if body is None else "POST",
                    url,
                    allow_redirects=False,
                    data=body,
                    headers={} if body is None else {"Content-Type": "text/xml"},
                ) as response:
                    target = _redirect(url, response)
                    if target is None:
                        return await _document(url, response)
            except aiohttp.ClientError as error:
                raise _failure(url.host, error) from None
            if url.scheme == "https" and target.scheme != "https":
                raise NetworkError("refused", f"{url.host}: redirects from https to {target.scheme}")
            if not redirects:
                raise Redirected(url.host, str(target))
            url = target
    raise NetworkError("refused", f"{url.host}: more than {redirects} redirects")


class _Resolved(AbstractResolver):
    """Answers with what was resolved and checked before, so that there is no second look-up to rebind."""

    answers = ()

    async def resolve(self, host, port=0, family=socket.AF_UNSPEC):
        return [
            {
                "hostname": host,
                "host": ip,
                "port": port,
                "family": socket.AF_INET6 if ":" in ip else socket.AF_INET,
                "proto": socket.IPPROTO_TCP,
                "flags": socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            }
            for ip, port in self.answers
        ]

    async def close(self):
        """Nothing is held."""


def _check(url):
    """Refuse what is not an ordinary URL of the web."""
    host = url.raw_host or ""
    if PORTS.get(url.scheme) is None or url.port not in PORTS.values() or url.raw_user or url.raw_password:
        raise NetworkError("refused", f"{host}: not a plain URL of the web")
    try:
        ipaddress.ip_address(host)
    except ValueError:
        try:
            host_name(host)  # not one of the other notations of an IPv4 address either
        except ValueError:
            raise NetworkError("refused", f"{host}: not a host name") from None


def _redirect(url, response):
    """Return the target of a redirect, None when it is none."""
    if response.status not in (301, 302, 303, 307, 308):
        return None
    try:
        return url.join(URL(response.headers["Location"])).with_fragment(None)
    except (KeyError, ValueError):
        raise NetworkError("invalid", f"{url.host}: redirects to nowhere") from None


async def _document(url, response):
    status = response.status
    if status == 429 or status >= 500:
        raise NetworkError("no_answer", f"{url.host}: HTTP status {status}")
    if status != 200:
        raise NetworkError("not_found", f"{url.host}: HTTP status {status}")
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise NetworkError("invalid", f"{url.host}: compressed without being asked to")
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > MAX_BODY:
            response.close()
            raise NetworkError("invalid", f"{url.host}: more than {MAX_BODY // 1024} kB")
    start = bytes(body[:100]).removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html")):
        raise NetworkError("not_found", f"{url.host}: a web page instead of settings")
    return bytes(body)


def _failure(host, error):
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return NetworkError("refused", f"{host}: no valid certificate")
    if isinstance(error, aiohttp.ClientSSLError):
        return NetworkError("no_answer", f"{host}: no TLS connection")
    if isinstance(error, (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError)):
        return NetworkError("no_answer", f"{host}: no connection")
    return NetworkError("invalid", f"{host}: not a web server's answer")
