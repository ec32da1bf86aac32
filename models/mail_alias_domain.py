from odoo import api, models


class MailAliasDomain(models.Model):
    _inherit = "mail.alias.domain"

    @api.model
    def _find_aliases(self, email_list):
        """While a mail that an account received is processed, look once for each address: Odoo asks nine
        times for sender and recipients. The answers are in the context, for this mail alone."""
        known = self.env.context.get("email_account_aliases")
        if known is None:
            return super()._find_aliases(email_list)
        if any(known.get(email) is None for email in email_list):
            # those that will be asked for, too
            unknown = {*email_list, *known} - {email for email, found in known.items() if found is not None}
            found = super()._find_aliases(list(unknown))
            known.update((email, email in found) for email in unknown)
        return [email for email in email_list if known[email]]
