"""What reports about sent mail say, in the words of the user. No model."""

from types import SimpleNamespace

from odoo.tools.translate import LazyTranslate

from .. import mailclient
from .failure_words import WORDS
from .mail_report import FAILED

_lt = LazyTranslate(__name__)

NO_REASON = _lt("The report does not say why.")
# cause -> words, where those about a connection of our own say something else
CAUSES = {
    "relay_denied": _lt("The server that was contacted does not accept mail for this address."),
    "login_missing": _lt("The server that was contacted does not accept mail for this address."),
    "no_such_host": _lt("There is no mail server for the domain of the address."),
    "dns_failure": _lt("The domain of the address could not be looked up."),
    "address_blocked": _lt("There is no mail server for the domain of the address."),
    "connection_refused": _lt("The mail server of the recipient cannot be reached."),
    "unreachable": _lt("The mail server of the recipient cannot be reached."),
    "connection_closed": _lt("The mail server of the recipient cannot be reached."),
    "timeout": _lt("The mail server of the recipient did not answer in time."),
    "mailbox_not_found": _lt("There is no such mailbox on the recipient's server."),
    "quota_exceeded": _lt("The mailbox of the recipient is full."),
    "account_locked": _lt("The mailbox of the recipient is locked."),
    "message_too_large": _lt("The email is larger than the recipient's server accepts."),
    "policy_rejected": _lt("The recipient's server refused the email as unwanted (spam, SPF or DMARC)."),
    "ip_blocked": _lt("The recipient's server blocks the server that sent the email."),
    "greylisted": _lt("The recipient's server asks to try again later."),
    "server_busy": _lt("The recipient's server is busy or under maintenance."),
    "rate_limited": _lt("A mail server's limit was reached."),
    "smtputf8_unsupported": _lt(
        "The recipient's server cannot handle letters other than A to Z in addresses."
    ),
    "certificate_invalid": _lt("The mail servers could not agree on encryption."),
    "unknown": NO_REASON,
}
UNKNOWN_REPLY = _lt("The reason is not known. The server said:")
ACTIONS = {
    FAILED: _lt("The email to %s came back."),
    "delayed": _lt("The email to %s is delayed: the mail server keeps trying."),
    "delivered": _lt("The email to %s was delivered."),
    "relayed": _lt("The email to %s was passed on to a server that does not report what happens to it."),
    "expanded": _lt("The email to %s was delivered, and passed on to several recipients."),
    "displayed": _lt("The email was opened by %s."),
    "deleted": _lt("The email was deleted by %s."),
    "dispatched": _lt("The email to %s was forwarded or answered automatically."),
    "processed": _lt("The email to %s was processed automatically; perhaps nobody has seen it."),
    "denied": _lt("%s declined to say whether the email was read."),
}
SOMEBODY = _lt("a recipient")


def describe_reason(env, recipient):
    """Return why a mail was not delivered: the addon's words, in a second line those of the server.

    :param env: its language is the one of the text
    :param mail_report.Recipient recipient: what is reported
    :return: plain text
    """
    reply = recipient.get_reply()
    if not reply:
        return env._(NO_REASON)
    # which of both said it, a report leaves open: the answer to the recipient, or to the whole mail
    for stage in ("recipient", "data"):
        cause = mailclient.explain("smtp", stage, reply, recipient.host).name
        asked = SimpleNamespace(protocol="smtp", stage=stage, raw=reply, host=recipient.host)
        rule = env["email.account.cause"]._find(asked)
        if rule:
            cause = rule.name
        if rule or cause != "unknown":
            break
    words = rule.message
    if not words and cause == "unknown":
        words = env._(UNKNOWN_REPLY)
    elif not words:
        words = env._(CAUSES[cause] if cause in CAUSES else WORDS.get(cause, (NO_REASON,))[0])
    return f"{words}\n{reply}"


def describe_action(env, recipient):
    """Return lines (list of text) that say what became of a mail to a recipient.

    :param env: its language is the one of the text
    :param mail_report.Recipient recipient: what is reported; its action is known
    """
    words = env._(ACTIONS[recipient.action])
    line = words % (recipient.addresses[0] if recipient.addresses else env._(SOMEBODY))
    if recipient.action in (FAILED, "delayed") and recipient.get_reply():
        return [line, *describe_reason(env, recipient).splitlines()]
    return [line]
