"""The test email of a check: how it is recognised, and what `ir.mail_server` makes of it. No model."""

import email
import secrets
from email.utils import make_msgid

from odoo.tools import consteq, email_domain_extract, email_normalize
from odoo.tools.misc import hmac

TOKEN_HEADER = "X-Email-Account-Check"
_SCOPE = "email_account.check"


def new_token(env):
    """Return the value of the header: nobody else can make one, and it is known without being stored.

    :param env: environment of the database
    """
    nonce = secrets.token_hex(12)
    return f"{nonce}.{_sign(env, nonce)}"


def is_token(env, token):
    """Whether ``token`` was made by this database."""
    nonce, dot, signature = token.strip().partition(".")
    return bool(dot) and nonce.isascii() and signature.isascii() and consteq(_sign(env, nonce), signature)


def _sign(env, nonce):
    # sudo: the secret of the database is for its own code
    return hmac(env(su=True), _SCOPE, nonce)[:40]


def find_token(message):
    """Return the token of a received mail, also of a bounce that quotes the header of a test email.

    A test email that somebody forwards has none: what he writes about it is mail like any other.

    :param email.message.EmailMessage message: as it was received
    :return: text, '' without one
    """
    is_bounce = message.get_content_type() == "multipart/report"  # RFC 3464
    for part in message.walk() if is_bounce else (message,):
        if part.get(TOKEN_HEADER):
            return str(part[TOKEN_HEADER])
        if part.get_content_type() == "text/rfc822-headers":  # RFC 3462
            quoted = email.message_from_bytes(part.get_payload(decode=True) or b"")
            if quoted.get(TOKEN_HEADER):
                return str(quoted[TOKEN_HEADER])
    return ""


def prepare_message(account, token):
    """Return the test email (`email.message.EmailMessage`) to the account's own address."""
    env = account.env
    return env["ir.mail_server"]._build_email__(
        email_from=account._get_email_formatted(),
        email_to=[account.email],
        # a name in several lines would be several headers
        subject=env._("Test email of %s", " ".join((account.name or "").split())),
        body=env._(
            "This email was sent to check the email account “%s”. It is removed when it has arrived.",
            account.name,
        ),
        message_id=make_msgid(domain=email_domain_extract(account.email) or None),
        headers={TOKEN_HEADER: token, "Auto-Submitted": "auto-generated"},  # RFC 3834: no automatic answers
    )


class Outbox:
    """Stands in for an SMTP session while `ir.mail_server` prepares a mail, and keeps what it would send.

    The sending itself waits for the network, so it is done elsewhere, by the real session.

    :param session: the real one, whose attributes decide on the sender
    :ivar tuple call: arguments of ``send_message``: message, sender, recipients; None if the host's mail
        stack has sent the mail in a way of its own
    """

    def __init__(self, session):
        self._session = session
        self.bcc_email = False  # the test goes to nobody else
        self.call = None

    def __getattr__(self, name):
        return getattr(self._session, name)

    def send_message(self, message, smtp_from, smtp_to_list):
        self.call = (message, smtp_from, smtp_to_list)

    def goes_only_to(self, address):
        """Whether the prepared mail has no recipient but ``address``."""
        return self.call is None or {email_normalize(to) for to in self.call[2]} == {email_normalize(address)}
