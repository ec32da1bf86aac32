"""Public keys of DKIM in DNS (RFC 6376 3.6.1, RFC 8301, RFC 8463)."""

import base64
import binascii
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from dkim.asn1 import ASN1FormatError
from dkim.crypto import UnparsableKeyError, parse_public_key
from dkim.util import InvalidTagValueList, parse_tag_value

MIN_BITS, GOOD_BITS = 1024, 2048  # RFC 8301 3.2
MAX_BITS = 4096  # more need not be understood, and cost time
MAX_RECORD = 4096  # octets
_MAX_DER = 600  # octets of a key of MAX_BITS


class KeyProblem(Exception):
    """A key that proves nothing.

    :ivar code: ``missing``, ``revoked``, ``unusable``, ``short`` or ``unsupported``
    """

    def __init__(self, code: str, text: str = ""):
        super().__init__(text or code)
        self.code = code


@dataclass(frozen=True)
class Key:
    """A key that may be used.

    :param kind: ``rsa`` or ``ed25519``
    :param bits: its size
    :param public: for RSA what dkimpy takes (``modulus``, ``publicExponent``), else cryptography's key
    """

    kind: str
    bits: int
    public: object


def find_key(records: list[bytes], algorithm: str) -> Key:
    """The key among the TXT records of a selector, for an algorithm of signatures.

    :param algorithm: ``rsa-sha256`` or ``ed25519-sha256``
    :raises KeyProblem: there is none that may be used
    """
    problem = KeyProblem("missing")
    for record in records[:5]:
        try:
            return read_key(record, algorithm)
        except KeyProblem as error:
            problem = error
    raise problem


def read_key(record: bytes, algorithm: str) -> Key:
    """Read a record.

    :raises KeyProblem: it may not be used
    """
    if len(record) > MAX_RECORD:
        raise KeyProblem("unsupported", f"more than {MAX_RECORD} octets")
    try:
        tags = parse_tag_value(record)
    except InvalidTagValueList as error:
        raise KeyProblem("unusable", f"not a list of tags ({error})") from None
    kind = tags.get(b"k", b"rsa").decode("ascii", "replace").lower()
    if b"p" not in tags:
        raise KeyProblem("unusable", "no key in it")
    if tags.get(b"v", b"DKIM1") != b"DKIM1":
        raise KeyProblem("unusable", "not of version DKIM1")
    if not _names(tags.get(b"s", b"*"), b"*", b"email") or not _names(tags.get(b"h", b"sha256"), b"sha256"):
        raise KeyProblem("unusable", "not for mail signed by SHA-256")
    if kind != algorithm.partition("-")[0]:
        raise KeyProblem("unusable", f"of kind {kind}")
    encoded = b"".join(tags[b"p"].split())
    if not encoded:
        raise KeyProblem("revoked")
    try:
        der = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        raise KeyProblem("unusable", "not base64") from None
    return _rsa(der) if kind == "rsa" else _ed25519(der)


def _names(tag, *wanted):
    return not {name.strip().lower() for name in tag.split(b":")}.isdisjoint(wanted)


def _rsa(der):
    if len(der) > _MAX_DER:
        raise KeyProblem("unsupported", f"more than {MAX_BITS} bits")
    try:
        public = parse_public_key(der)
    except (UnparsableKeyError, ASN1FormatError, AssertionError, IndexError, TypeError):
        raise KeyProblem("unusable", "not an RSA key") from None
    bits = public["modulus"].bit_length()
    if bits < MIN_BITS:
        raise KeyProblem("short", f"{bits} bits")
    if bits > MAX_BITS:
        raise KeyProblem("unsupported", f"{bits} bits")
    return Key("rsa", bits, public)


def _ed25519(der):
    try:
        return Key("ed25519", 256, Ed25519PublicKey.from_public_bytes(der))
    except ValueError:
        raise KeyProblem("unusable", "not an Ed25519 key") from None
