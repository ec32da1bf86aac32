from odoo import fields, models

RESULTS = [
    ("asking", "asking…"),
    ("found", "found"),
    ("not_found", "nothing published"),
    ("no_answer", "no answer"),
    ("invalid", "not valid"),
    ("refused", "refused"),
    ("skipped", "skipped"),
    ("cancelled", "not needed"),
    ("passed", "works"),
    ("failed", "failed"),
]


class EmailAccountCreateStep(models.TransientModel):
    """One line of the progress page: written in a transaction of its own, so that it is seen at once."""

    _name = "email.account.create.step"
    _description = "Progress of Creating an Email Account"
    _order = "id"
    _rec_name = "label"

    wizard_id = fields.Many2one("email.account.create", required=True, index=True, ondelete="cascade")
    label = fields.Char(required=True)
    result = fields.Selection(RESULTS, required=True)
    detail = fields.Char()
    elapsed_ms = fields.Integer()
