"""What users are told about a failed connection: one place for the words, by cause.

The causes are those of ``mailclient``; an unknown one is called unknown. What the server said is not among
the words: it is for those who manage accounts alone (`email.account.check.step.details`).
"""

from datetime import timedelta

from odoo import fields
from odoo.tools import format_time
from odoo.tools.translate import LazyTranslate

_lt = LazyTranslate(__name__)

# cause -> (what happened, what to do)
WORDS = {
    "wrong_password": (
        _lt("The server refused the user name or the password."),
        _lt("Check both and type the password again."),
    ),
    "app_password_required": (
        _lt("The provider accepts only an app password here, not the normal password."),
        _lt("Create an app password in the security settings of the mailbox and enter it as the password."),
    ),
    "oauth_required": (
        _lt("The provider has switched off logging in with a password for this mailbox."),
        _lt("It accepts only a sign-in in the browser (OAuth). Ask the administrator of the mailbox."),
    ),
    "imap_disabled": (
        _lt("Access by mail programs is switched off for this mailbox."),
        _lt("Switch on IMAP or POP in the settings of the mailbox on the provider's web site."),
    ),
    "smtp_auth_disabled": (
        _lt("Sending by mail programs (SMTP AUTH) is switched off for this mailbox."),
        _lt("Ask the administrator of the mailbox to switch it on."),
    ),
    "send_as_denied": (
        _lt("The login may not send from this address."),
        _lt("Use the address of the login, or have the right to send as this address granted."),
    ),
    "sender_rejected": (
        _lt("The server refused the sender address."),
        _lt("Use an address that belongs to this mailbox."),
    ),
    "recipient_rejected": (
        _lt("The server refused the recipient address."),
        _lt("Check the address."),
    ),
    "relay_denied": (
        _lt("The server does not send mail to other domains for this login."),
        _lt("Use the outgoing server of the mailbox's own provider, with its login."),
    ),
    "starttls_required": (
        _lt("The server and this account do not agree on encryption."),
        _lt(
            "Choose STARTTLS or SSL/TLS with its port. If it worked before, somebody may be removing "
            "the encryption."
        ),
    ),
    "tls_on_plain_port": (
        _lt("SSL/TLS was tried on a port that does not begin with encryption."),
        _lt("Choose STARTTLS, or the port for SSL/TLS (993, 995, 465)."),
    ),
    "plain_on_tls_port": (
        _lt("The port expects SSL/TLS from the first moment."),
        _lt("Choose SSL/TLS as the secure connection."),
    ),
    "certificate_expired": (
        _lt("The certificate of the server has expired."),
        _lt("Tell the provider. No password was sent."),
    ),
    "certificate_not_yet_valid": (
        _lt("The certificate of the server is not valid yet."),
        _lt("Check the clock of this system, else tell the provider. No password was sent."),
    ),
    "certificate_name_mismatch": (
        _lt("The certificate of the server is for another name."),
        _lt("Enter the server name that the provider states. No password was sent."),
    ),
    "certificate_self_signed": (
        _lt("The server shows a certificate that it signed itself."),
        _lt(
            "Ask the administrator of the server for a certificate of a known authority, or compare the "
            "fingerprint with the administrator before you accept this one. No password was sent."
        ),
    ),
    "certificate_changed": (
        _lt("The server shows another certificate than the one that was accepted."),
        _lt(
            "Ask the administrator of the server whether the certificate was replaced before you "
            "accept the new one. "
            "No password was sent."
        ),
    ),
    "certificate_unknown_issuer": (
        _lt("The certificate of the server comes from an unknown authority."),
        _lt("Ask the administrator to add the authority to this system. No password was sent."),
    ),
    "tls_version": (
        _lt("The server speaks only outdated encryption."),
        _lt("Tell the provider that TLS 1.2 or newer is needed. No password was sent."),
    ),
    "no_such_host": (
        _lt("There is no server of this name."),
        _lt("Check the spelling of the server name."),
    ),
    "dns_failure": (
        _lt("The name of the server could not be looked up."),
        _lt("Try again; if it stays, tell the administrator of this system."),
    ),
    "address_blocked": (
        _lt("The name of the server leads to an internal address."),
        _lt("If it is yours, ask the administrator to add it to the allowed networks of email accounts."),
    ),
    "port_not_allowed": (
        _lt("This port is not one of mail servers, so it is not connected to."),
        _lt(
            "Enter the port that the provider states, or ask the administrator to allow this one in the "
            "settings of email accounts."
        ),
    ),
    "connection_refused": (
        _lt("Nothing answers on this port of the server."),
        _lt("Check the port and the secure connection."),
    ),
    "unreachable": (
        _lt("The server cannot be reached."),
        _lt("Check the server name; the network of this system may block the port."),
    ),
    "port_blocked": (
        _lt("The network of this system blocks the ports for sending (25, 465, 587)."),
        _lt(
            "Ask the administrator of this system to have the port opened by its hosting provider, or use "
            "another port that the mail provider offers, often 2525."
        ),
    ),
    "timeout": (
        _lt("The server did not answer in time."),
        _lt("Check server name and port; the network of this system may block the port."),
    ),
    "connection_closed": (
        _lt("The server closed the connection."),
        _lt("Check port and secure connection, then try again later."),
    ),
    "too_many_connections": (
        _lt("The mailbox has too many open connections."),
        _lt("Close other mail programs or try again later."),
    ),
    "rate_limited": (
        _lt("The provider's limit for logins or mails is reached."),
        _lt("Wait and try again later."),
    ),
    "password_refused": (
        _lt("This password was refused just now, so it was not sent again."),
        _lt("Type another password: providers lock a mailbox after a few wrong ones."),
    ),
    "logins_paused": (
        _lt("Five different passwords were refused within 15 minutes, so no more are tried for now."),
        _lt("Correct the password, then try again: providers lock a mailbox after a few wrong ones."),
    ),
    "greylisted": (
        _lt("The server asks to try again later (greylisting)."),
        _lt("Try again in some minutes."),
    ),
    "quota_exceeded": (
        _lt("The mailbox is full."),
        _lt("Delete mails or have the quota raised."),
    ),
    "message_too_large": (
        _lt("The message is larger than the server accepts."),
        _lt("Send smaller or fewer attachments."),
    ),
    "account_locked": (
        _lt("The mailbox is locked."),
        _lt("Unlock it on the provider's web site or ask its administrator."),
    ),
    "web_login_required": (
        _lt("The provider wants you to log in by browser first."),
        _lt("Log in on the provider's web site, confirm what it asks, then try again."),
    ),
    "ip_blocked": (
        _lt("The server blocks the network address of this system."),
        _lt("Ask the provider to unblock it, or send through another server."),
    ),
    "server_busy": (
        _lt("The server is busy or under maintenance."),
        _lt("Try again later."),
    ),
    "auth_mechanism_unsupported": (
        _lt("The server offers no way to log in that this account may use."),
        _lt("Check the secure connection. “Safe logon” allows only protected authentication."),
    ),
    "consent_required": (
        _lt("An administrator must allow this application first."),
        _lt("Ask the administrator of the mailbox."),
    ),
    "token_expired": (
        _lt("The sign-in has expired."),
        _lt("Sign in again."),
    ),
    "mailbox_not_found": (
        _lt("There is no such mailbox on the server."),
        _lt("Check the address and the user name."),
    ),
    "folder_missing": (
        _lt("The folder does not exist in the mailbox."),
        _lt("Choose another folder."),
    ),
    "read_only": (
        _lt("This account can read the mailbox, but not change it."),
        _lt(
            "Ask the administrator of the mailbox for permission to change it, or choose “Leave it as it "
            "is” under “After receiving”."
        ),
    ),
    "policy_rejected": (
        _lt("The server refused the message as unwanted (spam, SPF or DMARC)."),
        _lt("Check the DNS records of the domain or ask the provider."),
    ),
    "client_id_required": (
        _lt("The server wants mail programs to introduce themselves."),
        _lt("Allow mail programs in the settings of the mailbox."),
    ),
    "login_missing": (
        _lt("The server wants a login."),
        _lt("Enter user name and password."),
    ),
    "certificate_invalid": (
        _lt("The certificate of the server cannot be verified."),
        _lt("Whoever runs the server has to replace it. No password was sent."),
    ),
    "connection_tampered": (
        _lt("Something answered unencrypted where encryption had been agreed."),
        _lt(
            "The server is faulty or somebody interferes with the connection. No password was sent. "
            "Choose SSL/TLS."
        ),
    ),
    "wrong_protocol": (
        _lt("Another kind of server answers on this port."),
        _lt("Check protocol and port."),
    ),
    "oauth_client_invalid": (
        _lt("The provider does not accept the registration of this application."),
        _lt("Ask the administrator of this system to correct it."),
    ),
    "message_incomplete": (
        _lt("The server sends less of a mail than it announced."),
        _lt(
            "The mail stays in the mailbox and is tried again. If this keeps happening, tell the provider, "
            "or read it with another mail program."
        ),
    ),
    "framing_broken": (
        _lt("The server's answers do not match what it was asked: mails could be cut off or mixed up."),
        _lt(
            "None of the answers was used, and nothing was deleted. Tell the provider. If one mail is the "
            "cause, remove it with another mail program."
        ),
    ),
    "answer_too_long": (
        _lt("The server says far more than it was asked for."),
        _lt(
            "Nothing of it was used and nothing was deleted. Tell the provider. If one mail is the reason, "
            "remove it with another mail program."
        ),
    ),
    "reading_limited": (
        _lt("This system is reading as much from other mail servers as it has memory for."),
        _lt("Nothing has to be done: it is tried again by itself."),
    ),
    "message_missing": (
        _lt("The message is not in the mailbox any more."),
        _lt("Somebody else may have removed it; try again."),
    ),
    "uidl_missing": (
        _lt("The server cannot tell which messages were fetched before."),
        _lt("Mail cannot be left on it: choose “Delete it” with 0 days, or use IMAP."),
    ),
    "login_not_ascii": (
        _lt("The server cannot take these letters in a user name or password."),
        _lt("Use only letters from A to Z, digits and signs, or ask the provider for the user name."),
    ),
    "smtputf8_unsupported": (
        _lt("The server cannot take addresses with letters outside of A to Z."),
        _lt("Use an address without such letters."),
    ),
    "invalid_login_text": (
        _lt("User name and password cannot hold line breaks."),
        _lt("Enter them again, without what stands around them."),
    ),
    "unknown": (
        _lt("The answer of the server is unknown."),
        _lt(
            "Whoever manages email accounts here finds what the server said in the technical details of a "
            "check."
        ),
    ),
}
PREFIX = {
    "incoming": _lt("Cannot connect to the incoming email server: %s"),
    "outgoing": _lt("Cannot connect to the outgoing email server: %s"),
}
# what `email.account.refusal` says of when it was, and of the time that is left
MINUTES_AGO = _lt("This password was refused %s minutes ago, so it was not sent again.")
SAME_AT = _lt("You can try the same password again at %s.")
ANY_AT = _lt("Logins resume at %s.")
FIFTH = _lt("This was the fifth password refused within 15 minutes: no more are tried before %s.")
OF_OTHERS = _lt("Others tried too many wrong passwords for this mailbox, so no more are tried for now.")
OTHERS_UNTIL = _lt("Others have tried too many passwords for this mailbox: no more are tried before %s.")
# stages after the login: the connection worked, what failed is the message
MESSAGE_STAGES = ("sender", "recipient", "data", "select", "fetch")

