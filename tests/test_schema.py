from odoo.modules import get_manifest
from odoo.tests import TransactionCase, tagged
from odoo.tools import file_open

from .schema import MODULE, describe_schema

WHAT_TO_DO = (
    "What is stored has changed. Raise the version in __manifest__.py, add migrations/<version>/ if what is "
    "there has to follow, then write migrations/schema.txt anew with: make schema"
)


@tagged("post_install", "-at_install")
class TestSchema(TransactionCase):
    """Who updates runs migrations by the version alone: it goes up with each change of what is stored."""

    maxDiff = None

    def test_version_goes_up_with_the_schema(self):
        with file_open(f"{MODULE}/migrations/schema.txt") as file:
            version, *lines = file.read().splitlines()
        self.assertEqual(version, get_manifest(MODULE)["version"], WHAT_TO_DO)
        self.assertEqual(lines, describe_schema(self.env), WHAT_TO_DO)

    def test_listing_sees_what_is_stored(self):
        """A field, a field of another addon's model, an index of a mixin, and nothing that is computed."""
        lines = describe_schema(self.env)
        names = [line.partition(":")[0] for line in lines]
        self.assertIn("email.account.password_encrypted", names)
        self.assertIn("mail.message.email_account_id", names)
        self.assertIn("ir.mail_server, unique index ir_mail_server_unique_email_account", names)
        for name in ("password", "create_uid", "message_ids", "is_neutralized"):
            self.assertNotIn(f"email.account.{name}", names)
        [line] = [line for line in lines if line.startswith("email.account.incoming_protocol:")]
        self.assertEqual(line, "email.account.incoming_protocol: selection imap|pop3")
