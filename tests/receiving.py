"""What the tests about receiving have in common."""

import time
from unittest.mock import patch

from ..mailclient import Reader
from ..mailclient.transport import Connection
from .common import ADDRESS, DOMAIN, PASSWORD, HostsCase
from .mailclient.moody_server import MoodyServer

MAIL = """From: "Carol Customer" <carol@customer.example>
To: {to}
Subject: {subject}
Message-ID: <{id}@customer.example>
Date: Tue, 24 Nov 2026 10:00:00 +0000

Hello, do you have it in blue?
"""
LARGE = MAIL.replace("\n", "\r\n") + ("x" * 70 + "\r\n") * 20000
OTHER = f"info@{DOMAIN}"
POP3 = {"incoming_protocol": "pop3", "incoming_port": 995}


class ReceivingCase(HostsCase):
    """With an account that works, and an empty mailbox."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.hosts.mail.add_user(OTHER, PASSWORD)

    def setUp(self):
        super().setUp()
        self.account = self.create_account()
        self.empty_folders(ADDRESS)
        self.empty_folders(OTHER)

    def create_account(self, **values):
        account = self.env["email.account"].create(self.account_values | values)
        account._set_state()
        return account

    def empty_folders(self, address):
        """Remove all mail; Dovecot notices by itself."""
        box = self.hosts.mail.mail / address
        for file in [*box.glob("cur/*"), *box.glob("new/*"), *box.glob(".*/cur/*"), *box.glob(".*/new/*")]:
            file.unlink()

    def deliver(self, number, subject="In blue?", to=ADDRESS, mail=MAIL):
        self.hosts.mail.deliver(mail.format(to=to, subject=subject, id=number).encode(), to)

    def create_alias(self):
        domain = self.env["mail.alias.domain"].create({"name": DOMAIN})
        model = self.env["ir.model"]._get("res.partner")
        self.env["mail.alias"].create(
            {"alias_name": "jane", "alias_domain_id": domain.id, "alias_model_id": model.id}
        )

    def get_message(self, number):
        return self.env["mail.message"].search([("message_id", "=", f"<{number}@customer.example>")])

    def get_unprocessed(self, account=None):
        return self.env["email.account.unprocessed"].search(
            [("account_id", "=", (account or self.account).id)]
        )

    def in_mailbox(self, folder="INBOX", address=ADDRESS):
        return self.hosts.mail.messages(address, folder)

    def change_uidvalidity(self):
        """The server counts anew, as after it was restored from a backup."""
        time.sleep(1.1)  # for Dovecot it is the time in seconds
        for path in (self.hosts.mail.mail / ADDRESS).glob("dovecot*"):
            path.unlink()

    def get_flags(self, address=ADDRESS):
        """Letters of Maildir for each mail in the inbox: S is seen."""
        box = self.hosts.mail.mail / address
        return sorted(file.name.partition(":2,")[2] for file in [*box.glob("cur/*"), *box.glob("new/*")])


class MoodyCase(ReceivingCase):
    """With an account of a server that fails over chosen messages.

    Messages are read in small batches, so that few mails make several.
    """

    protocol = "imap"
    series = 0
    batch = 5

    def setUp(self):
        super().setUp()
        self.enterContext(patch.dict(Reader.__init__.__kwdefaults__, batch=self.batch))
        self.give_up_early()
        self.start()

    def give_up_early(self):
        """A server that hangs is given up as soon as it does, whatever the time-out."""
        receive = Connection._receive

        def receiving(connection, deadline):
            while True:
                try:
                    return receive(connection, min(deadline, time.monotonic() + 0.02))
                except TimeoutError:
                    hangs = connection._sock.getsockname()[1] in self.server.hanging
                    if hangs or time.monotonic() >= deadline:
                        raise
                    connection._ended = False

        self.enterContext(patch.object(Connection, "_receive", receiving))

    def start(self, **values):
        """Begin with an empty mailbox and a new account."""
        self.series += 1  # no mail is one of another account
        self.account.unprocessed_ids.unlink()
        self.account.unlink()
        context = self.hosts.authority.server_context(f"imap.{DOMAIN}")
        self.server = self.enterContext(MoodyServer(context, self.protocol))
        self.account = self.create_account(
            incoming_protocol=self.protocol, incoming_port=self.server.port, timeout=10, **values
        )
        self.polling = self.account.sudo().polling_ids
        self.folder = self.account.folder_ids

    def process_lightly(self):
        """Each mail becomes a message at once, without Odoo's mail gateway."""

        self.enterContext(patch.object(self.env.registry["email.account"], "_process_mail", process_lightly))

    def arrive(self, number, arrived=None, flags=()):
        """A mail arrives; return its UID."""
        name = f"{number}-{self.series}"
        source = MAIL.format(to=ADDRESS, subject=f"In blue? {name}", id=name).replace("\n", "\r\n")
        return self.server.add(source.encode(), arrived, flags)

    def get_received(self):
        """Return the numbers of the mails that have become messages, a list."""
        messages = self.env["mail.message"].search([("email_account_id", "=", self.account.id)], order="id")
        return [int(name.strip("<").partition("-")[0]) for name in messages.mapped("message_id")]


def process_lightly(account, _source, mail, message_id, gateway=None, receipt=None):
    """In the place of `email.account._process_mail`."""
    account.env["mail.message"].create(
        {"message_id": message_id, "subject": mail.subject, "email_account_id": account.id}
    )
