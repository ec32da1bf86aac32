"""The way a mail took, by its Received fields (RFC 5321 4.4): which of its servers are the receiving side's,
and from where it came to them.
"""

import ipaddress
import re
from dataclasses import dataclass

from .comments import pieces
from .message import Message
from .names import domain_name, organizational_domain

MAX_HOPS = 50
# RFC 3848 and RFC 6531 4.3 call a connection with a login so, Postfix and others say it in a comment
_LOGIN = re.compile(r"\bwith (UTF8)?(E?SMTP|LMTP)S?A\b|\bwith ASMTP\b|\bauthenticated\b|\bauth=", re.I)
_WORD = re.compile(r"[^\s();,]+")
_IN_BRACKETS = re.compile(r"\[(?:IPv6:)?([0-9A-Fa-f:.]{2,45})\]", re.I)
_ALONE = re.compile(r"(?<!\S)([0-9A-Fa-f:.]{2,45})(?!\S)")
_HELO = re.compile(r"\b(e?helo|ident)[= ]\S*", re.I)
# how Exchange marks mail of its own users, logged in or in the browser
_EXCHANGE_MARKS = ("x-ms-exchange-organization-authas", "x-ms-exchange-crosstenant-authas")


@dataclass(frozen=True)
class Hop:
    """One Received field.

    :param position: of the field, 0 is the topmost
    :param client: the name by which the client introduced itself, ``""`` if there is none
    :param ip: the client's address, ``""`` if there is none
    :param server: who took the mail, ``""`` if it does not say
    :param login: the client had logged in: a sender's own program, not another server
    """

    position: int
    client: str
    ip: str
    server: str
    login: bool

    @property
    def public(self) -> bool:
        """Whether the client's address is one of the internet."""
        return bool(self.ip) and ipaddress.ip_address(self.ip).is_global

    @property
    def internal(self) -> bool:
        """Whether client and server are of the same domain."""
        if not (self.client and self.server):
            return False
        return organizational_domain(self.client) == organizational_domain(self.server)


@dataclass(frozen=True)
class Route:
    """What the Received fields tell.

    :param ip: where the mail came from outside, ``""`` when it never was there, or that cannot be told
    :param helo: how the client at that address introduced itself
    :param servers: the receiving side's, topmost first
    :param entry: position of the field that the receiving side's first server wrote, None without one
    :param end: position of the first field that a server of the sending side may have written, None if the
        header's end is before it
    """

    ip: str = ""
    helo: str = ""
    servers: tuple[str, ...] = ()
    entry: int | None = None
    end: int | None = None


def read_route(message: Message) -> Route:
    """Go from the final delivery towards the sender, up to the first connection from outside.

    Loopback, private addresses and connections within one domain are passed over. A connection with a login
    ends it: behind it is the sender's own program, and no server decided about that by SPF.
    """
    fields = message.all("received")[:MAX_HOPS]
    hops = [_hop(field.position, field.value) for field in fields]
    own = any(message.first(mark).lower() == "internal" for mark in _EXCHANGE_MARKS)
    servers = []
    for number, hop in enumerate(hops):
        if hop.server:
            servers.append(hop.server)
        if hop.login:
            break
        if hop.public and not hop.internal and not own:
            end = hops[number + 1].position if number + 1 < len(hops) else None
            return Route(hop.ip, hop.client, tuple(servers), hop.position, end)
    return Route(servers=tuple(servers))


def _hop(position, text):
    plain, comments, is_client = [], [], True
    for kind, piece in pieces(text):
        if kind == "text":
            plain.append(piece)
            is_client = is_client and not _cut(f" {piece} ", "by")[1]
        elif kind == "comment":
            plain.append(" ")
            if is_client:
                comments.append(_HELO.sub(" ", piece))
    sent, _by, rest = _cut("".join(plain), "by")
    _before, said, client = _cut(sent, "from")
    ip = ""
    if said:
        # what the server saw is in the comment, what the client claims is not
        ip = (
            _address(_IN_BRACKETS, comments) or _address(_ALONE, comments) or _address(_IN_BRACKETS, [client])
        )
    return Hop(position, _host(client), ip, _host(rest), bool(_LOGIN.search(text)))


def _cut(text, word):
    match = re.search(rf"(?<!\S){word}(?!\S)", text, re.I)
    return (text[: match.start()], True, text[match.end() :]) if match else (text, False, "")


def _host(text):
    match = _WORD.search(text)
    return domain_name(match[0]) if match else ""


def _address(pattern, texts):
    for text in texts:
        for match in pattern.finditer(text):
            try:
                ip = ipaddress.ip_address(match[1])
                return str(getattr(ip, "ipv4_mapped", None) or ip)
            except ValueError:
                continue
    return ""
