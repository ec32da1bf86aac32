import math
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError

# connections that one user makes by hand in so many seconds
LIMIT, PERIOD = 30, 60
KEPT_MINUTES = 10


class EmailAccountAttempt(models.Model):
    """A user had a mail server connected to: by a button that checks, logs in, lists or fetches.

    What scheduled actions do is not counted. Notes are written and read in transactions of their own, one
    after the other, so that the limit holds over all workers, whatever becomes of the present transaction.
    """

    _name = "email.account.attempt"
    _description = "Connection Made by Hand"
    _log_access = False

    user_id = fields.Many2one("res.users", required=True, ondelete="cascade")
    date = fields.Datetime(required=True)

    _user_date_index = models.Index("(user_id, date)")

    @api.model
    def _note(self, count=1):
        """Note that the current user is about to connect ``count`` times.

        :raises UserError: he has done so too often; it says when to try again
        """
        if not count:
            return
        if count > LIMIT:
            raise UserError(
                self.env._(
                    "At most %(limit)s connections can be made by hand within a minute, and these would be "
                    "%(count)s: choose fewer accounts at a time.",
                    limit=LIMIT,
                    count=count,
                )
            )
        with self.env.registry.cursor() as cr:
            # one after the other, and each sees the rows of those before it: a transaction's view of the
            # database begins after this statement
            cr.execute("LOCK TABLE email_account_attempt IN SHARE UPDATE EXCLUSIVE MODE")
            # sudo: it is the server's own record
            attempts = self.with_env(api.Environment(cr, self.env.uid, {})).sudo()
            wait = attempts._get_wait(count)
            if not wait:
                now = fields.Datetime.now()
                attempts.create([{"user_id": self.env.uid, "date": now}] * count)
        if wait:
            raise UserError(
                self.env._(
                    "You have had mail servers connected to %(limit)s times within a minute. Try again in "
                    "%(seconds)s seconds.",
                    limit=LIMIT,
                    seconds=wait,
                )
            )

    @api.model
    def _get_wait(self, count):
        """Return the seconds until the user may connect ``count`` times, 0 if he may now."""
        since = fields.Datetime.now() - timedelta(seconds=PERIOD)
        latest = self.search(
            [("user_id", "=", self.env.uid), ("date", ">", since)],
            order="date DESC",
            offset=LIMIT - count,
            limit=1,
        )
        return max(math.ceil((latest.date - since).total_seconds()), 1) if latest else 0

    @api.autovacuum
    def _gc_attempts(self):
        self.search([("date", "<", fields.Datetime.now() - timedelta(minutes=KEPT_MINUTES))]).unlink()
