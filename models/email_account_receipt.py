from odoo import api, fields, models


class EmailAccountReceipt(models.Model):
    """A message of a mailbox that is in the database: as a message, or as a mail that was not processed.

    It is written in the transaction that stores the message, so that nothing is stored twice or forgotten.
    """

    _name = "email.account.receipt"
    _description = "Receipt of a Message"
    _log_access = False

    # of which the server is told at one time
    MAX_TOLD = 1000

    account_id = fields.Many2one("email.account", required=True, ondelete="cascade")
    folder_id = fields.Many2one("email.account.folder", required=True, ondelete="cascade")
    uid_validity = fields.Char(required=True)
    uid = fields.Char(required=True, help="IMAP: UID; POP: unique id.")
    digest = fields.Char(help="See `ReceivedMail`.")
    origin = fields.Char(help="See `ReceivedMail`.")
    is_list = fields.Boolean(help="It came through a mailing list.")
    message_id = fields.Char("Message-Id", index="btree_not_null")
    arrived = fields.Datetime(help="In the mailbox.")
    is_imported = fields.Boolean(help="It was this one that became a message.")
    is_partial = fields.Boolean(help="The rest of it is on the server only.")
    is_skipped = fields.Boolean(help="It is older than what is imported.")
    told = fields.Boolean(help="The server was told: marked as read, moved.")
    removed = fields.Boolean(help="It was deleted on the server.")

    _unique_uid = models.UniqueIndex("(folder_id, uid_validity, uid)")
    # two workers that are given the same mail by two mailboxes: one of them has to wait and see
    _unique_import = models.UniqueIndex("(digest) WHERE is_imported")
    _digest_index = models.Index("(account_id, digest)")
    # what there is to do on the server
    _told_index = models.Index("(folder_id) WHERE told IS NOT TRUE")
    _removed_index = models.Index("(folder_id, arrived) WHERE removed IS NOT TRUE")

    @api.model
    def _get_untold_domain(self, folder):
        """Return the domain of what the server has to be told of: to mark, to move or to delete it."""
        domain = [("folder_id", "=", folder.id), ("is_partial", "=", False), ("is_skipped", "=", False)]
        date = folder.account_id._get_removal_date()
        if date:
            return [*domain, ("removed", "=", False), ("arrived", "<=", date)]
        return [*domain, ("told", "=", False)]

    def _get_known(self, folder, validity, uids):
        """Return those of ``uids`` (list of text) that a folder with this UIDVALIDITY has receipts of."""
        known = set()
        for domain in self._get_chunked_domains(folder, validity, uids):
            known.update(uid for [uid] in self._read_group(domain, ["uid"]))
        return known

    def _set_still_there(self, folder, uids):
        """Note that the server still has these messages (POP), also if it was told to delete them: a session
        that does not end properly deletes nothing (RFC 1939 6)."""
        for domain in self._get_chunked_domains(folder, "0", uids):
            self.search([*domain, ("removed", "=", True)]).removed = False

    def _get_chunked_domains(self, folder, validity, uids, size=1000):
        """Yield domains that find the receipts of ``uids``, so many at a time."""
        for start in range(0, len(uids), size):
            yield [
                ("folder_id", "=", folder.id),
                ("uid_validity", "=", validity),
                ("uid", "in", uids[start : start + size]),
            ]

    @api.model
    def _find_alike(self, mail):
        """Return the receipts that tell whether a mail (`ReceivedMail`) was here before, of all accounts."""
        same = [("digest", "=", mail.digest)]
        return self.search(["|", *same, ("message_id", "=", mail.message_id)] if mail.message_id else same)

    def _get_same(self, account, mail, is_partial):
        """Return the first of these receipts that is of the same mail in the same account: in another folder,
        under another UID.

        :param bool is_partial: the body, which makes the digest, is not there
        """
        for receipt in self.filtered(lambda receipt: receipt.account_id == account):
            is_named = receipt.message_id and receipt.message_id == mail.message_id
            is_origin = mail.origin and receipt.origin == mail.origin
            if receipt.digest == mail.digest or (is_partial and is_named and is_origin):
                return receipt
        return self.browse()

    def _get_new_message_id(self, mail):
        """Return the Message-Id for the message: the mail's own, unless it has none or repeats another's.

        None if the same mail is a message already: another mailbox got a copy, or Odoo has sent it. These
        receipts are those alike, without the mail's own.
        """
        imported = self.filtered("is_imported")
        if mail.digest in imported.mapped("digest"):
            return None
        if not mail.message_id:
            return mail.get_own_message_id()
        if not self.env["mail.message"].search_count([("message_id", "=", mail.message_id)], limit=1):
            return mail.message_id
        # one that no account has received is Odoo's own, or was there before the account
        if not imported or any(receipt._is_copy(mail) for receipt in imported):
            return None
        return mail.get_own_message_id()

    def _is_copy(self, mail):
        """Whether a mail of the same Message-Id is this one, as a mailing list has changed it."""
        return bool(mail.origin and mail.origin == self.origin and (mail.is_list or self.is_list))
