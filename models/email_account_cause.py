import logging
import re

from odoo import api, fields, models, tools
from odoo.exceptions import ValidationError

from .. import mailclient
from .failure_words import WORDS, explain_failure, who_is_responsible
from .mail_trial import Jobs
from .slow_texts import count_steps
from .trial_pool import POOL, TrialFailed, TrialUnavailable

_logger = logging.getLogger(__name__)

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
# a pattern is tried on texts of so many characters, more than are ever looked at: seconds of CPU for one,
# after which it is good enough, and for all
TRIED_LENGTH, TRIED_LIMIT, TRIED_ENOUGH, TRIED_SECONDS = 2000, 0.2, 1, 2
# ways to match at one place of a text (`slow_texts.count_steps`) up to which a pattern is fast
FAST_STEPS = 10_000
# seconds of CPU to find the rule that fits
FIND_SECONDS = 1


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
                if _is_slow(pattern):
                    raise ValidationError(
                        self.env._(
                            "Explanation “%(name)s”: %(pattern)s takes too long on some texts. Write it "
                            "without repeats inside of repeats, such as (a+)+, and with limits, such as "
                            ".{0,40} instead of .*.",
                            name=rule.name,
                            pattern=pattern,
                        )
                    )

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
        """Return the active rules in order: pairs of the arguments of a `mailclient.Rule` and the id."""
        # sudo: what a failure means is everybody's to know
        rules = self.sudo().search([("active", "=", True)])
        return tuple((rule._prepare_rule(), rule.id) for rule in rules)

    def _prepare_rule(self):
        """Return the record as the arguments of a `mailclient.Rule`."""
        return {
            "protocols": self.protocol and [self.protocol] or None,
            "stages": self.stage and [self.stage] or None,
            **{name: self[name] for name in PATTERNS if self[name]},
        }

    @api.model
    def _find(self, failure):
        """Return the record that explains a `mailclient.MailFailure`, an empty one if none does.

        The patterns are somebody's own: those that could take long are tried in a process that ends then.
        """
        rules = self._get_rules()
        try:
            number = _find_rule([rule for rule, _rule_id in rules], failure)
        except TrialUnavailable as error:
            _logger.warning("Explanations of failures are left out: %s", error)
            return self.browse()
        if number is None:
            return self.browse()
        # sudo: the words are for whoever the failure is told to
        return self.sudo().browse(rules[number][1]).exists()

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


def _find_rule(rules, failure):
    """Return the number of the first rule that fits a failure, None if none does."""
    if not rules:
        return None
    options = {"protocol": failure.protocol, "stage": failure.stage, "host": failure.host}
    # more of it is not looked at
    options["raw"] = failure.raw[:TRIED_LENGTH]
    if all(_is_fast(rule[name]) for rule in rules for name in PATTERNS if name in rule):
        return Jobs.find_rule(b"", rules=rules, **options)
    try:
        return POOL.run("find_rule", b"", FIND_SECONDS, rules=rules, **options)
    except TrialFailed:
        if len(rules) > 1:  # the others count all the same
            half = len(rules) // 2
            first = _find_rule(rules[:half], failure)
            if first is not None:
                return first
            second = _find_rule(rules[half:], failure)
            return None if second is None else half + second
        _logger.warning("An explanation of failures takes too long and is left out: %s", rules[0])
        return None


def _is_fast(pattern):
    return count_steps(pattern, re.IGNORECASE) <= FAST_STEPS


def _is_slow(pattern):
    """Whether a pattern may take long, so that whoever writes it is told; it does no harm, see `_find`."""
    if _is_fast(pattern):
        return False
    limits = {"length": TRIED_LENGTH, "limit": TRIED_LIMIT, "enough": TRIED_ENOUGH}
    try:
        return POOL.run("is_slow", b"", TRIED_SECONDS, pattern=pattern, **limits)
    except TrialFailed:
        return True
    except TrialUnavailable:
        return False


class _Renamed:
    """A failure with the cause that a record gives it."""

    def __init__(self, failure, name):
        self.cause, self.raw = name, failure.raw
        self.certificate = getattr(failure, "certificate", None)
        self.hold = getattr(failure, "hold", None)
        known = mailclient.CAUSES.get(name)
        self.link, self.field = (known.link, known.field) if known else ("", "")
        self.responsible = known.responsible if known else failure.responsible
