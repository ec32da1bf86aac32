from odoo import models
from odoo.exceptions import UserError

from ..mailclient import MailFailure


class FetchmailServer(models.Model):
    """Incoming servers that an email account owns work through it; all others are left alone."""

    _name = "fetchmail.server"
    _inherit = ["fetchmail.server", "email.account.owned"]

    _owned_fields = frozenset(
        {
            "active",
            "email_account_id",
            "is_ssl",
            "name",
            "object_id",
            "password",
            "port",
            "server",
            "server_type",
            "state",
            "user",
        }
    )

    def button_confirm_login(self):
        self._check_not_owned()
        return super().button_confirm_login()

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
            return account._connect_incoming__()
        except MailFailure as failure:
            raise UserError("\n".join(account._describe_failure(failure, "incoming"))) from failure

    def _fetch_mail(self, batch_limit=50):
        """Let the account receive if it owns the server; Odoo's scheduled run leaves that to the accounts'
        own (`email.account._cron_receive`)."""
        owned = self.filtered("email_account_id")
        by_hand = owned and not self.env.context.get("cron_id")
        if by_hand:
            owned.email_account_id._check_may_connect()
            self.env["email.account.attempt"]._note()
        error = super(FetchmailServer, self - owned)._fetch_mail(batch_limit=batch_limit)
        if by_hand:
            accounts = owned.email_account_id
            accounts._receive()
            failed = accounts.filtered(lambda account: account.state == "failing")
            error = error or (UserError(failed[0].last_error) if failed else None)
        return error
