"""The hosts themselves: real logins, TLS both ways, delivery, DNS answers, https."""
import contextlib
import http.client
import imaplib
import os
import poplib
import smtplib
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import dns.exception
import dns.resolver
import pytest

from odoo.addons.email_account.tests.hosts import CertificateAuthority, DnsHost, MailHost, WebHost, mail_host
from odoo.addons.email_account.tests.hosts.dovecot_program import DovecotProgram

ALICE = ("alice@acme.example", "correct horse")
BOB = ("bob@acme.example", "battery staple")
MAIL = b"From: alice@acme.example\r\nTo: bob@acme.example\r\nSubject: Hello\r\n\r\nHi\r\n"


@pytest.fixture(scope="module")
def authority():
    return CertificateAuthority()


@pytest.fixture(scope="module")
def mail(authority):
    start = time.monotonic()
    with MailHost(dict([ALICE, BOB]), authority) as host:
        assert time.monotonic() - start < 3, "starting takes about 0.3 s on an idle machine"
        yield host


@pytest.fixture(scope="module")
def context(authority):
    return authority.client_context()


@pytest.fixture
def dns_host():
    with DnsHost() as host:
        yield host


@pytest.fixture
def web(authority):
    with WebHost(authority) as host:
        yield host


def imap(mail, context):
    return imaplib.IMAP4_SSL("localhost", mail.ports["imaps"], ssl_context=context)


def test_imap_tls(mail, context):
    with imap(mail, context) as client:
        assert client.login(*ALICE)[0] == "OK"
        assert client.select("INBOX")[0] == "OK"
        assert any(b"\\Sent" in line for line in client.list()[1])
    assert ("imap", ALICE[0], True) in mail.logins()


def test_imap_starttls(mail, context):
    with imaplib.IMAP4(mail.address, mail.ports["imap"]) as client:
        if mail.address != "127.0.0.1":
            assert "LOGINDISABLED" in client.capabilities
        client.starttls(context)
        assert client.login(*ALICE)[0] == "OK"


@pytest.mark.parametrize("tls", [True, False])
def test_pop3(mail, context, tls):
    if tls:
        client = poplib.POP3_SSL("localhost", mail.ports["pop3s"], context=context)
    else:
        client = poplib.POP3(mail.address, mail.ports["pop3"])
        client.stls(context)
    client.user(ALICE[0])
    assert client.pass_(ALICE[1]).startswith(b"+OK")
    client.quit()


@pytest.mark.parametrize("tls", [True, False])
def test_submission_delivers(mail, context, tls):
    before = len(mail.messages(BOB[0]))
    if tls:
        client = smtplib.SMTP_SSL("localhost", mail.ports["submissions"], context=context)
    else:
        client = smtplib.SMTP(mail.address, mail.ports["submission"], timeout=10)
        client.starttls(context=context)
    with client:
        client.login(*ALICE)
        assert client.sendmail(ALICE[0], [BOB[0]], MAIL) == {}
    messages = mail.messages(BOB[0])
    assert len(messages) == before + 1
    assert b"Subject: Hello" in messages[-1]


def test_submission_wants_a_login(mail, context):
    with smtplib.SMTP_SSL("localhost", mail.ports["submissions"], context=context) as client, \
            pytest.raises(smtplib.SMTPSenderRefused) as caught:
        client.sendmail(ALICE[0], [BOB[0]], MAIL)
    assert caught.value.smtp_code == 530


def test_refused_login(mail, context):
    with imap(mail, context) as client, pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
        client.login(ALICE[0], "wrong")
    mail.wait_for_log("auth failed")
    assert ("imap", ALICE[0], False) in mail.logins()
    assert "wrong" not in mail.log()


def test_mail_from_outside(mail, context):
    mail.deliver(MAIL, ALICE[0])
    assert b"Subject: Hello" in mail.messages(ALICE[0], "INBOX")[-1]
    with imap(mail, context) as client:
        client.login(*ALICE)
        client.select("INBOX")
        client.copy("1", "Trash")
    assert len(mail.messages(ALICE[0], "Trash")) == 1
    assert len(mail.messages(ALICE[0])) == len(mail.messages(ALICE[0], "INBOX")) + 1


def test_mail_for_others(mail, context):
    with pytest.raises(smtplib.SMTPRecipientsRefused) as caught:
        mail.deliver(MAIL, "nobody@acme.example")
    assert caught.value.recipients["nobody@acme.example"][0] == 550
    mail.deliver(MAIL, "someone@elsewhere.example")
    assert b"Subject: Hello" in mail.outbox[-1]


