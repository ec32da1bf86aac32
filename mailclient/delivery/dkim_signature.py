"""Verifies the DKIM signatures of a mail (RFC 6376, RFC 8301, RFC 8463), by dkimpy.

dkimpy canonicalizes, hashes and compares. The keys are found here: it would ask DNS itself, would not say why
a key cannot be used, and needs another library for Ed25519. What it does in quadratic time is bounded.
"""

import logging
import re
from dataclasses import dataclass

import dkim
from cryptography.exceptions import InvalidSignature
from dkim.util import InvalidTagValueList, parse_tag_value

from .dkim_key import Key, KeyProblem, find_key
from .lookups import DnsError, Lookups
from .message import Message
from .names import domain_name

MAX_SIGNATURES = 5
MAX_SOURCE = 256 * 1024  # octets
MAX_SIGNATURE = 8 * 1024  # octets
_MAX_BLANK = 1000  # white space in a row; a line has at most 998 octets
_MAX_BLANK_IN_SIGNATURE = 100
_ALGORITHMS = ("rsa-sha256", "ed25519-sha256")

_logger = logging.getLogger(__name__ + ".dkimpy")
_logger.addHandler(logging.NullHandler())
_logger.propagate = False  # what strangers sign wrongly is no event of this system


@dataclass(frozen=True)
class Signature:
    """One signature and what it came to.

    :param result: ``pass``, ``body_changed``, ``wrong``, ``key_missing``, ``key_revoked``, ``key_unusable``,
        ``key_short``, ``expired``, ``outdated`` (SHA-1), ``malformed``, ``unsupported`` or ``no_answer``
    :param domain: which signed, in A-labels, ``""`` if it cannot be read
    :param selector: of the key
    :param algorithm: such as ``rsa-sha256``
    :param bits: size of the key, 0 if it is unknown
    :param reason: the technical side of the result
    """

    result: str
    domain: str = ""
    selector: str = ""
    algorithm: str = ""
    bits: int = 0
    reason: str = ""

    @property
    def key_name(self) -> str:
        """The name of its key in DNS."""
        return f"{self.selector}._domainkey.{self.domain}"


def verify_signatures(source: bytes, message: Message, dns: Lookups) -> list[Signature]:
    """Verify the topmost :data:`MAX_SIGNATURES` signatures of a mail."""
    if not message.all("dkim-signature"):
        return []
    blank = b" " * _MAX_BLANK
    if not message.whole or len(source) > MAX_SOURCE or blank in source.replace(b"\t", b" "):
        return [Signature("unsupported", reason="the mail is too large to verify it")]
    try:
        verifier = _Verifier(source, logger=_logger)
    except (dkim.DKIMException, IndexError) as error:
        return [Signature("unsupported", reason=f"the mail's header is not well-formed: {error}")]
    fields = [value for name, value in verifier.headers if name.lower() == b"dkim-signature"]
    return [_verify(verifier, *field, dns) for field in enumerate(fields[:MAX_SIGNATURES])]


def _verify(verifier, number, field, dns):
    if len(field) > MAX_SIGNATURE or re.search(rb"\s{%d}" % _MAX_BLANK_IN_SIGNATURE, field):
        return Signature("malformed", reason="too long")
    try:
        tags = {name: value.decode("utf-8", "replace") for name, value in parse_tag_value(field).items()}
    except InvalidTagValueList as error:
        return Signature("malformed", reason=f"not a list of tags ({error})")
    algorithm = tags.get(b"a", "").lower()
    domain, selector = domain_name(tags.get(b"d", "")), domain_name(tags.get(b"s", ""))
    bits = 0

    def outcome(result, reason=""):
        return Signature(result, domain, selector, algorithm, bits, str(reason))

    if not (domain and selector):
        return outcome("malformed", "no domain or selector")
    if "from" not in tags.get(b"h", "").lower().replace(":", " ").split():
        return outcome("malformed", "the sender is not signed")
    if algorithm == "rsa-sha1":
        return outcome("outdated", "SHA-1 proves nothing (RFC 8301)")
    if algorithm not in _ALGORITHMS:
        return outcome("unsupported", "unknown algorithm")
    try:
        key = find_key(dns.txt(f"{selector}._domainkey.{domain}"), algorithm)
        bits = key.bits
        return outcome("pass" if verifier.verify_by(key, number) else "wrong")
    except DnsError as error:
        return outcome("no_answer", error)
    except KeyProblem as error:
        return outcome("unsupported" if error.code == "unsupported" else f"key_{error.code}", error)
    except dkim.ValidationError as error:
        text = str(error)
        if text.startswith("body hash mismatch"):
            return outcome("body_changed", text)
        return outcome("expired" if text.startswith("x= value is past") else "malformed", text)
    except Exception as error:  # dkimpy was not made for all that strangers can think of
        return outcome("malformed", f"{type(error).__name__}: {error}")


class _Verifier(dkim.DKIM):
    """dkimpy with keys that are found by others: it never asks DNS."""

    def verify_by(self, key: Key, number: int) -> bool:
        """Verify one signature, 0 is the topmost.

        :raises dkim.DKIMException: the signature is not in order, or not of this mail's body
        """
        self._key = key
        return bool(self.verify(number, dnsfunc=None))

    def verify_sig(self, sig, include_headers, sig_header, dnsfunc):
        """Override: the key is there already."""
        self.keysize, self.ktag = self._key.bits, self._key.kind.encode("ascii")
        self.pk = self._key.public if self.ktag == b"rsa" else _Ed25519(self._key.public)
        valid = self.verify_sig_process(sig, include_headers, sig_header, dnsfunc)
        return valid and (self.ktag == b"rsa" or self.pk.valid)


class _Ed25519:
    """A key of cryptography's in the place of PyNaCl's; it does not raise what dkimpy could not name."""

    def __init__(self, key):
        self._key = key
        self.valid = False

    def verify(self, message, signature):
        try:
            self._key.verify(signature, message)
        except InvalidSignature:
            return
        self.valid = True
