from odoo import api, fields, models

from .discovery_words import describe_detail

# of a source (autoconfig.Step), and of a login
RESULTS = [
    ("waiting", "Not yet tried"),
    ("asking", "Asking"),
    ("found", "Found"),
    ("not_found", "Nothing found"),
    ("no_answer", "No answer"),
    ("invalid", "Not valid"),
    ("refused", "Refused as unsafe"),
    ("skipped", "Not needed"),
    ("cancelled", "Not needed any more"),
    ("passed", "Passed"),
    ("failed", "Failed"),
]
LOGIN = "login"


class EmailAccountDiscoveryStep(models.Model):
    """One line of a discovery: a source that was asked, or a login that was tried."""

    _name = "email.account.discovery.step"
    _description = "Step of a Discovery"
    _inherit = "email.account.part"
    _order = "discovery_id, sequence, id"
    _rec_name = "label"

    discovery_id = fields.Many2one(
        "email.account.discovery", required=True, readonly=True, index=True, ondelete="cascade"
    )
    sequence = fields.Integer(readonly=True)
    source = fields.Char(readonly=True, required=True)
    host = fields.Char(readonly=True, help="The server that was logged in to.")
    label = fields.Char("Asked", compute="_compute_label")
    result = fields.Selection(RESULTS, required=True, readonly=True)
    detail = fields.Char(readonly=True, help="As discovery says it, in English.")
    detail_words = fields.Char("Details", compute="_compute_detail_words")
    elapsed_ms = fields.Integer("Time (ms)", readonly=True)

    @api.depends("source", "host")
    @api.depends_context("lang")
    def _compute_label(self):
        for step in self:
            if step.source == LOGIN:
                step.label = self.env._("Log in to %s", step.host)
            else:
                step.label = step.discovery_id._get_source_label(step.source)

    @api.depends("detail")
    @api.depends_context("lang")
    def _compute_detail_words(self):
        for step in self:
            step.detail_words = describe_detail(step.env, step.detail)

    def _get_values(self):
        """Return the values of a copy."""
        self.ensure_one()
        names = ("sequence", "source", "host", "result", "detail", "elapsed_ms")
        return {name: self[name] for name in names}
