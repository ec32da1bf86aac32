from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError

from ..autoconfig import port_ranges
from .email_account_application import GRANTED
from .email_account_rights import NO_PERSONAL
from .secret_keys import KEY_FILE


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    email_account_allowed_networks = fields.Char(
        "Internal Mail Servers",
        config_parameter="email_account.allowed_networks",
        help="Host names, addresses or networks, separated by commas, for example: mail.intranet, "
        "10.0.0.0/8. "
        "Email accounts and the search for their settings connect to no other internal address.",
    )
    email_account_personal = fields.Boolean("Personal Email Accounts")
    email_account_allowed_ports = fields.Char(
        "More Ports of Mail Servers",
        config_parameter="email_account.allowed_ports",
        help="Ports or ranges, separated by commas, for example: 2465, 10000-10010. Email accounts connect "
        "to the ports that mail servers usually have (25, 110, 143, 465, 587, 993, 995, 2525) only.",
    )
    email_account_granted_senders = fields.Char(
        "Granted Domains and Addresses",
        config_parameter=GRANTED,
        help="Separated by commas, for example: example.com, info@example.org. Managers of email accounts "
        "who are not administrators of the settings may let accounts with these addresses send the "
        "application's own mail, and may enter these domains and addresses as Other Addresses.",
    )
    email_account_count = fields.Integer(compute="_compute_email_account_count")
    email_account_key_place = fields.Selection(
        [
            ("configuration", "Odoo's configuration file"),
            ("environment", "The environment"),
            ("file", "A generated file"),
            ("none", "None yet"),
            ("invalid", "Not valid"),
        ],
        compute="_compute_email_account_key",
        help="Where the key comes from with which passwords are encrypted at the moment.",
    )
    email_account_key_file = fields.Char(compute="_compute_email_account_key")
    email_account_key_problem = fields.Text(compute="_compute_email_account_key")

    @api.constrains("email_account_allowed_ports")
    def _check_email_account_allowed_ports(self):
        for settings in self:
            try:
                port_ranges(settings.email_account_allowed_ports or "")
            except ValueError as error:
                raise ValidationError(
                    self.env._(
                        "More Ports of Mail Servers: “%s” is not a port (1 to 65535) or a range of ports, as "
                        "in 10000-10010.",
                        error,
                    )
                ) from error

    @api.constrains("email_account_granted_senders")
    def _check_email_account_granted_senders(self):
        accounts = self.env["email.account"]
        for settings in self:
            granted = settings.email_account_granted_senders
            entries = zip(accounts._split_addresses(granted), accounts._split_granted(granted), strict=True)
            for entry, name in entries:
                if not name:
                    raise ValidationError(
                        self.env._(
                            "Granted Domains and Addresses: “%s” is neither a domain, such as example.com, "
                            "nor an email address.",
                            entry,
                        )
                    )

    @api.model
    def get_values(self):
        return super().get_values() | {
            "email_account_personal": self.env["email.account"]._are_personal_allowed()
        }

    def set_values(self):
        self.env["ir.config_parameter"].set_param(NO_PERSONAL, not self.email_account_personal)
        return super().set_values()

    def _compute_email_account_count(self):
        self.email_account_count = self.env["email.account"].search_count([])

    def _compute_email_account_key(self):
        problem = False
        try:
            keys = self.env["email.account"]._get_placed_keys__()
            place = keys[0][0] if keys else "none"
        except UserError as error:
            place, problem = "invalid", str(error)
        self.email_account_key_place = place
        self.email_account_key_file = KEY_FILE
        self.email_account_key_problem = problem

    def action_rotate_email_account_keys(self):
        """Encrypt all passwords with the first of the present keys, and say how many."""
        if not self.env.is_system():
            raise AccessError(self.env._("Only administrators may encrypt the passwords again."))
        rotated, lost = self.env["email.account"]._rotate_keys()
        messages = []
        if rotated:
            messages.append(self.env._("%s passwords were encrypted again.", rotated))
        elif not lost:
            messages.append(self.env._("There was nothing to do: the first key opens all passwords."))
        if lost:
            messages.append(
                self.env._(
                    "%s passwords cannot be opened with any key that is there. They are as they were: "
                    "restore the key, or enter those passwords again.",
                    lost,
                )
            )
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "warning" if lost else "success",
                "message": " ".join(messages),
                "sticky": bool(lost),
            },
        }
