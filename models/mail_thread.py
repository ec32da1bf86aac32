from odoo import api, models

from ..mailclient.outside import safe_header, storable
from .check_message import find_token, is_token
from .mail_report import read_report
from .parsed_headers import remember_headers
from .received_mail import NotProcessed


# Mail that an email account receives is known by the context: ``email_account_receiving`` is the id of the
# account, ``email_account_message_id`` the Message-Id that the message gets, ``email_account_outcome`` what
# becomes of it (`MailOutcome`).
class MailThread(models.AbstractModel):
    _inherit = "mail.thread"

    @api.model
    def message_parse(self, message, save_original=False):
        """Tell a mail that cannot be read from one that cannot be stored; give it a name if it has none."""
        # a mail whose account was removed is assigned by hand
        if not (self.env.context.get("email_account_receiving") or self._get_forced_route()):
            return super().message_parse(message, save_original)
        try:
            remember_headers(message)
            parsed = super().message_parse(message, save_original)
        except NotProcessed:
            raise
        except Exception as error:  # the email package and lxml raise all sorts of things
            raise NotProcessed("broken", f"{type(error).__name__}: {error}") from error
        message_id = self.env.context.get("email_account_message_id") or parsed["message_id"]
        return _make_storable(parsed) | {"message_id": message_id}

    @api.model
    def message_route(self, message, message_dict, model=None, thread_id=None, custom_values=None):
        """Ignore the test emails of checks; do with what has no other route what its account says.

        Replies and aliases come first, as Odoo routes them. The latter concerns only mail that an email
        account received: none of it is gone afterwards. It is a message, it is kept, or what it reports is to
        be seen on what it is about.
        """
        outcome = self.env.context.get("email_account_outcome")
        if is_token(self.env, find_token(message)):
            if outcome is not None:
                outcome.is_done = True
            return []
        account = self._get_receiving_account()
        if not account:
            return super().message_route(message, message_dict, model, thread_id, custom_values)
        report = read_report(message)
        if report is not None:
            return self._route_report(message, message_dict, report, account)
        if self._is_misdirected(message, message_dict, account):
            return self._keep_mail("report")
        threads, detail = self.with_context(email_account_routing=True), ""
        try:
            # what it has begun when it raises is undone: it may be another error than "no route"
            with self.env.cr.savepoint():
                routes = super(MailThread, threads).message_route(
                    message, message_dict, model, thread_id, custom_values
                )
        except ValueError as error:
            routes, detail = None, str(error)
        is_refused = bool(outcome is not None and outcome.refusals)
        if routes or (is_refused and not self._is_taken_by_account(message, account)):
            self._send_refusals()
            return routes or self._keep_mail("refused", detail)
        if routes is None or is_refused:
            return self._get_fallback_routes(message, message_dict, account, detail)
        return self._keep_mail("dropped")

    def _route_report(self, message, message_dict, report, account):
        """Note what is reported; keep what is not to be seen there."""
        outcome = self.env.context.get("email_account_outcome")
        if outcome is not None and self._was_noted(outcome):
            return self._keep_mail("report")
        if not self._note_report(message, message_dict, report, account):
            return self._keep_mail("report")
        if outcome is not None:
            outcome.is_done = True
        return []

    def _is_taken_by_account(self, message, account):
        """Whether a mail that an alias refuses is to the account all the same."""
        address = account.email_normalized
        # sudo: the mail gateway routes for everybody
        aliases = self.env["mail.alias"].sudo()
        local = [("alias_name", "=", address.partition("@")[0]), ("alias_incoming_local", "=", True)]
        is_alias = aliases.search_count(["|", ("alias_full_name", "=", address), "&", *local], limit=1)
        return not is_alias and self._is_addressed_to(message, account)

    def _keep_mail(self, reason, detail=""):
        """Keep the mail, and with it what the gateway has noted of it.

        :return: no route
        :raises NotProcessed: nobody asks what became of the mail
        """
        failure, outcome = NotProcessed(reason, detail), self.env.context.get("email_account_outcome")
        if outcome is None:
            raise failure
        outcome.kept = failure
        return []

    def _get_fallback_routes(self, message, message_dict, account, detail=""):
        """Return the route of a mail that has no other, as its account says; none if the mail is kept."""
        if account.incoming_action == "keep":
            return self._keep_mail("kept", detail)
        # an answer to nothing that is known here
        message_dict.pop("parent_id", None)
        if account.incoming_action == "create":
            # sudo: the mail gateway routes for everybody
            route = (account.incoming_model_id.sudo().model, None, None, self.env.uid, None)
            route = self._routing_check_route(message, message_dict, route, raise_exception=False)
            return [route] if route else self._keep_mail("no_route", detail)
        partner = self._get_contact_of_sender(message_dict, account)
        if not partner:
            return self._keep_mail("no_route", detail)
        message_dict["author_id"] = partner.id
        return [("res.partner", partner.id, {}, self.env.uid, None)]

    @api.model
    def _detect_loop_headers(self, msg_dict):
        """Keep answers to Odoo's own refusals instead of dropping them."""
        found = super()._detect_loop_headers(msg_dict)
        if found and self._get_receiving_account():
            raise NotProcessed("loop")
        return found

    @api.model
    def _detect_loop_sender(self, message, message_dict, routes):
        """Keep what is too much from one sender instead of dropping it; what is only posted on the contact of
        its sender is answered by nobody, so it makes no loop."""
        if not self._get_receiving_account():
            return super()._detect_loop_sender(message, message_dict, routes)
        author = message_dict.get("author_id")
        routes = [
            route
            for route in routes or []
            if route[:2] != ("res.partner", author) or message_dict.get("parent_id") or route[4]
        ]
        quiet = self.with_context(email_account_detecting_loop=True)
        if super(MailThread, quiet)._detect_loop_sender(message, message_dict, routes):
            raise NotProcessed("loop")
        return False

    @api.model
    def _get_receiving_account(self):
        """Return the email account whose mail is being processed (an empty record for all other mail)."""
        # sudo: the mail gateway routes for everybody
        accounts = self.env["email.account"].sudo()
        return accounts.browse(self.env.context.get("email_account_receiving") or [])

    def _get_contact_of_sender(self, message_dict, account):
        """Return the contact who sent the mail, made if there is none; empty if the sender is unknown."""
        if not message_dict.get("email_from"):
            return self.env["res.partner"]
        # nobody follows the contact just because the gateway happened to run as him
        context = {"mail_create_nosubscribe": True, "mail_create_nolog": True}
        # sudo: a contact is made of the sender's own words, whoever the gateway runs as
        partners = self.env["res.partner"].sudo().with_company(account.company_id).with_context(**context)
        return partners.find_or_create(message_dict["email_from"])


def _make_storable(parsed):
    """Return what a mail says (`message_parse`) without what no database takes."""
    clean = {
        name: type(value)(storable(value)) for name, value in parsed.items() if isinstance(value, str)
    }
    attachments = [each._replace(fname=safe_header(each.fname or "")) for each in parsed["attachments"]]
    return parsed | clean | {"attachments": attachments}
