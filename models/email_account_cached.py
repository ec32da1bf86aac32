from odoo import api, models


class EmailAccountCached(models.AbstractModel):
    """Data that is kept in memory (``ormcache``) and asked for again after each change."""

    _name = "email.account.cached"
    _description = "Data that Is Cached"

    @api.model_create_multi
    def create(self, vals_list):
        records = super().create(vals_list)
        self.env.registry.clear_cache()
        return records

    def write(self, vals):
        result = super().write(vals)
        self.env.registry.clear_cache()
        return result

    def unlink(self):
        result = super().unlink()
        self.env.registry.clear_cache()
        return result
