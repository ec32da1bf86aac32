"""DMARC records in DNS (RFC 7489 6)."""

import re
from dataclasses import dataclass

from .lookups import Lookups
from .names import organizational_domain

MAX_RECORD = 4096  # octets
POLICIES = ("none", "quarantine", "reject")


class DmarcError(Exception):
    """There is no record that counts.

    :ivar code: ``missing``, ``several`` or ``syntax``
    :ivar name: where it was looked for last
    """

    def __init__(self, code: str, name: str, text: str = ""):
        super().__init__(f"{name}: {text or code}")
        self.code, self.name = code, name


@dataclass(frozen=True)
class DmarcRecord:
    """The policy for mail of one domain.

    :param name: where it is published
    :param text: as it is published
    :param policy: one of :data:`POLICIES`: what receivers are asked to do with mail that proves nothing
    :param percent: of such mail, 0 to 100
    :param strict_dkim: signatures must be of the very domain
    :param strict_spf: so must the address of MAIL FROM
    """

    name: str
    text: str
    policy: str
    percent: int = 100
    strict_dkim: bool = False
    strict_spf: bool = False


def find_policy(domain: str, dns: Lookups) -> DmarcRecord:
    """The record for mail of a domain: its own, else its organization's (RFC 7489 6.6.3).

    :raises DmarcError: there is none that counts
    :raises mailclient.delivery.DnsError: without an answer
    """
    organization = organizational_domain(domain)
    for place in dict.fromkeys((domain, organization)):
        name = f"_dmarc.{place}"
        records = [text for text in dns.txt(name) if re.match(rb"v\s*=\s*DMARC1\s*(;|\Z)", text[:100])]
        if len(records) > 1:
            raise DmarcError("several", name)
        if records:
            return _read(records[0], name, place != domain)
    raise DmarcError("missing", f"_dmarc.{organization}")


def _read(record, name, for_subdomain):
    if len(record) > MAX_RECORD:
        raise DmarcError("syntax", name, f"more than {MAX_RECORD} octets")
    text = record.decode("utf-8", "replace")
    tags = {}
    for part in text.split(";"):
        key, equals, value = part.partition("=")
        if equals:
            tags.setdefault(key.strip().lower(), value.strip())
    policy = tags.get("p", "").lower()
    wanted = tags.get("sp", policy).lower() if for_subdomain else policy
    if policy not in POLICIES or wanted not in POLICIES:
        if not tags.get("rua"):
            raise DmarcError("syntax", name, text)
        wanted = "none"
    percent = tags.get("pct", "100")
    return DmarcRecord(
        name,
        text,
        wanted,
        min(int(percent), 100) if re.fullmatch(r"[0-9]{1,3}", percent) else 100,
        tags.get("adkim", "r").lower() == "s",
        tags.get("aspf", "r").lower() == "s",
    )
