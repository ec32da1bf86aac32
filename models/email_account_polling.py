from datetime import datetime, timedelta

from odoo import api, fields, models

from ..mailclient.outside import safe_text

# seconds: who says nothing for so long has lost his claim, though his connection to the database is there
LEASE = 180
# minutes to wait after the first, second, … failure in a row: 1, 2, 4 … up to this
MAX_BACKOFF = 60
# so many refused logins within so many hours, then nobody tries until somebody acts
REFUSED_LIMIT, REFUSED_HOURS = 3, 3
# minutes after which a mailbox is tried again whose login was refused: `email.account.refusal` lets the same
# password wait for so long
PAUSE = 15
# minutes to wait after the server could not be told what was received: 5, 10, 20 … up to this
FIRST_TELLING_PAUSE, MAX_TELLING_PAUSE = 5, 1440
# rows to choose from: other workers may have locked the first ones
CANDIDATES = 20


class EmailAccountPolling(models.Model):
    """When a mailbox is looked into next, and who is at it: one row an account.

    It is apart from the account because it is written all the time, and nobody who edits the account shall
    be held up by that.
    """

    _name = "email.account.polling"
    _description = "Polling of an Email Account"
    _log_access = False
    _order = "next_date, id"

    account_id = fields.Many2one("email.account", required=True, ondelete="cascade")
    next_date = fields.Datetime(default=fields.Datetime.now, required=True, index=True)
    claim = fields.Char(help="The database connection of the worker that is at it.")
    claimed_until = fields.Datetime()
    failure_count = fields.Integer(help="Failures in a row.")
    refused_count = fields.Integer(help="Refused logins since the first of them.")
    refused_date = fields.Datetime(help="The first refused login that counts.")
    is_stopped = fields.Boolean(help="The password was refused too often: somebody has to act.")
    received_date = fields.Datetime(help="When the mailbox was last looked into with success.")
    trying = fields.Char(help="The message that is being stored: folder, UIDVALIDITY and UID.")
    tries = fields.Integer(help="How often the process has died over it.")
    telling_error = fields.Text(
        "Server Update Error", help="Why the server could not be told what was received, in words."
    )
    telling_details = fields.Text(
        "Server Update Details", help="What the server said to that, word for word."
    )
    telling_count = fields.Integer(
        "Server Update Failures", help="Failed attempts to tell the server, in a row."
    )
    telling_date = fields.Datetime("Next Server Update", help="The server is told nothing before then.")

    _unique_account = models.UniqueIndex("(account_id)")

    # ------------------------------------------------------------
    # Claims
    # ------------------------------------------------------------

    @api.model
    def _get_due_domain(self):
        """Return the domain of the accounts that have to be looked into now."""
        return [
            ("next_date", "<=", fields.Datetime.now()),
            ("is_stopped", "=", False),
            ("account_id.active", "=", True),
            ("account_id.use_for_receiving", "=", True),
            ("account_id.state", "!=", "draft"),
        ]

    @api.model
    def _claim_next(self, domain):
        """Claim the account of ``domain`` that has waited longest, for this database connection.

        Commits. What another living worker has claimed is passed over, and so is a row that is locked at the
        moment.

        :return: the claimed row, an empty one if there is none
        """
        own, living = self._get_claims()
        free = [
            ("claim", "=", False),
            ("claim", "not in", living),
            ("claimed_until", "<", fields.Datetime.now()),
        ]
        candidates = self.search([*domain, "|", "|", *free], limit=CANDIDATES)
        row = candidates.try_lock_for_update(allow_referencing=True, limit=1)
        row._renew_claim(claim=own)
        self.env.cr.commit()  # pylint: disable=invalid-commit
        return row

    def _renew_claim(self, **values):
        """Go on with the work: other workers leave it alone for some time."""
        if self:
            self.write({"claimed_until": fields.Datetime.now() + timedelta(seconds=LEASE), **values})

    def _release(self):
        """Give back those of these rows that this database connection has claimed: they are due again."""
        own, _living = self._get_claims()
        self.exists().filtered(lambda row: row.claim == own).write({"claim": False})

    def _get_claims(self):
        """Return what a claim of this database connection is called, and the list of what those of all
        connections are called: any other is void, whoever made it has died."""
        self.env.cr.execute(
            """SELECT pid, backend_start, pid = pg_backend_pid() FROM pg_stat_activity
               WHERE datname = current_database() AND backend_start IS NOT NULL"""
        )
        found = [(f"{pid}/{start.isoformat()}", is_own) for pid, start, is_own in self.env.cr.fetchall()]
        return next(name for name, is_own in found if is_own), [name for name, _is_own in found]

    # ------------------------------------------------------------
    # Results
    # ------------------------------------------------------------

    def _set_done(self, waiting, rest=0):
        """The mailbox was looked into.

        :param bool waiting: there is more to fetch; the others have their turn first
        :param rest: minutes for which the server has a rest before that
        """
        now = fields.Datetime.now()
        interval = timedelta(minutes=rest if waiting else max(self.account_id.receive_interval, 1))
        self.write(
            {
                "next_date": now + interval,
                "claim": False,
                "received_date": now,
                "trying": False,
                "tries": 0,
                **self._get_reset_values(),
            }
        )

    def _set_failed(self, refused=False, paused=False):
        """It failed: wait, each time longer; stop when the password was refused too often.

        :param bool refused: the server has refused the login
        :param paused: no login was tried: when it may be (datetime), True if that is not known
        """
        now = fields.Datetime.now()
        count = self.failure_count + 1
        minutes = PAUSE if paused else min(2 ** min(count - 1, 10), MAX_BACKOFF)
        if refused:
            minutes = max(minutes, PAUSE)
        until = paused if isinstance(paused, datetime) else now + timedelta(minutes=minutes)
        values = {
            "failure_count": count,
            "next_date": until,
            "claim": False,
            "trying": False,
            "tries": 0,
        }
        if refused:
            first = self.refused_date
            if not first or first < now - timedelta(hours=REFUSED_HOURS):
                values |= {"refused_date": now, "refused_count": 1}
            else:
                values["refused_count"] = self.refused_count + 1
            values["is_stopped"] = values["refused_count"] >= REFUSED_LIMIT
        self.write(values)

    def _resume(self):
        """Somebody has acted: try at once."""
        self.write({"next_date": fields.Datetime.now(), **self._get_reset_values()})

    @api.model
    def _get_reset_values(self):
        return {"failure_count": 0, "refused_count": 0, "refused_date": False, "is_stopped": False}

    # ------------------------------------------------------------
    # What the server is told
    # ------------------------------------------------------------

    def _is_telling_paused(self):
        """Whether it is too early to tell the server again."""
        return bool(self.telling_date and self.telling_date > fields.Datetime.now())

    def _set_telling_failed(self, message, details=False):
        """The server could not be told: it is tried again later, each time after a longer pause.

        :param str message: what happened and what to do, in words
        :param details: what the server said (text)
        """
        count = self.telling_count + 1
        minutes = min(FIRST_TELLING_PAUSE * 2 ** min(count - 1, 10), MAX_TELLING_PAUSE)
        self.write(
            {
                "telling_error": safe_text(message),
                "telling_details": details and safe_text(details),
                "telling_count": count,
                "telling_date": fields.Datetime.now() + timedelta(minutes=minutes),
            }
        )

    def _set_telling_works(self):
        """The server could be told, or something else is to be told to it."""
        self.filtered(lambda polling: polling.telling_error or polling.telling_date).write(
            dict.fromkeys(("telling_error", "telling_details", "telling_count", "telling_date"), False)
        )
