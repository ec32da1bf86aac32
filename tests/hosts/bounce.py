"""Reports of failed delivery (RFC 3464)."""
import email.utils
import re
import uuid

REPORT = """\
From: Mail Delivery System <MAILER-DAEMON@{domain}>
To: {sender}
Subject: Undelivered Mail Returned to Sender
Date: {date}
Message-ID: <{id}@mail.{domain}>
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="{id}"

--{id}
Content-Type: text/plain; charset=us-ascii

Your message could not be delivered to <{recipient}>:

    {diagnostic}

--{id}
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.{domain}
Arrival-Date: {date}

Final-Recipient: rfc822; {recipient}
Action: failed
Status: {status}
Remote-MTA: dns; mx.{recipient_domain}
Diagnostic-Code: smtp; {diagnostic}

--{id}
Content-Type: text/rfc822-headers

{headers}

--{id}--
"""


def bounce(sender, recipient, content, diagnostic):
    """The report that a mail could not be delivered, as its sender gets it (bytes).

    :param sender: of the mail
    :param recipient: who did not get it
    :param content: the raw mail (bytes); the report has its headers
    :param diagnostic: what the recipient's server is said to have replied, e.g. "550 5.1.1 No such user"
    """
    status = re.search(r"\b[45]\.\d{1,3}\.\d{1,3}\b", diagnostic)
    text = REPORT.format(
        id=uuid.uuid4().hex, date=email.utils.formatdate(), diagnostic=diagnostic,
        sender=sender, domain=sender.rpartition("@")[2],
        recipient=recipient, recipient_domain=recipient.rpartition("@")[2],
        status=status[0] if status else "5.0.0",
        headers=content.replace(b"\r\n", b"\n").partition(b"\n\n")[0].decode("utf-8", "surrogateescape"))
    return text.replace("\n", "\r\n").encode("utf-8", "surrogateescape")
