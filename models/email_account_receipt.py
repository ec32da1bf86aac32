import re

from odoo import api, fields, models
from odoo.tools import email_normalize


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
    is_noted = fields.Boolean(
        "Noted", help="What it reports was noted, or its sender was told that it was refused."
    )
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
        known = self.env["mail.message"].search([("message_id", "=", mail.message_id)], limit=1, order="id")
        if not known:
            return mail.message_id
        # one that no account has received is Odoo's own, or was there before the account
        is_copy = any(each._is_copy(mail) for each in imported) if imported else self._is_of(known, mail)
        return None if is_copy else mail.get_own_message_id()

    @api.model
    def _is_of(self, message, mail):
        """Whether a mail is the message of its Message-Id: Odoo has sent it, or received it in another way.

        Else it is another mail: some programs put the Message-Id of a mail into their answers to it.
        """
        sender = email_normalize(mail.email_from)
        subjects = {" ".join((text or "").split()) for text in (message.subject, message.record_name)} - {""}
        subject = re.sub(r"^re: ?", "", mail.subject, flags=re.IGNORECASE)
        if mail.is_list or not sender or not subjects.isdisjoint({subject, mail.subject}):
            return True
        # Odoo may have put one of its own addresses in the place of the author's
        if sender == email_normalize(message.email_from) or self.env["mail.thread"]._is_own_address(sender):
            return True
        # sudo: whether one of them has sent it is the same whoever the gateway runs as
        servers = self.env["ir.mail_server"].sudo()
        place = sender.rpartition("@")[2]
        found = servers.search(["|", ("smtp_user", "=ilike", sender), ("from_filter", "ilike", place)])
        own = ",".join(filter(None, found.mapped("from_filter") + found.mapped("smtp_user")))
        return not {sender, place}.isdisjoint(each.strip().lower() for each in own.split(","))

    def _is_noted(self, mail):
        """Whether what there is to note about a mail was noted when it came by one of these."""
        return any(receipt.is_noted and receipt.digest == mail.digest for receipt in self)

    def _set_outcome(self, outcome):
        """Note what became of a mail (`MailOutcome`): what is kept is no message, but what was noted about it
        is noted once."""
        if outcome.is_noted or outcome.is_told:
            self.is_noted = True
        if outcome.kept and not outcome.is_noted:
            self.is_imported = False

    def _is_copy(self, mail):
        """Whether a mail of the same Message-Id is this one, as a mailing list has changed it."""
        return bool(mail.origin and mail.origin == self.origin and (mail.is_list or self.is_list))
