import contextlib
import hashlib
import hmac
import json
import os
import time
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple
from uuid import uuid4

from odoo import SUPERUSER_ID, api, fields, models
from odoo.tools.misc import hmac as database_hmac

from .. import mailclient
from .mailbox_name import get_login_name, get_mailbox_name, get_place

# so many different passwords of one user refused for one mailbox in so many minutes, then none of his is
# tried: providers lock mailboxes; nor is one password that is refused so often for another reason than itself
LIMIT, PERIOD = 5, timedelta(minutes=15)
# of all users together; what shared accounts have stored is counted apart, up to `LIMIT`
TOTAL_LIMIT = 10
# seconds that one waits for another worker that logs in with the same password; and between two looks
PATIENCE, LOOK = 30, 0.2
# the password (or the name) itself was refused; other causes say that the access is closed to any password
PASSWORD_CAUSES = {"wrong_password", "mailbox_not_found", "unknown"}
# of the failures that are raised here: no login was tried
HELD_CAUSES = {"password_refused", "logins_paused"}
# what this process is trying: (database, id of the note)
_trying = set()
# of all processes that were forked off this one, and are told apart by their numbers
_SERVER = uuid4().hex


def _get_process():
    return f"{_SERVER}/{os.getpid()}"


class Keys(NamedTuple):
    """What one login is known by: digests that say nothing without the key of the passwords."""

    mailbox: str
    """both forms of its name, and all servers of its provider, are the same"""
    login: str
    """the password with this very name"""
    password: str
    """the password, by whatever name of the mailbox"""


class Hold(NamedTuple):
    """Until when logins are not tried; moments in UTC, None where there is nothing to say."""

    refused_at: datetime | None = None
    """when the server has refused this login"""
    until: datetime | None = None
    """before then it is not tried again"""
    paused_until: datetime | None = None
    """before then no other password is tried either"""
    is_of_others: bool = False
    """it is others who have used up the tries for the mailbox"""


class Guesser(NamedTuple):
    """Whose tries a login uses up."""

    user_id: int
    is_shared: bool = False
    """it is what a shared account has stored: only who manages accounts has put it there"""
    is_proved: bool = False
    """it is what an account has stored with which it has logged in before, so it is no guess"""


