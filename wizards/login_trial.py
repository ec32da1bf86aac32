"""Which of the servers that were found lets the user in, and by which name: no model."""

from collections.abc import Iterable
from dataclasses import dataclass

from odoo.exceptions import UserError

from ..models.check_run import CheckRun
from ..models.email_account_discovery_step import LOGIN
from ..models.email_account_refusal import HELD_CAUSES
from ..models.failure_words import PREFIX
from ..models.server_pool import run_here

# of one action of the user, over both directions, each by another user name (the same one is not sent twice,
# see `email.account.refusal`): servers lock a mailbox after a few
MAX_REFUSED = 2
# the lines of the logins stand below those of the sources
FIRST_LINE = 1000
# until then no password was looked at: another server may answer
CONNECTION_STAGES = ("resolve", "connect", "tls")


@dataclass(frozen=True)
class Way:
    """A server to log in to, and the names to try there."""

    protocol: str
    host: str
    port: int
    security: str
    usernames: tuple[str, ...] = ()
    """as stated, best first; none are stated: the address, then its local part"""

    @classmethod
    def of(cls, servers: Iterable) -> list["Way"]:
        """Return the ways that `autoconfig.Server` objects offer, in their order; clear text is none."""
        usernames = {}
        for server in servers:
            if server.encrypted:
                names = usernames.setdefault((server.protocol, server.host, server.port, server.security), [])
                names += [server.username] * bool(server.username)
        return [cls(*place, tuple(dict.fromkeys(names))) for place, names in usernames.items()]


