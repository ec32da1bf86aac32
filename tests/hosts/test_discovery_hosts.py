"""What discovery is tested against: mail ports, hostile web and DNS answers, distance, dead ends."""
import gzip
import http.client
import imaplib
import poplib
import smtplib
import socket
import ssl
import time
from concurrent.futures import ThreadPoolExecutor

import dns.exception
import dns.message
import dns.query
import dns.resolver
import pytest

from odoo.addons.email_account.autoconfig import BlockedAddress, Guard
from odoo.addons.email_account.tests.hosts import (
    BlackHole,
    CertificateAuthority,
    DelayRelay,
    DnsHost,
    MailPort,
    SilentPort,
    WebHost,
)
from odoo.addons.email_account.tests.hosts.network import ANY, PlacedNetwork

HOST = "mail.acme.example"
STARTTLS = {"imap": b"a STARTTLS\r\n", "pop3": b"STLS\r\n", "smtp": b"STARTTLS\r\n"}


@pytest.fixture(scope="module")
def authority():
    return CertificateAuthority()


@pytest.fixture(scope="module")
def context(authority):
    return authority.client_context()


@pytest.fixture
def web(authority):
    with WebHost(authority) as host:
        yield host


@pytest.fixture
def dns_host():
    with DnsHost() as host:
        host.zone("$ORIGIN acme.example.\n@ IN MX 10 mail\n@ IN TXT \"v=UAAC1\"\nmail IN A 203.0.113.1\n")
        yield host


def connect(port, context=None, host=HOST):
    sock = socket.create_connection(("127.0.0.1", port), timeout=3)
    return context.wrap_socket(sock, server_hostname=host) if context else sock




def imap_capabilities(port, context, security):
    class Imap(imaplib.IMAP4):
        def _create_socket(self, timeout):
            return connect(self.port, context if security == "tls" else None)

    client = Imap(HOST, port)
    if security == "starttls":
        assert "LOGINDISABLED" in client.capabilities
        client.starttls(context)
    assert "STARTTLS" not in client.capabilities
    client.logout()
    return {word[5:] for word in client.capabilities if word.startswith("AUTH=")}


def pop3_capabilities(port, context, security):
    class Pop3(poplib.POP3):
        def _create_socket(self, timeout):
            return connect(self.port, context if security == "tls" else None)

    client = Pop3(HOST, port)
    if security == "starttls":
        assert "SASL" not in client.capa()
        client.stls(context)
    found = client.capa()
    assert "STLS" not in found
    client.quit()
    return set(found["SASL"])


def smtp_capabilities(port, context, security):
    class Smtp(smtplib.SMTP):
        def _get_socket(self, host, port, timeout):
            return connect(port, context if security == "tls" else None)

    client = Smtp(HOST, port)
    client.ehlo()
    if security == "starttls":
        assert not client.has_extn("AUTH")
        client.starttls(context=context)
        client.ehlo()
    assert not client.has_extn("STARTTLS")
    found = set(client.esmtp_features["auth"].split())
    client.quit()
    return found


CAPABILITIES = {"imap": imap_capabilities, "pop3": pop3_capabilities, "smtp": smtp_capabilities}


@pytest.mark.parametrize("security", ["tls", "starttls", "none"])
@pytest.mark.parametrize("protocol", ["imap", "pop3", "smtp"])
def test_capabilities(authority, context, protocol, security):
    mechanisms = ("PLAIN", "XOAUTH2")
    with MailPort(protocol, security, authority, authentication=mechanisms) as port:
        assert CAPABILITIES[protocol](port.port, context, security) == set(mechanisms)
        assert port.connections == 1
        assert port.logins == []
        assert port.commands[-1].upper().endswith(("QUIT", "LOGOUT"))


def test_early_capabilities(authority):
    with MailPort("imap", "starttls", authority, early_capabilities=True) as port, connect(port.port) as sock:
        greeting = sock.makefile("rb").readline()
    assert greeting.startswith(b"* OK [CAPABILITY IMAP4rev1 ")
    assert b"LOGINDISABLED" in greeting


@pytest.mark.parametrize("protocol, said", [
    ("imap", "a LOGIN jane secret"), ("imap", "a AUTHENTICATE PLAIN"), ("pop3", "USER jane"),
    ("pop3", "PASS x"), ("smtp", "AUTH PLAIN AGphbmU="),
])
def test_nobody_can_log_in(authority, context, protocol, said):
    with MailPort(protocol, "tls", authority) as port, connect(port.port, context) as sock:
        file = sock.makefile("rb")
        file.readline()
        sock.sendall(f"{said}\r\n".encode())
        assert file.readline().startswith((b"a NO", b"-ERR", b"535"))
        assert port.logins == [said]


