import contextlib
import time
from datetime import timedelta
from typing import NamedTuple

from odoo import api, fields, models
from odoo.exceptions import UserError

from .. import mailclient
from .received_mail import NotProcessed, ReceivedMail

# mails that one run of the cron fetches, and seconds that this takes at most, for all and in one session
FETCHES, FETCH_SECONDS, SESSION_SECONDS = 10, 20, 10
# logins for it: a session may end over each of the mails
SESSIONS = 3
# minutes until the next attempt where the server did not even let in
POSTPONED = 5
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

    def _fetch_sources(self, seconds, session_seconds=None, begin=None):
        """Yield ``(mail, found)`` for these mails of one account, as long as the time allows.

        What was found is a `Fetched`, None if the server lists the mail and does not give it, and a
        `mailclient.MailFailure` if something went wrong over this one. Each is asked for by itself, and where
        a session ends over it, the others come in another. No write may be pending when the next one is asked
        for.

        :param seconds: time for all of them
        :param session_seconds: time for one session at most
        :param begin: called with each before it is asked for; it is left out unless that is true
        :raises mailclient.MailFailure: the mailbox cannot be read
        :raises UserError: the account is not set up
        """
        until, mails, account = time.monotonic() + seconds, self, self.account_id
        account._check_is_configured()
        for _session in range(SESSIONS):
            left = until - time.monotonic()
            if not mails or left <= 0:
                return
            with account._connect_incoming__(total=min(left, session_seconds or left)) as mailbox:
                while mails and mailbox.usable and time.monotonic() < until:
                    mail, mails = mails[:1], mails[1:]
                    if begin is None or begin(mail):
                        try:
                            found = mail._read_from(mailbox)
                        except mailclient.MailFailure as failure:
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
            left = until - time.monotonic()
            if left > 0:
                mails._fetch_of_account(left)

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

    def _fetch_of_account(self, seconds):
        """Fetch these mails of one account. One over which a session ends counts neither against the others
        nor against the account."""
        waiting = self

        def begin(mail):
            nonlocal waiting
            waiting -= mail
            return self._alone(mail._begin_fetch)

        try:
            for mail, found in self._fetch_sources(seconds, SESSION_SECONDS, begin):
                self._alone(mail._set_outcome, found)
        except (mailclient.MailFailure, UserError):
            # the server does not let in, which is about none of them
            for mail in waiting:
                self._alone(mail._postpone)

    def _begin_fetch(self):
        return self._lock() and self._note_attempt()

    def _postpone(self):
        if self._lock():
            self.next_attempt = fields.Datetime.now() + timedelta(minutes=POSTPONED)
