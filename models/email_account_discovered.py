from odoo import api, fields, models
from odoo.exceptions import UserError

from .. import autoconfig
from .account_source import AccountSource

# where mail of an address goes, as a discovery says it
FOUND_FIELDS = {
    "email",
    "incoming_protocol",
    "incoming_host",
    "incoming_port",
    "incoming_security",
    "outgoing_host",
    "outgoing_port",
    "outgoing_security",
}
DIRECTION_NAMES = ("outgoing", "incoming")


class EmailAccount(models.Model):
    """Where the servers of an account come from, and what the next user of its domain gets of them."""

    _inherit = "email.account"

    settings_origin = fields.Selection(
        [
            ("manual", "Entered by hand"),
            ("found", "Found automatically"),
            ("changed", "Found automatically, then changed by hand"),
        ],
        "Servers",
        default="manual",
        required=True,
        readonly=True,
        copy=False,
    )
    discovery_id = fields.Many2one(
        "email.account.discovery", readonly=True, copy=False, ondelete="set null", index="btree_not_null"
    )
    discovery_trusted = fields.Boolean(
        readonly=True,
        copy=False,
        help="The servers are those of a discovery whose every step was authenticated.",
    )

    def _set_discovery_changed(self):
        """The servers are not those of a discovery any more."""
        for account in self.filtered(lambda account: account.settings_origin == "found"):
            account._write_discovery({"settings_origin": "changed", "discovery_trusted": False})

    def _forget_discovery(self):
        """The address has left the domain that was looked for."""
        # sudo: users only read what happened
        self.sudo().discovery_id.unlink()
        self._write_discovery({"discovery_id": False, "discovery_trusted": False})

    def _set_discovery(self, discovery):
        """Note that the settings come from ``discovery``, an `email.account.discovery` of this account."""
        strange = [
            name for name in DIRECTION_NAMES if self[f"{name}_host"] and not self._is_found(name, discovery)
        ]
        self._write_discovery(
            {
                "discovery_id": discovery.id,
                "settings_origin": "changed" if set(strange) & set(self._get_directions()) else "found",
                # also a server that is not used at the moment: that can be switched on later
                "discovery_trusted": discovery.trusted and not strange,
            }
        )

    def _is_found(self, direction, discovery):
        """Whether ``discovery`` has found the server of ``direction``."""
        place = (
            self._get_protocol(direction),
            self[f"{direction}_host"],
            self[f"{direction}_port"],
            self[f"{direction}_security"],
        )
        return any(
            place == (server.protocol, server.host, server.port, server.security)
            for server in discovery._get_servers(direction)
        )

    def _write_discovery(self, values):
        # sudo: written past the override, which lets nobody write it; the account itself was just written
        models.BaseModel.write(self.sudo(), values)

    @api.model
    def _autoconfig_sources(self):
        """Return the sources that discovery asks, best first: objects as in ``autoconfig.sources``.

        Override it to add a source or to leave one out.
        """
        providers = self.env["email.provider"]._get_known_providers()
        return [AccountSource(self), *autoconfig.default_sources(providers=providers)]

    @api.model
    def _find_working_account(self, domain):
        """Return the account whose servers suit a new address in ``domain``, an empty one if there is none.

        Who sets up an account of his own may name servers of his own, and would be sent the password of the
        next user: so it has to be a shared one, or one whose servers come from a trusted discovery.
        """
        # sudo: it may be somebody's personal account; only where mail goes is taken from it
        accounts = self.sudo().search(
            [
                ("email_normalized", "=like", f"%@{domain}"),
                ("state", "=", "ready"),
                ("company_id", "in", self.env.companies.ids),
                "|",
                ("user_id", "=", False),
                ("discovery_trusted", "=", True),
            ]
        )
        return accounts.sorted(lambda account: len(account._get_working_directions()), reverse=True)[:1]

    def _get_working_directions(self):
        """Return the directions with a server to which the password of a colleague can go unasked."""
        return [
            direction
            for direction in (self._get_directions() if self else ())
            if self[f"{direction}_host"]
            and self[f"{direction}_security"] != "none"
            and self._is_login_of_domain(direction)
        ]

    def _is_login_of_domain(self, direction):
        """Whether the server of ``direction`` knows the mailboxes of the domain, as far as the login tells.

        An address of another domain, or a password of its own (a relay's), says that it does not.
        """
        domain = self._get_email_domain(self._get_username(direction))
        has_own_password = direction == "outgoing" and self.outgoing_password_set
        return not has_own_password and domain in ("", self._get_email_domain(self.email))

    def action_open_discovery(self):
        """Show how the settings were found."""
        self.ensure_one()
        if not self.discovery_id:
            raise UserError(self.env._("The servers of %s were entered by hand.", self.name))
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("How were these settings found?"),
            "res_model": self.discovery_id._name,
            "res_id": self.discovery_id.id,
            "views": [(False, "form")],
            "target": "new",
        }
