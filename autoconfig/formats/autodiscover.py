"""Microsoft's Autodiscover: version 1 as plain XML (MS-OXDSCLI, "POX"), and the URL of version 2.

Many web hosts answer it for IMAP, POP3 and SMTP. No password belongs into the request.
"""

from dataclasses import dataclass
from itertools import chain, islice
from xml.sax.saxutils import escape

from ..address import Address, AddressError, host_name
from ..placeholders import fill, fill_usernames
from ..settings import Server
from . import Document, FormatError, json, xml
from .fields import MAX_CHILDREN, MAX_SECTIONS, MAX_SERVERS, https_url, port_of, sockets
from .xml import name_of, text_of

_SCHEMA = "http://schemas.microsoft.com/exchange/autodiscover/outlook"
_PROTOCOLS = {"imap": "imap", "imap4": "imap", "pop3": "pop3", "pop": "pop3", "smtp": "smtp"}
_OFF = {"off", "false", "no", "0"}
_ON = {"on", "true", "yes", "1"}
_ENCRYPTION = {
    "none": "none",
    "ssl": "tls",
    "ssl/tls": "tls",
    "tls": "starttls",
    "starttls": "starttls",
    "auto": None,
    **dict.fromkeys(_ON),
    **dict.fromkeys(_OFF, "none"),
}
_ERRORS = {
    "500": "does not know the address",
    "501": "does not know the address",
    "600": "did not understand the request",
    "601": "has no settings for mail programs",
}


@dataclass(frozen=True)
class Redirect:
    """Where to ask instead: one of the two. Follow two at most."""

    address: str = ""
    """ask again for this address, at its domain's places"""
    url: str = ""
    """ask this URL (https) for the same address"""


def request(address: Address) -> bytes:
    """Return the body to post."""
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        f'<Autodiscover xmlns="{_SCHEMA}/requestschema/2006"><Request>'
        f"<EMailAddress>{escape(str(address))}</EMailAddress>"
        f"<AcceptableResponseSchema>{_SCHEMA}/responseschema/2006a</AcceptableResponseSchema>"
        "</Request></Autodiscover>\n"
    ).encode()


def parse(document: bytes, address: Address) -> Document | Redirect:
    """Read the answer for an address.

    Names count in whatever name space and case. Other protocols (Exchange's own) are ignored, an invalid one
    is dropped alone.

    :raises FormatError: when it is not such a document, an error, or holds no usable server
    """
    root = xml.parse(document)
    if _name(root) != "autodiscover":
        raise FormatError("not an Autodiscover document")
    response = (_children(root, "response") or [root])[0]
    if errors := _children(response, "error"):
        raise FormatError(_ERRORS.get(_fields(errors[0]).get("errorcode"), "answers with an error"))
    accounts = [(account, _fields(account)) for account in _children(response, "account")]
    accounts = [pair for pair in accounts if pair[1].get("accounttype", "email").lower() == "email"]
    if not accounts:
        raise FormatError("no account")
    account, fields = accounts[0]
    if redirect := _redirect(fields, address):
        return redirect
    sections = [_fields(section) for section in _children(account, "protocol")[:MAX_SECTIONS]]
    incoming = next((section for section in sections if _is_incoming(section) and "loginname" in section), {})
    servers = chain.from_iterable(_servers(section, incoming, address) for section in sections)
    servers = tuple(islice(dict.fromkeys(servers), MAX_SERVERS))
    if not servers:
        raise FormatError("no usable server")
    return Document(servers)


def parse_v2(document: bytes) -> str:
    """Return the URL at which version 1 answers, from the JSON ``{"Protocol", "Url"}`` of version 2.

    :raises FormatError: when it is not such a document or an error
    """
    content = json.parse(document)
    if "ErrorCode" in content:
        raise FormatError("answers with an error")
    protocol, url = content.get("Protocol"), content.get("Url")
    if not (isinstance(protocol, str) and isinstance(url, str) and protocol.lower() == "autodiscoverv1"):
        raise FormatError("not an Autodiscover document")
    return _url(url)


def _redirect(fields, address):
    """Return the redirect that an account asks for; None when it gives settings."""
    url, other = fields.get("redirecturl", ""), fields.get("redirectaddr", "")
    action = fields.get("action", "").lower() or (url and "redirecturl") or (other and "redirectaddr")
    if action == "redirecturl":
        return Redirect(url=_url(url))
    if action != "redirectaddr":
        return None
    try:
        target = str(Address.parse(other))
    except AddressError:
        raise FormatError("redirects to what is no address") from None
    if target == str(address):
        raise FormatError("redirects to the same address")
    return Redirect(address=target)


def _url(text):
    try:
        return https_url(text)
    except ValueError:
        raise FormatError("redirects to what is no https URL") from None


def _servers(section, incoming, address):
    """Return one server for each user name, port and security of a protocol; none when it is invalid.

    :param incoming: the section of an incoming server that states a user name
    """
    protocol = _PROTOCOLS.get(section.get("type", "").lower())
    if not protocol:
        return []
    try:
        host = host_name(fill(section.get("server", ""), address))
        places = _sockets(protocol, section)
    except (ValueError, KeyError):
        return []
    login = section
    if protocol == "smtp" and "loginname" not in section and _is(section, "usepopauth", _ON):
        login = incoming
    usernames = _usernames(login, address)
    authentication = "NTLM" if _is(section, "spa", _ON) else "password-cleartext"
    if protocol == "smtp" and _is(section, "authrequired", _OFF):
        authentication = "none"
    return [
        Server(protocol, host, port, security, username, (authentication,))
        for port, security in places
        for username in usernames or [""]
    ]


def _sockets(protocol, section):
    """Return the ports and securities that a protocol can mean; ``Encryption`` counts more than ``SSL``.

    :raises ValueError, KeyError: for what is no port or security
    """
    port = port_of(section.get("port", ""))
    if "encryption" in section:
        return sockets(protocol, port, _ENCRYPTION[section["encryption"].lower()])
    if _is(section, "ssl", _OFF):
        # says that TLS is not required, and cannot tell STARTTLS from nothing
        return sockets(protocol, port, "starttls") + sockets(protocol, port, "none")
    return sockets(protocol, port, "tls" if "ssl" in section else None)


def _usernames(section, address):
    login = section.get("loginname", "")
    if login and _is(section, "domainrequired", _ON) and not {"@", "\\", "%"} & set(login):
        domain = section.get("domainname", "%EMAILDOMAIN%")
        login = f"{login}@{domain}" if "." in domain or "%" in domain else f"{domain}\\{login}"
    return fill_usernames(login, address)


def _is_incoming(section):
    return _PROTOCOLS.get(section.get("type", "").lower()) in ("imap", "pop3")


def _is(section, field, values):
    return section.get(field, "").lower() in values


def _name(element):
    return name_of(element).lower()


def _children(element, name):
    return [child for child in element if _name(child) == name]


def _fields(element):
    """Return the texts of an element's children by name in lower case; the first that is not empty counts."""
    fields = {}
    for child in islice(element, MAX_CHILDREN):
        if text := text_of(child):
            fields.setdefault(_name(child), text)
    return fields
