import contextlib
import ipaddress
import re

import idna

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import formataddr

from .. import mailclient
from ..autoconfig import MAX_PORT, Address, AddressError, BlockedAddress, Guard, Network, port_ranges
from ..mailclient.outside import storable
from .failure_words import describe_failure
from .server_pool import run_here

SECURITY = [("tls", "SSL/TLS"), ("starttls", "STARTTLS"), ("none", "None")]
# RFC 8314 section 7.3 and the IANA registry of service names
STANDARD_PORTS = {
    ("imap", "tls"): 993,
    ("imap", "starttls"): 143,
    ("imap", "none"): 143,
    ("pop3", "tls"): 995,
    ("pop3", "starttls"): 110,
    ("pop3", "none"): 110,
    ("smtp", "tls"): 465,
    ("smtp", "starttls"): 587,
    ("smtp", "none"): 25,
}
# a certificate that was refused for one of these can be accepted by hand, if the server made it itself
ACCEPTABLE_CAUSES = {"certificate_self_signed", "certificate_changed"}
# what the page of the provider for mail programs helps with
PROVIDER_CAUSES = {
    "wrong_password",
    "app_password_required",
    "oauth_required",
    "imap_disabled",
    "smtp_auth_disabled",
    "web_login_required",
}
# what belongs to the provider of an address: an address of another domain has none of it
PROVIDER_FIELDS = (
    "incoming_protocol",
    "incoming_host",
    "incoming_port",
    "incoming_security",
    "incoming_safe_logon",
    "incoming_fingerprint",
    "outgoing_host",
    "outgoing_port",
    "outgoing_security",
    "outgoing_safe_logon",
    "outgoing_fingerprint",
    "username",
    "outgoing_username",
    "login_incoming_first",
    "timeout",
)
# RFC 1123 section 2.1, with the underscore that some networks use inside
HOST_NAME = re.compile(
    r"(?=.{1,253}$)(?!\d+(\.\d+){3}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
    r"(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*"
)

# what a mailbox cannot be without
CHOSEN_FIELDS = {"incoming_protocol", "incoming_security", "outgoing_security", "after_receiving"}
# that the database takes
MAX_INTEGER = 2**31 - 1
# characters of a sender's name
MAX_NAME = 200
# control characters, ends of lines, halves of pairs, and codes (RFC 2047)
NOT_IN_HEADER = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029\\ud800-\\udfff]|=\\?[^?\\s]*\\?[bqBQ]\\?")


