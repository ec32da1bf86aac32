"""Is the mail signed, and for whom?"""

from dataclasses import dataclass

from .dkim_key import GOOD_BITS
from .dkim_signature import Signature, verify_signatures
from .finding import Finding
from .lookups import Lookups
from .message import Message
from .names import aligned
from .receiver import Verdict

# of several bad signatures the one that tells most: somebody can do something about it
_TELLING = (
    "key_missing",
    "key_revoked",
    "key_unusable",
    "key_short",
    "outdated",
    "expired",
    "wrong",
    "body_changed",
    "malformed",
    "no_answer",
    "unsupported",
)
_UNDECIDED = ("no_answer", "unsupported")


@dataclass(frozen=True)
class DkimOutcome:
    """What DKIM came to.

    :param finding: for people
    :param domains: those with a valid signature
    :param signed: there is a signature
    :param decided: it can be told whether all of them are valid
    """

    finding: Finding
    domains: tuple[str, ...] = ()
    signed: bool = False
    decided: bool = True


def examine_dkim(source: bytes, message: Message, domain: str, verdict: Verdict, dns: Lookups) -> DkimOutcome:
    """Verify the signatures, and put the best of them into one finding: one is enough.

    What the receiving side has found valid is valid, even if it has changed the mail afterwards.

    :param domain: the sender's
    """
    signatures = verify_signatures(source, message, dns)
    confirmed = verdict.dkim_domains()
    passed = [signature for signature in signatures if signature.result == "pass"]
    details = "\n".join(map(_line, signatures))

    def outcome(result, code, **values):
        domains = [*confirmed, *(signature.domain for signature in passed)]
        decided = not any(signature.result in _UNDECIDED for signature in signatures)
        finding = Finding("dkim", result, code, values, details)
        return DkimOutcome(finding, tuple(domains), bool(signatures), decided)

    own = [signature for signature in passed if aligned(signature.domain, domain)]
    if own:
        best = max(own, key=lambda signature: (signature.algorithm.startswith("ed25519"), signature.bits))
        short = best.algorithm.startswith("rsa") and best.bits < GOOD_BITS
        code = "dkim_small_key" if short else "dkim_passed"
        return outcome("passed", code, domain=best.domain, selector=best.selector, bits=str(best.bits))
    if any(aligned(name, domain) for name in confirmed):
        return outcome("passed", "dkim_confirmed", domain=domain)
    if passed:
        return outcome("warning", "dkim_other_domain", domain=domain, signer=passed[0].domain)
    if not signatures:
        return outcome("skipped", "dkim_none")
    worst = min(signatures, key=lambda signature: _TELLING.index(signature.result))
    return outcome(
        "skipped" if worst.result in _UNDECIDED else "warning",
        f"dkim_{worst.result}",
        domain=worst.domain,
        selector=worst.selector,
        key_name=worst.key_name,
    )


def _line(signature: Signature) -> str:
    key = f"{signature.algorithm}, {signature.bits} bits" if signature.bits else signature.algorithm
    text = f"d={signature.domain} s={signature.selector} ({key}): {signature.result}"
    return f"{text}: {signature.reason}" if signature.reason else text
