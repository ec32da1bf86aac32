from odoo import fields, models


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    email_account_count = fields.Integer(compute="_compute_email_account_count")

    def _compute_email_account_count(self):
        self.email_account_count = self.env["email.account"].search_count([])
