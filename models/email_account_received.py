import psycopg2
from dateutil.relativedelta import relativedelta
from markupsafe import Markup

from odoo import api, fields, models, modules
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tools import email_normalize

from .. import mailclient
from ..mailclient.outside import safe_text
from .mail_bounds import check_bounds
from .mail_outcome import MailOutcome
from .mail_trials import Trials
from .receive_run import ReceiveRun
from .received_mail import NotProcessed, describe_error

# failures in a row before the owner is told of what may pass by itself
TRANSIENT_FAILURES = 3
# in which the server lists its folders
LISTING_SECONDS = 60
# who changes one of these wants to see mail, whatever happened before
RESUMING_FIELDS = {"use_for_receiving", "active", "password", "receive_interval"}


class EmailAccountReceived(models.AbstractModel):
    """How an account receives: what becomes of its mail, here and on the server, and when."""

    _name = "email.account.received"
    _description = "Email Account that Receives"
    _inherit = "email.account.checked"

    after_receiving = fields.Selection(
        selection_add=[("move", "Move it to a folder"), ("delete",)], ondelete={"move": "set default"}
    )
    incoming_action = fields.Selection(
        [
            ("contact", "Post it on the contact of its sender"),
            ("create", "Create a record"),
            ("keep", "Keep it until somebody assigns it"),
        ],
        "What a received mail becomes",
        default="contact",
        required=True,
        help="Replies, and mail to aliases, go where they belong. This is for all other mail.",
    )
    incoming_model_id = fields.Many2one(
        "ir.model",
        "Create a New Record",
        domain="[('is_mail_thread', '=', True), ('transient', '=', False)]",
        ondelete="set null",
        help="What a mail becomes that is no reply and has no alias.",
    )
    folder_ids = fields.One2many("email.account.folder", "account_id", "Folders", copy=False)
    move_folder_id = fields.Many2one(
        "email.account.folder",
        "Move it to",
        domain="[('account_id', '=', id), ('is_missing', '=', False)]",
        ondelete="set null",
        copy=False,
    )
    import_from = fields.Date(
        help="Older mail stays where it is. Empty: everything that is in the mailbox is received."
    )
    size_limit = fields.Integer(
        "Size limit (MB)",
        default=25,
        help="Of a larger mail the header alone is fetched, the rest when somebody asks for it. 0: no limit.",
    )
    receive_interval = fields.Integer("Look for new mail every (minutes)", default=5)
    polling_ids = fields.One2many("email.account.polling", "account_id", groups=fields.NO_ACCESS)
    unprocessed_ids = fields.One2many(
        "email.account.unprocessed", "account_id", "Unprocessed Mail", copy=False
    )
    unprocessed_count = fields.Integer(compute="_compute_unprocessed_count")
    message_count = fields.Integer("Number of Messages", compute="_compute_message_count", compute_sudo=True)
    last_received_date = fields.Datetime("Last Look", compute="_compute_polling", compute_sudo=True)
    next_receive_date = fields.Datetime("Next Look", compute="_compute_polling", compute_sudo=True)
    is_receiving_stopped = fields.Boolean(compute="_compute_polling", compute_sudo=True)

    def _compute_unprocessed_count(self):
        domain = [("account_id", "in", self.ids), ("state", "!=", "discarded")]
        groups = self.env["email.account.unprocessed"]._read_group(domain, ["account_id"], ["__count"])
        counts = dict(groups)
        for account in self:
            account.unprocessed_count = counts.get(account, 0)

    def _compute_message_count(self):
        groups = self.env["mail.message"]._read_group(
            [("email_account_id", "in", self.ids)], ["email_account_id"], ["__count"]
        )
        counts = {account.id: count for account, count in groups}
        for account in self:
            account.message_count = counts.get(account.id, 0)

    def _compute_polling(self):
        pollings = self.env["email.account.polling"].search([("account_id", "in", self.ids)])
        by_account = {polling.account_id.id: polling for polling in pollings}
        for account in self:
            polling = by_account.get(account.id, pollings.browse())
            receives = account.use_for_receiving and account.active and account.state != "draft"
            account.last_received_date = polling.received_date
            account.is_receiving_stopped = polling.is_stopped
            account.next_receive_date = receives and not polling.is_stopped and polling.next_date

    # ------------------------------------------------------------
    # Validation, create, write
    # ------------------------------------------------------------

    @api.constrains("incoming_action", "incoming_model_id")
    def _check_incoming_model(self):
        for account in self:
            if account.incoming_action == "create" and not account.incoming_model_id:
                raise ValidationError(
                    self.env._("Create a New Record: choose what a received mail becomes, or another action.")
                )

    @api.constrains("incoming_model_id")
    def _check_may_make_records(self):
        """Mail becomes records by the mail gateway, which may do anything: who asks for them must have the
        right to add some, but for administrators of the settings, who set up Odoo's own servers likewise."""
        for account in self:
            model = account.incoming_model_id.sudo()  # sudo: users do not read the list of models
            if not model:
                continue
            is_possible = model.is_mail_thread and not model.transient and model.model != self._name
            if not is_possible or self.env[model.model]._abstract:
                raise ValidationError(
                    self.env._("Create a New Record: %s cannot be made of a mail.", model.name)
                )
            # Odoo checks as superuser: it is the user who is asked
            records = self.env[model.model].with_user(self.env.user)
            if not records.env.is_system() and not records.has_access("create"):
                raise AccessError(
                    self.env._("Create a New Record: you may not add records of this kind: %s.", model.name)
                )

    @api.constrains("move_folder_id")
    def _check_move_folder(self):
        for account in self:
            if account.move_folder_id.sudo().account_id - account:  # sudo: it may be one that is hidden
                raise ValidationError(self.env._("Move it to: choose a folder of this mailbox."))

    @api.constrains("after_receiving", "incoming_protocol", "move_folder_id")
    def _check_after_receiving(self):
        for account in self.filtered(lambda account: account.after_receiving == "move"):
            if account.incoming_protocol == "pop3":
                raise ValidationError(
                    self.env._("POP knows no folders: choose something else to happen after receiving.")
                )
            if account.move_folder_id.is_received:
                raise ValidationError(
                    self.env._(
                        "Move it to: %s is received itself; choose another folder.",
                        account.move_folder_id.name,
                    )
                )

    @api.constrains("folder_ids", "use_for_receiving")
    def _check_folders(self):
        for account in self.filtered(lambda account: account.use_for_receiving and account.folder_ids):
            if not any(account.folder_ids.mapped("is_received")):
                raise ValidationError(
                    self.env._(
                        "Folders: choose at least one that is received, or switch off “For Receiving Emails”."
                    )
                )

    @api.constrains("size_limit", "receive_interval")
    def _check_receiving_numbers(self):
        for account in self:
            if account.size_limit < 0:
                raise ValidationError(self.env._("Size limit: enter 0 (no limit) or a number of megabytes."))
            if not 1 <= account.receive_interval <= 1440:
                raise ValidationError(
                    self.env._("Look for new mail every: enter a number of minutes from 1 to 1440.")
                )

    @api.onchange("incoming_protocol")
    def _onchange_incoming_protocol(self):
        if self.incoming_protocol == "pop3" and self.after_receiving in ("seen", "move"):
            self.after_receiving = "leave"

    @api.model_create_multi
    def create(self, vals_list):
        accounts = super().create(vals_list)
        # sudo: users write neither of them, they follow the account
        system = accounts.sudo()
        system.env["email.account.polling"].create([{"account_id": account.id} for account in accounts])
        folders = system.env["email.account.folder"]
        folders.create([folders._get_inbox_values(account) for account in accounts])
        return accounts

    def write(self, vals):
        moved = self.filtered(lambda account: account._is_other_mailbox(vals))
        result = super().write(vals)
        # sudo: users write neither of them, they follow the account
        moved.sudo().folder_ids._forget_position()
        if vals.get("incoming_protocol") == "pop3":  # which has the inbox alone
            for folder in self.sudo().folder_ids:
                folder.is_received = folder.mailbox == "INBOX"
        if vals.get("state") == "ready" or not RESUMING_FIELDS.isdisjoint(vals):
            self._resume_receiving()
        return result

    def _is_other_mailbox(self, vals):
        """Whether ``vals`` leads to another mailbox, whose UIDs mean something else."""
        names = ("incoming_host", "incoming_protocol", "username", "email")
        return any((vals[name] or False) != (self[name] or False) for name in names if name in vals)

    # ------------------------------------------------------------
    # Receive
    # ------------------------------------------------------------

    def _receive(self):
        """Receive the mail of these accounts now, whenever their next look is due.

        It runs in transactions of its own, one a message, and commits the present one before. What another
        worker is at, and what is switched off or was never checked, is left out.

        :return: the accounts that were looked into
        :raises UserError: see `_check_may_connect`
        """
        self._check_may_connect()
        self.env.flush_all()
        if not modules.module.current_test:  # as Odoo's mail.mail
            self.env.cr.commit()  # pylint: disable=invalid-commit
        run = ReceiveRun(self.env, self)
        run.run()
        self.env.invalidate_all()
        return self.browse(run.account_ids)

    @api.model
    def _cron_receive(self):
        """Look into the mailboxes that are due, the longest-waiting first, until the time is over.

        Any number of workers may do so at the same time: each claims the accounts that it is at.
        """
        if self._is_neutralized():
            return
        crons = self.env["ir.cron"]
        crons._commit_progress()
        run = ReceiveRun(self.env)
        run.run(on_account=lambda: crons._commit_progress(1))
        if run.is_anything_due():
            # not by its progress: Odoo would go on at once, up to ten times, and end the worker for it
            crons.browse(self.env.context.get("cron_id") or self._get_receive_cron_id())._trigger()
        crons._commit_progress(remaining=0)

    @api.model
    def _get_receive_cron_id(self):
        return self.env.ref("email_account.ir_cron_email_account_receive").id

    def _resume_receiving(self):
        """Somebody has acted: look into the mailboxes soon, whatever happened before."""
        # sudo: it follows the account
        pollings = self.sudo().polling_ids
        for polling in pollings:
            polling._resume()

    def _prepare_gateway(self):
        """Return how Odoo's mail gateway processes the mail of this account: for all of a turn."""
        server = self.fetchmail_server_id
        return {
            "company_id": self.company_id.id,
            "server_id": server.id,
            "model": self.incoming_action == "create" and self.incoming_model_id.model,
            "options": {"save_original": server.original, "strip_attachments": not server.attach},
            "trials": self._prepare_trials(server.original),
        }

    @api.model
    def _prepare_trials(self, save_original):
        """Return what tries mails before the gateway processes them, `Trials`."""
        is_indexing = "attachment_indexation" in self.env.registry._init_modules
        return Trials(is_indexing=is_indexing, save_original=save_original)

    def _process_mail(self, source, mail, message_id, gateway=None, receipt=None):
        """Let Odoo process a mail of this account. Nothing is committed.

        :param bytes source: the mail
        :param ReceivedMail mail: what its header says
        :param str message_id: the Message-Id that the message gets
        :param dict gateway: of `_prepare_gateway`, if it is known; has to be for mail of an account that is
            gone, of which this is an empty record
        :param receipt: of the mail, `email.account.receipt`: on it is noted what must not be done again
        :return: with a receipt, a `NotProcessed` if the mail has to be kept in the same transaction, which
            holds what was noted about it; else None
        :raises NotProcessed: why it could not be; the transaction has to be rolled back
        """
        check_bounds(source)
        gateway = gateway or self._prepare_gateway()
        gateway["trials"].check(source)
        threads = self.env["mail.thread"].with_company(gateway["company_id"])
        outcome = MailOutcome(mail, was_noted=bool(receipt and receipt.is_noted))
        try:
            threads.with_context(
                default_fetchmail_server_id=gateway["server_id"],
                email_account_receiving=self.id,
                email_account_aliases={email_normalize(mail.email_from): None},
                email_account_message_id=message_id,
                email_account_outcome=outcome,
            ).message_process(gateway["model"], source, **gateway["options"])
            if not (outcome.kept or outcome.is_done or self._has_message(message_id)):
                outcome.kept = NotProcessed("dropped")
            if outcome.kept and not receipt:
                raise outcome.kept
            if receipt:
                receipt._set_outcome(outcome)
            # what would run at the commit fails now, if it fails
            self.env.cr.flush()
        except NotProcessed:
            raise
        except (psycopg2.OperationalError, psycopg2.errors.UniqueViolation, OSError) as error:
            raise NotProcessed("conflict", f"{type(error).__name__}: {error}") from error
        except Exception as error:  # any addon may have its say in what a mail becomes
            raise NotProcessed("error", describe_error(error)) from error
        return outcome.kept

    @api.model
    def _has_message(self, message_id):
        # sudo: it may be on what is hidden from who asks for it
        return bool(self.env["mail.message"].sudo().search_count([("message_id", "=", message_id)], limit=1))

    def _get_size_limit(self):
        """Return the size in bytes above which only the header of a mail is fetched, 0 for no limit."""
        return max(self.size_limit, 0) << 20

    def _get_removal_date(self):
        """Return the moment before which mail must have arrived to be deleted now; None to delete nothing."""
        if self.after_receiving != "delete":
            return None
        return fields.Datetime.now() - relativedelta(days=self.delete_after_days)

    # ------------------------------------------------------------
    # Failures and recoveries
    # ------------------------------------------------------------

    def _set_received(self):
        """Receiving works: so does the account, unless it was sending that failed."""
        polling = self.polling_ids
        newest = self.check_ids.sorted("id", reverse=True)[:1]
        failed = set(newest.step_ids.filtered(lambda step: step.result == "failed").mapped("direction"))
        if self.state == "failing" and (polling.failure_count or failed <= {"incoming"}):
            self._set_state()
            self._note_recovery()

    def _set_receiving_failed(self, message, details=False, *, urgent):
        """Receiving failed: say so on the account, and tell its owner if he has to know.

        :param str message: what happened, in words
        :param details: what the server said (text), for those who manage accounts
        :param bool urgent: whether it cannot pass by itself
        """
        message = safe_text(message)
        self._set_state(message, details)
        if urgent or self.polling_ids.failure_count >= TRANSIENT_FAILURES:
            self._remind(
                "email_account.mail_activity_type_failing",
                self.env._("%s cannot receive", self.name),
                message,
            )

    def _note_recovery(self):
        """Say that it works again to who was told that it does not."""
        activities = self._get_reminders("email_account.mail_activity_type_failing")
        if activities:
            told = activities.user_id.partner_id
            activities.unlink()
            self.message_post(body=self.env._("%s receives again.", self.name), partner_ids=told.ids)

    def _remind(self, activity_type, summary, note=False):
        """Give the owner an activity, unless he has one of this type already.

        :param str activity_type: external id of a `mail.activity.type`
        """
        self.ensure_one()
        if self._get_reminders(activity_type):
            return
        user = self._get_responsible_user()
        self.with_context(mail_activity_quick_update=True).activity_schedule(
            activity_type,
            summary=summary,
            # a note is HTML: what is said in it is text, with the names of folders and servers
            note=note and Markup("<br/>").join(note.splitlines()),
            user_id=user.id,
        )

    def _get_reminders(self, activity_type):
        kind = self.env.ref(activity_type)
        return self.activity_ids.filtered(lambda activity: activity.activity_type_id == kind)

    def _get_responsible_user(self):
        """Return who has to act: the owner; for a shared account who made it, else who may manage it."""
        self.ensure_one()
        manage = self.env.ref("email_account.group_email_account_manage")
        candidates = (
            self.user_id
            or (self.create_uid - self.env.ref("base.user_root")).filtered(
                lambda user: manage in user.all_group_ids
            )
            or self.env["res.users"].search([("all_group_ids", "in", manage.ids)], limit=1, order="id")
        )
        return candidates[:1]

    # ------------------------------------------------------------
    # Buttons
    # ------------------------------------------------------------

    def action_open_messages(self):
        """Open the messages that the account received."""
        self.ensure_one()
        self.check_access("read")
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Messages of %s", self.name),
            "res_model": "mail.message",
            "view_mode": "list,form",
            "domain": [("email_account_id", "=", self.id)],
        }

    def action_open_unprocessed(self):
        """Open the mails that could not be processed."""
        self.ensure_one()
        self.check_access("read")
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "email_account.action_email_account_unprocessed"
        )
        action.update(domain=[("account_id", "=", self.id)])
        return action

    def action_load_folders(self):
        """Ask the server for its folders; new ones are received only if somebody says so."""
        self.ensure_one()
        self.check_access("write")
        self._check_is_configured()
        self.env["email.account.attempt"]._note()
        try:
            with self._connect_incoming__(total=LISTING_SECONDS) as mailbox:
                found = mailbox.folders()
        except mailclient.MailFailure as failure:
            raise UserError("\n".join(self._describe_failure(failure, "incoming"))) from failure
        self._set_folders(found)

    def _set_folders(self, found):
        """Follow the list of folders that the server has, `mailclient.imap_parse.Folder`.

        What is gone there is forgotten, unless mail was received from it, or is moved to it.
        """
        # sudo: who may change the account may have its folders listed
        account = self.sudo()
        folders = account.folder_ids
        known, listed = {folder.mailbox: folder for folder in folders}, set()
        for number, each in enumerate(found, start=1):
            # its case means nothing (RFC 3501 5.1)
            mailbox = "INBOX" if each.mailbox.upper() == b"INBOX" else each.mailbox.decode("latin-1")
            if mailbox in listed:  # some servers say it twice
                continue
            listed.add(mailbox)
            values = {
                "name": each.name,
                "special_use": each.special_use,
                "sequence": number,
                "is_missing": False,
            }
            folder = known.pop(mailbox, None)
            if folder:
                folder.write(values)
            else:
                folders.create({"account_id": self.id, "mailbox": mailbox, **values})
        for folder in known.values():
            if folder.is_received or folder.uid_validity or folder == account.move_folder_id:
                folder.is_missing = True
            else:
                folder.unlink()

    def action_open_import(self):
        """Ask from which day on older mail is to be received too."""
        self.ensure_one()
        self.check_access("write")
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Import older mail"),
            "res_model": "email.account.import",
            "views": [(False, "form")],
            "target": "new",
            "context": {"default_account_id": self.id},
        }
