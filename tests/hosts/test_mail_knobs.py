"""What can be set for submitted mail, and servers that fall silent."""
import email
import email.policy
import imaplib
import poplib
import smtplib
import socket
import threading
import time

import dkim
import dns.resolver
import pytest

from odoo.addons.email_account.tests.hosts import (
    CertificateAuthority,
    Delivery,
    DkimKey,
    DnsHost,
    HangAfterBanner,
    MailHost,
)

ALICE, BOB, PASSWORD = "alice@acme.example", "bob@acme.example", "correct horse"
MAIL = (b"From: Alice <alice@acme.example>\r\nTo: bob@acme.example\r\nSubject: Hello\r\nX-Mark: 7\r\n\r\n"
        b"Hi\r\n")
CLIENTS = {"imap": imaplib.IMAP4_SSL, "pop3": poplib.POP3_SSL, "smtp": smtplib.SMTP_SSL}


@pytest.fixture(scope="module")
def running():
    with MailHost({ALICE: PASSWORD, BOB: PASSWORD}) as host:
        yield host


@pytest.fixture
def mail(running):
    yield running
    running.reset()
    for state in ("new", "cur"):
        for file in running.mail.glob(f"*/**/{state}/*"):
            file.unlink()


def submit(mail, sender=ALICE, recipient=BOB, content=MAIL):
    context = mail.authority.client_context()
    with smtplib.SMTP_SSL("localhost", mail.ports["submissions"], context=context) as client:
        client.login(ALICE, PASSWORD)
        client.sendmail(sender, [recipient], content)


def wait_for_mail(mail, address, folder="INBOX"):
    deadline = time.monotonic() + 10
    while not (found := mail.messages(address, folder)):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return found


def reply_of(error):
    return f"{error.smtp_code} {error.smtp_error.decode()}"


SENDER_REPLIES = [
    "550 5.7.60 SMTP; Client does not have permissions to send as this sender",
    "553 5.7.1 <alice@acme.example>: Sender address rejected: not owned by user alice@acme.example",
    "451 4.7.1 Try again later",
]


@pytest.mark.parametrize("reply", SENDER_REPLIES)
@pytest.mark.parametrize("key", [ALICE.upper(), "*"])
def test_refused_sender(mail, reply, key):
    mail.refuse_sender = {key: reply}
    with pytest.raises(smtplib.SMTPSenderRefused) as caught:
        submit(mail)
    assert reply_of(caught.value) == reply
    mail.reset()
    submit(mail)
    assert len(mail.messages(BOB)) == 1


def test_other_senders_are_not_refused(mail):
    mail.refuse_sender = {BOB: SENDER_REPLIES[0]}
    submit(mail)
    assert len(mail.messages(BOB)) == 1


@pytest.mark.parametrize("reply", [
    "550 5.1.1 <bob@acme.example>: Recipient address rejected: User unknown",
    "452 4.2.2 The mailbox is over quota",
])
def test_refused_recipient(mail, reply):
    mail.refuse_recipient = {BOB: reply}
    with pytest.raises(smtplib.SMTPRecipientsRefused) as caught:
        submit(mail)
    code, text = caught.value.recipients[BOB]
    # Dovecot puts the recipient before it
    assert f"{code} {text.decode()}".replace(f"<{BOB}> ", "", 1) == reply


@pytest.mark.parametrize("reply", [
    "550 5.7.60 SMTP; Client does not have permissions to send as this sender",
    "554 5.7.1 Message rejected as spam",
    "450 4.2.0 Greylisted, see http://postgrey.example",
])
def test_refused_mail(mail, reply):
    mail.refuse_data = reply
    with pytest.raises(smtplib.SMTPDataError) as caught:
        submit(mail)
    assert reply_of(caught.value) == reply
    assert mail.messages(BOB) == []


def test_reply_of_several_lines(mail):
    mail.refuse_data = "550-5.7.26 This mail is unauthenticated,\r\n550 5.7.26 see http://help.example"
    with pytest.raises(smtplib.SMTPDataError) as caught:
        submit(mail)
    assert reply_of(caught.value) == "550 5.7.26 This mail is unauthenticated,\n5.7.26 see http://help.example"


def test_mail_from_outside_is_left_alone(mail):
    mail.refuse_sender = mail.refuse_recipient = {"*": "550 no"}
    mail.refuse_data = "550 no"
    mail.delivery = Delivery(dropped=True)
    mail.keep_sent, mail.sign = True, DkimKey("acme.example")
    mail.deliver(MAIL, BOB, sender=ALICE)
    assert len(mail.messages(BOB, "INBOX")) == 1
    assert b"DKIM-Signature" not in mail.messages(BOB)[0]
    assert mail.messages(ALICE) == []


def test_alias(mail):
    mail.aliases = {"Sales@acme.example": BOB}
    submit(mail, "sales@acme.example", "sales@ACME.example")
    assert b"Subject: Hello" in mail.messages(BOB, "INBOX")[0]
    mail.reset()
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        submit(mail, recipient="sales@acme.example")


