"""TLS as this addon speaks it: verified for the server's name, version 1.2 or newer, always."""

import ssl
from dataclasses import dataclass
from datetime import datetime, timezone


@dataclass(frozen=True)
class Certificate:
    """The verified certificate of a server.

    :param version: TLS version of the connection, such as ``TLSv1.3``
    :param issuer: common name or organisation of the issuer
    :param subject: common name of the subject, may be empty
    :param names: DNS names and IP addresses it is valid for
    :param not_after: end of validity, aware, UTC
    """

    version: str
    issuer: str
    subject: str
    names: tuple[str, ...]
    not_after: datetime

    @property
    def days_left(self) -> int:
        """Whole days until it expires."""
        return (self.not_after - datetime.now(timezone.utc)).days


def client_context() -> ssl.SSLContext:
    """Context for every connection: the system's trust store (``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` are
    honoured), name and chain verified, TLS 1.2 or newer (RFC 8996)."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def certificate(sock: ssl.SSLSocket) -> Certificate:
    """Describe the certificate that ``sock`` has verified."""
    found = sock.getpeercert()
    issuer, subject = (_flat(found.get(part, ())) for part in ("issuer", "subject"))
    return Certificate(
        version=sock.version() or "",
        issuer=issuer.get("commonName") or issuer.get("organizationName", ""),
        subject=subject.get("commonName", ""),
        names=tuple(name for kind, name in found.get("subjectAltName", ()) if kind in ("DNS", "IP Address")),
        not_after=datetime.fromtimestamp(ssl.cert_time_to_seconds(found["notAfter"]), timezone.utc),
    )


def _flat(distinguished_name) -> dict[str, str]:
    return {key: value for part in distinguished_name for key, value in part}
