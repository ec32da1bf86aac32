"""Mails as customers write them: text and HTML, some with a small attachment, from some 200 senders.

What is drawn by lot is the same in every run.
"""

import base64
import random
from datetime import datetime, timedelta, timezone
from email.message import EmailMessage
from email.utils import format_datetime, formataddr

NOBODY = "nobodys-name"
SENDERS = 200
ATTACHED = 0.15  # part of the mails
FIRST_NAMES = ("Ana", "Jörg", "Mei", "Olu", "Sara", "Tomáš", "Ivo", "Lea", "Noor", "Pío")
LAST_NAMES = ("Müller", "Okafor", "Silva", "Novák", "Chen", "Haddad", "Rossi", "Jensen", "Kaya", "Dubois")
WORDS = (
    "order delivery invoice number please the a we our your could you send again thank for reply until "
    "friday address changed colour size of missing parts and which was not in that box yesterday café größer"
).split()
HTML = """<html><head><style>p {{ margin: 0 0 1em; font: 14px sans-serif }}</style></head><body>{paragraphs}
<table border="0" cellpadding="0" cellspacing="0" style="border-collapse: collapse"><tr>
<td style="padding: 8px 12px; border-top: 2px solid #336699; font-size: 12px; color: #666"><b>{name}</b><br>
<a href="https://www.{domain}/">www.{domain}</a> &middot; <a href="mailto:{address}">{address}</a></td>
</tr></table></body></html>"""
PARAGRAPH = '<p class="MsoNormal" style="margin-bottom: 12.0pt"><span lang="EN-GB">{}</span></p>\n'


def letters(count, recipient):
    """Yield ``count`` mails (bytes) to ``recipient``, of nobody yet: see `signed`."""
    lot = random.Random(count)
    start = datetime(2026, 1, 5, 8, tzinfo=timezone.utc)
    for number in range(count):
        yield _letter(lot, number, recipient, start + timedelta(minutes=number)).as_bytes()


def signed(letter, name):
    """Return a mail whose senders and Message-Id end in ``@NAME.example``: another mail for each name."""
    return letter.replace(NOBODY.encode(), name.encode())


def large_letter(size, recipient):
    """Return a mail of ``size`` bytes, more or less, nearly all of them one attachment; of nobody yet."""
    header = next(letters(1, recipient)).partition(b"\n\n")[0]
    lines = [line for line in header.split(b"\n") if not line.startswith((b"Content-", b" boundary"))]
    text = base64.encodebytes(random.Random(size).randbytes(57 * 1024))
    boundary = b"=_large"
    return b"".join(
        (
            b"\n".join(lines),
            b'\nContent-Type: multipart/mixed; boundary="%b"\n\n--%b\n' % (boundary, boundary),
            b"Content-Type: text/plain; charset=utf-8\n\nThe plans are attached.\n--%b\n" % boundary,
            b'Content-Type: application/zip\nContent-Disposition: attachment; filename="plans.zip"\n',
            b"Content-Transfer-Encoding: base64\n\n",
            text * (size // len(text)),
            b"--%b--\n" % boundary,
        )
    )


def _letter(lot, number, recipient, date):
    sender = lot.randrange(SENDERS)
    person = f"{FIRST_NAMES[sender % 10]} {LAST_NAMES[sender // 10 % 10]}"
    domain = f"{NOBODY}.example"
    address = f"sender{sender}@{domain}"
    paragraphs = [" ".join(lot.choices(WORDS, k=lot.randint(15, 70))) for _ in range(lot.randint(2, 6))]
    mail = EmailMessage()
    for server in ("mx", "relay", "out"):
        mail["Received"] = (
            f"from {server}.{domain} ({server}.{domain} [203.0.113.77]) by {server}.acme.example "
            f"with ESMTPS id {lot.getrandbits(64):x}; {format_datetime(date)}"
        )
    mail["From"] = formataddr((person, address))
    mail["To"] = recipient
    mail["Subject"] = f"{' '.join(lot.choices(WORDS, k=4)).capitalize()} ({number})"
    mail["Date"] = date
    mail["Message-Id"] = f"<{number}.{lot.getrandbits(48):x}@{domain}>"
    mail["MIME-Version"] = "1.0"
    mail.set_content("\n\n".join(paragraphs) + f"\n\n-- \n{person}\n", cte="quoted-printable")
    mail.add_alternative(
        HTML.format(
            paragraphs="".join(map(PARAGRAPH.format, paragraphs)), name=person, domain=domain, address=address
        ),
        subtype="html",
        cte="quoted-printable",
    )
    if lot.random() < ATTACHED:
        content = b"%PDF-1.4\n" + lot.randbytes(lot.randint(4_000, 30_000))
        mail.add_attachment(content, maintype="application", subtype="pdf", filename=f"order-{number}.pdf")
    return mail
