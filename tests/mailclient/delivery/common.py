"""A sender's domain, its mail and its DNS, without a network."""

from functools import cache

import dkim
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from odoo.addons.email_account.mailclient.delivery import DnsError

DOMAIN = "acme.example"
ADDRESS = f"jane@{DOMAIN}"
IP = "93.184.216.34"  # public, unlike those for documentation
MAIL = (
    b"From: Jane <jane@acme.example>\r\nTo: jane@acme.example\r\nSubject: Test\r\n"
    b"Date: Mon, 02 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@acme.example>\r\n\r\nHello\r\n"
)
INNER = b"Received: from mx.host.example ([10.0.0.1]) by store.host.example with LMTP; Mon\r\n"
OUTER = (
    b"Received: from out.acme.example (unknown [93.184.216.34])\r\n by mx.host.example (Postfix) with ESMTPS"
    b" id 1\r\n for <jane@acme.example>; Mon, 02 Nov 2026 10:00:01 +0000\r\n"
)
ALIGNED = f"v=spf1 ip4:{IP} -all"


class Zone:
    """A `Dns`: ``{name: [TXT, …]}``, ``{name: [address, …]}``, ``{name: [host, …]}``; names that fail."""

    def __init__(self, txt=None, addresses=None, mx=None, fails=()):
        self.records = {"txt": txt or {}, "addresses": addresses or {}, "mx": mx or {}}
        self.fails = fails
        self.asked = []

    def _find(self, kind, name):
        self.asked.append((kind, name))
        if name in self.fails:
            raise DnsError(f"{name}: no answer from DNS in time")
        return self.records[kind].get(name, [])

    def txt(self, name):
        return [text if isinstance(text, bytes) else text.encode() for text in self._find("txt", name)]

    def addresses(self, name):
        return self._find("addresses", name)

    def mx(self, name):
        return self._find("mx", name)


@cache
def private_key(bits):
    """A PEM in the form that dkimpy signs with, and its public half as DNS has it."""
    key = rsa.generate_private_key(65537, bits)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return pem, "".join(public.decode().splitlines()[1:-1])


def key_record(bits=2048):
    """The TXT record of the key."""
    return f"v=DKIM1; k=rsa; p={private_key(bits)[1]}"


def signed(mail=MAIL, domain=DOMAIN, bits=2048, **options):
    """The mail with a signature on top, selector ``s1``."""
    return dkim.DKIM(mail).sign(b"s1", domain.encode(), private_key(bits)[0], **options) + mail
