from odoo import api, fields, models
from odoo.exceptions import UserError


class EmailAccountOwned(models.AbstractModel):
    """A server of the host's mail stack that may be owned by an email account.

    What is derived from the account can be changed there only.
    """

    _name = "email.account.owned"
    _description = "Server Owned by an Email Account"

    _owned_fields = frozenset()

    email_account_id = fields.Many2one("email.account", readonly=True, copy=False, ondelete="cascade")

    _unique_email_account = models.UniqueIndex(
        "(email_account_id)", "The email account has such a server already."
    )

    def write(self, vals):
        if self._owned_fields & vals.keys():
            self._check_not_owned()
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_owned(self):
        self._check_not_owned()

    def _check_not_owned(self):
        owned = self.filtered("email_account_id")
        if owned and not self.env.context.get("email_account_sync"):
            raise UserError(
                self.env._(
                    "The server “%(server)s” belongs to the email account “%(account)s”: change it there.",
                    server=owned[0].display_name,
                    account=owned[0].email_account_id.sudo().display_name,
                )
            )

    def action_open_email_account(self):
        """Open the account that owns the server."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": "email.account",
            "res_id": self.email_account_id.id,
            "view_mode": "form",
        }
