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


def unreadable(issuer: trustme.CA) -> ssl.SSLContext:
    """The context of a server with a certificate for an X.400 address, which cannot be read."""
    return _context(
        issuer, x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.17"), b"\x30\x02\xa3\x00")
    )


def _context(issuer: trustme.CA, *extensions) -> ssl.SSLContext:
    signing = x509.load_pem_x509_certificate(issuer.cert_pem.bytes())
    signing_key = serialization.load_pem_private_key(issuer.private_key_pem.bytes(), None)
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.timezone.utc)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "leaf")]))
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
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        pem = Path(folder, "leaf.pem")
        pem.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + leaf.public_bytes(serialization.Encoding.PEM)
        )
        context.load_cert_chain(pem)
    return context
