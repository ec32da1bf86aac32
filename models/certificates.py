"""Reading the certificates that people upload or paste: no model."""

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

_BEGIN, _END = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"


def read_certificates(data):
    """Return the certificates in ``data``, each once; what stands around them, such as a key, is left out.

    :param bytes data: one certificate in DER, or any number in PEM (RFC 7468)
    :return: a list of `cryptography.x509.Certificate`
    :raises ValueError: there is none, or one is damaged
    """
    found = [_load(x509.load_pem_x509_certificate, block) for block in _get_blocks(data)] or [
        _load(x509.load_der_x509_certificate, data)
    ]
    return list({get_fingerprint(certificate): certificate for certificate in found}.values())


def _get_blocks(data):
    """Yield what stands between the lines of PEM, with them."""
    start = data.find(_BEGIN)
    while start >= 0:
        end = data.find(_END, start)
        if end < 0:
            return
        yield data[start : end + len(_END)]
        start = data.find(_BEGIN, end)


def _load(load, data):
    """Load a certificate and read all of it: cryptography does so only when asked.

    :raises ValueError: it is damaged
    """
    certificate = load(data)
    try:
        for name in (certificate.subject, certificate.issuer):
            name.rfc4514_string()
        tuple(certificate.extensions)
    except (x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        raise ValueError(str(error)) from error
    get_validity(certificate)
    return certificate


def get_pem(certificate):
    return certificate.public_bytes(Encoding.PEM).decode()


def get_fingerprint(certificate):
    """Return its SHA-256, lower-case hex."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def get_validity(certificate):
    """Return its first and its last moment as Odoo has them: UTC, without a time zone."""
    # cryptography before version 42 knows only the names without "_utc"
    return tuple(
        (getattr(certificate, f"{name}_utc", None) or getattr(certificate, name)).replace(tzinfo=None)
        for name in ("not_valid_before", "not_valid_after")
    )


def get_label(name):
    """Return what people call a subject or issuer: its common name, else its organisation, else all of it."""
    for attribute in (x509.NameOID.COMMON_NAME, x509.NameOID.ORGANIZATION_NAME):
        for value in name.get_attributes_for_oid(attribute):
            return value.value
    return name.rfc4514_string()


def is_authority(certificate):
    """Tell whether it may issue certificates (RFC 5280 section 4.2.1.9)."""
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False
