"""Signing mail as a provider does (RFC 6376), and the DNS records that prove it."""
import base64

import dkim
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

DNS_STRING = 255  # bytes


class DkimKey:
    """An RSA key that signs the mail of a domain.

    :param domain: which signs, also in another name than the sender's
    :param bits: of the key
    """

    ip = "203.0.113.25"  # whence the domain is said to send: an address for examples (RFC 5737)

    def __init__(self, domain, selector="test", bits=2048):
        self.domain, self.selector = domain, selector
        key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
        self._private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                          serialization.NoEncryption())
        self._public = base64.b64encode(key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)).decode()

    def sign(self, content):
        """A raw mail (bytes) with its signature above it."""
        return dkim.sign(content, self.selector.encode(), self.domain.encode(), self._private) + content

    def zone(self, spf=f"v=spf1 ip4:{ip} -all", dmarc="v=DMARC1; p=reject"):
        """The TXT records of the domain, as `DnsHost.zone` reads them.

        :param spf, dmarc: text of these records; without one if it is empty
        """
        key = f"v=DKIM1; k=rsa; p={self._public}"
        records = {f"{self.selector}._domainkey.{self.domain}.": key, f"{self.domain}.": spf,
                   f"_dmarc.{self.domain}.": dmarc}
        return "".join(f"{name} TXT {_strings(text)}\n" for name, text in records.items() if text)


def _strings(text):
    """A text as the strings of one TXT record."""
    return " ".join(f'"{text[start:start + DNS_STRING]}"' for start in range(0, len(text), DNS_STRING))
