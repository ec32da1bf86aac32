from odoo import api, fields, models

from ..models.email_account_settings import PROVIDER_FIELDS
from .email_account_create import SAID_FIELDS

# what was found out, said or agreed to for the address
FOUND_FIELDS = (
    *SAID_FIELDS,
    "is_retry",
    "retry_date",
    "discovery_ref",
    "found_origin",
    "confirm_domain",
    "confirm_doubt",
    "working_direction",
)
# of that, what the first page shows
SHOWN_FIELDS = (*SAID_FIELDS, "is_retry", "retry_date", "discovery_ref")
# by which a provider knows a mailbox
LOGIN_FIELDS = ("username", "outgoing_username", "incoming_host", "outgoing_host")
# decided for the mailbox, on a page that is not shown again when its servers are found
MAILBOX_FIELDS = ("after_receiving", "delete_after_days")


class EmailAccountCreate(models.TransientModel):
    """What belongs to the domain of the address, and goes when that changes: no password is sent to the
    servers of another domain than the one that it was entered for."""

    _inherit = "email.account.create"

    settings_domain = fields.Char(
        readonly=True, help="The domain of the address that the settings are for, as DNS knows it."
    )
    is_submitted = fields.Boolean(readonly=True, help="A button was pressed with the password entered.")

    @api.model_create_multi
    def create(self, vals_list):
        wizards = super().create(vals_list)
        for wizard in wizards:
            wizard.settings_domain = self._get_email_domain(wizard.email)
        return wizards

    def write(self, vals):
        if "settings_domain" in vals:  # it follows the address
            return super().write(vals)
        for wizard in self:
            super(EmailAccountCreate, wizard).write(wizard._prepare_written_values(vals))
        return True

    def _prepare_written_values(self, vals):
        """Return ``vals``, and what goes because of them."""
        values = {}
        if self.refused_fingerprint and self._is_server_changed(self.refused_direction, vals):
            values |= {"refused_direction": False, "refused_server": False, "refused_fingerprint": False}
        if self.retry_date and self._is_changed(LOGIN_FIELDS, vals):
            values["retry_date"] = False  # another mailbox
        if "email" in vals:
            values |= self._prepare_readdressed_values(vals["email"])
        return values | vals

    def _is_server_changed(self, direction, vals):
        return self._is_changed((f"{direction}_host", f"{direction}_port"), vals)

    def _is_changed(self, names, vals):
        """Whether ``vals`` has another value for one of the fields ``names``."""
        return any((vals[name] or False) != (self[name] or False) for name in names if name in vals)

    def _prepare_readdressed_values(self, email):
        """Return what changes with the address. An address that is none changes nothing, so that whoever
        corrects it finds everything again."""
        domain = self._get_email_domain(email)
        values = {"settings_domain": domain} if domain else {}
        email = self._normalize_settings({"email": email})["email"]
        if not domain or email == self.email:
            return values
        if self.step == "done":
            values["account_id"] = False  # the next one is another
        if self.name == self.email:
            values["name"] = False
        if self._is_moving(domain):
            values |= self._prepare_emptied_values()
        else:
            values |= {"retry_date": False, **self._prepare_renamed_values(email)}
        return values

    def _is_moving(self, domain):
        """Whether what is on the wizard is for another domain than ``domain``."""
        return bool(domain and self.settings_domain and domain != self.settings_domain)

    def _prepare_emptied_values(self):
        values = dict.fromkeys(FOUND_FIELDS, False) | {"step": "start"}
        values |= self._prepare_default_values((*PROVIDER_FIELDS, *MAILBOX_FIELDS))
        if self._is_password_bound():
            values |= dict.fromkeys(self._secret_fields, False)
        return values

    def _is_password_bound(self):
        """Whether the password was entered for the address as it is. It is not yet while the first page is
        being filled in."""
        return self.is_submitted or bool(
            # a cancelled request writes nothing on the wizard
            self.env["email.account.discovery"].search_count(
                [("wizard_ref", "=", self.id), ("user_id", "=", self.env.uid)], limit=1
            )
        )

    def _prepare_renamed_values(self, email):
        """Return the user names for another address of the domain: those made of the address follow it."""
        forms = {self.email: False, (self.email or "").rpartition("@")[0]: email.rpartition("@")[0]}
        return {
            name: forms[self[name]]
            for name in ("username", "outgoing_username")
            if self[name] and self[name] in forms
        }

    # ------------------------------------------------------------
    # While the address is being typed
    # ------------------------------------------------------------

    @api.onchange("email")
    def _onchange_email(self):
        """What the page says is about the address as it was. Back at it, all is there again: what goes, goes
        when a button is pressed."""
        known = self._origin
        if not known:
            return
        domain = self._get_email_domain(self.email)
        is_moving = known._is_moving(domain)
        for name in SHOWN_FIELDS:
            self[name] = False if is_moving else known[name]
        if domain and self._normalize_settings({"email": self.email})["email"] != known.email:
            self.retry_date = False  # another mailbox

    @api.depends("email")
    def _compute_password_set(self):
        """Show that the password has to be entered again for an address of another domain."""
        result = super()._compute_password_set()
        for wizard in self.filtered(lambda wizard: wizard._origin and wizard._origin != wizard):
            known = wizard._origin
            if known._is_moving(self._get_email_domain(wizard.email)) and known._is_password_bound():
                wizard.password_set = wizard.outgoing_password_set = False
        return result
