from odoo import fields, models

from .email_account_check import RESULTS

STAGES = [
    ("resolve", "Find the server"),
    ("connect", "Reach the server"),
    ("tls", "Encryption"),
    ("login", "Log in"),
    ("sender", "Sender accepted"),
    ("recipient", "Recipient accepted"),
    ("data", "Message accepted"),
    ("send", "Send the test email"),
    ("select", "Open the mailbox"),
    ("fetch", "Read the mailbox"),
    ("find", "Find the test email"),
    ("remove", "Remove the test email"),
]


class EmailAccountCheckStep(models.Model):
    """One step of a check."""

    _name = "email.account.check.step"
    _description = "Step of a Check"
    _order = "check_id, sequence, id"
    _rec_name = "message"

    check_id = fields.Many2one("email.account.check", required=True, index=True, ondelete="cascade")
    sequence = fields.Integer()
    stage = fields.Selection(STAGES, required=True)
    direction = fields.Selection([("outgoing", "Sending"), ("incoming", "Receiving")])
    result = fields.Selection(RESULTS, required=True)
    message = fields.Text(required=True)
    advice = fields.Text()
    details = fields.Text("Technical Details")
    cause = fields.Char(help="The cause of the failure, as mailclient names it.")
    duration_ms = fields.Integer("Duration (ms)")
