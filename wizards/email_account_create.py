import math

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

from ..models.email_account_check_step import DIRECTIONS

# what a page says, until the next one
SAID_FIELDS = (
    "message",
    "advice",
    "link",
    "invalid_field",
    "refused_direction",
    "refused_server",
    "refused_fingerprint",
)


class EmailAccountCreate(models.TransientModel):
    """Create an email account from an address and a password, or with parameters entered by hand.

    Nothing is stored outside of the wizard before a login to each direction has succeeded.
    """

    _name = "email.account.create"
    _description = "Create Email Account"
    _inherit = "email.account.settings"

    step = fields.Selection(
        [
            ("start", "Address and password"),
            ("confirm", "Confirm the provider"),
            ("outgoing", "Outgoing server"),
            ("incoming", "Incoming server"),
            ("description", "Description"),
            ("partial", "One direction works"),
            ("done", "Done"),
        ],
        "Page",
        default="start",
        required=True,
    )
    method = fields.Selection(
        [
            ("automatic", "Get the connection parameters automatically (recommended)"),
            ("manual", "Set up connection parameters manually"),
        ],
        default="automatic",
        required=True,
    )
    account_id = fields.Many2one("email.account", readonly=True)
    company_id = fields.Many2one("res.company", default=lambda self: self.env.company, required=True)
    user_id = fields.Many2one(
        "res.users",
        "Owner",
        domain="[('share', '=', False)]",
        help="A personal account is seen and used by its owner alone. Empty: shared.",
    )
    can_manage = fields.Boolean(compute="_compute_can_manage")
    may_create = fields.Boolean(compute="_compute_may_create")
    name = fields.Char("Description")
    provider_id = fields.Many2one(compute="_compute_provider_id", store=True, readonly=False)
    guidance = fields.Text(related="provider_id.guidance")
    provider_authentication = fields.Selection(related="provider_id.authentication")
    guidance_link = fields.Char(related="provider_id.link")
    guidance_checked = fields.Date(related="provider_id.link_checked")
    guide_url = fields.Char(related="provider_id.guide_url")
    message = fields.Text(readonly=True)
    advice = fields.Text(readonly=True)
    link = fields.Char(help="The page where it is mended or explained.", readonly=True)
    refused_direction = fields.Selection(DIRECTIONS, readonly=True)
    refused_server = fields.Char(help="That has shown it: host and port.", readonly=True)
    refused_fingerprint = fields.Char(
        help="SHA-256 of a certificate that the server made itself, which can be accepted.", readonly=True
    )
    invalid_field = fields.Char(help="The field that the message is about.", readonly=True)
    is_retry = fields.Boolean(readonly=True)
    retry_date = fields.Datetime(
        readonly=True, help="Before then no password is tried: too many were refused for the mailbox."
    )
    retry_seconds = fields.Integer(compute="_compute_retry_seconds")
    discovery_ref = fields.Integer(help="The discovery that found the servers.", readonly=True)
    discovery_step_ids = fields.Many2many(
        "email.account.discovery.step", compute="_compute_discovery_step_ids"
    )
    confirm_domain = fields.Char(readonly=True)
    confirm_doubt = fields.Char(readonly=True)
    confirm_reason = fields.Char(compute="_compute_confirm_reason")
    working_direction = fields.Selection([("outgoing", "Sending"), ("incoming", "Receiving")], readonly=True)
    found_origin = fields.Char("Found at", readonly=True)
    import_from = fields.Date(
        "Receive mail since",
        # a day that has begun for servers west of the user, too
        default=lambda self: min(fields.Date.context_today(self), fields.Date.today()),
        help="Older mail stays where it is; it can be imported later. Empty: everything that is there.",
    )

    @api.constrains("account_id")
    def _check_account_id(self):
        """Refuse what the user may not see: with a reference to it he would read its name."""
        self.account_id._check_usable()

    def _compute_can_manage(self):
        self.can_manage = self.env["email.account"]._can_manage()

    @api.depends("retry_date")
    def _compute_retry_seconds(self):
        """How long it is until then: clocks of browsers differ."""
        now = fields.Datetime.now()
        for wizard in self:
            left = (wizard.retry_date - now).total_seconds() if wizard.retry_date else 0
            wizard.retry_seconds = max(math.ceil(left), 0)

    @api.depends("account_id")
    def _compute_may_create(self):
        """One that there is may be set up again, whatever the settings say of new ones."""
        may_add = self.env["email.account"]._may_add()
        for wizard in self:
            wizard.may_create = may_add or bool(wizard.account_id)

    @api.depends("email")
    def _compute_provider_id(self):
        """Recognise the provider by the domain; nothing is asked on the network.

        Another address of the domain has the one whose servers were found.
        """
        providers = self.env["email.provider"]
        for wizard in self:
            domain = self._get_email_domain(wizard.email)
            is_known = domain and domain == wizard._origin.settings_domain
            hosts = [host for host in (wizard.incoming_host, wizard.outgoing_host) if host and is_known]
            by_domain = providers._find_by_domain(domain) if domain else providers
            wizard.provider_id = by_domain or providers._find_by_host(hosts)

    @api.depends("discovery_ref")
    def _compute_discovery_step_ids(self):
        for wizard in self:
            wizard.discovery_step_ids = wizard._get_discovery().step_ids

    @api.depends("confirm_doubt")
    @api.depends_context("lang")
    def _compute_confirm_reason(self):
        for wizard in self:
            wizard.confirm_reason = self.env["email.account.discovery"]._get_doubt_words(wizard.confirm_doubt)

    @api.model
    def _normalize_settings(self, vals):
        """Keep what was typed, also what is not valid: the buttons say what is wrong with it."""
        self._check_types(vals)
        try:
            return super()._normalize_settings(vals)
        except ValidationError:
            return vals

    # ------------------------------------------------------------
    # Buttons
    # ------------------------------------------------------------

    def action_create(self):
        """Find the settings (or take those entered by hand), try them, and create the account."""
        self.ensure_one()
        error = self._get_input_error(self._get_pages() if self.method == "manual" else ["start"])
        if error:
            return self._show_error(*error)
        if self.method == "manual":
            return self._run(self._test_and_create)
        return self._run(self._discover)

    def action_next(self):
        """Go to the next of the manual pages."""
        return self._turn_page(1)

    def action_back(self):
        """Go to the page before; nothing typed is lost."""
        return self._turn_page(-1)

    def action_manual(self):
        """Go to the manual pages, with whatever was found filled in."""
        error = self._get_input_error(["start"])
        if error:
            return self._show_error(*error)
        return self._show(self._get_pages()[1], method="manual", **self._prepare_provider_values())

    def action_confirm(self):
        """Use the servers that the user has recognised as his provider's."""
        if self.step != "confirm":
            raise UserError(self.env._("There is nothing to confirm."))
        error = self._get_input_error(["start"])
        if error:
            return self._show_error(*error)
        return self._run(self._test_and_create, resume=True)

    def action_accept_certificate(self):
        """Accept the certificate that the server made itself, and try again."""
        if not self.refused_fingerprint:
            raise UserError(self.env._("There is no certificate to accept."))
        error = self._get_input_error(["start"])
        if error:
            return self._show_error(*error)
        direction = self.refused_direction
        if self.refused_server != self._get_server_name(direction):
            raise UserError(self.env._("There is no certificate to accept."))
        self[f"{direction}_fingerprint"] = self.refused_fingerprint
        return self._run(self._test_and_create)

    def action_create_partial(self):
        """Create the account for the direction that works."""
        if self.step != "partial":
            raise UserError(self.env._("There is nothing to create yet."))
        error = self._get_input_error(["start"])
        if error:
            return self._show_error(*error)
        return self._run(
            self._test_and_create,
            resume=True,
            use_for_sending=self.working_direction == "outgoing",
            use_for_receiving=self.working_direction == "incoming",
        )

    def action_open_account(self):
        """Open the account that was created."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": "email.account",
            "res_id": self.account_id.id,
            "views": [(False, "form")],
            "target": "current",
        }

    def action_open_import(self):
        """Import older mail into the account that was created."""
        self.ensure_one()
        return self.account_id.action_open_import()

    # ------------------------------------------------------------
    # Pages
    # ------------------------------------------------------------

    def _get_pages(self):
        """Return the pages of the manual set-up, in order."""
        pages = ["start"]
        if self.use_for_sending:
            pages.append("outgoing")
        if self.use_for_receiving or self.login_incoming_first:
            pages.append("incoming")
        return [*pages, "description"]

    def _turn_page(self, distance):
        self.ensure_one()
        pages = self._get_pages()
        if self.step not in pages[: -1 if distance > 0 else None] or self.step == "start" and distance < 0:
            raise UserError(self.env._("There is no such page."))
        position = pages.index(self.step)
        if distance > 0:
            error = self._get_input_error(pages[: position + 1])
            if error:
                return self._show_error(*error)
        values = self._prepare_provider_values() if self.step == "start" else {}
        if pages[position + distance] == "description":
            values["name"] = self.name or self.email
        return self._show(pages[position + distance], **values)

    def _show(self, step, **values):
        """Write ``values`` and show the page ``step``; the messages of the page before are gone."""
        self.write({**dict.fromkeys(SAID_FIELDS, False), **values, "step": step, "is_submitted": True})
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Create email account"),
            "res_model": self._name,
            "res_id": self.id,
            "view_mode": "form",
            "target": "new",
        }

    def _show_error(self, message, field=False, advice=False, page=None, **values):
        """Stay on the page, say what is wrong, mark the field; everything typed is kept."""
        return self._show(page or self.step, message=message, advice=advice, invalid_field=field, **values)

    def _get_input_error(self, pages):
        """Return the arguments of `_show_error` for the first thing missing or malformed on ``pages``, else
        None."""
        checks = {"start": self._get_start_error}
        for page in pages:
            error = checks.get(page, self._get_server_error)(page)
            if error:
                return error
        return None

    def _get_start_error(self, _page):
        if not self.may_create:
            return self.env["email.account"]._get_no_personal_words(), False
        try:
            self._normalize_email(self.email or "")
        except ValidationError as error:
            return str(error), "email"
        if not self.password_set:
            return self.env._("Enter the password."), "password"
        if self.is_key_missing:
            return self.key_message, "password", False, "start"
        try:
            self._validate_directions()
        except ValidationError as error:
            return str(error), "use_for_sending"
        if self._find_existing_account():
            return (
                self.env._(
                    "There is already an email account for %s. Open it from the list of email accounts.",
                    self.email,
                ),
                "email",
            )
        return None

    def _get_server_error(self, page):
        field = f"{page}_host"
        if page not in ("outgoing", "incoming"):
            return None
        label = self._fields[field]._description_string(self.env)
        if not self[field]:
            return self.env._("%s: enter the name of the server.", label), field
        try:
            self._normalize_host(field, self[field])
        except ValidationError as error:
            return str(error), field
        try:
            self._validate_ports([f"{page}_port"])
            self._validate_durations()
        except ValidationError as error:
            return str(error), f"{page}_port"
        return None

    def _find_existing_account(self):
        """Return an account for the address that the user had better open: there is only one in a company.

        Of those that are hidden from him he reads after a login that succeeded, and a mere claim is in
        nobody's way but in its owner's.
        """
        accounts = self.env["email.account"].with_context(active_test=False)
        found = accounts.search(
            [
                ("email_normalized", "=", accounts._normalize_address(self._normalize_email(self.email))),
                ("company_id", "in", (self.company_id & self.env.companies).ids),
                ("id", "!=", self.account_id.id),
            ]
        )
        mine = found.filtered(lambda account: account.user_id == self.env.user or self.can_manage)
        return (mine | found.filtered("is_proved"))[:1]
