"""Speaks to a mail server without a login: is it there, is its certificate good, what does it offer?

IMAP: RFC 9051 sections 6.1.1 and 6.2.1; POP3: RFC 2449, RFC 2595; SMTP: RFC 5321, RFC 3207, RFC 4954.
"""

import asyncio
import contextlib
import ssl
from dataclasses import replace

from ..settings import Server
from .errors import NetworkError, TimedOut
from .names import Addresses, checked_addresses
from .stream import Stream
from .timing import time_limit

MAX_LINES = 200  # of all answers

_CLEARTEXT, _ENCRYPTED = "password-cleartext", "password-encrypted"
# what a mechanism is called in Mozilla's documents; over TLS the simplest is the one that always works
_AUTHENTICATION = {
    "PLAIN": _CLEARTEXT,
    "LOGIN": _CLEARTEXT,
    "CRAM-MD5": _ENCRYPTED,
    "DIGEST-MD5": _ENCRYPTED,
    "SCRAM-SHA-1": _ENCRYPTED,
    "SCRAM-SHA-256": _ENCRYPTED,
    "NTLM": "NTLM",
    "GSSAPI": "GSSAPI",
    "XOAUTH2": "OAuth2",
    "OAUTHBEARER": "OAuth2",
    "EXTERNAL": "TLS-client-cert",
}


async def probe(server: Server, addresses: Addresses, ssl_context: ssl.SSLContext, timeout: float) -> Server:
    """Ask a server for its capabilities; no name and no password is sent.

    A server without encryption that offers it after all (STARTTLS, with a good certificate) is returned as
    one with ``starttls``.

    :param server: its port has been checked
    :param addresses: resolves a host and port to checked addresses; nothing else is connected to
    :param timeout: seconds for all of it
    :return: the server with the ``security`` it was spoken to with, and the ``authentication`` it offers
    :raises NetworkError: when it is no such server, or not one that a password may go to
    """
    name = f"{server.host}:{server.port}"
    try:
        async with time_limit(timeout):
            stream = await Stream.connect(await checked_addresses(server.host, server.port, addresses), name)
            try:
                return await _DIALOGUES[server.protocol](stream, server, name).run(ssl_context)
            finally:
                stream.close()
    except asyncio.TimeoutError:
        raise TimedOut(name, timeout) from None
    except ssl.SSLCertVerificationError as error:
        raise NetworkError("refused", f"{name}: no valid certificate ({error.verify_message})") from None
    except ssl.SSLError:
        raise NetworkError("no_answer", f"{name}: no TLS connection") from None
    except ConnectionRefusedError:
        raise NetworkError("no_answer", f"{name}: refuses connections") from None
    except OSError:
        raise NetworkError("no_answer", f"{name}: no connection") from None


class _Dialogue:
    """What the three protocols have in common."""

    start_tls_capability = "STARTTLS"

    def __init__(self, stream, server, name):
        self.stream, self.server, self.name = stream, server, name
        self._lines_left = MAX_LINES

    async def run(self, ssl_context):
        security = self.server.security
        if security == "tls":
            await self.stream.start_tls(ssl_context, self.server.host)
        capabilities = await self.greeting() or await self.capabilities()
        if security != "tls":
            offered = self.start_tls_capability in capabilities
            if security == "starttls" and not offered:
                raise NetworkError("invalid", f"{self.name}: does not offer STARTTLS")
            if offered:
                try:
                    await self.start_tls()
                    await self.stream.start_tls(ssl_context, self.server.host)
                    capabilities, security = await self.capabilities(), "starttls"
                except (NetworkError, OSError):
                    if security == "starttls":
                        raise
        await self.goodbye()
        offered = {_AUTHENTICATION.get(mechanism) for mechanism in self.mechanisms(capabilities)}
        authentication = tuple(name for name in dict.fromkeys(_AUTHENTICATION.values()) if name in offered)
        if self.server.port == 25 and not authentication:
            raise NetworkError("invalid", f"{self.name}: takes mail from other servers only")
        return replace(self.server, security=security, authentication=authentication)

    async def goodbye(self):
        """Be polite, but do not wait for an answer."""
        with contextlib.suppress(OSError):
            await self.stream.send(self.end)

    def unexpected(self):
        return NetworkError("invalid", f"{self.name}: does not speak {self.server.protocol.upper()}")

    async def line(self):
        self._lines_left -= 1
        if self._lines_left < 0:
            raise NetworkError("invalid", f"{self.name}: an endless answer")
        return await self.stream.line()