def test_user_added_later(mail, context):
    for password in ("secret", "changed"):
        mail.add_user("new@acme.example", password)
        with imap(mail, context) as client:
            assert client.login("new@acme.example", password)[0] == "OK"
    mail.deliver(MAIL, "new@acme.example")
    assert len(mail.messages("new@acme.example")) == 1


def test_bad_certificates_and_missing_protocols(authority, context):
    kinds = {"imap": "expired", "submission": "wrong_name"}
    with MailHost(dict([ALICE]), authority, kinds, protocols=("imap", "submission")) as mail:
        with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
            imap(mail, context)
        with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
            smtplib.SMTP_SSL("localhost", mail.ports["submissions"], context=context)
        with pytest.raises(ConnectionRefusedError):
            poplib.POP3_SSL("localhost", mail.ports["pop3s"], context=context)
        assert mail.logins() == []


def test_nothing_is_left(authority):
    with MailHost(dict([ALICE]), authority) as mail:
        folder, port = mail.folder, mail.ports["imaps"]
        assert folder.exists()
    assert not folder.exists()
    with pytest.raises(ConnectionRefusedError):
        imaplib.IMAP4("localhost", port)


@pytest.fixture
def open_folder():
    """A folder that others may enter too: as root, Dovecot runs as another user."""
    with tempfile.TemporaryDirectory(prefix="mailboxes-", dir="/tmp") as path:
        os.chmod(path, 0o755)
        yield Path(path)


def test_mailboxes_are_kept(authority, open_folder):
    for count in (1, 2):
        with MailHost(dict([ALICE]), authority, mail_folder=open_folder / "my mail") as mail:
            mail.deliver(MAIL, ALICE[0])
            assert len(mail.messages(ALICE[0])) == count


@pytest.mark.parametrize("kind, reason", [
    ("expired", "expired"), ("not_yet_valid", "not yet valid"), ("wrong_name", "mismatch"),
    ("unknown_issuer", "local issuer|self.signed"),
])
def test_bad_certificate(web, context, kind, reason):
    web.certificate("bad.example", kind)
    connection = _connection(web, context, "bad.example")
    with pytest.raises(ssl.SSLCertVerificationError, match=reason):
        connection.request("GET", "/")
    assert web.requests == []


def test_bundle_is_trusted(web, authority, tmp_path):
    bundle = authority.bundle(tmp_path / "bundle.pem")
    web.route("localhost", "/", b"hello")
    code = f"import urllib.request; print(urllib.request.urlopen('https://localhost:{web.port}/').read())"
    environment = dict(os.environ, SSL_CERT_FILE=str(bundle))
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True)
    assert done.stdout == b"b'hello'\n"


def _connection(web, context, host):
    """A https connection that takes the web host for ``host``."""
    connection = http.client.HTTPSConnection(host, web.port, context=context, timeout=5)
    connection._create_connection = lambda address, *args, **kw: socket.create_connection(
        ("127.0.0.1", web.port), *args, **kw)
    return connection


def _get(web, context, host, path):
    connection = _connection(web, context, host)
    connection.request("GET", path)
    return connection.getresponse()


def test_https_routes(web, context):
    web.route("autoconfig.acme.example", "/mail/config-v1.1.xml", "<clientConfig/>")
    answer = _get(web, context, "autoconfig.acme.example", "/mail/config-v1.1.xml?emailaddress=a")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/xml")
    assert answer.read() == b"<clientConfig/>"
    assert _get(web, context, "acme.example", "/mail/config-v1.1.xml").status == 404
    web.redirect("acme.example", "/", "https://www.acme.example/", status=301)
    answer = _get(web, context, "acme.example", "/")
    assert (answer.status, answer.headers["Location"]) == (301, "https://www.acme.example/")
    assert [host for _scheme, host, _path in web.requests] == [
        "autoconfig.acme.example", "acme.example", "acme.example"]


def test_http(web):
    web.route("acme.example", "/", b"plain", content_type="text/plain")
    connection = http.client.HTTPConnection("127.0.0.1", web.http_port, timeout=5)
    connection.request("GET", "/", headers={"Host": "acme.example"})
    assert connection.getresponse().read() == b"plain"
    assert web.requests == [("http", "acme.example", "/")]


