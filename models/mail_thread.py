from odoo import api, models

from .check_message import find_token, is_token


class MailThread(models.AbstractModel):
    _inherit = "mail.thread"

    @api.model
    def message_route(self, message, message_dict, model=None, thread_id=None, custom_values=None):
        """Ignore the test emails of checks; post what has no other route on the contact of its sender.

        Replies and aliases come first, as Odoo routes them. The latter concerns only mail that an email
        account received.
        """
        if is_token(self.env, find_token(message)):
            return []
        account = self._get_receiving_account()
        if not account:
            return super().message_route(message, message_dict, model, thread_id, custom_values)
        try:
            return super().message_route(message, message_dict, model, thread_id, custom_values)
        except ValueError:
            partner = self._get_contact_of_sender(message_dict, account)
            if model or not partner:
                raise
            # an answer to nothing that is known here
            message_dict.pop("parent_id", None)
            message_dict["author_id"] = partner.id
            return [("res.partner", partner.id, custom_values, self.env.uid, None)]

    def _get_receiving_account(self):
        """Return the email account whose mail is being processed (an empty record for all other mail)."""
        server_id = self.env.context.get("default_fetchmail_server_id")
        # sudo: the mail gateway routes for everybody
        return self.env["fetchmail.server"].sudo().browse(server_id or []).email_account_id

    def _get_contact_of_sender(self, message_dict, account):
        """Return the contact who sent the mail, made if there is none; empty if the sender is unknown."""
        if not message_dict.get("email_from"):
            return self.env["res.partner"]
        # nobody follows the contact just because the gateway happened to run as him
        context = {"mail_create_nosubscribe": True, "mail_create_nolog": True}
        # sudo: a contact is made of the sender's own words, whoever the gateway runs as
        partners = self.env["res.partner"].sudo().with_company(account.company_id).with_context(**context)
        return partners.find_or_create(message_dict["email_from"])
