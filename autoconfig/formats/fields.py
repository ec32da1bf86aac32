"""What the formats have in common: ports, their security, names for people, URLs."""

from urllib.parse import urlsplit, urlunsplit

from ..address import host_name
from ..settings import STARTTLS_PORTS, TLS_PORTS

# of a document; what is beyond is not looked at, so that a hostile one is read in a few milliseconds
MAX_SECTIONS = 20
MAX_SERVERS = 50
MAX_CHILDREN = 50  # of a section
MAX_VALUES = 10  # of a section's children by one name
MAX_NAME = 100  # characters
MAX_URL = 2000  # characters

_CLEAR_PORTS = {"imap": {143}, "pop3": {110}, "smtp": {25, 587}}
_OTHER_PROTOCOL = {"imap": {995, 110}, "pop3": {993, 143}, "smtp": set()}


def port_of(text: str) -> int | None:
    """Return the port, None when it is missing.

    :raises ValueError: when it is none
    """
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and 0 < int(text[:6]) < 65536):
        raise ValueError("not a port")
    return int(text)


def sockets(protocol: str, port: int | None, security: str | None) -> list[tuple[int, str]]:
    """Return the ports and securities that a section can mean, None being what it does not say.

    The port of another protocol (POP3 on 993) is a slip: the standard port is meant. Where port and security
    contradict each other (587 with TLS from the first byte), or an unusual port comes without security, the
    document does not tell what is right: both are given. Clear text is never concluded.
    """
    if port in _OTHER_PROTOCOL[protocol]:
        port = None
    if port is None:
        security = security or "tls"
        port = (TLS_PORTS if security == "tls" else STARTTLS_PORTS)[protocol]
    tls, starttls = (port, "tls"), (port, "starttls")
    if port == TLS_PORTS[protocol]:
        return [tls, starttls] if security == "starttls" else [tls]
    if port in _CLEAR_PORTS[protocol]:
        return {"tls": [tls, starttls], "none": [(port, "none")]}.get(security, [starttls])
    return [(port, security)] if security else [tls, starttls]


def display_name(text: str) -> str:
    """Return a provider's name for people on one line, empty when it holds what cannot be shown."""
    name = " ".join(text.split())
    return name[:MAX_NAME] if name.isprintable() else ""


def https_url(text: str) -> str:
    """Return a URL that can be asked, its host in A-labels.

    :raises ValueError: when it is not an https URL of a named host, or holds a login
    """
    if len(text) > MAX_URL or not text.isprintable() or " " in text:
        raise ValueError("not a URL")
    parts = urlsplit(text)
    if parts.scheme != "https" or "@" in parts.netloc:
        raise ValueError("not an https URL")
    host = host_name(parts.hostname or "")
    netloc = host if parts.port in (None, 443) else f"{host}:{parts.port}"
    url = urlunsplit(("https", netloc, parts.path, parts.query, ""))
    if not url.isascii():
        raise ValueError("not a URL")
    return url
