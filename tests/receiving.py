"""What the tests about receiving have in common."""

import time

from .common import ADDRESS, DOMAIN, PASSWORD, HostsCase

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
