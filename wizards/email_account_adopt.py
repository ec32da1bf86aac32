import contextlib
from concurrent.futures import ThreadPoolExecutor

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import email_normalize

from ..autoconfig import BlockedAddress

# names that are looked up at the same time
LOOKUPS = 20


class EmailAccountAdopt(models.TransientModel):
    """Make email accounts of the mail servers that Odoo has: each pair of an incoming and an outgoing one."""

    _name = "email.account.adopt"
    _description = "Adopt Existing Servers"

    line_ids = fields.One2many("email.account.adopt.line", "adopt_id")

    # ------------------------------------------------------------
    # Pairs
    # ------------------------------------------------------------

    @api.model
    def action_open(self):
        """Show what can be adopted."""
        self._check_is_administrator()
        self.env["email.account"]._check_may_connect()
        pairs = self._find_pairs()
        internal = self._find_internal(
            {host for incoming, outgoing in pairs for host in (incoming.server, outgoing.smtp_host) if host}
        )
        wizard = self.create(
            {
                "line_ids": [
                    fields.Command.create(
                        {
                            "fetchmail_server_id": incoming.id,
                            "mail_server_id": outgoing.id,
                            "is_incoming_internal": incoming.server in internal,
                            "is_outgoing_internal": outgoing.smtp_host in internal,
                        }
                    )
                    for incoming, outgoing in pairs
                ]
            }
        )
        for line in wizard.line_ids:
            line.email = line._propose_email()
        for line in wizard.line_ids:
            line.is_chosen = not line.problem
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Adopt existing servers"),
            "res_model": self._name,
            "res_id": wizard.id,
            "views": [(False, "form")],
            "target": "new",
            "context": {"dialog_size": "extra-large"},
        }

    @api.model
    def _check_is_administrator(self):
        if not (self.env.su or self.env.user.has_group("base.group_system")):
            raise AccessError(self.env._("Only administrators of the settings may adopt servers."))

    @api.model
    def _find_pairs(self):
        """Return ``(incoming, outgoing)`` for each mailbox among the stock servers in use; one may be empty.

        They belong together if they have the same login; else if the outgoing server is for mail from the
        incoming one's address; else if they are the only ones of a domain whose senders the outgoing one
        takes.
        """
        incoming = self.env["fetchmail.server"].search(
            [("email_account_id", "=", False), ("server_type", "!=", "local")]
        )
        outgoing = self.env["ir.mail_server"].search(
            [
                ("email_account_id", "=", False),
                ("owner_user_id", "=", False),
                ("smtp_authentication", "not in", ("cli", "certificate")),
            ],
            order="sequence, id",
        )
        pairs = []
        for belongs in (self._has_same_login, self._is_named_sender, self._is_alone_in_domain):
            for server in incoming:
                candidates = [other for other in outgoing if belongs(server, other, incoming, outgoing)]
                if candidates:
                    pairs.append((server, candidates[0]))
                    incoming -= server
                    outgoing -= candidates[0]
        pairs += [(server, outgoing.browse()) for server in incoming]
        pairs += [(incoming.browse(), server) for server in outgoing]
        return pairs

    @api.model
    def _has_same_login(self, incoming, outgoing, *_others):
        return bool(incoming.user and outgoing.smtp_user) and (
            incoming.user.strip().lower() == outgoing.smtp_user.strip().lower()
        )

    @api.model
    def _is_named_sender(self, incoming, outgoing, *_others):
        address = email_normalize(incoming.user)
        senders = outgoing._parse_from_filter(outgoing.from_filter)
        return bool(address) and address in map(email_normalize, senders)

    @api.model
    def _is_alone_in_domain(self, incoming, outgoing, *others):
        domain = self._get_domain(incoming)
        return (
            bool(domain)
            and all(
                [server for server in servers if self._get_domain(server) == domain] == [own]
                for servers, own in zip(others, (incoming, outgoing), strict=True)
            )
            and outgoing._match_from_filter(email_normalize(incoming.user), outgoing.from_filter)
        )

    @api.model
    def _get_domain(self, server):
        """Return the domain of the address that ``server`` logs in with, "" if it is no address."""
        user = server.user if server._name == "fetchmail.server" else server.smtp_user
        return (email_normalize(user) or "").rpartition("@")[2]

    @api.model
    def _find_internal(self, hosts):
        """Return those of ``hosts`` (set of names) that accounts may not connect to, unless they are allowed:
        Odoo's own servers may be anywhere."""
        network = self.env["email.account.settings"]._get_network()
        hosts = sorted(hosts)

        def is_blocked(host):
            with contextlib.suppress(OSError):  # nobody knows it at the moment
                try:
                    network.resolve(host)
                except BlockedAddress:
                    return True
            return False

        with ThreadPoolExecutor(LOOKUPS) as pool:
            return {host for host, blocked in zip(hosts, pool.map(is_blocked, hosts), strict=True) if blocked}

    # ------------------------------------------------------------
    # Button
    # ------------------------------------------------------------

    def action_adopt(self):
        """Make an account of each chosen line."""
        self._check_is_administrator()
        self.env["email.account"]._check_may_connect()
        self.ensure_one()
        chosen = self.line_ids.filtered("is_chosen")
        if not chosen:
            raise UserError(self.env._("Choose at least one line."))
        failed = chosen.filtered("problem")[:1]
        if failed:
            raise UserError(
                self.env._(
                    "%(server)s: %(problem)s",
                    server=failed.email or failed.incoming or failed.outgoing,
                    problem=failed.problem,
                )
            )
        accounts = self.env["email.account"]
        for line in chosen:
            accounts += line._adopt()
        # sudo: it runs for all accounts, whoever asks
        self.env.ref("email_account.ir_cron_email_account_receive").sudo()._trigger()
        action = self.env["ir.actions.act_window"]._for_xml_id("email_account.action_email_account")
        if len(accounts) == 1:
            return action | {"res_id": accounts.id, "views": [(False, "form")]}
        return action | {"domain": [("id", "in", accounts.ids)]}
