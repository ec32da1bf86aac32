from odoo import models


class MailAlias(models.Model):
    _inherit = "mail.alias"

    def _alias_bounce_incoming_email(self, message, message_dict, set_invalid=True):
        """Whose mail an alias refuses is told so; whose mail has met an error is not: it is kept, and perhaps
        only has to be tried again."""
        context = self.env.context
        if context.get("email_account_receiving") and not context.get("email_account_routing"):
            return None
        return super()._alias_bounce_incoming_email(message, message_dict, set_invalid=set_invalid)
