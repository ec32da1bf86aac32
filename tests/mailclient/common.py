"""What the tests of ``mailclient`` share."""

import os
import ssl
import tempfile
import unittest
import warnings
from functools import cache
from pathlib import Path
from unittest.mock import patch

import trustme

from odoo.addons.email_account.mailclient import (
    Endpoint,
    Login,
    MailFailure,
    Timeouts,
    connect_mailbox,
    connect_smtp,
)

from ..hosts.certificates import CertificateAuthority
from .chains import CommonNames, leaf_alone
from .fault_server import HOST, PASSWORD, SCRIPTS, USER, FaultServer

LOGIN = Login(USER, PASSWORD)
FAST = Timeouts(connect=1.0, reply=0.3)
PROTOCOLS = tuple(SCRIPTS)
authority = cache(CertificateAuthority)


@cache
def intermediate() -> trustme.CA:
    """An authority that another one has made, which nobody knows."""
    return trustme.CA(organization_name="Unknown authority").create_child_ca()


@cache
def server_context(kind: str) -> ssl.SSLContext:
    """A server's context with a certificate of that kind."""
    if kind == "self_signed":
        own = trustme.CA()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.TemporaryDirectory() as folder:
            pem = Path(folder, "own.pem")
            pem.write_bytes(own.private_key_pem.bytes() + own.cert_pem.bytes())
            context.load_cert_chain(pem)
        return context
    if kind == "incomplete_chain":
        return leaf_alone(intermediate(), HOST)
    if kind in ("common_name", "common_name_email"):
        email = f"postmaster@{HOST}" if kind == "common_name_email" else ""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        CommonNames(authority().root, email).issue_cert(HOST).configure_cert(context)
        return context
    if kind == "old_tls":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority().issue(HOST).configure_cert(context)
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1
        return context
    return authority().server_context(HOST, "127.0.0.1", kind=kind)


class MailCase(unittest.TestCase):
    """The clients trust the tests' authority."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        bundle = Path(folder.name, "trusted.pem")
        bundle.write_bytes(authority().pem)
        trust = patch.dict(os.environ, SSL_CERT_FILE=str(bundle))
        trust.start()
        cls.addClassCleanup(trust.stop)

    def assert_no_login(self, server):
        """Neither a password nor the beginning of a login was sent."""
        self.assertFalse(server.saw_secret(), server.seen)
        for word in (b"AUTH ", b"AUTHENTICATE", b"LOGIN ", b"USER ", b"PASS "):
            self.assertNotIn(word, server.seen)


def mail_server(protocol: str, security: str = "tls", kind: str = "valid", **script) -> FaultServer:
    """A server that works but for what ``script`` says."""
    context = server_context(kind) if security != "none" else None
    if security == "none":
        script.setdefault("starttls", False)
    return FaultServer(SCRIPTS[protocol](**script), context, implicit=security == "tls")


def connect(server, protocol: str, security: str = "tls", login: Login = LOGIN, host: str = HOST, **options):
    """Connect to it with the client for that protocol."""
    options = {"resolve": server.resolve, "timeouts": FAST, **options}
    endpoint = Endpoint(protocol, host, server.port, security)
    return (connect_smtp if protocol == "smtp" else connect_mailbox)(endpoint, login, **options)


def failure(server, protocol: str, security: str = "tls", **options) -> MailFailure:
    """The failure of connecting to it.

    :raises AssertionError: it worked
    """
    try:
        connect(server, protocol, security, **options).close()
    except MailFailure as exc:
        return exc
    raise AssertionError(f"{protocol} {security}: connected")
