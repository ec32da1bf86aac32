"""TLS as this addon speaks it: version 1.2 or newer, and verified for the server's name or pinned, always."""

import hashlib
import os
import re
import ssl
import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cache

from .outside import safe_name

_NAMES = 100  # of a certificate that are kept
_CONTEXTS = 16  # that are kept: each with a trust store is more than a megabyte


@dataclass(frozen=True)
class Trust:
    """Whom to trust beside the system's trust store.

    :param authorities: PEM certificates whose certificates are accepted too
    :param fingerprint: SHA-256 (lower-case hex) of the one certificate that was accepted by hand: then that
        one is accepted, whatever its name and issuer, and no other; ``""`` is none
    """

    authorities: tuple[str, ...] = ()
    fingerprint: str = ""

    def __post_init__(self):
        if self.fingerprint and not re.fullmatch("[0-9a-f]{64}", self.fingerprint):
            raise ValueError(f"no SHA-256 fingerprint: {self.fingerprint!r}")


SYSTEM_TRUST = Trust()


@dataclass(frozen=True)
class Certificate:
    """The certificate of a server.

    :param version: TLS version of the connection, such as ``TLSv1.3``
    :param issuer: common name or organisation of the issuer
    :param subject: common name of the subject, may be empty
    :param names: DNS names and IP addresses it is valid for
    :param not_before: begin of validity, aware, UTC
    :param not_after: end of validity, aware, UTC
    :param fingerprint: SHA-256 of the certificate (DER), lower-case hex
    :param self_signed: whether it names itself as its issuer
    :param has_issuer_url: whether it says where its issuer's certificate is (RFC 5280 4.2.2.1), as those of
        public authorities do: if the issuer is unknown all the same, the server sends an incomplete chain
    :param pinned: whether it was accepted by its fingerprint, not verified
    """

    version: str
    issuer: str
    subject: str
    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    fingerprint: str
    self_signed: bool
    has_issuer_url: bool = False
    pinned: bool = False

    def __post_init__(self):
        for name in ("version", "issuer", "subject"):
            object.__setattr__(self, name, safe_name(getattr(self, name)))
        object.__setattr__(self, "names", tuple(map(safe_name, self.names[:_NAMES])))

    @property
    def days_left(self) -> int:
        """Whole days until it expires."""
        return (self.not_after - datetime.now(timezone.utc)).days


def client_context(trust: Trust = SYSTEM_TRUST) -> ssl.SSLContext:
    """Context for connections, shared by all with the same ``trust``: TLS 1.2 or newer (RFC 8996); name and
    chain are verified by the system's trust store (``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` are honoured) and
    the authorities.  With a fingerprint nothing is verified: compare it after the handshake.

    :raises ssl.SSLError: an authority is no PEM certificate
    """
    return unverified_context() if trust.fingerprint else _verifying.get(trust.authorities)


class _Contexts:
    """Contexts that verify, kept: making one reads the whole trust store."""

    def __init__(self):
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple, ssl.SSLContext] = OrderedDict()

    def get(self, authorities: tuple[str, ...]) -> ssl.SSLContext:
        paths = ssl.get_default_verify_paths()
        key = (*((path, _modified(path)) for path in (paths.cafile, paths.capath)), authorities)
        with self._lock:  # whoever comes meanwhile waits for this one instead of making his own
            if key not in self._kept:
                self._kept[key] = _make(authorities)
                if len(self._kept) > _CONTEXTS:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(key)
            return self._kept[key]


_verifying = _Contexts()


def _modified(path: str | None) -> tuple[int, int]:
    try:
        found = os.stat(path or "")
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_ino


def _make(authorities: tuple[str, ...]) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.hostname_checks_common_name = False  # RFC 9525 2: a name is a subjectAltName
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if authorities:
        context.load_verify_locations(cadata="\n".join(authorities))
        # An authority of one's own may be an intermediate one, and its certificates may lack what Python 3.13
        # alone insists on.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


@cache
def unverified_context() -> ssl.SSLContext:
    """Context that accepts every certificate: for a look at it, or to compare its fingerprint."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def certificate(sock: ssl.SSLSocket, pinned: bool = False) -> Certificate:
    """Describe the certificate of the server at the other end of ``sock``.

    :raises ValueError: it cannot be read, or there is none
    """
    der = sock.getpeercert(binary_form=True)
    if not der:
        raise ValueError("the server shows no certificate")
    verified = sock.getpeercert()
    return Certificate(
        version=sock.version() or "",
        fingerprint=hashlib.sha256(der).hexdigest(),
        pinned=pinned,
        **(_from_python(verified) if verified else _from_any(der)),
    )


def _from_python(found: dict) -> dict:
    """What Python tells of a certificate that it has verified."""
    issuer, subject = (
        {key: value for part in found.get(name, ()) for key, value in part} for name in ("issuer", "subject")
    )
    not_before, not_after = (
        datetime.fromtimestamp(ssl.cert_time_to_seconds(found[name]), timezone.utc)
        for name in ("notBefore", "notAfter")
    )
    return {
        "issuer": issuer.get("commonName") or issuer.get("organizationName", ""),
        "subject": subject.get("commonName", ""),
        "names": tuple(
            name for kind, name in found.get("subjectAltName", ()) if kind in ("DNS", "IP Address")
        ),
        "not_before": not_before,
        "not_after": not_after,
        "self_signed": found.get("issuer") == found.get("subject"),
        "has_issuer_url": bool(found.get("caIssuers")),
    }


def _from_any(der: bytes) -> dict:
    """The same of any certificate: of one that was not verified Python tells nothing.

    :raises ValueError: it cannot be read
    """
    try:
        return _from_der(der)
    except Exception as exc:  # cryptography's own have no common base
        raise ValueError(f"unreadable certificate: {exc}") from exc


def _from_der(der: bytes) -> dict:
    from cryptography import x509  # only here: `mailclient explain` runs without
    from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

    found = x509.load_der_x509_certificate(der)

    def text(name: x509.Name, *kinds) -> str:
        values = (attribute.value for kind in kinds for attribute in name.get_attributes_for_oid(kind))
        return str(next(values, ""))

    def extension(kind):
        try:
            return found.extensions.get_extension_for_class(kind).value
        except x509.ExtensionNotFound:
            return ()

    return {
        "issuer": text(found.issuer, NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME),
        "subject": text(found.subject, NameOID.COMMON_NAME),
        "names": tuple(
            str(name.value)
            for name in extension(x509.SubjectAlternativeName)
            if isinstance(name, x509.DNSName | x509.IPAddress)
        ),
        "not_before": _utc(found, "not_valid_before"),
        "not_after": _utc(found, "not_valid_after"),
        "self_signed": found.issuer == found.subject,
        "has_issuer_url": any(
            access.access_method == AuthorityInformationAccessOID.CA_ISSUERS
            for access in extension(x509.AuthorityInformationAccess)
        ),
    }


def _utc(found, name: str) -> datetime:
    if hasattr(found, f"{name}_utc"):  # cryptography 42
        return getattr(found, f"{name}_utc")
    return getattr(found, name).replace(tzinfo=timezone.utc)
