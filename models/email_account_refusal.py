import contextlib
import ipaddress
import math
from datetime import timedelta

from odoo import api, fields, models
from odoo.tools.misc import hmac

from .. import mailclient
from ..autoconfig import base_domain

# so many refused logins to one mailbox in so many minutes, then none is tried: providers lock accounts
LIMIT, PERIOD = 3, 15
KEPT_MINUTES = 60


class EmailAccountRefusal(models.Model):
    """A login that a mail server has refused. They are counted over all users, accounts and workers.

    Notes are written and read in transactions of their own: what follows a refused login is often rolled
    back, and a transaction that began before another one's note does not see it.
    """

    _name = "email.account.refusal"
    _description = "Refused Login"
    _log_access = False

    key = fields.Char(required=True, help="Of the mailbox; says nothing to who does not know it.")
    date = fields.Datetime(required=True, default=fields.Datetime.now)

    _key_date_index = models.Index("(key, date)")

    @contextlib.contextmanager
    def _watch(self, endpoint, login):
        """Let the login that is tried in this block count, unless there were too many: then none is tried.

        :param mailclient.Endpoint endpoint: the server
        :param mailclient.Login login: the name counts, not the password
        :raises mailclient.MailFailure: `logins_paused`
        """
        pause = self._get_pause(endpoint, login)
        if pause:
            text = f"{LIMIT} refused logins in {PERIOD} minutes; next attempt in {math.ceil(pause / 60)} min"
            raise mailclient.MailFailure(endpoint, "login", text, "logins_paused")
        try:
            yield
        except mailclient.MailFailure as failure:
            if failure.refused:
                self._note(endpoint, login)
            raise

    def _note(self, endpoint, login):
        """Note that a login was refused, whatever becomes of the present transaction."""
        with self._transaction() as refusals:
            refusals.create({"key": refusals._get_key(endpoint, login)})

    def _get_pause(self, endpoint, login):
        """Return the seconds until a login may be tried again, 0 if it may be tried now."""
        period, now = timedelta(minutes=PERIOD), fields.Datetime.now()
        with self._transaction() as refusals:
            latest = refusals.search(
                [("key", "=", refusals._get_key(endpoint, login)), ("date", ">", now - period)],
                order="date desc",
                limit=LIMIT,
            )
            return int((latest[-1].date + period - now).total_seconds()) if len(latest) == LIMIT else 0

    @contextlib.contextmanager
    def _transaction(self):
        """Yield this model in a transaction that is committed at the end of the block."""
        with self.env.registry.cursor() as cr:
            # sudo: it is the server's own record
            yield self.with_env(api.Environment(cr, self.env.uid, {})).sudo()

    @api.model
    def _get_key(self, endpoint, login):
        """Return what stands for the mailbox: the same for all servers of a provider, and no name in it."""
        host = endpoint.host.lower()
        try:
            ipaddress.ip_address(host)
        except ValueError:
            host = base_domain(host)
        return hmac(self.env(su=True), "email_account.refusal", (host, login.username.lower()))

    @api.autovacuum
    def _gc_refusals(self):
        self.search([("date", "<", fields.Datetime.now() - timedelta(minutes=KEPT_MINUTES))]).unlink()
