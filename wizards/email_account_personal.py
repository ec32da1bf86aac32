from odoo import api, fields, models


class EmailAccountPersonal(models.TransientModel):
    """What an administrator is told of a personal account: that there is one, whose, and whether it works.

    He may archive, restore and remove it; everything else is its owner's. The lines are made when the list is
    opened, and say what the accounts say at the moment.
    """

    _name = "email.account.personal"
    _description = "Personal Email Account of Somebody"
    _rec_name = "email"

    account_id = fields.Many2one(
        "email.account", required=True, readonly=True, ondelete="cascade", groups=fields.NO_ACCESS
    )
    email = fields.Char(related="account_id.email")
    owner_id = fields.Many2one(related="account_id.user_id")
    company_id = fields.Many2one(related="account_id.company_id")
    state = fields.Selection(related="account_id.state")
    last_received_date = fields.Datetime(related="account_id.last_received_date")
    is_archived = fields.Boolean("Archived", compute="_compute_is_archived", compute_sudo=True)

    @api.depends("account_id.active")
    def _compute_is_archived(self):
        for line in self:
            line.is_archived = not line.account_id.active

    @api.model
    def action_open(self):
        """List the personal accounts of the companies that the administrator works for."""
        self.check_access("read")
        # sudo: nobody writes the lines, and the accounts are hidden from administrators too
        lines = self.sudo()
        lines.search([("create_uid", "=", self.env.uid)]).unlink()
        accounts = lines.env["email.account"].with_context(active_test=False)
        found = accounts.search(
            [("user_id", "!=", False), ("company_id", "in", self.env.companies.ids)], order="email, id"
        )
        listed = lines.create([{"account_id": account.id} for account in found])
        action = self.env["ir.actions.act_window"]._for_xml_id("email_account.action_email_account_personal")
        action["domain"] = [("id", "in", listed.ids)]
        return action

    def action_archive_account(self):
        """Archive the accounts: they neither send nor receive any more, and keep everything. Their owners
        cannot restore them."""
        self._set_account_active(False)

    def action_restore_account(self):
        """Restore the accounts; they go on as before."""
        self._set_account_active(True)

    def action_remove_account(self):
        """Delete the accounts. What they have received stays with their owners, who are told."""
        self.check_access("read")
        # sudo: as below; nobody's name but the owner's is among what he is told
        accounts = self.sudo().account_id
        for account in accounts:
            account._tell_removed()
        accounts.unlink()

    def _set_account_active(self, active):
        self.check_access("read")
        # sudo: it is all that an administrator may do with the account of somebody else
        accounts = self.sudo().account_id
        if not active:
            accounts._archive_server()
        accounts.write({"active": active, "is_archived_by_administrator": not active})
        self.invalidate_recordset()  # Odoo does not do so for transient records
