from odoo.tests import TransactionCase

from .. import mailclient
from ..models.failure_words import WORDS, describe_failure


class TestFailureWords(TransactionCase):
    def test_every_cause_has_words(self):
        self.assertEqual(set(WORDS), set(mailclient.CAUSES))

    def describe(self, stage, raw, direction="incoming"):
        endpoint = mailclient.Endpoint("imap", "imap.example.org", 993, "tls")
        return describe_failure(self.env, mailclient.MailFailure(endpoint, stage, raw), direction)

    def test_direction_is_named(self):
        message, advice = self.describe("login", "NO [AUTHENTICATIONFAILED] Authentication failed.")
        self.assertEqual(
            message,
            "Cannot connect to the incoming email server: The server refused the user name or the password.",
        )
        self.assertTrue(advice)
        message, _advice = self.describe("connect", "[Errno 111] Connection refused", "outgoing")
        self.assertTrue(message.startswith("Cannot connect to the outgoing email server: "), message)

    def test_unknown_is_shown_raw(self):
        message, _advice = self.describe("login", "NO 100 % of the moon is %s in the wrong place")
        self.assertIn("unknown", message)
        self.assertIn("(NO 100 % of the moon is %s in the wrong place)", message)
