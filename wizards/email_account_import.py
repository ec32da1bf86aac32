from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

from .. import mailclient

# in which the server counts the mails of all folders
COUNTING_SECONDS = 90
# days: the first proposal
PROPOSED_DAYS = 30


class EmailAccountImport(models.TransientModel):
    """Receive older mail too, of which one sees before how much it is."""

    _name = "email.account.import"
    _description = "Import Older Mail"

    account_id = fields.Many2one("email.account", required=True, readonly=True, ondelete="cascade")
    incoming_protocol = fields.Selection(
        [("imap", "IMAP"), ("pop3", "POP")], "Protocol", compute="_compute_incoming_protocol"
    )
    scope = fields.Selection(
        [("day", "Mail from a day on"), ("everything", "Everything that is in the mailbox")],
        "Import",
        default="day",
        required=True,
    )
    since = fields.Date(
        "From",
        default=lambda self: fields.Date.subtract(fields.Date.context_today(self), days=PROPOSED_DAYS),
        help="The day on which a mail arrived in the mailbox.",
    )
    counted = fields.Char(readonly=True, help="What was counted: a scope and a day.")
    is_counted = fields.Boolean(compute="_compute_is_counted")
    line_ids = fields.One2many("email.account.import.line", "import_id", readonly=True)
    new_count = fields.Integer("Mails to import", compute="_compute_new_count")

    @api.constrains("account_id")
    def _check_account_id(self):
        """Refuse what the user may not see: with a reference to it he would read its name."""
        self.account_id._check_usable()

    @api.depends("account_id")
    def _compute_incoming_protocol(self):
        """Of an account that the user may not see it says nothing: a related field would."""
        for wizard in self:
            wizard.incoming_protocol = wizard.account_id._filter_usable().incoming_protocol

    @api.depends("line_ids.new_count")
    def _compute_new_count(self):
        for wizard in self:
            wizard.new_count = sum(wizard.line_ids.mapped("new_count"))

    @api.depends("scope", "since", "counted")
    def _compute_is_counted(self):
        """Whether it is the mail that is chosen now that was counted."""
        for wizard in self:
            wizard.is_counted = wizard.counted == wizard._get_counted()

    def _get_counted(self):
        return f"{self.scope} {self._get_since() or ''}"

    # ------------------------------------------------------------
    # Buttons
    # ------------------------------------------------------------

    def action_count(self):
        """Ask the server how many mails there are, folder by folder."""
        self._check()
        self.env["email.account.attempt"]._note()
        found = self._ask_server()
        # sudo: what was counted is nobody's to write, and receipts nobody's to read
        wizard = self.sudo()
        wizard.line_ids.unlink()
        wizard.line_ids.create([self._prepare_line_values(*each) for each in found])
        self.counted = self._get_counted()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Import older mail"),
            "res_model": self._name,
            "res_id": self.id,
            "views": [(False, "form")],
            "target": "new",
        }

    def action_import(self):
        """Let the older mail be received; it comes with the next looks into the mailbox, soon."""
        self._check()
        since, account = self._get_since(), self.account_id
        if account.import_from and (not since or since < account.import_from):
            account.import_from = since
        # sudo: how far a folder was read is nobody's to write
        folders = self._get_folders().sudo()
        folders._look_back(since, self._get_moment())
        if not since:
            folders.unseen_below = False
        account._resume_receiving()
        # sudo: it runs for all accounts, whoever asks
        self.env.ref("email_account.ir_cron_email_account_receive").sudo()._trigger()
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "success",
                "message": self.env._(
                    "The mail is being imported in the background. What is here already does not come twice."
                ),
                "next": {"type": "ir.actions.act_window_close"},
            },
        }

    # ------------------------------------------------------------
    # Parts
    # ------------------------------------------------------------

    def _check(self):
        """
        :raises UserError: nothing can be imported, and why
        """
        self.ensure_one()
        self.account_id.check_access("write")
        account = self.account_id
        account._check_may_connect()
        if account.state == "draft" or not account.active or not account.use_for_receiving:
            raise UserError(
                self.env._(
                    "%s does not receive yet: check the account, and switch on “For Receiving Emails”.",
                    account.name,
                )
            )
        if self.scope == "day" and (not self.since or self.since > fields.Date.context_today(self)):
            raise ValidationError(self.env._("From: choose a day that is not in the future."))

    def _get_since(self):
        """Return the day (date) from which on mail is imported, False for everything."""
        return self.since if self.scope == "day" else False

    def _get_moment(self):
        """Return when that day begins (aware datetime in UTC), None for everything."""
        since = self._get_since()
        return self.account_id._get_day_start(since) if since else None

    def _get_folders(self):
        return self.account_id.folder_ids.filtered("is_received")

    def _ask_server(self):
        """Return ``(folder, UIDVALIDITY (text), unique ids)`` for each folder that is received.

        By POP these are all that the mailbox has: it does not know days.

        :raises UserError: the server cannot be asked, in words
        """
        account, found = self.account_id, []
        try:
            with account._connect_incoming__(total=COUNTING_SECONDS) as mailbox:
                for folder in self._get_folders():
                    try:
                        mark = mailbox.open(folder._get_mailbox())
                    except mailclient.MailFailure as failure:
                        if failure.cause != "folder_missing":
                            raise
                        continue
                    uids = mailclient.uids_since(mailbox, self._get_moment())
                    found.append((folder, str(mark.validity), uids))
        except mailclient.MailFailure as failure:
            raise UserError("\n".join(account._describe_failure(failure, "incoming"))) from failure
        return found

    def _prepare_line_values(self, folder, validity, uids):
        # sudo: nobody may read receipts; how many there are may be told to who may change the account
        receipts = self.env["email.account.receipt"].sudo()
        known = sum(
            receipts.search_count([*domain, ("is_skipped", "=", False)])
            for domain in receipts._get_chunked_domains(folder, validity, uids)
        )
        return {
            "import_id": self.id,
            "name": folder.name,
            "count": len(uids),
            "known_count": known,
        }
