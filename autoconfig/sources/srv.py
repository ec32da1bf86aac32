"""SRV records of the domain (RFC 6186, RFC 8314 section 5.1)."""

from ..address import Address
from ..net.errors import NetworkError
from ..net.network import Network
from ..net.records import Records
from ..race import together
from ..settings import TLS_PORTS, Server, Settings
from .base import DomainSource, Report, doubt_of_hosts

_SERVICES = {
    "_imaps": ("imap", "tls"),
    "_imap": ("imap", "starttls"),
    "_pop3s": ("pop3", "tls"),
    "_pop3": ("pop3", "starttls"),
    "_submissions": ("smtp", "tls"),
    "_submission": ("smtp", "starttls"),
}


class SrvSource(DomainSource):
    name = "srv"
    rank = 25

    async def find_at(
        self, domain: str, address: Address, network: Network, report: Report
    ) -> Settings | None:
        report(f"_imaps._tcp.{domain}, …")
        failures = []

        async def ask(service):
            # some name servers fail on one name and answer on the others
            try:
                return await network.srv(f"{service}._tcp.{domain}")
            except NetworkError as error:
                failures.append(error)
                return Records()

        answers = await together(*map(ask, _SERVICES))
        found = [
            (record, *kind)
            for kind, records in zip(_SERVICES.values(), answers, strict=True)
            for record in records
        ]
        if not found:
            if failures:
                raise failures[0]
            return None
        report(f"SRV, {domain}")
        # a domain says by the priorities whether it prefers IMAP or POP3 (RFC 6186 section 3.4)
        preference = {}
        for record, protocol, _security in sorted(found):
            preference.setdefault(protocol, record.priority)
        found.sort(key=lambda one: (preference[one[1]], one[1] == "pop3", one[2] != "tls", one[0]))
        return Settings.of(
            [
                Server(protocol, record.host, record.port, _effective(protocol, security, record.port))
                for record, protocol, security in found
            ],
            source=self.name,
            ordered=True,
            doubt=doubt_of_hosts(
                {record.host for record, *_kind in found},
                domain,
                all(records.secure for records in answers if records),
            ),
            origin=f"SRV _imaps._tcp.{domain}",
        )


def _effective(protocol, security, port):
    """Port 465 under ``_submission`` is a slip: it begins with TLS."""
    return "tls" if port == TLS_PORTS[protocol] else security