@pytest.mark.parametrize("kind, reason", [
    ("expired", "expired"), ("not_yet_valid", "not yet valid"), ("wrong_name", "mismatch"),
    ("unknown_issuer", "local issuer|self.signed"),
])
def test_bad_certificates(authority, context, kind, reason):
    with MailPort("imap", "tls", authority, kind=kind) as port:
        with pytest.raises(ssl.SSLCertVerificationError, match=reason):
            connect(port.port, context)
        assert port.commands == []


def test_certificate_of_the_hoster(authority, context):
    with MailPort("imap", "tls", authority, names=["mail.hoster.example"]) as port:
        connect(port.port, context, "mail.hoster.example").close()
        with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
            connect(port.port, context)


def test_silence(authority):
    with MailPort("imap", "none", authority, fault="silence") as port, connect(port.port) as sock:
        sock.settimeout(0.2)
        with pytest.raises(TimeoutError):
            sock.recv(1)
    with MailPort("smtp", "none", authority, fault="silence_after_greeting") as port, \
            connect(port.port) as sock:
        assert sock.makefile("rb").readline().startswith(b"220 ")
        sock.sendall(b"EHLO x\r\n")
        sock.settimeout(0.2)
        with pytest.raises(TimeoutError):
            sock.recv(1)


def test_drip(authority):
    with MailPort("pop3", "none", authority, fault="drip") as port, connect(port.port) as sock:
        start = time.monotonic()
        assert sock.makefile("rb").readline() == b"+OK ready\r\n"
        assert time.monotonic() - start >= 11 * 0.05


def test_too_much(authority):
    with MailPort("imap", "none", authority, fault="endless_line") as port, connect(port.port) as sock:
        assert len(sock.makefile("rb").readline(300000)) == 300000
    with MailPort("smtp", "none", authority, fault="endless_capabilities") as port, \
            connect(port.port) as sock:
        file = sock.makefile("rb")
        sock.sendall(b"EHLO x\r\n")
        lines = [file.readline() for _ in range(5000)]
        assert lines[-1].startswith(b"250-X")


@pytest.mark.parametrize("fault, first", [("close", b""), ("garbage", b"\x00\xff\x15\x03<html>\r\n")])
def test_no_greeting(authority, fault, first):
    with MailPort("imap", "none", authority, fault=fault) as port, connect(port.port) as sock:
        assert sock.makefile("rb").readline() == first


@pytest.mark.parametrize("protocol", ["imap", "pop3", "smtp"])
def test_starttls_that_fails(authority, context, protocol):
    with MailPort(protocol, "starttls", authority, fault="starttls_refused") as port, \
            connect(port.port) as sock:
        file = sock.makefile("rb")
        file.readline()
        sock.sendall(STARTTLS[protocol])
        assert file.readline().startswith((b"a BAD", b"-ERR", b"454"))
    with MailPort(protocol, "starttls", authority, fault="injection") as port, connect(port.port) as sock:
        file = sock.makefile("rb")
        file.readline()
        sock.sendall(STARTTLS[protocol])
        assert file.readline().startswith((b"a OK", b"+OK", b"220"))
        assert file.readline().startswith(b"* CAPABILITY")
    with MailPort(protocol, "starttls", authority, fault="tls_instead") as port:
        connect(port.port, context).close()


def test_distance(authority, context):
    with MailPort("smtp", "tls", authority) as port, DelayRelay(port.port, 0.1) as relay:
        start = time.monotonic()
        with connect(relay.port, context) as sock:
            file = sock.makefile("rb")
            assert file.readline().startswith(b"220")
            sock.sendall(b"EHLO x\r\n")
            assert file.readline().startswith(b"250-")
            elapsed = time.monotonic() - start
            sock.sendall(b"QUIT\r\n")
            assert file.read().endswith(b"221 bye\r\n"), "the end comes too"
    assert 0.3 <= elapsed < 3, "handshake, greeting, answer"


def test_distance_slows_nothing_down(authority):
    with WebHost(authority) as web, DelayRelay(web.http_port, 0.2) as relay:
        web.route("acme.example", "/", bytes(3 << 20))
        connection = http.client.HTTPConnection("127.0.0.1", relay.port, timeout=5)
        start = time.monotonic()
        connection.request("GET", "/", headers={"Host": "acme.example"})
        assert len(connection.getresponse().read()) == 3 << 20
        assert 0.2 <= time.monotonic() - start < 3
        connection.close()


def test_dead_ends():
    with SilentPort() as silent:
        sock = connect(silent.port)
        sock.settimeout(0.2)
        sock.sendall(b"hello")
        with pytest.raises(TimeoutError):
            sock.recv(1)
        with pytest.raises(dns.exception.Timeout):
            dns.query.udp(dns.message.make_query("acme.example", "A"), "127.0.0.1", 0.2, silent.port)
    with BlackHole() as hole:
        for _ in range(3):
            with pytest.raises(TimeoutError):
                socket.create_connection(("127.0.0.1", hole.port), timeout=0.3)


