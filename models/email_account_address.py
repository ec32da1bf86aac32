from markupsafe import Markup
from psycopg2.errors import UniqueViolation

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import UserError
from odoo.tools import email_normalize


class EmailAccount(models.Model):
    """Whose an address is: that of the account which has logged in for it.

    A claim alone takes nothing and tells nothing: who enters an address does not learn whether somebody else
    has it. With the first login the claims of others give way. Anybody can run a server that lets him in as
    whoever he likes, so a login counts for more where somebody vouches for the servers: an account of who
    manages accounts, or of a trusted discovery. A login that nobody vouches for shuts nobody out.
    """

    _inherit = "email.account"

    is_proved = fields.Boolean(
        "Address Proved",
        readonly=True,
        copy=False,
        help="The account has logged in for its address: no other account can have it.",
    )
    proof = fields.Json(
        copy=False,
        groups=fields.NO_ACCESS,
        help="About the last successful login: on which servers it was, and whether somebody vouches for "
        "them.",
    )

    # ------------------------------------------------------------
    # Create, write
    # ------------------------------------------------------------

    @api.model
    def _get_claims(self):
        return super()._get_claims() | {"is_proved", "proof"}

    @api.model_create_multi
    def create(self, vals_list):
        # the database knows of no claim that has just given way otherwise
        self.flush_model(["active"])
        accounts = super().create(vals_list)
        accounts._check_not_begun_again()
        return accounts

    def write(self, vals):
        other = self.filtered(lambda account: account._is_other_address(vals))
        if vals.get("user_id") and self._can_manage():
            self._clear_claims_of(vals["user_id"])
        if other:
            # another address is a claim again; before, as the database lets nobody have it meanwhile
            other._write_proof({"is_proved": False, "proof": False})
            other.flush_recordset()
        result = super().write(vals)
        if other:
            other._check_not_begun_again()
        for account in other.filtered(lambda account: account.state != "draft"):
            if refusal := account._take_address():
                raise UserError(refusal)
        return result

    def _clear_claims_of(self, user_id):
        """Let mere claims of a user give way, who is given these accounts: one of them is hidden from who
        gives them, and should not tell of itself by being in the way."""
        for account in self.filtered(lambda account: account.user_id.id != user_id):
            # sudo: they are hidden
            others = account.sudo().with_user(SUPERUSER_ID)
            claims = others.search([*account._get_same_address_domain(), ("user_id", "=", user_id)])
            claims.filtered(lambda claim: not claim.proof)._give_way()

    def _is_other_address(self, vals):
        if vals.get("email") and self._normalize_address(vals["email"]) != self.email_normalized:
            return True
        return "company_id" in vals and vals["company_id"] != self.company_id.id

    @api.model
    def _normalize_address(self, email):
        """Return ``email`` as `email_normalized` has it; what is no text is refused later."""
        return email_normalize(email) or str(email).lower()

    def _check_not_begun_again(self):
        """Whose account an administrator has archived begins with no other for its address.

        :raises UserError: he tries to; it is his own account that he reads about
        """
        if self.env.su:
            return
        # sudo: it may be in a company that he has not chosen
        accounts = self.sudo().with_context(active_test=False)
        for account in accounts.filtered("user_id"):
            archived = accounts.search(
                [
                    ("email_normalized", "=", account.email_normalized),
                    ("user_id", "=", account.user_id.id),
                    ("is_archived_by_administrator", "=", True),
                    ("id", "!=", account.id),
                ],
                limit=1,
            )
            archived.sudo(False)._check_not_archived()

    def _write_proof(self, values):
        # sudo: written past the overrides, which let nobody write it; it follows what has happened
        models.BaseModel.write(self.sudo(), values)

    # ------------------------------------------------------------
    # A login has succeeded
    # ------------------------------------------------------------

    def _take_address(self):
        """Take the address after a login that succeeded; claims of others give way.

        :return: why it cannot be had (text), False if nothing stands against it
        """
        self.ensure_one()
        # sudo: others that claim the address may be hidden; nobody's name is among what is written there
        account = self.sudo().with_user(SUPERUSER_ID).with_context(active_test=False)
        proof = account._prepare_proof()
        if account.proof != proof:
            account._write_proof({"proof": proof})
        if account.is_proved:
            return False
        others = account.search(account._get_same_address_domain())
        holder = others.filtered("is_proved")
        if holder and not account._outranks(holder):
            is_known = account._is_at_same_place(holder) or proof["vouched"]
            # of who only proves that his own server lets him in: it goes on, and holds nothing
            return is_known and account._get_taken_message()
        others.filtered(lambda other: other._gives_way_to(account))._give_way()
        try:
            with account.env.cr.savepoint():
                account._write_proof({"is_proved": True})
                account.flush_recordset(["is_proved"])
        except UniqueViolation:  # at the same moment
            account.invalidate_recordset(["is_proved"])
            return account._get_taken_message()
        return False

    def _get_same_address_domain(self):
        return [
            ("email_normalized", "=", self.email_normalized),
            ("company_id", "=", self.company_id.id),
            ("id", "!=", self._origin.id),
        ]

    def _prepare_proof(self):
        """Return what a login proves now: a dict that JSON takes.

        ``places``: host and user name of each direction; ``vouched``: whether the servers are known to be
        those of the address, and the user name is the mailbox's own.
        """
        places = [
            [self[f"{direction}_host"] or "", self._get_username(direction).lower()]
            for direction in self._get_directions()
        ]
        return {"places": places, "vouched": not self.user_id or self._is_at_own_servers()}

    def _is_at_own_servers(self):
        """Whether the servers are known to be those of the address, and the login is the mailbox's own."""
        own_names = {self.email.lower(), self.email.partition("@")[0].lower()}
        names = {self._get_username(direction).lower() for direction in self._get_directions()}
        return self.discovery_trusted and names <= own_names

    def _is_at_same_place(self, other):
        """Whether both have logged in to one mailbox: the same server by the same name."""
        return any(place in other.proof["places"] for place in self.proof["places"])

    def _outranks(self, holder):
        """Whether the account, which has logged in, takes the address from ``holder``, which has too."""
        if holder.is_archived_by_administrator:  # as the account of somebody; not for him
            return not self.user_id
        if not holder.active:
            return self.proof["vouched"] or not holder.proof["vouched"]
        return self.proof["vouched"] and not holder.proof["vouched"] and not self._is_at_same_place(holder)

    def _gives_way_to(self, account):
        """Whether this one goes now that ``account`` takes the address that both claim."""
        if self.is_proved or not self.proof:
            return self.active or self.is_proved
        return self.active and account.proof["vouched"] and not account._is_at_same_place(self)

    def _give_way(self):
        """Archive the accounts, whose address has another one now, and tell their owners."""
        for account in self:
            was_active, owner = account.active, account._get_responsible_user()
            account = account.with_context(lang=owner.lang)
            words = account.env._(
                "Another email account has logged in and so proved that %s is its address. This account "
                "was archived: it no longer sends or receives, and the mail that it received is kept. If "
                "the mailbox is yours, restore the account and check it. If nobody else should have access "
                "to the mailbox, tell an administrator.",
                account.email,
            )
            account._archive_server()
            values = {"active": False, "state": "draft", "is_proved": False, "proof": False}
            # what is tracked would name who is logged in, for instance whose account it gives way to
            account.with_context(tracking_disable=True).write(values | {"last_error": words})
            if was_active:
                account.message_post(
                    subject=account.env._("%s belongs to another account", account.email),
                    body=words,
                    message_type="notification",
                    subtype_xmlid="mail.mt_note",
                    author_id=account.env.ref("base.partner_root").id,
                    partner_ids=owner.partner_id.ids,
                )
        self.flush_recordset()

    def _archive_server(self):
        """Archive the outgoing server whatever names it: Odoo lets a template keep a server, and so whoever
        writes one could keep his account."""
        # sudo: it follows the account; past the host's check
        models.BaseModel.write(self.sudo().mail_server_ids, {"active": False})

    def _tell_removed(self):
        """Tell the owner that an administrator removes his account, and where its mail is."""
        owner = self.user_id
        account = self.with_user(SUPERUSER_ID).with_context(lang=owner.lang)
        body = Markup("<p>%s</p>") % account.env._(
            "An administrator has removed your email account %s. The mail that it received is kept.",
            account.email,
        )
        undecided = account.unprocessed_ids.filtered(lambda mail: mail.state != "discarded")
        if undecided:
            link = Markup('<a href="/odoo/unprocessed-mail">%s</a>') % account.env._("Unprocessed Mail")
            body += Markup("<p>%s</p>") % account.env._(
                "Some of its mails have not become messages yet (%(count)s). You find them here: %(link)s",
                count=len(undecided),
                link=link,
            )
        account.env["mail.thread"].message_notify(
            subject=account.env._("%s was removed", account.email),
            body=body,
            author_id=account.env.ref("base.partner_root").id,
            partner_ids=owner.partner_id.ids,
        )

    @api.model
    def _get_taken_message(self):
        """Return what who has logged in is told: he has the password, so it is no secret to him."""
        return self.env._(
            "The login succeeded, but another email account has already proved that %s is its address. Use "
            "that account. If you cannot see it and it should not exist, ask an administrator of the "
            "settings to remove it under Settings > Email Accounts > Personal Accounts.",
            self.email,
        )

    @api.model
    def _mark_proved(self):
        """Let the accounts that there are keep their addresses: for the update from a version in which an
        address belonged to who had entered it first. One that was checked with success has proved it."""
        # sudo: whoever updates, it is done for all accounts
        accounts, checks = self.sudo().with_context(active_test=False), self.env["email.account.check"].sudo()
        checked = checks._read_group([("result", "in", ("passed", "warning"))], ["account_id"])
        passed = accounts.browse([account.id for [account] in checked])
        found = accounts.search([("is_proved", "=", False), ("state", "!=", "draft")])
        for account in found | passed.filtered(lambda account: not account.is_proved):
            account._write_proof({"is_proved": True, "proof": account._prepare_proof()})
