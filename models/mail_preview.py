"""The text of a mail in a few lines, for somebody who has to decide what becomes of it. No model."""

import email
import email.policy

from lxml import html as lxml_html

from odoo.tools import html2plaintext

from .mail_bounds import check_bounds
from .received_mail import NotProcessed, clean_text
from .trial_pool import POOL, TrialFailed, TrialUnavailable

# bytes of a source that are looked at, and characters of HTML that are made text of
MAX_SOURCE, MAX_HTML = 512 << 10, 100_000
MAX_LENGTH = 5000
# of CPU: somebody waits for it
SECONDS = 2


def get_preview(source, length=MAX_LENGTH):
    """Return what a mail says as plain text; "" if it says nothing that can be read. Never raises.

    It is read in a process of its own: among the mails that nobody could process are those that take too
    long.

    :param bytes source: the mail, or its first :data:`MAX_SOURCE` bytes
    :param int length: characters at most
    """
    try:
        return POOL.run("preview", source[:MAX_SOURCE], SECONDS, length=length)
    except (TrialFailed, TrialUnavailable):
        return ""


def read_preview(source, length=MAX_LENGTH):
    """The same where it may take any time."""
    source = source[:MAX_SOURCE]
    try:
        check_bounds(source)
        text = _find_text(email.message_from_bytes(source, policy=email.policy.compat32))
    except NotProcessed:  # parts without end
        return ""
    except Exception:  # whatever is in it: the email package and lxml raise many things
        return ""
    lines = (
        line.rstrip() for line in clean_text(text.replace("\r\n", "\n").replace("\r", "\n")).splitlines()
    )
    return "\n".join(lines).strip()[:length].rstrip()


def _find_text(message):
    """The first part that is plain text, else the first that is HTML."""
    html = ""
    for part in message.walk():
        if part.is_multipart() or part.get_content_disposition() == "attachment":
            continue
        kind = part.get_content_type()
        if kind == "text/plain" and (text := _decode(part)).strip():
            return text
        if kind == "text/html" and not html:
            html = _decode(part)
    return _get_text(html[:MAX_HTML]) if html.strip() else ""


def _get_text(html):
    tree = lxml_html.document_fromstring(html)
    for element in list(tree.iter("script", "style", "title")):
        element.drop_tree()
    return html2plaintext(lxml_html.tostring(tree, encoding="unicode"), include_references=False)


def _decode(part):
    content = part.get_payload(decode=True) or b""
    charset = part.get_content_charset() or "utf-8"
    try:
        return content.decode(charset, "replace")
    except (LookupError, ValueError):  # no charset that is known here
        return content.decode("latin-1")
