import base64
import json
import math
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError

from .. import autoconfig
from .discovery_log import DiscoveryLog
from .email_account_discovery_step import LOGIN

# discoveries of one user within a minute, and for one domain within an hour: by one user, who leaves the rest
# to others, and by all
USER_LIMIT, USER_PERIOD = 5, 60
DOMAIN_PERIOD, DOMAIN_USER_LIMIT, DOMAIN_LIMIT = 3600, 10, 30
KEPT_HOURS = 24


class EmailAccountDiscovery(models.Model):
    """One look-up of the settings of an address, and the logins that tried them.

    It shows the progress while it runs, counts for the rate limit afterwards, and goes after a day. An
    account that is created gets a copy, which stays as long as the account: "How were these settings found?"
    """

    _name = "email.account.discovery"
    _description = "Discovery of the Settings of an Address"
    _inherit = "email.account.part"
    _order = "id desc"
    _rec_name = "email"

    user_id = fields.Many2one("res.users", "Asked by", required=True, index=True, ondelete="cascade")
    account_id = fields.Many2one("email.account", index="btree_not_null", ondelete="cascade")
    email = fields.Char("Email Address", required=True)
    domain = fields.Char(required=True, index=True, help="Of the address, in the form that DNS knows.")
    method = fields.Selection(
        [("automatic", "Looked for"), ("manual", "Entered by hand")], default="automatic", required=True
    )
    wizard_ref = fields.Integer(index=True, help="The wizard that shows the progress.")
    state = fields.Selection(
        [("running", "Running"), ("done", "Done"), ("cancelled", "Cancelled")],
        default="running",
        required=True,
    )
    result = fields.Selection([("found", "Found"), ("not_found", "Nothing found")])
    source = fields.Char(help="Names of the sources, joined by “+”.")
    source_label = fields.Char("Found by", compute="_compute_source_label")
    origin = fields.Char("Found at")
    trusted = fields.Boolean()
    doubt = fields.Char(help="Why the settings could have been forged: http, dns or guess.")
    trust_words = fields.Char("Trust", compute="_compute_trust_words")
    elapsed_ms = fields.Integer("Time (ms)")
    step_ids = fields.One2many("email.account.discovery.step", "discovery_id", "Steps")
    data = fields.Json(help="As `python -m autoconfig --json` prints it.")
    servers = fields.Text(compute="_compute_servers")
    document = fields.Binary(compute="_compute_document")
    document_name = fields.Char(compute="_compute_document")

    # ------------------------------------------------------------
    # Words
    # ------------------------------------------------------------

    @api.model
    def _get_source_labels(self):
        """Return what the sources of discovery are called: name -> words. Override it for sources added."""
        return {
            "provider": self.env._("Known providers"),
            "account": self.env._("Working account of the same domain"),
            "provider_mx": self.env._("Known provider of the domain (MX)"),
            "autoconfig": self.env._("Settings published by the domain"),
            "pacc": self.env._("Signed settings of the domain (PACC)"),
            "autoconfig_http": self.env._("Settings published without encryption"),
            "ispdb": self.env._("Mozilla's database of providers"),
            "srv": self.env._("Servers named in DNS (SRV)"),
            "autodiscover": self.env._("Settings for Outlook (Autodiscover)"),
            "mx": self.env._("Settings of the mail provider (MX)"),
            "microsoft": self.env._("Microsoft 365"),
            "parent": self.env._("Settings of the parent domain"),
            "guess": self.env._("Usual names of servers"),
        }

    @api.model
    def _get_source_label(self, source):
        """Return the words for a source, or for several joined by ``+``."""
        labels = self._get_source_labels()
        return " + ".join(labels.get(name, name) for name in (source or "").split("+"))

    @api.model
    def _get_doubt_words(self, doubt):
        """Return why settings could have been forged, for ``doubt`` of `autoconfig.Settings`."""
        words = {
            "http": self.env._("They were published without encryption, so they can be forged."),
            "dns": self.env._("They were found through DNS, which can be forged."),
            "guess": self.env._("They were guessed: nobody has published them."),
        }
        return words.get(doubt, words["dns"])

    @api.depends("source")
    @api.depends_context("lang")
    def _compute_source_label(self):
        for discovery in self:
            discovery.source_label = discovery._get_source_label(discovery.source)

    @api.depends("trusted", "doubt")
    @api.depends_context("lang")
    def _compute_trust_words(self):
        for discovery in self:
            if discovery.trusted:
                discovery.trust_words = self.env._(
                    "The servers can be trusted: every step to them was authenticated."
                )
            else:
                discovery.trust_words = self._get_doubt_words(discovery.doubt)

    @api.depends("data")
    def _compute_servers(self):
        names = {"imap": "IMAP", "pop3": "POP", "smtp": "SMTP", "tls": "SSL/TLS", "starttls": "STARTTLS"}
        for discovery in self:
            data = discovery.data or {}
            lines = [
                ", ".join(
                    [
                        names[server["protocol"]],
                        server["host"],
                        str(server["port"]),
                        names.get(server["security"]) or self.env._("not encrypted"),
                    ]
                )
                for server in [*data.get("incoming", []), *data.get("outgoing", [])]
            ]
            discovery.servers = "\n".join(dict.fromkeys(lines))

    @api.depends("data", "domain", "step_ids.result")
    def _compute_document(self):
        """The same for a program or a report: what `python -m autoconfig --json` prints, with the logins."""
        for discovery in self:
            steps = [
                {
                    "source": step.source,
                    "result": step.result,
                    "elapsed_ms": step.elapsed_ms,
                    "detail": " ".join(filter(None, (step.host, step.detail))),
                }
                for step in discovery.step_ids
            ]
            text = json.dumps({**(discovery.data or {}), "steps": steps}, indent=2)
            discovery.document = base64.b64encode(text.encode())
            discovery.document_name = f"{discovery.domain}.json"

    # ------------------------------------------------------------
    # A run
    # ------------------------------------------------------------

    @api.model
    def _start(self, email, method, wizard_ref=0):
        """Begin a discovery, or with ``method`` 'manual' a test of what was entered by hand.

        :return: its `DiscoveryLog`
        :raises UserError: the limit is reached; it says how long to wait
        """
        domain = autoconfig.Address.parse(email).domain
        with self.env.registry.cursor() as cr:
            # sudo: users only read what happened
            discoveries = self.with_env(self.env(cr=cr)).sudo()
            if method == "automatic":
                discoveries._check_limits(domain)
            discovery = discoveries.create(
                {
                    "user_id": self.env.uid,
                    "email": email,
                    "domain": domain,
                    "method": method,
                    "wizard_ref": wizard_ref,
                }
            )
            return DiscoveryLog(self.env, discovery.id)

    def _resume(self):
        """Go on with a discovery of the user after his answer; return its `DiscoveryLog`."""
        self.ensure_one()
        lines = {step.source: step._get_values() for step in self.step_ids if step.source != LOGIN}
        with self.env.registry.cursor() as cr:
            # sudo: users only read what happened
            discovery = self.with_env(self.env(cr=cr)).sudo()
            discovery.step_ids.filtered(lambda step: step.source == LOGIN).unlink()
            discovery.state = "running"
        return DiscoveryLog(self.env, self.id, lines)

    @api.model
    def _check_limits(self, domain):
        """Keep to the limits, across all workers.

        :raises UserError: it says how long to wait
        """
        cr = self.env.cr
        # one after the other, and each sees the rows of those before it: a transaction's view of the
        # database begins after this statement
        cr.execute("LOCK TABLE email_account_discovery IN SHARE UPDATE EXCLUSIVE MODE")
        own, alike = [("user_id", "=", self.env.uid)], [("domain", "=", domain)]
        wait = self._get_wait(own, USER_LIMIT, USER_PERIOD)
        if wait:
            raise UserError(
                self.env._(
                    "You have looked for settings %(count)s times within a minute. Try again in %(seconds)s "
                    "seconds, or set up the connection manually.",
                    count=USER_LIMIT,
                    seconds=wait,
                )
            )
        wait = self._get_wait(own + alike, DOMAIN_USER_LIMIT, DOMAIN_PERIOD)
        if wait:
            raise UserError(
                self.env._(
                    "You have looked for the settings of %(domain)s %(count)s times within an hour. Try "
                    "again in %(minutes)s minutes, or set up the connection manually.",
                    domain=domain,
                    count=DOMAIN_USER_LIMIT,
                    minutes=math.ceil(wait / 60),
                )
            )
        wait = self._get_wait(alike, DOMAIN_LIMIT, DOMAIN_PERIOD)
        if wait:
            raise UserError(
                self.env._(
                    "The settings of %(domain)s were looked for %(count)s times within an hour. Try again "
                    "in %(minutes)s minutes, or set up the connection manually.",
                    domain=domain,
                    count=DOMAIN_LIMIT,
                    minutes=math.ceil(wait / 60),
                )
            )

    @api.model
    def _get_wait(self, domain, limit, period):
        """Return the seconds until there are fewer than ``limit`` discoveries in ``period`` seconds.

        :param list domain: which of them count
        """
        since = self.env.cr.now() - timedelta(seconds=period)
        oldest = self.search(
            [
                *domain,
                ("method", "=", "automatic"),
                ("account_id", "=", False),
                ("create_date", ">", since),
            ],
            order="create_date DESC",
            offset=limit - 1,
            limit=1,
        )
        return math.ceil((oldest.create_date - since).total_seconds()) if oldest else 0

    @api.model
    @api.readonly
    def get_progress(self, wizard_ref, after=0):
        """Return what happens for a wizard of the current user.

        :param after: the last discovery that is known already
        :return: of the newest one, as ``{"id", "lines": [{"id", "label", "result", "detail_words",
            "elapsed_ms"}…]}``; False when there is none
        """
        newest = self.search(
            [("wizard_ref", "=", wizard_ref), ("user_id", "=", self.env.uid), ("id", ">", after)], limit=1
        )
        if not newest:
            return False
        return {
            "id": newest.id,
            "lines": newest.step_ids.read(["label", "result", "detail_words", "elapsed_ms"]),
        }

    def action_cancel(self):
        """End it wherever it runs.

        :return: whether it was still running; else its outcome is on its way
        """
        running = self.search(
            [("id", "in", self.ids), ("user_id", "=", self.env.uid), ("state", "=", "running")]
        )
        # sudo: users only read what happened
        running.sudo().state = "cancelled"
        return bool(running)

    # ------------------------------------------------------------
    # Of an account
    # ------------------------------------------------------------

    @api.model
    def _keep(self, account, log, values):
        """Store how the settings of an account were found.

        It is a copy: the transaction of the request does not see the discovery, which began after it.

        :param DiscoveryLog log: of the discovery
        :param dict values: its outcome
        :return: the copy
        """
        # sudo: users only read what happened
        discoveries = self.sudo()
        lines = sorted(log.lines.values(), key=lambda line: line["sequence"])
        discoveries.search([("account_id", "=", account.id)]).unlink()
        return discoveries.create(
            {
                **values,
                "account_id": account.id,
                "user_id": self.env.uid,
                "email": account.email,
                "domain": autoconfig.Address.parse(account.email).domain,
                "state": "done",
                "step_ids": [fields.Command.create(line) for line in lines],
            }
        )

    def _get_outcome(self):
        """Return the outcome, for a copy."""
        names = ("result", "elapsed_ms", "data", "source", "origin", "trusted", "doubt")
        return {name: self[name] for name in names}

    def _get_servers(self, direction):
        """Return what was found for 'incoming' or 'outgoing': a list of `autoconfig.Server`, best first."""
        return [
            autoconfig.Server(**server | {"authentication": tuple(server["authentication"])})
            for server in (self.data or {}).get(direction, [])
        ]

    def action_download(self):
        """Download it as JSON."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_url",
            "url": f"/web/content/{self._name}/{self.id}/document/{self.document_name}?download=true",
            "target": "download",
        }

    @api.autovacuum
    def _gc_discoveries(self):
        """Remove those that led to no account when they do not count any more."""
        before = fields.Datetime.now() - timedelta(hours=KEPT_HOURS)
        self.search([("account_id", "=", False), ("create_date", "<", before)]).unlink()
