import logging

from odoo import api, models

_logger = logging.getLogger(__name__)


class EmailAccount(models.Model):
    """When a run of receiving begins, accounts are mended that lack something to work: an earlier version or
    another program has left them so."""

    _inherit = "email.account"

    @api.model
    def _begin_run(self):
        """See to it that a run of receiving may begin, and that no account is left out of it. Commits.

        :raises UserError: see `_check_may_connect`
        """
        self._check_may_connect()
        self._mend()
        self.env.cr.commit()  # pylint: disable=invalid-commit

    @api.model
    def _mend(self):
        """Give accounts the rows that follow them. One query where nothing is wrong.

        :return: the accounts that were mended
        """
        mended = self.browse()
        for account in self._find_faulty():
            try:
                with self.env.cr.savepoint():
                    account._mend_rows()
                    account._sync_servers()
                    self.env.flush_all()
            except Exception as error:  # another worker; a server that is still used; whatever it is
                self.env.invalidate_all(flush=False)
                _logger.warning("Email account %s lacks something to work: %s", account.id, error)
            else:
                _logger.info("Email account %s lacked something to work", account.id)
                mended += account
        return mended

    @api.model
    def _find_faulty(self):
        """Return the accounts that lack a row that follows them, or whose servers are not on or off as they
        are."""
        self.env.flush_all()
        self.env.cr.execute(
            """
            SELECT account.id
              FROM email_account account
              LEFT JOIN email_account_polling polling ON polling.account_id = account.id
              LEFT JOIN ir_mail_server outgoing ON outgoing.email_account_id = account.id
              LEFT JOIN fetchmail_server incoming ON incoming.email_account_id = account.id
             WHERE polling.id IS NULL
                OR account.use_for_receiving AND NOT EXISTS (
                       SELECT FROM email_account_folder folder
                        WHERE folder.account_id = account.id AND folder.is_received)
                OR outgoing.id IS NULL AND account.use_for_sending AND account.outgoing_host <> ''
                OR incoming.id IS NULL AND account.use_for_receiving AND account.incoming_host <> ''
                OR outgoing.active <> (account.active AND account.use_for_sending)
                OR incoming.active <> (account.active AND account.use_for_receiving)
             ORDER BY account.id
            """
        )
        # sudo: users write none of these rows, they follow the account
        return self.sudo().browse(account_id for [account_id] in self.env.cr.fetchall())

    def _mend_rows(self):
        """Create the missing rows of one account that receiving needs."""
        if not self.polling_ids:
            self.polling_ids.create({"account_id": self.id})
        folders = self.folder_ids
        if not folders:
            folders.create(folders._get_inbox_values(self) | self._prepare_mended_position())
            self.write(self._prepare_mended_values())
        elif not any(folders.mapped("is_received")):
            inbox = folders.filtered(lambda folder: folder.mailbox == "INBOX")
            if inbox:
                inbox.is_received = True
            else:
                folders.create(folders._get_inbox_values(self))

    def _prepare_mended_position(self):
        """Return where an account begins that has received before there were folders: by IMAP at what is not
        marked as read, which is what Odoo would have fetched."""
        return {"unseen_below": self.folder_ids.UNKNOWN} if self.incoming_protocol == "imap" else {}

    def _prepare_mended_values(self):
        """Return what an account did with its mail before one could choose it."""
        values = {}
        if self.incoming_model_id:
            values["incoming_action"] = "create"
        if self.incoming_protocol == "pop3" and self.after_receiving == "seen":
            values["after_receiving"] = "leave"
        return values
