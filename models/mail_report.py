"""What a received mail reports about another: that it came back, is late, was delivered or read. No model.

Delivery reports (RFC 3464, RFC 6533), read receipts (RFC 8098), and what servers write that know neither.
"""

import base64
import binascii
import contextlib
import email.utils
import html
import quopri
import re
from dataclasses import dataclass, replace

from odoo.tools import email_normalize

from .received_mail import clean_text

# of one report; characters of its text that are looked at, and of the reason that is shown
MAX_RECIPIENTS, MAX_TEXT, MAX_DIAGNOSTIC = 100, 200_000, 500
MAX_IDS = 32
# only this one says that a mail came back (RFC 3464 2.3.3)
FAILED = "failed"
DELIVERY_ACTIONS = (FAILED, "delayed", "delivered", "relayed", "expanded")
READ_ACTIONS = ("displayed", "deleted", "dispatched", "processed", "denied")

_STATUS_TYPES = {"message/delivery-status", "message/global-delivery-status"}
_READ_TYPES = {"message/disposition-notification", "message/global-disposition-notification"}
_HEADER_TYPES = {"text/rfc822-headers", "message/global-headers", "message/rfc822-headers"}
_ORIGINAL_TYPES = {"message/rfc822", "message/global", *_HEADER_TYPES}
_ID_HEADERS = {
    "message-id",
    "original-message-id",
    "x-original-message-id",
    "x-microsoft-original-message-id",
}
_DAEMONS = {"mailer-daemon", "mailer_daemon", "mailerdaemon", "mail-daemon"}
_ACTIONS_OF_STATUS = {"5": FAILED, "4": "delayed", "2": "delivered"}

_ID = re.compile(r"<[^<>\s]{1,998}>")
_ID_LINE = re.compile(
    r"^[>|\s]{0,20}(?:x-(?:microsoft-)?)?(?:original-)?message-id:\s{0,20}(<[^<>\s]{1,998}>)",
    re.IGNORECASE | re.MULTILINE,
)
_BREAK, _TAG = re.compile(r"<(?:br|p|div|tr|/pre)\b[^<>]*>", re.IGNORECASE), re.compile(r"<[^<>]*>")
_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_FIELD_LINE = re.compile(r"^(?:final|original)-recipient:", re.IGNORECASE | re.MULTILINE)
_UTF8_CHARACTER = re.compile(r"\\x\{([0-9a-fA-F]{2,6})\}")  # RFC 6533 3
_XTEXT = re.compile(r"\+([0-9A-F]{2})")  # RFC 3461 4
# http://cr.yp.to/proto/qsbmf.txt
_QMAIL = re.compile(r"^\s*Hi\. This is the\b", re.IGNORECASE)
_QMAIL_RECIPIENT = re.compile(r"^<([^<>\s]{1,254})>:\s*\n((?:[^\n]*\S[^\n]*\n?){1,10})", re.MULTILINE)
_LATE = re.compile(
    r"\bdelay(ed)?\b|\bwarning\b|\bwill (be )?(retr(y|ied)|continue|keep)\b|still being retried"
    r"|not yet been delivered|no need to resend|do not need to resend",
    re.IGNORECASE,
)
_BACK = re.compile(
    r"undeliver|non.?remis|unzustellbar|return(ed|ing)|fail(ed|ure)|could ?n.t be delivered"
    r"|(could|can) ?not be delivered|(was|were) not delivered|unable to deliver|permanent(ly)? (fatal )?error"
    r"|(?<![\d.])5\.\d{1,3}\.\d{1,3}(?![\d.])|\b55[0-4]\b[ -]",
    re.IGNORECASE,
)
_REASON_LINE = re.compile(
    r"^.*(?:(?<![\d.])[45]\.\d{1,3}\.\d{1,3}(?![\d.])|\b[45][0-5]\d\b[ -]).*$", re.MULTILINE
)


@dataclass(frozen=True)
class Recipient:
    """What is reported of one recipient.

    :param tuple addresses: normalised; as the sender has written it comes first. Several are of one recipient
        whose mail was passed on; empty if none is known
    :param str action: of :data:`DELIVERY_ACTIONS` or :data:`READ_ACTIONS`; "" if it is not clear
    :param str status: RFC 3463, as "5.1.1"; "" without one
    :param str diagnostic: what the server said, in one line, cut and cleaned; "" if it said nothing
    :param str host: the server that said so; "" if it is not named
    """

    addresses: tuple = ()
    action: str = ""
    status: str = ""
    diagnostic: str = ""
    host: str = ""

    def get_reply(self):
        """Return status and diagnosis as a server's reply is written."""
        status = "" if self.status in self.diagnostic else self.status
        return f"{status} {self.diagnostic}".strip()


