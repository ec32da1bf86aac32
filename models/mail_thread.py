from odoo import api, models

from .check_message import find_token, is_token
from .parsed_headers import remember_headers
from .received_mail import NotProcessed


# Mail that an email account receives is known by the context: ``email_account_receiving`` is the id of the
# account, ``email_account_message_id`` the Message-Id that the message gets.
class MailThread(models.AbstractModel):
    _inherit = "mail.thread"

    @api.model
    def message_parse(self, message, save_original=False):
        """Tell a mail that cannot be read from one that cannot be stored; give it a name if it has none."""
        if not self.env.context.get("email_account_receiving"):
            return super().message_parse(message, save_original)
        try:
            remember_headers(message)
            parsed = super().message_parse(message, save_original)
        except NotProcessed:
            raise
        except Exception as error:  # the email package and lxml raise all sorts of things
            raise NotProcessed("broken", f"{type(error).__name__}: {error}") from error
        return parsed | {
            "message_id": self.env.context.get("email_account_message_id") or parsed["message_id"]
        }

    @api.model
    def message_route(self, message, message_dict, model=None, thread_id=None, custom_values=None):
        """Ignore the test emails of checks; do with what has no other route what its account says.

        Replies and aliases come first, as Odoo routes them. The latter concerns only mail that an email
        account received.
        """
        if is_token(self.env, find_token(message)):
            return []
        account = self._get_receiving_account()
        try:
            routes = super().message_route(message, message_dict, model, thread_id, custom_values)
        except ValueError as error:
            if not account:
                raise
            return self._get_fallback_route(message_dict, account, str(error))
        if account and not routes and self._is_foreign_report(message_dict):
            return self._get_fallback_route(message_dict, account)
        return routes

    def _get_fallback_route(self, message_dict, account, detail=""):
        """Return the route of a mail that has no other, as its account says.

        :raises NotProcessed: it is to be kept, or there is nobody to give it to
        """
        if account.incoming_action == "keep" or message_dict.get("is_bounce"):
            raise NotProcessed("kept", detail)
        partner = self._get_contact_of_sender(message_dict, account)
        if account.incoming_action != "contact" or not partner:
            raise NotProcessed("no_route", detail)
        # an answer to nothing that is known here
        message_dict.pop("parent_id", None)
        message_dict["author_id"] = partner.id
        return [("res.partner", partner.id, {}, self.env.uid, None)]

    def _is_foreign_report(self, message_dict):
        """Whether it is a report about a message that is not known here: Odoo takes every report for one of
        its own mail that came back, read receipts too, and drops it."""
        known = message_dict.get("bounced_message") or message_dict.get("bounced_partner")
        return message_dict.get("is_bounce") and not known

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
    def _routing_create_bounce_email(self, email_from, body_html, message, **mail_values):
        """The sender of a mail that is kept is not told that it was dropped."""
        if self.env.context.get("email_account_detecting_loop"):
            return None
        return super()._routing_create_bounce_email(email_from, body_html, message, **mail_values)

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
