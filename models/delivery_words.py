"""What users are told about the delivery of their mail: one place for the words, by code of the finding.

The findings are those of ``mailclient.delivery``; ``%(…)s`` are their values.
"""

from odoo.tools.translate import LazyTranslate

_lt = LazyTranslate(__name__)

_ASK_SENDER = _lt(
    "Ask whoever runs the outgoing server of %(domain)s to correct the signing of mail (DKIM), key "
    "%(selector)s."
)
_ONE_SPF = _lt("Ask the domain's administrator to correct the SPF record; the check's details show it.")

# code -> (what was found, what to do)
WORDS = {
    "authentication_none": (
        _lt(
            "The receiving server does not say whether it recognized the sender; many say nothing of mail to "
            "oneself."
        ),
        "",
    ),
    "authentication_undecided": (
        _lt("The receiving server could neither confirm nor deny the sender."),
        _lt("The lines below say what the domain is missing, if anything."),
    ),
    "authentication_passed": (_lt("The receiving server %(server)s recognized the sender as genuine."), ""),
    "authentication_passed_unnamed": (_lt("The receiving server recognized the sender as genuine."), ""),
    "authentication_login": (_lt("The receiving server %(server)s knows the sender by the login."), ""),
    "authentication_login_unnamed": (_lt("The receiving server knows the sender by the login."), ""),
    "authentication_failed": (
        _lt("The receiving server %(server)s doubts the sender (%(failed)s): such mail may land in spam."),
        _lt("The lines below say what to do, if the domain is missing something."),
    ),
    "authentication_failed_unnamed": (
        _lt("The receiving server doubts the sender (%(failed)s): such mail may land in spam."),
        _lt("The lines below say what to do, if the domain is missing something."),
    ),
    "spf_passed": (_lt("%(domain)s allows the sending server %(ip)s (SPF)."), ""),
    "spf_confirmed": (
        _lt("The receiving server confirms that %(domain)s allows the sending server (SPF)."),
        "",
    ),
    "spf_published": (
        _lt(
            "The list of servers that may send for %(domain)s (SPF) is in order. The test email "
            "does not show "
            "which server sends to others."
        ),
        "",
    ),
    "spf_missing": (
        _lt("%(domain)s does not say which servers may send its mail (SPF): others may take it for spam."),
        _lt(
            "Ask the domain's administrator to publish this TXT record for %(domain)s, with all other "
            "servers that send for it: %(record)s"
        ),
    ),
    "spf_several": (
        _lt("%(record_domain)s has several SPF records; receivers then ignore them all."),
        _lt("Ask the domain's administrator to join them into one TXT record that begins with v=spf1."),
    ),
    "spf_syntax": (
        _lt("The SPF record of %(record_domain)s has a mistake at “%(term)s”; receivers then ignore it."),
        _ONE_SPF,
    ),
    "spf_broken_include": (
        _lt(
            "The SPF record of %(domain)s refers to %(record_domain)s, which has none; receivers then "
            "ignore it."
        ),
        _lt("Ask the domain's administrator to remove “%(term)s” from the TXT record, or to correct it."),
    ),
    "spf_lookups": (
        _lt("The SPF record of %(domain)s needs more than 10 DNS look-ups; receivers then ignore it."),
        _lt(
            "Ask the domain's administrator to remove what is not needed any more from the TXT record of "
            "%(domain)s, such as “include:” of services that do not send for it."
        ),
    ),
    "spf_void": (
        _lt("The SPF record of %(record_domain)s names more than 2 hosts that do not exist."),
        _lt("Ask the domain's administrator to remove them from the TXT record, such as “%(term)s”."),
    ),
    "spf_allows_all": (
        _lt("The SPF record of %(domain)s lets everybody send in its name."),
        _lt(
            "Ask the domain's administrator to publish this TXT record for %(domain)s instead, once it names "
            "all servers that send for it: %(record)s"
        ),
    ),
    "spf_not_permitted": (
        _lt("%(domain)s does not allow the sending server %(ip)s (SPF): others may take its mail for spam."),
        _lt(
            "If that is your outgoing server, ask the domain's administrator to change the TXT record of "
            "%(domain)s to: %(record)s"
        ),
    ),
    "spf_no_answer": (_lt("DNS gave no answer about the servers that may send for %(domain)s (SPF)."), ""),
    "dkim_passed": (_lt("The test email has a valid signature of %(domain)s (DKIM)."), ""),
    "dkim_confirmed": (_lt("The receiving server confirms the signature of %(domain)s (DKIM)."), ""),
    "dkim_small_key": (
        _lt("The test email has a valid signature of %(domain)s (DKIM); its key is small (%(bits)s bits)."),
        _lt("Ask the domain's administrator for a key of 2048 bits at the next change."),
    ),
    "dkim_other_domain": (
        _lt(
            "The test email is signed by %(signer)s, but not by %(domain)s (DKIM): others may trust it less."
        ),
        _lt(
            "Ask the domain's administrator to switch on DKIM for %(domain)s at the provider of the mailbox."
        ),
    ),
    "dkim_none": (
        _lt(
            "The test email is not signed (DKIM). Mail within one provider often is not; mail to "
            "others may be."
        ),
        "",
    ),
    "dkim_body_changed": (
        _lt("The test email was changed after %(domain)s had signed it (DKIM)."),
        _lt(
            "Look for what adds to mail on the way, such as a virus scanner or a footer, and have mail "
            "signed after it."
        ),
    ),
    "dkim_wrong": (_lt("The signature of %(domain)s is wrong (DKIM)."), _ASK_SENDER),
    "dkim_key_missing": (
        _lt("The test email is signed for %(domain)s, but the key to verify it is not published (DKIM)."),
        _lt(
            "Ask whoever runs the outgoing server for its DKIM record, and the domain's administrator to "
            "publish it as TXT record for %(key_name)s: v=DKIM1; k=rsa; p=…"
        ),
    ),
    "dkim_key_revoked": (
        _lt("The test email is signed for %(domain)s with a key that was revoked (DKIM)."),
        _ASK_SENDER,
    ),
    "dkim_key_unusable": (
        _lt("The key that %(domain)s publishes for its signature cannot be used (DKIM)."),
        _lt("Ask the domain's administrator to correct the TXT record of %(key_name)s."),
    ),
    "dkim_key_short": (
        _lt("The key of %(domain)s is too short (DKIM); receivers do not accept it."),
        _lt(
            "Ask whoever runs the outgoing server for a key of 2048 bits, and the domain's administrator to "
            "publish it as TXT record for %(key_name)s."
        ),
    ),
    "dkim_expired": (_lt("The signature of %(domain)s has expired (DKIM)."), _ASK_SENDER),
    "dkim_outdated": (
        _lt("The test email is signed for %(domain)s in a way that is no longer accepted (DKIM with SHA-1)."),
        _ASK_SENDER,
    ),
    "dkim_malformed": (
        _lt("The test email has a signature that cannot be read (DKIM)."),
        _lt("Ask whoever runs the outgoing server to correct the signing of mail (DKIM)."),
    ),
    "dkim_unsupported": (_lt("The signature of the test email could not be verified here (DKIM)."), ""),
    "dkim_no_answer": (_lt("DNS gave no answer about the key of %(domain)s (DKIM)."), ""),
    "dmarc_passed": (
        _lt("Mail from %(domain)s meets its own policy “%(policy)s” (DMARC), proved by %(proofs)s."),
        "",
    ),
    "dmarc_confirmed": (
        _lt("The receiving server confirms that mail from %(domain)s meets its policy “%(policy)s” (DMARC)."),
        "",
    ),
    "dmarc_published": (
        _lt(
            "%(domain)s publishes the policy “%(policy)s” (DMARC). The test email does not show "
            "whether mail to "
            "others meets it."
        ),
        "",
    ),
    "dmarc_monitoring": (
        _lt(
            "Mail from %(domain)s is proved neither by SPF nor by DKIM; its policy does not yet ask "
            "receivers "
            "to act (DMARC)."
        ),
        _lt("Before the policy is made stricter, have mail signed for %(domain)s (DKIM)."),
    ),
    "dmarc_not_aligned": (
        _lt(
            "%(domain)s asks receivers not to trust mail that is proved neither by SPF nor by DKIM (policy "
            "“%(policy)s”), and this email is proved by neither."
        ),
        _lt(
            "Ask the domain's administrator to have the outgoing server sign for %(domain)s (DKIM) or to "
            "allow it (SPF)."
        ),
    ),
    "dmarc_missing": (
        _lt("%(domain)s has no policy against forged mail (DMARC); large providers expect one."),
        _lt(
            "Ask the domain's administrator to publish this TXT record for %(name)s to begin with: %(record)s"
        ),
    ),
    "dmarc_several": (
        _lt("%(domain)s has several DMARC records; receivers then ignore them all."),
        _lt("Ask the domain's administrator to leave only one TXT record at %(name)s, such as: %(record)s"),
    ),
    "dmarc_syntax": (
        _lt("The DMARC record of %(domain)s has a mistake; receivers then ignore it."),
        _lt("Ask the domain's administrator to correct the TXT record at %(name)s, such as: %(record)s"),
    ),
    "dmarc_no_answer": (_lt("DNS gave no answer about the policy of %(domain)s (DMARC)."), ""),
}


def describe_finding(env, finding):
    """Put a finding into the user's words.

    :param env: environment whose language is used
    :param mailclient.delivery.Finding finding: what was found
    :return: (message, advice), two texts; advice is empty where nothing is to be done
    """
    message, advice = (env._(words) if words else "" for words in WORDS[finding.code])
    return message % finding.values, advice % finding.values
