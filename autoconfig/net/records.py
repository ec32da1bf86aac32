"""What DNS answers."""

from collections.abc import Iterable
from typing import NamedTuple

MAX_RECORDS = 20  # of an answer: more are nobody's servers


class ServiceRecord(NamedTuple):
    """One SRV record (RFC 2782); sorts best first."""

    priority: int
    negative_weight: int
    host: str
    """lower case, A-labels"""
    port: int


class Records(tuple):
    """The records of one answer."""

    secure: bool
    """validated by DNSSEC, as far as we can tell: not forged"""

    def __new__(cls, records: Iterable = (), secure: bool = False) -> "Records":
        self = super().__new__(cls, records)
        self.secure = secure
        return self
