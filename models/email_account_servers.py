from odoo import api, fields, models
from odoo.exceptions import UserError

# a change of one of these was not checked yet
CONNECTION_FIELDS = {
    "email",
    "username",
    "password",
    "incoming_protocol",
    "incoming_host",
    "incoming_port",
    "incoming_security",
    "incoming_safe_logon",
    "outgoing_host",
    "outgoing_port",
    "outgoing_security",
    "outgoing_safe_logon",
    "outgoing_username",
    "outgoing_password",
    "login_incoming_first",
    "incoming_fingerprint",
    "outgoing_fingerprint",
}
# what the owned servers are derived from, beside the connection
DERIVED_FIELDS = {
    "name",
    "sequence",
    "active",
    "state",
    "use_for_sending",
    "use_for_receiving",
    "incoming_model_id",
    "other_addresses",
}
SMTP_ENCRYPTION = {"tls": "ssl_strict", "starttls": "starttls_strict", "none": "none"}
SERVER_TYPE = {"imap": "imap", "pop3": "pop"}


class EmailAccountServers(models.AbstractModel):
    """The servers of Odoo's mail stack that an account owns: derived from it and kept in step."""

    _name = "email.account.servers"
    _description = "Servers that an Email Account Owns"
    _inherit = "email.account.settings"

    mail_server_id = fields.Many2one(
        "ir.mail_server", "Outgoing Mail Server", compute="_compute_servers", compute_sudo=True
    )
    fetchmail_server_id = fields.Many2one(
        "fetchmail.server", "Incoming Mail Server", compute="_compute_servers", compute_sudo=True
    )
    mail_server_ids = fields.One2many(
        "ir.mail_server", "email_account_id", context={"active_test": False}, groups="base.group_system"
    )
    fetchmail_server_ids = fields.One2many(
        "fetchmail.server", "email_account_id", context={"active_test": False}, groups="base.group_system"
    )

    @api.depends("mail_server_ids", "fetchmail_server_ids")
    def _compute_servers(self):
        for account in self:
            account.mail_server_id = account.mail_server_ids[:1]
            account.fetchmail_server_id = account.fetchmail_server_ids[:1]

    @api.model_create_multi
    def create(self, vals_list):
        accounts = super().create(vals_list)
        accounts._sync_servers()
        return accounts

    def write(self, vals):
        result = super().write(vals)
        if (CONNECTION_FIELDS | DERIVED_FIELDS) & vals.keys():
            self._sync_servers()
        return result

    def unlink(self):
        self.check_access("unlink")
        # sudo: who may delete the account may not touch the host's server records, which follow it
        accounts = self.sudo().with_context(email_account_sync=True)
        accounts.mail_server_ids.unlink()
        accounts.fetchmail_server_ids.unlink()
        return super().unlink()

    def _sync_servers(self):
        """Create or update the servers that the accounts own."""
        for account in self:
            # sudo: the owner of an account may not touch the host's server records, which follow it
            account = account.sudo().with_context(email_account_sync=True)
            if account.outgoing_host and account.use_for_sending or account.mail_server_ids:
                account._sync_server(account.mail_server_ids, account._prepare_mail_server_values())
            if account.incoming_host and account.use_for_receiving or account.fetchmail_server_ids:
                account._sync_server(account.fetchmail_server_ids, account._prepare_fetchmail_server_values())

    def _sync_server(self, server, values):
        if not server:
            server.create(values)
            return
        changed = {
            name: value
            for name, value in values.items()
            if (server[name].id if server._fields[name].type == "many2one" else server[name]) != value
        }
        if changed:
            server.write(changed)

    def _prepare_mail_server_values(self):
        """Return the values of the owned ``ir.mail_server``; it never holds a password."""
        self.ensure_one()
        return {
            "name": self.name,
            "email_account_id": self.id,
            "active": self.active and self.use_for_sending,
            "from_filter": ",".join(self._get_addresses()),
            "sequence": self.sequence,
            "smtp_host": self.outgoing_host or False,
            "smtp_port": self.outgoing_port,
            "smtp_encryption": SMTP_ENCRYPTION[self.outgoing_security],
            "smtp_authentication": "login",
            "smtp_user": self._get_username("outgoing"),
            "smtp_pass": False,
        }

    def _prepare_fetchmail_server_values(self):
        """Return the values of the owned ``fetchmail.server``; it never holds a password.

        An account that was never checked gives a server that is not confirmed: Odoo does not poll it.
        """
        self.ensure_one()
        return {
            "name": self.name,
            "email_account_id": self.id,
            "active": self.active and self.use_for_receiving,
            "state": "draft" if self.state == "draft" else "done",
            "server": self.incoming_host or False,
            "port": self.incoming_port,
            "server_type": SERVER_TYPE[self.incoming_protocol],
            "is_ssl": self.incoming_security == "tls",
            "user": self._get_username("incoming"),
            "password": False,
            "object_id": self.incoming_model_id.id,
        }

    def _release_servers(self):
        """Give the owned servers to Odoo as stock servers, with their passwords: the addon goes.

        What Odoo cannot run as safely stays behind without a password: it knows neither STARTTLS for
        incoming servers nor servers of one user alone. What was not checked stays behind switched off.
        """
        for account in self:
            # sudo: who uninstalls the addon need not be able to see every account
            account = account.sudo().with_context(email_account_sync=True)
            shared = not account.user_id
            servers = account.mail_server_ids
            # Odoo refuses to archive a server that a template or a mailing still names
            if (not shared or account.state == "draft") and not servers._active_usages_compute():
                servers.active = False
            servers.write(
                {
                    "email_account_id": False,
                    "smtp_pass": shared and account._get_released_password("outgoing"),
                }
            )
            polled = shared and account.incoming_security == "tls"
            account.fetchmail_server_ids.write(
                {
                    "email_account_id": False,
                    "state": "done" if polled and account.state != "draft" else "draft",
                    "password": polled and account._get_released_password("incoming"),
                }
            )

    def _get_released_password(self, direction):
        try:
            return self._get_login(direction).password
        except UserError:
            return False  # its key is lost: to be entered again

    def _action_open_server(self, server):
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": server._name,
            "res_id": server.id,
            "view_mode": "form",
            "name": server.display_name,
        }

    def action_open_mail_server(self):
        return self._action_open_server(self.mail_server_id)

    def action_open_fetchmail_server(self):
        return self._action_open_server(self.fetchmail_server_id)
