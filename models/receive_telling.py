"""What the server is told of the mail of one mailbox, and that it goes wrong without holding up the mail.
No model."""

import logging
from functools import partial

from odoo.exceptions import UserError

from .. import mailclient

_logger = logging.getLogger(__name__)


class Telling:
    """
    :param polling: the claimed `email.account.polling`; its cursor is committed after each answer
    :param bool asked: somebody is waiting: pauses are passed over once
    """

    def __init__(self, polling, asked):
        self._polling, self._account, self._env = polling, polling.account_id, polling.env
        self._receipts = self._env["email.account.receipt"]
        self.is_on = asked or not polling._is_telling_paused()
        self.has_failed = False  # in this turn

    def _prepare(self, mailbox, receipts):
        """Return a call that tells the server; None if nothing can be told."""
        try:
            call = self._account._prepare_telling(mailbox, receipts.mapped("uid"))
        except UserError as error:
            self._set_failed(error)
            return None
        return partial(_attempt, call)

    def telling(self, reader, mailbox, folder, receipts):
        """Let the server know on the reader's thread, meanwhile.

        :param receipts: of messages that are in the database
        :return: what `noting` takes, None if there is nothing to note
        """
        receipts = receipts.filtered_domain(self._receipts._get_untold_domain(folder))
        call = self._prepare(mailbox, receipts) if receipts and self.is_on else None
        return call and (reader, reader.submit(call), receipts)

    def noting(self, told):
        """Wait for an answer and note it; a generator for `server_pool`."""
        if told:
            reader, future, receipts = told
            failure = yield future.result
            if not (failure and reader.failure):  # else the session ended over the next messages
                self._note(failure, receipts)

    def telling_the_rest(self, mailbox, folder, validity):
        """Tell what could not be told before, and delete what is old enough; a generator."""
        if not self.is_on:
            return
        domain = [*self._receipts._get_untold_domain(folder), ("uid_validity", "=", validity)]
        receipts = self._receipts.search(domain, limit=self._receipts.MAX_TOLD)
        call = self._prepare(mailbox, receipts) if receipts else None
        if call:
            self._note((yield call), receipts)

    def _note(self, failure, receipts):
        if failure:
            self._set_failed(failure)
            return
        receipts.write({"removed" if self._account._get_removal_date() else "told": True})
        self._polling._set_telling_works()
        self._env.cr.commit()

    def _set_failed(self, failure):
        """Tell nothing more in this turn."""
        self.is_on, self.has_failed = False, True
        if not isinstance(failure, (mailclient.MailFailure, UserError)):
            _logger.error(
                "Telling the server of the email account %s failed", self._account.id, exc_info=failure
            )
        self._polling._set_telling_failed(*self._account._describe_telling_failure(failure))
        self._env.cr.commit()


def _attempt(call):
    """Return what went wrong, None if nothing did: it is a note, no end."""
    try:
        if call:
            call()
    except Exception as failure:  # whatever it is, mail goes on coming in
        return failure
    return None