@dataclass(frozen=True)
class Report:
    """
    :param tuple recipients: of `Recipient`
    :param tuple message_ids: of the mail that it is about, with angle brackets
    :param bool is_cut: there are more recipients than are looked at
    """

    recipients: tuple = ()
    message_ids: tuple = ()
    is_cut: bool = False

    def is_clear(self):
        """Whether it is known what became of each recipient."""
        return bool(self.recipients) and not self.is_cut and all(each.action for each in self.recipients)


def read_report(message):
    """Return what a mail reports, None if it is no report. Never raises, whatever is in the mail.

    :param email.message.EmailMessage message: as it was received
    """
    try:
        return _read_report(message)
    except Exception:  # the email package raises many things over what is in a mail
        return Report() if _is_report(message) else None


def is_automatic(message):
    """Whether a mail was written by a program (RFC 3834 2): such mail is not answered."""
    submitted = _get_text(message, "Auto-Submitted").partition(";")[0].strip().lower()
    if submitted not in ("", "no") or is_answer_of_program(message):
        return True
    if _get_text(message, "Precedence").strip().lower() in ("bulk", "list", "junk", "auto_reply"):
        return True
    suppressed = _get_text(message, "X-Auto-Response-Suppress").strip().lower()
    if suppressed not in ("", "none") or read_report(message):
        return True
    names = (
        "List-Id",
        "List-Post",
        "List-Unsubscribe",
        "X-Autoreply",
        "X-Autorespond",
        "X-Loop",
        "Feedback-ID",
    )
    return any(message.get(name) is not None for name in names)


def is_answer_of_program(message):
    """Whether a program wrote it because of a mail: a report, or an automatic answer."""
    submitted = _get_text(message, "Auto-Submitted").partition(";")[0].strip().lower()
    return submitted == "auto-replied" or _has_no_return(message) or _is_from_daemon(message)


# ------------------------------------------------------------
# Is it one
# ------------------------------------------------------------


def _is_report(message):
    kind = message.get_content_type()
    if kind in ("multipart/signed", "multipart/mixed") and message.is_multipart():
        # signed by who has read the mail, or with a footer of a mailing list
        kind = message.get_payload()[0].get_content_type()
    return kind == "multipart/report" or _is_from_daemon(message)


def _is_from_daemon(message):
    local = _get_sender_name(message)
    return local in _DAEMONS or (local == "postmaster" and _has_no_return(message))


def _get_sender_name(message):
    address = email.utils.parseaddr(_get_text(message, "From"))[1]
    return address.partition("@")[0].strip().lower()


def _has_no_return(message):
    path = message.get("Return-Path")
    return path is not None and str(path).strip() in ("<>", "")


def _get_text(message, name):
    with contextlib.suppress(Exception):  # as for all headers: the email package raises many things
        return " ".join(str(message.get(name) or "").split())
    return ""


def _read_report(message):
    is_report, failed = _is_report(message), _get_text(message, "X-Failed-Recipients")
    is_sent_by_program = bool(is_report or failed or is_answer_of_program(message))
    parts = list(_walk(message)) if is_sent_by_program else []
    status = next((part for part in parts if part.get_content_type() in _STATUS_TYPES), None)
    read = next((part for part in parts if part.get_content_type() in _READ_TYPES), None)
    if not (is_report or failed or status is not None or read is not None):
        return None
    text = _read_text(parts)
    original, ids = _read_original(parts)
    if status is not None:
        groups = _read_groups(_get_fields(status))
        recipients = [_read_recipient(group) for group in _join_recipients(groups)]
    elif read is not None:
        groups = _read_groups(_get_fields(read))
        recipients = [_read_reader(group) for group in groups if "disposition" in group]
    elif _FIELD_LINE.search(text):  # the fields in a part of another type
        groups = _read_groups(text)
        recipients = [_read_recipient(group) for group in _join_recipients(groups)]
    else:
        groups = []
        recipients = _read_words(
            message, text, failed, has_original=bool(original or ids or _ID_LINE.search(text))
        )
    for group in groups:
        ids += [found for name in group if name in _ID_HEADERS for found in _ID.findall(group[name])]
    if not ids:
        ids = _ID_LINE.findall(text)
    recipients = [_with_address(each, failed, original, len(recipients)) for each in recipients]
    return Report(
        recipients=tuple(recipients[:MAX_RECIPIENTS]),
        message_ids=tuple(dict.fromkeys(ids))[:MAX_IDS],
        is_cut=len(recipients) > MAX_RECIPIENTS,
    )


