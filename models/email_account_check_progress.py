from datetime import timedelta

from odoo import api, fields, models


class EmailAccountCheckProgress(models.Model):
    """What a check that somebody waits for has done so far; it is gone when the check ends."""

    _name = "email.account.check.progress"
    _description = "Progress of a Check"

    user_id = fields.Many2one("res.users", required=True, index=True, ondelete="cascade")
    account_refs = fields.Json(help="The ids of the accounts: some may not be visible to others yet.")
    lines = fields.Json()

    @api.model
    @api.readonly
    def get_progress(self, account_ids):
        """Return what the newest check of the current user for these accounts has done so far.

        :return: ``{"lines": [{"id", "label", "result", "detail_words", "elapsed_ms"}…]}``, False if none runs
        """
        for running in self.search([("user_id", "=", self.env.uid)], order="id desc"):
            if sorted(running.account_refs) == sorted(account_ids):
                return {"lines": running.lines or []}
        return False

    @api.autovacuum
    def _gc_progress(self):
        """Remove what a worker left that was ended in the middle of a check."""
        self.search([("create_date", "<", fields.Datetime.now() - timedelta(hours=1))]).unlink()
