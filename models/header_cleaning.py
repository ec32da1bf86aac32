"""Headers of what is sent: no name or subject makes a further header of itself. No model."""

import re
from email.header import decode_header, make_header
from email.utils import getaddresses

from odoo.tools import formataddr

# ends of lines, whoever takes something for one, and other control characters
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_ADDRESSES = {"from", "to", "cc", "bcc", "reply-to", "sender", "x-forge-to", "x-msg-to-add"}


def clean_headers(message):
    """Take ends of lines out of the headers, also encoded ones (RFC 2047).

    Odoo gives Python's email package recipients as a list, which it does not parse; it decodes what is in
    their names when it writes the header, and some of its versions write ends of lines that come out of it as
    they are (CVE-2024-6923). Names of contacts are made of the headers of received mail.

    :param email.message.EmailMessage message: of Odoo; it is changed
    """
    for name in dict.fromkeys(message.keys()):
        values = message.get_all(name)
        clean = _clean_addresses if name.lower() in _ADDRESSES else _clean_text
        cleaned = [clean(str(value)) or value for value in values]
        if cleaned != values:
            del message[name]
            for value in cleaned:
                message[name] = value


def _clean_addresses(text):
    """Return ``text`` with clean names, None if they are clean."""
    if not (_CONTROLS.search(text) or "=?" in text):
        return None
    pairs = [pair for pair in getaddresses([_one_line(text)]) if pair[1]]
    names = [_clean_text(name) for name, _address in pairs]
    if not (_CONTROLS.search(text) or any(names)):
        return None
    return ", ".join(
        formataddr((clean or name, address)) for clean, (name, address) in zip(names, pairs, strict=True)
    )


def _clean_text(text):
    """Return ``text`` in one line, None if it is."""
    try:
        decoded = str(make_header(decode_header(text))) if "=?" in text else text
    except (ValueError, LookupError):  # nobody else decodes it either
        decoded = text
    if not _CONTROLS.search(decoded) and ("=?" not in decoded or decoded == text):
        return None
    # what comes out is not to be decoded once more
    return _one_line(decoded).replace("=?", "= ?")


def _one_line(text):
    return _CONTROLS.sub(" ", text).strip()
