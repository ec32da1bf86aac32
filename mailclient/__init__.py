"""Connections to mail servers: verified, timed, and with typed failures.  Plain Python, no Odoo.

Everything here blocks; the caller brings the thread and the deadline (:class:`Timeouts`).
"""

from .arrivals import day_before, uids_since
from .causes import CAUSES, FIELDS, PROTOCOLS, RESPONSIBLE, STAGES, Cause, Rule, cause_named, explain, parse
from .connect import connect_mailbox
from .endpoint import Endpoint, Login, Timeouts
from .failures import MailFailure
from .imap import ImapMailbox, connect_imap
from .imap_parse import Folder, Mark
from .mailbox import Found, Mailbox
from .pop3 import Pop3Mailbox, connect_pop3
from .ports import answering_ports
from .reader import Reader
from .received import Received
from .smtp import SmtpClient, connect_smtp
from .tls import Certificate, Trust, certificate, client_context

__all__ = [
    "CAUSES",
    "FIELDS",
    "PROTOCOLS",
    "RESPONSIBLE",
    "STAGES",
    "Cause",
    "Certificate",
    "Endpoint",
    "Folder",
    "Found",
    "ImapMailbox",
    "Login",
    "MailFailure",
    "Mailbox",
    "Mark",
    "Pop3Mailbox",
    "Reader",
    "Received",
    "Rule",
    "SmtpClient",
    "Timeouts",
    "Trust",
    "answering_ports",
    "cause_named",
    "certificate",
    "client_context",
    "connect_imap",
    "connect_mailbox",
    "connect_pop3",
    "connect_smtp",
    "day_before",
    "explain",
    "parse",
    "uids_since",
]
