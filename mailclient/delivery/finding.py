"""One thing that was found out about the delivery of a mail."""

from dataclasses import dataclass, field

from .codes import CODES

TOPICS = ("authentication", "spf", "dkim", "dmarc")
MAX_DETAILS = 4000  # characters
MAX_VALUE = 512  # characters


@dataclass(frozen=True)
class Finding:
    """What one topic came to.

    :param topic: one of :data:`TOPICS`
    :param result: ``passed``, ``warning`` (somebody has to do something) or ``skipped`` (it cannot be told)
    :param code: what exactly, a key of :data:`mailclient.delivery.CODES`; its words are not here
    :param values: texts that complete the words, at least those that the code names
    :param details: the technical side, several lines: records, headers, who said it
    """

    topic: str
    result: str
    code: str
    values: dict[str, str] = field(default_factory=dict)
    details: str = ""

    def __post_init__(self):
        """What strangers wrote is bounded and without control characters, whoever shows it."""
        if not set(CODES[self.code]) <= set(self.values):
            raise ValueError(f"{self.code} needs {CODES[self.code]}")
        values = {key: _printable(str(value))[:MAX_VALUE] for key, value in self.values.items()}
        lines = (_printable(line) for line in self.details.splitlines())
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "details", "\n".join(lines)[:MAX_DETAILS])


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)