class EmailAccountSettings(models.AbstractModel):
    """What is asked about a mailbox: shared by the account and the wizard that creates it."""

    _name = "email.account.settings"
    _description = "Settings of a Mailbox"
    _inherit = "email.account.secret"

    email = fields.Char("Email Address")
    sender_name = fields.Char(help="The name that recipients see beside the address.")
    use_for_sending = fields.Boolean("For Sending Emails", default=True)
    use_for_receiving = fields.Boolean("For Receiving Emails", default=True)
    username = fields.Char("User Name", help="The name to log in with; the email address if left empty.")
    provider_id = fields.Many2one("email.provider", ondelete="set null")

    incoming_protocol = fields.Selection([("imap", "IMAP"), ("pop3", "POP")], "Protocol", default="imap")
    incoming_host = fields.Char("Incoming Server")
    incoming_port = fields.Integer(default=993)
    incoming_security = fields.Selection(SECURITY, "Incoming Secure Connection", default="tls")
    incoming_safe_logon = fields.Boolean(
        default=True,
        help="Only protected authentication. Switched off, the password may be sent readable if the "
        "connection is not encrypted.",
    )
    after_receiving = fields.Selection(
        [
            ("leave", "Leave it as it is"),
            ("seen", "Mark it as read"),
            ("delete", "Delete it"),
        ],
        "On the server",
        default="seen",
        required=True,
        help="What happens to a mail in the mailbox when it is stored here. POP cannot mark it as read.",
    )
    delete_after_days = fields.Integer(
        "Days until it is deleted",
        help="From the day on which it arrived in the mailbox; 0 deletes it at once.",
    )

    outgoing_host = fields.Char("Outgoing Server")
    outgoing_port = fields.Integer(default=465)
    outgoing_security = fields.Selection(SECURITY, "Outgoing Secure Connection", default="tls")
    outgoing_safe_logon = fields.Boolean(
        default=True,
        help="Only protected authentication. Switched off, the password may be sent readable if the "
        "connection is not encrypted.",
    )
    outgoing_username = fields.Char(
        "Outgoing User Name", help="Only where it differs from the user name for receiving."
    )
    login_incoming_first = fields.Boolean(
        "Authentication is required on the incoming mail server before sending",
        help="POP before SMTP, still asked for by a few old servers.",
    )
    timeout = fields.Integer("Time-out (seconds)", default=30)
    incoming_fingerprint = fields.Char(
        "Accepted Certificate (incoming)",
        copy=False,
        readonly=True,
        help="SHA-256 of the certificate that the incoming server made itself, accepted after it was seen.",
    )
    outgoing_fingerprint = fields.Char(
        "Accepted Certificate (outgoing)",
        copy=False,
        readonly=True,
        help="SHA-256 of the certificate that the outgoing server made itself, accepted after it was seen.",
    )

    # ------------------------------------------------------------
    # Validation
    # ------------------------------------------------------------

    def _validate_directions(self):
        """:raises ValidationError: there is nothing that the mailbox is for"""
        for record in self:
            if not record.use_for_sending and not record.use_for_receiving:
                raise ValidationError(
                    self.env._("Choose at least one of “For Sending Emails” and “For Receiving Emails”.")
                )

    def _validate_ports(self, names=("incoming_port", "outgoing_port")):
        """:raises ValidationError: one of the ports is no port, or none that may be connected to"""
        guard = self._get_guard()
        for record in self:
            for field in names:
                if not 0 < record[field] <= MAX_PORT:
                    raise ValidationError(
                        self.env._(
                            "%(field)s: enter a number from 1 to %(max)s, for example %(example)s.",
                            field=record._fields[field]._description_string(record.env),
                            max=MAX_PORT,
                            example=record._get_standard_port(field.partition("_")[0]),
                        )
                    )
                if not guard.allows_port(record[field]):
                    raise ValidationError(
                        self.env._(
                            "%(field)s: %(port)s is not a port of mail servers. Enter the one that the "
                            "provider states, for example %(example)s, or ask the administrator to allow it "
                            "in the settings of email accounts.",
                            field=record._fields[field]._description_string(record.env),
                            port=record[field],
                            example=record._get_standard_port(field.partition("_")[0]),
                        )
                    )

    def _validate_durations(self):
        """:raises ValidationError: a duration is out of range"""
        for record in self:
            if not 1 <= record.timeout <= 300:
                raise ValidationError(self.env._("Time-out: enter a number of seconds from 1 to 300."))
            if record.delete_after_days < 0:
                raise ValidationError(self.env._("Days until it is deleted: enter 0 (at once) or more."))

    @api.model
    def _normalize_settings(self, vals):
        """Return ``vals`` with the address and the host names in the form in which they are compared.

        :raises ValidationError: a sentence that names the field and what to do
        """
        vals = dict(vals)
        self._check_types(vals)
        if vals.get("email"):
            vals["email"] = self._normalize_email(vals["email"])
        for field in ("incoming_host", "outgoing_host"):
            if vals.get(field):
                vals[field] = self._normalize_host(field, vals[field])
        for field in ("username", "outgoing_username", "sender_name"):
            if vals.get(field):
                vals[field] = vals[field].strip()
        self._check_header_text(vals.get("sender_name"))
        return vals

    @api.model
    def _check_types(self, vals):
        """What a program writes may be anything: refuse what would fail later, where nobody is.

        :raises ValidationError: a value is none that the web client could send
        """
        for name, value in vals.items():
            field = self._fields.get(name)
            message = field and self._get_type_message(field, False if value is None else value)
            if message:
                raise ValidationError(message)

    @api.model
    def _get_type_message(self, field, value):
        """Return what is wrong with a value, False if nothing is."""
        label = field._description_string(self.env)
        if field.type in ("char", "text") and value is not False:
            # of the sender's name more is asked, see `_check_header_text`
            is_text = isinstance(value, str) and (field.name == "sender_name" or storable(value) == value)
            if not is_text:
                return self.env._("%s: enter text, without control characters.", label)
        elif field.type == "integer" and value is not False:
            if not isinstance(value, int) or abs(value) > MAX_INTEGER:
                return self.env._("%s: enter a number.", label)
        elif field.type == "selection" and (value is not False or field.name in CHOSEN_FIELDS):
            # as Odoo itself looks it up
            allowed = field._selection if field._selection is not None else field.get_values(self.env)
            if not isinstance(value, str) or value not in allowed:
                return self.env._("%s: choose one of the values that are offered.", label)
        return False

    @api.model
    def _check_header_text(self, name):
        """A name that goes into the header of what is sent is one line of text, as it is read.

        :raises ValidationError: it is not
        """
        if not name:
            return
        # what is encoded (RFC 2047) would be decoded by who reads it, whatever is in it
        if len(name) > MAX_NAME or NOT_IN_HEADER.search(name):
            raise ValidationError(
                self.env._(
                    "%(field)s: type it in one line of at most %(limit)s characters, without control "
                    "characters and codes such as =?utf-8?…?=.",
                    field=self._fields["sender_name"]._description_string(self.env),
                    limit=MAX_NAME,
                )
            )

    @api.model
    def _normalize_email(self, email):
        try:
            return str(Address.parse(email))
        except AddressError as error:
            raise ValidationError(self._get_address_message(error.code, email)) from error

    @api.model
    def _get_email_domain(self, email):
        """Return the domain of an address as DNS knows it, "" if the address is not valid."""
        try:
            return Address.parse(email or "").domain
        except AddressError:
            return ""

    @api.model
    def _prepare_default_values(self, names):
        """Return the values that a new record has for these fields, whatever the context says."""
        return {
            name: field.default(self) if (field := self._fields[name]).default else False for name in names
        }

    @api.model
    def _get_address_message(self, code, email):
        """Return what is wrong with the typed address, for a code of ``autoconfig.AddressError``."""
        return {
            "empty": self.env._("Enter the email address."),
            "no_at": self.env._(
                "Email Address: “%s” lacks the part “@domain”, as in name@example.com.", email
            ),
            "local_part": self.env._("Email Address: the part of “%s” before the @ is not valid.", email),
            "domain": self.env._(
                "Email Address: the domain of “%s” (the part after the @) is not valid.", email
            ),
            "too_long": self.env._("Email Address: an address has at most 254 characters."),
        }[code]

    @api.model
    def _normalize_host(self, field, host):
        name = host.strip().rstrip(".").lower()
        try:
            if not name.isascii():
                name = idna.encode(name, uts46=True).decode()  # ① becomes 1, too
            if not HOST_NAME.fullmatch(name):
                name = str(ipaddress.ip_address(name))
            Guard().check_name(name)
        except (ValueError, BlockedAddress) as error:  # idna.IDNAError is a ValueError too
            raise ValidationError(
                self.env._(
                    "%(field)s: “%(host)s” is not the name of a server. It looks like mail.example.com, "
                    "without http:// and without a port.",
                    field=self._fields[field]._description_string(self.env),
                    host=host,
                )
            ) from error
        return name

    @api.model_create_multi
    def create(self, vals_list):
        return super().create([self._normalize_settings(vals) for vals in vals_list])

    def write(self, vals):
        vals = self._normalize_settings(vals)
        for direction in ("outgoing", "incoming"):
            host = f"{direction}_host"
            if host in vals and any((record[host] or False) != (vals[host] or False) for record in self):
                vals[f"{direction}_fingerprint"] = False  # another server has another certificate
        return super().write(vals)

    # ------------------------------------------------------------
    # Ports follow the protocol and the security
    # ------------------------------------------------------------

    def _get_protocol(self, direction):
        return "smtp" if direction == "outgoing" else self.incoming_protocol or "imap"

    def _get_standard_port(self, direction):
        return STANDARD_PORTS[self._get_protocol(direction), self[f"{direction}_security"] or "tls"]

    @api.onchange("incoming_protocol", "incoming_security")
    def _onchange_incoming_security(self):
        self._swap_standard_port("incoming", ("imap", "pop3"))

    @api.onchange("outgoing_security")
    def _onchange_outgoing_security(self):
        self._swap_standard_port("outgoing", ("smtp",))

    def _swap_standard_port(self, direction, protocols):
        """Follow a change of protocol or security, but leave alone a port that the user chose."""
        standard = {port for (protocol, _security), port in STANDARD_PORTS.items() if protocol in protocols}
        field = f"{direction}_port"
        if not self[field] or self[field] in standard:
            self[field] = self._get_standard_port(direction)

    # ------------------------------------------------------------
    # Connections
    # ------------------------------------------------------------

    def _get_email_formatted(self):
        """Return the From header of what is sent: ``"Sender Name" <address>``."""
        self.ensure_one()
        return formataddr((self.sender_name or False, self.email), charset="utf-8")

    @api.model
    def _get_network(self):
        """Return the guarded network (`autoconfig.Network`) through which servers are reached.

        Internal addresses are refused unless the system parameter ``email_account.allowed_networks``
        names them: host names, addresses or networks, separated by commas. Mail servers are reached at their
        usual ports and those in ``email_account.allowed_ports``: ports or ranges, separated by commas.

        :raises UserError: see `_check_may_connect`
        """
        self._check_may_connect()
        return Network(
            guard=self._get_guard(), authorities=self.env["email.account.authority"]._get_authorities()
        )

    @api.model
    def _get_guard(self):
        """Return what decides on addresses and ports, the `autoconfig.Guard` of `_get_network`."""
        # sudo: the lists are the administrator's, every user connects under them
        parameters = self.env["ir.config_parameter"].sudo()
        allowed = parameters.get_param("email_account.allowed_networks") or ""
        ports = []
        for entry in (parameters.get_param("email_account.allowed_ports") or "").split(","):
            with contextlib.suppress(ValueError):  # written past the settings: it allows nothing
                ports += port_ranges(entry)
        return Guard(allow=[entry.strip() for entry in allowed.split(",") if entry.strip()], ports=ports)

    def _get_endpoint(self, direction):
        """Return the `mailclient.Endpoint` of ``direction`` ('incoming' or 'outgoing')."""
        self.ensure_one()
        return mailclient.Endpoint(
            protocol=self._get_protocol(direction),
            host=self[f"{direction}_host"] or "",
            port=self[f"{direction}_port"],
            security=self[f"{direction}_security"] or "tls",
        )

    def _get_login__(self, direction):
        """Return the `mailclient.Login` of ``direction``; it holds the clear-text password.

        For its name, see `_get_secret__`.
        """
        self.ensure_one()
        password = (
            direction == "outgoing"
            and self._get_secret__("outgoing_password")
            or self._get_secret__("password")
        )
        return mailclient.Login(username=self._get_username(direction), password=password)

    def _get_server_name(self, direction):
        """Return host and port of ``direction`` as one text: by it a certificate that was seen is known."""
        return f"{self[f'{direction}_host'] or ''}:{self[f'{direction}_port']}"

    def _get_username(self, direction):
        """Return the name to log in with to ``direction``: the address where nothing else is said."""
        outgoing = self.outgoing_username if direction == "outgoing" else False
        return outgoing or self.username or self.email

    def _get_directions(self):
        """Return the directions that the mailbox is for: a list of 'outgoing', 'incoming'."""
        self.ensure_one()
        return ["outgoing"] * self.use_for_sending + ["incoming"] * self.use_for_receiving

    def _get_connection_options(self, direction, total):
        return {
            "resolve": self._get_network().addresses,
            "timeouts": mailclient.Timeouts(connect=min(self.timeout, 10), reply=self.timeout, total=total),
            "safe_logon": self[f"{direction}_safe_logon"],
            "trust": mailclient.Trust(
                self.env["email.account.authority"]._get_authorities(),
                self[f"{direction}_fingerprint"] or "",
            ),
        }

    def _connecting__(self, direction, total=None, on_stage=None):
        """Log in to ``direction`` ('incoming' or 'outgoing'); a generator for `server_pool`.

        :param total: seconds after which the whole session ends; by default only each reply has its time
        :param on_stage: told of each stage that has ended, see ``mailclient``
        :return: a `mailclient.Mailbox` or a `mailclient.SmtpClient`
        :raises mailclient.MailFailure: what went wrong, typed
        :raises UserError: see `_check_may_connect` and `_get_secret__`
        """
        self._check_may_connect()
        if direction == "outgoing" and self.login_incoming_first:
            mailbox = yield from self._connecting__("incoming", total)
            yield mailbox.close
        endpoint, login = self._get_endpoint(direction), self._get_login__(direction)
        options = self._get_connection_options(direction, total)
        connect = mailclient.connect_smtp if direction == "outgoing" else mailclient.connect_mailbox

        def log_in():
            return connect(endpoint, login, on_stage=on_stage, **options)

        # a copy in memory may have another name to log in with
        account = self if self._name == "email.account" and isinstance(self.id, int) else None
        with (yield from self.env["email.account.refusal"]._watching(endpoint, login, account)):
            return (yield log_in)  # which shows no password to who gets it, as a `partial` would

    def _connect_incoming__(self, total=None):
        """Log in to the mailbox and return it (`mailclient.ImapMailbox` or `mailclient.Pop3Mailbox`).

        Parameters and errors as of `_connecting__`.
        """
        return run_here(self._connecting__("incoming", total))

    def _connect_outgoing__(self, total=None):
        """Log in to the submission server and return the session (`mailclient.SmtpClient`).

        Parameters and errors as of `_connecting__`.
        """
        return run_here(self._connecting__("outgoing", total))

    # ------------------------------------------------------------
    # Failures
    # ------------------------------------------------------------

    def _prepare_failure_values(self, failure, direction):
        """Return what a user is told about a failure: values of `email.account.check.step`.

        :param mailclient.MailFailure failure: what happened
        :param str direction: 'incoming' or 'outgoing'
        """
        explanation = describe_failure(self._get_words_env(), failure, direction)
        acceptable = explanation["cause"] in ACCEPTABLE_CAUSES and failure.certificate
        return {
            "cause": explanation["cause"],
            "message": explanation["message"],
            "advice": explanation["advice"],
            "link": explanation["link"] or self._get_provider_link(explanation["cause"]),
            "field_name": self._get_field_of(explanation["field"], direction),
            "responsible": explanation["responsible"] or False,
            "details": str(failure),
            "fingerprint": acceptable and acceptable.self_signed and acceptable.fingerprint,
        }

    def _get_provider_link(self, cause):
        """Return the page of the provider that says what its users must do first, for what it mends."""
        if cause not in PROVIDER_CAUSES:
            return False
        providers = self.env["email.provider"]
        provider = self.provider_id or providers._find_by_domain((self.email or "").rpartition("@")[2])
        return provider.link

    def _get_field_of(self, name, direction):
        """Return the field of this model for a ``field`` of ``mailclient``, False without one."""
        own = f"{direction}_{name}"
        if name in ("host", "port", "security"):
            return own
        if name in ("username", "password") and own in self._fields:
            is_own = self.outgoing_username if name == "username" else self.outgoing_password_set
            return own if is_own else name
        return name or False

    def _describe_failure(self, failure, direction):
        """Return ``(message, advice)``: a `mailclient.MailFailure` in the words of the user."""
        explanation = describe_failure(self._get_words_env(), failure, direction)
        return explanation["message"], explanation["advice"]

    def _get_words_env(self):
        """Return the environment for what is told about this mailbox: with the time zone of who reads it."""
        return self.env
