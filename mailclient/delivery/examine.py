"""All that can be said about the delivery of one mail."""

from dataclasses import replace

from .dkim_finding import examine_dkim
from .dmarc_finding import examine_dmarc
from .finding import Finding
from .lookups import Dns, Lookups
from .message import Message
from .names import aligned, domain_of
from .receiver import examine_verdict, read_verdict
from .route import read_route
from .spf_finding import examine_spf


def examine(source: bytes, address: str, dns: Dns) -> list[Finding]:
    """Say what the receiving side says about a mail, and what DNS says about its sender's domain.

    It blocks as long as ``dns`` does. Neither the mail nor an answer of DNS makes it raise.

    :param source: the mail as it is in the mailbox, trace fields included
    :param address: the sender's
    :return: a finding each about authentication, SPF, DKIM and DMARC, in this order
    """
    dns = Lookups(dns)
    message = Message(source)
    route = read_route(message)
    verdict = read_verdict(message, route)
    own = domain_of(address)
    domain = message.domain("from") or own
    envelope = message.domain("return-path") or own
    spf = examine_spf(address, route, verdict, dns)
    dkim = examine_dkim(source, message, own, verdict, dns)
    passed = verdict.spf_domains()
    if envelope == own:
        if spf.passed:
            passed.append(own)
    elif aligned(envelope, domain):
        spf = replace(spf, decided=False)  # it was about another record
    return [
        examine_verdict(verdict),
        spf.finding,
        dkim.finding,
        examine_dmarc(domain, passed, spf, dkim, verdict, route, dns),
    ]
