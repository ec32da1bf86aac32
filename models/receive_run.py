"""One run of receiving: many mailboxes at once. No model.

It owns its cursor and commits after each message. What waits for the network runs in threads, the database is
touched by one (see `server_pool`); no transaction is open while the network is waited for.
"""

import logging
import time

import psycopg2

from odoo import SUPERUSER_ID
from odoo.exceptions import UserError

from .. import mailclient
from .email_account_refusal import HELD_CAUSES
from .receive_turn import ATTEMPTS, ReceiveTurn
from .received_mail import describe_error
from .server_pool import run_flow

_logger = logging.getLogger(__name__)

# mailboxes that are open at the same time
WIDTH = 40
# seconds: the cron begins with no further mailbox; a request ends after 120 s
CRON_SECONDS, REQUEST_SECONDS = 50, 90
# seconds that one mailbox has before the others have their turn
TURN_SECONDS = 20
# seconds between two questions for mailboxes that are due
CLAIM_INTERVAL = 1
# what servers and networks have at times
PASSING_CAUSES = {
    "connection_closed",
    "connection_refused",
    "dns_failure",
    "logins_paused",
    "rate_limited",
    "reading_limited",
    "server_busy",
    "timeout",
    "too_many_connections",
    "unreachable",
}


class ReceiveRun:
    """
    :param env: whoever asks
    :param accounts: `email.account` that are looked into now; by default those that are due
    """

    def __init__(self, env, accounts=None):
        self._outer = env
        self._wanted = list(accounts.ids) if accounts is not None else None
        seconds = CRON_SECONDS if accounts is None else REQUEST_SECONDS
        self._end = time.monotonic() + seconds
        self._next_claim = 0.0
        self.account_ids = []  # those that were looked into
        self._claimed = set()  # ids of the rows that this run is at

    def run(self, on_account=lambda: None):
        """Look into the mailboxes until there is none left, or the time is over.

        :param on_account: called when one account is done
        """
        with self._outer.registry.cursor() as cr:
            # superuser, as Odoo's own fetching is: its mail becomes the same whoever asks for it
            self.env = self._outer(cr=cr, user=SUPERUSER_ID, context={})
            self._pollings = self.env["email.account.polling"]
            is_whole = False
            try:
                self.env["email.account"]._begin_run()
                self._retry_unprocessed()
                run_flow(self._take, lambda _generator: on_account(), WIDTH)
                is_whole = True
            finally:
                self._release_claims(is_whole)

    def _retry_unprocessed(self):
        """Try again what was put aside; whatever goes wrong there, mail goes on coming in."""
        try:
            self.env["email.account.unprocessed"]._retry_due()
        except Exception:
            self.env.cr.rollback()
            _logger.exception("Trying unprocessed mail again failed")

    def _release_claims(self, is_whole):
        """Give back the accounts that the run has claimed and not come to an end with.

        A claim is void when the connection to the database has gone, but Odoo keeps that for the next job.

        :param bool is_whole: whether the run came to its end: else it may not know of all its claims
        """
        if is_whole and not self._claimed:
            return
        try:
            self.env.cr.rollback()
            claimed = self._pollings.browse(self._claimed)
            (claimed if is_whole else self._pollings.search([("claim", "!=", False)]))._release()
            self.env.cr.commit()  # pylint: disable=invalid-commit
        except psycopg2.Error:  # the database has gone, or somebody is at the rows: the claims end by time
            _logger.warning("The claims of email accounts could not be given back", exc_info=True)

    def is_anything_due(self):
        """Whether there are accounts that are due and free at the moment."""
        pollings = self._outer["email.account.polling"].sudo()  # sudo: nobody may read them
        return bool(pollings.search_count([*pollings._get_due_domain(), ("claim", "=", False)], limit=1))

    def _is_over(self):
        return time.monotonic() >= self._end

    # ------------------------------------------------------------
    # Accounts
    # ------------------------------------------------------------

    def _take(self):
        """Claim the next account; a generator for `server_pool`, None if there is none at the moment."""
        if self._is_over():
            return None
        if self._wanted is not None:
            polling = self._pollings.browse()
            while self._wanted and not polling:
                polling = self._claim([("account_id", "=", self._wanted.pop(0)), *self._get_able_domain()])
        elif time.monotonic() < self._next_claim:
            return None
        else:
            polling = self._claim(self._pollings._get_due_domain())
            if not polling:
                self._next_claim = time.monotonic() + CLAIM_INTERVAL
        if not polling:
            return None
        self._claimed.add(polling.id)
        return self._settling(self._receiving(polling))

    def _get_able_domain(self):
        """Somebody asks: what was stopped or waits is looked into, too."""
        waits = {"next_date", "is_stopped"}
        return [leaf for leaf in self._pollings._get_due_domain() if leaf[0] not in waits]

    def _claim(self, domain):
        for _attempt in range(ATTEMPTS):
            try:
                return self._pollings._claim_next(domain)
            except psycopg2.OperationalError:  # another worker was faster
                self.env.cr.rollback()
        return self._pollings.browse()

    def _settling(self, generator):
        """End the transaction before each wait for the network."""
        result, error = None, None
        while True:
            try:
                call = generator.throw(error) if error else generator.send(result)
            except StopIteration:
                return
            result, error = None, None
            try:
                self.env.cr.commit()  # pylint: disable=invalid-commit
                result = yield call
            except GeneratorExit:
                generator.close()
                raise
            except Exception as raised:
                error = raised

    def _receiving(self, polling):
        """Look into the mailbox of one account, and note how it went: whatever it is, it is its own."""
        try:
            yield from self._looking_into(polling)
        except Exception as error:
            self._set_broken(polling, error)
        self._claimed.discard(polling.id)

    def _looking_into(self, polling):
        account = polling.account_id
        self.account_ids.append(account.id)
        until = time.monotonic() + (TURN_SECONDS if self._wanted is None else REQUEST_SECONDS)
        turn = ReceiveTurn(polling, min(until, self._end), asked=self._wanted is not None)
        try:
            yield from turn.receiving()
        except mailclient.MailFailure as failure:
            self.env.cr.rollback()
            values = account._prepare_failure_values(failure, "incoming")
            paused = failure.cause in HELD_CAUSES and (failure.hold.until if failure.hold else True)
            text = f"{values['message']}\n{values['advice']}".strip()
            urgent = values["cause"] not in PASSING_CAUSES
            details = values["details"]
            self._set_failed(polling, text, urgent, details, refused=failure.refused, paused=paused)
        except psycopg2.extensions.TransactionRollbackError:
            # somebody else writes the same rows: go on later
            self.env.cr.rollback()
            self._note(lambda: polling._set_done(True))
        except UserError as error:  # the key of its password is lost
            self._set_failed(polling, str(error), True)
        else:
            self._note(lambda: account._set_received() or polling._set_done(turn.is_waiting, turn.rest))
        _logger.info("Email account %s: %s mails stored", polling.account_id.id, turn.count)

    def _set_broken(self, polling, error):
        """Something failed that nobody has thought of: say so, wait, and let the others go on."""
        self.env.cr.rollback()
        if not polling.exists():  # the account was deleted meanwhile
            return
        _logger.error("Receiving for the email account %s failed", polling.account_id.id, exc_info=error)
        details = describe_error(error)
        for note in (
            lambda: self._set_failed(polling, self._describe(polling.account_id), False, details),
            # what is told of it fails itself: so it waits at least
            lambda: self._note(polling._set_failed),
        ):
            try:
                note()
            except Exception:
                self.env.cr.rollback()
                _logger.exception("The state of the email account could not be noted")
            else:
                return

    def _describe(self, account):
        return account.with_context(lang=account._get_report_lang())._describe_broken()

    def _set_failed(self, polling, text, urgent, details=False, **options):
        def note():
            polling._set_failed(**options)
            account = polling.account_id.with_context(lang=polling.account_id._get_report_lang())
            account._set_receiving_failed(text, details, urgent=urgent)

        self.env.cr.rollback()
        self._note(note)

    def _note(self, write):
        """Commit what ``write`` writes, though somebody may edit the account at the same time."""
        for attempt in range(ATTEMPTS):
            try:
                write()
                self.env.cr.commit()  # pylint: disable=invalid-commit
            except psycopg2.extensions.TransactionRollbackError:
                self.env.cr.rollback()
                if attempt == ATTEMPTS - 1:
                    raise
            else:
                return
