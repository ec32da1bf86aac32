from odoo import models
class A(models.AbstractModel):
    _name = "email.account.cause"
    _description = "stub"
    def _explain(self, failure):
        return {"cause": failure.cause, "link": failure.link, "field": failure.field, "responsible": failure.responsible}
