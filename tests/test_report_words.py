from odoo.tests import TransactionCase, tagged

from .. import mailclient
from ..models.mail_report import DELIVERY_ACTIONS, MAX_DIAGNOSTIC, READ_ACTIONS, Recipient
from ..models.report_words import ACTIONS, CAUSES, describe_action, describe_reason


@tagged("post_install", "-at_install")
class TestReportWords(TransactionCase):
    def test_all_have_words(self):
        self.assertEqual(set(ACTIONS), {*DELIVERY_ACTIONS, *READ_ACTIONS})
        self.assertLessEqual(set(CAUSES), set(mailclient.CAUSES))
        for action in ACTIONS:
            for addresses in (("100%@customer.example",), ()):
                [line, *_more] = describe_action(self.env, Recipient(addresses, action, "5.0.0"))
                self.assertIn(addresses[0] if addresses else "a recipient", line)

    def test_reasons(self):
        """The words are of the recipient's side, what the server said follows them."""
        for status, diagnostic, expected in (
            (
                "5.1.1",
                "550 5.1.1 <bob@x.example>: User unknown",
                "There is no such mailbox on the recipient's server.",
            ),
            ("5.2.2", "", "The mailbox of the recipient is full."),
            ("4.4.7", "delivery time expired", "The mail server of the recipient did not answer in time."),
            ("5.7.1", "550 Message rejected as spam", "The recipient's server refused the email as unwanted"),
            (
                "5.4.4",
                "Host or domain name not found",
                "There is no mail server for the domain of the address.",
            ),
            ("5.3.4", "message too big", "The email is larger than the recipient's server accepts."),
            (
                "5.7.1",
                "554 Relay access denied",
                "The server that was contacted does not accept mail for this address.",
            ),
            ("5.0.0", "mail loops back to myself", "The reason is not known. The server said:"),
        ):
            with self.subTest(diagnostic or status):
                [words, reply] = describe_reason(
                    self.env, Recipient((), "failed", status, diagnostic)
                ).splitlines()
                self.assertTrue(words.startswith(expected), words)
                self.assertIn(diagnostic or status, reply)
        self.assertEqual(describe_reason(self.env, Recipient()), "The report does not say why.")

    def test_never_about_our_own_connection(self):
        """Whatever a stranger's server says: nothing that sends the reader to change the account."""
        for cause in mailclient.CAUSES:
            text = str(CAUSES.get(cause, ""))
            self.assertNotRegex(text, "(?i)password|user name|log ?in")
        for diagnostic in ("535 5.7.8 wrong password", "530 Authentication required", "x" * MAX_DIAGNOSTIC):
            words = describe_reason(self.env, Recipient((), "failed", "5.7.8", diagnostic)).splitlines()[0]
            self.assertNotRegex(words, "(?i)password|user name")
