from odoo import api, fields, models
from odoo.tools import email_normalize


class MailComposeMessage(models.TransientModel):
    _inherit = "mail.compose.message"

    email_account_id = fields.Many2one(
        "email.account",
        "Send from",
        compute="_compute_email_account_id",
        store=True,
        readonly=False,
        domain="[('use_for_sending', '=', True), ('state', '!=', 'draft')]",
    )
    email_account_hint = fields.Selection(
        [("create", "May add an account"), ("ask", "Asks the administrator")],
        compute="_compute_email_account_hint",
        help="What to offer where there is no account to send from.",
    )

    @api.depends("composition_mode", "subtype_is_log", "template_id")
    def _compute_email_account_id(self):
        """Propose the user's default account, unless the template says who sends."""
        default = self.env["email.account"]._get_default_account()
        for composer in self:
            template = composer.template_id
            decided = composer.subtype_is_log or template.email_from or template.mail_server_id
            composer.email_account_id = False if decided else default

    @api.constrains("email_account_id")
    def _check_email_account_id(self):
        """Refuse what the user may not see: with a reference to it he would read its name."""
        self.email_account_id._check_usable()

    @api.constrains("mail_server_id")
    def _check_mail_server_id(self):
        """Likewise a server that the user has named himself: it is one of the account."""
        for composer in self:
            # sudo: users do not read servers
            server = composer.mail_server_id.sudo()
            if server != composer.template_id.sudo().mail_server_id:
                server.email_account_id._check_usable()

    def _get_usable_account(self):
        """Return the account to send from if the user may see it: a page that he has made up names any."""
        return self.email_account_id._filter_usable()

    @api.depends("email_account_id")
    def _compute_email_account_hint(self):
        accounts = self.env["email.account"]
        hint = False
        if not accounts.search_count(accounts._get_sending_domain(), limit=1):
            hint = "create" if accounts.has_access("create") else "ask"
        self.email_account_hint = hint

    @api.depends("email_account_id")
    def _compute_authorship(self):
        """Send as the chosen account; a sender that was set on purpose stays."""
        result = super()._compute_authorship()
        for composer in self:
            account = composer._get_usable_account()
            if account and composer.email_from == self.env.user.email_formatted:
                composer.email_from = account._get_email_formatted()
        return result

    @api.depends("email_account_id", "email_from")
    def _compute_mail_server_id(self):
        """Send through the chosen account, as long as the sender is its address."""
        result = super()._compute_mail_server_id()
        for composer in self:
            account = composer._get_usable_account()
            if account and email_normalize(composer.email_from) == account.email_normalized:
                composer.mail_server_id = account.mail_server_id
        return result
