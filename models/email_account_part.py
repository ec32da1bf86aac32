from odoo import SUPERUSER_ID, api, models


class EmailAccountPart(models.AbstractModel):
    """What belongs to an email account, and is called by what is in it: a folder, a mail, a report."""

    _name = "email.account.part"
    _description = "Part of an Email Account"

    @api.depends_context("uid", "lang", "allowed_company_ids")
    def _compute_display_name(self):
        result = super()._compute_display_name()
        self._hide_names()
        return result

    def _hide_names(self):
        """Keep the names to those who may read the records: whatever refers to a record is read with its
        name, also on a page that the user has made up, as a form asks for what follows of it."""
        if self.env.uid == SUPERUSER_ID:
            return
        stored = self._origin
        hidden = stored - stored.sudo(False)._filtered_access("read")
        for record in self:
            if record._origin & hidden:
                record.display_name = self.env._("Part of somebody else's email account")
