"""Why a mail server, or the way to it, said no: texts → causes.

The knowledge is data (``causes.json``): ``causes`` holds the advice and who can act on it, ``rules`` the
patterns, the first one that fits wins.  A rule may ask for

``protocols``, ``stages``
    lists; a rule without them fits all
``code``
    pattern for the SMTP reply code (RFC 5321), whole
``status``
    pattern for the enhanced status code (RFC 3463, RFC 5248), whole
``response``
    pattern for the IMAP or POP3 response code in brackets (RFC 3501, RFC 5530, RFC 3206), whole
``word``
    pattern for the word with which an IMAP or POP3 server says no (``NO``, ``BAD``, ``BYE``, ``-ERR``),
    whole; ``""`` fits what Python says itself
``host``
    pattern to find in the name of the server
``text``
    pattern to find anywhere in the text, case-insensitive, white space collapsed; ``@name`` stands for one of
    ``texts``.  A list: all have to be found, in any order
``unless``
    pattern that must not be found in the text

and may replace the ``advice``, ``link``, ``field`` and ``responsible`` of its cause.  What fits no rule is
``unknown``: a wrong guess costs the user more than none.
"""

import base64
import json
import re
from dataclasses import dataclass, replace
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
RESPONSIBLE = ("user", "administrator", "provider")
FIELDS = ("host", "port", "security", "username", "password", "email")


@dataclass(frozen=True)
class Cause:
    """A cause with what the user can do about it.

    :param advice: English sentence(s)
    :param link: page that helps, or ``""``
    :param field: setting concerned, one of :data:`FIELDS`, or ``""``
    :param responsible: who can mend it: the ``user``, the ``administrator`` of this system, or the
        ``provider`` (who runs the mail server or administers the mailbox)
    """

    name: str
    advice: str
    responsible: str
    link: str = ""
    field: str = ""


@dataclass(frozen=True)
class Reply:
    """A text with the codes found in it; ``""`` where there is none."""

    text: str
    code: str
    status: str
    response: str
    word: str


_LONGEST = 1500  # characters of a reply that are looked at
# "535 …", "(535, b'…')", "{'to@example.com': (550, b'…')}", "SMTPDataError: (550, …)", "SMTP Error (535): …",
# "got code "535", with …"; not the ports 465 and 587
_CODE = re.compile(r"(?:^|[(:]\s*|error\s|code [\"'])([2-4][0-5]\d|5[0-57]\d)(?=[ ,)\"'-]|$)", re.IGNORECASE)
# not part of an IP address or a version number
_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?!\.?\d)")
# "A1 NO [ALERT] …", "* BYE …", "LOGIN command error: BAD [b'…']", "b'-ERR …'"; poplib makes up "-ERR EOF"
_WORD = re.compile(
    r"(?:^\W*(?:\w+ )?|error: |unexpected response: \W)(NO|BAD|BYE)\b|(?:^|[\s'\"])(-ERR)\b(?! EOF)"
)
_RESPONSE = re.compile(r"\[([A-Z][A-Z/-]*)(?: [^][]*)?\]")
# white space, real or as repr() shows it
_SPACE = re.compile(r"(?:\s|\\r|\\n|\\t)+")
# the codes that start each line of an SMTP reply of several lines
_REPEATED = re.compile(r"(?:\n|\\n)(?:[245]\d\d[ -])?(?:[245]\.\d{1,3}\.\d{1,3}[ ]?)?")

# letters outside ASCII as the repr of bytes shows them
_ESCAPES = re.compile(r"(?:\\x[89a-f][0-9a-f]){2,}")
# JSON in base64: how servers say why they refuse a token (RFC 7628, section 3.2.2, and XOAUTH2)
_CHALLENGE = re.compile(r"\beyJ[A-Za-z0-9+/]{16,}={0,2}")


def parse(protocol: str, raw: str) -> Reply:
    """Find the codes in a reply or exception text."""
    text = _CHALLENGE.sub(_decoded, _ESCAPES.sub(_unescaped, raw[:_LONGEST]))
    text = _SPACE.sub(" ", _REPEATED.sub(" ", text)).strip()
    code = _CODE.search(text[:200]) if protocol == "smtp" else None
    status = _STATUS.search(text)
    found = (code, status, None, None)
    if protocol in ("imap", "pop3"):
        found = (code, status, _RESPONSE.search(text), _WORD.search(text[:200]))
    return Reply(text, *(match[match.lastindex] if match else "" for match in found))


def _unescaped(escapes: re.Match) -> str:
    data = bytes.fromhex(escapes[0].replace("\\x", ""))
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("gb18030", "replace")  # the providers of China


def _decoded(challenge: re.Match) -> str:
    try:
        text = base64.b64decode(challenge[0], validate=True).decode()
        json.loads(text)
    except (ValueError, RecursionError):
        return challenge[0]
    return text


class Rule:
    """Which failures are meant; all that is asked for must fit.

    :param protocols: some of :data:`PROTOCOLS`; None: all
    :param stages: some of :data:`STAGES`; None: all
    :param text: pattern or patterns to find in the text
    :param unless: pattern that must not be found in the text
    :param host: pattern to find in the name of the server
    :param whole: ``code``, ``status``, ``response``, ``word``: patterns for the whole of it
    :raises re.error: no regular expression
    """

    __slots__ = ("_host", "_protocols", "_stages", "_texts", "_unless", "_whole")

    def __init__(self, protocols=None, stages=None, text=(), unless="", host="", **whole: str):
        self._protocols, self._stages = protocols, stages
        self._texts = tuple(map(_compiled, [text] if isinstance(text, str) else text))
        self._unless, self._host = unless and _compiled(unless), _compiled(host)
        self._whole = {key: _compiled(pattern) for key, pattern in whole.items()}

    def fits(self, protocol: str, stage: str, reply: Reply, host: str = "") -> bool:
        """Whether the rule fits a failure."""
        return (
            (self._protocols is None or protocol in self._protocols)
            and (self._stages is None or stage in self._stages)
            and all(pattern.fullmatch(getattr(reply, key)) for key, pattern in self._whole.items())
            and self._host.search(host) is not None
            and all(pattern.search(reply.text) for pattern in self._texts)
            and not (self._unless and self._unless.search(reply.text))
        )


def _compiled(pattern: str) -> re.Pattern:
    return re.compile(pattern, re.IGNORECASE)


_FIT = {"protocols", "stages", "code", "status", "response", "word", "host", "text", "unless"}


def _load() -> tuple[dict[str, Cause], list[tuple[Rule, Cause]]]:
    table = json.loads(Path(__file__).with_name("causes.json").read_text(encoding="utf-8"))
    causes = {name: Cause(name, **values) for name, values in table["causes"].items()}
    rules = []
    for values in table["rules"]:
        asked = {key: value for key, value in values.items() if key in _FIT}
        if str(asked.get("text")).startswith("@"):
            asked["text"] = table["texts"][asked["text"][1:]]
        changed = {key: value for key, value in values.items() if key not in _FIT and key != "cause"}
        rules.append((Rule(**asked), replace(causes[values["cause"]], **changed)))
    return causes, rules


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
    for rule, cause in _RULES:
        if rule.fits(protocol, stage, reply, host):
            return cause
    return CAUSES["unknown"]