def test_slow_and_dripping_answers(web, context):
    def drip():
        while True:
            yield b"x"
            time.sleep(0.02)

    web.route("slow.example", "/", delay=0.3)
    start = time.monotonic()
    assert _get(web, context, "slow.example", "/").status == 200
    assert time.monotonic() - start >= 0.3
    web.route("drip.example", "/", drip)
    answer = _get(web, context, "drip.example", "/")
    assert answer.read(5) == b"xxxxx"
    answer.close()


ZONE = """
$ORIGIN acme.example.
@ IN MX 10 mail
@ IN TXT "v=spf1 mx -all"
mail IN A 127.0.0.2
www IN CNAME mail
_imaps._tcp IN SRV 0 1 993 mail.acme.example.
*.wild IN A 127.0.0.1
"""


def _resolver(host, lifetime=2):
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers = [host.nameserver[0]]
    resolver.port = host.nameserver[1]
    resolver.lifetime = lifetime
    return resolver


@pytest.mark.parametrize("tcp", [False, True])
def test_dns_answers(dns_host, tcp):
    dns_host.zone(ZONE)
    resolver = _resolver(dns_host)

    def ask(name, kind):
        return [str(record) for record in resolver.resolve(name, kind, tcp=tcp)]

    assert ask("acme.example", "MX") == ["10 mail.acme.example."]
    assert ask("acme.example", "TXT") == ['"v=spf1 mx -all"']
    assert ask("Mail.ACME.example", "A") == ["127.0.0.2"]
    assert ask("www.acme.example", "A") == ["127.0.0.2"]
    assert ask("_imaps._tcp.acme.example", "SRV") == ["0 1 993 mail.acme.example."]
    assert ask("any.wild.acme.example", "A") == ["127.0.0.1"]
    with pytest.raises(dns.resolver.NXDOMAIN):
        ask("nothing.acme.example", "A")
    for name, kind in (("acme.example", "A"), ("_tcp.acme.example", "A")):
        with pytest.raises(dns.resolver.NoAnswer):
            ask(name, kind)
    assert ("acme.example", "MX") in dns_host.queries


def test_dns_silence_and_failure(dns_host):
    dns_host.zone(ZONE)
    dns_host.silence("acme.example")
    start = time.monotonic()
    with pytest.raises(dns.exception.Timeout):
        _resolver(dns_host, 0.3).resolve("acme.example", "MX")
    assert time.monotonic() - start >= 0.3
    assert ("acme.example", "MX") in dns_host.queries
    dns_host.clear()
    dns_host.fail("acme.example")
    with pytest.raises(dns.resolver.NoNameservers):
        _resolver(dns_host).resolve("mail.acme.example", "A")


def test_web_and_dns_hosts_end(authority):
    web = WebHost(authority).start()
    web.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", web.port), timeout=1)
    dns_host = DnsHost().start()
    dns_host.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(dns_host.nameserver, timeout=1)


@contextlib.contextmanager
def taken(service, monkeypatch):
    """While the block runs, the first port that a mail host is given for a service is somebody else's."""
    real = mail_host.free_ports
    with socket.create_server(("127.0.0.1", 0)) as other:
        offers = iter([{service: other.getsockname()[1]}])
        monkeypatch.setattr(mail_host, "free_ports", lambda *args: {**real(*args), **next(offers, {})})
        yield other.getsockname()[1]


@pytest.mark.parametrize("service", ["imaps", "submission", "lmtp", "smtp"])
def test_port_is_taken_before_it_is_bound(authority, context, monkeypatch, service):
    with taken(service, monkeypatch) as port, MailHost(dict([ALICE]), authority) as mail:
        assert mail.ports[service] != port
        with imap(mail, context) as client:
            assert client.login(*ALICE)[0] == "OK"
        mail.deliver(MAIL, ALICE[0])


def test_dns_port_is_taken():
    with socket.create_server(("127.0.0.1", 0)) as other, DnsHost(other.getsockname()[1]) as host:
        assert host.nameserver[1] != other.getsockname()[1]
        host.zone(ZONE)
        assert _resolver(host).resolve("mail.acme.example", "A")[0].to_text() == "127.0.0.2"


def test_version_is_the_chosen_one():
    root = os.environ.get("DOVECOT_ROOT", "")
    program = DovecotProgram.chosen()
    assert (str(program.root or ""), program.version >= (2, 3)) == (root, True)
    with pytest.raises(FileNotFoundError):
        DovecotProgram("/nonexistent")
