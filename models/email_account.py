from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tools import email_normalize

from .. import autoconfig
from .account_source import AccountSource
from .email_account_servers import CONNECTION_FIELDS

# who changes one of these decides where the stored password goes, so he has to know it
PASSWORD_FIELDS = {"email", "username", "incoming_host", "outgoing_host", "outgoing_username"}
SECURITY_FIELDS = {"incoming_security", "outgoing_security"}
MANAGED_FIELDS = {"user_id", "company_id", "use_for_notifications"}
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
# nobody may claim what a discovery says of itself, or a certificate that was not seen
READONLY_FIELDS = {
    "settings_origin": "manual",
    "discovery_id": False,
    "discovery_trusted": False,
    "incoming_fingerprint": False,
    "outgoing_fingerprint": False,
}


class EmailAccount(models.Model):
    """A mailbox that this database sends from and receives into.

    The account owns one outgoing and one incoming server of Odoo's mail stack. They are derived from it,
    never the other way round, and hold no password: the connection takes it from the account.
    """

    _name = "email.account"
    _description = "Email Account"
    _inherit = ["email.account.received", "mail.thread", "mail.activity.mixin"]
    _order = "sequence, name, id"
    _rec_names_search = ["name", "email"]

    name = fields.Char(
        "Description",
        compute="_compute_name",
        store=True,
        readonly=False,
        precompute=True,
        required=True,
        tracking=True,
    )
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True, tracking=True)
    email = fields.Char(required=True, tracking=True)
    email_normalized = fields.Char(compute="_compute_email_normalized", store=True, precompute=True)
    company_id = fields.Many2one(
        "res.company", required=True, default=lambda self: self.env.company, index=True
    )
    user_id = fields.Many2one(
        "res.users",
        "Owner",
        index="btree_not_null",
        tracking=True,
        domain="[('share', '=', False), ('company_ids', 'in', company_id)]",
        help="A personal account is seen and used by its owner alone. Empty: shared with everybody.",
    )
    use_for_notifications = fields.Boolean(
        "Send the application's own notifications",
        help="Mail that has no account of its own leaves through this one, with the sender's name and this "
        "address.",
    )
    use_for_sending = fields.Boolean(tracking=True)
    use_for_receiving = fields.Boolean(tracking=True)
    incoming_host = fields.Char(tracking=True)
    outgoing_host = fields.Char(tracking=True)
    other_addresses = fields.Char(
        help="Other addresses of the same mailbox (aliases, the address of the login), separated by commas. "
        "Mail from them leaves through this account with their own address. @example.com stands for all "
        "addresses of a domain.",
        tracking=True,
    )
    bcc_email = fields.Char(
        "Always Bcc this address", help="For servers that keep no copy of what was sent, for instance."
    )
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
    is_configured = fields.Boolean(compute="_compute_is_configured")
    directions = fields.Char(compute="_compute_directions")

    _unique_address = models.UniqueIndex(
        "(company_id, email_normalized)",
        "There is already an email account for this address in this company, perhaps an archived or a "
        "personal one. Open that one instead.",
    )
    _unique_notifications = models.UniqueIndex(
        "(company_id) WHERE use_for_notifications",
        "Another account of this company already sends the application's own notifications. Switch it off "
        "there first.",
    )

    # ------------------------------------------------------------
    # Computed fields
    # ------------------------------------------------------------

    @api.depends("email")
    def _compute_name(self):
        for account in self:
            account.name = account.name or account.email

    @api.depends("email")
    def _compute_email_normalized(self):
        for account in self:
            account.email_normalized = email_normalize(account.email) or (account.email or "").lower()

    @api.depends(
        "use_for_sending", "use_for_receiving", "outgoing_host", "incoming_host", "password_encrypted"
    )
    def _compute_is_configured(self):
        for account in self:
            account.is_configured = account.password_set and all(
                account[f"{direction}_host"] for direction in account._get_directions()
            )

    @api.depends("use_for_sending", "use_for_receiving")
    def _compute_directions(self):
        for account in self:
            names = {"outgoing": self.env._("Sending"), "incoming": self.env._("Receiving")}
            account.directions = ", ".join(names[direction] for direction in account._get_directions())

    # ------------------------------------------------------------
    # Validation
    # ------------------------------------------------------------

    @api.constrains("use_for_sending", "use_for_receiving")
    def _check_directions(self):
        self._validate_directions()

    @api.constrains("incoming_port", "outgoing_port")
    def _check_ports(self):
        self._validate_ports()

    @api.constrains("timeout", "delete_after_days")
    def _check_durations(self):
        self._validate_durations()

    @api.constrains("user_id", "use_for_notifications")
    def _check_use_for_notifications(self):
        if self.filtered(lambda account: account.user_id and account.use_for_notifications):
            raise ValidationError(
                self.env._("A personal account cannot send the application's own notifications.")
            )

    @api.constrains("bcc_email")
    def _check_bcc_email(self):
        for account in self.filtered("bcc_email"):
            if not email_normalize(account.bcc_email):
                raise ValidationError(
                    self.env._("Always Bcc this address: “%s” is not one email address.", account.bcc_email)
                )

    @api.constrains("other_addresses")
    def _check_other_addresses(self):
        for account in self:
            for address in account._split_addresses(account.other_addresses):
                # of a domain, some name at it has to be an address
                if email_normalize(f"any{address}" if address.startswith("@") else address) not in (
                    address,
                    f"any{address}",
                ):
                    raise ValidationError(
                        self.env._("Other Addresses: “%s” is not one email address.", address)
                    )

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

    # ------------------------------------------------------------
    # Create, write, copy
    # ------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        if not self._can_manage():
            # who may not manage accounts adds his own
            vals_list = [vals | {"user_id": self.env.uid} for vals in vals_list]
        # said, not left out: a default could be anything
        return super().create([vals | READONLY_FIELDS for vals in vals_list])

    def write(self, vals):
        vals = self._normalize_settings(vals)
        vals = {name: value for name, value in vals.items() if name not in READONLY_FIELDS}
        self._check_may_change(vals)
        self._check_password_entered(vals)
        unchecked = self.filtered(lambda account: account._is_connection_changed(vals))
        moved = self.filtered(lambda account: account._is_changed(FOUND_FIELDS, vals))
        result = super().write(vals)
        if "state" not in vals:
            unchecked.state = "draft"
        moved._set_discovery_changed()
        return result

    def _set_discovery_changed(self):
        """The servers are not those of a discovery any more."""
        for account in self.filtered(lambda account: account.settings_origin == "found"):
            account._write_discovery({"settings_origin": "changed", "discovery_trusted": False})

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

    def _accept_certificate(self, direction, fingerprint):
        """Log in to the server of ``direction`` from now on although it made its certificate itself.

        :param str fingerprint: SHA-256 of the certificate that a check has seen
        """
        self.ensure_one()
        self.check_access("write")
        # past the override, which lets nobody write a fingerprint that was not seen
        models.BaseModel.write(self, {f"{direction}_fingerprint": fingerprint})
        labels = dict(
            self.env["email.account.check.step"]._fields["direction"]._description_selection(self.env)
        )
        self.message_post(
            body=self.env._(
                "%(direction)s: accepted the certificate that %(host)s made itself (SHA-256 "
                "%(fingerprint)s).",
                direction=labels[direction],
                host=self[f"{direction}_host"],
                fingerprint=fingerprint,
            )
        )

    def _write_discovery(self, values):
        # sudo: written past the override, which lets nobody write it; the account itself was just written
        models.BaseModel.write(self.sudo(), values)

    @api.ondelete(at_uninstall=False)
    def _unlink_unprocessed(self):
        """Mail that nobody has decided about is not deleted along; what was discarded is."""
        # sudo: who may delete the account may not touch what it has received, which goes with it; the
        # database would leave the sources
        mails = self.sudo().unprocessed_ids
        undecided = mails.filtered(lambda mail: mail.state != "discarded")
        if undecided:
            raise UserError(
                self.env._(
                    "%(account)s has unprocessed mail (%(count)s): assign or discard it first, or archive "
                    "the account.",
                    account=undecided[0].account_id.name,
                    count=len(undecided),
                )
            )
        mails.unlink()

    def copy_data(self, default=None):
        if "email" not in (default or {}):
            raise UserError(
                self.env._("There is one account for an address: an account cannot be duplicated.")
            )
        return super().copy_data(default)

    # ------------------------------------------------------------
    # Use
    # ------------------------------------------------------------

    @api.model
    def _split_addresses(self, addresses):
        return [address.strip().lower() for address in (addresses or "").split(",") if address.strip()]

    def _get_other_addresses(self):
        """Return the addresses of the mailbox beside its own, normalized."""
        others = [name for name in self._split_addresses(self.other_addresses) if not name.startswith("@")]
        return [address for address in dict.fromkeys(others) if address != self.email_normalized]

    def _get_domains(self):
        """Return the domains whose addresses are all the account's to send from, in lower case."""
        names = self._split_addresses(self.other_addresses)
        return list(dict.fromkeys(name[1:] for name in names if name.startswith("@")))

    def _is_own_address(self, email):
        """Whether mail from ``email`` (with or without a name) leaves through the account as it is."""
        address = email_normalize(email) or ""
        return address in self._get_addresses() or address.rpartition("@")[2] in self._get_domains()

    def _get_addresses(self):
        """Return all addresses that mail may be sent from, normalized, the account's own first."""
        return [self.email_normalized, *self._get_other_addresses()]

    @api.model
    def _get_sending_domain(self):
        """Return the domain of the accounts that the current user may send from."""
        return [
            ("use_for_sending", "=", True),
            ("state", "!=", "draft"),
            ("company_id", "=", self.env.company.id),
            # said here too: the host composes as superuser at times, whom no rule holds back
            ("user_id", "in", (False, self.env.uid)),
        ]

    @api.model
    def _get_default_account(self):
        """Return the account that the current user sends from if nothing else is said.

        His own first, then the one with his address, then the first shared one that may send.
        """
        accounts = self.search(self._get_sending_domain())
        address = self.env.user.email_normalized
        return (
            accounts.filtered(lambda account: account.user_id == self.env.user)[:1]
            or accounts.filtered(lambda account: account.email_normalized == address)[:1]
            or accounts[:1]
        )

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
        """Return the directions with a server to which a password can go unasked."""
        return [
            direction
            for direction in (self._get_directions() if self else ())
            if self[f"{direction}_host"] and self[f"{direction}_security"] != "none"
        ]

    # ------------------------------------------------------------
    # Buttons
    # ------------------------------------------------------------

    def action_send_receive(self):
        """Send what waits for this account and fetch what has arrived."""
        self.ensure_one()
        self.check_access("read")
        if self.state == "draft":
            raise UserError(self.env._("Check the account first: it neither sends nor receives before."))
        looked_into = self._receive()
        self._send_queued()
        kind, message = "success", self.env._("Sent and received.")
        if self.state == "failing":
            kind, message = "danger", self.last_error
        elif self.use_for_receiving and not looked_into:
            kind, message = "info", self.env._("Sent. The mailbox is being looked into already.")
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": kind,
                "message": message,
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }

    def _send_queued(self):
        """Send the queued mails that are to leave through the account's server."""
        # sudo: the queue is the host's; it is narrowed to what leaves through this account
        mails = (
            self.env["mail.mail"]
            .sudo()
            .search([("state", "=", "outgoing"), ("mail_server_id", "in", self.sudo().mail_server_id.ids)])
        )
        mails.send()

    @api.model
    def _can_manage(self):
        return self.env.su or self.env.user.has_group("email_account.group_email_account_manage")

    def action_open_wizard(self):
        """Open the wizard to set up this account."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("email_account.action_email_account_create")
        action["context"] = {
            f"default_{name}": self[name]
            for name in ("email", "sender_name", "use_for_sending", "use_for_receiving")
        } | {"default_account_id": self.id}
        return action

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
