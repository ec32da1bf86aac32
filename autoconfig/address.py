"""Email addresses and host names: checked once at the border, ASCII from there on."""

import re
from dataclasses import dataclass

import idna
from publicsuffixlist import PublicSuffixList

# The list is kept in Unicode (a third of the time to load); host names are decoded for the look-up.
_SUFFIXES = PublicSuffixList(accept_encoded_idn=False)

_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-\x80-\U0010ffff]+"
_LOCAL_PART = re.compile(rf"{_ATOM}(\.{_ATOM})*")
_DOTS = ".\u3002\uff0e\uff61"  # what IDNA takes for a dot
# comes along when pasting: zero-width characters, marks of direction
_INVISIBLE = "\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\ufeff"

MAX_LOCAL_PART = 64  # octets, RFC 5321 section 4.5.3.1.1
MAX_ADDRESS = 254  # octets, RFC 5321 section 4.5.3.1.3 less the angle brackets
MAX_HOST_NAME = 253  # characters, RFC 1035 section 2.3.4 less length octets


class AddressError(ValueError):
    """Not an email address that discovery can use.

    ``code`` is one of ``empty``, ``no_at``, ``local_part``, ``domain`` and ``too_long``; the message is a
    sentence for the person who typed the address.
    """

    MESSAGES = {
        "empty": "Enter an email address.",
        "no_at": "An email address needs an @ between its name and its domain, as in name@example.com.",
        "local_part": "The part of the email address before the @ is not valid.",
        "domain": "The part of the email address after the @ is not a valid domain name.",
        "too_long": "The email address is too long.",
    }

    def __init__(self, code: str):
        super().__init__(self.MESSAGES[code])
        self.code = code


@dataclass(frozen=True)
class Address:
    """An email address, RFC 5321 ``Dot-string@Domain``, the local part also in Unicode (RFC 6531)."""

    local: str
    """as typed: only the mail server knows whether case matters"""
    domain: str
    """lower case, A-labels"""
    unicode_domain: str
    """the same for people: U-labels"""

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Read what a person typed or pasted.

        Internationalised domains are taken in both spellings (UTS 46). Quoted local parts and address
        literals (``a@[192.0.2.1]``) have no settings to discover and are refused.

        :raises AddressError: with a sentence that says what is wrong
        """
        text = (text or "").strip().strip(_INVISIBLE).strip()
        if not text:
            raise AddressError("empty")
        local, at, domain = text.rpartition("@")
        if not at:
            raise AddressError("no_at")
        # first: the checks below are not meant for megabytes
        if len(text) > MAX_ADDRESS:
            raise AddressError("too_long")
        if not (_LOCAL_PART.fullmatch(local) and local.isprintable()):
            raise AddressError("local_part")
        try:
            domain = host_name(domain)
        except ValueError:
            raise AddressError("domain") from None
        octets = len(local.encode())
        if octets > MAX_LOCAL_PART or octets + 1 + len(domain) > MAX_ADDRESS:
            raise AddressError("too_long")
        return cls(local, domain, _unicode(domain))

    def __str__(self):
        return f"{self.local}@{self.domain}"


def host_name(text: str, at_least: int = 2) -> str:
    """Return a host name of ``at_least`` so many labels in lower case and A-labels, without a final dot.

    Numeric names are refused, since resolvers take them for IPv4 addresses in one notation or another
    (``127.1``, ``0x7f.1``).

    :raises ValueError: when it is not one (letters, digits, hyphens; UTS 46 and IDNA 2008 for the rest)
    """
    name = text.strip()
    if name and name[-1] in _DOTS:
        name = name[:-1]
    if not name or len(name) > MAX_HOST_NAME:
        raise ValueError("not a host name")
    name = name.lower()
    if not name.isascii() or "xn--" in name:
        name = idna.encode(name, uts46=True, std3_rules=True).decode()
    labels = name.split(".")
    if (
        len(labels) < at_least
        or len(name) > MAX_HOST_NAME
        or not all(map(_LABEL.fullmatch, labels))
        or labels[-1][0].isdigit()
    ):
        raise ValueError("not a host name")
    return name


def base_domain(host: str) -> str:
    """Return the registrable domain that ``host`` belongs to, by the Public Suffix List.

    A host that is itself a public suffix is returned as it is.
    """
    base = _SUFFIXES.privatesuffix(_unicode(host))
    if base is None:
        return host
    return ".".join(host.split(".")[-len(base.split(".")) :])


def _unicode(host: str) -> str:
    if "xn--" not in host:
        return host
    try:
        return idna.decode(host)
    except ValueError:
        return host
