from odoo import SUPERUSER_ID, api, fields, models
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

    @api.depends("email_account_id")
    @api.depends_context("uid", "lang")
    def _compute_display_name(self):
        """Tell the name, which is the account's, to who may use the account alone: what refers to a server (a
        message, a template, a mailing) is read with its name, whatever rules hide the server."""
        super()._compute_display_name()
        user = self.env.user
        if user.id == SUPERUSER_ID:
            return
        for server in self:
            # sudo: the account may be hidden
            account = server.sudo().email_account_id
            if account and not account._tells_name_to(user):
                server.display_name = account._get_hidden_name()

    @api.model_create_multi
    def create(self, vals_list):
        if not self._is_syncing():
            for vals in vals_list:
                self._check_no_owner_named(vals)
            # nor by a default, which would be one that the context brings
            vals_list = [vals | {"email_account_id": False} for vals in vals_list]
        return super().create(vals_list)

    def write(self, vals):
        if not self._is_syncing():
            self._check_no_owner_named(vals)
            if self._owned_fields & vals.keys():
                self._check_not_owned()
        return super().write(vals)

    def _is_syncing(self):
        """Whether an account has its servers follow it: a context comes from the web client too, what is done
        as superuser does not."""
        return self.env.su and self.env.context.get("email_account_sync")

    @api.model
    def _check_no_owner_named(self, vals):
        """Refuse to make a server one of an account, which would log in through it with its password."""
        if vals.get("email_account_id"):
            raise UserError(self.env._("An email account makes its servers itself: none can be given to it."))

    @api.ondelete(at_uninstall=False)
    def _unlink_except_owned(self):
        self._check_not_owned()

    def _check_not_owned(self):
        owned = self.filtered("email_account_id")
        if owned and not self._is_syncing():
            # sudo: the account may be hidden; then its name is too
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
