from odoo import fields, models


class EmailAccount(models.Model):
    """A mailbox that this database sends from and receives into."""

    _name = "email.account"
    _description = "Email Account"
    _order = "name, id"

    name = fields.Char("Description", required=True)
    email = fields.Char("Email Address", required=True)
