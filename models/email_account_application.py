from contextlib import nullcontext

from odoo import api, fields, models
from odoo.exceptions import AccessError
from odoo.tools import email_normalize

from ..autoconfig import Address, AddressError

# domains and addresses that administrators of the settings have granted, separated by commas
GRANTED = "email_account.granted_senders"
# through which the application's own mail gets to an account
USE_FIELDS = {"use_for_notifications", "other_addresses", "company_id", "user_id"}
# who changes one of these decides where it goes from there
ROUTE_FIELDS = {"email", "username", "outgoing_host", "outgoing_username", "bcc_email"}


class EmailAccount(models.Model):
    """The application's own mail, such as password resets, is not for everybody who manages accounts.

    It leaves through shared accounts that administrators of the settings have set up or allowed, and through
    those for whose address they have granted it. Any other account sends what comes from its own addresses,
    as far as the application does not send from these itself.
    """

    _inherit = "email.account"

    is_approved = fields.Boolean(
        "Approved",
        readonly=True,
        copy=False,
        help="An administrator of the settings has set up the account as it is, or has allowed it to send "
        "the application's own mail.",
    )
    carries_application = fields.Boolean(
        "Carries the Application's Mail",
        compute="_compute_carries_application",
        help="Mail that no other server is set up for may be sent through this account.",
    )

    @api.depends("is_approved", "email_normalized", "user_id")
    def _compute_carries_application(self):
        for account in self:
            account.carries_application = account._carries_rest()

    def _carries_rest(self):
        """Whether mail that no other server is made for may leave through the account (one, or none)."""
        if not self or self.user_id:
            return False
        return self.is_approved or self._covers(self._get_granted(), self.email_normalized or "")

    # ------------------------------------------------------------
    # Grants
    # ------------------------------------------------------------

    @api.model
    def _get_granted(self):
        """Return what was granted: a set of addresses, and of domains as ``@domain``."""
        # sudo: users do not read system parameters
        granted = self.env["ir.config_parameter"].sudo().get_param(GRANTED) or ""
        return set(self._split_granted(granted)) - {False}

    @api.model
    def _split_granted(self, granted):
        """Yield the entries of a list of domains and addresses in their normal form, False for no such."""
        for entry in self._split_addresses(granted):
            domain = entry.removeprefix("@")
            try:
                yield (
                    str(Address.parse(entry)) if "@" in domain else f"@{Address.parse(f'x@{domain}').domain}"
                )
            except AddressError:
                yield False

    @api.model
    def _covers(self, granted, name):
        """Whether an address, or a domain as ``@domain``, is among ``granted`` (set)."""
        return name in granted or f"@{name.rpartition('@')[2]}" in granted

    def _get_application_uses(self):
        """Return by what the application's own mail gets to the account beside its own address, as a set:
        True for the rest of all mail, ``@domain``, or an address."""
        if self.user_id:
            return set()
        uses = {f"@{domain}" for domain in self._get_domains()}
        if self.use_for_notifications:
            uses.add(True)
        others = set(self._get_other_addresses())
        return uses | (others and others & self._get_application_addresses())

    @api.model
    def _get_application_addresses(self):
        """Return the addresses that the application itself sends from, normalized."""
        # sudo: whoever sends, these are the system's; in their number they are few
        system = self.sudo().with_context(active_test=False)
        administrators = system.env.ref("base.group_system").all_user_ids
        users = administrators + system.env.ref("base.user_root") + system.env.ref("base.public_user")
        companies = system.env["res.company"].search([("email", "!=", False)])
        domains = system.env["mail.alias.domain"].search([("name", "!=", False)])
        servers = system.env["ir.mail_server"]
        addresses = [
            *companies.mapped("email"),
            *users.mapped("email"),
            *(
                domain[f"{name}_email"]
                for domain in domains
                for name in ("default_from", "bounce", "catchall")
            ),
            system.env["ir.config_parameter"].get_param("mail.default.from"),
            servers._get_default_from_address(),
            servers._get_default_bounce_address(),
        ]
        return {email_normalize(address) for address in addresses if address} - {False}

    def _may_carry(self, email_from):
        """Whether mail from ``email_from`` may leave through the account without anybody having chosen it.

        :param email_from: From header, or False
        """
        self.ensure_one()
        if self._carries_rest():
            return True
        address = email_normalize(email_from) or ""
        if self._covers(self._get_granted(), address):
            return True
        if address not in self._get_addresses():
            return False
        # the servers that a domain names for its addresses are its own
        is_own = address == self.email_normalized and self._is_at_own_servers()
        return is_own or address not in self._get_application_addresses()

    # ------------------------------------------------------------
    # Create, write
    # ------------------------------------------------------------

    @api.model
    def _get_claims(self):
        return super()._get_claims() | {"is_approved"}

    @api.model_create_multi
    def create(self, vals_list):
        # nothing stays of what is refused afterwards, whoever catches the refusal
        with nullcontext() if self.env.su else self.env.cr.savepoint():
            accounts = super().create(vals_list)
            if self.env.is_system():
                accounts._set_approved(True)
            else:
                for account in accounts:
                    account._check_granted(account._get_application_uses())
        return accounts

    def write(self, vals):
        if not (USE_FIELDS | ROUTE_FIELDS | {"outgoing_security"}) & vals.keys():
            return super().write(vals)
        self.check_access("write")
        # sudo: who gives an account away sees it no more
        before = {account: (account.company_id, account._get_application_uses()) for account in self.sudo()}
        moved = self.filtered(lambda account: account._is_route_changed(vals)).sudo()
        with nullcontext() if self.env.su else self.env.cr.savepoint():
            result = super().write(vals)
            for account, (company, uses) in before.items():
                added = account._get_application_uses() - (uses if company == account.company_id else set())
                if not self.env.is_system():
                    account._check_granted(added)
                    if account in moved:
                        account._check_route_granted(vals)
                    if account in moved or company != account.company_id:
                        account._withdraw_approval()
                elif added:
                    account._set_approved(True)
        return result

    def _is_route_changed(self, vals):
        return self._is_changed(ROUTE_FIELDS, vals) or (
            vals.get("outgoing_security") == "none" and self.outgoing_security != "none"
        )

    def _get_ungranted(self, uses):
        granted = self._get_granted()
        names = {use: self.email_normalized if use is True else use for use in uses}
        return {use for use, name in names.items() if not self._covers(granted, name)}

    def _check_granted(self, uses):
        """:raises AccessError: one of ``uses`` (see `_get_application_uses`) is not for the current user"""
        missing = self._get_ungranted(uses)
        if True in missing:
            raise AccessError(
                self.env._(
                    "%(field)s: only administrators of the settings may switch this on. They can also "
                    "grant %(address)s to you under Settings > General Settings > Emails > The "
                    "Application's Own Mail.",
                    field=self._get_labels({"use_for_notifications"}),
                    address=self.email,
                )
            )
        if missing:
            raise AccessError(
                self.env._(
                    "%(field)s: the application's own mail may also come from %(names)s, so only "
                    "administrators of the settings may enter that here. They can also grant it to you "
                    "under Settings > General Settings > Emails > The Application's Own Mail.",
                    field=self._get_labels({"other_addresses"}),
                    names=", ".join(sorted(missing)),
                )
            )

    def _check_route_granted(self, vals):
        """:raises AccessError: it sends the application's own mail, which ``vals`` leads elsewhere"""
        if self.is_approved and self._get_ungranted(self._get_application_uses()):
            names = (ROUTE_FIELDS | {"outgoing_security"}) & vals.keys()
            raise AccessError(
                self.env._(
                    "%(account)s sends the application's own mail: only administrators of the settings may "
                    "change %(fields)s.",
                    account=self.name,
                    fields=self._get_labels(names),
                )
            )

    def _set_approved(self, approved):
        # past the override, which lets nobody write it
        changed = self.filtered(lambda account: account.is_approved != approved)
        # sudo: who changes the account need not see it any more
        models.BaseModel.write(changed.sudo(), {"is_approved": approved})

    # ------------------------------------------------------------
    # Buttons
    # ------------------------------------------------------------

    def action_approve(self):
        """Let the application's own mail leave through the account."""
        self._decide_application_mail(True)

    def action_withdraw_approval(self):
        """Let the application's own mail leave through the account no more."""
        self._decide_application_mail(False)

    def _decide_application_mail(self, approved):
        self.check_access("write")
        if not self.env.is_system():
            raise AccessError(
                self.env._(
                    "Only administrators of the settings may decide which accounts send the application's "
                    "own mail."
                )
            )
        if not approved:
            self._withdraw_approval()
            return
        self._set_approved(True)
        for account in self:
            account.message_post(
                body=self.env._("The application's own mail may be sent through this account.")
            )

    def _withdraw_approval(self):
        for account in self.filtered("is_approved"):
            account._set_approved(False)
            if not account.user_id:
                account.message_post(
                    body=self.env._("The application's own mail is no longer sent through this account.")
                )

    @api.model
    def _approve_existing(self):
        """Let the accounts that there are send what they have sent: for the update from a version in which
        whoever managed accounts decided on it."""
        # sudo: whoever updates, it is done for all accounts
        self.sudo().with_context(active_test=False).search([("user_id", "=", False)])._set_approved(True)
