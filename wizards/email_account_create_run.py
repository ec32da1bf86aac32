from odoo import api, models
from odoo.exceptions import UserError

from .. import autoconfig
from ..models.discovery_log import DiscoveryCancelled
from ..models.discovery_words import describe_detail
from .email_account_create_secret import FOUND, PURPOSE_FIELDS, Found
from .login_trial import LoginTrial, Way

# what the wizard hands to the account: everything that both models ask for
COPIED_FIELDS = (
    "email",
    "sender_name",
    "use_for_sending",
    "use_for_receiving",
    "username",
    "provider_id",
    "incoming_protocol",
    "incoming_host",
    "incoming_port",
    "incoming_security",
    "incoming_safe_logon",
    "after_receiving",
    "delete_after_days",
    "outgoing_host",
    "outgoing_port",
    "outgoing_security",
    "outgoing_safe_logon",
    "outgoing_username",
    "login_incoming_first",
    "timeout",
)


class EmailAccountCreate(models.TransientModel):
    """What happens while the user waits: discovery, the logins, and the account that comes of them."""

    _inherit = "email.account.create"

    # ------------------------------------------------------------
    # Discovery
    # ------------------------------------------------------------

    def _run(self, function, resume=False, **values):
        """Do what waits for the network; what happens is shown, and the user may cancel it.

        Until the end nothing is written in the transaction of the request.

        :param function: is given the `DiscoveryLog` and the values; returns an action
        :param resume: go on with the discovery that found the servers
        :param values: settings that are not on the wizard yet
        :return: the action; False when the user has cancelled, who is somewhere else by then
        """
        resume = resume and self.method == "automatic"
        discovery = self._get_discovery() if resume else self.env["email.account.discovery"]
        try:
            self._check_may_connect()
            self._check_own_hand()
            if discovery or self.method != "automatic":  # a new look-up has limits of its own
                self.env["email.account.attempt"]._note()
            log = discovery._resume() if discovery else discovery._start(self.email, self.method, self.id)
        except UserError as error:  # too many, or a copy
            return self._show_error(str(error))
        try:
            with log:
                return function(log, **values)
        except DiscoveryCancelled:
            return False

    def _get_discovery(self):
        """Return the user's own discovery that found the servers, an empty one if it is gone."""
        # the number is the user's to write, and the address too
        return self.env["email.account.discovery"].search(
            [
                ("id", "=", self.discovery_ref),
                ("user_id", "=", self.env.uid),
                ("email", "=", self.email),
            ]
        )

    def _discover(self, log):
        """Look for the settings of the address; go on with what was found."""
        directions = self._get_directions()
        if error := self._get_provider_error(self.provider_id):
            log.end(result="not_found")
            return self._show_error(*error, page="start")
        discovery = log.discover(
            autoconfig.Address.parse(self.email),
            self.env["email.account"]._autoconfig_sources(),
            network=self._get_network(),
            directions=directions,
        )
        settings = discovery.settings
        outcome = self._prepare_outcome(discovery)
        values = {"discovery_ref": log.id, **self._prepare_found_values(discovery)}
        found = [name for name in directions if settings and settings.servers(name)]
        messages = []
        if error := self._get_provider_error(self._find_provider(discovery)):
            log.end(**outcome)
            return self._show_error(*error, page="start", **values)
        if not found:
            messages.append(
                self.env._(
                    "Cannot determine connection settings automatically. "
                    "Configure the connection parameters manually."
                )
            )
            messages += self._get_unreachable_messages(discovery.unreachable)
        elif not all(settings.encrypts(name) for name in found):
            messages.append(
                self.env._(
                    "Only servers without encryption were found, where others could read your password. "
                    "Set up the connection manually if you want to use them."
                )
            )
        if messages:
            log.end(**outcome)
            return self._show_error("\n".join(messages), page="start", is_retry=True, **values)
        ways = {name: Way.of(settings.servers(name)) for name in directions}
        found_here = {FOUND: Found.of(self, ways)}
        if not settings.trusted:
            log.end(**outcome)
            return self.with_context(**found_here)._show(
                "confirm",
                confirm_domain=settings.domain,
                confirm_doubt=settings.doubt,
                # what does not answer is not among what is confirmed
                **values | {f"{name}_host": False for name in directions if name not in found},
            )
        return self._test_and_create(log, ways, outcome, discovery.unreachable, found_here, **values)

    def _prepare_outcome(self, discovery):
        """Return the outcome of an `autoconfig.Discovery`: values of `email.account.discovery`."""
        settings = discovery.settings
        return {
            "result": discovery.status,
            "elapsed_ms": discovery.elapsed_ms,
            "data": discovery.as_dict(stated=True),
            "source": settings and settings.source,
            "origin": settings and settings.origin,
            "trusted": bool(settings and settings.trusted),
            "doubt": settings and settings.doubt,
        }

    @api.model
    def _get_unreachable_messages(self, unreachable):
        """Name the servers that were published and cannot be used, and why (`autoconfig.Unreachable`)."""
        return list(dict.fromkeys(describe_detail(self.env, reason) for _server, reason in unreachable))

    @api.model
    def _get_unreachable_of(self, direction, unreachable):
        return [one for one in unreachable if (one.server.protocol == "smtp") == (direction == "outgoing")]

    def _prepare_found_values(self, discovery):
        """Return the values for what was found: the best server of each direction that is wanted.

        Where none can be used, what was published and does not answer is there to be mended.
        """
        settings = discovery.settings
        values = {
            "found_origin": settings and settings.origin,
            "provider_id": self._find_provider(discovery).id,
        }
        usernames = {}
        for direction in self._get_directions():
            servers = (settings.servers(direction) if settings else ()) or [
                one.server for one in self._get_unreachable_of(direction, discovery.unreachable)
            ]
            if not servers:
                if settings:
                    values[f"{direction}_host"] = False  # of another look-up
                continue
            server = servers[0]
            usernames[direction] = server.username
            values.update(
                {
                    f"{direction}_host": server.host,
                    f"{direction}_port": server.port,
                    f"{direction}_security": server.security,
                }
            )
            if direction == "incoming":
                values["incoming_protocol"] = server.protocol
        username = usernames.get("incoming") or usernames.get("outgoing")
        values["username"] = username if username != self.email else False
        outgoing = usernames.get("outgoing")
        values["outgoing_username"] = outgoing if outgoing and outgoing != username else False
        return values

    def _find_provider(self, discovery):
        """Return what is known of the provider that was recognised, or of the servers that were found."""
        provider = self.env["email.provider"]
        if discovery.provider.isdecimal():
            return provider.browse(int(discovery.provider)).exists()
        by_domain = provider._find_by_domain(self._normalize_email(self.email).partition("@")[2])
        settings = discovery.settings
        hosts = [server.host for server in settings.incoming + settings.outgoing] if settings else []
        return by_domain or provider._find_by_host(hosts)

    def _get_provider_error(self, provider):
        """Return ``(message, field)`` if no password lets this server in at ``provider``, else None."""
        if provider.authentication == "impossible":
            return (
                self.env._("%s cannot be connected: it has no access for mail programs.", provider.name),
                "email",
            )
        if provider.authentication == "bridge" and not self._is_allowed(provider.smtp_host):
            return (
                self.env._(
                    "%s is reached through a program on your own computer, to which this server "
                    "may not connect.",
                    provider.name,
                ),
                "email",
            )
        return None

    @api.model
    def _is_allowed(self, ip):
        """Whether an address may be connected to."""
        try:
            self._get_guard().check(ip)
        except autoconfig.BlockedAddress:
            return False
        return True

    def _prepare_provider_values(self):
        """Return the servers of the known provider for the manual pages, where nothing is entered yet."""
        values = {}
        provider = self.provider_id
        protocol = "imap" if provider.imap_host else "pop3"
        for direction, prefix in (("incoming", protocol), ("outgoing", "smtp")):
            if provider[f"{prefix}_host"] and not self[f"{direction}_host"]:
                for name in ("host", "port", "security"):
                    values[f"{direction}_{name}"] = provider[f"{prefix}_{name}"]
        if "incoming_host" in values:
            values["incoming_protocol"] = protocol
        return values

    # ------------------------------------------------------------
    # Live test, then the account
    # ------------------------------------------------------------

    def _test_and_create(self, log, ways=None, outcome=None, unreachable=(), found_here=None, **values):
        """Log in to each direction; create the account if all succeed.

        The test runs on a record in memory, so that nothing is written while the network is waited for.

        :param DiscoveryLog log: shows the progress
        :param dict ways: direction -> list of `Way`; by default those of the wizard
        :param dict outcome: of the discovery, when it has just ended
        :param unreachable: `autoconfig.Unreachable` of servers that were published
        :param found_here: context with the servers that this very request has found, see `Found`
        :param values: settings that are not on the wizard yet
        """
        if self.is_key_missing:  # since it was entered
            log.end(**(outcome or {}))
            return self._show_error(self.key_message, field="password", page="start", **values)
        names = {*COPIED_FIELDS, *PURPOSE_FIELDS, "incoming_fingerprint", "outgoing_fingerprint"}
        tried = self.with_context(**found_here or {}).new(
            {name: self[name] for name in names} | values, origin=self
        )
        if ways is None:
            ways = {name: self._get_ways(name) for name in tried._get_directions()}
            if not tried._may_go_to__(ways):
                log.end()
                return self._show_error(
                    self._get_other_use_message(), field="password", page="start", **values
                )
        trial = LoginTrial(tried, ways, log)
        trial.run()
        log.end(**(outcome or {}))
        values |= trial.values
        if not trial.failures and not trial.missing:
            return self._create_account(values, trial.steps, log, outcome)
        messages = [failure["message"] for failure in trial.failures.values()]
        for direction in trial.missing:
            messages.append(self._get_missing_message(direction))
            messages += self._get_unreachable_messages(self._get_unreachable_of(direction, unreachable))
        first = next(iter(trial.failures.values()), {})
        values |= self._prepare_refused_values(trial.failures) | {"retry_date": trial.paused_until}
        if trial.working:
            return self._show(
                "partial",
                message="\n".join(messages),
                advice=first.get("advice"),
                working_direction=trial.working[0],
                **values,
            )
        return self._show_error(
            "\n".join(messages),
            field=first.get("field_name"),
            advice=first.get("advice"),
            link=first.get("link"),
            page="start" if self.method == "automatic" else self.step,
            is_retry=True,
            **values,
        )

    def _get_ways(self, direction):
        """Return the ways to log in to ``direction`` for what is on the wizard."""
        if self.step == "confirm":
            discovery = self._get_discovery()
            if discovery:
                return Way.of(discovery._get_servers(direction))
        if not self[f"{direction}_host"]:
            return []
        return [
            Way(
                self._get_protocol(direction),
                self[f"{direction}_host"],
                self[f"{direction}_port"],
                self[f"{direction}_security"],
                (self._get_username(direction),),
            )
        ]

    @api.model
    def _prepare_refused_values(self, failures):
        """Return the values that let the user accept a certificate that the server made itself."""
        for direction, failure in failures.items():
            if failure.get("fingerprint"):
                return {
                    "refused_direction": direction,
                    "refused_server": failure["server"],
                    "refused_fingerprint": failure["fingerprint"],
                }
        return {}

    @api.model
    def _get_missing_message(self, direction):
        if direction == "outgoing":
            return self.env._("No settings for sending were found.")
        return self.env._("No settings for receiving were found.")

    def _create_account(self, values, steps, log, outcome):
        """Create the account (or set up the one from which the wizard was opened) with its first report."""
        discovery = self._get_discovery()
        self.write(values)
        account_values = self._convert_to_write({name: self[name] for name in COPIED_FIELDS}) | {
            name: self._get_secret__(name) for name in self._secret_fields
        }
        if self.name:
            account_values["name"] = self.name
        if not self.account_id.last_received_date:
            account_values["import_from"] = self.import_from
        with self.env.cr.savepoint() as savepoint:
            account = self._store_account(account_values)
            if self.method == "automatic":  # before the report: it counts for whose the address is
                account._set_discovery(discovery._keep(account, log, outcome or discovery._get_outcome()))
            self.env["email.account.check"]._create_report(account, steps, "creation")
            refusal = account.state == "draft" and account.last_error
            if refusal:
                savepoint.rollback()
        if refusal:
            return self._show_error(refusal, field="email", page="start")
        # the wizard's own copy of the passwords has done its work
        return self._show(
            "done", account_id=account.id, password=False, outgoing_password=False, retry_date=False
        )

    def _store_account(self, values):
        """Create the account, or write ``values`` on the one from which the wizard was opened; return it."""
        account = self.account_id
        if account:
            account.write(values)
        else:
            account = account.create(values | {"company_id": self.company_id.id, "user_id": self.user_id.id})
        for direction in self._get_directions():
            if self[f"{direction}_fingerprint"]:
                account._accept_certificate__(
                    direction, self[f"{direction}_fingerprint"], self._get_server_name(direction)
                )
        return account
