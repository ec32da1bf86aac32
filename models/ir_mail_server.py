import logging
import smtplib

import psycopg2

from odoo import api, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import email_normalize, encapsulate_email

from odoo.addons.base.models.ir_mail_server import MailDeliveryException

from ..mailclient import MailFailure
from .header_cleaning import clean_headers

_logger = logging.getLogger(__name__)

# what Odoo's mail.mail looks for in the text of a failure
OUTLOOK_SPAM = "OutboundSpamException"


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
        """Leave out the servers of personal accounts, of those that are not ready, and of those that the user
        may not use."""
        return super()._find_mail_server_allowed_domain() & (
            Domain("email_account_id", "=", False)
            | Domain("email_account_id.user_id", "=", False)
            & Domain("email_account_id.state", "!=", "draft")
            & Domain("email_account_id.is_usable", "=", True)
        )

    def _find_mail_server(self, email_from, mail_servers=None):
        """Never choose the server of an account that is not ready, or that may not send this mail unasked."""
        if mail_servers is None:
            # sudo: as the host does; who sends need not see the servers
            mail_servers = self.sudo().search(self._find_mail_server_allowed_domain(), order="sequence")
        mail_servers = mail_servers.filtered(lambda server: server._may_be_found(email_from))
        return super()._find_mail_server(email_from, mail_servers)

    def _may_be_found(self, email_from):
        # sudo: the account may be hidden from who sends
        account = self.sudo().email_account_id
        if not account or account.user_id:  # of the latter only its owner's mail gets here
            return account.state != "draft"
        return account.state != "draft" and account._may_carry(email_from)

    def _filter_mail_servers_fallback(self, servers):
        """Let the account for notifications take what no server is made for.

        Without one, shared accounts come after the servers that no account owns; those that the application's
        own mail may leave through, see `email_account_application.py`.
        """
        servers = super()._filter_mail_servers_fallback(servers)
        # sudo: the account may be hidden from who sends
        owned = servers.filtered(lambda server: server.sudo().email_account_id._carries_rest())
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
                server.email_account_id._check_may_connect()
                self._check_forced_mail_server(server, allow_archived, smtp_from)
                try:
                    return server._connect_account(smtp_from)
                except MailFailure as failure:
                    account = server.email_account_id
                    raise UserError("\n".join(account._describe_failure(failure, "outgoing"))) from failure
                except (UserError, psycopg2.Error):
                    raise
                except Exception as error:  # its text gets into the database and ends the queue
                    account = server.email_account_id
                    _logger.exception("Connecting for the email account %s failed", account.id)
                    raise UserError(account._describe_broken()) from error
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
        session = self.email_account_id._connect_outgoing__()
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
        session.email_account_id = account.id

    def test_smtp_connection(self, autodetect_max_email_size=False):
        """Count what a button connects to through accounts."""
        self.env["email.account.attempt"]._note(len(self.filtered("email_account_id")))
        return super().test_smtp_connection(autodetect_max_email_size)

    def send_email(
        self,
        message,
        mail_server_id=None,
        smtp_server=None,
        smtp_port=None,
        smtp_user=None,
        smtp_password=None,
        smtp_encryption=None,
        smtp_ssl_certificate=None,
        smtp_ssl_private_key=None,
        smtp_debug=False,
        smtp_session=None,
    ):
        """Say in words why an account could not send: the text gets to who wrote the mail."""
        is_open = getattr(smtp_session, "sock", None) is not None
        try:
            return super().send_email(
                message,
                mail_server_id=mail_server_id,
                smtp_server=smtp_server,
                smtp_port=smtp_port,
                smtp_user=smtp_user,
                smtp_password=smtp_password,
                smtp_encryption=smtp_encryption,
                smtp_ssl_certificate=smtp_ssl_certificate,
                smtp_ssl_private_key=smtp_ssl_private_key,
                smtp_debug=smtp_debug,
                smtp_session=smtp_session,
            )
        except MailDeliveryException as error:
            account_id = getattr(smtp_session, "email_account_id", None)
            if account_id:
                self._put_into_words(error, self.env["email.account"].browse(account_id))
            raise
        except smtplib.SMTPServerDisconnected as error:
            account_id = getattr(smtp_session, "email_account_id", None)
            if not account_id or not is_open:
                raise
            # Odoo lets it through, which ends the queue for the mail of all other servers: it is this mail
            # that failed; for what else was to leave by this session, see `mail.mail`
            failure = MailDeliveryException(self.env._("Mail Delivery Failed"), str(error))
            failure.__context__ = error
            self._put_into_words(failure, self.env["email.account"].browse(account_id))
            raise failure from error

    @api.model
    def _put_into_words(self, error, account):
        """Take what the server of ``account`` said out of a `MailDeliveryException`; the log has it."""
        # sudo: who sends need not see the account
        account = account.sudo()
        endpoint = account._get_endpoint("outgoing")
        failure = MailFailure.from_exception(error.__context__ or error, endpoint, "data")
        words = "\n".join(filter(None, account._describe_failure(failure, "outgoing")))
        if OUTLOOK_SPAM in str(error):
            words = f"{words} ({OUTLOOK_SPAM})"
        error.args = (*error.args[:1], words)

    def _prepare_email_message__(self, message, smtp_session):
        """No name and no subject adds a header or a recipient to what an account sends."""
        owned = getattr(smtp_session, "email_account_id", None)
        if owned:
            clean_headers(message)
        smtp_from, smtp_to_list, message = super()._prepare_email_message__(message, smtp_session)
        if owned:
            clean_headers(message)  # some were made just now
        return smtp_from, smtp_to_list, message

    def _prepare_smtp_to_list(self, message, smtp_session):
        recipients = super()._prepare_smtp_to_list(message, smtp_session)
        # the address alone, as it is written into the command
        bcc_email = email_normalize(getattr(smtp_session, "bcc_email", False))
        if bcc_email and bcc_email not in recipients:
            recipients = [*recipients, bcc_email]
        return recipients
