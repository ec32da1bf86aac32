from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import email_normalize

from .email_account_settings import NOT_IN_HEADER


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
        # without its owner it would be everybody's
        ondelete="restrict",
        tracking=True,
        domain="[('share', '=', False), ('company_ids', 'in', company_id)]",
        help="A personal account is seen and used by its owner alone. Empty: shared.",
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
    is_configured = fields.Boolean(compute="_compute_is_configured")
    directions = fields.Char(compute="_compute_directions")

    _unique_address = models.UniqueIndex(
        "(company_id, email_normalized) WHERE is_proved",
        "Another email account of this company has just proved that this address is its own. Use that "
        "account.",
    )
    # what somebody sees himself: of the claims of others nobody learns
    _unique_claim = models.UniqueIndex(
        "(company_id, email_normalized, (COALESCE(user_id, 0))) WHERE active",
        "There is already an email account for this address in this company. Open that one instead.",
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
            if not email_normalize(account.bcc_email) or NOT_IN_HEADER.search(account.bcc_email):
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

    # ------------------------------------------------------------
    # Create, write, copy
    # ------------------------------------------------------------

    def _accept_certificate__(self, direction, fingerprint, server):
        """Log in to the server of ``direction`` from now on although it made its certificate itself.

        For its name, see `email.account.secret`.

        :param str fingerprint: SHA-256 of the certificate that a check has seen
        :param str server: of which it was seen, see `_get_server_name`
        :raises UserError: the account has another server by now
        """
        self.ensure_one()
        self.check_access("write")
        if server != self._get_server_name(direction):
            raise UserError(
                self.env._(
                    "The certificate was seen at %(seen)s, and the server of %(account)s is another one now: "
                    "check the account again.",
                    seen=server,
                    account=self.name,
                )
            )
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

    @api.ondelete(at_uninstall=False)
    def _unlink_discarded(self):
        """What was discarded goes along; mail that nobody has decided about stays, see `_set_orphaned`."""
        # sudo: who may delete the account may not touch what it has received
        mails = self.sudo().unprocessed_ids
        discarded = mails.filtered(lambda mail: mail.state == "discarded")
        (mails - discarded)._set_orphaned()
        discarded.unlink()

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
            ("is_usable", "=", True),
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

    # ------------------------------------------------------------
    # Buttons
    # ------------------------------------------------------------

    def action_send_receive(self):
        """Send what waits for this account and fetch what has arrived."""
        self.ensure_one()
        self.check_access("read")
        self._check_may_connect()
        if self.state == "draft":
            raise UserError(self.env._("Check the account first: it neither sends nor receives before."))
        self.env["email.account.attempt"]._note()
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
