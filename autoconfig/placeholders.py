"""The placeholders in published settings, filled in from the address."""

import re

from .address import Address

_PLACEHOLDER = re.compile(r"%(EMAILADDRESS|EMAILLOCALPART|EMAILDOMAIN|REALNAME)%?", re.IGNORECASE)
_UNKNOWN = re.compile(r"%[A-Z]{3,}%|[{}]")

MAX_USERNAME = 320  # characters


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
    if _UNKNOWN.search(_PLACEHOLDER.sub("", text)):
        return ""
    username = fill(text, address)
    return username if username.isprintable() and len(username) <= MAX_USERNAME else ""
