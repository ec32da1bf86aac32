"""What one run of a check knows while it runs: its sessions, its steps, the time of each. No model."""

import contextlib
import time
from collections import deque
from functools import partial

from odoo.exceptions import UserError

from odoo.addons.base.models.ir_mail_server import MailDeliveryException

from ..mailclient import MailFailure, answering_ports
from ..mailclient.outside import safe_text
from .check_arrival import Arrival
from .check_message import new_token
from .email_account_refusal import HELD_CAUSES

# a certificate that ends within so many days is worth a warning
CERTIFICATE_DAYS = 21
# seconds for all of it: somebody waits for the answer, and Odoo ends a request after 120
RUN_TIMEOUT = 105
# characters of a text of a step
MAX_STEP = 5000
# what hosting providers block; sending servers listen on two of them
SUBMISSION_PORTS = {465: "tls", 587: "starttls"}
BLOCKED_PORTS = {25, *SUBMISSION_PORTS}
NO_WAY = ("timeout", "unreachable")


class CheckRun:
    """Log in to the directions of a mailbox and note each step in memory: nothing is written on the way.

    What waits for the network is a generator for `server_pool`.

    :param settings: one record of a model that inherits `email.account.settings`; it may be a new one
    :ivar list steps: values of `email.account.check.step`
    :ivar smtp: the session with the outgoing server, None before the login
    :ivar mailbox: the session with the incoming server, None before the login
    :ivar str token: marks the test email of this run
    :ivar bool sender_refused: whether the server does not take the address of the account as a sender
    :ivar bool sent: whether the test email is on its way
    :ivar Arrival arrival: what has become of it
    :ivar tuple now: (stage, direction) of what is being waited for
    :ivar bool ended: whether all stages are over
    """

    def __init__(self, settings):
        self.settings = settings
        self.token = new_token(settings.env)
        self.steps = []
        self.smtp = self.mailbox = None
        self.sender_refused = self.sent = False
        self.arrival = Arrival()
        self.now = None
        self.ended = False
        self._is_refused = False  # a server has refused a login in this run
        self._held_cause = None  # why a login was not tried
        self._since = time.monotonic()
        self._deadline = self._since + RUN_TIMEOUT
        self._events = deque()  # filled by the thread that connects

    @property
    def remaining(self):
        """Seconds that are left for the run."""
        return max(self._deadline - time.monotonic(), 0.1)

    @property
    def is_late(self):
        """Whether too little time is left to begin: so many others came first."""
        return self.remaining < RUN_TIMEOUT / 5

    @property
    def lane(self):
        """The servers: so many runs at a time are enough for them."""
        names = ("outgoing_host", "outgoing_port", "incoming_host", "incoming_port")
        return tuple(self.settings[name] for name in names)

    def begin(self, stage, direction):
        """Note what is waited for from now on."""
        self.now = (stage, direction)
        self._since = time.monotonic()

    def login(self, direction):
        """Log in to ``direction`` ('incoming' or 'outgoing') and note how it went.

        :return: None if it works, else the `mailclient.MailFailure`
        """
        self.begin("resolve", direction)
        with self.failures(direction) as failed:
            session = yield from self.settings._connecting__(
                direction, self.remaining, partial(self._note, direction)
            )
            setattr(self, "smtp" if direction == "outgoing" else "mailbox", session)
            self.collect()
        if failed and failed[0].cause in HELD_CAUSES:
            self._note_held(failed[0])
        elif failed:
            self._is_refused = self._is_refused or failed[0].refused
            yield from self._look_for_open_port(direction, failed[0])
        return failed[0] if failed else None

    def _note_held(self, failure):
        """Say shortly why a login was not tried, where the other direction has said so already."""
        env, message = self.settings.env, False
        if failure.cause == "password_refused" and self._is_refused:
            message = env._("Not tried, because the other server has just refused this password.")
        elif failure.cause == self._held_cause:
            message = env._("Not tried, for the same reason.")
        if message:
            self.steps[-1].update(result="skipped", message=message, advice=False, responsible=False)
        self._held_cause = failure.cause

    def close(self):
        """End the sessions; a server that fails to say goodbye changes nothing."""
        for session in (self.mailbox, self.smtp):
            if session:
                yield session.disconnect
        self.mailbox = self.smtp = None
        self.ended = True

    @contextlib.contextmanager
    def failures(self, direction, stage=None):
        """Turn a failure of the connection into a failed step; yields the list that receives it.

        :param str stage: name of the step, if it is not the stage at which the connection failed
        """
        failed = []
        try:
            yield failed
        except (MailFailure, MailDeliveryException, OSError) as error:
            failure = self._get_failure(error, direction)
            self.collect()
            last = self.steps[-1] if self.steps else {}
            if failure.stage == "connect" and (last.get("stage"), last.get("direction")) in (
                ("connect", direction),
                ("tls", direction),
            ):
                stage = stage or "greeting"  # it was reached, but says nothing, or something strange
            self.add_failure(stage or failure.stage, direction, failure)
            failed.append(failure)
        except UserError as error:
            lost = "password" if self.settings.is_key_missing else False
            self.add(stage or "login", direction, "failed", str(error), field_name=lost)

    def _get_failure(self, error, direction):
        """Return the failure behind ``error``: Odoo wraps what happened while it was sending."""
        if isinstance(error, MailDeliveryException):
            error = error.__context__ or error
        if isinstance(error, MailFailure):
            return error
        return MailFailure.from_exception(error, self.settings._get_endpoint(direction), "data")

    # ------------------------------------------------------------
    # Steps
    # ------------------------------------------------------------

    def add(self, stage, direction, result, message, now=None, **values):
        """Add a step; its duration is the time since the one before it.

        :param now: when it ended (``time.monotonic()``), if it was noted later
        """
        if now is None:
            self.collect()  # what happened before
            now = time.monotonic()
        step = {
            "stage": stage,
            "direction": direction,
            "result": result,
            "message": message,
            "duration_ms": max(int((now - self._since) * 1000), 0),
            **values,
        }
        # servers, mails and DNS have their say in it
        self.steps.append(
            {
                name: safe_text(value, MAX_STEP) if isinstance(value, str) else value
                for name, value in step.items()
            }
        )
        self._since = now

    def add_failure(self, stage, direction, failure, result="failed", **values):
        """Add a step for a `mailclient.MailFailure`, in the words of the user."""
        self.add(
            stage, direction, result, **self.settings._prepare_failure_values(failure, direction), **values
        )

    def collect(self):
        """Turn what was noted while connecting into steps."""
        while self._events:
            now, direction, stage, detail = self._events.popleft()
            getattr(self, f"_add_{stage}")(direction, detail, now)

    def _note(self, direction, stage, detail):
        """Note that a stage has ended; called by the thread that connects."""
        self._events.append((time.monotonic(), direction, stage, detail))

    def _add_resolve(self, direction, addresses, now):
        self.now = ("connect", direction)
        message = self.settings.env._(
            "%(host)s is found at %(addresses)s.",
            host=self.settings[f"{direction}_host"],
            addresses=", ".join(dict.fromkeys(ip for ip, _port in addresses)),
        )
        self.add("resolve", direction, "passed", message, now)

    def _add_connect(self, direction, address, now):
        env = self.settings.env
        encrypted = self.settings[f"{direction}_security"] != "none"
        self.now = ("tls" if encrypted else "login", direction)
        port = self.settings[f"{direction}_port"]
        message = env._("Port %(port)s of %(ip)s answers.", port=port, ip=address[0])
        self.add("connect", direction, "passed", message, now)
        if not encrypted:
            self.add(
                "tls",
                direction,
                "warning",
                env._("%s: the connection is not encrypted.", self.settings[f"{direction}_host"]),
                now,
                advice=env._("Choose SSL/TLS or STARTTLS if the server offers it."),
                field_name=f"{direction}_security",
                responsible="user",
            )

    def _add_tls(self, direction, certificate, now):
        env = self.settings.env
        self.now = ("login", direction)
        result, advice, responsible = "passed", False, False
        message = env._(
            "%(version)s, certificate of %(issuer)s for %(host)s, %(days)s days left.",
            host=self.settings[f"{direction}_host"],
            version=certificate.version,
            issuer=certificate.issuer,
            days=certificate.days_left,
        )
        if certificate.days_left < CERTIFICATE_DAYS:
            result, responsible = "warning", "provider"
            advice = env._("Ask the provider to renew the certificate in time.")
        if certificate.pinned:
            result, responsible = "warning", "provider"
            message = env._(
                "%(version)s, certificate that the server made itself, accepted by hand, %(days)s days left.",
                version=certificate.version,
                days=certificate.days_left,
            )
            advice = env._("A certificate of a recognised authority would be safer, and renews itself.")
        self.add(
            "tls",
            direction,
            result,
            message,
            now,
            advice=advice,
            responsible=responsible,
            details=env._("SHA-256 of the certificate: %s", certificate.fingerprint),
        )

    def _add_login(self, direction, mechanism, now):
        message = self.settings.env._("Logged in as %s.", self.settings._get_username(direction))
        self.add("login", direction, "passed", message, now, details=mechanism)

    # ------------------------------------------------------------
    # A port that does not answer
    # ------------------------------------------------------------

    def _look_for_open_port(self, direction, failure):
        """Say which other port of a sending server answers, where the one of the account does not.

        Cloud hosts and offices block ports for sending; a connection without a word finds out.
        """
        others = [port for port in SUBMISSION_PORTS if port != failure.port]
        if direction != "outgoing" or failure.stage != "connect" or failure.cause not in NO_WAY:
            return
        network = self.settings._get_network()
        answering = yield partial(answering_ports, failure.host, others, network.addresses)
        if answering:
            env = self.settings.env
            names = dict(self.settings._fields["outgoing_security"]._description_selection(env))
            self.steps[-1]["advice"] = env._(
                "Port %(port)s of the server answers: choose it, with %(security)s.",
                port=answering[0],
                security=names[SUBMISSION_PORTS[answering[0]]],
            )
            self.steps[-1].update(field_name="outgoing_port", responsible="user")

    def explain_blocked_port(self):
        """Say that the ports for sending are blocked, where receiving reaches the provider."""
        failed = [
            step
            for step in self.steps
            if (step["stage"], step["direction"], step["result"]) == ("connect", "outgoing", "failed")
        ]
        if (
            self.mailbox
            and failed
            and failed[0].get("cause") in NO_WAY
            and failed[0].get("field_name") != "outgoing_port"
            and self.settings.outgoing_port in BLOCKED_PORTS
        ):
            failure = MailFailure(
                self.settings._get_endpoint("outgoing"), "connect", failed[0]["details"], "port_blocked"
            )
            failed[0].update(self.settings._prepare_failure_values(failure, "outgoing"))
