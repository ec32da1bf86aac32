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
# where the servers of Odoo's mail stack have their host and their password
HOST_FIELD = {"ir.mail_server": "smtp_host", "fetchmail.server": "server"}
PASSWORD_FIELD = {"ir.mail_server": "smtp_pass", "fetchmail.server": "password"}


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

    adopted_values = fields.Json(
        copy=False,
        groups=fields.NO_ACCESS,
        help="Of servers that were Odoo's own before: model -> field -> [value then, value as derived].",
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

    def _may_be_active(self, server):
        """Whether the owned ``server`` may be active: in a neutralized copy none is switched on."""
        return server.active or not self._is_neutralized()

    def _prepare_mail_server_values(self):
        """Return the values of the owned ``ir.mail_server``; it never holds a password."""
        self.ensure_one()
        return {
            "name": self.name,
            "email_account_id": self.id,
            "active": self.active and self.use_for_sending and self._may_be_active(self.mail_server_ids),
            "from_filter": ",".join(self._get_addresses() + self._get_domains()),
            "sequence": self.sequence,
            "smtp_host": self.outgoing_host or False,
            "smtp_port": self.outgoing_port,
            "smtp_encryption": SMTP_ENCRYPTION[self.outgoing_security or "tls"],
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
            "active": self.active
            and self.use_for_receiving
            and self._may_be_active(self.fetchmail_server_ids),
            "state": "draft" if self.state == "draft" else "done",
            "server": self.incoming_host or False,
            "port": self.incoming_port,
            "server_type": SERVER_TYPE[self.incoming_protocol or "imap"],
            "is_ssl": (self.incoming_security or "tls") == "tls",
            "user": self._get_username("incoming"),
            "password": False,
            "object_id": self.incoming_model_id.id,
        }

    # ------------------------------------------------------------
    # Servers that were there before, or stay behind
    # ------------------------------------------------------------

    def _adopt_servers(self, mail_server, fetchmail_server, values, ready):
        """Make stock servers the ones that the account owns: the same rows, so that what names them goes on.

        :param mail_server: `ir.mail_server` that no account owns; may be empty
        :param fetchmail_server: `fetchmail.server` likewise
        :param dict values: of the account, with the passwords, which the rows lose
        :param bool ready: they worked until now, so nothing stops
        """
        self.ensure_one()
        # sudo: as in `_sync_servers`
        account = self.sudo().with_context(email_account_sync=True)
        servers = [server.with_env(account.env) for server in (mail_server, fetchmail_server) if server]
        before = {server._name: self._get_derived_values(server) for server in servers}
        for server in servers:
            server.email_account_id = account
        self.write(values)
        if ready:
            self._set_state()
        adopted = {}
        for server in servers:
            now = self._get_derived_values(server)
            adopted[server._name] = {name: [value, now[name]] for name, value in before[server._name].items()}
        account.adopted_values = adopted

    @api.model
    def _get_derived_values(self, server):
        """Return what an account decides of ``server``, but for its password, as the database has it."""
        names = sorted(server._owned_fields - {"email_account_id", PASSWORD_FIELD[server._name]})
        return {name: server._fields[name].convert_to_write(server[name], server) for name in names}

    def _prepare_restored_values(self, server):
        """Return the values that an adopted server had before: those that nobody has changed since."""
        now, host = self._get_derived_values(server), HOST_FIELD[server._name]
        adopted = (self.adopted_values or {}).get(server._name, {})
        if not adopted or adopted[host][1] != now[host]:
            return {}  # it is another server
        values = {
            name: before
            for name, (before, derived) in adopted.items()
            if before != derived and derived == now[name]
        }
        if server._name == "fetchmail.server" and adopted["active"][1] != now["active"]:
            values.pop("state", None)  # receiving was switched on or off since
        return values

    def _release_servers__(self):
        """Give the owned servers to Odoo as stock servers, with their passwords: the addon goes.

        What Odoo cannot run as safely stays behind without a password: it knows neither STARTTLS for
        incoming servers nor servers of one user alone. What was not checked stays behind switched off.
        Adopted servers are as they were before, as far as nobody has changed them since; so what Odoo ran
        without encryption then, it does again.

        Odoo fetches what is not marked as read (IMAP), or all that is there (POP). What an account has
        received and left unread on the server is therefore fetched once more; Odoo drops it by its
        Message-Id. Mail without one, and what was kept as unprocessed, comes again.

        In a neutralized copy nothing works afterwards that did not before.
        """
        is_copy = self._is_neutralized()
        for account in self:
            # sudo: who uninstalls the addon need not be able to see every account
            account = account.sudo().with_context(email_account_sync=True)
            shared = not account.user_id and not is_copy
            servers = account.mail_server_ids
            restored = account._prepare_restored_values(servers) if servers else {}
            if is_copy:
                restored.pop("active", None)
            # Odoo refuses to archive a server that a template or a mailing still names
            if (not shared or account.state == "draft") and not servers._active_usages_compute():
                restored["active"] = False
            servers.write(
                {
                    "email_account_id": False,
                    "smtp_pass": shared and account._get_released_password__("outgoing"),
                    **restored,
                }
            )
            servers = account.fetchmail_server_ids
            restored = account._prepare_restored_values(servers) if servers else {}
            if is_copy:
                restored = {
                    name: value for name, value in restored.items() if name not in ("active", "state")
                }
            polled = shared and (account.incoming_security == "tls" or account._was_clear())
            servers.write(
                {
                    "email_account_id": False,
                    "state": "done" if polled and account.state != "draft" else "draft",
                    "password": polled and account._get_released_password__("incoming"),
                    **restored,
                }
            )

    def _was_clear(self):
        """Whether Odoo ran the adopted incoming server without encryption before, and it is the same yet."""
        adopted = (self.adopted_values or {}).get("fetchmail.server", {})
        return (
            bool(adopted)
            and self.incoming_security == "none"
            and not adopted["is_ssl"][0]
            and adopted["server"][1] == self.fetchmail_server_ids.server
        )

    def _get_released_password__(self, direction):
        try:
            return self._get_login__(direction).password
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
