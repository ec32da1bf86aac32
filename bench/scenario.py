"""What a scenario is, and where the names of its hosts can lead."""

from collections.abc import Callable
from dataclasses import dataclass


class Place:
    """Addresses in DNS; ``world`` says what is there."""

    WEB = "203.0.113.1"  # https and http
    HTTP = "203.0.113.2"  # http alone
    MAIL = "203.0.113.3"  # all mail ports
    BOTH = "203.0.113.11"  # all mail ports, https and http
    STARTTLS = "203.0.113.4"  # mail ports with STARTTLS alone
    OTHER_NAME = "203.0.113.5"  # mail ports whose certificates are for another name
    CLOSED = "203.0.113.6"  # refuses connections
    SILENT = "203.0.113.7"  # takes connections and says nothing
    HOLE = "203.0.113.8"  # does not even take connections
    MAIL_ENDLESS = "203.0.113.9"  # a greeting without end
    MAIL_BABBLE = "203.0.113.10"  # capabilities without end


# Answers that must come one after another, at the least. The addresses of a host (A and AAAA) are one answer,
# connecting is none. Both directions are spoken to side by side, and SMTP takes the longer conversation.
DOCUMENT = "A, TLS, document"
SPEAK = "A, TLS, greeting, EHLO"
SPEAK_STARTTLS = "A, greeting, EHLO, STARTTLS, TLS, EHLO"
GUESS = NOTHING = 1.0  # seconds
HANGING = 6.0


@dataclass(frozen=True)
class Scenario:
    """One domain and what is expected of discovery."""

    name: str
    address: str
    source: str
    """that wins; empty when nothing is to be found"""
    chain: str
    """the answers that must come one after another, of this way of publishing alone"""
    zone: str = ""
    publish: Callable = lambda web: None
    host: str = ""
    """of the incoming server that comes first"""
    doubt: str = ""
    limit: float | None = None
    """seconds; without it, twice the least"""
    network: str = ""
    """"silent_dns", "hole" (whatever is connected to), or empty"""
    memory: bool = False
    """whether memory is measured too: hosts that want to exhaust it"""

    @property
    def least(self) -> int:
        return len(self.chain.split(", ")) if self.chain else 0
