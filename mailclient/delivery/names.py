"""Domain names as DNS knows them."""

import re
from functools import cache

import idna
from publicsuffixlist import PublicSuffixList

_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_ANY_LABEL = re.compile(r"[ -\[\]-~]{1,63}")  # dots are between labels, a backslash is an escape
MAX_NAME = 253  # characters, RFC 1035 2.3.4 less length octets


def is_name(name: str) -> bool:
    """Whether DNS can be asked for it; macros make labels of what an address may be made of."""
    return len(name) <= MAX_NAME and all(map(_ANY_LABEL.fullmatch, name.split(".")))


def domain_name(text: str) -> str:
    """A domain in lower case and A-labels (RFC 5890), without a final dot; ``""`` when it is none.

    Its labels are of letters, digits, hyphens and underscores.
    """
    name = text.strip().removesuffix(".").lower()
    if not name.isascii():
        try:
            name = idna.encode(name[: MAX_NAME + 1], uts46=True).decode("ascii")
        except UnicodeError:  # idna's own among them
            return ""
    return name if len(name) <= MAX_NAME and all(map(_LABEL.fullmatch, name.split("."))) else ""


def domain_of(address: str) -> str:
    """The domain of an email address, as :func:`domain_name`; ``""`` without an @."""
    _local, at, domain = address.rpartition("@")
    return domain_name(domain) if at else ""


def organizational_domain(name: str) -> str:
    """The registrable domain (RFC 7489 3.2), by the Public Suffix List; a suffix itself as it is."""
    return _suffixes().privatesuffix(name) or name


def aligned(name: str, domain: str, strict: bool = False) -> bool:
    """Whether a domain that was proved stands for the sender's (RFC 7489 3.1)."""
    if strict or not (name and domain):
        return bool(name) and name == domain
    return organizational_domain(name) == organizational_domain(domain)


@cache
def _suffixes():
    return PublicSuffixList()  # the list's names in A-labels, as those that are looked up
