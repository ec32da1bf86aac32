import logging
import smtplib

from odoo import models

_logger = logging.getLogger(__name__)


class MailMail(models.Model):
    _inherit = "mail.mail"

    def _filter_mail_mail_servers(self, mail_servers):
        """Keep the servers of accounts to the messages of those who may use them."""
        # who puts the message of somebody else into a mail of his own has no more rights for it
        senders = self.create_uid - self.env.ref("base.user_root")
        creators = (self.mail_message_id.create_uid | senders) or self.env.user

        def is_usable(server):
            # sudo: the account may be hidden from who sends
            account = server.sudo().email_account_id
            return not account or all(account._is_usable_by(creator) for creator in creators)

        return super()._filter_mail_mail_servers(mail_servers).filtered(is_usable)

    def send(self, *args, **kwargs):
        """Send also what leaves through servers that are hidden from an administrator who sends the queue."""
        if self.env.context.get("email_account_sends_later"):
            # what a sender is told about his mail: not before the mail is stored
            return self.with_env(self.env(context={})).send_after_commit()
        hidden = self.browse()
        if not self.env.su:
            self.check_access("write")
            # sudo: they are the personal accounts of others
            accounts = self.env["email.account"].sudo().search([("user_id", "not in", (False, self.env.uid))])
            hidden = self.filtered(lambda mail: mail.mail_message_id.create_uid in accounts.user_id)
        if not hidden:
            return super().send(*args, **kwargs)
        if self - hidden:
            super(MailMail, self - hidden).send(*args, **kwargs)
        # sudo: he may send these mails, only read the servers he may not
        return super(MailMail, hidden.sudo()).send(*args, **kwargs)

    def _send(self, auto_commit=False, raise_exception=False, smtp_session=None, **options):
        """Let the mail of other servers leave, where the server of an account has ended the session: what was
        to leave by it goes on waiting."""
        try:
            return super()._send(
                auto_commit=auto_commit, raise_exception=raise_exception, smtp_session=smtp_session, **options
            )
        except smtplib.SMTPServerDisconnected:
            account_id = getattr(smtp_session, "email_account_id", None)
            if not account_id or raise_exception:
                raise
            _logger.info("The server of the email account %s has ended the session", account_id)
            # the last one that was touched was not sent, the session was over before
            last = self.filtered(lambda mail: mail.state == "exception")[-1:]
            last.write({"state": "outgoing", "failure_reason": False, "failure_type": False})
            notifications = self.env["mail.notification"].sudo()  # sudo: as Odoo writes them
            notifications.search([("mail_mail_id", "in", last.ids)]).filtered(
                lambda notification: notification.notification_status == "exception"
            ).write({"notification_status": "ready", "failure_reason": False, "failure_type": False})
            if auto_commit:
                self.env.cr.commit()  # pylint: disable=invalid-commit
            return True
