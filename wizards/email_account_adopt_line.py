from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import email_normalize

from ..models.email_account_settings import STANDARD_PORTS

INCOMING_PROTOCOL = {"imap": "imap", "pop": "pop3"}
PROTOCOL_NAMES = {"imap": "IMAP", "pop": "POP"}
OUTGOING_SECURITY = {
    "none": "none",
    "starttls": "starttls",
    "starttls_strict": "starttls",
    "ssl": "tls",
    "ssl_strict": "tls",
}
NETWORKS = "email_account.allowed_networks"
PORTS = "email_account.allowed_ports"


class EmailAccountAdoptLine(models.TransientModel):
    """A mailbox among Odoo's servers, and what becomes of it as an account."""

    _name = "email.account.adopt.line"
    _description = "Servers to Adopt"

    adopt_id = fields.Many2one("email.account.adopt", "Wizard", required=True, ondelete="cascade")
    fetchmail_server_id = fields.Many2one("fetchmail.server", readonly=True, ondelete="cascade")
    mail_server_id = fields.Many2one("ir.mail_server", readonly=True, ondelete="cascade")
    email = fields.Char("Email Address")
    incoming = fields.Char("Receiving", compute="_compute_servers")
    outgoing = fields.Char("Sending", compute="_compute_servers")
    is_incoming_internal = fields.Boolean(readonly=True)
    is_outgoing_internal = fields.Boolean(readonly=True)
    changes = fields.Text("What will be different", compute="_compute_changes")
    problem = fields.Text(compute="_compute_problem")
    note = fields.Text(compute="_compute_note")
    is_chosen = fields.Boolean("Adopt")

    # ------------------------------------------------------------
    # Preview
    # ------------------------------------------------------------

    def _get_servers(self):
        """Return ``(incoming, outgoing)``, as far as the user may read them: a page that he has made up names
        any server, and what was read before is read again unasked."""
        return self.fetchmail_server_id._filtered_access("read"), self.mail_server_id._filtered_access("read")

    def _get_hosts(self):
        incoming, outgoing = self._get_servers()
        return incoming.server, outgoing.smtp_host

    def _propose_email(self):
        """Return the address of the mailbox: what it logs in with, else what it is the sender of."""
        incoming, outgoing = self._get_servers()
        senders = [name for name in outgoing._parse_from_filter(outgoing.from_filter) if "@" in name]
        candidates = [incoming.user, outgoing.smtp_user, *senders]
        addresses = [address for address in map(email_normalize, candidates) if address]
        # an address that the server may not send from is none to send from
        fitting = [
            address for address in addresses if outgoing._match_from_filter(address, outgoing.from_filter)
        ]
        return next(iter(fitting or addresses), False)

    @api.depends("fetchmail_server_id", "mail_server_id")
    def _compute_servers(self):
        for line in self:
            incoming, outgoing = line._get_servers()
            protocol = PROTOCOL_NAMES.get(incoming.server_type, incoming.server_type)
            line.incoming = incoming.server and f"{protocol} {incoming.server}:{incoming.port}"
            line.outgoing = outgoing.smtp_host and f"{outgoing.smtp_host}:{outgoing.smtp_port}"

    @api.depends("problem", "changes")
    def _compute_note(self):
        for line in self:
            line.note = line.problem or line.changes

    @api.depends("fetchmail_server_id", "mail_server_id", "email", "adopt_id.line_ids.email")
    def _compute_problem(self):
        for line in self:
            line.problem = line._get_problem()

    def _get_problem(self):
        """Return why these servers cannot be adopted (text), False if they can."""
        incoming, outgoing = self._get_servers()
        settings = self.env["email.account.settings"]
        if (
            incoming
            and incoming.server_type not in INCOMING_PROTOCOL
            or (outgoing and outgoing.smtp_authentication != "login")
        ):
            return self.env._("It logs in with a token of its provider (OAuth), which accounts cannot do.")
        if (
            incoming
            and not (incoming.user and incoming.password)
            or (outgoing and not (outgoing.smtp_user and outgoing.smtp_pass))
        ):
            return self.env._("It works without user name and password, which an account needs.")
        if incoming.email_account_id or outgoing.email_account_id:
            return self.env._("It belongs to an account by now.")
        if not self.email:
            return self.env._("Its address is not known: enter it.")
        try:
            address = settings._normalize_email(self.email)
            for field, host in zip(("incoming_host", "outgoing_host"), self._get_hosts(), strict=True):
                if host:
                    settings._normalize_host(field, host)
        except ValidationError as error:
            return str(error)
        others = self.adopt_id.line_ids.filtered(
            lambda line: (
                line._origin != self._origin and email_normalize(line.email) == email_normalize(address)
            )
        )
        if others and self._origin != min(self._origin | others._origin, key=lambda line: line.id):
            return self.env._("Another line has the same address.")
        # sudo: also personal ones, which an administrator is told of; a mere claim of these gives way
        accounts = self.env["email.account"].sudo().with_context(active_test=False)
        holders = accounts.search(
            [
                ("email_normalized", "=", accounts._normalize_address(address)),
                ("company_id", "=", self.env.company.id),
                "|",
                ("user_id", "=", False),
                "&",
                ("is_proved", "=", True),
                ("active", "=", True),
            ]
        )
        if any(not account.user_id or account.proof["vouched"] for account in holders):
            return self.env._("There is an account with this address already.")
        return False

    @api.depends("fetchmail_server_id", "mail_server_id", "email")
    def _compute_changes(self):
        for line in self:
            line.changes = "\n".join(line._get_incoming_changes() + line._get_outgoing_changes())

    def _get_incoming_changes(self):
        (server, outgoing), changes = self._get_servers(), []
        if not server or server.server_type not in INCOMING_PROTOCOL:
            return []
        if server.is_ssl:
            changes.append(
                self.env._("Receiving: the certificate of the server is verified, which Odoo does not do.")
            )
        else:
            changes.append(
                self.env._("Receiving: the connection stays without encryption. Choose another afterwards.")
            )
        if server.state != "done" and outgoing:
            changes.append(self.env._("Receiving: the server was not confirmed, so it stays switched off."))
        elif server.state != "done":
            changes.append(self.env._("The server was not confirmed: check the account afterwards."))
        if not server.object_id:
            changes.append(
                self.env._(
                    "Mail that is no reply and has no alias was lost. Now it is kept until somebody assigns "
                    "it."
                )
            )
        if self.is_incoming_internal:
            changes.append(self._get_internal_words(server.server))
        changes += self._get_port_changes(self._get_incoming_port())
        return changes

    def _get_outgoing_changes(self):
        (_incoming, server), changes = self._get_servers(), []
        if not server or server.smtp_authentication != "login":
            return []
        if server.smtp_encryption in ("ssl", "starttls"):
            changes.append(
                self.env._("Sending: the certificate of the server is verified, which was not asked for.")
            )
        elif server.smtp_encryption == "none":
            changes.append(
                self.env._("Sending: the connection stays without encryption. Choose another afterwards.")
            )
        if not server.from_filter:
            changes.append(
                self.env._(
                    "Senders of other domains keep their name, and get the address of the account: their "
                    "mail would be taken for forged otherwise."
                )
            )
        if self.is_outgoing_internal:
            changes.append(self._get_internal_words(server.smtp_host))
        changes += self._get_port_changes(server.smtp_port)
        return changes

    def _get_internal_words(self, host):
        return self.env._("%s is in an internal network: it is added to those that accounts may use.", host)

    def _get_incoming_port(self):
        server, _outgoing = self._get_servers()
        security = "tls" if server.is_ssl else "none"
        return server.port or STANDARD_PORTS[INCOMING_PROTOCOL[server.server_type], security]

    def _get_port_changes(self, port):
        if self.env["email.account.settings"]._get_guard().allows_port(port):
            return []
        return [
            self.env._(
                "Port %s is not a usual one of mail servers: it is added to those that accounts may use.",
                port,
            )
        ]

    # ------------------------------------------------------------
    # Adoption
    # ------------------------------------------------------------

    def _adopt(self):
        """Make the account, with the same rows as its servers; return it.

        Nothing is imported again: of the inbox, what is there already is received only if it is not marked
        as read, which is what Odoo would have fetched. By POP, Odoo deletes what it has fetched.
        """
        self.ensure_one()
        incoming, outgoing = self._get_servers()
        self._allow_internal()
        self._allow_ports()
        confirmed = incoming.state == "done"
        account = self.env["email.account"].create(
            {
                "email": self.email,
                "name": outgoing.name or incoming.name,
                "company_id": self.env.company.id,
                "user_id": False,
                "use_for_receiving": bool(incoming) and (confirmed or not outgoing),
                "use_for_sending": bool(outgoing),
                "sequence": outgoing.sequence if outgoing else incoming.priority,
            }
        )
        ready = confirmed or bool(outgoing)
        account._adopt_servers(outgoing, incoming, self._prepare_account_values(), ready)
        if ready and account.state == "draft":  # the address is another's
            raise UserError(account.last_error)
        if incoming.server_type == "imap":
            folder = account.folder_ids
            # sudo: up to where it was read is nobody's to write
            folder.sudo().unseen_below = folder.UNKNOWN
        return account

    def _allow_internal(self):
        hosts = [
            host
            for host, is_internal in zip(
                self._get_hosts(), (self.is_incoming_internal, self.is_outgoing_internal), strict=True
            )
            if is_internal
        ]
        self._add_to_parameter(NETWORKS, hosts)

    def _allow_ports(self):
        incoming, outgoing = self._get_servers()
        ports = [self._get_incoming_port()] if incoming else []
        ports += [outgoing.smtp_port] if outgoing else []
        guard = self.env["email.account.settings"]._get_guard()
        self._add_to_parameter(PORTS, [str(port) for port in ports if not guard.allows_port(port)])

    @api.model
    def _add_to_parameter(self, name, entries):
        if entries:
            # sudo: administrators of the settings, who were checked, may read but not write parameters
            parameters = self.env["ir.config_parameter"].sudo()
            known = [
                entry.strip() for entry in (parameters.get_param(name) or "").split(",") if entry.strip()
            ]
            parameters.set_param(name, ",".join(dict.fromkeys(known + entries)))

    def _prepare_account_values(self):
        """Return the values that follow from the servers."""
        incoming, outgoing = self._get_servers()
        username = incoming.user or outgoing.smtp_user
        values = {
            "username": username if username.lower() != self.email.lower() else False,
            "password": incoming.password or outgoing.smtp_pass,
        }
        if incoming:
            values |= self._prepare_incoming_values(incoming)
        if outgoing:
            values |= self._prepare_outgoing_values(outgoing, username, values["password"])
        return values

    def _prepare_incoming_values(self, server):
        security = "tls" if server.is_ssl else "none"
        protocol = INCOMING_PROTOCOL[server.server_type]
        return {
            "incoming_protocol": protocol,
            "incoming_host": server.server,
            "incoming_port": self._get_incoming_port(),
            "incoming_security": security,
            "incoming_safe_logon": security == "tls",
            # as Odoo does
            "after_receiving": "delete" if protocol == "pop3" else "seen",
            "delete_after_days": 0,
            # what Odoo drops is kept, and nothing is made of it unasked
            "incoming_action": "create" if server.object_id else "keep",
            "incoming_model_id": server.object_id.id,
        }

    def _prepare_outgoing_values(self, server, username, password):
        security = OUTGOING_SECURITY[server.smtp_encryption]
        senders = server._parse_from_filter(server.from_filter)
        names = [name if "@" in name else f"@{name}" for name in senders]
        address = email_normalize(server.smtp_user)
        domain = self.email.rpartition("@")[2].lower()
        if not names:
            names = [address] if address else []
            # of a public provider nobody owns the domain
            if not self.env["email.provider"]._find_by_domain(domain):
                names.append(f"@{domain}")
        return {
            "outgoing_host": server.smtp_host,
            "outgoing_port": server.smtp_port,
            "outgoing_security": security,
            "outgoing_safe_logon": security != "none",
            "outgoing_username": server.smtp_user if server.smtp_user != username else False,
            "outgoing_password": server.smtp_pass if server.smtp_pass != password else False,
            "other_addresses": ", ".join(
                dict.fromkeys(name.lower() for name in names if name.lower() != self.email.lower())
            ),
            "use_for_notifications": self._is_for_the_rest(server),
        }

    def _is_for_the_rest(self, server):
        """Whether Odoo sends through ``server`` what no other server is made for."""
        if server.from_filter or self.env["email.account"].search_count(
            [("use_for_notifications", "=", True), ("company_id", "=", self.env.company.id)], limit=1
        ):
            return False
        domain = [
            ("from_filter", "=", False),
            ("owner_user_id", "=", False),
            ("email_account_id", "=", False),
        ]
        before = server.search([*domain, ("id", "!=", server.id)], order="sequence, id", limit=1)
        return not before or (server.sequence, server.id) < (before.sequence, before.id)
