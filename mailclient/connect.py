"""Open the mailbox of an account, whatever its protocol."""

from .endpoint import Endpoint, Login
from .imap import connect_imap
from .mailbox import Mailbox
from .pop3 import connect_pop3


def connect_mailbox(endpoint: Endpoint, login: Login, **options) -> Mailbox:
    """Connect by ``endpoint.protocol``; see :func:`connect_imap` and :func:`connect_pop3`.

    :raises ValueError: the protocol has no mailboxes
    :raises MailFailure: no connection, no verified TLS, or login refused
    """
    connectors = {"imap": connect_imap, "pop3": connect_pop3}
    if endpoint.protocol not in connectors:
        raise ValueError(f"no mailbox is read by {endpoint.protocol}")
    return connectors[endpoint.protocol](endpoint, login, **options)