@pytest.mark.parametrize("folder", ["Junk", "Filtered/Deep", "With a space"])
def test_folder(mail, folder):
    mail.delivery = Delivery(folder)
    submit(mail)
    assert len(mail.messages(BOB)) == len(mail.messages(BOB, folder)) == 1
    with imaplib.IMAP4_SSL("localhost", mail.ports["imaps"],
                           ssl_context=mail.authority.client_context()) as client:
        client.login(BOB, PASSWORD)
        assert any(folder in line.decode() for line in client.lsub()[1])
        assert client.select(f'"{folder}"') == ("OK", [b"1"])


def test_late(mail):
    mail.delivery = Delivery("Junk", delay=0.3)
    start = time.monotonic()
    submit(mail)
    assert mail.messages(BOB) == []
    wait_for_mail(mail, BOB, "Junk")
    assert time.monotonic() - start >= 0.3


def test_never(mail):
    mail.delivery = Delivery(dropped=True)
    submit(mail)
    submit(mail, recipient="someone@elsewhere.example")
    assert mail.messages(BOB) == []
    assert len(mail.outbox) == 1
    mail.delivery = Delivery(delay=60)
    submit(mail)
    mail.reset()
    assert mail.messages(BOB) == mail.outbox == []
    assert "mail on its way" not in {thread.name for thread in threading.enumerate()}


def test_bounce(mail):
    mail.delivery = Delivery(bounce="550 5.7.1 Blocked: sender has no reputation")
    submit(mail)
    assert mail.messages(BOB) == []
    raw = mail.messages(ALICE, "INBOX")[0]
    report = email.message_from_bytes(raw, policy=email.policy.default)
    assert report["Return-Path"] == "<>"
    assert report.get_content_type() == "multipart/report"
    assert report.get_param("report-type") == "delivery-status"
    _text, status, headers = report.iter_parts()
    _message, recipient = status.iter_parts()
    assert recipient["Final-Recipient"] == f"rfc822; {BOB}"
    assert (recipient["Action"], recipient["Status"]) == ("failed", "5.7.1")
    assert recipient["Diagnostic-Code"] == "smtp; 550 5.7.1 Blocked: sender has no reputation"
    assert headers.get_content_type() == "text/rfc822-headers"
    assert "X-Mark: 7" in headers.get_content()


def test_sent_is_kept(mail):
    mail.keep_sent = True
    submit(mail)
    assert b"X-Mark: 7" in mail.messages(ALICE, "Sent")[0]
    assert len(mail.messages(BOB, "INBOX")) == 1


@pytest.mark.parametrize("signer", ["acme.example", "provider.example"])
def test_signed(mail, signer):
    mail.sign = DkimKey(signer)
    submit(mail)
    raw = mail.messages(BOB)[0]
    received = email.message_from_bytes(raw, policy=email.policy.default)
    assert "dkim=pass" in received["Authentication-Results"]
    assert received["Authentication-Results"].startswith("mail.acme.example;")
    assert "203.0.113.25" in received["Received"] or "203.0.113.25" in received.get_all("Received")[1]
    with DnsHost() as dns_host:
        dns_host.zone(mail.sign.zone(dmarc=""))
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers, resolver.port = [dns_host.nameserver[0]], dns_host.nameserver[1]

        def txt(name, **_options):
            return b"".join(resolver.resolve(name.decode(), "TXT")[0].strings)

        assert txt(signer.encode()) == b"v=spf1 ip4:203.0.113.25 -all"
        assert dkim.verify(raw, dnsfunc=txt)
        assert not dkim.verify(raw.replace(b"Hi", b"Ha"), dnsfunc=txt)
        with pytest.raises(dns.resolver.NXDOMAIN):
            txt(f"_dmarc.{signer}".encode())


@pytest.mark.parametrize("protocol", CLIENTS)
@pytest.mark.parametrize("encrypted", [True, False])
def test_hangs_after_the_banner(protocol, encrypted):
    authority = CertificateAuthority()
    context = authority.server_context("localhost") if encrypted else None
    before = threading.active_count()
    with HangAfterBanner(protocol, context) as server:
        if context:
            argument = "ssl_context" if protocol == "imap" else "context"
            with pytest.raises((TimeoutError, smtplib.SMTPServerDisconnected, imaplib.IMAP4.abort)):
                client = CLIENTS[protocol]("localhost", server.port, timeout=0.3,
                                           **{argument: authority.client_context()})
                client.noop()
        else:
            sockets = [socket.create_connection(("127.0.0.1", server.port), 5) for _ in range(20)]
            for each in sockets:
                assert each.recv(100) == HangAfterBanner.BANNERS[protocol]
                each.settimeout(0.05)
            assert threading.active_count() == before + 1
            with pytest.raises(TimeoutError):
                sockets[0].recv(1)
            for each in sockets:
                each.close()
    assert threading.active_count() == before
