import time

import psycopg2

from odoo import SUPERUSER_ID, api, models
from odoo.exceptions import UserError

from .. import mailclient
from .email_account_unprocessed_fetch import Fetched
from .receive_words import describe_reason
from .received_mail import NotProcessed, ReceivedMail

# seconds: a request ends after 120
BUTTON_SECONDS = 60
# bytes that one click fetches, beside the last mail
FETCH_BYTES = 64 << 20
# a mail that Odoo cannot read can be kept on a record all the same, as it came
UNREADABLE_REASONS = {"broken", "too_complex", "error"}


class EmailAccountUnprocessed(models.Model):
    """What a user can do with a mail that became no message."""

    _inherit = "email.account.unprocessed"

    # ------------------------------------------------------------
    # Again
    # ------------------------------------------------------------

    def action_retry(self):
        """Process the mails again, now; what is not here is fetched first."""
        mails = self._check_may_decide()
        mails._check_has_account()
        if mails and not any(mails.mapped("is_complete")):
            return self.action_fetch()
        complete = mails.filtered("is_complete")
        return complete._answer(complete._decide_each(lambda mail: mail._retry_now()))

    def _retry_now(self):
        self.attempts += 1
        return self._try()

    def action_fetch(self):
        """Fetch the rest of mails of which only the header is here, or nothing, and process them."""
        mails = self._check_may_decide().filtered(lambda mail: not mail.is_complete)
        if not mails:
            raise UserError(self.env._("There is nothing to fetch: all of it is here."))
        mails._check_has_account()
        self.env["email.account.attempt"]._note(len(mails.account_id))
        found, failures, left, until = {}, [], FETCH_BYTES, time.monotonic() + BUTTON_SECONDS
        # the network first: nothing is written while it is waited for
        for account in mails.account_id:
            group = mails.filtered(lambda mail, account=account: mail.account_id == account)
            seconds = until - time.monotonic()
            if seconds <= 0 or left <= 0:
                break
            try:
                for mail, outcome in group._fetch_sources(seconds):
                    if isinstance(outcome, Fetched):
                        found[mail] = outcome
                        left -= len(outcome.source)
                    else:
                        failures.append(mail._describe_not_fetched(outcome))
                    if left <= 0:
                        break
            except mailclient.MailFailure as failure:
                failures.append("\n".join(filter(None, account._describe_failure(failure, "incoming"))))
        if failures and not found:
            raise UserError("\n".join(dict.fromkeys(failures)))
        # sudo: they were asked about above; what is fetched is written, which no user may
        fetched = self.browse().union(*found).sudo()
        results = fetched._decide_each(lambda mail: mail._process_fetched(found.pop(mail)))
        return mails._answer(results, failures)

    def _describe_not_fetched(self, failure):
        if failure:
            return "\n".join(filter(None, self.account_id._describe_failure(failure, "incoming")))
        return describe_reason(self.env, NotProcessed("unreadable"))

    def _process_fetched(self, found):
        self._set_fetched(found)
        return self._retry_now()

    # ------------------------------------------------------------
    # To a record
    # ------------------------------------------------------------

    def action_assign(self):
        """Choose a record that the mails belong to."""
        return self._get_assign_action("record", self.env._("Assign to a Record"))

    def action_create_record(self):
        """Choose what the mails become a new record of."""
        return self._get_assign_action("new", self.env._("Turn into a New Record"))

    def _get_assign_action(self, kind, name):
        self._check_may_decide()._check_is_complete()
        return {
            "type": "ir.actions.act_window",
            "name": name,
            "res_model": "email.account.assign",
            "views": [(False, "form")],
            "target": "new",
            "context": {"default_kind": kind, "default_unprocessed_ids": self.ids},
        }

    def _check_is_complete(self):
        partial = self.filtered(lambda mail: not mail.is_complete)
        if not all(mail.account_id for mail in partial):
            raise UserError(
                self.env._(
                    "Only the header of this mail is here, and its email account was removed: discard it."
                )
            )
        if partial:
            raise UserError(self.env._("Only the header of it is here: fetch the rest first."))

    def _assign(self, record):
        """Post the mails in the chatter of a record, each as an email that has just arrived.

        :param record: of any model with a chatter; the user has to have the right to change it
        """
        record.check_access("write")
        mails = self._check_may_decide()
        mails._check_is_complete()
        route = (record._name, record.id, self.env.uid)
        return mails._answer(mails._decide_each(lambda mail: mail._process_for(route)))

    def _create_records(self, model):
        """Make a record of each mail.

        :param str model: with a chatter; the user has to have the right to add records
        """
        self.env[model].check_access("create")
        mails = self._check_may_decide()
        mails._check_is_complete()
        return mails._answer(mails._decide_each(lambda mail: mail._process_new(model)))

    def _process_new(self, model):
        message = self._process_for((model, 0, self.env.uid))
        if message.model == model:
            # rules hold for what has been made, though the gateway has made it
            self.env[model].sudo(False).browse(message.res_id).check_access("create")
        return message

    def _process_for(self, route):
        """Process the mail by a forced route.

        :return: the message
        :raises UserError: why it is not possible
        """
        try:
            with self.env.cr.savepoint():
                return self._process(route)
        except NotProcessed as failure:
            if route[1] and failure.reason in UNREADABLE_REASONS:
                return self._post_source(route)
            text = describe_reason(self.env, failure)
            cause = failure.__cause__
            if isinstance(cause, UserError):
                text = f"{text}\n{cause}"
            elif isinstance(cause, psycopg2.errors.NotNullViolation):
                text = self.env._(
                    "A mail does not say everything that such a record needs. Add the record by hand, then "
                    "assign the mail to it."
                )
            raise UserError(text) from failure

    def _post_source(self, route):
        """Post a mail that cannot be read: what its header says, and the source as an attachment."""
        model, res_id, _user_id = route
        source = self._read_source()
        mail = ReceivedMail.parse(source)
        message_id = self._get_new_message_id(mail)
        if not message_id:
            message = self._find_message(mail)
            self.unlink()
            return message
        context = {"email_account_receiving": self.account_id.id, "mail_create_nosubscribe": True}
        # by the user who cannot log in, as the mail gateway does it: else it would be a message of this user
        record = self.env[model].with_env(self.env(user=SUPERUSER_ID, context=context)).browse(res_id)
        author = record.env["res.partner"]
        if self.email_from:
            author = record._partner_find_from_emails_single([self.email_from])[:1]
        message = record.message_post(
            body=self.env._("This email cannot be shown. It is attached as it came."),
            subject=self.subject,
            author_id=author.id,
            email_from=self.email_from,
            message_type="email",
            subtype_xmlid="mail.mt_comment",
            attachments=[(self.source_name, source)],
            message_id=message_id,
        )
        self.receipt_id.is_imported = True
        self.unlink()
        return message

    # ------------------------------------------------------------
    # Away
    # ------------------------------------------------------------

    def action_discard(self):
        """Nobody needs them: they go after some time, unless somebody wants one back."""
        mails = self._check_may_decide().filtered(lambda mail: mail.state != "discarded")
        mails.write({"state": "discarded", "next_attempt": False})
        # nobody waits for the rest of it: so the server is told
        mails.receipt_id.filtered("is_partial").is_partial = False
        self._settle_reminders(mails.account_id)
        text = self.env._("Discarded. It can be restored for 30 days.")
        return self._notify(text, "success")

    def action_restore(self):
        """Somebody wants them back."""
        mails = self._check_may_decide().filtered(lambda mail: mail.state == "discarded")
        mails.state = "stuck"
        for mail in mails.filtered(lambda mail: not mail.is_complete):
            mail.receipt_id.filtered(lambda receipt: not (receipt.told or receipt.removed)).is_partial = True
        mails._remind_owner()

    def action_download(self):
        """Download the mail as it came."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_url",
            "url": f"/web/content/{self._name}/{self.id}/source/{self.source_name}?download=true",
            "target": "download",
        }

    # ------------------------------------------------------------
    # Common
    # ------------------------------------------------------------

    def _check_may_decide(self):
        """Return the mails with the rights to carry out what the user may decide.

        :raises AccessError: it is not his to decide
        """
        self.check_access("unlink")
        # sudo: nobody writes what happened to a mail by himself; the gateway acts for the user
        return self.sudo()

    def _decide_each(self, function):
        """Call ``function`` with each mail, as long as the time allows.

        :return: the messages that they became, None for those that are still there
        """
        until, results = time.monotonic() + BUTTON_SECONDS, []
        for mail in self:
            if time.monotonic() >= until:
                break
            if not mail._lock():
                raise UserError(self.env._("Somebody else is at it right now. Try again in a minute."))
            results.append(function(mail))
        return results

    def _answer(self, results, failures=()):
        """Return an action that shows what came out.

        :param results: as of `_decide_each`
        :param failures: what went wrong with others of them, in words
        """
        done = [message for message in results if message is not None]
        if len(self) == 1 and done:
            return self._open_result(done[0])
        left = self.exists()
        if len(self) == 1:
            return self._notify(left.message, "warning")
        text = self.env._("%(done)s of %(count)s mails are done with.", done=len(done), count=len(self))
        return self._notify("\n".join(dict.fromkeys([text, *failures])), "warning" if left else "success")

    def _open_result(self, message):
        """Open the record on which a message is; go back to the list if there is none to be seen."""
        record = message.model and self.env[message.model].sudo(False).browse(message.res_id).exists()
        if not record or not record.has_access("read"):
            action = self.env["ir.actions.act_window"]._for_xml_id(
                "email_account.action_email_account_unprocessed"
            )
            text = self.env._("The mail was processed. There is nothing to show.")
            return self._notify(text, "success", {**action, "target": "main"})
        # the page of the mail is gone: so is the way back to it
        return {
            "type": "ir.actions.act_window",
            "res_model": record._name,
            "res_id": record.id,
            "views": [(False, "form")],
            "target": "main",
        }

    @api.model
    def _notify(self, text, kind, following=None):
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": kind,
                "message": text,
                "next": following or {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }
