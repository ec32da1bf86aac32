"""The placeholders in published settings, filled in from the address."""

import re
from dataclasses import replace

from .address import Address

_PLACEHOLDER = re.compile(r"%(EMAILADDRESS|EMAILLOCALPART|EMAILDOMAIN|REALNAME)%?", re.IGNORECASE)
_UNKNOWN = re.compile(r"%[A-Z]{3,}%|[{}]")

MAX_USERNAME = 320  # characters, of a template too


def fill(text: str, address: Address) -> str:
    """Return ``text`` with Mozilla's placeholders filled in, in one pass.

    A missing closing ``%`` is forgiven, as published files forget it. ``%REALNAME%`` is not known during
    discovery and becomes empty.
    """
    values = {
        "EMAILADDRESS": str(address),
        "EMAILLOCALPART": address.local,
        "EMAILDOMAIN": address.domain,
        "REALNAME": "",
    }
    return _PLACEHOLDER.sub(lambda match: values[match[1].upper()], text)


def fill_username(text: str, address: Address) -> str:
    """Return the user name that a template stands for, empty when that is not known.

    It is not when the template asks for something that only the user has, like ``{tenant}``.
    """
    text = text.strip()
    if len(text) > MAX_USERNAME or _UNKNOWN.search(_PLACEHOLDER.sub("", text)):
        return ""
    username = fill(text, address)
    return username if username.isprintable() and len(username) <= MAX_USERNAME else ""


def fill_usernames(text: str, address: Address) -> list[str]:
    """Return the user names that a template can stand for, best first; none when that is not known.

    With an internationalised domain they are two: servers compare user names letter by letter, and which
    spelling theirs has, A-labels (first) or U-labels, is stated nowhere. A domain that is written out counts
    like its placeholder.
    """
    spellings = [address]
    if address.unicode_domain != address.domain:
        written = f"{re.escape(address.domain)}|{re.escape(address.unicode_domain)}"
        text = re.sub(written, "%EMAILDOMAIN%", text, flags=re.IGNORECASE)
        spellings.append(replace(address, domain=address.unicode_domain))
    usernames = [fill_username(text, spelling) for spelling in spellings]
    return list(dict.fromkeys(filter(None, usernames)))
