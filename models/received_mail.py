"""A received mail before Odoo sees it: what it is known by, and whether it can be read. No model."""

import email
import email.parser
import email.policy
import hashlib
import traceback
from dataclasses import dataclass
from email.header import decode_header, make_header

from ..mailclient.outside import safe_text

# characters: a longer one is none, and no index takes it
MAX_MESSAGE_ID = 250
# bytes of the header that are read, and characters of one field that are decoded, which takes time by its
# square: what is longer is refused later (mail_bounds), or not shown
MAX_HEADER, MAX_DECODED = 512 << 10, 20_000
# characters of a header that are shown: more of it is in the source
MAX_SHOWN = 1000
# characters of what is known of a failure
MAX_DETAIL = 10000
# entries of a traceback that are kept
NOTED_LINES = 6
# said of the copy in one mailbox, not of the mail
_STATUS_HEADERS = {
    b"status",
    b"x-status",
    b"x-uid",
    b"x-uidl",
    b"x-keywords",
    b"x-mozilla-status",
    b"x-mozilla-status2",
}
_LIST_HEADERS = ("List-Id", "List-Post", "List-Unsubscribe", "Mailing-List")


class NotProcessed(Exception):
    """A mail that cannot become a message.

    :param str reason: of `email.account.unprocessed`
    :param detail: what is known of it (text)
    """

    def __init__(self, reason, detail=""):
        detail = safe_text(detail, MAX_DETAIL)
        super().__init__(detail or reason)
        self.reason, self.detail = reason, detail


def describe_error(error):
    """Return the last lines of the traceback of an exception, for those who mend it: text that is safe."""
    lines = traceback.format_exception(error)[-NOTED_LINES:]
    return safe_text("".join(safe_text(line) for line in lines), MAX_DETAIL)


@dataclass(frozen=True)
class ReceivedMail:
    """What the header of a mail says, and what the mail is known by.

    :param message_id: the header Message-Id, "" without one
    :param digest: SHA-256 (hex). With a Message-Id it is of what every copy of the mail has in common,
        whatever way it came; without one, of all but marks of the mailbox
    :param origin: SHA-256 (hex) of sender and date, "" if one of them is missing
    :param is_list: whether it came through a mailing list
    """

    message_id: str
    email_from: str
    subject: str
    date: str
    digest: str
    origin: str
    is_list: bool

    @classmethod
    def parse(cls, source):
        """Read a source (bytes); never raises, whatever is in it."""
        head, _separator, body = _split(source)
        try:
            return cls._parse(head, body)
        except Exception:  # the email package raises many things; it is still the one mail that it is
            digest = hashlib.sha256(source).hexdigest()
            return cls("", "", "", "", digest, "", False)

    @classmethod
    def _parse(cls, head, body):
        header = email.parser.BytesHeaderParser(policy=email.policy.compat32).parsebytes(
            head[:MAX_HEADER]
        )
        message_id, sender, date = (_text(header, name) for name in ("Message-Id", "From", "Date"))
        subject = _text(header, "Subject")
        if len(message_id) > MAX_MESSAGE_ID:
            message_id = ""
        digest = hashlib.sha256()
        if message_id:
            for part in (message_id, sender, date, subject):
                digest.update(part.encode("utf-8", "surrogatepass") + b"\0")
        else:
            digest.update(_without_status(head))
        _add_lines(digest, body)
        origin = hashlib.sha256(f"{sender}\0{date}".encode("utf-8", "surrogatepass")).hexdigest()
        return cls(
            message_id=message_id,
            email_from=sender,
            subject=subject,
            date=date,
            digest=digest.hexdigest(),
            origin=origin if sender and date else "",
            is_list=any(name in header for name in _LIST_HEADERS),
        )

    def get_known_by(self):
        """Return the values of an `email.account.receipt` that a mail is known by."""
        return {
            "digest": self.digest,
            "origin": self.origin,
            "is_list": self.is_list,
            "message_id": self.message_id or False,
        }

    def get_shown(self):
        """Return what people see of the header: as values of an `email.account.unprocessed`."""
        shown = {"email_from": self.email_from, "subject": self.subject, "date": self.date}
        return {name: clean_text(text)[:MAX_SHOWN] for name, text in shown.items()} | {
            "message_id": clean_text(self.message_id)
        }

    def get_own_message_id(self):
        """Return a Message-Id made of the contents, for a mail that has none or one that is another's."""
        return f"<{self.digest[:40]}@email-account.invalid>"


def clean_text(text):
    """Return ``text`` without characters that none needs: control characters, halves of pairs, changes of
    direction."""
    return safe_text(text, limit=None, replacement="")


def _split(source):
    """Header, separator and body: whatever ends its lines."""
    for separator in (b"\r\n\r\n", b"\n\n", b"\r\r"):
        position = source.find(separator)
        if position >= 0:
            return source[:position], separator, memoryview(source)[position + len(separator) :]
    return source, b"", memoryview(b"")


def _text(header, name):
    """A header in one line, decoded as far as it can be."""
    value = header.get(name)
    if value is None:
        return ""
    value = str(value)[:MAX_DECODED]
    try:
        text = str(make_header(decode_header(value)))
    except Exception:  # whatever: unknown charsets, broken words; the email package raises many things
        text = value
    text = text.encode("utf-8", "replace").decode("utf-8", "replace")
    return " ".join(text.replace("\0", " ").split())


def _without_status(head):
    lines, skipped = [], False
    for line in head.splitlines():
        if not line[:1].isspace():
            skipped = line.partition(b":")[0].strip().lower() in _STATUS_HEADERS
        if not skipped:
            lines.append(line.rstrip())
    return b"\n".join(lines)


def _add_lines(digest, body, chunk=1 << 20):
    """Add a body to a digest, the ends of its lines and what follows the last one aside."""
    pending = b""
    for start in range(0, len(body), chunk):
        piece = pending + bytes(body[start : start + chunk]).replace(b"\r", b"")
        kept = piece.rstrip(b"\n")
        pending = piece[len(kept) :]
        digest.update(kept)
