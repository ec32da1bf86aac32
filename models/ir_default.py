from odoo import api, models
from odoo.exceptions import ValidationError


class IrDefault(models.Model):
    # no docstring, which would stay behind when the addon is uninstalled: passwords that were typed are not
    # kept as default values, which are stored as they are
    _inherit = "ir.default"

    @api.constrains("field_id")
    def _check_no_secret(self):
        for default in self.sudo():  # sudo: users do not read the list of fields
            if default.field_id.name in getattr(self.env.get(default.field_id.model), "_secret_fields", ()):
                raise ValidationError(self.env._("A password cannot be a default value."))
