"""Which SPF record to publish."""

import ipaddress

from .lookups import DnsError, Lookups
from .names import organizational_domain
from .spf_record import Record

# what hosts of mail want their customers to include, by the organization of their MX hosts
_INCLUDES = {
    "google.com": "_spf.google.com",
    "googlemail.com": "_spf.google.com",
    "outlook.com": "spf.protection.outlook.com",
    "mx.microsoft": "spf.protection.outlook.com",
    "messagingengine.com": "spf.messagingengine.com",
    "protonmail.ch": "_spf.protonmail.ch",
    "icloud.com": "icloud.com",
}


def new_record(domain: str, ip: str, dns: Lookups) -> str:
    """A record to start with: what the domain's host of mail is known to want, else its MX hosts.

    :param ip: from which mail was seen to come, or ``""``
    """
    try:
        hosts = dns.mx(domain)
    except DnsError:
        hosts = []
    known = [_INCLUDES[name] for name in map(organizational_domain, hosts[:5]) if name in _INCLUDES]
    terms = [f"include:{known[0]}"] if known else ["mx", *_address(ip)]
    return " ".join(["v=spf1", *terms, "~all"])


def with_address(record: Record, ip: str) -> str:
    """The record, with an address allowed before all others."""
    version, _space, rest = record.text.partition(" ")
    return " ".join([version, *_address(ip), rest.strip()])


def without_all(record: Record) -> str:
    """The record, with ``~all`` instead of what lets everybody send."""
    terms = record.text.split()
    return " ".join("~all" if term.lower() in ("all", "+all") else term for term in terms)


def _address(ip):
    return [f"ip{ipaddress.ip_address(ip).version}:{ip}"] if ip else []
