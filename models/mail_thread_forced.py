from odoo import api, models


# A mail for which somebody has chosen where it goes: ``email_account_route`` in the context is the model, the
# id of the record (0: a new one) and the id of the user who has chosen.
class MailThread(models.AbstractModel):
    _inherit = "mail.thread"

    @api.model
    def _get_forced_route(self):
        """Return ``(model, id, user id)``, None for all other mail."""
        # a context comes from the web client too; what is done as superuser does not
        return self.env.context.get("email_account_route") if self.env.su else None

    @api.model
    def message_route(self, message, message_dict, model=None, thread_id=None, custom_values=None):
        """Whatever the mail is an answer to: it goes where somebody wants it."""
        route = self._get_forced_route()
        if not route:
            return super().message_route(message, message_dict, model, thread_id, custom_values)
        chosen_model, chosen_id, user_id = route
        # of the message that it is an answer to, which may be on another record
        for name in ("parent_id", "is_internal"):
            message_dict.pop(name, None)
        if chosen_id and message_dict.get("email_from"):
            # nobody follows the contact just because he has assigned a mail
            record = self.env[chosen_model].with_context(mail_create_nosubscribe=True).browse(chosen_id)
            author = record._partner_find_from_emails_single([message_dict["email_from"]])
            message_dict["author_id"] = author[:1].id
        return [(chosen_model, chosen_id or None, custom_values, user_id, None)]

    @api.model
    def _detect_loop_headers(self, msg_dict):
        """Nothing that somebody has chosen by hand makes a loop."""
        return not self._get_forced_route() and super()._detect_loop_headers(msg_dict)

    @api.model
    def _detect_loop_sender(self, message, message_dict, routes):
        return not self._get_forced_route() and super()._detect_loop_sender(message, message_dict, routes)
