"""PACC: the JSON that a domain publishes, and its digest in DNS (draft-ietf-mailmaint-pacc-02 to -04)."""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable

from ..address import Address, host_name
from ..settings import TLS_PORTS, Server
from . import Document, FormatError, json
from .fields import display_name

# The draft called submission "smtp" up to -02 and "submit" from -03 on; for old readers both are published.
_MEMBERS = {"imap": ("imap",), "pop3": ("pop3",), "smtp": ("submit", "smtp")}

MAX_RECORD = 1000  # characters; what is longer is no digest

_SHA256 = re.compile(r"[A-Za-z0-9+/]{43}=?")  # in base64, the padding may be missing


def parse(document: bytes, address: Address) -> Document:
    """Read the servers, all with TLS from the first byte on the standard port; no user name is stated.

    Unknown members are ignored, an invalid protocol is dropped alone. Whether the document is genuine is
    for :func:`digest_matches` to say.

    :param address: not asked for: the document is the same for all addresses of the domain
    :raises FormatError: when it is not such a document or holds no usable server
    """
    content = json.parse(document)
    protocols = content.get("protocols")
    if not isinstance(protocols, dict):
        raise FormatError("not a PACC document")
    authentication = _authentication(_member(content, "authentication"))
    hosts = {protocol: _host(protocols, members) for protocol, members in _MEMBERS.items()}
    servers = tuple(
        Server(protocol, host, TLS_PORTS[protocol], "tls", authentication=authentication)
        for protocol, host in hosts.items()
        if host
    )
    if not servers:
        raise FormatError("no usable server")
    name = _member(_member(content, "info"), "provider").get("name")
    return Document(servers, display_name(name) if isinstance(name, str) else "")


def has_digest(records: Iterable[bytes | str]) -> bool:
    """Whether these TXT records hold a digest that :func:`digest_matches` can compare."""
    return bool(_digests(records))


def digest_matches(document: bytes, records: Iterable[bytes | str]) -> bool:
    """Whether one of the TXT records is of exactly these bytes; several are published while they change.

    :param records: ``v=UAAC1; a=sha256; d=…``, the strings of each joined; others are passed over
    """
    expected = base64.b64encode(hashlib.sha256(document).digest()).rstrip(b"=")
    matches = [hmac.compare_digest(digest, expected) for digest in _digests(records)]
    return any(matches)


def _digests(records):
    """Return the SHA-256 digests in base64 without padding.

    They are compared in base64: what is not its one canonical form matches nothing.
    """
    digests = []
    for record in records:
        tags = _tags(record)
        values = dict(tags)
        digest = values.get("d", "")
        if (
            len(values) == len(tags)
            and tags[0][0] == "v"
            and values["v"].lower() == "uaac1"
            and values.get("a", "").lower() == "sha256"
            and _SHA256.fullmatch(digest)
        ):
            digests.append(digest.rstrip("=").encode())
    return digests


def _tags(record):
    """Return names and values of a TXT record's tags, at least one."""
    if isinstance(record, bytes):
        record = record.decode("ascii", "replace")
    if len(record) > MAX_RECORD:
        record = ""
    parts = [part.partition("=") for part in record.split(";") if part.strip()]
    return [(name.strip().lower(), value.strip()) for name, _, value in parts] or [("", "")]


def _authentication(methods):
    """Return the methods in Mozilla's words, best first."""
    offered = {
        "OAuth2": isinstance(_member(methods, "oauth-public").get("issuer"), str),
        "password-cleartext": methods.get("password") is True,
    }
    return tuple(name for name, offers in offered.items() if offers)


def _host(protocols, members):
    """Return the host of the first of these members that has one, else ""."""
    for member in members:
        try:
            return host_name(_member(protocols, member).get("host"))
        except (ValueError, AttributeError):
            continue
    return ""


def _member(content, name):
    """Return a member that is an object, an empty one when it is missing or something else."""
    value = content.get(name)
    return value if isinstance(value, dict) else {}
