from odoo import fields, models
from odoo.exceptions import UserError

from ..mailclient import MailFailure


class FetchmailServer(models.Model):
    """Incoming servers that an email account owns connect through it; all others are left alone."""

    _name = "fetchmail.server"
    _inherit = ["fetchmail.server", "email.account.owned"]

    _owned_fields = frozenset(
        {
            "email_account_id",
            "is_ssl",
            "name",
            "object_id",
            "password",
            "port",
            "server",
            "server_type",
            "user",
        }
    )

    def write(self, vals):
        result = super().write(vals)
        if "error_message" in vals:
            # Odoo's run notes here whether it could fetch: the account follows
            for server in self.filtered("email_account_id"):
                server.email_account_id._set_state(vals["error_message"])
        return result

    def _connect__(self, allow_archived=False):
        """Connect through the account if it owns the server: certificate verified, STARTTLS possible."""
        account = self.email_account_id
        if not account:
            return super()._connect__(allow_archived=allow_archived)
        if not allow_archived and not self.active:
            raise UserError(
                self.env._("The server “%s” cannot be used because it is archived.", self.display_name)
            )
        try:
            mailbox = account._connect_incoming()
            if account.incoming_protocol == "pop3" and account.pop3_keep:
                self._keep_copies(mailbox)
            return mailbox
        except MailFailure as failure:
            raise UserError("\n".join(account._describe_failure(failure, "incoming"))) from failure

    def _keep_copies(self, mailbox):
        """Let the account remember what was fetched by POP, until the copy on the server goes.

        It is noted when the session ends, in the transaction that holds the lock on this server.
        """
        account = self.email_account_id
        try:
            mailbox.keep_copies(account.pop3_uids or {}, account.pop3_keep_days, fields.Date.today())
        except MailFailure:
            mailbox.disconnect()
            raise
        disconnect = mailbox.disconnect

        def note_and_disconnect():
            account.pop3_uids = mailbox.kept
            disconnect()

        mailbox.disconnect = note_and_disconnect
