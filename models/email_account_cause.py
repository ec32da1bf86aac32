import re

from odoo import api, fields, models, tools
from odoo.exceptions import ValidationError

from .. import mailclient
from .failure_words import WORDS, explain_failure, who_is_responsible

PROTOCOLS = [("imap", "IMAP"), ("pop3", "POP"), ("smtp", "SMTP")]
STAGES = [
    ("resolve", "Looking up the server"),
    ("connect", "Connecting"),
    ("tls", "Encrypting"),
    ("login", "Logging in"),
    ("sender", "Sender"),
    ("recipient", "Recipient"),
    ("data", "Message"),
    ("select", "Opening the folder"),
    ("fetch", "Fetching"),
]
FIELDS = [
    ("host", "Server"),
    ("port", "Port"),
    ("security", "Secure connection"),
    ("username", "User name"),
    ("password", "Password"),
    ("email", "Email address"),
]
RESPONSIBLE = [
    ("user", "The user"),
    ("administrator", "The administrator of this system"),
    ("provider", "The provider or the administrator of the mailbox"),
]
PATTERNS = ("code", "status", "response", "host", "text")
MAX_PATTERN = 500


class EmailAccountCause(models.Model):
    """What a failure of a mail server means, beside what the addon knows (``mailclient/causes.json``).

    The first active record that fits explains a failure; without one the addon's own table does.
    """

    _name = "email.account.cause"
    _description = "Explanation of a Mail Server's Failure"
    _inherit = "email.account.cached"
    _order = "sequence, id"

    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    name = fields.Char(
        "Cause",
        required=True,
        help="A cause that the addon knows, such as wrong_password, or one of your own.",
    )
    protocol = fields.Selection(PROTOCOLS, help="Empty: all.")
    stage = fields.Selection(STAGES, help="Empty: all.")
    code = fields.Char(
        "SMTP Reply Code", help="Regular expression for the whole SMTP reply code, such as 5\\d\\d."
    )
    status = fields.Char(
        "Enhanced Status Code",
        help="Regular expression for the whole code, such as 5\\.7\\.\\d+ (RFC 3463).",
    )
    response = fields.Char(
        "IMAP or POP Response Code",
        help="Regular expression for the whole code that an IMAP or POP server gives in brackets, "
        "such as LIMIT (RFC 5530).",
    )
    host = fields.Char("Server", help="Regular expression to find in the name of the server.")
    text = fields.Char(help="Regular expression to find in what the server said, in capitals or not.")
    message = fields.Text(
        translate=True, help="What happened. Empty: the words that the addon has for the cause."
    )
    advice = fields.Text(
        translate=True, help="What to do. Empty: the words that the addon has for the cause."
    )
    link = fields.Char("Help Page")
    field = fields.Selection(FIELDS, "Field to Mark")
    responsible = fields.Selection(
        RESPONSIBLE, help="Who can fix it. Empty: as the addon knows of the cause."
    )

    @api.constrains("name", *PATTERNS)
    def _check_patterns(self):
        for rule in self:
            patterns = {name: rule[name] for name in PATTERNS if rule[name]}
            if not patterns:
                raise ValidationError(self.env._("Explanation “%s”: enter at least one pattern.", rule.name))
            for pattern in patterns.values():
                if len(pattern) > MAX_PATTERN:
                    raise ValidationError(
                        self.env._(
                            "Explanation “%(name)s”: a pattern has at most %(limit)s characters.",
                            name=rule.name,
                            limit=MAX_PATTERN,
                        )
                    )
                try:
                    mailclient.Rule(text=pattern)
                except (re.error, RecursionError, OverflowError) as exc:
                    raise ValidationError(
                        self.env._(
                            "Explanation “%(name)s”: %(pattern)s is not a valid regular expression "
                            "(%(reason)s).",
                            name=rule.name,
                            pattern=pattern,
                            reason=exc,
                        )
                    ) from exc

    @api.constrains("name", "message")
    def _check_message(self):
        for rule in self:
            if rule.name not in WORDS and not rule.message:
                raise ValidationError(
                    self.env._(
                        "The addon has no words for the cause “%s”: say in a message what happened.",
                        rule.name,
                    )
                )

    @api.model
    @tools.ormcache()
    def _get_rules(self):
        """Return the active rules, compiled and in order: pairs of `mailclient.Rule` and id."""
        # sudo: what a failure means is everybody's to know
        rules = self.sudo().search([("active", "=", True)])
        return tuple((rule._compile(), rule.id) for rule in rules)

    def _compile(self):
        """Return the record as a `mailclient.Rule`."""
        return mailclient.Rule(
            protocols=self.protocol and (self.protocol,) or None,
            stages=self.stage and (self.stage,) or None,
            **{name: self[name] for name in PATTERNS if self[name]},
        )

    @api.model
    def _find(self, failure):
        """Return the record that explains a `mailclient.MailFailure`, an empty one if none does."""
        rules = self._get_rules()
        if not rules:
            return self.browse()
        reply = mailclient.parse(failure.protocol, failure.raw)
        for rule, rule_id in rules:
            if rule.fits(failure.protocol, failure.stage, reply, failure.host):
                # sudo: the words are for whoever the failure is told to
                return self.sudo().browse(rule_id).exists()
        return self.browse()

    @api.model
    def _explain(self, failure):
        """Say what a failure means, in the language of the user.

        :param mailclient.MailFailure failure: what happened
        :return: dict of ``cause``, ``message``, ``advice``, ``link``, ``field`` and ``responsible``; texts,
            ``""`` where nothing is known
        """
        rule = self._find(failure)
        if rule and rule.name != failure.cause:
            failure = _Renamed(failure, rule.name)
        is_new = rule and rule.name not in WORDS
        message, advice = ("", "") if is_new else explain_failure(self.env, failure)
        return {
            "cause": failure.cause,
            "message": rule.message or message,
            "advice": rule.advice or advice,
            "link": rule.link or failure.link,
            "field": rule.field or failure.field,
            "responsible": rule.responsible or who_is_responsible(failure),
        }


class _Renamed:
    """A failure with the cause that a record gives it."""

    def __init__(self, failure, name):
        self.cause, self.raw = name, failure.raw
        self.certificate = getattr(failure, "certificate", None)
        self.hold = getattr(failure, "hold", None)
        known = mailclient.CAUSES.get(name)
        self.link, self.field = (known.link, known.field) if known else ("", "")
        self.responsible = known.responsible if known else failure.responsible
