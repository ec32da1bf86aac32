from odoo import api, fields, models
from odoo.exceptions import AccessError, ValidationError

# what who may change the account decides; everything else follows the server
CHOSEN_FIELDS = {"is_received"}


class EmailAccountFolder(models.Model):
    """A folder of a mailbox, and up to where its mail is in the database."""

    _name = "email.account.folder"
    _description = "Folder of a Mailbox"
    _inherit = "email.account.part"
    _order = "sequence, name, id"

    # of `unseen_below`: it is where the folder ends when it is opened for the first time
    UNKNOWN = "*"

    account_id = fields.Many2one("email.account", required=True, ondelete="cascade", index=True)
    sequence = fields.Integer(default=10)
    name = fields.Char(required=True)
    mailbox = fields.Char(
        required=True, readonly=True, help="The name that the server has for it, byte for byte."
    )
    special_use = fields.Char(readonly=True, help="What it is for (RFC 6154).")
    purpose = fields.Char(compute="_compute_purpose")
    is_received = fields.Boolean("Receive", help="Mail in this folder is received.")
    is_missing = fields.Boolean("Gone", readonly=True, help="The server has no such folder any more.")
    # 32 bits without sign (RFC 3501 2.3.1.1): more than an integer of the database holds
    uid_validity = fields.Char(readonly=True, copy=False)
    uid_next = fields.Char(readonly=True, copy=False, help="Everything before this UID was looked at.")
    unseen_below = fields.Char(
        readonly=True,
        copy=False,
        help="Before this UID only mail that is not marked as read is new: what Odoo has fetched before.",
    )
    import_since = fields.Date(
        readonly=True, copy=False, help="Older mail is to be fetched from this day on."
    )

    _unique_mailbox = models.UniqueIndex("(account_id, mailbox)", "The account has this folder already.")

    @api.depends("special_use", "is_missing")
    @api.depends_context("lang")
    def _compute_purpose(self):
        """What the folder is for, in a word, or that it is gone."""
        words = {
            "\\Inbox": self.env._("Inbox"),
            "\\Drafts": self.env._("Drafts"),
            "\\Sent": self.env._("Sent"),
            "\\Junk": self.env._("Spam"),
            "\\Trash": self.env._("Trash"),
            "\\Archive": self.env._("Archive"),
            "\\All": self.env._("All mail"),
            "\\Flagged": self.env._("Flagged"),
        }
        for folder in self:
            folder.purpose = self.env._("Gone") if folder.is_missing else words.get(folder.special_use, False)

    @api.constrains("is_received")
    def _check_is_received(self):
        for folder in self.filtered("is_received"):
            account = folder.account_id
            if account.after_receiving == "move" and account.move_folder_id == folder:
                raise ValidationError(
                    self.env._(
                        "%s is where received mail is moved to: choose another folder for that first.",
                        folder.name,
                    )
                )

    def write(self, vals):
        changed = vals.keys() - CHOSEN_FIELDS
        if changed and not self.env.su:
            labels = [self._fields[name]._description_string(self.env) for name in sorted(changed)]
            raise AccessError(
                self.env._("Folders are as the server has them: %s cannot be changed.", ", ".join(labels))
            )
        return super().write(vals)

    def _get_mailbox(self):
        """Return the name for commands (bytes)."""
        return self.mailbox.encode("latin-1")

    @api.model
    def _get_inbox_values(self, account):
        return {
            "account_id": account.id,
            "name": "INBOX",
            "mailbox": "INBOX",
            "special_use": "\\Inbox",
            "is_received": True,
            "sequence": 1,
        }

    def _get_position(self, validity):
        """Return the UID (int) from which on a folder with this UIDVALIDITY (text) was not looked at."""
        return int(self.uid_next or 1) if self.uid_validity == validity else 1

    def _get_unseen_below(self, uids):
        """Return the UID (int) before which only mail that is not marked as read is new: by default where the
        folder ends, which holds ``uids`` (list of text, ascending)."""
        if self.unseen_below == self.UNKNOWN:
            self.unseen_below = str(int(uids[-1]) + 1 if uids else 1)
        return int(self.unseen_below)

    def _set_read(self, validity, next_uid):
        """Note that everything that the folder holds is stored; what comes later has ``next_uid`` or more."""
        values = {"uid_validity": validity, "uid_next": str(max(next_uid, self._get_position(validity)))}
        if any(self[name] != value for name, value in values.items()):
            self.write(values)
        if self.import_since or self.is_missing:
            self.write({"import_since": False, "is_missing": False})

    def _has_work(self, mark):
        """Whether the folder has to be opened.

        :param mark: `mailclient.imap_parse.Mark`, None where the server does not say
        """
        position = (self.uid_validity, self.uid_next)
        if not mark or not mark.next_uid or position != (str(mark.validity), str(mark.next_uid)):
            return True
        receipts = self.env["email.account.receipt"]
        return bool(self.import_since or receipts.search_count(receipts._get_untold_domain(self), limit=1))
