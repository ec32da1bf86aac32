"""What a receiving server writes into a mail about its sender: Authentication-Results (RFC 8601), its copy in
ARC (RFC 8617 4.1.1) and Received-SPF (RFC 7208 9.1).

Nothing here raises, whatever the field is made of.
"""

import re
from dataclasses import dataclass, field

from .comments import pieces

MAX_RESULTS = 50
# not in the middle of a word, so that a long one is looked at once
_PAIR = re.compile(r"(?<![\w.-])([A-Za-z][\w.-]*) ?(?:/ ?\d+ ?)?= ?(\S*)", re.ASCII)
_INSTANCE = re.compile(r" ?i ?= ?\d+ ?")
_QUOTE = "\0"  # stands for a quoted string until its pair is read


@dataclass(frozen=True)
class Result:
    """One method and what it came to.

    :param method: ``spf``, ``dkim``, ``dmarc``, … in lower case
    :param result: ``pass``, ``fail``, … in lower case
    :param properties: such as ``smtp.mailfrom`` or ``header.d``, names in lower case
    """

    method: str
    result: str
    properties: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """One field.

    :param server: the authserv-id, lower case; ``""`` when it names none, as Microsoft's do
    """

    server: str
    results: tuple[Result, ...] = ()

    def of(self, method: str) -> list[Result]:
        """The results of a method."""
        return [result for result in self.results if result.method == method]


def parse_results(text: str) -> Report:
    """Read the value of an Authentication-Results or ARC-Authentication-Results field (unfolded)."""
    segments, quoted = _segments(text)
    if len(segments) > 1 and _INSTANCE.fullmatch(segments[0]):
        segments.pop(0)
    server = ""
    if segments and not _PAIR.search(segments[0]):
        words = segments.pop(0).split()
        server = _unquoted(words[0], quoted).lower() if words else ""
    results = []
    for segment in segments[:MAX_RESULTS]:
        if pairs := [(key.lower(), _unquoted(value, quoted)) for key, value in _PAIR.findall(segment)]:
            (method, result), *properties = pairs
            results.append(Result(method, result.lower(), dict(reversed(properties))))
    return Report(server, tuple(results))


def parse_received_spf(text: str) -> Report:
    """Read the value of a Received-SPF field (unfolded)."""
    segments, quoted = _segments(text)
    words = " ".join(segments).split(maxsplit=1)
    if not words or not words[0].isalpha():
        return Report("")
    pairs = [(key.lower(), _unquoted(value, quoted)) for key, value in _PAIR.findall(" ".join(words[1:]))]
    given = dict(reversed(pairs))
    properties = {"smtp.mailfrom": given["envelope-from"]} if "envelope-from" in given else {}
    return Report(given.get("receiver", "").lower(), (Result("spf", words[0].lower(), properties),))


def _segments(text):
    """What stands between semicolons, without comments; quoted strings are set aside, in their order."""
    parts, quoted = [], []
    for kind, piece in pieces(text.replace(_QUOTE, " ")):
        if kind == "quoted":
            parts.append(f"{_QUOTE}{len(quoted)}{_QUOTE}")
            quoted.append(piece)
        else:
            parts.append(piece if kind == "text" else " ")
    return [" ".join(segment.split()) for segment in "".join(parts).split(";")], quoted


def _unquoted(value, quoted):
    return re.sub(rf"{_QUOTE}(\d+){_QUOTE}", lambda match: quoted[int(match[1])], value)
