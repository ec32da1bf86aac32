"""What the receiving side has written into the mail about its sender."""

from dataclasses import dataclass

from .finding import Finding
from .message import Message
from .names import aligned, domain_name, organizational_domain
from .results import Report, Result, parse_received_spf, parse_results
from .route import Route

MAX_FIELDS = 10
_SOURCES = (
    ("Authentication-Results", parse_results),
    # copies and single results count only where there is nothing better
    ("ARC-Authentication-Results", parse_results),
    ("Received-SPF", parse_received_spf),
)
_NAMES = {"spf": "SPF", "dkim": "DKIM", "dmarc": "DMARC"}
_FAILED = ("fail", "softfail", "hardfail", "permerror", "policy")


@dataclass(frozen=True)
class Verdict:
    """What the receiving side says.

    :param server: who says it, ``""`` if it does not say
    :param results: of all its fields, topmost first
    :param fields: as they are in the mail, ``name: value``
    """

    server: str = ""
    results: tuple[Result, ...] = ()
    fields: tuple[str, ...] = ()

    def of(self, method: str) -> list[str]:
        """The results of a method, in the words of RFC 8601 2.7."""
        return [result.result for result in self.results if result.method == method]

    def spf_domains(self) -> list[str]:
        """The domains that it says have passed SPF."""
        passed = [result.properties for result in self.results if _passed(result, "spf")]
        given = [each.get("smtp.mailfrom", "").rpartition("@")[2] for each in passed]
        return [name for name in map(domain_name, given) if name]

    def dkim_domains(self) -> list[str]:
        """The domains that it says have a valid signature."""
        passed = [result.properties for result in self.results if _passed(result, "dkim")]
        given = [each.get("header.d") or each.get("header.i", "").rpartition("@")[2] for each in passed]
        return [name for name in map(domain_name, given) if name]


def _passed(result, method):
    return result.method == method and result.result == "pass"


def read_verdict(message: Message, route: Route) -> Verdict:
    """Collect what the receiving side has added.

    A field counts when it is above all that the sending side's servers may have written. Below the Received
    field of the receiving side's first server the sender's own fields begin: there it counts only if it bears
    the name of one of the receiving side's servers, or none (Microsoft's). The topmost says who speaks;
    others of another organization are ignored.
    """
    for name, parse in _SOURCES:
        found = []
        for field in message.all(name.lower())[:MAX_FIELDS]:
            report = parse(field.value)
            if _counts(field.position, report, route) and (not found or _same(report, found[0][1])):
                found.append((field, report))
        if found:
            return Verdict(
                found[0][1].server,
                tuple(result for _field, report in found for result in report.results),
                tuple(f"{name}: {field.value}" for field, _report in found),
            )
    return Verdict()


def _counts(position: int, report: Report, route: Route) -> bool:
    if route.end is not None and position > route.end:
        return False
    if route.entry is None or position < route.entry or not report.server:
        return True
    return any(
        report.server == server
        or report.server == server.partition(".")[0]
        or organizational_domain(report.server) == organizational_domain(server)
        for server in route.servers
    )


def _same(report, first):
    # iCloud writes one field a method, each with a name of its own
    return report.server == first.server or aligned(report.server, first.server)


def examine_verdict(verdict: Verdict) -> Finding:
    """Put it into a finding."""
    details = "\n".join(verdict.fields)
    values = {"server": verdict.server}
    given = {method: verdict.of(method) for method in _NAMES}
    if not verdict.fields:
        return Finding("authentication", "skipped", "authentication_none")
    failed = [
        _NAMES[method]
        for method, results in given.items()
        if "pass" not in results and any(result in _FAILED for result in results)
    ]
    # DMARC is about both: one of them is enough
    if "pass" in given["dmarc"] or not failed and any("pass" in results for results in given.values()):
        result, code = "passed", "authentication_passed"
    elif failed:
        result, code = "warning", "authentication_failed"
        values["failed"] = ", ".join(failed)
    elif "pass" in verdict.of("auth"):
        result, code = "passed", "authentication_login"
    else:
        result, code = "skipped", "authentication_undecided"
    if not verdict.server:
        code = f"{code}_unnamed" if code != "authentication_undecided" else code
        del values["server"]
    return Finding("authentication", result, code, values, details)
