from odoo import api, models


class EmailAccount(models.Model):
    """A stored password is for the servers for which it was entered."""

    _inherit = "email.account"

    @api.depends(
        "incoming_host",
        "incoming_security",
        "incoming_safe_logon",
        "outgoing_host",
        "outgoing_security",
        "outgoing_safe_logon",
    )
    def _compute_is_key_missing(self):
        return super()._compute_is_key_missing()

    def _get_secret_use(self, field):
        directions = ["outgoing"] if field == "outgoing_password" else ["outgoing", "incoming"]
        servers = [[self[f"{name}_host"] or "", self._get_exposure(name)] for name in directions]
        return super()._get_secret_use(field) + servers

    def _get_exposure(self, direction):
        return self._get_exposure_of(self, direction)

    @api.model
    def _get_exposure_of(self, settings, direction):
        """Return how the password goes to the server: 0 encrypted, 1 by safe logon alone, 2 as it is."""
        if settings[f"{direction}_security"] != "none":
            return 0
        return 1 if settings[f"{direction}_safe_logon"] else 2

    def _is_secret_use(self, field, stored):
        """Also where the password is better protected now, for which it need not be entered again."""
        name, number, *servers = self._get_secret_use(field)
        return stored[:2] == [name, number] and all(
            host == entered_for and exposure <= allowed
            for (host, exposure), (entered_for, allowed) in zip(servers, stored[2:], strict=True)
        )
