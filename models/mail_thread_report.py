from markupsafe import Markup, escape

from odoo import api, models
from odoo.tools import email_normalize, email_split
from odoo.tools.mail import unfold_references

from .mail_report import FAILED, MAX_IDS, is_answer_of_program, read_report
from .report_words import describe_action, describe_reason


# Reports about mail that was sent (it came back, is late, was delivered, was read), as an account receives
# them. Odoo takes each for a mail that came back, and drops it.
class MailThread(models.AbstractModel):
    _inherit = "mail.thread"

    @api.model
    def _message_parse_extract_bounce(self, email_message, message_dict):
        """Say what a report says, of the first recipient whose mail came back; see `_note_report` for all."""
        if not self._get_receiving_account():
            return super()._message_parse_extract_bounce(email_message, message_dict)
        report = read_report(email_message)
        failed = report and next((each for each in report.recipients if each.action == FAILED), None)
        if not failed:
            return {"is_bounce": False}
        return {"is_bounce": True, **self._prepare_bounce_values(failed, report, message_dict)}

    @api.model
    def _is_misdirected(self, message, message_dict, account):
        """Whether a mail that is no report has come to the address for mail that comes back: as an answer of
        a program, or past the account. What people write to such an address that is the account's own is mail
        to the account.
        """
        # sudo: the mail gateway routes for everybody
        domains = self.env["mail.alias.domain"].sudo().search([("bounce_alias", "!=", False)])
        known = domains.mapped("bounce_email")
        bounce_addresses = {email_normalize(address) or address for address in known if address}
        found = {_without_detail(address) for address in email_split(message_dict["to"])}
        if not bounce_addresses & found:
            return False
        return is_answer_of_program(message) or not self._is_addressed_to(message, account)

    @api.model
    def _is_addressed_to(self, message, account):
        """Whether the sender has written to the account: not only somebody whose mail it gets."""
        lines = ",".join(str(line) for name in ("To", "Cc") for line in message.get_all(name, []))
        return account.email_normalized in {email_normalize(address) for address in email_split(lines)}

    @api.model
    def _note_report(self, message, message_dict, report, account):
        """Note what a report says on the mail that it is about.

        :param email.message.EmailMessage message: the report
        :param mail_report.Report report: what it says
        :return: whether all of it is to be seen there
        """
        outcome = self.env.context.get("email_account_outcome")
        if not report.recipients or report.is_cut:
            return False
        env = self.with_context(lang=account._get_report_lang()).env
        known, message_ids = self._find_reported_message(report, message_dict)
        is_shown, lines = report.is_clear(), []
        for recipient in report.recipients:
            if recipient.action == FAILED:
                values = self._prepare_bounce_values(recipient, report, message_dict)
                reason = describe_reason(env, recipient)
                # what Odoo and other addons show as the reason
                values["body"] = Markup("<br/>").join(escape(line) for line in reason.splitlines())
                self._routing_handle_bounce(message, message_dict | values)
                if outcome is not None:
                    outcome.is_noted = True
                if self._is_bounce_shown(known, values, message_ids):
                    continue
            if recipient.action:
                lines.append(describe_action(env, recipient))
        if lines and not self._log_report(known, lines):
            return False
        if lines and outcome is not None:
            outcome.is_noted = True
        return is_shown

    @api.model
    def _log_report(self, known, lines):
        """Write lines (a list of texts for each recipient) into the chatter of what a message is about.

        :return: whether there is one
        """
        if not known.model or not known.res_id or known.model not in self.env:
            return False
        # sudo: the mail gateway notes it, whoever it runs as
        record = self.env[known.model].sudo().browse(known.res_id).exists()
        if not record or not hasattr(record, "_message_log"):
            return False
        paragraphs = (Markup("<br/>").join(escape(line) for line in texts) for texts in lines)
        body = Markup("").join(Markup("<p>%s</p>") % paragraph for paragraph in paragraphs)
        record._message_log(body=body)
        return True

    @api.model
    def _is_bounce_shown(self, known, values, message_ids):
        """Whether Odoo, or mass mailing, shows that a mail came back."""
        notifications = known.notification_ids.filtered(
            lambda notification: (
                notification.notification_status == "bounce"
                and (
                    notification.res_partner_id in values["bounced_partner"]
                    or (
                        values["bounced_email"] and notification.mail_email_address == values["bounced_email"]
                    )
                )
            )
        )
        if notifications:
            return True
        if "mailing.trace" not in self.env:
            return False
        # sudo: of mass mailing, whose rights the gateway's user does not need to have
        traces = self.env["mailing.trace"].sudo()
        domain = [("message_id", "in", message_ids), ("trace_status", "=", "bounce")]
        return bool(traces.search_count(domain, limit=1))

    @api.model
    def _find_reported_message(self, report, message_dict):
        """Return the message that a report is about (an empty one if it is not known), and the Message-Ids
        by which it is known."""
        # sudo: a report finds what it is about whoever the gateway runs as
        messages, message_ids = self.env["mail.message"].sudo(), list(report.message_ids)
        if message_ids:
            found = messages.search([("message_id", "in", message_ids)], order="id desc", limit=1)
            if found:
                return found, message_ids
        for name in ("in_reply_to", "references"):
            message_ids += [
                reference.strip() for reference in unfold_references(message_dict[name])[-MAX_IDS:]
            ]
        found = messages.browse(message_dict.get("parent_id") or [])
        return found, message_ids

    @api.model
    def _prepare_bounce_values(self, recipient, report, message_dict):
        """Return what Odoo's gateway wants to know of a mail to a recipient that came back."""
        known, message_ids = self._find_reported_message(report, message_dict)
        notifications = known.notification_ids.filtered(lambda each: each.notification_type == "email")
        reached = {*notifications.res_partner_id.mapped("email_normalized")}
        reached |= {*notifications.mapped("mail_email_address")} - {False}
        # sudo: the mail gateway looks for everybody
        partners = self.env["res.partner"].sudo()
        email = next((address for address in recipient.addresses if address in reached), False)
        if not email and len(notifications) == 1 and len(report.recipients) == 1:
            # passed on to an address that is not known here
            email = notifications.res_partner_id.email_normalized or notifications.mail_email_address
            if not email:
                partners = notifications.res_partner_id
        found = partners.search([("email_normalized", "in", recipient.addresses)]) if not email else partners
        if not email and recipient.addresses:
            contacts = found.mapped("email_normalized")
            first = recipient.addresses[0]
            email = next((address for address in recipient.addresses if address in contacts), first)
        if email:
            partners = partners.search([("email_normalized", "=", email)])
        return {
            "bounced_email": email,
            "bounced_partner": partners,
            "bounced_message": known,
            "bounced_msg_ids": message_ids,
        }


def _without_detail(address):
    """An address in lower case, without what VERP adds to it: ``bounce+17@…``."""
    local, _at, domain = (email_normalize(address) or address.lower()).rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"
