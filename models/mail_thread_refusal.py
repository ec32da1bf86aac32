from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import email_normalize
from odoo.tools.mail import decode_message_header, generate_tracking_message_id

from .mail_report import is_automatic

# of one sender in a day: more, and a program answers the refusals
MAX_REFUSALS = 3
# whose owner reads no answers
_NOBODY = {"noreply", "no-reply", "no_reply", "donotreply", "do-not-reply", "do_not_reply", "postmaster"}


# The gateway writes to senders whose mail it refuses. For mail that an account receives this happens at the
# end of the routing, once it is known that the mail is refused, and never so that two programs answer each
# other.
class MailThread(models.AbstractModel):
    _inherit = "mail.thread"

    @api.model
    def _detect_write_to_catchall(self, msg_dict):
        """Mail to the catchall that has come into a mailbox is mail to this mailbox."""
        return not self._get_receiving_account() and super()._detect_write_to_catchall(msg_dict)

    @api.model
    def _routing_create_bounce_email(self, email_from, body_html, message, **mail_values):
        """Put aside what the sender is to be told while it is not known yet what becomes of his mail."""
        if not self._get_receiving_account() or self.env.context.get("email_account_sends_later"):
            return super()._routing_create_bounce_email(email_from, body_html, message, **mail_values)
        if self.env.context.get("email_account_detecting_loop"):  # it is kept, not dropped
            return None
        outcome = self.env.context.get("email_account_outcome")
        if outcome is not None:
            outcome.refusals.append((email_from, body_html, message, mail_values))
        return None

    @api.model
    def _send_refusals(self):
        """Tell the sender what the gateway has to tell him, unless a program may be listening."""
        outcome = self.env.context.get("email_account_outcome")
        if outcome is None or not outcome.refusals:
            return
        refusals, outcome.refusals = outcome.refusals, []
        for email_from, body_html, message, mail_values in refusals:
            if outcome.is_told or not self._may_refuse(email_from, message, outcome):
                continue
            outcome.is_told = True
            references = mail_values.get("references") or ""
            if "-loop-detection-bounce-email@" not in references:
                # answers to it are known by it, as to Odoo's other refusals
                tag = generate_tracking_message_id("loop-detection-bounce-email")
                references = f"{references} {tag}".strip()
            values = mail_values | {
                "references": references,
                "headers": repr({"Auto-Submitted": "auto-replied"}),  # RFC 3834 5
            }
            threads = self.with_context(email_account_sends_later=True)
            threads._routing_create_bounce_email(email_from, body_html, message, **values)

    @api.model
    def _may_refuse(self, email_from, message, outcome):
        """Whether the sender of a mail is told that it is refused: RFC 3834 2 says who is not.

        :param str email_from: the sender
        :param email.message.EmailMessage message: the mail
        :param MailOutcome outcome: of the mail
        """
        sender = email_normalize(email_from)
        returns_to = email_normalize(decode_message_header(message, "Return-Path")) or sender
        if not sender or is_automatic(message):
            return False
        for address in (sender, returns_to):
            if address.partition("@")[0] in _NOBODY or self._is_own_address(address):
                return False
        if not message.get("To") and not self.env.company.bounce_email:
            return False  # Odoo would answer from the address in To
        if self._was_noted(outcome):
            return False
        # sudo: how often this sender was refused is the same whoever the gateway runs as
        mails = self.env["email.account.unprocessed"].sudo()
        recent = mails.search_fetch(
            [
                ("reason", "=", "refused"),
                ("create_date", ">=", fields.Datetime.now() - timedelta(days=1)),
                ("email_from", "ilike", sender),
            ],
            ["message_id"],
            limit=MAX_REFUSALS,
        )
        is_known = outcome.mail.message_id and outcome.mail.message_id in recent.mapped("message_id")
        return len(recent) < MAX_REFUSALS and not is_known

    @api.model
    def _is_own_address(self, address):
        """Whether mail to a normalised address comes back here."""
        # sudo: which addresses are ours is the same whoever the gateway runs as
        domains = self.env["mail.alias.domain"].sudo()
        accounts = self.env["email.account"].sudo()
        own = domains.with_context(email_account_aliases=None)._find_aliases([address])
        return bool(own or accounts.search_count([("email_normalized", "=", address)], limit=1))

    @api.model
    def _was_noted(self, outcome):
        """Whether what there is to note about a mail, or to tell its sender, was done when it was processed
        before: by another mailbox, or before somebody tried it again."""
        # sudo: nobody reads receipts
        receipts = self.env["email.account.receipt"].sudo()
        return outcome.was_noted or receipts._find_alike(outcome.mail)._is_noted(outcome.mail)
