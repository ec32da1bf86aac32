"""What a mail may cost: more keeps Odoo, or Python's email package, busy for minutes. No model.

Everything here reads a mail once, whatever is in it; nothing is unpacked.
"""

import contextlib
import html
import json
import re
import subprocess
import sys
from pathlib import Path

from .received_mail import NotProcessed

# more is an attack, or nothing that anybody reads (Odoo walks through all parts)
MAX_PARTS = 1000
MAX_BOUNDARIES = 100
# bytes of the whole header and of one field, as large hosts take them (Postfix cuts fields at 100 kB): the
# email package takes time by the square of what a field holds
MAX_HEADER, MAX_FIELD, MAX_FIELDS = 512 << 10, 100 << 10, 5000
# the sum of the squares of the lengths of the fields of all parts
MAX_PART_FIELDS = 10**9
# CPU seconds of the trial, and seconds by the clock
TRIAL_SECONDS, TRIAL_TIMEOUT = 10, 30
# what Odoo's sanitising may take without a trial: characters looked at again and again, tags among which it
# looks for quoted text, lines of quotes, characters of one tag's attributes, all of it
_STEPS, _TAGS, _QUOTES, _ATTRIBUTES, _LENGTH = 10**7, 3000, 1000, 2000, 1 << 20

_BOUNDARY = re.compile(rb"boundary\s*=\s*(?:\"([^\"\r\n]{1,200})\"|([^\s;\"]{1,200}))", re.IGNORECASE)
_MULTIPART = re.compile(rb"[\r\n]content-type\s*:\s*multipart/", re.IGNORECASE)
_PART_FIELD = re.compile(rb"(?<=[\r\n])content-[a-z-]{1,30}:[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*", re.IGNORECASE)
_FIELD_END = re.compile(rb"(?:\r\n?|\n)(?![ \t])")
# what makes Odoo look at all the siblings of each element (odoo/tools/mail.py, tag_quote)
_QUOTING = re.compile(r"quote|extra|signature|spelling|yahoo|skydrive|divrply|append|\n--", re.IGNORECASE)
_TRIAL = Path(__file__).with_name("mail_trial.py")


def check_bounds(source):
    """Refuse what cannot be read in a short time.

    :param bytes source: a mail
    :raises NotProcessed: `too_complex`
    """
    _check_header(source)
    boundaries = {quoted or bare for quoted, bare in _BOUNDARY.findall(source)}
    nested = max(len(boundaries), sum(1 for _match in _MULTIPART.finditer(source)))
    parts = 0
    if nested <= MAX_BOUNDARIES:
        parts = sum(source.count(end + b"--" + name) for name in boundaries for end in (b"\n", b"\r"))
    if nested > MAX_BOUNDARIES or parts > MAX_PARTS:
        raise NotProcessed("too_complex", f"{nested} boundaries, {parts} parts")
    cost = sum(len(field[0]) ** 2 for field in _PART_FIELD.finditer(source))
    if cost > MAX_PART_FIELDS:
        raise NotProcessed("too_complex", "headers of parts are too long")


def _check_header(source):
    head = get_header(source, MAX_HEADER + 1)
    if len(head) > MAX_HEADER:
        raise NotProcessed("too_complex", f"more than {MAX_HEADER} bytes of header")
    fields = _FIELD_END.split(head)
    longest = max(map(len, fields))
    if len(fields) > MAX_FIELDS or longest > MAX_FIELD:
        raise NotProcessed("too_complex", f"{len(fields)} headers, the longest of {longest} bytes")


def get_header(source, size):
    """Return the header of a mail, ``size`` bytes at most."""
    head = source[:size]
    ends = [head.find(end) for end in (b"\r\n\r\n", b"\n\n", b"\r\r")]
    return head[: min((end for end in ends if end >= 0), default=len(head))]


def check_texts(message):
    """Refuse texts over which Odoo's sanitising does not come to an end.

    Odoo's regular expressions and its look for quoted text take time by the square or the cube of some texts,
    and hold up all threads of the process meanwhile; so what looks like one is tried first in a process whose
    time is limited.

    :param email.message.EmailMessage message: as Odoo parses it
    :raises NotProcessed: `too_complex`
    """
    texts = {"html": [], "plain": []}
    parts, stack = 0, [(message, 1)]
    while stack:
        part, level = stack.pop()
        parts += 1
        if parts > MAX_PARTS or level > MAX_BOUNDARIES:
            raise NotProcessed("too_complex", f"{parts} parts, {level} levels")
        if part.is_multipart():
            stack += [(inner, level + 1) for inner in part.get_payload()]
        elif part.get_content_maintype() == "text" and not _is_attachment(part):
            with contextlib.suppress(LookupError, ValueError):  # Odoo does not get it either
                texts["html" if part.get_content_subtype() == "html" else "plain"].append(part.get_content())
    # Odoo makes one text of all of them
    joined = {kind: "\n".join(found) for kind, found in texts.items()}
    suspicious = {kind: text for kind, text in joined.items() if is_suspicious(text, kind == "html")}
    if suspicious and not _passes_trial(suspicious):
        size = sum(map(len, suspicious.values()))
        raise NotProcessed("too_complex", f"{size} characters of text take too long")


def _is_attachment(part):
    return bool(part.get_filename()) or part.get_content_disposition() == "attachment"


def is_suspicious(text, is_html):
    """Whether it may take seconds to sanitise ``text``; an estimate that reads it a few times."""
    quotes = text.count("\n>")
    if len(text) > _LENGTH or quotes > _QUOTES and quotes * len(text) > _STEPS:
        return True
    return is_html and (_is_tag_soup(text) or _has_many_siblings(text))


def _is_tag_soup(text):
    """Whether tags do not end, or hold too much."""
    steps, end, encodings, longest = 0, len(text), 0, 0
    # from behind: for each "<" where the next ">" is, and how often "encoding=" stands between
    for match in re.finditer(r"[<>]|gnidocne", text[::-1]):
        position = len(text) - match.end()
        if match[0] == ">":
            end, encodings = position, 0
        elif match[0] == "<":
            steps += end - position + encodings * len(text)
            longest = max(longest, end - position)
        else:
            encodings += 1
        if steps > _STEPS:
            return True
    return longest > _ATTRIBUTES and any(
        len(tag.partition(">")[0].split(None, _ATTRIBUTES)) > _ATTRIBUTES for tag in text.split("<")
    )


def _has_many_siblings(text):
    return text.count("<") > _TAGS and bool(_QUOTING.search(html.unescape(text)))


def _passes_trial(texts):
    """Whether a process of its own sanitises ``texts`` (kind -> text) within :data:`TRIAL_SECONDS`."""
    command = [sys.executable, "-I", str(_TRIAL), str(TRIAL_SECONDS), json.dumps(sys.path)]
    try:
        # interpreter and script are the system's and the addon's own, the texts are its input
        done = subprocess.run(
            command,
            input=json.dumps(texts).encode(),
            timeout=TRIAL_TIMEOUT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0
