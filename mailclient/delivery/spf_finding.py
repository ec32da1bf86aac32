"""Does SPF let the mail of the address through?"""

from dataclasses import dataclass

from .finding import Finding
from .lookups import DnsError, Lookups
from .names import aligned, domain_of
from .receiver import Verdict
from .route import Route
from .spf import MAX_LOOKUPS, MAX_VOID, Evaluation, SpfError, audit, find_record
from .spf_advice import new_record, with_address, without_all
from .spf_record import Record


@dataclass(frozen=True)
class SpfOutcome:
    """What SPF came to.

    :param finding: for people
    :param passed: the record allows where the mail came from
    :param decided: it can be told whether it is
    """

    finding: Finding
    passed: bool = False
    decided: bool = True


def examine_spf(address: str, route: Route, verdict: Verdict, dns: Lookups) -> SpfOutcome:
    """Look at the record of the address's domain, and at where the mail came from if that is known."""
    domain = domain_of(address)
    confirmed = any(aligned(name, domain) for name in verdict.spf_domains())
    values, details = {"domain": domain}, ["Says the receiving server: pass"] if confirmed else []

    def outcome(result, code, passed=False, decided=True, **more):
        return SpfOutcome(
            Finding("spf", result, code, {**values, **more}, "\n".join(details)), passed, decided
        )

    if not domain:
        return outcome("skipped", "spf_no_answer", decided=False)
    try:
        details += [
            f"{domain} TXT {_shown(text)}" for text in dns.txt(domain) if text[:6].lower() == b"v=spf1"
        ]
        record = find_record(domain, dns)
        limits = audit(record, domain, dns)
        details.append(
            f"{limits.lookups} look-ups in DNS of {MAX_LOOKUPS}, {limits.void} empty of {MAX_VOID}"
        )
        if _lets_all(record):
            return outcome("warning", "spf_allows_all", record=without_all(record))
        if confirmed:
            return outcome("passed", "spf_confirmed")
        if not route.ip:
            return outcome("passed", "spf_published", decided=False)
        values["ip"] = route.ip
        local, _at, _domain = address.rpartition("@")
        evaluation = Evaluation(route.ip, f"{local}@{domain}", route.helo, dns)
        result = evaluation.run(domain)
        details.append(f"{route.ip}: {result}")
    except DnsError as error:
        details.append(str(error))
        return outcome("skipped", "spf_no_answer", decided=confirmed)
    except SpfError as error:
        details.append(str(error))
        if error.code == "missing" and error.domain == domain and not error.term:
            return outcome("warning", "spf_missing", record=new_record(domain, route.ip, dns))
        code = "broken_include" if error.code == "missing" else error.code
        return outcome("warning", f"spf_{code}", term=error.term, record_domain=error.domain)
    if result == "pass":
        return outcome("passed", "spf_passed", passed=True)
    if evaluation.ptr:
        return outcome("passed", "spf_published", decided=False)
    return outcome("warning", "spf_not_permitted", record=with_address(record, route.ip))


def _lets_all(record: Record) -> bool:
    """Whether everybody may send: what comes before ``+all`` changes little."""
    return any(term.name == "all" and term.result == "pass" for term in record.mechanisms)


def _shown(text):
    return text.decode("ascii", "replace")
