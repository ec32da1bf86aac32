"""SMTP without a login, as between mail hosts: takes mail from outside and what submission hands on."""
import asyncio
import logging
import smtplib

from aiosmtpd.controller import Controller

logging.getLogger("mail.log").setLevel(logging.WARNING)  # aiosmtpd's; it tells of every command


class Relay:
    """Delivers to the host's own mailboxes by LMTP; keeps what is for elsewhere in ``outbox``.

    :param port: to listen on
    :param lmtp_port: of the host's LMTP service
    :param users: the host's addresses; looked at for every recipient
    """

    def __init__(self, port, lmtp_port, users):
        self.lmtp_port = lmtp_port
        self.users = users
        self.outbox = []
        self._controller = Controller(self, hostname="127.0.0.1", port=port, enable_SMTPUTF8=True,
                                      data_size_limit=50 << 20, server_hostname="relay.example")

    def start(self):
        self._controller.start()

    def stop(self):
        self._controller.stop()

    # The names that follow are aiosmtpd's.

    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):
        domains = {user.rpartition("@")[2] for user in self.users}
        if address.lower() not in self.users and address.lower().rpartition("@")[2] in domains:
            return "550 5.1.1 No such user here"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server, session, envelope):
        local = [address for address in envelope.rcpt_tos if address.lower() in self.users]
        if len(local) < len(envelope.rcpt_tos):
            self.outbox.append(envelope.original_content)
        if local:
            try:
                await asyncio.to_thread(self._deliver, envelope.mail_from, local, envelope.original_content)
            except (OSError, smtplib.SMTPException) as error:
                return f"451 4.3.0 Local delivery failed: {type(error).__name__}"
        return "250 2.0.0 OK"

    def _deliver(self, sender, recipients, content):
        for recipient in recipients:  # smtplib reads one reply to the data, LMTP gives one a recipient
            with smtplib.LMTP("127.0.0.1", self.lmtp_port) as lmtp:
                lmtp.sendmail(sender or "", [recipient], content)
