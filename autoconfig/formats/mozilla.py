"""Mozilla's ``clientConfig`` 1.1 and 1.2 (draft-ietf-mailmaint-autoconfig-06), as found in the wild."""

import codecs
import re
from itertools import islice

from lxml import etree

from ..address import Address, host_name
from ..placeholders import fill, fill_username
from ..settings import STARTTLS_PORTS, TLS_PORTS, Server
from . import Document, FormatError

MAX_SERVERS = 50  # of a document
MAX_CHILDREN = 50  # of a section
MAX_NAME = 100  # characters
MAX_TAG = 4096  # characters from one < to the next: older libxml2 takes long over many attributes

# bounded: searching a hostile document for the end of its declaration must not take long
_DECLARATION = re.compile(r"<\?xml\s[^>]{0,200}\?>")
_ENCODING = re.compile(rb"""<\?xml\s[^>]{0,100}?encoding\s{0,9}=\s{0,9}["']([A-Za-z0-9._-]{1,40})["']""")
_ENCODINGS = {"utf-8", "ascii", "iso8859-1", "iso8859-15", "cp1252"}  # as Python's codecs call them

_SECURITY = {
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

_CLEAR_PORTS = {"imap": {143}, "pop3": {110}, "smtp": {25, 587}}
_OTHER_PROTOCOL = {"imap": {995, 110}, "pop3": {993, 143}, "smtp": set()}


def parse(document: bytes, address: Address) -> Document:
    """Read the servers for an address.

    Unknown elements and attributes are ignored, an invalid server section is dropped alone.

    :raises FormatError: when it is not such a document or holds no usable server
    """
    root = _root(document)
    provider = next((child for child in root if _name(child) == "emailProvider"), None)
    if _name(root) != "clientConfig" or provider is None:
        raise FormatError("not a clientConfig document")
    sections = [child for child in provider if _name(child) in ("incomingServer", "outgoingServer")]
    servers = [server for section in sections[:MAX_SERVERS] for server in _servers(section, address)]
    if not servers:
        raise FormatError("no usable server")
    name = next((_text(child) for child in provider if _name(child) == "displayName"), "")
    name = " ".join(fill(name, address).split())
    return Document(tuple(servers[:MAX_SERVERS]), name[:MAX_NAME] if name.isprintable() else "")


def _root(document):
    """Parse without any part of XML that reaches outside or grows: no DTD, so no entities either."""
    text = _decode(document).strip()
    if declaration := _DECLARATION.match(text):
        text = text[declaration.end() :]
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise FormatError("has a document type declaration")
    if max(map(len, text.split("<"))) > MAX_TAG:
        raise FormatError("has an overlong element")
    parser = etree.XMLParser(
        encoding="utf-8",
        load_dtd=False,
        no_network=True,
        resolve_entities=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        return etree.fromstring(text.encode(), parser)
    except etree.XMLSyntaxError:
        raise FormatError("not well-formed XML") from None


def _decode(document):
    document = document.lstrip()
    if document.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    elif document.startswith(codecs.BOM_UTF8):
        encoding = "utf-8-sig"
    else:
        declared = _ENCODING.match(document)
        encoding = declared[1].decode() if declared else "utf-8"
        try:
            known = codecs.lookup(encoding).name in _ENCODINGS
        except LookupError:
            known = False
        if not known:
            raise FormatError("unknown character encoding")
    try:
        return document.decode(encoding)
    except UnicodeDecodeError:
        raise FormatError("wrong character encoding") from None


def _servers(section, address):
    """Return one server for each user name, port and security of a section; none when it is invalid."""
    element = _name(section)
    protocol = section.get("type", "smtp" if element == "outgoingServer" else "").strip().lower()
    if protocol not in TLS_PORTS or (protocol == "smtp") != (element == "outgoingServer"):
        return []
    fields = _fields(section)
    try:
        host = host_name(fill(fields["hostname"][0], address))
        security = _security(fields["socketType"][0])
        sockets = _sockets(protocol, _port(fields["port"][0]), security)
    except ValueError:
        return []
    methods = [_AUTHENTICATION.get(text.lower()) for text in fields["authentication"]]
    authentication = tuple(dict.fromkeys(filter(None, methods)))
    usernames = [fill_username(text, address) for text in fields["username"]]
    return [
        Server(protocol, host, port, security, username, authentication)
        for port, security in sockets
        for username in list(dict.fromkeys(filter(None, usernames))) or [""]
    ]


def _security(text):
    """Return what ``socketType`` says, None when it is missing.

    :raises ValueError: for an unknown value
    """
    if not text:
        return None
    try:
        return _SECURITY[text.lower()]
    except KeyError:
        raise ValueError("unknown socketType") from None


def _port(text):
    """Return the port, None when it is missing.

    :raises ValueError: when it is none
    """
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and 0 < int(text[:6]) < 65536):
        raise ValueError("not a port")
    return int(text)


def _sockets(protocol, port, security):
    """Return the ports and securities that a section can mean.

    The port of another protocol (POP3 on 993) is a slip: the standard port is meant. Where port and
    security contradict each other (587 with SSL), the document does not tell which of the two is right:
    both are given.
    """
    if port in _OTHER_PROTOCOL[protocol]:
        port = None
    if security is None:
        security = "tls" if port in (None, TLS_PORTS[protocol]) else "starttls"
    if port is None:
        port = (TLS_PORTS if security == "tls" else STARTTLS_PORTS)[protocol]
    if security == "tls" and port in _CLEAR_PORTS[protocol]:
        return [(port, "tls"), (port, "starttls")]
    if security == "starttls" and port == TLS_PORTS[protocol]:
        return [(port, "tls"), (port, "starttls")]
    if security == "none" and port == TLS_PORTS[protocol]:
        return [(port, "tls")]
    return [(port, security)]


def _name(element):
    """Return the name without its name space, "" for what is no element."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _fields(section):
    """Return the texts of a section's children by name, [""] for a missing one."""
    fields = {name: [] for name in ("hostname", "port", "socketType", "authentication", "username")}
    for child in islice(section, MAX_CHILDREN):
        if _name(child) in fields:
            fields[_name(child)].append(_text(child))
    return {name: texts or [""] for name, texts in fields.items()}


def _text(element):
    return "".join(element.itertext()).strip()
