import logging
import time
from datetime import timedelta

import psycopg2

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import UserError
from odoo.tools import human_size

from .mail_preview import MAX_SOURCE, get_preview
from .receive_words import describe_reason
from .received_mail import NotProcessed, ReceivedMail

_logger = logging.getLogger(__name__)

# minutes to wait before each attempt to process a mail whose reason may pass
DELAYS = (1, 5, 15, 60, 240)
TRANSIENT_REASONS = {"conflict", "crashed", "unreadable"}
# mails that one run tries again, and seconds after which it begins with no further one: those that arrive
# have their turn
RETRIES, RETRY_SECONDS = 20, 15
KEPT_DAYS = 30


class EmailAccountUnprocessed(models.Model):
    """A received mail that did not become a message: nothing is lost, somebody decides."""

    _name = "email.account.unprocessed"
    _description = "Unprocessed Mail"
    _inherit = "email.account.part"
    _order = "id desc"
    _rec_name = "subject"

    # empty once the account was removed: the mail stays with who could decide about it
    account_id = fields.Many2one("email.account", readonly=True, ondelete="set null", index="btree_not_null")
    company_id = fields.Many2one("res.company", compute="_compute_belonging", store=True, index=True)
    owner_id = fields.Many2one(
        "res.users",
        compute="_compute_belonging",
        store=True,
        index="btree_not_null",
        ondelete="restrict",
        help="The owner of the account; empty for a shared one.",
    )
    address = fields.Char(
        "Mailbox", compute="_compute_belonging", store=True, help="The address of the account."
    )
    receipt_id = fields.Many2one(
        "email.account.receipt", readonly=True, ondelete="set null", index="btree_not_null"
    )
    email_from = fields.Char("From", readonly=True)
    subject = fields.Char(readonly=True)
    date = fields.Char("Sent", readonly=True, help="As the mail says.")
    message_id = fields.Char("Message-Id", readonly=True)
    size = fields.Integer("Size (bytes)", readonly=True)
    size_text = fields.Char("Size", compute="_compute_size_text")
    source = fields.Binary(attachment=True, readonly=True)
    source_name = fields.Char(compute="_compute_source_name")
    preview = fields.Text("Text", compute="_compute_preview")
    is_complete = fields.Boolean(default=True, readonly=True, help="Else only the header was fetched.")
    reason = fields.Selection(
        [
            ("kept", "Kept to be assigned"),
            ("no_route", "Nobody to give it to"),
            ("refused", "Refused by an alias"),
            ("report", "Report on unknown mail"),
            ("dropped", "No visible result"),
            ("broken", "Broken"),
            ("too_large", "Too large"),
            ("too_complex", "Too many parts"),
            ("loop", "Too many from this sender"),
            ("conflict", "Database conflict"),
            ("crashed", "Ended the process"),
            ("unreadable", "Not given by the server"),
            ("error", "Error"),
        ],
        required=True,
        readonly=True,
    )
    message = fields.Text("What happened", readonly=True)
    details = fields.Text(
        "Technical Details", readonly=True, groups="email_account.group_email_account_manage"
    )
    attempts = fields.Integer(readonly=True)
    next_attempt = fields.Datetime(readonly=True)
    state = fields.Selection(
        [("waiting", "Tried again by itself"), ("stuck", "To do"), ("discarded", "Discarded")],
        required=True,
        default="stuck",
        readonly=True,
        index=True,
    )

    @api.depends("account_id.company_id", "account_id.user_id", "account_id.email")
    def _compute_belonging(self):
        for mail in self:
            account = mail.account_id
            # of an account that is gone it stays as it was
            mail.company_id = account.company_id if account else mail.company_id
            mail.owner_id = account.user_id if account else mail.owner_id
            mail.address = account.email if account else mail.address

    def _compute_source_name(self):
        for mail in self:
            mail.source_name = f"{mail.id}.eml"

    @api.depends("size")
    def _compute_size_text(self):
        for mail in self:
            mail.size_text = human_size(mail.size)

    @api.depends("source")
    def _compute_preview(self):
        for mail in self:
            mail.preview = get_preview(mail._read_source(MAX_SOURCE))

    @api.depends("subject", "email_from")
    def _compute_display_name(self):
        for mail in self:
            mail.display_name = mail.subject or mail.email_from or self.env._("Mail without a subject")
        self._hide_names()

    # ------------------------------------------------------------
    # Create
    # ------------------------------------------------------------

    @api.model
    def _create_from_failure(self, account, receipt, received, mail, failure):
        """Keep a mail that could not be processed.

        :param mailclient.Received received: what the server gave
        :param ReceivedMail mail: what its header says
        :param NotProcessed failure: why
        """
        source = received.source or b""
        unprocessed = self.create(
            {
                "account_id": account.id,
                "receipt_id": receipt.id,
                **mail.get_shown(),
                "size": received.size or len(source),
                "is_complete": received.complete and received.source is not None,
                **self._prepare_failure_values(account, failure, attempts=1),
            }
        )
        unprocessed._set_source(source)
        unprocessed._remind_owner()
        return unprocessed

    def _set_source(self, source):
        """Store the raw mail (bytes); directly, as a binary field would need it in memory in base64 too."""
        self._get_source_attachment().unlink()
        # sudo: nobody writes the source, it is what the server gave
        self.env["ir.attachment"].sudo().create(
            {
                "name": "source",
                "res_model": self._name,
                "res_field": "source",
                "res_id": self.id,
                "raw": source,
                "mimetype": "message/rfc822",
            }
        )
        self.invalidate_recordset(["source", "preview"])

    def _get_source_attachment(self):
        # sudo: who may read the mail may read its source; the web client asks for sizes instead of contents
        attachments = self.env["ir.attachment"].sudo().with_context(bin_size=False)
        domain = [("res_model", "=", self._name), ("res_field", "=", "source"), ("res_id", "=", self.id)]
        return attachments.search(domain, limit=1)

    def _read_source(self, size=None):
        """Return the raw mail (bytes), or so many bytes of it."""
        attachment = self._get_source_attachment()
        if size and attachment.store_fname:
            return attachment._file_read(attachment.store_fname, size)
        source = attachment.raw or b""
        return source[:size] if size else source

    @api.model
    def _prepare_failure_values(self, account, failure, attempts):
        """Return why a mail was not processed, and when it is tried again."""
        waits = failure.reason in TRANSIENT_REASONS and attempts <= len(DELAYS)
        lang = account._get_report_lang()
        return {
            "reason": failure.reason,
            "message": describe_reason(self.with_context(lang=lang).env, failure, again=waits),
            "details": failure.detail,
            "attempts": attempts,
            "state": "waiting" if waits else "stuck",
            "next_attempt": waits and fields.Datetime.now() + timedelta(minutes=DELAYS[attempts - 1]),
        }

    # ------------------------------------------------------------
    # Reminders
    # ------------------------------------------------------------

    def _remind_owner(self):
        """Give the owner an activity, if this one waits for somebody."""
        stuck = self.filtered(lambda mail: mail.state == "stuck")
        for account in stuck.account_id:
            account._remind(
                "email_account.mail_activity_type_unprocessed",
                self.env._("%s has mail that nobody has seen", account.name),
            )

    @api.model
    def _settle_reminders(self, accounts):
        """Take the activity away from accounts that have nothing left to do."""
        # sudo: it may be the activity of somebody else, and be about mail that the user sees nothing of
        mails, accounts = self.sudo(), accounts.sudo()
        domain = [("account_id", "in", accounts.ids), ("state", "=", "stuck")]
        busy = {account for [account] in mails._read_group(domain, ["account_id"])}
        for account in accounts.exists().filtered(lambda account: account not in busy):
            account._get_reminders("email_account.mail_activity_type_unprocessed").unlink()

    def unlink(self):
        # sudo: nobody writes receipts, they follow
        receipts, accounts = self.sudo().receipt_id.filtered("is_partial"), self.account_id
        result = super().unlink()
        # nobody fetches the rest any more: so the server is told
        receipts.is_partial = False
        self._settle_reminders(accounts)
        return result

    # ------------------------------------------------------------
    # Process
    # ------------------------------------------------------------

    def _process(self, route=None):
        """Process the mail as if it had just arrived; the record is gone afterwards.

        Nothing is committed. It is done as superuser, as the mail gateway does it.

        :param route: where it goes whatever it says: ``(model, id, user id)``, see `mail_thread_forced`
        :return: the message that it became, `mail.message`; an empty one if it became none, as a bounce does;
            a `NotProcessed` if the record is still there, though nothing must be rolled back
        :raises NotProcessed: why it could not be
        """
        self.ensure_one()
        if not self.is_complete:
            raise NotProcessed("too_large" if self.reason == "too_large" else "unreadable")
        # a context comes from the web client, with defaults for anything; superuser, as the mail gateway is
        context = {"email_account_route": route} if route else {}
        system = self.with_env(self.env(user=SUPERUSER_ID, context=context))
        source = system._read_source()
        mail = ReceivedMail.parse(source)
        message_id = system._get_new_message_id(mail)
        if message_id:
            system.receipt_id.is_imported = True
            gateway = system._prepare_orphaned_gateway()
            failure = system.account_id._process_mail(
                source, mail, message_id, gateway, receipt=system.receipt_id
            )
            if failure and route:
                raise failure
            if failure:
                return failure
        message = system._find_message(mail)
        system.unlink()
        return message

    def _set_orphaned(self):
        """Keep the mails although their account goes: nothing is fetched or tried any more."""
        words = self.env._("Its email account was removed. Assign the mail to a record, or discard it.")
        for mail in self:
            mail.message = "\n".join(filter(None, [mail.message, words]))
        self.write({"account_id": False, "receipt_id": False, "state": "stuck", "next_attempt": False})

    def _check_has_account(self):
        """:raises UserError: the account of one of the mails was removed"""
        if not all(mail.account_id for mail in self):
            raise UserError(
                self.env._(
                    "Its email account was removed: assign the mail to a record, or turn it into a new one."
                )
            )

    def _prepare_orphaned_gateway(self):
        """Return how the mail gateway processes the mail of an account that was removed, else None: as the
        account says (`_prepare_gateway`)."""
        if self.account_id:
            return None
        return {
            "company_id": self.company_id.id,
            "server_id": False,
            "model": False,
            "options": {},
            "trials": self.account_id._prepare_trials(save_original=False),
        }

    def _get_new_message_id(self, mail):
        """Return the Message-Id for the message, None if the same mail is a message already."""
        receipts = self.env["email.account.receipt"].sudo()  # sudo: nobody reads them
        return (receipts._find_alike(mail) - self.receipt_id)._get_new_message_id(mail)

    def _find_message(self, mail):
        """Return the message that a mail has become, here or by another mailbox; an empty one if none."""
        messages = self.env["mail.message"].sudo()
        for name in (mail.get_own_message_id(), mail.message_id):
            found = name and messages.search([("message_id", "=", name)], limit=1, order="id desc")
            if found:
                return found
        return messages

    def _lock(self):
        """Whether the mail is there and nobody else is at it; from now on nobody is."""
        self.ensure_one()
        return bool(self.try_lock_for_update(allow_referencing=True).exists())

    def _note_attempt(self):
        """Count the attempt that is about to begin: the process may die over it.

        :return: whether there is one left
        """
        if self.attempts > len(DELAYS):
            self.write({"state": "stuck", "next_attempt": False})
            self._remind_owner()
            return False
        delay = timedelta(minutes=DELAYS[self.attempts - 1])
        self.write({"attempts": self.attempts + 1, "next_attempt": fields.Datetime.now() + delay})
        return True

    def _try(self):
        """Try once, and note how it went.

        :return: as of `_process`; None if it was not processed
        """
        account, attempts = self.account_id, self.attempts
        try:
            with self.env.cr.savepoint():
                result = self._process()
        except NotProcessed as failure:
            result = failure
        if isinstance(result, NotProcessed):
            self._set_failed(self._prepare_failure_values(account, result, attempts))
            return None
        return result

    def _set_failed(self, values):
        self.write(values)
        self._remind_owner()
        self._settle_reminders(self.account_id)

    @api.model
    def _retry_due(self):
        """Try those again whose time has come; each in a transaction of its own."""
        until = time.monotonic() + RETRY_SECONDS
        domain = [*self._get_due_domain(), ("is_complete", "=", True)]
        for mail in self.search(domain, order="next_attempt, id", limit=RETRIES):
            if time.monotonic() >= until:
                break
            self._alone(mail._retry)
        self._fetch_due()

    @api.model
    def _get_due_domain(self):
        return [("state", "=", "waiting"), ("next_attempt", "<=", fields.Datetime.now())]

    @api.model
    def _alone(self, function, *arguments):
        """Call ``function`` in a transaction of its own."""
        try:
            result = function(*arguments)
            self.env.cr.commit()  # pylint: disable=invalid-commit
            return result
        except psycopg2.extensions.TransactionRollbackError:  # somebody else is at it
            self.env.cr.rollback()
        except Exception:  # no mail may keep the others from being received
            self.env.cr.rollback()
            _logger.exception("An unprocessed mail could not be tried again")
        return None

    def _retry(self):
        """Try once more. Another worker that is at it is left alone."""
        if self._lock() and self._note_attempt():
            self.env.cr.commit()  # pylint: disable=invalid-commit
            if self._lock():
                self._try()

    @api.autovacuum
    def _gc_discarded(self):
        limit = fields.Datetime.now() - timedelta(days=KEPT_DAYS)
        self.search([("state", "=", "discarded"), ("write_date", "<", limit)]).unlink()
