from odoo import fields, models
from odoo.tools.misc import formatLang

RESULTS = [("passed", "Passed"), ("warning", "Warning"), ("failed", "Failed"), ("skipped", "Skipped")]
DIRECTIONS = [("outgoing", "Sending"), ("incoming", "Receiving")]
STAGES = [
    ("resolve", "Find the server"),
    ("connect", "Reach the server"),
    ("tls", "Encryption"),
    ("greeting", "Greeting of the server"),
    ("login", "Log in"),
    ("sender", "Sender accepted"),
    ("recipient", "Recipient accepted"),
    ("data", "Message accepted"),
    ("send", "Send the test email"),
    ("select", "Open the mailbox"),
    ("fetch", "Read the mailbox"),
    ("find", "Find the test email"),
    ("remove", "Remove the test email"),
    ("authentication", "What the receiving side says"),
    ("spf", "SPF"),
    ("dkim", "DKIM"),
    ("dmarc", "DMARC"),
]
RESPONSIBLE = [
    ("user", "You"),
    ("administrator", "The administrator of this system"),
    ("provider", "The provider of the mailbox"),
    ("domain", "The administrator of the domain"),
]


class EmailAccountCheckStep(models.Model):
    """One step of a check."""

    _name = "email.account.check.step"
    _description = "Step of a Check"
    _inherit = "email.account.part"
    _order = "check_id, sequence, id"
    _rec_name = "message"

    check_id = fields.Many2one("email.account.check", required=True, index=True, ondelete="cascade")
    sequence = fields.Integer()
    stage = fields.Selection(STAGES, required=True)
    direction = fields.Selection(DIRECTIONS)
    result = fields.Selection(RESULTS, required=True)
    message = fields.Text(required=True)
    advice = fields.Text()
    responsible = fields.Selection(RESPONSIBLE, "Who Can Fix It")
    link = fields.Char(help="The page where it is mended or explained.")
    field_name = fields.Char("Field Concerned", help="The field of the account that is concerned.")
    details = fields.Text(
        "Technical Details",
        groups="email_account.group_email_account_manage",
        help="What the server said, word for word, for instance.",
    )
    cause = fields.Char(help="The cause of the failure, as mailclient names it.")
    fingerprint = fields.Char(help="SHA-256 of a refused certificate that can be accepted by hand.")
    server = fields.Char(help="That has shown the certificate: host and port.")
    duration_ms = fields.Integer("Duration (ms)")

    def _get_shown_details(self):
        """Return the technical details for who may see them, False for all others.

        It is asked of the user, whatever he does as superuser: what a server says of itself tells a stranger
        about the network.
        """
        self.ensure_one()
        if not self.env.user.has_group("email_account.group_email_account_manage"):
            return False
        return self.sudo().details  # sudo: the report may be read by another way than the model's

    def _get_duration_words(self):
        """Return how long it took, for people."""
        self.ensure_one()
        if self.duration_ms < 1000:
            return self.env._("%s ms", self.duration_ms)
        return self.env._("%s s", formatLang(self.env, self.duration_ms / 1000, digits=1))
