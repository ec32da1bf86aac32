from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import AccessError, ValidationError
from odoo.fields import Domain

MANAGE = "email_account.group_email_account_manage"
# set by an administrator: only who manages accounts adds some
NO_PERSONAL = "email_account.no_personal_accounts"


class EmailAccount(models.Model):
    """Who may use an account, and who may add one.

    To use is to see an account, to send with it, to check it and to receive into it. A personal account is
    its owner's alone. A shared one is everybody's in its company, or only of some users and groups.
    """

    _inherit = "email.account"

    allowed_user_ids = fields.Many2many(
        "res.users",
        "email_account_allowed_user_rel",
        "account_id",
        "user_id",
        "Allowed Users",
        copy=False,
        # an archived user on the list keeps it a list
        context={"active_test": False},
        domain="[('share', '=', False), ('company_ids', 'in', company_id)]",
        help="Only they, the allowed groups, and who manages email accounts see this account and send with "
        "it. Both empty: everybody.",
    )
    allowed_group_ids = fields.Many2many(
        "res.groups",
        "email_account_allowed_group_rel",
        "account_id",
        "group_id",
        "Allowed Groups",
        copy=False,
        help="Members of these groups see this account and send with it, beside the allowed users.",
    )
    # stored, as the database empties the lists when users or groups are deleted: that opens no account
    is_limited = fields.Boolean(compute="_compute_is_limited", store=True, precompute=True)
    is_usable = fields.Boolean(compute="_compute_is_usable", search="_search_is_usable")

    @api.depends("allowed_user_ids", "allowed_group_ids")
    def _compute_is_limited(self):
        for account in self:
            account.is_limited = bool(account.allowed_user_ids or account.allowed_group_ids)

    @api.depends("user_id", "company_id", "is_limited", "allowed_user_ids", "allowed_group_ids")
    @api.depends_context("uid")
    def _compute_is_usable(self):
        for account in self:
            account.is_usable = account._is_usable_by(self.env.user)

    @api.depends("user_id", "company_id", "is_limited", "allowed_user_ids", "allowed_group_ids")
    @api.depends_context("uid", "lang")
    def _compute_display_name(self):
        """Tell the name to who may use the account alone: what refers to an account (a message that it has
        received, a server, an assistant) is read with its name, whatever rules hide the account."""
        super()._compute_display_name()
        user = self.env.user
        if user.id == SUPERUSER_ID:
            return
        for account in self:
            if account._origin and not account._origin._tells_name_to(user):
                account.display_name = self._get_hidden_name()

    def _tells_name_to(self, user):
        """Whether ``user`` (`res.users`, one) may read the name of the account."""
        return user._is_internal() and self._is_usable_by(user)

    @api.model
    def _get_hidden_name(self):
        return self.env._("Email account of somebody else")

    @api.model
    def _search_is_usable(self, operator, value):
        if operator != "in":
            return NotImplemented
        domain = self._get_usable_domain()
        return Domain.OR(domain if wanted else ~domain for wanted in value)

    @api.constrains("use_for_notifications", "allowed_user_ids", "allowed_group_ids")
    def _check_notifications_are_everybodys(self):
        if self.filtered(lambda account: account.use_for_notifications and account.is_limited):
            raise ValidationError(
                self.env._(
                    "The application's own notifications are sent for everybody: an account for them cannot "
                    "be limited to some users or groups."
                )
            )

    # ------------------------------------------------------------
    # Use
    # ------------------------------------------------------------

    @api.model
    def _get_usable_domain(self):
        """Return the domain of the accounts that the current user may use, of all his companies.

        The same as `_is_usable_by`. It is what the record rules ask for.
        """
        user = self.env.user
        shared = Domain("user_id", "=", False)
        if user.id != SUPERUSER_ID:
            if user._is_internal():
                shared &= Domain("company_id", "in", user.company_ids.ids)
            if not user.has_group(MANAGE):
                shared &= (
                    Domain("is_limited", "=", False)
                    | Domain("allowed_user_ids", "in", user.ids)
                    | Domain("allowed_group_ids", "in", user.all_group_ids.ids)
                )
        return Domain("user_id", "=", user.id) | shared

    def _is_usable_by(self, user):
        """Whether ``user`` may use the account.

        Who is no internal user chooses no account: his messages leave through one that is everybody's.

        :param user: `res.users`, one
        """
        # sudo: the account may be hidden from him, and so may be who else is on the list
        account, user = self.sudo(), user.sudo()
        if account.user_id:
            return account.user_id == user
        if user.id == SUPERUSER_ID:
            return True
        if user._is_internal() and account.company_id not in user.company_ids:
            return False
        return (
            not account.is_limited
            or user in account.allowed_user_ids
            or bool(account.allowed_group_ids & user.all_group_ids)
            or user.has_group(MANAGE)
        )

    def _check_usable(self):
        """Refuse accounts that the current user may not use, also where the host acts as superuser for him.

        :raises AccessError: he may not
        """
        user = self.env.user
        if user.id != SUPERUSER_ID and not all(account._is_usable_by(user) for account in self):
            raise AccessError(self.env._("This email account is not yours to use: choose another one."))

    def _filter_usable(self):
        """Return those of the accounts that the current user may use, also where the host acts as superuser
        for him, and where a record was read before: what a transaction has read is read again unasked."""
        user = self.env.user
        if user.id == SUPERUSER_ID:
            return self
        return self.filtered(lambda account: account._origin._is_usable_by(user))

    # ------------------------------------------------------------
    # Add
    # ------------------------------------------------------------

    @api.model
    def _may_add(self):
        """Whether the current user may add accounts, as far as the settings are concerned."""
        return self._can_manage() or self._are_personal_allowed()

    @api.model
    def _are_personal_allowed(self):
        """Whether every internal user may set up an account of his own."""
        # sudo: users do not read system parameters
        return self.env["ir.config_parameter"].sudo().get_param(NO_PERSONAL) not in ("True", "1")

    @api.model
    def _get_no_personal_words(self):
        return self.env._(
            "Personal email accounts are switched off: ask who manages the email accounts to add one."
        )

    def _check_access(self, operation):
        forbidden = super()._check_access(operation)
        if not forbidden and operation == "create" and not self._may_add():
            return self, lambda: AccessError(self._get_no_personal_words())
        return forbidden

    @api.model
    def get_empty_list_help(self, help_message):
        if not self._may_add():
            help_message = f"<p>{self._get_no_personal_words()}</p>"
        return super().get_empty_list_help(help_message)
