"""SMTP without a login, as between mail hosts: takes mail from outside and what submission hands on."""
import asyncio
import email.utils
import logging
import smtplib
import threading

from aiosmtpd.controller import Controller

from .bounce import bounce

logging.getLogger("mail.log").setLevel(logging.WARNING)  # aiosmtpd's; it tells of every command
# what MailHost.deliver calls itself; nothing that is set for submitted mail concerns it
OUTSIDE = "outside.example"


class Relay:
    """Delivers to the host's own mailboxes by LMTP; keeps what is for elsewhere in ``outbox``.

    :param host: the `MailHost`; its knobs are looked at for every mail
    """

    def __init__(self, host):
        self.host = host
        self.outbox = []
        self._timers = []
        self._controller = Controller(self, hostname="127.0.0.1", port=host.ports["smtp"],
                                      enable_SMTPUTF8=True, data_size_limit=50 << 20,
                                      server_hostname="relay.example")

    def start(self):
        self._controller.start()

    def stop(self):
        self._controller.stop()
        self.forget()

    def forget(self):
        """Forget mail for elsewhere and mail that is still to be delivered."""
        for timer in self._timers:
            timer.cancel()
        for timer in self._timers:
            timer.join()
        self._timers.clear()
        self.outbox.clear()

    # The names that follow are aiosmtpd's.

    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        session.host_name = hostname
        # else Dovecot puts codes of its own into the replies that it passes on (RFC 2034)
        return [*responses[:-1], "250-ENHANCEDSTATUSCODES", responses[-1]]

    async def handle_MAIL(self, server, session, envelope, address, mail_options):
        refusal = _submitted(session) and _refusal(self.host.refuse_sender, address)
        if refusal:
            return refusal
        envelope.mail_from = address
        envelope.mail_options.extend(mail_options)
        return "250 2.1.0 OK"

    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):
        refusal = _submitted(session) and _refusal(self.host.refuse_recipient, address)
        if refusal:
            return refusal
        domains = {user.rpartition("@")[2] for user in self.host.users}
        if not self.host.mailbox(address) and address.lower().rpartition("@")[2] in domains:
            return "550 5.1.1 No such user here"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server, session, envelope):
        submitted = _submitted(session)
        if submitted and self.host.refuse_data:
            return self.host.refuse_data
        content, sender = envelope.original_content, envelope.mail_from or ""
        if submitted and self.host.sign:
            content = self.host.sign.sign(content)
        local = [address for address in envelope.rcpt_tos if self.host.mailbox(address)]
        if len(local) < len(envelope.rcpt_tos):
            self.outbox.append(content)
        try:
            if submitted and self.host.keep_sent and self.host.mailbox(sender):
                await asyncio.to_thread(self._put, sender, sender, content, "Sent")
            for address in local:
                deliver = self._deliver if submitted else self._put
                await asyncio.to_thread(deliver, sender, address, content)
        except (OSError, smtplib.SMTPException) as error:
            return f"451 4.3.0 Local delivery failed: {type(error).__name__}"
        return "250 2.0.0 OK"

    # Delivery

    def _deliver(self, sender, recipient, content):
        """Do with a submitted mail what the host's `Delivery` says."""
        how, arguments = self.host.delivery, (sender, recipient, content)
        if how.dropped:
            return
        if how.bounce:
            if not self.host.mailbox(sender):
                return
            arguments = ("", sender, bounce(*arguments, how.bounce))
        elif self.host.sign:
            arguments = (sender, recipient, _received(*arguments, self.host.sign))
        if not how.delay:
            self._put(*arguments, how.folder)
            return
        timer = threading.Timer(how.delay, self._put_late, (*arguments, how.folder))
        timer.name, timer.daemon = "mail on its way", True
        self._timers.append(timer)
        timer.start()

    def _put_late(self, *arguments):
        try:
            self._put(*arguments)
        except (OSError, smtplib.SMTPException):
            logging.getLogger(__name__).exception("a mail on its way was not delivered")

    def _put(self, sender, recipient, content, folder="INBOX"):
        """Put a mail into a folder; the folder is made and subscribed if it does not exist."""
        mailbox = self.host.mailbox(recipient)
        if folder != "INBOX":
            local, at, domain = mailbox.rpartition("@")
            mailbox = f'"{local}+{folder}"{at}{domain}'
        # smtplib reads one reply to the data, LMTP gives one a recipient
        with smtplib.LMTP("127.0.0.1", self.host.ports["lmtp"]) as lmtp:
            lmtp.sendmail(sender, [mailbox], content)


def _submitted(session):
    return session.host_name != OUTSIDE


def _refusal(refusals, address):
    """The reply set for an address or for all ("*"), "" if there is none."""
    replies = {key.lower(): reply for key, reply in refusals.items()}
    return replies.get(address.lower()) or replies.get("*", "")


def _received(sender, recipient, content, key):
    """Add what the receiving provider's server writes above a mail: how it came, and what was examined."""
    domain = recipient.rpartition("@")[2]
    lines = [
        f"Authentication-Results: mail.{domain};",
        f"\tspf=pass (sender IP is {key.ip}) smtp.mailfrom={sender};",
        f"\tdkim=pass header.d={key.domain} header.s={key.selector};",
        f"\tdmarc=pass header.from={sender.rpartition('@')[2]}",
        f"Received: from out.{key.domain} (out.{key.domain} [{key.ip}])",
        f"\tby mail.{domain} with ESMTPS for <{recipient}>; {email.utils.formatdate()}",
    ]
    return "\r\n".join([*lines, ""]).encode() + content
