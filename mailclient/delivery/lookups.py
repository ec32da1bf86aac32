"""Questions to DNS in one examination: each asked once, and not endlessly many."""

from typing import Protocol

from .names import is_name

MAX_QUESTIONS = 80  # an SPF record within its limits can need some more only if it is made for that


class DnsError(Exception):
    """DNS gave no answer: nothing can be said about the domain."""


class Dns(Protocol):
    """What is asked of DNS; it blocks, and limits its own time."""

    def txt(self, name: str) -> list[bytes]:
        """The TXT records of a name, the strings of each joined; none where there are none.

        :raises DnsError: without an answer
        """

    def addresses(self, name: str) -> list[str]:
        """The IP addresses (A and AAAA) of a host.

        :raises DnsError: without an answer
        """

    def mx(self, name: str) -> list[str]:
        """The MX hosts of a domain, best first.

        :raises DnsError: without an answer
        """


class Lookups:
    """A :class:`Dns` that remembers its answers, failures too, and asks at most :data:`MAX_QUESTIONS`."""

    def __init__(self, dns: Dns):
        self._dns = dns
        self._answers = {}

    def txt(self, name: str) -> list[bytes]:
        return self._ask("txt", name)

    def addresses(self, name: str) -> list[str]:
        return self._ask("addresses", name)

    def mx(self, name: str) -> list[str]:
        return self._ask("mx", name)

    def _ask(self, kind, name):
        key = (kind, name.rstrip(".").lower())
        if key not in self._answers:
            self._answers[key] = self._answer(*key)
        answer = self._answers[key]
        if isinstance(answer, DnsError):
            raise answer
        return answer

    def _answer(self, kind, name):
        if not is_name(name):
            return []  # there can be no such records
        if len(self._answers) >= MAX_QUESTIONS:
            return DnsError(f"{name}: more than {MAX_QUESTIONS} questions")
        try:
            return list(getattr(self._dns, kind)(name))
        except DnsError as error:
            return error
