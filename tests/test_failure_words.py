from types import SimpleNamespace

from odoo.tests import TransactionCase

from .. import mailclient
from ..models.failure_words import WORDS, who_is_responsible


class TestFailureWords(TransactionCase):
    def test_every_cause_has_words(self):
        self.assertEqual(set(WORDS), set(mailclient.CAUSES))

    def describe(self, stage, raw, direction="incoming"):
        endpoint = mailclient.Endpoint("imap", "imap.example.org", 993, "tls")
        return self.env["email.account.settings"]._describe_failure(
            mailclient.MailFailure(endpoint, stage, raw), direction
        )

    def test_direction_is_named(self):
        message, advice = self.describe("login", "NO [AUTHENTICATIONFAILED] Authentication failed.")
        self.assertEqual(
            message,
            "Cannot connect to the incoming email server: The server refused the user name or the password.",
        )
        self.assertTrue(advice)
        message, _advice = self.describe("connect", "[Errno 111] Connection refused", "outgoing")
        self.assertTrue(message.startswith("Cannot connect to the outgoing email server: "), message)

    def test_unknown_is_called_unknown(self):
        """What the server said is for those who manage accounts, in the details."""
        message, advice = self.describe("login", "NO 100 % of the moon is %s in the wrong place")
        self.assertIn("unknown", message)
        self.assertNotIn("moon", message + advice)


class TestCertificateWords(TransactionCase):
    """What a refused certificate says of itself is told."""

    def describe(
        self, cause, names=(), issuer="", has_issuer_url=False, fingerprint="0fa1" * 16, subject=""
    ):
        endpoint = mailclient.Endpoint("imap", "imap.example.org", 993, "tls")
        failure = mailclient.MailFailure(endpoint, "tls", "CERTIFICATE_VERIFY_FAILED", cause)
        failure.certificate = SimpleNamespace(
            names=names,
            issuer=issuer,
            has_issuer_url=has_issuer_url,
            fingerprint=fingerprint,
            subject=subject,
        )
        message, advice = self.env["email.account.settings"]._describe_failure(failure, "incoming")
        prefix = "Cannot connect to the incoming email server: "
        self.assertTrue(message.startswith(prefix), message)
        return message.removeprefix(prefix), advice, who_is_responsible(failure)

    def test_names(self):
        message, _advice, responsible = self.describe(
            "certificate_name_mismatch", ("mail.provider.example", "www.provider.example")
        )
        self.assertEqual(
            message,
            "The certificate of the server is for another name. "
            "The certificate is for mail.provider.example, www.provider.example.",
        )
        self.assertEqual(responsible, "user")

    def test_at_most_four_names(self):
        names = tuple(f"{letter}.example.org" for letter in "abcdef")
        message, _advice, _responsible = self.describe("certificate_name_mismatch", names)
        self.assertTrue(
            message.endswith(" is for a.example.org, b.example.org, c.example.org, d.example.org and others.")
        )

    def test_no_names(self):
        message, _advice, _responsible = self.describe("certificate_name_mismatch")
        self.assertEqual(message, "The certificate of the server is for another name.")

    def test_common_name_alone(self):
        message, advice, responsible = self.describe("certificate_name_mismatch", subject="mail.acme.example")
        self.assertEqual(
            message,
            "The certificate of the server is for another name. It names “mail.acme.example” only as its "
            "common name, which is no longer accepted.",
        )
        self.assertIn("subject alternative name", advice)
        self.assertIn("No password was sent.", advice)
        self.assertEqual(responsible, "provider")

    def test_incomplete_chain(self):
        message, advice, responsible = self.describe(
            "certificate_unknown_issuer", issuer="Known 100% Authority R3", has_issuer_url=True
        )
        self.assertTrue(message.endswith(" Its issuer is Known 100% Authority R3."), message)
        self.assertIn("intermediate certificate", advice)
        self.assertEqual(responsible, "provider")

    def test_private_authority(self):
        message, advice, responsible = self.describe("certificate_unknown_issuer", issuer="Our Own")
        self.assertTrue(message.endswith(" Its issuer is Our Own."), message)
        self.assertIn("Settings > Email Accounts > Certificate Authorities", advice)
        self.assertEqual(responsible, "administrator")
        message, _advice, _responsible = self.describe("certificate_unknown_issuer")
        self.assertEqual(message, "The certificate of the server comes from an unknown authority.")

    def test_fingerprint(self):
        for cause in ("certificate_self_signed", "certificate_changed"):
            with self.subTest(cause):
                message, _advice, _responsible = self.describe(cause)
                self.assertTrue(message.endswith(f" fingerprint is {':'.join(['0F', 'A1'] * 16)}."), message)

    def test_nothing_known(self):
        endpoint = mailclient.Endpoint("imap", "imap.example.org", 993, "tls")
        failure = mailclient.MailFailure(endpoint, "tls", "x", "certificate_unknown_issuer")
        message, advice = self.env["email.account.settings"]._describe_failure(failure, "incoming")
        self.assertTrue(message.endswith("comes from an unknown authority."))
        words = WORDS["certificate_unknown_issuer"][1]
        self.assertEqual(advice, self.env._(words))
        self.assertEqual(who_is_responsible(failure), "administrator")
