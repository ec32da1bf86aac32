from odoo import models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import encapsulate_email

from ..mailclient import MailFailure


class IrMailServer(models.Model):
    """Outgoing servers that an email account owns connect through it; all others are left alone."""

    _name = "ir.mail_server"
    _inherit = ["ir.mail_server", "email.account.owned"]

    _owned_fields = frozenset(
        {
            "active",
            "email_account_id",
            "from_filter",
            "name",
            "owner_user_id",
            "smtp_authentication",
            "smtp_encryption",
            "smtp_host",
            "smtp_pass",
            "smtp_port",
            "smtp_user",
        }
    )

    # ------------------------------------------------------------
    # Choice of the server
    # ------------------------------------------------------------

    def _find_mail_server_allowed_domain(self):
        """Leave out the servers of personal accounts and of those that are not ready."""
        return super()._find_mail_server_allowed_domain() & (
            Domain("email_account_id", "=", False)
            | Domain("email_account_id.user_id", "=", False) & Domain("email_account_id.state", "!=", "draft")
        )

    def _find_mail_server(self, email_from, mail_servers=None):
        """Never choose the server of an account that is not ready."""
        if mail_servers is not None:
            mail_servers = mail_servers.filtered(lambda server: server.email_account_id.state != "draft")
        return super()._find_mail_server(email_from, mail_servers)

    def _filter_mail_servers_fallback(self, servers):
        """Let the account for notifications take what no server is made for.

        Without one, shared accounts come after the servers that no account owns.
        """
        servers = super()._filter_mail_servers_fallback(servers)
        owned = servers.filtered("email_account_id").filtered(
            lambda server: not server.email_account_id.user_id
        )
        notifying = owned.filtered(
            lambda server: (
                server.email_account_id.use_for_notifications
                and server.email_account_id.company_id == self.env.company
            )
        )
        return notifying or servers.filtered(lambda server: not server.email_account_id) + owned

    def _check_forced_mail_server(self, mail_server, allow_archived, smtp_from):
        result = super()._check_forced_mail_server(mail_server, allow_archived, smtp_from)
        account = mail_server.email_account_id
        if account.state == "draft" and not allow_archived:
            raise UserError(
                self.env._(
                    "The email account “%s” was not checked yet: press “Check the account” there first.",
                    account.name,
                )
            )
        return result

    # ------------------------------------------------------------
    # Connection
    # ------------------------------------------------------------

    def _connect__(
        self,
        host=None,
        port=None,
        user=None,
        password=None,
        encryption=None,
        smtp_from=None,
        ssl_certificate=None,
        ssl_private_key=None,
        smtp_debug=False,
        mail_server_id=None,
        allow_archived=False,
    ):
        """Connect through the account if it owns the chosen server."""
        if not self._disable_send():
            # sudo: as the host does, who sends need not read the server
            server = self.sudo().browse(mail_server_id or [])
            if not mail_server_id and not host:
                server = self.sudo()._find_mail_server(smtp_from)[0] or server
            if server.email_account_id:
                self._check_forced_mail_server(server, allow_archived, smtp_from)
                try:
                    return server._connect_account(smtp_from)
                except MailFailure as failure:
                    account = server.email_account_id
                    raise UserError("\n".join(account._describe_failure(failure, "outgoing"))) from failure
        return super()._connect__(
            host=host,
            port=port,
            user=user,
            password=password,
            encryption=encryption,
            smtp_from=smtp_from,
            ssl_certificate=ssl_certificate,
            ssl_private_key=ssl_private_key,
            smtp_debug=smtp_debug,
            mail_server_id=mail_server_id,
            allow_archived=allow_archived,
        )

    def _connect_account(self, smtp_from):
        """Log in to the server of the owning account, its certificate verified.

        :param str smtp_from: From header of what is to be sent
        :return: a `mailclient.SmtpClient` with the attributes that `ir.mail_server` expects of a session
        :raises mailclient.MailFailure: what went wrong, typed
        """
        session = self.email_account_id._connect_outgoing()
        self._prepare_account_session(session, smtp_from)
        return session

    def _prepare_account_session(self, session, smtp_from):
        """Set on ``session`` what `ir.mail_server` and the account want to know of it.

        Mail whose From is none of its addresses leaves with the sender's name and the address of the account:
        its recipients would take it for forged otherwise (SPF, DMARC).
        """
        self.ensure_one()
        account = self.email_account_id
        if smtp_from and not account._is_own_address(smtp_from):
            smtp_from = encapsulate_email(smtp_from, account.email)
        session.from_filter = self.from_filter
        session.smtp_from = smtp_from or account.email
        session.bcc_email = account.bcc_email

    def _prepare_smtp_to_list(self, message, smtp_session):
        recipients = super()._prepare_smtp_to_list(message, smtp_session)
        bcc_email = getattr(smtp_session, "bcc_email", False)
        if bcc_email and bcc_email not in recipients:
            recipients = [*recipients, bcc_email]
        return recipients
