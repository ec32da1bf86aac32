from odoo import api, fields, models


class MailMessage(models.Model):
    _inherit = "mail.message"

    email_account_id = fields.Many2one(
        "email.account",
        "Received by",
        readonly=True,
        index="btree_not_null",
        ondelete="set null",
        groups="base.group_user",
    )

    @api.model_create_multi
    def create(self, vals_list):
        account_id = self.env.su and self.env.context.get("email_account_receiving")
        if account_id:
            for vals in vals_list:
                if vals.get("message_type") == "email":
                    vals["email_account_id"] = account_id
        vals_list = [self._without_account(vals) for vals in vals_list]
        if "default_email_account_id" in self.env.context:
            vals_list = [{"email_account_id": False} | vals for vals in vals_list]
        return super().create(vals_list)

    def write(self, vals):
        return super().write(self._without_account(vals))

    @api.model
    def _without_account(self, vals):
        """Return ``vals`` without the account: who has received a message is nobody's to claim."""
        if self.env.su:
            return vals
        return {name: value for name, value in vals.items() if name != "email_account_id"}
