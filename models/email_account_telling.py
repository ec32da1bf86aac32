from functools import partial

from odoo import fields, models
from odoo.exceptions import UserError

from .. import mailclient

# who changes one of these wants the server to be told again
TELLING_FIELDS = {"after_receiving", "move_folder_id", "delete_after_days", "incoming_protocol", "password"}


class EmailAccountReceived(models.AbstractModel):
    """What the server is told of a mail that was received: telling is not receiving, and fails by itself.

    To add something that happens on the server, add a value to ``after_receiving`` and a method
    ``_tell_<value>``.
    """

    _inherit = "email.account.received"

    telling_error = fields.Text("Server Update Error", compute="_compute_telling", compute_sudo=True)
    telling_details = fields.Text(
        "Server Update Details",
        compute="_compute_telling",
        compute_sudo=True,
        groups="email_account.group_email_account_manage",
        help="What the server said, word for word.",
    )

    def _compute_telling(self):
        pollings = self.env["email.account.polling"].search([("account_id", "in", self.ids)])
        by_account = {polling.account_id.id: polling for polling in pollings}
        for account in self:
            polling = by_account.get(account.id, pollings.browse())
            receives = account.use_for_receiving and account.active
            account.telling_error = receives and polling.telling_error
            account.telling_details = receives and polling.telling_details

    def write(self, vals):
        result = super().write(vals)
        if not TELLING_FIELDS.isdisjoint(vals):
            # sudo: it follows the account
            self.sudo().polling_ids._set_telling_works()
        return result

    # ------------------------------------------------------------
    # What is told
    # ------------------------------------------------------------

    def _prepare_telling(self, mailbox, uids):
        """Return a function without arguments that tells the server of received messages, for a thread: it
        touches no record. None if there is nothing to tell.

        :param mailclient.Mailbox mailbox: their folder is open in it
        :param uids: list of text
        :raises UserError: nobody knows what to tell, in words
        """
        tell = getattr(self, f"_tell_{self.after_receiving}", None)
        if not tell:
            raise UserError(
                self.env._(
                    "“After receiving” is set to “%s”, which no installed app recognizes. Choose something "
                    "else.",
                    self.after_receiving,
                )
            )
        return tell(mailbox, uids)

    def _tell_leave(self, _mailbox, _uids):
        return None

    def _tell_seen(self, mailbox, uids):
        return partial(mailbox.mark_seen, uids)

    def _tell_move(self, mailbox, uids):
        if not self.move_folder_id:
            raise UserError(self.env._("The folder to move it to is not set. Choose one under “Move it to”."))
        return partial(mailbox.move, uids, self.move_folder_id._get_mailbox())

    def _tell_delete(self, mailbox, uids):
        return partial(mailbox.remove, uids)

    # ------------------------------------------------------------
    # What people are told
    # ------------------------------------------------------------

    def _describe_telling_failure(self, failure):
        """Return ``(message, details)``: that mail comes all the same, what failed, why, and what to do.

        :param failure: a `mailclient.MailFailure`, or another exception
        """
        account, details = self.with_context(lang=self._get_report_lang()), False
        words = {
            "seen": account.env._("Mail is received, but it could not be marked as read on the server."),
            "move": account.env._("Mail is received, but it could not be moved on the server."),
            "delete": account.env._("Mail is received, but it could not be deleted on the server."),
        }
        other = account.env._("Mail is received, but the server could not be told what to do with it.")
        lines = [words.get(self.after_receiving, other)]
        if isinstance(failure, mailclient.MailFailure):
            lines += account._describe_failure(failure, "incoming")
            details = str(failure)
        elif isinstance(failure, UserError):
            lines.append(str(failure))
        else:
            lines.append(account.env._("Something went wrong in this system. See its log for details."))
        return " ".join(filter(None, lines)), details
