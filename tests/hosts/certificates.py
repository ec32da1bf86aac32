"""Certificates of an authority that only the tests trust."""
import datetime
import ssl
from pathlib import Path

import trustme

SYSTEM_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
)
NOW = datetime.datetime.now(datetime.timezone.utc)
# kind of certificate -> arguments of trustme's issue_cert
DATES = {
    "valid": {"not_after": NOW + datetime.timedelta(days=365)},
    "expired": {"not_after": datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)},
    "not_yet_valid": {
        "not_before": datetime.datetime(2090, 1, 1, tzinfo=datetime.timezone.utc),
        "not_after": datetime.datetime(2099, 1, 1, tzinfo=datetime.timezone.utc),
    },
}
KINDS = ("valid", "expired", "not_yet_valid", "wrong_name", "unknown_issuer", "self_signed")


class CertificateAuthority:
    """Issues certificates, good ones and bad ones (``KINDS``)."""

    def __init__(self):
        self.root = trustme.CA(organization_name="Test authority")
        self._contexts = {}

    @property
    def pem(self):
        """The authority's own certificate (bytes)."""
        return self.root.cert_pem.bytes()

    def issue(self, *names, kind="valid"):
        """A certificate for host names or IP addresses, as trustme's ``LeafCert``.

        :param kind: one of ``KINDS`` but "self_signed"; "wrong_name" is for another host, "unknown_issuer" by
            another authority
        """
        if kind not in KINDS or kind == "self_signed":
            raise ValueError(f"unknown kind of certificate: {kind}")
        ca = trustme.CA(organization_name="Unknown authority") if kind == "unknown_issuer" else self.root
        names = ["other.example"] if kind == "wrong_name" else names
        return ca.issue_cert(*names, **DATES.get(kind, DATES["valid"]))

    def write_files(self, path, *names, kind="valid"):
        """Write ``path``.pem (certificate chain) and ``path``.key; return both paths."""
        certificate, key = Path(f"{path}.pem"), Path(f"{path}.key")
        if kind == "self_signed":  # an authority's own certificate is one
            issued = trustme.CA(organization_name="Myself")
            certificate.write_bytes(issued.cert_pem.bytes())
        else:
            issued = self.issue(*names, kind=kind)
            certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        key.write_bytes(issued.private_key_pem.bytes())
        return certificate, key

    def bundle(self, path):
        """Write a file that trusts this authority beside the system's ones, for ``SSL_CERT_FILE``."""
        system = [ssl.get_default_verify_paths().cafile, *SYSTEM_BUNDLES]
        system = next((Path(p).read_bytes() for p in system if p and Path(p).is_file()), b"")
        Path(path).write_bytes(system + b"\n" + self.pem)
        return Path(path)

    def server_context(self, *names, kind="valid"):
        """The context of a server with such a certificate; made once."""
        if (names, kind) not in self._contexts:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.issue(*names, kind=kind).configure_cert(context)
            self._contexts[names, kind] = context
        return self._contexts[names, kind]

    def any_name_context(self, kind_of=lambda name: "valid"):
        """The context of a server that has a certificate for whatever host name a client asks for (SNI).

        :param kind_of: gives the kind of certificate for a host name
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.issue("localhost").configure_cert(context)

        def choose(connection, name, _context):
            name = (name or "localhost").lower()
            connection.context = self.server_context(name, kind=kind_of(name))

        context.sni_callback = choose
        return context

    def client_context(self):
        """The context of a client that trusts this authority alone and checks names."""
        return ssl.create_default_context(cadata=self.pem.decode())
