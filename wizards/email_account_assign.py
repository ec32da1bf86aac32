from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import email_normalize

# what belongs to no mail, though it has a chatter
EXCLUDED_MODELS = {"email.account"}


class EmailAccountAssign(models.TransientModel):
    """Asks where mails that became no message belong."""

    _name = "email.account.assign"
    _description = "Assign Unprocessed Mail"

    unprocessed_ids = fields.Many2many("email.account.unprocessed", required=True, readonly=True)
    kind = fields.Selection(
        [("record", "A record that is there"), ("new", "A new record")], required=True, default="record"
    )
    record_ref = fields.Reference(
        selection="_select_models", string="Record", compute="_compute_record_ref", store=True, readonly=False
    )
    model_name = fields.Selection(
        selection="_select_new_models",
        string="New",
        compute="_compute_model_name",
        store=True,
        readonly=False,
        help="What the mails become, one record each.",
    )
    summary = fields.Text("Mail", compute="_compute_summary")

    @api.model
    def _select_models(self):
        """Return what the user may change and has a chatter: ``(model, name)``."""
        return self._get_models("write")

    @api.model
    def _select_new_models(self):
        """Return what the user may add and has a chatter: ``(model, name)``."""
        return self._get_models("create")

    @api.model
    def _get_models(self, operation):
        # sudo: users do not read the list of models, only the names of those that they have a right to
        known = self.env["ir.model"].sudo().search([("is_mail_thread", "=", True), ("transient", "=", False)])
        return [
            (each.model, each.name)
            for each in known.sorted("name")
            if each.model not in EXCLUDED_MODELS
            and each.model in self.env
            and not self.env[each.model]._abstract
            and self.env[each.model].has_access(operation)
        ]

    @api.depends("unprocessed_ids")
    def _compute_record_ref(self):
        """Propose the contact of the sender."""
        partners = self.env["res.partner"]
        can_propose = "res.partner" in dict(self._select_models())
        for wizard in self:
            addresses = {email_normalize(mail.email_from or "") for mail in wizard.unprocessed_ids}
            partner = partners
            if can_propose and len(addresses) == 1 and any(addresses):
                partner = partners.search([("email_normalized", "=", addresses.pop())], limit=1)
            wizard.record_ref = partner or False

    @api.depends("unprocessed_ids")
    def _compute_model_name(self):
        """Propose what the account makes of its mail."""
        allowed = dict(self._select_new_models())
        for wizard in self:
            # sudo: users do not read the list of models
            names = set(wizard.unprocessed_ids.account_id.sudo().incoming_model_id.mapped("model"))
            wizard.model_name = names.pop() if len(names) == 1 and names <= allowed.keys() else False

    @api.depends("unprocessed_ids")
    def _compute_summary(self):
        for wizard in self:
            mails = wizard.unprocessed_ids
            if len(mails) == 1:
                wizard.summary = "\n".join(filter(None, [mails.subject, mails.email_from]))
            else:
                wizard.summary = self.env._("%s mails", len(mails))

    def action_assign(self):
        """Post the mails in the chatter of the record, and open it."""
        self.ensure_one()
        if not self.record_ref:
            raise UserError(self.env._("Record: choose what the mail belongs to."))
        return self.unprocessed_ids._assign(self.record_ref)

    def action_create_record(self):
        """Make a record of each mail, and open it."""
        self.ensure_one()
        if not self.model_name:
            raise UserError(self.env._("New: choose what the mail becomes."))
        return self.unprocessed_ids._create_records(self.model_name)
