from odoo import models


class MailMail(models.Model):
    _inherit = "mail.mail"

    def _filter_mail_mail_servers(self, mail_servers):
        """Keep the servers of personal accounts to the messages of their owners."""
        creators = self.mail_message_id.create_uid
        return (
            super()
            ._filter_mail_mail_servers(mail_servers)
            # sudo: the account may be hidden from who sends
            .filtered(
                lambda server: server.sudo().email_account_id.user_id in (self.env["res.users"], creators)
            )
        )
