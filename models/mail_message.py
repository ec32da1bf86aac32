from odoo import api, fields, models


class MailMessage(models.Model):
    _inherit = "mail.message"

    email_account_id = fields.Many2one(
        "email.account", "Received by", readonly=True, index="btree_not_null", ondelete="set null"
    )

    @api.model_create_multi
    def create(self, vals_list):
        account_id = self.env.su and self.env.context.get("email_account_receiving")
        if account_id:
            for vals in vals_list:
                if vals.get("message_type") == "email":
                    vals["email_account_id"] = account_id
        return super().create(vals_list)
