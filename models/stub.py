from odoo import models, fields
class A(models.AbstractModel):
    _name = "email.account.cause"
    _description = "stub"
    def _explain(self, failure):
        return {"cause": failure.cause, "link": failure.link, "field": failure.field, "responsible": "user"}
class B(models.AbstractModel):
    _name = "email.account.refusal"
    _description = "stub"
    def _check(self, endpoint, login): pass
    def _note(self, endpoint, login): pass
class C(models.AbstractModel):
    _name = "email.account.authority"
    _description = "stub"
    def _get_authorities(self): return ()
