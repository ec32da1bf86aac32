from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError

from .email_account_discovered import DIRECTION_NAMES, FOUND_FIELDS
from .email_account_servers import CONNECTION_FIELDS

# who changes one of these decides where the stored password goes, so he has to know it
PASSWORD_FIELDS = {"email", "username", "incoming_host", "outgoing_host", "outgoing_username"}
SECURITY_FIELDS = {"incoming_security", "outgoing_security"}
# who a shared account is limited to
LIMIT_FIELDS = {"allowed_user_ids", "allowed_group_ids"}
MANAGED_FIELDS = {"user_id", "company_id", "use_for_notifications"} | LIMIT_FIELDS
# what a check or a run of the mail stack has found out
PROOF_FIELDS = {"state", "has_logged_in", "last_error", "last_error_details", "last_check_date"}
# they follow other fields: who writes them would have an account pass for that of another address
COMPUTED_FIELDS = {"email_normalized", "is_limited"}
# nobody may claim what a discovery says of itself, or a certificate that was not seen
READONLY_FIELDS = {
    "settings_origin": "manual",
    "discovery_id": False,
    "discovery_trusted": False,
    "incoming_fingerprint": False,
    "outgoing_fingerprint": False,
}


class EmailAccount(models.Model):
    """What may be changed, by whom, and when the password has to be known for it."""

    _inherit = "email.account"

    is_archived_by_administrator = fields.Boolean(
        "Archived by an Administrator",
        readonly=True,
        copy=False,
        help="The owner of the account cannot restore it.",
    )

    @api.model_create_multi
    def create(self, vals_list):
        if not self._can_manage():
            # who may not manage accounts adds his own
            for vals in vals_list:
                self._check_may_change({name: vals[name] for name in LIMIT_FIELDS & vals.keys()})
            vals_list = [vals | {"user_id": self.env.uid} for vals in vals_list]
        # said, not left out: a default could be anything
        return super().create([self._without_claims(vals) | READONLY_FIELDS for vals in vals_list])

    @api.model
    def default_get(self, fields):
        """Leave out what nobody may claim: a context and a user's own defaults could claim it as well."""
        values = super().default_get(fields)
        claims = self._get_claims() | COMPUTED_FIELDS | {"adopted_values"}
        values = {name: value for name, value in values.items() if name not in claims}
        return values | ({"state": "draft"} if "state" in fields else {})

    @api.model
    def _get_claims(self):
        """Return the names of what only checks, runs and administrators decide: nobody may claim it."""
        return PROOF_FIELDS | {"is_archived_by_administrator"}

    @api.model
    def _without_claims(self, vals):
        """Return ``vals`` without what nobody may claim."""
        names = COMPUTED_FIELDS if self.env.su else COMPUTED_FIELDS | self._get_claims()
        return {name: value for name, value in vals.items() if name not in names}

    def write(self, vals):
        vals = self._without_claims(self._normalize_settings(vals))
        vals = {name: value for name, value in vals.items() if name not in READONLY_FIELDS}
        self._check_may_change(vals)
        self._check_password_entered(vals)
        unchecked = self.filtered(lambda account: account._is_connection_changed(vals))
        moved = self.filtered(lambda account: account._is_changed(FOUND_FIELDS, vals))
        result = super().write(vals)
        unchecked.filtered("has_logged_in").sudo().has_logged_in = False  # sudo: see `_without_claims`
        if "state" not in vals:
            unchecked.sudo().state = "draft"  # sudo: see `_without_claims`
        moved._set_discovery_changed()
        return result

    def _is_connection_changed(self, vals):
        """Whether ``vals`` has another connection than the one that was checked; passwords count always."""
        return not vals.keys().isdisjoint(self._secret_fields) or self._is_changed(CONNECTION_FIELDS, vals)

    def _is_changed(self, names, vals):
        """Whether ``vals`` has another value for one of the fields ``names``."""
        return any((vals[name] or False) != (self[name] or False) for name in names & vals.keys())

    def _check_may_change(self, vals):
        """Record rules are asked before a write only: nobody gives his account to somebody else by one."""
        changed = MANAGED_FIELDS & vals.keys()
        if changed and not self._can_manage():
            raise AccessError(
                self.env._("Only who manages email accounts may change: %s.", self._get_labels(changed))
            )
        if self.env.su:
            return
        if vals.get("company_id", self.env.company.id) not in self.env.companies.ids:
            raise AccessError(self.env._("Company: choose one of those that you work for."))
        # its owner would go on under the same address otherwise
        kept = {name: vals[name] for name in ("active", "email") if name in vals}
        self.filtered(lambda account: account._is_changed(kept.keys(), vals))._check_not_archived()

    def _check_not_archived(self):
        """:raises UserError: an administrator has archived one of the accounts"""
        archived = self.filtered("is_archived_by_administrator")
        if archived and not self.env.su:
            raise UserError(
                self.env._(
                    "%s was archived by an administrator: ask an administrator to restore it.",
                    archived[0].name,
                )
            )

    @api.ondelete(at_uninstall=False)
    def _unlink_except_archived(self):
        """Who may not restore his account does not begin again with another for its address either."""
        self._check_not_archived()

    def _check_password_entered(self, vals):
        """Refuse to send a stored password somewhere else on the word of who does not know it."""
        for account in self.filtered("password_set"):
            changed = {
                field
                for field in PASSWORD_FIELDS & vals.keys()
                if (account[field] or False) != (vals[field] or False)
            } | {
                field
                for field in SECURITY_FIELDS & vals.keys()
                if vals[field] == "none" and account[field] != "none"
            }
            # without encryption, it keeps the password from being sent readable
            changed |= {
                f"{direction}_safe_logon"
                for direction in DIRECTION_NAMES
                if account[f"{direction}_safe_logon"]
                and not vals.get(f"{direction}_safe_logon", True)
                and vals.get(f"{direction}_security", account[f"{direction}_security"]) == "none"
            }
            missing = {"password"} - vals.keys()
            if account.outgoing_password_set and any(field.startswith("outgoing_") for field in changed):
                missing |= {"outgoing_password"} - vals.keys()
            if changed and missing:
                raise ValidationError(
                    self.env._(
                        "%(password)s: enter it again, because you changed %(fields)s.",
                        password=account._get_labels(missing),
                        fields=account._get_labels(changed),
                    )
                )

    def _get_labels(self, names):
        """Return the labels of the fields ``names`` as one text."""
        return ", ".join(self._fields[name]._description_string(self.env) for name in sorted(names))