def _get(web, path, method="GET", body=None):
    connection = http.client.HTTPConnection("127.0.0.1", web.http_port, timeout=5)
    connection.request(method, path, body, {"Host": "acme.example"})
    return connection.getresponse()


def test_posts(web):
    web.route("acme.example", "/autodiscover.xml", b"<Autodiscover/>")
    assert _get(web, "/autodiscover.xml?a=b", "POST", b"<Request/>").read() == b"<Autodiscover/>"
    assert web.posts == [("acme.example", "/autodiscover.xml?a=b", b"<Request/>")]


def test_any_path_and_delay(web):
    web.route("acme.example", None, b"anything")
    web.route("acme.example", "/one", b"one", delay=0)
    web.delay = 0.3
    start = time.monotonic()
    assert _get(web, "/one").read() == b"one"
    undelayed = time.monotonic() - start
    assert _get(web, "/other").read() == b"anything"
    assert time.monotonic() - start - undelayed >= 0.3


def test_hostile_bodies(web):
    web.drip("acme.example", "/drip", "slow")
    start = time.monotonic()
    assert _get(web, "/drip").read() == b"slow"
    assert time.monotonic() - start >= 4 * 0.05
    web.endless("acme.example", "/endless", b"<a>" * 2000)
    answer = _get(web, "/endless")
    assert "Content-Length" not in answer.headers
    assert answer.read(1 << 20).startswith(b"<a><a>")
    answer.close()
    web.bomb("acme.example", "/bomb", 8)
    answer = _get(web, "/bomb")
    body = answer.read()
    assert answer.headers["Content-Encoding"] == "gzip"
    assert len(body) < 16 << 10 and len(gzip.decompress(body)) == 8 << 20
    web.redirect("acme.example", "/loop", "/loop")
    assert _get(web, "/loop").headers["Location"] == "/loop"


def _ask(dns_host, name, kind, lifetime=2):
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = [dns_host.nameserver[0]], dns_host.nameserver[1]
    resolver.lifetime = lifetime
    return [record.to_text() for record in resolver.resolve(name, kind)]


def test_dns_delay_is_not_added_up(dns_host):
    dns_host.delay = 0.3
    start = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: _ask(dns_host, "acme.example", "MX"), range(8)))
    assert answers == [["10 mail.acme.example."]] * 8
    assert 0.3 <= time.monotonic() - start < 2.4


def test_dns_truncation(dns_host):
    dns_host.truncate("acme.example")
    question = dns.message.make_query("acme.example", "TXT")
    with pytest.raises(dns.message.Truncated):
        dns.query.udp(question, *_at(dns_host), raise_on_truncation=True)
    assert _ask(dns_host, "acme.example", "TXT") == ['"v=UAAC1"']


def _at(dns_host, timeout=0.3):
    ip, port = dns_host.nameserver
    return ip, timeout, port


def test_dns_answers_that_are_none(dns_host):
    question = dns.message.make_query("acme.example", "MX")
    dns_host.forge("acme.example")
    with pytest.raises(dns.query.BadResponse):
        dns.query.udp(question, *_at(dns_host))
    dns_host.clear()
    dns_host.garble(".")
    with pytest.raises((dns.exception.FormError, ValueError)):  # ValueError: before dnspython 2.4
        dns.query.udp(question, *_at(dns_host))
    dns_host.clear()
    dns_host.silence(".")
    with pytest.raises(dns.exception.Timeout):
        dns.query.udp(question, *_at(dns_host))


def test_placed_network(dns_host):
    places = {("203.0.113.1", 993): 7993, (ANY, 995): 7995}
    network = PlacedNetwork(dns_host.nameserver, places, guard=Guard(["203.0.113.1/32"]))
    assert network.resolve(HOST) == ["203.0.113.1"]
    assert network.addresses(HOST, 993) == [("127.0.0.1", 7993)]
    assert network.addresses(HOST, 995) == [("127.0.0.1", 7995)]
    assert network.addresses("203.0.113.1", 25) == [("203.0.113.1", 25)]
    network.places |= {(ANY, ANY): 9, ("203.0.113.1", ANY): 7000}
    assert network.addresses(HOST, 993) == [("127.0.0.1", 7993)]
    assert network.addresses(HOST, 995) == [("127.0.0.1", 7000)], "the address says more than the port"
    with pytest.raises(socket.gaierror):
        network.resolve("nothing.acme.example")
    dns_host.zone("inside.example. A 10.0.0.1")
    for host in ("inside.example", "10.0.0.1"):
        with pytest.raises(BlockedAddress):
            network.addresses(host, 993)
