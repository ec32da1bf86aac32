"""What a mail may cost: more keeps Odoo, or Python's email package, busy for minutes. No model."""

import re

from .received_mail import MAX_HEADER, NotProcessed
from .trial_pool import POOL, TrialFailed, TrialUnavailable

# more is an attack, or nothing that anybody reads (Odoo walks through all parts)
MAX_PARTS = 1000
MAX_BOUNDARIES = 100
# bytes of the whole header and of one field, as large hosts take them (Postfix cuts fields at 100 kB): the
# email package takes time by the square of what a field holds
MAX_FIELD, MAX_FIELDS = 100 << 10, 5000
# the sum of the squares of the lengths of the fields of all parts
MAX_PART_FIELDS = 10**9
# bytes of a mail over which nothing takes long: the slowest text that is known takes time by its cube, 15 ms
# for 512 bytes, 110 ms for 1 kB, 900 ms for 2 kB (tests/test_mail_cost.py)
SAFE_SIZE = 512
# CPU seconds of the trial: of each, for each MB, at most. A newsletter of 1 MB takes about one.
TRIAL_SECONDS, TRIAL_SECONDS_PER_MB, MAX_TRIAL_SECONDS = 1, 4, 10

_BOUNDARY = re.compile(rb"boundary\s*=\s*(?:\"([^\"\r\n]{1,200})\"|([^\s;\"]{1,200}))", re.IGNORECASE)
_MULTIPART = re.compile(rb"[\r\n]content-type\s*:\s*multipart/", re.IGNORECASE)
_PART_FIELD = re.compile(rb"(?<=[\r\n])content-[a-z-]{1,30}:[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*", re.IGNORECASE)
_DASHES = re.compile(rb"[\r\n](--[^\r\n]{1,200})")
_FIELD_END = re.compile(rb"(?:\r\n?|\n)(?![ \t])")


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
        # the first line of a part, as the email package knows it: what begins like one of them
        starts = tuple(b"--" + name for name in boundaries)
        parts = sum(match[1].startswith(starts) for match in _DASHES.finditer(source))
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


def try_mail(source, *, is_indexing=False, save_original=False):
    """Refuse a mail over which Odoo, or Python's email package, does not come to an end in a short time.

    Their regular expressions and loops take time by the square or the cube of some texts, and hold up all
    threads of the process meanwhile. Which texts these are is not guessed: whatever is done with the mail is
    done first in a process whose time and memory are limited (`mail_trial`), unless it is of at most
    :data:`SAFE_SIZE` bytes.

    :param bytes source: a mail
    :param bool is_indexing: whether Odoo reads what is in attachments (`attachment_indexation`)
    :param bool save_original: whether it keeps the mail as an attachment
    :raises NotProcessed: `too_complex`; `conflict` if it could not be tried
    """
    if len(source) <= SAFE_SIZE:
        return
    try:
        obstacle = POOL.run(
            "mail",
            source,
            get_trial_seconds(len(source)),
            is_indexing=is_indexing,
            save_original=save_original,
            max_parts=MAX_PARTS,
            max_levels=MAX_BOUNDARIES,
        )
    except TrialFailed as error:
        raise NotProcessed("too_complex", str(error)) from error
    except TrialUnavailable as error:
        raise NotProcessed("conflict", str(error)) from error
    if obstacle:
        raise NotProcessed("too_complex", obstacle)


def get_trial_seconds(size):
    """Return the CPU seconds that a mail of ``size`` bytes may take."""
    return min(TRIAL_SECONDS + size * TRIAL_SECONDS_PER_MB / (1 << 20), MAX_TRIAL_SECONDS)