# what a certificate that was refused says of itself
COMMON_NAME = _lt("It names “%s” only as its common name, which is no longer accepted.")
NEW_CERTIFICATE = _lt(
    "Ask whoever runs the server for a certificate that states its name as “subject alternative name”. No "
    "password was sent."
)
NAMES = _lt("The certificate is for %s.")
MORE_NAMES = _lt("The certificate is for %s and others.")
ISSUER = _lt("Its issuer is %s.")
FINGERPRINT = _lt("Its SHA-256 fingerprint is %s.")
MAX_NAMES = 4
INCOMPLETE_CHAIN = _lt(
    "The server probably leaves out an intermediate certificate: tell the provider that the whole chain is "
    "needed. No password was sent."
)
PRIVATE_AUTHORITY = _lt(
    "The authority is a private one: an administrator can add it under Settings > Email Accounts > "
    "Certificate Authorities. No password was sent."
)


def explain_failure(env, failure):
    """Return ``(message, advice)`` of a failure in the words of the addon, whatever the direction.

    :param env: environment whose language is used
    :param mailclient.MailFailure failure: what happened
    """
    message, advice = (env._(words) for words in WORDS.get(failure.cause, WORDS["unknown"]))
    hold = getattr(failure, "hold", None)
    if hold:
        message = _add_hold(env, failure.cause, message, hold)
    certificate = getattr(failure, "certificate", None)
    if not certificate:
        return message, advice
    details = ()
    if failure.cause == "certificate_name_mismatch" and certificate.names:
        # names of servers before addresses, which nobody enters
        names = sorted(certificate.names, key=lambda name: name[-1].isdigit() or ":" in name)
        words = NAMES if len(names) <= MAX_NAMES else MORE_NAMES
        details = (words, ", ".join(names[:MAX_NAMES]))
    elif _has_common_name_alone(failure):
        advice = env._(NEW_CERTIFICATE)
        details = (COMMON_NAME, certificate.subject)
    elif failure.cause == "certificate_unknown_issuer":
        advice = env._(INCOMPLETE_CHAIN if certificate.has_issuer_url else PRIVATE_AUTHORITY)
        details = (ISSUER, certificate.issuer) if certificate.issuer else ()
    elif failure.cause in ("certificate_self_signed", "certificate_changed"):
        pairs = [certificate.fingerprint[i : i + 2] for i in range(0, len(certificate.fingerprint), 2)]
        details = (FINGERPRINT, ":".join(pairs).upper())
    if details:
        words, value = details
        sentence = env._(words)
        message = f"{message} {sentence % value}"
    return message, advice


