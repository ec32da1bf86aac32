"""Reports about sent mail, as servers write them."""

import email
import email.policy

ORIGINAL = """Message-ID: {original}
From: Jane <jane@acme.example>
To: {address}
Subject: Offer
"""


def join(*lines):
    return "\r\n".join("\r\n".join(line.split("\n")) for line in lines)


def parse(source):
    """Return a report (bytes) as the mail gateway parses it."""
    return email.message_from_bytes(source, policy=email.policy.SMTP)


def block(address, action="failed", status="5.1.1", diagnostic="smtp; 550 5.1.1 No such user", **more):
    """The fields of one recipient; a name in ``more`` stands for one with hyphens, None leaves one out."""
    fields = {
        "Final-Recipient": address and f"rfc822; {address}",
        "Action": action,
        "Status": status,
        "Diagnostic-Code": diagnostic,
        **{name.replace("_", "-"): value for name, value in more.items()},
    }
    return "\n".join(f"{name}: {value}" for name, value in fields.items() if value is not None)


def report(
    number,
    *blocks,
    original="<sent@acme.example>",
    address="bob@customer.example",
    head=(),
    to="jane@acme.example",
    sender="MAILER-DAEMON@mx.customer.example (Mail Delivery System)",
    kind="message/delivery-status",
    report_type="delivery-status",
    third="message/rfc822",
    text="This is the mail system.",
):
    """A report of several parts (bytes), RFC 3464.

    :param number: for its Message-Id
    :param blocks: texts of the second part
    :param original: Message-Id of the mail that it is about
    :param head: further lines of the header
    :param third: content type of the third part, None for none
    """
    lines = [
        "Return-Path: <>",
        *head,
        f"From: {sender}",
        f"To: {to}",
        "Subject: Delivery Status Notification",
        f"Message-ID: <{number}@customer.example>",
        "Date: Tue, 24 Nov 2026 10:00:00 +0000",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/report; report-type={report_type}; boundary="=_r"',
        "",
        "--=_r",
        "Content-Type: text/plain; charset=utf-8",
        "",
        text,
        "--=_r",
        f"Content-Type: {kind}",
        "",
        "\n\n".join(("Reporting-MTA: dns; mx.customer.example", *blocks)),
        "",
    ]
    if third:
        lines += ["--=_r", f"Content-Type: {third}", "", ORIGINAL.format(original=original, address=address)]
        lines += [] if "header" in third else ["Hello"]
    return join(*lines, "--=_r--", "").encode()


def receipt(number, disposition, original="<sent@acme.example>", address="bob@customer.example", **options):
    """A read receipt (bytes), RFC 8098."""
    fields = (
        f"Reporting-UA: mail.customer.example\nFinal-Recipient: rfc822;{address}\n"
        f"Original-Message-ID: {original}\nDisposition: {disposition}"
    )
    options = {
        "sender": f"Bob <{address}>",
        "kind": "message/disposition-notification",
        "report_type": "disposition-notification",
        "third": None,
    } | options
    source = report(number, fields, original=original, address=address, **options)
    return source.replace(b"Reporting-MTA: dns; mx.customer.example\r\n\r\n", b"")


def words(
    number, text, subject="failure notice", sender="MAILER-DAEMON@mx.customer.example", head=(), to=None
):
    """A report in words alone (bytes)."""
    return join(
        "Return-Path: <>",
        *head,
        f"From: {sender}",
        f"To: {to or 'jane@acme.example'}",
        f"Subject: {subject}",
        f"Message-ID: <{number}@customer.example>",
        "Date: Tue, 24 Nov 2026 10:00:00 +0000",
        "",
        text,
    ).encode()


QMAIL = """Hi. This is the qmail-send program at mx.customer.example.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<bob@customer.example>:
User does not exist - 550 5.1.1 unknown

--- Below this line is a copy of the message.

Return-Path: <jane@acme.example>
Message-ID: {original}
From: jane@acme.example
To: bob@customer.example

Hello
"""
EXIM = """This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  bob@customer.example
    host mx.customer.example [192.0.2.1]
    SMTP error from remote mail server after RCPT TO:<bob@customer.example>:
    550 5.1.1 <bob@customer.example>: no such user

------ This is a copy of the message, including all the headers. ------

Return-path: <jane@acme.example>
Message-ID: {original}
To: bob@customer.example
"""
EXIM_LATE = """This message was created automatically by mail delivery software.

A message that you sent has not yet been delivered to one or more of its
recipients after more than 24 hours on the queue on mx.customer.example.

Message-ID: {original}
"""
LOTUS = """Your message

  Subject: Offer

was not delivered to:

  bob@customer.example

because:

  550 5.1.1 User bob (bob@customer.example) not listed in Domino Directory

Message-ID: {original}
"""
YAHOO = """Message from yahoo.example.
Unable to deliver message to the following address(es).

<bob@customer.example>:
This user doesn't have a yahoo.example account (bob@customer.example) [0]

--- Original message follows.

Message-ID: {original}
"""
