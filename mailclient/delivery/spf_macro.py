"""Macros in SPF records (RFC 7208 7)."""

import ipaddress
import re
from urllib.parse import quote

from .names import MAX_NAME

_MACRO = re.compile(r"%(?:([%_-])|\{([a-zA-Z])(\d*)(r?)([.+,/_=-]*)\})", re.I)
_LITERALS = {"%": "%", "_": " ", "-": "%20"}


def expand(text: str, values: dict[str, str]) -> str:
    """Replace the macros in a domain-spec; what is too long loses labels at the left.

    :param values: by macro letter, lower case
    """
    name = _MACRO.sub(lambda match: _value(match, values), text).removesuffix(".")
    while len(name) > MAX_NAME and "." in name:
        name = name.partition(".")[2]
    return name


def macro_values(ip: str, sender: str, domain: str, helo: str) -> dict[str, str]:
    """The values of the macros. ``p``, which nobody should use, is always unknown (RFC 7208 5.5, 7.3).

    :param sender: the address of MAIL FROM
    :param domain: the one whose record is evaluated
    """
    local, _at, sender_domain = sender.rpartition("@")
    address = ipaddress.ip_address(ip)
    four = address.version == 4
    return {
        "s": sender,
        "l": local or "postmaster",
        "o": sender_domain,
        "d": domain,
        "i": ip if four else ".".join(address.exploded.replace(":", "")),
        "p": "unknown",
        "v": "in-addr" if four else "ip6",
        "h": helo,
    }


def _value(match, values):
    literal, letter, digits, reverse, delimiters = match.groups()
    if literal:
        return _LITERALS[literal]
    parts = re.split(f"[{re.escape(delimiters or '.')}]", values[letter.lower()])
    if reverse:
        parts.reverse()
    if digits:
        parts = parts[-int(digits) :]
    value = ".".join(parts)
    return quote(value, safe="") if letter.isupper() else value