def _has_common_name_alone(failure):
    """Whether a certificate was refused that has no name but in its subject (RFC 9525)."""
    certificate = getattr(failure, "certificate", None)
    return (
        failure.cause == "certificate_name_mismatch"
        and certificate is not None
        and not certificate.names
        and bool(getattr(certificate, "subject", ""))
    )


def _add_hold(env, cause, message, hold):
    """Return ``message`` with when the next login is tried (`email.account.refusal.Hold`), said once."""
    words, until = OTHERS_UNTIL if hold.is_of_others else FIFTH, hold.paused_until
    if cause == "logins_paused":
        words = ANY_AT
        if hold.is_of_others:
            message = env._(OF_OTHERS)
    elif cause == "password_refused":
        minutes = int((fields.Datetime.now() - hold.refused_at).total_seconds() / 60)
        if minutes > 1:
            ago = env._(MINUTES_AGO)
            message = ago % minutes
        if not hold.paused_until:
            words, until = SAME_AT, hold.until
    if not until:
        return message
    sentence = env._(words)
    return f"{message} {sentence % describe_time(env, until)}"


def describe_time(env, moment):
    """Return the time of day of ``moment`` (UTC, naive), to the full minute after it, as the user reads it.

    Where nobody is there whose zone is known, it is named.
    """
    moment += timedelta(seconds=-moment.second % 60, microseconds=-moment.microsecond)
    zone = env.tz.zone
    time = format_time(env, moment, tz=zone, time_format="short")
    return time if env.user.tz == zone else f"{time} ({zone})"


def who_is_responsible(failure):
    """Return who can mend a failure: 'user', 'administrator' (of this system) or 'provider'."""
    certificate = getattr(failure, "certificate", None)
    if certificate and failure.cause == "certificate_unknown_issuer" and certificate.has_issuer_url:
        return "provider"
    if _has_common_name_alone(failure):
        return "provider"
    return failure.responsible


def describe_failure(env, failure, direction):
    """Put a failure into the user's words: those of an `email.account.cause` if one fits, else the addon's.

    :param env: environment whose language is used
    :param mailclient.MailFailure failure: what happened
    :param str direction: 'incoming' or 'outgoing'
    :return: dict as of `email.account.cause`'s ``_explain``; the message names the direction
    """
    explanation = env["email.account.cause"]._explain(failure)
    if failure.stage not in MESSAGE_STAGES:
        prefix = env._(PREFIX[direction])
        explanation["message"] = prefix % explanation["message"]
    return explanation
