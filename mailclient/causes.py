"""Why a mail server, or the way to it, said no: texts → causes.

The knowledge is data (``causes.json``): ``causes`` holds the advice, ``rules`` the patterns, the first
one that fits wins.  A rule may ask for

``protocols``, ``stages``
    lists; a rule without them fits all
``code``
    pattern for the SMTP reply code (RFC 5321), whole
``status``
    pattern for the enhanced status code (RFC 3463, RFC 5248), whole
``response``
    pattern for the IMAP or POP3 response code in brackets (RFC 3501, RFC 5530, RFC 3206), whole
``host``
    pattern to find in the name of the server
``text``
    pattern to find anywhere in the text, case-insensitive, white space collapsed

and may replace the ``advice``, ``link`` and ``field`` of its cause.  What fits no rule is ``unknown``: a
wrong guess costs the user more than none.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

PROTOCOLS = ("smtp", "imap", "pop3", "tls", "dns", "tcp", "oauth")
STAGES = (
    "resolve",
    "connect",
    "tls",
    "login",
    "sender",
    "recipient",
    "data",
    "select",
    "fetch",
    "token",
)


@dataclass(frozen=True)
class Cause:
    """A cause with what the user can do about it.

    :param advice: English sentence(s)
    :param link: page that helps, or ``""``
    :param field: setting concerned (``host``, ``port``, ``security``, ``username``, ``password``, ``email``)
        or ``""``
    """

    name: str
    advice: str
    link: str = ""
    field: str = ""


@dataclass(frozen=True)
class Reply:
    """A text with the codes found in it; ``""`` where there is none."""

    text: str
    code: str
    status: str
    response: str


# "535 …", "(535, b'…')", "{'to@example.com': (550, b'…')}", "SMTPDataError: (550, …)"
_LONGEST = 2000  # characters of a reply that are looked at
_CODE = re.compile(r"(?:^|[(:]\s*|error\s)([2-5][0-5]\d)(?=[ ,-]|$)", re.IGNORECASE)
# not part of an IP address or a version number
_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?!\.?\d)")
_RESPONSE = re.compile(r"\[([A-Z][A-Z/-]*)(?: [^\]]*)?\]")
# white space, real or as repr() shows it
_SPACE = re.compile(r"(?:\s|\\r|\\n|\\t)+")
# the codes that start each line of an SMTP reply of several lines
_REPEATED = re.compile(r"(?:\n|\\n)(?:[245]\d\d[ -])?(?:[245]\.\d{1,3}\.\d{1,3}[ ]?)?")


def parse(protocol: str, raw: str) -> Reply:
    """Find the codes in a reply or exception text."""
    text = _SPACE.sub(" ", _REPEATED.sub(" ", raw[:_LONGEST])).strip()
    code = _CODE.search(text[:200]) if protocol == "smtp" else None
    status = _STATUS.search(text)
    response = _RESPONSE.search(text) if protocol in ("imap", "pop3") else None
    return Reply(text, *(found.group(1) if found else "" for found in (code, status, response)))


_PATTERNS = {"code", "status", "response", "host", "text"}
_KEYS = _PATTERNS | {"cause", "protocols", "stages", "advice", "link", "field"}


class _Rule:
    """One line of the table, compiled."""

    def __init__(self, values: dict, causes: dict[str, Cause]):
        if unknown := values.keys() - _KEYS:
            raise ValueError(f"unknown key in the rules of causes: {unknown}")
        known = causes[values["cause"]]
        self.cause = Cause(
            known.name, *(values.get(key, getattr(known, key)) for key in ("advice", "link", "field"))
        )
        self.protocols, self.stages = values.get("protocols"), values.get("stages")
        patterns = {
            key: re.compile(value, re.IGNORECASE) for key, value in values.items() if key in _PATTERNS
        }
        self.text, self.host = patterns.pop("text", None), patterns.pop("host", None)
        self.whole = patterns

    def fits(self, protocol: str, stage: str, reply: Reply, host: str) -> bool:
        return (
            (self.protocols is None or protocol in self.protocols)
            and (self.stages is None or stage in self.stages)
            and all(pattern.fullmatch(getattr(reply, key)) for key, pattern in self.whole.items())
            and (self.host is None or self.host.search(host) is not None)
            and (self.text is None or self.text.search(reply.text) is not None)
        )


def _load() -> tuple[dict[str, Cause], list[_Rule]]:
    table = json.loads(Path(__file__).with_name("causes.json").read_text(encoding="utf-8"))
    causes = {name: Cause(name, **values) for name, values in table["causes"].items()}
    return causes, [_Rule(values, causes) for values in table["rules"]]


CAUSES, _RULES = _load()
"""All causes by name."""


def cause_named(name: str) -> Cause:
    """The cause of that name.

    :raises KeyError: there is none
    """
    return CAUSES[name]


def explain(protocol: str, stage: str, raw: str, host: str = "") -> Cause:
    """Say why.

    :param protocol: one of :data:`PROTOCOLS`
    :param stage: one of :data:`STAGES`
    :param raw: the server's reply, or the text of the Python exception
    :param host: name of the server, where known: some providers say less than they mean
    :return: the cause, ``unknown`` if nothing in the table fits; never raises
    """
    reply = parse(protocol, raw)
    for rule in _RULES:
        if rule.fits(protocol, stage, reply, host):
            return rule.cause
    return CAUSES["unknown"]
