from datetime import date, timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError, ValidationError

# what who may change the account decides; everything else follows the server
CHOSEN_FIELDS = {"is_received"}
# what belongs to one numbering of the folder
NUMBERED_FIELDS = (
    "uid_validity",
    "uid_next",
    "told_next",
    "unseen_below",
    "dated_below",
    "deleted_uids",
    "suspects",
)
# of the inbox by POP, and of IMAP servers that do not say: receipts alone tell what is new
NO_UIDVALIDITY = "0"
# minutes after which a folder is opened though the server says that nothing has changed: it may be wrong
LOOK_MINUTES = 60


class EmailAccountFolder(models.Model):
    """A folder of a mailbox, and up to where its mail is in the database."""

    _name = "email.account.folder"
    _description = "Folder of a Mailbox"
    _inherit = "email.account.part"
    _order = "sequence, name, id"

    # of `unseen_below`: it is where the folder ends when it is opened for the first time
    UNKNOWN = "*"
    # of `import_since`: no day, but all that has no receipt
    EVERYTHING = date(1900, 1, 1)

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
    uid_next = fields.Char(
        readonly=True,
        copy=False,
        help="What the server has listed before this UID is stored, or was deliberately skipped.",
    )
    told_next = fields.Char(
        "Announced UIDNEXT",
        readonly=True,
        copy=False,
        help="UIDNEXT when the whole folder was last looked at: while it is unchanged, nothing has arrived. "
        "No position is moved by it, since servers get it wrong.",
    )
    looked_date = fields.Datetime(
        "Last Full Look", readonly=True, copy=False, help="When the whole folder was last looked at."
    )
    dated_below = fields.Char(
        "Date Counts below UID",
        readonly=True,
        copy=False,
        help="Where the folder ended when it was first opened: what was there before is received if it came "
        "on the account's first day or later, what comes afterwards whatever its date.",
    )
    deleted_uids = fields.Text(
        "Deleted UIDs",
        readonly=True,
        copy=False,
        help="What was marked as deleted when it was looked at (UIDs, as IMAP writes sets of them): it is "
        "received if somebody removes the mark.",
    )
    suspects = fields.Json(
        readonly=True,
        copy=False,
        help="Messages over which the server has ended a session or refused to go on, see `Suspects`.",
    )
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
        return int(self.uid_next or 1) if validity == self.uid_validity != NO_UIDVALIDITY else 1

    def _begin(self, validity, listed):
        """Note where the folder ends when it is opened for the first time, or was numbered anew.

        :param str validity: its UIDVALIDITY
        :param listed: list of the UIDs (text) that it holds, ascending
        :return: the UID (int) before which mail has to be of the account's first day or later
        """
        end = str(int(listed[-1]) + 1 if listed else self._get_position(validity))
        if self.uid_validity != validity:
            numbered = dict.fromkeys(NUMBERED_FIELDS, False) | {"unseen_below": self.unseen_below}
            self.write({**numbered, "uid_validity": validity, "dated_below": end})
        elif not self.dated_below:  # an earlier version of the addon has opened it first
            self.dated_below = end
        return int(self.dated_below)

    def _get_unseen_below(self, listed):
        """Return the UID (int) before which only mail that is not marked as read is new: by default where the
        folder ends, which holds ``listed`` (list of text, ascending)."""
        if self.unseen_below == self.UNKNOWN:
            self.unseen_below = str(int(listed[-1]) + 1 if listed else 1)
        return int(self.unseen_below)

    def _set_read(self, validity, listed, told_next):
        """Note that everything that the folder holds was looked at.

        :param listed: what that was, a `receive_listing.Listed`
        :param int told_next: UIDNEXT as the server says; 0 if it does not
        """
        self.invalidate_recordset(["import_since"])
        position = max(listed.end, self._get_position(validity))
        values = {
            "uid_validity": validity,
            "uid_next": str(position),
            # lower than what is there: it says nothing
            "told_next": str(told_next) if told_next >= position else False,
            "looked_date": fields.Datetime.now(),
            "is_missing": False,
            "deleted_uids": listed.deleted,
        }
        # somebody may have chosen another day meanwhile
        if self.import_since == listed.older:
            values["import_since"] = False
        self.write(values)

    def _has_work(self, mark, telling=True):
        """Whether the folder has to be opened.

        :param mark: `mailclient.imap_parse.Mark`, None where the server does not say
        :param bool telling: whether the server may be told something
        """
        position = (self.uid_validity, self.told_next)
        if not mark or not mark.next_uid or position != (str(mark.validity), str(mark.next_uid)):
            return True
        if self.import_since or self.deleted_uids or self.suspects or not self.uid_next:
            return True
        if not self.looked_date or self.looked_date < fields.Datetime.now() - timedelta(minutes=LOOK_MINUTES):
            return True
        receipts = self.env["email.account.receipt"]
        return telling and bool(receipts.search_count(receipts._get_untold_domain(self), limit=1))

    # ------------------------------------------------------------
    # Older mail
    # ------------------------------------------------------------

    def _forget_position(self):
        """Another mailbox is behind the account: its UIDs mean something else."""
        self.write(dict.fromkeys((*NUMBERED_FIELDS, "import_since"), False))

    def _look_back(self, since, moment):
        """What was passed over as too old is new again.

        :param since: the day (date) from which on, False for everything
        :param moment: when that begins (aware datetime), None for everything
        """
        for folder in self:
            if folder.uid_validity == NO_UIDVALIDITY or folder.account_id.incoming_protocol == "pop3":
                folder._forget_skipped(moment)
            else:
                day = since or self.EVERYTHING
                folder.import_since = min(folder.import_since or day, day)

    def _forget_skipped(self, moment):
        """POP: what was passed over as too old is new again, if it arrived at ``moment`` or later."""
        domain = [("folder_id", "in", self.ids), ("is_skipped", "=", True)]
        if moment:
            domain.append(("arrived", ">=", moment.replace(tzinfo=None)))
        self.env["email.account.receipt"].search(domain).unlink()
