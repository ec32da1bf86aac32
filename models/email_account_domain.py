from odoo import api, fields, models

from .email_account_discovered import DIRECTION_NAMES
from .email_account_settings import PROVIDER_FIELDS


class EmailAccount(models.Model):
    """What becomes of an account whose address gets another domain.

    Its servers were those of the old one, and the new password shall not go there unless somebody says so.
    """

    _inherit = "email.account"

    moving_from = fields.Char(
        "Former Domain",
        compute="_compute_moving_from",
        help="The domain whose servers are on the form, while the address is one of another domain.",
    )
    keep_servers = fields.Boolean(
        "Keep the servers: they are right for the new address too",
        store=False,
        help="Set together with an address of another domain.",
    )

    @api.depends("email")
    def _compute_moving_from(self):
        for account in self:
            known = account._origin
            is_moving = known and known._is_other_domain(account.email) and known._has_servers()
            account.moving_from = is_moving and self._get_email_domain(known.email)

    def _is_other_domain(self, email):
        """Whether ``email`` is of another domain than the address of the account."""
        domains = (self._get_email_domain(self.email), self._get_email_domain(email))
        return all(domains) and domains[0] != domains[1]

    def _has_servers(self):
        return any(self[f"{direction}_host"] for direction in DIRECTION_NAMES)

    @api.onchange("email", "keep_servers")
    def _onchange_domain(self):
        """Show what saving takes away, and bring it back."""
        known = self._origin
        if not known:
            return
        is_leaving = bool(self.moving_from) and not self.keep_servers
        if is_leaving:
            self.update(known._prepare_left_values(self._get_other_servers(known)))
        elif known._has_servers():
            for direction in DIRECTION_NAMES:
                if not self[f"{direction}_host"]:
                    self.update({name: known[name] for name in self._get_direction_fields(direction)})
            for name in ("username", "outgoing_username", "login_incoming_first"):
                self[name] = self[name] or known[name]

    def _get_other_servers(self, known):
        """Return as values what was entered on the form in place of the servers of ``known``."""
        return {
            name: self[name]
            for direction in DIRECTION_NAMES
            if self[f"{direction}_host"] != known[f"{direction}_host"]
            for name in self._get_direction_fields(direction)
        }

    @api.model
    def _get_direction_fields(self, direction):
        return [name for name in PROVIDER_FIELDS if name.startswith(direction) and "username" not in name]

    def write(self, vals):
        self._check_types(vals)
        keeps, vals = vals.get("keep_servers"), {k: v for k, v in vals.items() if k != "keep_servers"}
        moved = self.filtered(lambda account: account._is_other_domain(vals.get("email")))
        if not moved:
            return super().write(vals)
        moved._check_password_entered(self._normalize_settings(vals))
        for account in self:
            values = vals
            if account in moved:
                provider = self.env["email.provider"]._find_by_domain(self._get_email_domain(vals["email"]))
                values = {"outgoing_password": False} | vals
                if not keeps:
                    values = {"provider_id": provider.id} | account._prepare_left_values(values) | values
            super(EmailAccount, account).write(values)
        moved._forget_discovery()
        return True

    def _prepare_left_values(self, vals):
        """Return the values of an account that has left its domain.

        :param dict vals: what was entered together with the new address; a direction whose server is among it
            stays as it is said there
        """
        names = [
            name
            for name in PROVIDER_FIELDS
            if name.endswith("username")
            or name in ("login_incoming_first", "timeout")
            or f"{name.partition('_')[0]}_host" not in vals
        ]
        return {
            name: value for name, value in self._prepare_default_values(names).items() if name not in vals
        }

    def copy_data(self, default=None):
        vals_list = super().copy_data(default)
        for account, vals in zip(self, vals_list, strict=True):
            if account._is_other_domain(vals.get("email")):
                vals |= account._prepare_left_values(default or {}) | {
                    "provider_id": (default or {}).get("provider_id", False)
                }
        return vals_list
