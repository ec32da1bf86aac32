import time
from email.utils import make_msgid

from odoo import api, fields, models
from odoo.tools import email_domain_extract

from .check_run import SESSION_TIMEOUT, CheckRun

TOKEN_HEADER = "X-Email-Account-Check"
# seconds until the test email must have arrived, and between two looks at the mailbox
ARRIVAL_TIMEOUT = 60
FIRST_INTERVAL = 0.3
LONGEST_INTERVAL = 8
KEPT_CHECKS = 30
RESULTS = [("passed", "Passed"), ("warning", "Warning"), ("failed", "Failed"), ("skipped", "Skipped")]


class EmailAccountCheck(models.Model):
    """The report of one check of an account: what was tried, what came out, and what to do."""

    _name = "email.account.check"
    _description = "Check of an Email Account"
    _order = "id desc"
    _rec_name = "account_id"

    account_id = fields.Many2one(
        "email.account", required=True, readonly=True, index=True, ondelete="cascade"
    )
    company_id = fields.Many2one(related="account_id.company_id", store=True)
    date = fields.Datetime(readonly=True, default=fields.Datetime.now)
    result = fields.Selection(RESULTS, readonly=True)
    summary = fields.Text(readonly=True)
    duration_ms = fields.Integer("Duration (ms)", readonly=True)
    step_ids = fields.One2many("email.account.check.step", "check_id", "Steps", readonly=True)
    token = fields.Char(readonly=True, index="btree_not_null", groups=fields.NO_ACCESS)

    @api.model
    def _run(self, account):
        """Run the stages of the check of ``account``; the steps are kept in memory.

        :param account: one `email.account`
        :return: what came out, `CheckRun`
        """
        with CheckRun(account) as run:
            for stage in account._check_stages():
                getattr(self, f"_stage_{stage}")(run)
        return run

    @api.model
    def _create_report(self, account, steps, token=False):
        """Store the report of ``steps`` (values of `email.account.check.step`) and let the account follow."""
        results = {step["result"] for step in steps}
        result = next((name for name in ("failed", "warning") if name in results), "passed")
        failures = [step["message"] for step in steps if step["result"] == "failed"]
        # sudo: users may read reports, only the check itself writes them and the state of the account
        check = self.sudo().create(
            {
                "account_id": account.id,
                "result": result,
                "summary": "\n".join(failures) or self.env._("All steps passed."),
                "duration_ms": sum(step["duration_ms"] for step in steps),
                "token": token,
                "step_ids": [
                    fields.Command.create(step | {"sequence": sequence})
                    for sequence, step in enumerate(steps)
                ],
            }
        )
        account = account.sudo()
        account.last_check_date = fields.Datetime.now()
        account._set_state("\n".join(failures))
        self.sudo().search([("account_id", "=", account.id)], offset=KEPT_CHECKS).unlink()
        return check.sudo(False)

    # ------------------------------------------------------------
    # Stages
    # ------------------------------------------------------------

    @api.model
    def _stage_outgoing_login(self, run):
        """Log in to the outgoing server."""
        run.login("outgoing")

    @api.model
    def _stage_send(self, run):
        """Send the test email to the account's own address through `ir.mail_server`."""
        if not run.smtp:
            run.add("send", "outgoing", "skipped", self.env._("Not tried, because the login failed."))
            return
        account = run.settings
        # sudo: users of an account may not read the host's server records
        server = account.sudo().mail_server_id
        server._prepare_account_session(run.smtp, account._get_email_formatted())
        run.smtp.bcc_email = False  # the test never leaves for a third party
        with run.failures("outgoing", stage="send"):
            server.send_email(self._prepare_test_message(account, run.token), smtp_session=run.smtp)
            run.sent = True
            run.add("send", "outgoing", "passed", self.env._("The test email was sent to %s.", account.email))

    @api.model
    def _prepare_test_message(self, account, token):
        """Return the test email, recognised by a header of its own (`email.message.EmailMessage`)."""
        return self.env["ir.mail_server"]._build_email__(
            email_from=account._get_email_formatted(),
            email_to=[account.email],
            subject=self.env._("Test email of %s", account.name),
            body=self.env._(
                "This email was sent to check the email account “%s”. It is removed when it has arrived.",
                account.name,
            ),
            message_id=make_msgid(domain=email_domain_extract(account.email) or None),
            headers={TOKEN_HEADER: token, "Auto-Submitted": "auto-generated"},
        )

    @api.model
    def _stage_incoming_login(self, run):
        """Log in to the mailbox."""
        run.login("incoming")

    @api.model
    def _stage_find(self, run):
        """Wait for the test email to arrive in the mailbox."""
        if not (run.sent and run.mailbox):
            run.add("find", "incoming", "skipped", self.env._("Not tried, because an earlier step failed."))
            return
        with run.failures("incoming", stage="find"):
            run.found = self._wait_for_message(run)
            if not run.found:
                run.add(
                    "find",
                    "incoming",
                    "failed",
                    self.env._("The test email did not arrive within %s seconds.", ARRIVAL_TIMEOUT),
                    advice=self.env._(
                        "It may come later. Check that both servers belong to the same mailbox."
                    ),
                )
            elif run.found[0].special_use.lower() == "\\junk":
                run.add(
                    "find",
                    "incoming",
                    "warning",
                    self.env._("The test email arrived in the spam folder."),
                    advice=self.env._("Mark it as no spam in the mailbox; check SPF and DKIM of the domain."),
                )
            else:
                run.add("find", "incoming", "passed", self.env._("The test email arrived in the mailbox."))

    @api.model
    def _wait_for_message(self, run):
        """Return where the test email was found, an empty list if it did not arrive in time."""
        deadline = time.monotonic() + ARRIVAL_TIMEOUT
        interval = FIRST_INTERVAL
        while True:
            found = run.mailbox.find(TOKEN_HEADER, run.token)
            if found or time.monotonic() + interval > deadline:
                return found
            time.sleep(interval)
            interval = min(interval * 2, LONGEST_INTERVAL)
            if run.settings.incoming_protocol == "pop3":
                # RFC 1939: a session sees the mailbox as it was at the login
                run.mailbox.close()
                run.mailbox = run.settings._connect_incoming(SESSION_TIMEOUT)

    @api.model
    def _stage_remove(self, run):
        """Remove the test email from the mailbox."""
        if not run.found:
            return
        with run.failures("incoming", stage="remove"):
            for found in run.found:
                run.mailbox.delete(found)
            run.add(
                "remove", "incoming", "passed", self.env._("The test email was removed from the mailbox.")
            )
