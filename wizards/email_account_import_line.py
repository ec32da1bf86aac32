from odoo import api, fields, models


class EmailAccountImportLine(models.TransientModel):
    """How many mails a folder has, of those that would be imported."""

    _name = "email.account.import.line"
    _description = "Folder of an Import"

    import_id = fields.Many2one("email.account.import", required=True, readonly=True, ondelete="cascade")
    name = fields.Char("Folder", readonly=True)
    count = fields.Integer("In the mailbox", readonly=True)
    known_count = fields.Integer("Here already", readonly=True)
    new_count = fields.Integer("To import", compute="_compute_new_count")

    @api.depends("count", "known_count")
    def _compute_new_count(self):
        for line in self:
            line.new_count = line.count - line.known_count
