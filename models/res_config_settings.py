from odoo import fields, models


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    email_account_allowed_networks = fields.Char(
        "Internal Mail Servers",
        config_parameter="email_account.allowed_networks",
        help="Host names, addresses or networks, separated by commas, for example: mail.intranet, 10.0.0.0/8. "
        "Email accounts and the search for their settings connect to no other internal address.",
    )
    email_account_count = fields.Integer(compute="_compute_email_account_count")

    def _compute_email_account_count(self):
        self.email_account_count = self.env["email.account"].search_count([])
