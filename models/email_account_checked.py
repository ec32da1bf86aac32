import logging
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.http import request

from ..mailclient.outside import safe_text
from .check_progress import CheckProgress
from .received_mail import describe_error

_logger = logging.getLogger(__name__)

# accounts of one round of the nightly check: all of a round wait side by side
NIGHTLY_ROUND = 100
# characters of what a report says
MAX_REPORT = 10000
# hours: who was checked since is not checked again by the same night's run
CHECKED_LATELY = 6


class EmailAccountChecked(models.AbstractModel):
    """How an account is proved, and what came out."""

    _name = "email.account.checked"
    _description = "Checked Email Account"
    _inherit = "email.account.servers"

    state = fields.Selection(
        [("draft", "Not checked"), ("ready", "Ready"), ("failing", "Failing")],
        default="draft",
        required=True,
        readonly=True,
        copy=False,
        tracking=True,
    )
    has_logged_in = fields.Boolean(
        "Logged In",
        readonly=True,
        copy=False,
        help="The servers have let in what is stored, as it is: no guesses of others hold it back.",
    )
    check_ids = fields.One2many("email.account.check", "account_id", "Checks", copy=False)
    check_count = fields.Integer(compute="_compute_check_count")
    last_check_date = fields.Datetime("Last Check", readonly=True, copy=False)
    last_error = fields.Text(readonly=True, copy=False)
    last_error_details = fields.Text(
        "Technical Details",
        readonly=True,
        copy=False,
        groups="email_account.group_email_account_manage",
        help="What the server said, word for word.",
    )
    invalid_fields = fields.Json(compute="_compute_invalid_fields")
    nightly_test_email = fields.Boolean(
        "Send a test email at night",
        help="The nightly check logs in to both servers. Switched on, it sends a test email and looks for it "
        "in the mailbox too.",
    )

    @api.depends("check_ids")
    def _compute_check_count(self):
        counts = dict(
            self.env["email.account.check"]._read_group(
                [("account_id", "in", self.ids)], ["account_id"], ["__count"]
            )
        )
        for account in self:
            account.check_count = counts.get(account, 0)

    @api.depends("check_ids", "state")
    def _compute_invalid_fields(self):
        """The fields that the last check found wrong, to be marked."""
        for account in self:
            newest = account.check_ids.sorted("id", reverse=True)[:1]
            failed = newest.step_ids.filtered(lambda step: step.result == "failed" and step.field_name)
            account.invalid_fields = (
                list(dict.fromkeys(failed.mapped("field_name"))) if account.state == "failing" else []
            )

    # ------------------------------------------------------------
    # Check
    # ------------------------------------------------------------

    def action_check(self):
        """Check the accounts by a real test email and show the report."""
        self.check_access("read")
        self._check_may_connect()
        self.env["email.account.attempt"]._note(self._count_attempts())
        with CheckProgress(self) as progress:
            checks = self._check(progress.show)
        action = self.env["ir.actions.act_window"]._for_xml_id("email_account.action_email_account_check")
        if len(checks) == 1:
            action.update(res_id=checks.id, views=[(False, "form")], target="new")
        else:
            action.update(domain=[("id", "in", checks.ids)], context={})
        return action

    def _count_attempts(self):
        """Return as how many connections by hand a check of these accounts counts.

        Who manages the accounts of a company may check all of them at once, once they were checked: scheduled
        actions connect to their servers anyway.
        """
        accounts = self.filtered("is_configured")
        if self.env["email.account"]._can_manage():
            accounts = accounts.filtered(lambda account: account.state == "draft")
        return max(len(accounts), 1)

    def action_check_listed(self):
        """Check the accounts that are chosen in a list; the web client shows what happens meanwhile."""
        if request and request.httprequest.path.startswith("/web/action/"):
            return {
                "type": "ir.actions.client",
                "tag": "email_account_check",
                "params": {
                    "account_ids": self.ids,
                    "name": self.name if len(self) == 1 else self.env._("%s accounts", len(self)),
                },
            }
        return self.action_check()

    def _check(self, tick=None, occasion="button"):
        """Run the checks of the accounts, side by side, and store the reports.

        The reports are written when all accounts are done, so that nothing is pending in the transaction
        while the network is waited for. With ``email_account_login_only`` in the context nothing is sent.

        :param tick: called with the list of `CheckRun` again and again meanwhile
        :param str occasion: of `email.account.check`
        :return: the reports, `email.account.check`
        """
        self.check_access("read")
        self._check_may_connect()
        if len(self) == 1:
            self._check_is_configured()
        # of many, those that cannot be checked yet are no reason not to check the others
        accounts = self.filtered("is_configured")
        if not accounts:
            raise UserError(self.env._("None of these accounts is set up yet."))
        checks = self.env["email.account.check"]
        for run in checks._run(accounts, tick):
            checks |= checks._create_own_report(run, occasion)
        return checks

    def _check_is_configured(self):
        self.ensure_one()
        self._check_may_connect()  # a copy has no passwords
        if not self.password_set:
            raise UserError(self.env._("Password: enter the password of %s first.", self.name))
        if not self.is_configured:
            raise UserError(
                self.env._("The servers of %s are not known yet: set up the account first.", self.name)
            )

    def _check_stages(self):
        """Return the stages of the check, in order: names of methods ``_stage_<name>`` of the report.

        Override it to add a stage or to leave one out. A stage that waits for the network is a generator for
        `server_pool`.
        """
        self.ensure_one()
        sends, receives = self.use_for_sending, self.use_for_receiving
        stages = ["outgoing_login"] * sends + ["incoming_login"] * receives
        if self.env.context.get("email_account_login_only"):
            return stages
        stages += ["sender", "send"] * sends
        stages += ["find", "remove", "delivery"] * (sends and receives)
        return stages

    @api.model
    def _cron_check(self):
        """Check all active accounts: log in to both directions, and send a test email where it is wanted."""
        if self._is_neutralized():  # which says nothing about the accounts
            return
        since = fields.Datetime.now() - timedelta(hours=CHECKED_LATELY)
        accounts = self.search(["|", ("last_check_date", "=", False), ("last_check_date", "<", since)])
        accounts = accounts.filtered(lambda account: account._can_be_checked())
        self.env["ir.cron"]._commit_progress(remaining=len(accounts))
        alike = accounts.grouped(lambda account: (account.nightly_test_email, account._get_report_lang()))
        for (wants_email, lang), group in alike.items():
            group = group.with_context(lang=lang, email_account_login_only=not wants_email)
            for start in range(0, len(group), NIGHTLY_ROUND):
                part = group[start : start + NIGHTLY_ROUND]
                part._check_nightly()
                if not self.env["ir.cron"]._commit_progress(len(part)):
                    return

    def _can_be_checked(self):
        """Whether there is something to check; what cannot even be told says so itself."""
        try:
            return self.with_prefetch().is_configured
        except Exception as error:
            _logger.exception("The nightly check of the email account %s failed", self.id)
            self._set_check_broken(error)
            return False

    def _check_nightly(self):
        """Check the accounts of one round. What goes wrong with one of them is its own: each is checked by
        itself where it ends all of them, and says of itself what ended it."""
        try:
            with self.env.cr.savepoint():
                self._check(occasion="nightly")
                return
        except Exception as error:
            self.env.invalidate_all(flush=False)
            _logger.warning("The nightly check of %s accounts ended", len(self), exc_info=error)
        for account in self:
            try:
                with self.env.cr.savepoint():
                    account._check(occasion="nightly")
            except Exception as error:
                self.env.invalidate_all(flush=False)
                _logger.exception("The nightly check of the email account %s failed", account.id)
                account._set_check_broken(error)

    def _set_check_broken(self, error):
        """A check could not even be reported: the account says so, and is not checked again before others."""
        try:
            with self.env.cr.savepoint():
                account = self.sudo()  # sudo: see `_set_state`
                account.last_check_date = fields.Datetime.now()
                account._set_state(self._describe_broken(), describe_error(error))
        except Exception:  # it may have been deleted
            self.env.invalidate_all(flush=False)
            _logger.exception("The state of the email account %s could not be noted", self.id)

    def _describe_broken(self):
        """Return what is told of an error that nobody has thought of."""
        return self.env._(
            "An error in the application ended it. It is tried again by itself. If that does not help, tell "
            "the administrator: the log of the server says more."
        )

    def _get_report_lang(self):
        """Return the language of reports that nobody waits for: the owner's, else the company's."""
        self.ensure_one()
        return self.user_id.lang or self.company_id.partner_id.lang

    def _get_words_env(self):
        """In the zone of the user; of the owner, else of the company, where nobody waits for it."""
        known = self.env.context.get("tz") or self.env.user.tz
        zone = known or self.user_id.tz or self.company_id.partner_id.tz
        return self.with_context(tz=zone).env if zone else self.env

    def _set_state(self, error=False, details=False, *, logged_in=False):
        """Follow what a check or a run of the mail stack found out.

        :param error: what went wrong (text), False if it works
        :param details: what the server said (text), for those who manage accounts
        :param bool logged_in: a login has succeeded, whatever went wrong afterwards
        """
        # sudo: not everybody may see the details, in whose name it runs
        for account in self.sudo():
            # who may not have the address neither sends nor receives
            refusal = (logged_in or not error) and account._take_address()
            values = {
                "state": "draft" if refusal else "failing" if error else "ready",
                "last_error": refusal or (error and safe_text(error, MAX_REPORT)),
                "last_error_details": details and safe_text(details, MAX_REPORT),
            }
            if any(account[name] != value for name, value in values.items()):
                account.write(values)
            if not error:
                # else Odoo's run would take the next failure for an old one and not note it
                account.fetchmail_server_ids.filtered("error_date").write(
                    {"error_date": False, "error_message": False}
                )

    def action_open_checks(self):
        """Open the reports of the account."""
        self.ensure_one()
        self.check_access("read")
        action = self.env["ir.actions.act_window"]._for_xml_id("email_account.action_email_account_check")
        action.update(domain=[("account_id", "=", self.id)])
        return action