class LoginTrial:
    """Log in to each direction, server by server, until one lets in.

    :param settings: the wizard as a record in memory; its servers and names are those tried last
    :param dict ways: direction -> list of `Way`, best first; a direction without any is missing
    :param DiscoveryLog log: shows what is tried
    :ivar dict failures: direction -> what the user is told (values of `email.account.check.step`) about
        those that did not let in
    :ivar list missing: the directions for which there is no server
    :ivar list steps: of those that let in, for the report of the account
    :ivar dict values: for the wizard, of the servers that let in and the best of the others
    :ivar paused_until: when the next password may be tried (datetime), None if it may be now
    """

    def __init__(self, settings, ways, log):
        self._settings = settings
        self._ways = ways
        self._log = log
        self._refused = 0
        self._held_causes = set()
        self._names = {}
        self.failures = {}
        self.missing = [direction for direction, offered in ways.items() if not offered]
        self.steps = []
        self.values = {}
        self.paused_until = None

    @property
    def working(self) -> list[str]:
        """The directions that let in."""
        return [name for name in self._ways if name not in self.failures and name not in self.missing]

    def run(self):
        """Try all directions.

        :raises DiscoveryCancelled: the user has cancelled
        """
        tried = [direction for direction in self._ways if direction not in self.missing]
        for direction in tried:
            self._show(direction, 0, "waiting")
        for direction in tried:
            self._try_direction(direction)
        self._take_names(tried)

    def _try_direction(self, direction):
        refused = unreachable = None
        names = []  # that were refused
        for number, way in enumerate(self._ways[direction]):
            self._take_server(direction, way)
            for name in self._get_names(direction, way):
                if self._refused >= MAX_REFUSED:
                    if not (refused or unreachable):
                        self._skip(direction, "two")
                        return
                    break
                failure = self._log_in(direction, number, name)
                if not failure:
                    return
                self._refused += failure.refused
                if failure.cause in ("wrong_password", "password_refused"):
                    if failure.refused:
                        names.append(name)
                    # what the server says now tells more than that the password was not sent again
                    if not refused or failure.refused and not refused.refused:
                        refused = failure
                    continue
                if failure.stage not in CONNECTION_STAGES:
                    self._end(direction, failure)
                    return
                unreachable = unreachable or failure
                break
            if refused:
                break  # it is the right server, so the others would refuse the password too
        else:
            self._take_server(direction, self._ways[direction][0])
        self._end(direction, refused or unreachable, names)

    def _end(self, direction, failure, names=()):
        """Give up a direction, shortly where another one has said why."""
        if failure.hold and failure.hold.paused_until:
            self.paused_until = failure.hold.paused_until
        is_held = failure.cause in HELD_CAUSES
        if is_held and failure.cause == "password_refused" and self._refused:
            self._skip(direction, "refused")
        elif is_held and failure.cause in self._held_causes:
            self._skip(direction, "same")
        else:
            self._held_causes |= {failure.cause} & HELD_CAUSES
            self._fail(direction, failure, names)

    def _log_in(self, direction, number, name):
        """Log in once; return None or the `mailclient.MailFailure`."""
        settings = self._settings
        self._set_name(direction, name)
        # the address is what everybody expects
        detail = False if name == settings.email else settings.env._("as %s", name)
        self._show(direction, number, "asking", detail)
        self._log.check()
        run = CheckRun(settings)
        failure = run_here(run.login(direction))
        run_here(run.close())
        last = run.steps[-1] if run.steps else {}
        if not failure and last.get("result") == "failed":  # the password cannot be used any more
            raise UserError(last["message"])
        result = "skipped" if failure and failure.cause in HELD_CAUSES else "failed"
        self._show(
            direction,
            number,
            result if failure else "passed",
            detail,
            elapsed_ms=sum(step["duration_ms"] for step in run.steps),
        )
        if not failure:
            self.steps += run.steps
            self._names[direction] = name
        return failure

    def _get_names(self, direction, way):
        """Return the names to try: what worked for the other direction goes before what nobody states."""
        known = list(self._names.values())
        if way.usernames:
            return sorted(way.usernames, key=lambda name: name not in known)
        email = self._settings.email
        return list(dict.fromkeys([*known, email, email.rpartition("@")[0]]))

    def _take_server(self, direction, way):
        values = {
            f"{direction}_host": way.host,
            f"{direction}_port": way.port,
            f"{direction}_security": way.security,
        }
        if direction == "incoming":
            values["incoming_protocol"] = way.protocol
        # a certificate was accepted of the server that was seen with it
        seen, name = self._settings._origin, f"{direction}_fingerprint"
        self._settings[name] = seen[f"{direction}_host"] == way.host and seen[name]
        self._settings.update(values)
        self.values |= values

    def _set_name(self, direction, name):
        self._settings["outgoing_username" if direction == "outgoing" else "username"] = name

    def _take_names(self, directions):
        """Put the names where the account has them: the outgoing one only where it differs."""
        names = {
            direction: self._names.get(direction) or self._get_names(direction, self._ways[direction][0])[0]
            for direction in directions
        }
        name = names.get("incoming") or names.get("outgoing")
        outgoing = names.get("outgoing")
        self.values["username"] = name if name != self._settings.email else False
        self.values["outgoing_username"] = outgoing if outgoing != name else False

    def _fail(self, direction, failure, names=()):
        values = self._settings._prepare_failure_values(failure, direction)
        values["server"] = f"{failure.host}:{failure.port}"
        if len(names) > 1:
            tried = self._settings.env._("Tried with the user names %s.", ", ".join(names))
            values["message"] = f"{values['message']} {tried}"
        # the wizard is seen by its user alone
        if failure.cause == "unknown" and self._settings.env["email.account"]._can_manage():
            values["message"] = f"{values['message']} ({failure.raw})"
        self.failures[direction] = values

    def _skip(self, direction, reason):
        """Give up a direction that was not tried."""
        env = self._settings.env
        reasons = {
            "refused": env._("It was not tried, because the other server has just refused this password."),
            "same": env._("It was not tried, for the same reason."),
            "two": env._("It was not tried, because two logins have already been refused."),
        }
        words = env._(PREFIX[direction])
        self._show(direction, 0, "skipped")
        self.failures[direction] = {
            "message": words % reasons[reason],
            "advice": env._("Mail servers lock a mailbox after a few wrong passwords."),
            "field_name": "password",
        }

    def _show(self, direction, number, result, detail=False, elapsed_ms=0):
        position = list(self._ways).index(direction)
        self._log.put(
            (direction, number),
            FIRST_LINE + 100 * position + number,
            source=LOGIN,
            host=self._ways[direction][number].host,
            result=result,
            detail=detail,
            elapsed_ms=elapsed_ms,
        )
