"""The text of an SPF record (RFC 7208 4.5, 4.6, 12)."""

import ipaddress
import re
from dataclasses import dataclass

MAX_RECORD = 4096  # characters; more does not fit where it has to (RFC 7208 3.4)
MAX_TERMS = 200

_VERSION = re.compile(r"v=spf1(?: |\Z)", re.I)
_DIRECTIVE = re.compile(r"([-+?~])?([A-Za-z][A-Za-z0-9_.-]*)(.*)", re.DOTALL)
_MODIFIER = re.compile(r"([A-Za-z][A-Za-z0-9_.-]*)=(.*)", re.DOTALL)
_PREFIXES = re.compile(r"(?:/(\d+))?(?://(\d+))?\Z")
_NUMBER = re.compile(r"0|[1-9]\d{0,2}")
_MACRO = re.compile(r"%(?:[%_-]|\{[slodiphv](?:0*[1-9]\d*)?r?[.+,/_=-]*\})", re.I)
_ENDS_IN_LABEL = re.compile(r"\.(?!\d+\.?\Z)[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.?\Z")
MECHANISMS = ("all", "include", "a", "mx", "ptr", "ip4", "ip6", "exists")
RESULTS = {"+": "pass", "-": "fail", "~": "softfail", "?": "neutral"}


class SpfSyntaxError(ValueError):
    """A term that nobody understands; its text is the message."""


@dataclass(frozen=True)
class Term:
    """One mechanism, or the modifier ``redirect``.

    :param text: as it is written
    :param name: lower case
    :param result: what it comes to when it matches
    :param domain: the domain-spec, ``""`` if there is none
    :param network: of ``ip4`` and ``ip6``
    :param prefixes: bits of an IPv4 and an IPv6 address that count
    """

    text: str
    name: str
    result: str = ""
    domain: str = ""
    network: ipaddress.IPv4Network | ipaddress.IPv6Network | None = None
    prefixes: tuple[int, int] = (32, 128)


@dataclass(frozen=True)
class Record:
    """An SPF record that can be understood."""

    text: str
    mechanisms: tuple[Term, ...]
    redirect: Term | None = None


def is_record(text: bytes) -> bool:
    """Whether a TXT record is meant to be one."""
    return bool(_VERSION.match(text[:10].decode("latin-1")))


def parse_record(text: bytes) -> Record:
    """Read a record.

    :raises SpfSyntaxError: with the first term that is wrong
    """
    if len(text) > MAX_RECORD:
        raise SpfSyntaxError(f"more than {MAX_RECORD} characters")
    try:
        decoded = text.decode("ascii")
    except UnicodeDecodeError:
        raise SpfSyntaxError(text.decode("ascii", "replace")) from None
    terms = [term for term in decoded[len("v=spf1") :].split(" ") if term]
    if len(terms) > MAX_TERMS:
        raise SpfSyntaxError(f"more than {MAX_TERMS} terms")
    mechanisms, modifiers = [], {}
    for term in terms:
        if match := _MODIFIER.fullmatch(term):
            name = match[1].lower()
            if name in ("redirect", "exp"):
                if name in modifiers or not _is_domain_spec(match[2]):
                    raise SpfSyntaxError(term)
                modifiers[name] = Term(term, name, domain=match[2])
            elif not _is_macro_string(match[2]):
                raise SpfSyntaxError(term)
        else:
            mechanisms.append(_mechanism(term))
    return Record(decoded, tuple(mechanisms), modifiers.get("redirect"))


def _mechanism(text):
    match = _DIRECTIVE.fullmatch(text)
    if not match or match[2].lower() not in MECHANISMS:
        raise SpfSyntaxError(text)
    sign, name, rest = match.groups()
    name, result = name.lower(), RESULTS[sign or "+"]
    colon, domain = rest.startswith(":"), rest.removeprefix(":")
    prefixes = (32, 128)
    if name in ("ip4", "ip6"):
        return Term(text, name, result, network=_network(text, name, domain))
    if name in ("a", "mx"):
        lengths = _PREFIXES.search(domain)
        domain = domain[: lengths.start()]
        prefixes = _prefix(text, lengths[1], 32), _prefix(text, lengths[2], 128)
    if colon or name in ("include", "exists"):
        valid = colon and name != "all" and _is_domain_spec(domain)
    else:
        valid = not domain
    if not valid:
        raise SpfSyntaxError(text)
    return Term(text, name, result, domain, prefixes=prefixes)


def _prefix(text, length, most):
    if length is None:
        return most
    if not _NUMBER.fullmatch(length) or int(length) > most:
        raise SpfSyntaxError(text)
    return int(length)


def _network(text, name, network):
    _address, slash, length = network.partition("/")
    kind = ipaddress.IPv4Network if name == "ip4" else ipaddress.IPv6Network
    if slash:
        _prefix(text, length, 32 if name == "ip4" else 128)
    try:
        return kind(network, strict=False)
    except ValueError:
        raise SpfSyntaxError(text) from None


def _is_macro_string(text):
    rest = _MACRO.sub("", text)
    return "%" not in rest and all("!" <= character <= "~" for character in rest)


def _is_domain_spec(text):
    """RFC 7208 7.1: it ends in a macro or in a label that is not a number."""
    if not _is_macro_string(text):
        return False
    *_, end = [match.end() for match in _MACRO.finditer(text)] or [0]
    return (end == len(text) > 0) or bool(_ENDS_IN_LABEL.search(text))