def _walk(message):
    """The parts, but not those of mails in it."""
    stack = [message]
    while stack:
        part = stack.pop()
        if part.get_content_maintype() == "multipart" and part.is_multipart():
            stack += reversed(part.get_payload())
        else:
            yield part


# ------------------------------------------------------------
# Parts
# ------------------------------------------------------------


def _decode(part):
    payload = part.get_payload(decode=True)
    if payload is None:
        return ""
    return _to_text(payload, part.get_content_charset()).replace("\r\n", "\n")


def _read_text(parts):
    """What people are meant to read: the plain text, else the HTML without its tags."""
    for kind in ("text/plain", "text/html"):
        found = [_decode(part) for part in parts if part.get_content_type() == kind]
        text = "\n".join(found)[:MAX_TEXT]
        if kind == "text/html":
            text = html.unescape(_TAG.sub(" ", _BREAK.sub("\n", text)))
        if text.strip():
            return text
    return ""


def _to_text(data, charset=None):
    for name in (charset, "utf-8"):
        with contextlib.suppress(LookupError, ValueError):
            if name:
                return data.decode(name)
    return data.decode("latin-1")


def _get_fields(part):
    """The text of a part ``message/…``, of which Python has made messages."""
    if not part.is_multipart():
        return _decode(part)[:MAX_TEXT]
    return _undo_encoding(part, "\n\n".join(map(_flatten, part.get_payload())))


def _flatten(inner):
    lines = [f"{name}: {value}" for name, value in inner.raw_items()]
    # bytes, as Python replaces letters outside of ASCII in the text
    payload = (
        ""
        if inner.is_multipart()
        else (inner.get_payload(decode=True) or b"").decode("utf-8", "surrogateescape")
    )
    return "\n".join([*lines, "", payload])


def _undo_encoding(part, text):
    """Some servers encode what must not be encoded (RFC 2046 5.2)."""
    data = text.encode("utf-8", "surrogateescape")
    encoding = str(part.get("Content-Transfer-Encoding") or "").strip().lower()
    with contextlib.suppress(binascii.Error, ValueError):
        if encoding == "base64":
            data = base64.b64decode(b"".join(data.split()), validate=True)
        elif encoding == "quoted-printable":
            data = quopri.decodestring(data)
    return _to_text(data).replace("\r\n", "\n")[:MAX_TEXT]


def _read_original(parts):
    """Return the header of the mail that is reported about (a dict, lower-case names) and its Message-Ids."""
    part = next((part for part in parts if part.get_content_type() in _ORIGINAL_TYPES), None)
    if part is None:
        return {}, []
    text = _decode(part) if part.get_content_maintype() == "text" else _get_fields(part)
    header = _read_groups(text.lstrip()[:MAX_TEXT].split("\n\n", 1)[0])[0]
    ids = [found for name in header if name in _ID_HEADERS for found in _ID.findall(header[name])]
    return header, ids


def _read_groups(text):
    """Return the groups of fields, which empty lines part: dicts, with lower-case names."""
    groups, name = [{}], None
    for line in text.split("\n"):
        if not line.strip():
            if groups[-1]:
                groups.append({})
            name = None
            continue
        if line[0] in " \t":
            if name:
                groups[-1][name] += f" {line.strip()}"
            continue
        key, colon, value = line.partition(":")
        name = key.strip().lower() if colon and " " not in key.strip() else None
        if name is None:
            continue
        if name in ("final-recipient", "original-recipient", "action") and name in groups[-1]:
            groups.append({})  # the empty line is missing
        if name in groups[-1]:
            name = None  # the first one counts
        else:
            groups[-1][name] = value.strip()
        if len(groups) > 2 * MAX_RECIPIENTS + 2:
            break
    return groups if groups[-1] or len(groups) == 1 else groups[:-1]


def _join_recipients(groups):
    """Those groups that are about a recipient, with what an empty line has cut off."""
    joined = []
    for group in groups:
        is_named = "final-recipient" in group or "original-recipient" in group
        if is_named and joined and not {"final-recipient", "action"} & {*joined[-1]}:
            joined[-1] = {**joined[-1], **group}
        elif is_named:
            joined.append(dict(group))
        elif "action" in group or "status" in group:
            if joined and not {"action", "status"} & {*joined[-1]}:
                joined[-1] = {**group, **joined[-1]}
            else:
                joined.append(dict(group))
    return joined