class EmailAccountRefusal(models.Model):
    """A login that a mail server has refused. They are counted by user and mailbox, over all workers.

    Nobody uses up the tries of others: each user has his own for a mailbox, what shared accounts have stored
    has its own, and what an account has logged in with before is held back by nothing but its own refusal.

    What was refused is known by keyed digests, and for as long as it counts. A password that is being tried
    has its row before it is sent, so that no number of workers tries more of them at the same time.

    Rows are written and read in transactions of their own, one after the other: what follows a refused login
    is often rolled back, and a transaction that began before another one's note does not see it.
    """

    _name = "email.account.refusal"
    _description = "Refused Login"
    _log_access = False

    key = fields.Char(required=True, help="Of the mailbox; says nothing to who does not know it.")
    login_key = fields.Char(help="Stands for user name and password.")
    password_key = fields.Char(
        help="Stands for the password, whatever form of the user name it was tried with."
    )
    date = fields.Datetime(required=True, default=fields.Datetime.now)
    pending = fields.Char(help="The process that tries it at the moment.")
    # no reference: it counts for some minutes, and locks no user meanwhile
    user_ref = fields.Integer(help="The user whose try it was: of a personal account, its owner.")
    is_shared = fields.Boolean(help="It is what a shared account has stored.")
    is_password = fields.Boolean(
        "Password Refused",
        default=True,
        help="It was the password that was refused, not the access to the mailbox.",
    )

    _key_date_index = models.Index("(key, date)")

    # ------------------------------------------------------------
    # Around a login
    # ------------------------------------------------------------

    def _watching(self, endpoint, login, account=None):
        """Have the login that follows counted; a generator for `server_pool`.

        While another worker tries the same password it is waited for, since that may be refused.

        :param mailclient.Endpoint endpoint: the server
        :param mailclient.Login login: the user name and the password
        :param account: the `email.account` that has stored it, None while somebody types it
        :return: a context manager for the block that logs in
        :raises mailclient.MailFailure: `password_refused`, `logins_paused`: it must not be tried
        """
        guesser = self._get_guesser(account)
        end = time.monotonic() + PATIENCE
        while not (refusal_id := self._take(endpoint, login, time.monotonic() >= end, guesser)):
            yield partial(time.sleep, LOOK)
        return self._settling(refusal_id, endpoint, login, guesser)

    @api.model
    def _get_guesser(self, account=None):
        """Return whose tries a login uses up, a `Guesser`.

        :param account: the `email.account` that has stored the password, None while somebody types it
        """
        if account is None:
            return Guesser(self.env.uid)
        # sudo: who sends through an account need not see it
        account = account.sudo()
        owner = account.user_id
        # scheduled actions run as superuser for all
        return Guesser(owner.id or self.env.uid, not owner, account.has_logged_in)

    def _take(self, endpoint, login, is_late=False, guesser=None):
        """Note that a login is being tried.

        :param bool is_late: try it although another worker is at the same one
        :param guesser: the `Guesser`, by default the user
        :return: the id of the note; None while another worker is at the same login
        :raises mailclient.MailFailure: it must not be tried
        """
        guesser = guesser or self._get_guesser()
        with self._transaction() as refusals:
            keys = refusals._get_keys__(endpoint, login)
            rows = refusals._get_rows(keys)
            same = rows.filtered(lambda row: row.login_key in {each.login for each in keys})
            failure = rows._get_obstacle(endpoint, keys, same, guesser)
            if failure:
                raise failure
            if not is_late and same.filtered(lambda row: row._is_being_tried()):
                return None
            refusal_id = refusals._create_from_keys(keys, guesser, pending=_get_process()).id
            _trying.add((self.env.cr.dbname, refusal_id))
            return refusal_id

    def _is_being_tried(self):
        """Whether somebody is at it, as far as can be told: of a process that has died, the note stays."""
        if self.pending == _get_process():
            return (self.env.cr.dbname, self.id) in _trying
        return bool(self.pending) and self.date > fields.Datetime.now() - timedelta(seconds=PATIENCE)

    @contextlib.contextmanager
    def _settling(self, refusal_id, endpoint, login, guesser):
        """Keep the note if the login in this block is refused, else remove it."""
        refused = None
        try:
            yield
        except mailclient.MailFailure as failure:
            refused = failure if failure.refused else None
            raise
        finally:
            try:
                self._settle(refusal_id, endpoint, login, refused, guesser)
            finally:
                _trying.discard((self.env.cr.dbname, refusal_id))

    def _settle(self, refusal_id, endpoint, login, refused, guesser):
        """Note what has become of a login.

        :param refused: the `mailclient.MailFailure` with which it was refused, which is told until when; None
        :param Guesser guesser: whose try it was
        """
        with self._transaction() as refusals:
            refusals.browse(refusal_id).exists().unlink()
            if refused:
                keys = refusals._get_keys__(endpoint, login)
                is_password = refusals._is_password_refused(refused)
                row = refusals._create_from_keys(keys, guesser, is_password=is_password)
                pause = refusals._get_rows(keys)._get_pause_of(guesser)
                refused.hold = Hold(row.date, row.date + PERIOD, *pause)

    @api.model
    def _is_password_refused(self, failure):
        """Whether a refusal is about the password: then the other servers of the provider refuse it as well.

        What an administrator has taught of the replies of a server counts too.
        """
        return self.env["email.account.cause"]._explain(failure)["cause"] in PASSWORD_CAUSES

    def _note(self, endpoint, login, is_password=True):
        """Note that a login was refused, whatever becomes of the present transaction."""
        with self._transaction() as refusals:
            keys = refusals._get_keys__(endpoint, login)
            refusals._create_from_keys(keys, self._get_guesser(), is_password=is_password)

    def _get_pause(self, endpoint, login):
        """Return the seconds until the user may try another password for the mailbox, 0 if he may now."""
        with self._transaction() as refusals:
            rows = refusals._get_rows(refusals._get_keys__(endpoint, login))
            end, _is_of_others = rows._get_pause_of(self._get_guesser())
            return max(int((end - fields.Datetime.now()).total_seconds()), 0) if end else 0

    # ------------------------------------------------------------
    # What the rows say
    # ------------------------------------------------------------

    def _get_obstacle(self, endpoint, keys, same, guesser):
        """Return why a login must not be tried, a `mailclient.MailFailure`, or None.

        :param self: the rows of the mailbox
        :param keys: list of `Keys` of the login
        :param same: those of the rows that are of the same name and password
        :param Guesser guesser: whose try it would be
        """
        refused = same.filtered(lambda row: not row.pending)
        wrong = refused.filtered("is_password")[-1:]
        paused_until, is_of_others = self._get_pause_of(guesser)
        if wrong:
            hold = Hold(wrong.date, wrong.date + PERIOD, paused_until, is_of_others)
            text = f"refused at {wrong.date} UTC and not sent again before {hold.until} UTC"
            return self._prepare_failure(endpoint, text, "password_refused", hold)
        if len(refused) >= LIMIT:
            until, is_of_others = refused[-LIMIT].date + PERIOD, False
        elif paused_until and self._is_new(keys):
            until = paused_until
        else:
            return None
        count = TOTAL_LIMIT if is_of_others else LIMIT
        text = f"{count} refused within {PERIOD.seconds // 60} minutes; next attempt at {until} UTC"
        return self._prepare_failure(endpoint, text, "logins_paused", Hold(None, until, until, is_of_others))

    @api.model
    def _prepare_failure(self, endpoint, text, cause, hold):
        failure = mailclient.MailFailure(endpoint, "login", text, cause)
        failure.hold = hold
        return failure

    def _is_new(self, keys):
        """Whether the password is none of those in the rows."""
        return {each.password for each in keys}.isdisjoint(self.mapped("password_key"))

    def _get_pause_of(self, guesser):
        """Return when a new password of ``guesser`` (`Guesser`) may be tried (UTC), None if it may be now;
        and whether it is others who have used up the tries.

        :param self: the rows of the mailbox
        """
        if guesser.is_proved:
            return None, False
        own = self.filtered(lambda row: row.user_ref == guesser.user_id)
        if guesser.is_shared and guesser.user_id == SUPERUSER_ID:
            own = self.browse()  # nobody in particular
        alike = self.filtered(lambda row: row.is_shared == guesser.is_shared)
        own_end = own._get_pause_end(LIMIT)
        all_end = alike._get_pause_end(LIMIT if guesser.is_shared else TOTAL_LIMIT)
        end = max(filter(None, (own_end, all_end)), default=None)
        return end, bool(end and not guesser.is_shared and end != own_end)

    def _get_pause_end(self, limit):
        """Return when these are less than ``limit`` different passwords (UTC), None if they are now."""
        latest = {row.password_key: row.date for row in self}
        if len(latest) < limit:
            return None
        return sorted(latest.values())[-limit] + PERIOD

    @api.model
    def _get_rows(self, keys):
        """Return what counts for a mailbox, the oldest first."""
        since = fields.Datetime.now() - PERIOD
        return self.search(
            [("key", "in", [each.mailbox for each in keys]), ("date", ">", since)], order="date, id"
        )

    @api.model
    def _create_from_keys(self, keys, guesser, **values):
        # of those that are encrypted with, as passwords are; the others open what is older
        first = keys[0]
        return self.create(
            {
                "key": first.mailbox,
                "login_key": first.login,
                "password_key": first.password,
                "user_ref": guesser.user_id,
                "is_shared": guesser.is_shared,
                **values,
            }
        )

    # ------------------------------------------------------------
    # Transactions, digests
    # ------------------------------------------------------------

    @contextlib.contextmanager
    def _transaction(self):
        """Yield this model in a transaction that is committed at the end of the block, and that sees all that
        those before it have written; what does not count any more is gone."""
        with self.env.registry.cursor() as cr:
            # a transaction's view of the database begins after this statement
            cr.execute("LOCK TABLE email_account_refusal IN SHARE UPDATE EXCLUSIVE MODE")
            # sudo: it is the server's own record
            refusals = self.with_env(api.Environment(cr, self.env.uid, {})).sudo()
            refusals._forget_old()
            yield refusals

    @api.model
    def _get_keys__(self, endpoint, login):
        """Return what a login is known by: a list of `Keys`, one for each key of the passwords that is there,
        the one that encrypts first.

        For its name, see `email.account.secret`: who could ask for digests could try passwords on them.
        """
        place = get_place(endpoint.host)
        mailbox = get_mailbox_name(place, login.username)
        name = get_login_name(login.username)
        found = []
        for secret in self._get_digest_keys__():

            def digest(*parts, secret=secret):
                return hmac.new(secret, json.dumps(parts).encode(), hashlib.sha256).hexdigest()

            found.append(
                Keys(
                    digest("mailbox", place, mailbox),
                    digest("login", place, name, login.password),
                    digest("password", place, mailbox, login.password),
                )
            )
        return found

    @api.model
    def _get_digest_keys__(self):
        """Return the keys (bytes) of the digests, made of those of the passwords: without them, who reads the
        table or a copy of it cannot try passwords on it."""
        keys = self.env["email.account.secret"]._get_keys__()
        # where there is none, no password is stored that could be tried
        return [key.derive(self._name) for key in keys] or [
            database_hmac(self.env(su=True), self._name, "no key").encode()
        ]

    @api.model
    def _forget_old(self):
        self.search([("date", "<=", fields.Datetime.now() - PERIOD)]).unlink()

    @api.autovacuum
    def _gc_refusals(self):
        with self._transaction():
            pass  # they are gone
