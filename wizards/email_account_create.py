import asyncio

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

from .. import autoconfig
from ..models.check_run import CheckRun

# what the wizard hands to the account: everything that both models ask for
COPIED_FIELDS = (
    "email",
    "sender_name",
    "use_for_sending",
    "use_for_receiving",
    "username",
    "provider_id",
    "incoming_protocol",
    "incoming_host",
    "incoming_port",
    "incoming_security",
    "incoming_safe_logon",
    "pop3_keep",
    "pop3_keep_days",
    "outgoing_host",
    "outgoing_port",
    "outgoing_security",
    "outgoing_safe_logon",
    "outgoing_username",
    "login_incoming_first",
    "timeout",
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
        help="A personal account is seen and used by its owner alone. Empty: shared with everybody.",
    )
    can_manage = fields.Boolean(compute="_compute_can_manage")
    name = fields.Char("Description")
    provider_id = fields.Many2one(compute="_compute_provider_id", store=True, readonly=False)
    guidance = fields.Text(related="provider_id.guidance")
    guidance_link = fields.Char(related="provider_id.link")
    guidance_checked = fields.Date(related="provider_id.link_checked")
    message = fields.Text(readonly=True)
    advice = fields.Text(readonly=True)
    invalid_field = fields.Char(help="The field that the message is about.", readonly=True)
    is_retry = fields.Boolean(readonly=True)
    confirm_domain = fields.Char(readonly=True)
    working_direction = fields.Selection([("outgoing", "Sending"), ("incoming", "Receiving")], readonly=True)
    found_origin = fields.Char("Found at", readonly=True)
    step_ids = fields.One2many("email.account.create.step", "wizard_id", readonly=True)

    def _compute_can_manage(self):
        self.can_manage = self.env["email.account"]._can_manage()

    @api.depends("email")
    def _compute_provider_id(self):
        """Recognise the provider by the domain; nothing is asked on the network."""
        for wizard in self:
            try:
                domain = autoconfig.Address.parse(wizard.email or "").domain
            except autoconfig.AddressError:
                wizard.provider_id = False
            else:
                wizard.provider_id = self.env["email.provider"]._find_by_domain(domain)

    @api.model
    def _normalize_settings(self, vals):
        """Keep what was typed, also what is not valid: the buttons say what is wrong with it."""
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
            return self._test_and_create({})
        return self._discover()

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
        return self._test_and_create({})

    def action_create_partial(self):
        """Create the account for the direction that works."""
        if self.step != "partial":
            raise UserError(self.env._("There is nothing to create yet."))
        return self._test_and_create(
            {
                "use_for_sending": self.working_direction == "outgoing",
                "use_for_receiving": self.working_direction == "incoming",
            }
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
        self.write({"message": False, "advice": False, "invalid_field": False, **values, "step": step})
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
        """Return ``(message, field)`` for the first thing missing or malformed on ``pages``, else None."""
        checks = {"start": self._get_start_error}
        for page in pages:
            error = checks.get(page, self._get_server_error)(page)
            if error:
                return error
        return None

    def _get_start_error(self, _page):
        try:
            self._normalize_email(self.email or "")
        except ValidationError as error:
            return str(error), "email"
        if not self.password_set:
            return self.env._("Enter the password."), "password"
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
        """Return another account for the address: there is only one in a company."""
        # sudo: it may be somebody's personal account
        return (
            self.env["email.account"]
            .sudo()
            .with_context(active_test=False)
            .search(
                [
                    ("email_normalized", "=", self._normalize_email(self.email).lower()),
                    ("company_id", "=", self.company_id.id),
                    ("id", "!=", self.account_id.id),
                ],
                limit=1,
            )
        )

    # ------------------------------------------------------------
    # Discovery
    # ------------------------------------------------------------

    def _discover(self):
        """Look for the settings of the address; go on with what was found."""
        progress = self._start_progress()
        discovery = asyncio.run(
            autoconfig.discover(
                autoconfig.Address.parse(self.email),
                sources=self.env["email.account"]._autoconfig_sources(),
                network=self._get_network(),
                on_step=lambda step: progress(
                    step.source,
                    self._get_source_label(step.source),
                    step.result,
                    step.detail,
                    step.elapsed_ms,
                ),
            )
        )
        values = self._prepare_found_values(discovery.settings) if discovery.settings else {}
        directions = self._get_directions()
        message = False
        if not any(values.get(f"{direction}_host") for direction in directions):
            message = self.env._(
                "Cannot determine connection settings automatically. "
                "Configure the connection parameters manually."
            )
        elif any(values.get(f"{direction}_security") == "none" for direction in directions):
            message = self.env._(
                "Only servers without encryption were found, where others could read your password. "
                "Set up the connection manually if you want to use them."
            )
        if message:
            return self._show_error(message, page="start", is_retry=True, **values)
        if not discovery.settings.trusted:
            return self._show("confirm", confirm_domain=discovery.settings.domain, **values)
        return self._test_and_create(values, progress)

    @api.model
    def _get_source_label(self, source):
        return {
            "provider": self.env._("Known providers"),
            "autoconfig": self.env._("Settings published by the domain"),
            "ispdb": self.env._("Mozilla's database of providers"),
            "mx": self.env._("Mail provider of the domain (MX)"),
        }.get(source, source)

    def _start_progress(self):
        """Return a function that shows a line of progress; it writes in transactions of its own."""
        rows = {}
        with self.env.registry.cursor() as cr:
            # sudo: the lines are the wizard's, its user only reads them
            self.with_env(self.env(cr=cr)).sudo().step_ids.unlink()

        def progress(key, label, result, detail="", elapsed_ms=0):
            values = {"result": result, "detail": detail, "elapsed_ms": elapsed_ms}
            with self.env.registry.cursor() as cr:
                # sudo: as above
                step = self.env(cr=cr)["email.account.create.step"].sudo().browse(rows.get(key, []))
                if step:
                    step.write(values)
                else:
                    rows[key] = step.create({"wizard_id": self.id, "label": label, **values}).id

        return progress

    def _prepare_found_values(self, settings):
        """Return the values for what discovery found: the best server of each direction that is wanted."""
        values = {"found_origin": settings.origin, "provider_id": self._find_provider(settings).id}
        usernames = {}
        for direction, servers in (("outgoing", settings.outgoing), ("incoming", settings.incoming)):
            if not servers or direction not in self._get_directions():
                continue
            server = servers[0]
            usernames[direction] = server.username
            values.update(
                {
                    f"{direction}_host": server.host,
                    f"{direction}_port": server.port,
                    f"{direction}_security": server.security,
                }
            )
            if direction == "incoming":
                values["incoming_protocol"] = server.protocol
        username = usernames.get("incoming") or usernames.get("outgoing")
        values["username"] = username if username != self.email else False
        outgoing = usernames.get("outgoing")
        values["outgoing_username"] = outgoing if outgoing and outgoing != username else False
        return values

    def _find_provider(self, settings):
        provider = self.env["email.provider"]
        if settings.provider.isdecimal():
            return provider.browse(int(settings.provider)).exists()
        return provider._find_by_domain(self._normalize_email(self.email).partition("@")[2])

    def _prepare_provider_values(self):
        """Return the servers of the known provider for the manual pages, where nothing is entered yet."""
        values = {}
        provider = self.provider_id
        protocol = "imap" if provider.imap_host else "pop3"
        for direction, prefix in (("incoming", protocol), ("outgoing", "smtp")):
            if provider[f"{prefix}_host"] and not self[f"{direction}_host"]:
                for name in ("host", "port", "security"):
                    values[f"{direction}_{name}"] = provider[f"{prefix}_{name}"]
        if "incoming_host" in values:
            values["incoming_protocol"] = protocol
        return values

    # ------------------------------------------------------------
    # Live test, then the account
    # ------------------------------------------------------------

    def _test_and_create(self, values, progress=None):
        """Log in to each direction; create the account if all succeed.

        The test runs on a record in memory, so that nothing is written while the network is waited for.

        :param dict values: settings that are not on the wizard yet
        :param progress: function that shows a line of progress
        """
        progress = progress or self._start_progress()
        tried = self.new({name: self[name] for name in COPIED_FIELDS} | values, origin=self)
        steps, failures, missing = [], {}, []
        directions = tried._get_directions()
        for direction in directions:
            if not tried[f"{direction}_host"]:
                missing.append(direction)
                continue
            failure = tried._test_direction(direction, progress, steps)
            if failure:
                failures[direction] = failure
        working = [name for name in directions if name not in failures and name not in missing]
        if not failures and not missing:
            return self._create_account(values, steps)
        messages = [failure[0] for failure in failures.values()] + [
            self._get_missing_message(d) for d in missing
        ]
        first = next(iter(failures.values()), (None, False, False))
        if working:
            return self._show(
                "partial",
                message="\n".join(messages),
                advice=first[1],
                working_direction=working[0],
                **values,
            )
        return self._show_error(
            "\n".join(messages),
            field=first[2],
            advice=first[1],
            page="start" if self.method == "automatic" else self.step,
            is_retry=True,
            **values,
        )

    @api.model
    def _get_missing_message(self, direction):
        if direction == "outgoing":
            return self.env._("No settings for sending were found.")
        return self.env._("No settings for receiving were found.")

    def _test_direction(self, direction, progress, steps):
        """Log in to one direction.

        :param list steps: receives the steps for the report of the account (values)
        :return: None if it works, else (message, advice, field to mark)
        """
        label = self.env._("Log in to %s", self[f"{direction}_host"])
        progress(direction, label, "asking")
        with CheckRun(self) as run:
            failure = run.login(direction)
        steps += run.steps
        elapsed_ms = sum(step["duration_ms"] for step in run.steps)
        progress(direction, label, "failed" if failure else "passed", elapsed_ms=elapsed_ms)
        if not failure:
            return None
        message, advice = self._describe_failure(failure, direction)
        field = {
            "host": f"{direction}_host",
            "port": f"{direction}_port",
            "security": f"{direction}_security",
        }.get(failure.field, failure.field)
        return message, advice, field

    def _create_account(self, values, steps):
        """Create the account (or set up the one from which the wizard was opened) with its first report."""
        self.write(values)
        account_values = self._convert_to_write({name: self[name] for name in COPIED_FIELDS}) | {
            name: self._get_secret(name) for name in self._secret_fields
        }
        if self.name:
            account_values["name"] = self.name
        if self.account_id:
            account = self.account_id
            account.write(account_values)
        else:
            account = self.env["email.account"].create(
                account_values | {"company_id": self.company_id.id, "user_id": self.user_id.id}
            )
        self.env["email.account.check"]._create_report(account, steps)
        # the wizard's own copy of the passwords has done its work
        return self._show("done", account_id=account.id, password=False, outgoing_password=False)