# ------------------------------------------------------------
# Recipients
# ------------------------------------------------------------


def _read_recipient(group):
    status = _STATUS.search(group.get("status", ""))
    status = status[1] if status else ""
    diagnostic = _clean(_after_type(group.get("diagnostic-code", "")))
    if not status and (found := _STATUS.search(diagnostic)):
        status = found[1]
    return Recipient(
        addresses=_read_addresses(group),
        action=_read_action(group.get("action", ""), status),
        status=status,
        diagnostic=diagnostic,
        host=_clean(_after_type(group.get("remote-mta", "")).partition("(")[0]).strip()[:253],
    )


def _read_action(text, status):
    word = text.partition("(")[0].strip().lower()
    if word in DELIVERY_ACTIONS:
        return word
    return _ACTIONS_OF_STATUS.get(status[:1], "")


def _read_reader(group):
    """The disposition: ``manual-action/MDN-sent-manually; displayed/error`` (RFC 8098 3.2.6)."""
    kind = group["disposition"].rpartition(";")[2].partition("(")[0].partition("/")[0].strip().lower()
    if kind == FAILED:  # RFC 2298: the receipt could not be made, the mail has arrived
        kind = "processed"
    return Recipient(addresses=_read_addresses(group), action=kind if kind in READ_ACTIONS else "")


def _read_addresses(group):
    found = []
    for name in ("original-recipient", "final-recipient", "x-actual-recipient"):
        address = _read_address(group.get(name, ""))
        # how the address stood in the envelope (RFC 3461 4): some do not decode it
        decoded = _XTEXT.sub(lambda match: chr(int(match[1], 16)), address)
        found += [address, decoded] if name == "original-recipient" else [address]
    return tuple(dict.fromkeys(normal for text in found if text and (normal := email_normalize(text))))


def _read_address(text):
    kind, separator, value = text.partition(";")
    if not separator:
        kind, value = "", text
    if kind.strip().lower() == "utf-8":
        value = _UTF8_CHARACTER.sub(lambda match: chr(min(int(match[1], 16), 0x10FFFF)), value)
    return re.sub(r"\([^()]*\)", " ", value).strip().strip("<>").strip()


def _after_type(text):
    """``smtp; 550 5.1.1 unknown`` without the type."""
    kind, separator, value = text.partition(";")
    return value if separator and re.fullmatch(r"[\w.-]{1,40}", kind.strip()) else text


def _clean(text):
    """One line, without characters that nobody needs, of bounded length."""
    return " ".join(clean_text(text).split())[:MAX_DIAGNOSTIC].strip()


def _with_address(recipient, failed, original, count):
    """Add the address of the only recipient where the report says it elsewhere."""
    if recipient.addresses or count != 1:
        return recipient
    for text in (failed, original.get("to", "")):
        addresses = _split_addresses(text)
        if len(addresses) == 1:
            return replace(recipient, addresses=addresses)
    return recipient


def _split_addresses(text):
    pairs = email.utils.getaddresses([text[:10_000]])
    return tuple(dict.fromkeys(normal for _name, each in pairs if (normal := email_normalize(each))))


# ------------------------------------------------------------
# Reports without a part that says it
# ------------------------------------------------------------


def _read_words(message, text, failed, has_original):
    """Return the recipients of a report that programs were not meant to read."""
    if _QMAIL.match(text):
        head = re.split(r"^--- ", text, maxsplit=1, flags=re.MULTILINE)[0]
        found = [
            Recipient(_split_addresses(address), FAILED, **_read_reply(reason))
            for address, reason in _QMAIL_RECIPIENT.findall(head)
        ]
        if found:
            return found
    action = _guess_action(_get_text(message, "Subject"), text)
    if failed and not action:  # Exim and Gmail name the recipients, also of what is late
        action = FAILED
    addresses = _split_addresses(failed)
    if addresses:
        reply = _read_reply(text) if len(addresses) == 1 else {}
        return [Recipient((address,), action, **reply) for address in addresses]
    return [Recipient((), action if has_original else "", **_read_reply(text))]


def _guess_action(subject, text):
    head = text[:5000]
    for each in (subject, head):
        if _LATE.search(each):
            return "delayed"
        if _BACK.search(each):
            return FAILED
    return ""


def _read_reply(text):
    line = _REASON_LINE.search(text[:5000])
    if not line:
        return {}
    status = _STATUS.search(line[0])
    return {"status": status[1] if status else "", "diagnostic": _clean(line[0])}
