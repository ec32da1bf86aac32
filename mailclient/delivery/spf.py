"""Evaluates SPF records (RFC 7208 4 and 5): may this address send for this domain?"""

import ipaddress
from dataclasses import dataclass, field

from .lookups import Lookups
from .names import is_name
from .spf_macro import expand, macro_values
from .spf_record import Record, SpfSyntaxError, Term, is_record, parse_record

# RFC 7208 4.6.4
MAX_LOOKUPS = 10
MAX_VOID = 2
MAX_HOSTS = 10  # of one mx


class SpfError(Exception):
    """A record that cannot be used.

    :ivar code: ``missing``, ``several``, ``syntax``, ``lookups`` or ``void``
    :ivar domain: the one whose record it is
    :ivar term: the part that is to blame, ``""`` where it is no part
    """

    def __init__(self, code: str, domain: str, term: str = ""):
        super().__init__(f"{domain}: {code} {term}".rstrip())
        self.code, self.domain, self.term = code, domain, term


def find_record(domain: str, dns: Lookups) -> Record:
    """The one SPF record of a domain.

    :raises SpfError: it has none, several, or one that is wrong
    :raises mailclient.delivery.DnsError: without an answer
    """
    records = [text for text in dns.txt(domain) if is_record(text)]
    if len(records) != 1:
        raise SpfError("several" if records else "missing", domain)
    try:
        return parse_record(records[0])
    except SpfSyntaxError as error:
        raise SpfError("syntax", domain, str(error)) from None


@dataclass
class Limits:
    """Counts what RFC 7208 4.6.4 limits."""

    lookups: int = 0
    void: int = 0

    def count(self, domain: str, term: Term):
        """Before a term that asks DNS.

        :raises SpfError: it is one too many
        """
        self.lookups += 1
        if self.lookups > MAX_LOOKUPS:
            raise SpfError("lookups", domain, term.text)

    def answered(self, answer: list, domain: str, term: Term) -> list:
        """After a question; returns the answer.

        :raises SpfError: it is one too many that brought nothing
        """
        self.void += not answer
        if self.void > MAX_VOID:
            raise SpfError("void", domain, term.text)
        return answer


@dataclass
class Evaluation:
    """One evaluation of a domain's record for one address.

    :param ip: which sends
    :param sender: the address of MAIL FROM
    :param helo: how it introduced itself
    """

    ip: str
    sender: str
    helo: str
    dns: Lookups
    limits: Limits = field(default_factory=Limits)
    ptr: bool = False
    """whether it came by a ``ptr``, which is taken for no match: it is deprecated (RFC 7208 5.5)"""

    def run(self, domain: str) -> str:
        """``pass``, ``fail``, ``softfail`` or ``neutral``.

        :raises SpfError: ``permerror``, or no record
        :raises mailclient.delivery.DnsError: ``temperror``
        """
        record = find_record(domain, self.dns)
        for term in record.mechanisms:
            if self._matches(term, domain):
                return term.result
        if record.redirect:
            self.limits.count(domain, record.redirect)
            target = self._target(record.redirect, domain)
            if not is_name(target):
                raise SpfError("missing", target, record.redirect.text)
            return self.run(target)
        return "neutral"

    def _matches(self, term, domain):
        address = ipaddress.ip_address(self.ip)
        if term.network:
            return address in term.network
        if term.name == "all":
            return True
        self.limits.count(domain, term)
        if term.name == "ptr":
            self.ptr = True
            return False
        target = self._target(term, domain)
        if not is_name(target):
            # RFC 7208 4.3 and 4.8: a name that cannot be asked for is none
            if term.name == "include":
                raise SpfError("missing", target, term.text)
            return False
        if term.name == "include":
            return self.run(target) == "pass"
        if term.name == "exists":
            return bool(self.limits.answered(self.dns.addresses(target), domain, term))
        bits = term.prefixes[0 if address.version == 4 else 1]
        network = ipaddress.ip_network((address, bits), strict=False)
        return any(ipaddress.ip_address(ip) in network for ip in self._addresses(term, target, domain))

    def _target(self, term, domain):
        if not term.domain:
            return domain
        return expand(term.domain, macro_values(self.ip, self.sender, domain, self.helo))

    def _addresses(self, term, target, domain):
        """Of an ``a`` or ``mx``."""
        if term.name == "a":
            yield from self.limits.answered(self.dns.addresses(target), domain, term)
            return
        hosts = self.limits.answered(self.dns.mx(target), domain, term)
        if len(hosts) > MAX_HOSTS:
            raise SpfError("lookups", domain, term.text)
        for host in hosts:
            yield from self.dns.addresses(host)


def audit(record: Record, domain: str, dns: Lookups) -> Limits:
    """Walk over all of a domain's record and what it includes: for some address it has to be.

    Terms with macros are counted and not followed.

    :raises SpfError: what is wrong with it
    :raises mailclient.delivery.DnsError: without an answer
    """
    limits = Limits()
    _audit(record, domain, dns, limits)
    return limits


def _audit(record, domain, dns, limits):
    followed = [*record.mechanisms]
    if record.redirect and not any(term.name == "all" for term in record.mechanisms):
        followed.append(record.redirect)
    for term in followed:
        if term.name in ("all", "ip4", "ip6"):
            continue
        limits.count(domain, term)
        target = term.domain or domain
        if "%" in target:
            continue
        if term.name in ("include", "redirect"):
            try:
                inner = find_record(target.removesuffix("."), dns)
            except SpfError as error:
                raise SpfError(error.code, error.domain, error.term or term.text) from None
            _audit(inner, target, dns, limits)
        elif term.name in ("a", "mx"):
            answer = dns.addresses(target) if term.name == "a" else dns.mx(target)
            limits.answered(answer, domain, term)
            if term.name == "mx" and len(answer) > MAX_HOSTS:
                raise SpfError("lookups", domain, term.text)
