import contextlib
import time
from typing import NamedTuple

from odoo import api, models
from odoo.exceptions import UserError

from .. import mailclient
from .received_mail import NotProcessed, ReceivedMail

# mails that one run of the cron fetches, and seconds that this takes at most
FETCHES, FETCH_SECONDS = 10, 20
# why the server will not have it later either
FINAL_CAUSES = {"message_missing", "folder_missing"}


class Fetched(NamedTuple):
    """A mail that the server has given.

    :ivar validity: UIDVALIDITY of its folder now
    """

    source: bytes
    validity: str
    uid: str


class EmailAccountUnprocessed(models.Model):
    """Mails of which not all is here: they are fetched again from the mailbox."""

    _inherit = "email.account.unprocessed"

    # ------------------------------------------------------------
    # Network: nothing is written here
    # ------------------------------------------------------------

    def _fetch_sources(self, seconds):
        """Yield ``(mail, found)`` for these mails of one account, as long as the time allows.

        What was found is a `Fetched`, None if the server lists the mail and does not give it, and a
        `mailclient.MailFailure` if it has it no more. No write may be pending when the next one is asked for.

        :param seconds: time for all of them
        :raises mailclient.MailFailure: the mailbox cannot be read
        :raises UserError: the account is not set up
        """
        until = time.monotonic() + seconds
        account = self.account_id
        account._check_is_configured()
        with account._connect_incoming__(total=seconds) as mailbox:
            for mail in self:
                if time.monotonic() >= until:
                    return
                try:
                    found = mail._read_from(mailbox)
                except mailclient.MailFailure as failure:
                    if failure.cause not in FINAL_CAUSES:
                        raise
                    found = failure
                yield mail, found

    def _read_from(self, mailbox):
        """Return the mail as a mailbox has it (`Fetched`), None if it does not give it.

        :raises mailclient.MailFailure: cause ``message_missing`` or ``folder_missing`` if it is not there
        """
        receipt = self.receipt_id
        if not receipt:
            raise mailclient.MailFailure(
                mailbox.endpoint, "select", "not a folder of the account", "folder_missing"
            )
        mark = mailbox.open(receipt.folder_id._get_mailbox())
        uid = receipt.uid
        if str(mark.validity) != receipt.uid_validity:  # the UID is another's now (RFC 3501 2.3.1.1)
            uid = receipt.message_id and mailbox.locate(receipt.message_id)
        received = self._read_one(mailbox, uid) if uid else None
        if not received:
            raise mailclient.MailFailure(
                mailbox.endpoint, "fetch", f"no message {receipt.uid}", "message_missing"
            )
        return received.source and Fetched(received.source, str(mark.validity), uid)

    @api.model
    def _read_one(self, mailbox, uid):
        """Return a message of the open folder as `mailclient.Received`, None if it is gone."""
        with contextlib.closing(mailclient.Reader(mailbox, [uid])) as reader:
            return next(iter(reader.next()), None)

    # ------------------------------------------------------------
    # Database
    # ------------------------------------------------------------

    def _set_fetched(self, found):
        """Store the whole source; the receipt is now one of a whole mail.

        :param Fetched found: what the server gave
        """
        source = found.source
        mail = ReceivedMail.parse(source)
        self._set_source(source)
        self.write(
            {
                "is_complete": True,
                "size": len(source),
                **mail.get_shown(),
            }
        )
        receipt = self.receipt_id
        place = {"uid_validity": found.validity, "uid": found.uid}
        taken = [("folder_id", "=", receipt.folder_id.id), *((name, "=", place[name]) for name in place)]
        if not receipt.search_count(taken, limit=1):
            receipt.write(place)  # it does not come again, though the server has numbered the folder anew
        # the same header under another UID: the server has numbered the folder anew
        same = receipt.search(
            [
                ("account_id", "=", self.account_id.id),
                ("digest", "=", receipt.digest),
                ("message_id", "!=", False),
                ("is_partial", "=", True),
            ]
        )
        (receipt | same).write({**mail.get_known_by(), "is_partial": False})

    def _set_outcome(self, found):
        """Note what `_fetch_sources` has yielded, and process the mail if it is there."""
        if not self._lock():
            return
        if isinstance(found, Fetched):
            self._set_fetched(found)
            self._try()
        else:
            self._set_not_fetched(found)

    def _set_not_fetched(self, failure=None):
        """Note that the server did not give it.

        :param failure: a `mailclient.MailFailure` or a `UserError`, if there was one
        """
        account = self.account_id
        account = account.with_context(lang=account._get_report_lang())
        reason = NotProcessed(self.reason, str(failure or ""))
        values = self._prepare_failure_values(account, reason, self.attempts)
        if isinstance(failure, mailclient.MailFailure):
            values["message"] = "\n".join(filter(None, account._describe_failure(failure, "incoming")))
            if failure.cause in FINAL_CAUSES:
                values |= {"state": "stuck", "next_attempt": False}
        elif failure:
            values["message"] = str(failure)
        self._set_failed(values)

    # ------------------------------------------------------------
    # By itself
    # ------------------------------------------------------------

    @api.model
    def _fetch_due(self):
        """Fetch what the server did not give when it came; nothing is pending while it is waited for."""
        until = time.monotonic() + FETCH_SECONDS
        due = self.search(self._get_fetchable_domain(), order="next_attempt, id", limit=FETCHES)
        for account in due.account_id:
            mails = due.filtered(lambda mail, account=account: mail.account_id == account)
            mails = mails.filtered(lambda mail: self._alone(mail._begin_fetch))
            left = until - time.monotonic()
            if mails and left > 0:
                self._fetch_of_account(mails, left)

    @api.model
    def _get_fetchable_domain(self):
        """Return the domain of what is due, of accounts that nothing is known to be wrong with."""
        return [
            *self._get_due_domain(),
            ("is_complete", "=", False),
            ("account_id.active", "=", True),
            ("account_id.use_for_receiving", "=", True),
            ("account_id.state", "!=", "draft"),
            ("account_id.polling_ids.failure_count", "=", 0),
        ]

    def _begin_fetch(self):
        return self._lock() and self._note_attempt()

    def _fetch_of_account(self, mails, seconds):
        try:
            for mail, found in mails._fetch_sources(seconds):
                self._alone(mail._set_outcome, found)
                mails -= mail
        except (mailclient.MailFailure, UserError) as failure:
            for mail in mails:
                self._alone(mail._set_outcome, failure)
