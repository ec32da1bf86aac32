"""Does the mail meet the DMARC policy of its sender's domain?"""

from .dkim_finding import DkimOutcome
from .dmarc_record import DmarcError, find_policy
from .finding import Finding
from .lookups import DnsError, Lookups
from .names import aligned
from .receiver import Verdict
from .route import Route
from .spf_finding import SpfOutcome


def examine_dmarc(
    domain: str,
    spf_domains: list[str],
    spf: SpfOutcome,
    dkim: DkimOutcome,
    verdict: Verdict,
    route: Route,
    dns: Lookups,
) -> Finding:
    """Look at the policy, and whether SPF or DKIM stands for the domain.

    :param domain: of the field From
    :param spf_domains: those that have passed SPF
    """
    details, values = [], {"domain": domain}

    def finding(result, code, **more):
        return Finding("dmarc", result, code, {**values, **more}, "\n".join(details))

    if not domain:
        return finding("skipped", "dmarc_no_answer")
    try:
        policy = find_policy(domain, dns)
    except DnsError as error:
        details.append(str(error))
        return finding("skipped", "dmarc_no_answer")
    except DmarcError as error:
        details.append(str(error))
        return finding("warning", f"dmarc_{error.code}", name=error.name, record="v=DMARC1; p=none")
    values["policy"] = policy.policy
    details.append(f"{policy.name} TXT {policy.text}")
    by_spf = [name for name in spf_domains if aligned(name, domain, policy.strict_spf)]
    by_dkim = [name for name in dkim.domains if aligned(name, domain, policy.strict_dkim)]
    details += [f"SPF: {', '.join(by_spf) or '-'}", f"DKIM: {', '.join(by_dkim) or '-'}"]
    proofs = [label for label, names in (("SPF", by_spf), ("DKIM", by_dkim)) if names]
    if proofs:
        return finding("passed", "dmarc_passed", proofs=", ".join(proofs))
    if "pass" in verdict.of("dmarc"):
        return finding("passed", "dmarc_confirmed")
    if not (spf.decided and dkim.decided) or not (route.ip or dkim.signed):
        # mail that stayed within one provider shows nothing of this
        return finding("passed", "dmarc_published")
    if policy.policy == "none" or not policy.percent:
        return finding("passed", "dmarc_monitoring")
    return finding("warning", "dmarc_not_aligned")
