import inspect
import logging
from functools import partial

import psycopg2

from odoo import api, fields, models
from odoo.exceptions import UserError

from ..mailclient import MailFailure
from ..mailclient.delivery import examine
from .check_arrival import get_bounce_reason, wait_for_arrival
from .check_dns import CheckDns
from .check_message import TOKEN_HEADER, Outbox, prepare_message
from .check_run import CheckRun
from .delivery_words import describe_finding
from .email_account_check_step import DIRECTIONS, RESULTS
from .received_mail import describe_error
from .server_pool import run_together

_logger = logging.getLogger(__name__)

KEPT_CHECKS = 30


class EmailAccountCheck(models.Model):
    """The report of one check of an account: what was tried, what came out, and what to do."""

    _name = "email.account.check"
    _description = "Check of an Email Account"
    _inherit = "email.account.part"
    _order = "id desc"
    _rec_name = "account_id"

    account_id = fields.Many2one(
        "email.account", required=True, readonly=True, index=True, ondelete="cascade"
    )
    company_id = fields.Many2one(related="account_id.company_id", store=True)
    date = fields.Datetime(readonly=True, default=fields.Datetime.now)
    occasion = fields.Selection(
        [("button", "By hand"), ("nightly", "At night"), ("creation", "When it was set up")],
        required=True,
        readonly=True,
        default="button",
    )
    result = fields.Selection(RESULTS, readonly=True)
    summary = fields.Text(readonly=True)
    duration_ms = fields.Integer("Duration (ms)", readonly=True)
    step_ids = fields.One2many("email.account.check.step", "check_id", "Steps", readonly=True)
    report = fields.Html(compute="_compute_report", sanitize=False)
    report_text = fields.Text(compute="_compute_report_text")
    acceptable_step_id = fields.Many2one(
        "email.account.check.step", "Certificate to Accept", compute="_compute_acceptable_step_id"
    )

    # ------------------------------------------------------------
    # The report in words
    # ------------------------------------------------------------

    @api.depends("step_ids")
    @api.depends_context("lang", "uid")
    def _compute_report(self):
        for check in self:
            check.report = self.env["ir.qweb"]._render("email_account.check_report_steps", {"check": check})

    def _get_parts(self):
        """Return the steps by what they are about: a list of (title, steps)."""
        self.ensure_one()
        names = dict(self.step_ids._fields["direction"]._description_selection(self.env))
        parts = [
            (names[direction], self.step_ids.filtered(lambda step, it=direction: step.direction == it))
            for direction, _label in DIRECTIONS
        ]
        parts.append(
            (self.env._("Delivery to others"), self.step_ids.filtered(lambda step: not step.direction))
        )
        return [part for part in parts if part[1]]

    @api.depends("step_ids", "result", "date")
    @api.depends_context("lang", "uid")
    def _compute_report_text(self):
        """The report for a message to somebody who helps; it holds no secret."""
        for check in self:
            account = check.account_id
            lines = [
                f"{account.name} <{account.email}>",
                f"{check.date:%Y-%m-%d %H:%M:%S} UTC, {check._get_label(check, 'result')}",
            ]
            for title, steps in check._get_parts():
                lines += ["", title]
                for step in steps:
                    stage, result = (check._get_label(step, name) for name in ("stage", "result"))
                    lines.append(f"- {stage}: {result} ({step._get_duration_words()})")
                    texts = (step.message, step.advice, step.link, step._get_shown_details())
                    lines += [f"  {line}" for text in texts if text for line in text.splitlines()]
            check.report_text = "\n".join(lines)

    @api.model
    def _get_label(self, record, name):
        return dict(record._fields[name]._description_selection(self.env)).get(record[name], "")

    @api.depends(
        "step_ids.fingerprint",
        "step_ids.server",
        "account_id.check_ids",
        "account_id.state",
        "account_id.incoming_host",
        "account_id.incoming_port",
        "account_id.outgoing_host",
        "account_id.outgoing_port",
    )
    def _compute_acceptable_step_id(self):
        """The first self-made certificate that was refused, while the report is the newest and about the
        servers as they are: an account that was changed since is not checked."""
        for check in self:
            steps = check.step_ids.filtered("fingerprint")
            newest = check.account_id.check_ids.sorted("id", reverse=True)[:1] == check
            step, account = steps[:1], check.account_id
            is_same = bool(step) and step.server == account._get_server_name(step.direction)
            check.acceptable_step_id = newest and account.state != "draft" and is_same and step

    # ------------------------------------------------------------
    # Run
    # ------------------------------------------------------------

    @api.model
    def _run(self, accounts, tick=None):
        """Run the checks of ``accounts`` side by side; the steps are kept in memory.

        :param accounts: `email.account`
        :param tick: called with the runs again and again meanwhile, by the thread that called this
        :return: list of `CheckRun`, what came out
        """
        runs = [CheckRun(account) for account in accounts]

        def look():
            for run in runs:
                run.collect()
            if tick:
                tick(runs)

        run_together([self._run_stages(run) for run in runs], look, lanes=[run.lane for run in runs])
        return runs

    @api.model
    def _run_stages(self, run):
        """Run the stages of one account; whatever fails is a step, and the other accounts go on."""
        try:
            yield from self._running_stages(run)
        except psycopg2.Error:  # the transaction is broken, which is everybody's
            raise
        except Exception as error:
            self._note_broken(run, error)
        yield from run.close()

    @api.model
    def _running_stages(self, run):
        stages = run.settings._check_stages()
        if run.is_late:
            stages = []
            message = self.env._("No time was left for this account: check it again.")
            run.add("resolve", run.settings._get_directions()[0], "skipped", message)
        for stage in stages:
            waiting = getattr(self, f"_stage_{stage}")(run)
            if inspect.isgenerator(waiting):
                yield from waiting
        run.explain_blocked_port()

    @api.model
    def _note_broken(self, run, error):
        """A stage has failed as nobody has thought of."""
        account = run.settings
        _logger.error("The check of the email account %s failed", account.id, exc_info=error)
        stage, direction = run.now or ("resolve", False)
        run.add(stage, direction, **self._prepare_broken_values(account, error))

    @api.model
    def _prepare_broken_values(self, account, error):
        return {
            "result": "failed",
            "message": account._describe_broken(),
            "details": describe_error(error),
            "responsible": "administrator",
        }

    @api.model
    def _create_own_report(self, run, occasion):
        """Store the report of a run; whatever cannot be stored of it is nobody else's matter."""
        try:
            with self.env.cr.savepoint():
                return self._create_report(run.settings, run.steps, occasion)
        except psycopg2.OperationalError:  # somebody else writes the same: all of it is done again
            raise
        except Exception as error:
            self.env.invalidate_all(flush=False)
            _logger.exception("The report on the email account %s cannot be stored", run.settings.id)
            step = {"stage": "resolve", "direction": False, "duration_ms": 0}
            step |= self._prepare_broken_values(run.settings, error)
            return self._create_report(run.settings, [step], occasion)

    @api.model
    def _create_report(self, account, steps, occasion="button"):
        """Store the report of ``steps`` (values of `email.account.check.step`) and let the account follow."""
        logged_in = any(step["stage"] == "login" and step["result"] == "passed" for step in steps)
        # sudo: see below
        if logged_in and (refusal := account.sudo()._take_address()):
            taken = {"stage": "login", "result": "failed", "message": refusal, "duration_ms": 0}
            steps = [*steps, taken | {"responsible": "administrator", "field_name": "email"}]
        results = {step["result"] for step in steps}
        result = next((name for name in ("failed", "warning", "passed") if name in results), "skipped")
        messages = [step["message"] for step in steps if step["result"] == result]
        summary = self.env._("All steps passed.") if result == "passed" else "\n".join(messages)
        # sudo: users may read reports, only the check itself writes them and the state of the account
        check = self.sudo().create(
            {
                "account_id": account.id,
                "occasion": occasion,
                "result": result,
                "summary": summary,
                "duration_ms": sum(step["duration_ms"] for step in steps),
                "step_ids": [
                    fields.Command.create(self._add_server(account, step) | {"sequence": sequence})
                    for sequence, step in enumerate(steps)
                ],
            }
        )
        if result != "skipped":
            account = account.sudo()  # sudo: who may check it may not write it
            if not account.has_logged_in and self._is_proof(account, steps):
                account.has_logged_in = True
            account.last_check_date = fields.Datetime.now()
            details = [
                step["details"] for step in steps if step["result"] == "failed" and step.get("details")
            ]
            account._set_state(
                result == "failed" and summary, "\n".join(details) or False, logged_in=logged_in
            )
        # sudo: reports are nobody's to delete
        self.sudo().search([("account_id", "=", account.id)], offset=KEPT_CHECKS).unlink()
        return check.sudo(False)

    @api.model
    def _add_server(self, account, step):
        """Return the values of a step with the server that has shown its certificate."""
        seen = step.get("fingerprint") and step.get("direction")
        return step | {"server": account._get_server_name(seen)} if seen else step

    @api.model
    def _is_proof(self, account, steps):
        """Whether these are steps (values) of a login to each server of the account."""
        let_in = {
            step.get("direction") for step in steps if (step["stage"], step["result"]) == ("login", "passed")
        }
        return let_in >= set(account._get_directions())

    # ------------------------------------------------------------
    # Stages
    # ------------------------------------------------------------

    @api.model
    def _stage_outgoing_login(self, run):
        """Log in to the outgoing server."""
        yield from run.login("outgoing")

    @api.model
    def _stage_incoming_login(self, run):
        """Log in to the mailbox; look what is there, if a test email will follow."""
        yield from run.login("incoming")
        if run.mailbox and run.smtp:
            with run.failures("incoming", stage="select"):
                yield run.mailbox.remember

    @api.model
    def _stage_sender(self, run):
        """Ask the outgoing server whether it takes the addresses of the account as senders."""
        account = run.settings
        if not run.smtp:
            return
        run.begin("sender", "outgoing")
        with run.failures("outgoing", stage="sender") as refused:
            yield partial(run.smtp.try_sender, account.email)
            run.add("sender", "outgoing", "passed", self.env._("%s may send.", account.email))
        run.sender_refused = bool(refused)
        for address in account._get_other_addresses():
            try:
                yield partial(run.smtp.try_sender, address)
            except MailFailure as failure:
                run.add_failure("sender", "outgoing", failure, "warning")
            else:
                run.add("sender", "outgoing", "passed", self.env._("%s may send.", address))

    @api.model
    def _stage_send(self, run):
        """Send the test email to the account's own address through `ir.mail_server`."""
        if not run.smtp or run.sender_refused:
            run.add("send", "outgoing", "skipped", self.env._("Not tried, because an earlier step failed."))
            return
        account = run.settings
        run.begin("send", "outgoing")
        # sudo: users of an account may not read the host's server records
        server = account.sudo().mail_server_id
        server._prepare_account_session(run.smtp, account._get_email_formatted())
        outbox = Outbox(run.smtp)
        with run.failures("outgoing", stage="send"):
            server.send_email(prepare_message(account, run.token), smtp_session=outbox)
            if not outbox.goes_only_to(account.email):
                raise UserError(
                    self.env._("An extension of Odoo adds recipients to the test email: it was not sent.")
                )
            if outbox.call:
                yield partial(run.smtp.send_message, *outbox.call)
            run.sent = True
            run.add("send", "outgoing", "passed", self.env._("The test email was sent to %s.", account.email))

    @api.model
    def _stage_find(self, run):
        """Wait for the test email to arrive in the mailbox."""
        if not (run.sent and run.mailbox):
            run.add("find", "incoming", "skipped", self.env._("Not tried, because an earlier step failed."))
            return
        run.begin("find", "incoming")
        with run.failures("incoming", stage="find"):
            run.arrival = yield from wait_for_arrival(run)
            run.add("find", "incoming", **self._prepare_arrival_values(run.arrival))

    @api.model
    def _prepare_arrival_values(self, arrival):
        """Return what is told about where the test email went: values of a step."""
        env, folder = self.env, arrival.arrived
        if folder and folder.special_use == "\\Junk":
            return {
                "result": "warning",
                "message": env._("The test email arrived in the spam folder (%s).", folder.folder),
                "advice": env._("Mark it as no spam in the mailbox; check SPF and DKIM of the domain."),
                "responsible": "user",
            }
        if folder and folder.special_use != "\\Inbox":
            return {
                "result": "warning",
                "message": env._("The test email arrived in the folder %s.", folder.folder),
                "advice": env._(
                    "A rule of the mailbox has moved it. Mail that such rules take out of the inbox is not "
                    "received."
                ),
                "responsible": "user",
            }
        if folder:
            return {"result": "passed", "message": env._("The test email arrived in the inbox.")}
        if arrival.bounce:
            reason = get_bounce_reason(arrival.bounce_source)
            return {
                "result": "failed",
                "message": env._("The test email came back."),
                "details": reason,
                "advice": env._("The address of the account does not take mail. Check it."),
                "field_name": "email",
                "responsible": "provider",
            }
        return {
            "result": "failed",
            "message": env._("The test email did not arrive within %s seconds.", round(arrival.waited)),
            "advice": env._("It may come later. Check that both servers belong to the same mailbox."),
            "field_name": "incoming_host",
            "responsible": "user",
        }

    @api.model
    def _stage_remove(self, run):
        """Remove the test email from the mailbox, and from "Sent" where the provider keeps a copy."""
        left = run.arrival.all
        if not left:
            return
        run.begin("remove", "incoming")
        with run.failures("incoming", stage="remove"):
            if run.settings.incoming_protocol == "pop3":
                yield partial(run.mailbox.delete, left[0])  # which ends the session
            else:
                for found in left:
                    yield partial(run.mailbox.delete, found)
                # a copy in "Sent" may come later than the mail itself
                late = yield partial(run.mailbox.find, TOKEN_HEADER, run.token)
                for found in late:
                    yield partial(run.mailbox.delete, found)
                left += late
            if any(found.special_use == "\\Sent" for found in left):
                message = self.env._("The test email was removed from the mailbox and from “Sent”.")
            else:
                message = self.env._("The test email was removed from the mailbox.")
            run.add("remove", "incoming", "passed", message)

    @api.model
    def _stage_delivery(self, run):
        """Say what the receiving side and DNS say about mail of this address."""
        if not run.arrival.source:
            return
        account = run.settings
        run.begin("authentication", False)
        findings = yield partial(examine, run.arrival.source, account.email, CheckDns(account._get_network()))
        for finding in findings:
            message, advice = describe_finding(self.env, finding)
            run.add(
                finding.topic,
                False,
                finding.result,
                message,
                advice=advice,
                details=finding.details,
                responsible=advice and "domain",
            )

    # ------------------------------------------------------------
    # Buttons
    # ------------------------------------------------------------

    def action_open_account(self):
        """Open the account; the fields that are concerned are marked there."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": "email.account",
            "res_id": self.account_id.id,
            "views": [(False, "form")],
            "target": "current",
        }

    def action_accept_certificate(self):
        """Accept the certificate that the server made itself, and check again."""
        self.ensure_one()
        step = self.acceptable_step_id
        if not step:
            raise UserError(self.env._("There is no certificate to accept in this report."))
        self.account_id._accept_certificate__(step.direction, step.fingerprint, step.server)
        return self.account_id.action_check()
