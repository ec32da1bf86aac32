from odoo import models


class MailAlias(models.Model):
    _inherit = "mail.alias"

    def _alias_bounce_incoming_email(self, message, message_dict, set_invalid=True):
        """Nobody is told that his mail came back while it is kept, and perhaps only has to be tried again."""
        if self.env.context.get("email_account_receiving"):
            return None
        return super()._alias_bounce_incoming_email(message, message_dict, set_invalid=set_invalid)
