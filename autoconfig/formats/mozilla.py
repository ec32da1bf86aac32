"""Mozilla's ``clientConfig`` 1.1 and 1.2 (draft-ietf-mailmaint-autoconfig-06), as found in the wild."""

from itertools import chain, islice

from ..address import Address, host_name
from ..placeholders import fill, fill_usernames
from ..settings import TLS_PORTS, Server
from . import Document, FormatError, xml
from .fields import MAX_CHILDREN, MAX_SECTIONS, MAX_SERVERS, MAX_VALUES, display_name, port_of, sockets
from .xml import name_of, text_of

_SECURITY = {
    "": None,
    "ssl": "tls",
    "ssl/tls": "tls",
    "tls": "tls",
    "starttls": "starttls",
    "plain": "none",
    "none": "none",
}
_AUTHENTICATION = {
    name.lower(): name
    for name in (
        "password-cleartext",
        "password-encrypted",
        "NTLM",
        "GSSAPI",
        "client-IP-address",
        "TLS-client-cert",
        "OAuth2",
        "none",
    )
} | {"plain": "password-cleartext", "secure": "password-encrypted"}  # of files before version 1.1


def parse(document: bytes, address: Address) -> Document:
    """Read the servers for an address.

    Unknown elements and attributes are ignored, an invalid server section is dropped alone.

    :raises FormatError: when it is not such a document or holds no usable server
    """
    root = xml.parse(document)
    provider = next((child for child in root if name_of(child) == "emailProvider"), None)
    if name_of(root) != "clientConfig" or provider is None:
        raise FormatError("not a clientConfig document")
    sections = (child for child in provider if name_of(child) in ("incomingServer", "outgoingServer"))
    servers = chain.from_iterable(_servers(section, address) for section in islice(sections, MAX_SECTIONS))
    servers = tuple(islice(servers, MAX_SERVERS))
    if not servers:
        raise FormatError("no usable server")
    name = next((text_of(child) for child in provider if name_of(child) == "displayName"), "")
    return Document(servers, display_name(fill(name, address)))


def _servers(section, address):
    """Return one server for each user name, port and security of a section; none when it is invalid."""
    element = name_of(section)
    protocol = section.get("type", "smtp" if element == "outgoingServer" else "").strip().lower()
    if protocol not in TLS_PORTS or (protocol == "smtp") != (element == "outgoingServer"):
        return []
    fields = _fields(section)
    try:
        host = host_name(fill(fields["hostname"][0], address))
        security = _SECURITY[fields["socketType"][0].lower()]
        places = sockets(protocol, port_of(fields["port"][0]), security)
    except (ValueError, KeyError):
        return []
    methods = [_AUTHENTICATION.get(text.lower()) for text in fields["authentication"]]
    authentication = tuple(dict.fromkeys(filter(None, methods)))
    usernames = chain.from_iterable(fill_usernames(text, address) for text in fields["username"])
    usernames = list(dict.fromkeys(usernames)) or [""]
    return [
        Server(protocol, host, port, security, username, authentication)
        for port, security in places
        for username in usernames
    ]


def _fields(section):
    """Return the texts of a section's children by name, [""] for a missing one."""
    fields = {name: [] for name in ("hostname", "port", "socketType", "authentication", "username")}
    for child in islice(section, MAX_CHILDREN):
        texts = fields.get(name_of(child))
        if texts is not None and len(texts) < MAX_VALUES:
            texts.append(text_of(child))
    return {name: texts or [""] for name, texts in fields.items()}
