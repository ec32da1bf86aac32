"""What one run of a check knows while it runs: its sessions, its steps, the time of each."""

import contextlib
import secrets
import time

from odoo.exceptions import UserError

from odoo.addons.base.models.ir_mail_server import MailDeliveryException

from ..mailclient import MailFailure

# a certificate that ends within so many days is worth a warning
CERTIFICATE_DAYS = 21
# seconds for all that is done in one session: somebody waits for the answer
SESSION_TIMEOUT = 90


class CheckRun:
    """Log in to the directions of a mailbox and note each step in memory: nothing is written on the way.

    :param settings: one record of a model that inherits `email.account.settings`; it may be a new one
    :ivar list steps: values of `email.account.check.step`
    :ivar smtp: the session with the outgoing server, None before the login
    :ivar mailbox: the session with the incoming server, None before the login
    :ivar str token: marks the test email of this run
    """

    def __init__(self, settings):
        self.settings = settings
        self.token = secrets.token_urlsafe(16)
        self.steps = []
        self.smtp = self.mailbox = None
        self.sent = False
        self.found = []
        self._started = time.monotonic()

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        """End the sessions; a server that fails to say goodbye changes nothing."""
        for session in (self.mailbox, self.smtp):
            if session:
                session.close()

    def login(self, direction):
        """Log in to ``direction`` ('incoming' or 'outgoing') and note how it went.

        :return: None if it works, else the `mailclient.MailFailure`
        """
        with self.failures(direction) as failed:
            if direction == "outgoing":
                session = self.smtp = self.settings._connect_outgoing(SESSION_TIMEOUT)
            else:
                session = self.mailbox = self.settings._connect_incoming(SESSION_TIMEOUT)
            self._add_encryption(direction, session.certificate)
            self._add_login(direction)
        return failed[0] if failed else None

    @contextlib.contextmanager
    def failures(self, direction, stage=None):
        """Turn a failure of the connection into a failed step; yields the list that receives it.

        :param str stage: name of the step, if it is not the stage at which the connection failed
        """
        failed = []
        self._started = time.monotonic()
        try:
            yield failed
        except (MailFailure, MailDeliveryException, OSError) as error:
            failure = self._get_failure(error, direction)
            message, advice = self.settings._describe_failure(failure, direction)
            self.add(
                stage or failure.stage,
                direction,
                "failed",
                message,
                advice=advice,
                details=str(failure),
                cause=failure.cause,
            )
            failed.append(failure)
        except UserError as error:
            self.add(stage or "login", direction, "failed", str(error))

    def _get_failure(self, error, direction):
        """Return the failure behind ``error``: Odoo wraps what happened while it was sending."""
        if isinstance(error, MailDeliveryException):
            error = error.__context__ or error
        if isinstance(error, MailFailure):
            return error
        return MailFailure.from_exception(error, self.settings._get_endpoint(direction), "data")

    def add(self, stage, direction, result, message, **values):
        """Add a step; its duration is the time since the one before it."""
        now = time.monotonic()
        self.steps.append(
            {
                "stage": stage,
                "direction": direction,
                "result": result,
                "message": message,
                "duration_ms": int((now - self._started) * 1000),
                **values,
            }
        )
        self._started = now

    def _add_encryption(self, direction, certificate):
        env, host = self.settings.env, self.settings[f"{direction}_host"]
        if not certificate:
            self.add(
                "tls",
                direction,
                "warning",
                env._("%s: the connection is not encrypted.", host),
                advice=env._("Choose SSL/TLS or STARTTLS if the server offers it."),
            )
            return
        expiring = certificate.days_left < CERTIFICATE_DAYS
        self.add(
            "tls",
            direction,
            "warning" if expiring else "passed",
            env._(
                "%(host)s: %(version)s, certificate of %(issuer)s, valid for %(days)s more days.",
                host=host,
                version=certificate.version,
                issuer=certificate.issuer,
                days=certificate.days_left,
            ),
            advice=env._("Ask the provider to renew the certificate in time.") if expiring else False,
        )

    def _add_login(self, direction):
        self.add(
            "login",
            direction,
            "passed",
            self.settings.env._(
                "Logged in to %(host)s, port %(port)s, as %(user)s.",
                host=self.settings[f"{direction}_host"],
                port=self.settings[f"{direction}_port"],
                user=self.settings._get_username(direction),
            ),
        )