class _Imap(_Dialogue):
    end = "z LOGOUT"

    async def greeting(self):
        line = await self.line()
        if not line.upper().startswith("* OK"):
            raise self.unexpected()
        _text, bracket, capabilities = line.upper().partition("[CAPABILITY ")
        return set(capabilities.partition("]")[0].split()) if bracket else None

    async def capabilities(self):
        found = set()
        await self.stream.send("a CAPABILITY")
        while True:
            words = (await self.line()).upper().split()
            if words[:2] == ["*", "CAPABILITY"]:
                found.update(words[2:])
            elif words[:2] == ["A", "OK"]:
                return found
            elif words[:1] != ["*"]:
                raise self.unexpected()

    async def start_tls(self):
        await self.stream.send("b STARTTLS")
        while True:
            words = (await self.line()).upper().split()
            if words[:2] == ["B", "OK"]:
                return
            if words[:1] != ["*"]:
                raise NetworkError("invalid", f"{self.name}: refuses STARTTLS")

    def mechanisms(self, capabilities):
        offered = [name[5:] for name in sorted(capabilities) if name.startswith("AUTH=")]
        return offered if "LOGINDISABLED" in capabilities else ["LOGIN", *offered]


class _Pop3(_Dialogue):
    end = "QUIT"
    start_tls_capability = "STLS"

    async def greeting(self):
        if not (await self.line()).startswith("+OK"):
            raise self.unexpected()

    async def capabilities(self):
        """Old servers know no CAPA: they have nothing but USER."""
        await self.stream.send("CAPA")
        found, started = set(), False
        while True:
            words = (await self.line()).upper().split()
            if not started:
                if words[:1] == ["-ERR"]:
                    return {"USER"}
                if words[:1] != ["+OK"]:
                    raise self.unexpected()
                started = True
            elif words == ["."]:
                return found
            elif words:
                found.add(words[0])
                found.update(f"SASL {word}" for word in words[1:] if words[0] == "SASL")

    async def start_tls(self):
        await self.stream.send("STLS")
        if not (await self.line()).startswith("+OK"):
            raise NetworkError("invalid", f"{self.name}: refuses STLS")

    def mechanisms(self, capabilities):
        offered = [name[5:] for name in sorted(capabilities) if name.startswith("SASL ")]
        return ["LOGIN", *offered] if "USER" in capabilities else offered


class _Smtp(_Dialogue):
    end = "QUIT"

    async def greeting(self):
        await self._reply("220")

    async def capabilities(self):
        # an address literal, since the name of this machine is nobody's business
        await self.stream.send("EHLO [127.0.0.1]")
        found = set()
        for text in (await self._reply("250"))[1:]:
            # "AUTH=LOGIN" is how servers wrote it before the standard
            keyword, *parameters = text.upper().replace("AUTH=", "AUTH ", 1).split() or [""]
            found.add(keyword)
            found.update(f"AUTH {parameter}" for parameter in parameters if keyword == "AUTH")
        return found

    async def start_tls(self):
        await self.stream.send("STARTTLS")
        await self._reply("220")

    def mechanisms(self, capabilities):
        return [name[5:] for name in sorted(capabilities) if name.startswith("AUTH ")]

    async def _reply(self, code):
        texts = []
        while True:
            line = await self.line()
            if not line.startswith(code):
                if line[:1] in ("4", "5"):
                    raise NetworkError("no_answer", f"{self.name}: not now ({line[:3]})")
                raise self.unexpected()
            texts.append(line[4:])
            if line[3:4] != "-":
                return texts


_DIALOGUES = {"imap": _Imap, "pop3": _Pop3, "smtp": _Smtp}
