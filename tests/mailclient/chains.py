"""Certificates that trustme does not issue."""

import datetime
import ipaddress
import ssl
import tempfile
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

ISSUER_URL = "http://authority.example.org/intermediate.crt"


def leaf_alone(issuer: trustme.CA, host: str) -> ssl.SSLContext:
    """The context of a server that sends its certificate without that of the ``issuer``; it says where to get
    that one, as certificates of public authorities do."""
    place = x509.AccessDescription(
        AuthorityInformationAccessOID.CA_ISSUERS, x509.UniformResourceIdentifier(ISSUER_URL)
    )
    names = [x509.DNSName(host), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    return _context(issuer, x509.SubjectAlternativeName(names), x509.AuthorityInformationAccess([place]))


class CommonNames:
    """Issues certificates, as trustme does, that have the server's name in their subject alone, where it does
    not count (RFC 9525).

    :param email: the only subjectAltName that they have; none if empty
    """

    def __init__(self, issuer: trustme.CA, email: str = ""):
        self._issuer, self._others = issuer, []
        if email:
            self._others.append(x509.SubjectAlternativeName([x509.RFC822Name(email)]))

    def issue_cert(self, host: str) -> "CommonNames":
        self._host = host
        return self

    def configure_cert(self, context: ssl.SSLContext) -> None:
        _configure(context, self._issuer, *self._others, common_name=self._host)


def unreadable(issuer: trustme.CA) -> ssl.SSLContext:
    """The context of a server with a certificate for an X.400 address, which cannot be read."""
    return _context(
        issuer, x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.17"), b"\x30\x02\xa3\x00")
    )


def _context(issuer: trustme.CA, *extensions) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _configure(context, issuer, *extensions)
    return context


def _configure(context: ssl.SSLContext, issuer: trustme.CA, *extensions, common_name: str = "leaf") -> None:
    signing = x509.load_pem_x509_certificate(issuer.cert_pem.bytes())
    signing_key = serialization.load_pem_private_key(issuer.private_key_pem.bytes(), None)
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.timezone.utc)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)]))
        .issuer_name(signing.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=60))
    )
    known = x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key())
    for extension in (known, *extensions):
        builder = builder.add_extension(extension, critical=False)
    leaf = builder.sign(signing_key, hashes.SHA256())
    with tempfile.TemporaryDirectory() as folder:
        pem = Path(folder, "leaf.pem")
        pem.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + leaf.public_bytes(serialization.Encoding.PEM)
        )
        context.load_cert_chain(pem)
