from odoo import fields, models

# of a source (autoconfig.Step) and of a login; the progress page has words for them
RESULTS = (
    "asking",
    "found",
    "not_found",
    "no_answer",
    "invalid",
    "refused",
    "skipped",
    "cancelled",
    "passed",
    "failed",
)


class EmailAccountCreateStep(models.TransientModel):
    """One line of the progress page: written in a transaction of its own, so that it is seen at once."""

    _name = "email.account.create.step"
    _description = "Progress of Creating an Email Account"
    _order = "id"
    _rec_name = "label"

    wizard_id = fields.Many2one("email.account.create", required=True, index=True, ondelete="cascade")
    label = fields.Char(required=True)
    result = fields.Selection([(result, result) for result in RESULTS], required=True)
    detail = fields.Char()
    elapsed_ms = fields.Integer()
