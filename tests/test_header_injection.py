import contextlib
import email
import email.policy

from odoo.exceptions import ValidationError
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..mailclient import MailFailure
from .common import ADDRESS, PASSWORD, HostsCase
from .receiving import ReceivingCase

RECIPIENT = "bob@acme.example"
EVIL = "evil@elsewhere.example"
BREAKS = ("\r\n", "\n", "\r", "\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\0")
LINES = [f"Jane{end}Bcc: {EVIL}" for end in BREAKS]
ENCODED = [
    f"=?utf-8?q?Jane=0D=0ABcc:_{EVIL}?=",
    f"Jane =?utf-8?q?=0ABcc:_{EVIL}?=",
    "=?utf-8?b?SmFuZQ0KQmNjOiBldmlsQGVsc2V3aGVyZS5leGFtcGxl?=",
]
# what has a meaning in a header, and none in a name
ODD = [
    'Jane "the" Boss',
    "Jane \\ Acme",
    f"Jane, {EVIL}",
    f"Jane <{EVIL}>",
    f"<{EVIL}>",
    "Jane (Acme);",
    "Jané: 名前",
    "x" * 200,
]
COMMANDS = [
    f"a@b.example>\r\nRCPT TO:<{EVIL}",
    f"a@b.example\r\nRCPT TO:<{EVIL}>",
    f"a@b.example>\nRCPT TO:<{EVIL}",
    f"a@b.example\rRCPT TO:<{EVIL}>",
]


class SendingCase(HostsCase):
    def setUp(self):
        super().setUp()
        self.hosts.mail.add_user(RECIPIENT, "bob")
        self.account = self.env["email.account"].create(self.account_values)
        self.account._set_state()
        self.hosts.mail.outbox.clear()
        self.before = len(self.hosts.mail.messages(RECIPIENT))

    def send(self, **values):
        mail = self.env["mail.mail"].create(
            {
                "email_from": self.account._get_email_formatted(),
                "mail_server_id": self.account.mail_server_id.id,
                "email_to": RECIPIENT,
                "subject": "Hi",
                "body_html": "<p>Hello</p>",
                "auto_delete": False,
                **values,
            }
        )
        with mute_logger("odoo.addons.mail.models.mail_mail", "odoo.addons.base.models.ir_mail_server"):
            mail.send()
        return mail

    def get_sent(self):
        found = self.hosts.mail.messages(RECIPIENT)[self.before :]
        self.before += len(found)
        return [email.message_from_bytes(source, policy=email.policy.default) for source in found]

    def assertNothingInjected(self):
        """Nobody else got anything, and no header was added; the mails that have arrived are returned."""
        others = list(self.hosts.mail.outbox)
        self.hosts.mail.outbox.clear()
        sent = self.get_sent()
        self.assertEqual(others, [])
        for message in sent:
            self.assertNotIn("bcc", message)
            for name in ("From", "To", "Subject", "Reply-To", "Message-Id"):
                self.assertLessEqual(len(message.get_all(name, [])), 1, name)
            self.assertIn("Hello", message.get_body(("plain",)).get_content())
        return sent


@tagged("post_install", "-at_install")
class TestHeaderInjection(SendingCase):
    def test_sender_name_on_the_form(self):
        for name in [*LINES, *ENCODED, "x" * 201]:
            with self.subTest(name), self.assertRaisesRegex(ValidationError, "one line"):
                self.account.sender_name = name
        self.assertEqual(self.account.sender_name, "Jane of Acme")

    def test_addresses_on_the_form(self):
        for address in [f"jane@acme.example{end}Bcc: {EVIL}" for end in BREAKS] + COMMANDS + ENCODED:
            with self.subTest(address), self.assertRaises(ValidationError):
                self.account.write({"email": address, "password": "x"})
            with self.subTest(address), self.assertRaises(ValidationError):
                self.account.other_addresses = address
            with self.subTest(address), self.assertRaises(ValidationError):
                self.account.bcc_email = address
        self.assertEqual((self.account.email, self.account.bcc_email), (ADDRESS, False))

    def test_names_that_mean_nothing(self):
        """They are the name, whatever is in it."""
        for name in ODD:
            with self.subTest(name):
                self.account.sender_name = name
                self.assertEqual(self.send().state, "sent")
                [message] = self.assertNothingInjected()
                [sender] = message["From"].addresses
                self.assertEqual((sender.display_name, sender.addr_spec), (name, ADDRESS))

    def test_names_stored_past_the_form(self):
        """No such name leads to a header, even if it has got into the database."""
        for name in LINES + ENCODED:
            with self.subTest(name):
                self.env.flush_all()
                self.env.cr.execute(
                    "UPDATE email_account SET sender_name = %s WHERE id = %s",
                    [name.replace("\0", ""), self.account.id],
                )
                self.env.invalidate_all()
                self.send()
                for message in self.assertNothingInjected():
                    self.assertEqual([each.addr_spec for each in message["From"].addresses], [ADDRESS])

    def test_what_the_composer_sends(self):
        for text in LINES + ENCODED + ODD:
            text = text.replace("\0", "")  # which the database does not take
            for values in (
                {"subject": text},
                {"reply_to": f'"{text}" <{ADDRESS}>'},
                {"references": f"<{text}@acme.example>"},
                {"message_id": f"<{text}@acme.example>"},
                {"email_from": f'"{text}" <{ADDRESS}>'},
                {"headers": repr({"X-Name": text})},
                {"email_to": f'"{text.replace(chr(34), "").replace("@", "%")}" <{RECIPIENT}>'},
            ):
                with self.subTest(values):
                    if "message_id" in values or "email_from" in values:
                        values["reply_to"] = ADDRESS
                    mail = self.send(**values)
                    sent = self.assertNothingInjected()
                    self.assertEqual(len(sent), mail.state == "sent")

    def test_recipients_of_a_message(self):
        """The name of a partner is none of the recipients."""
        for name in LINES[:4] + ENCODED + ODD:
            with self.subTest(name):
                partner = self.env["res.partner"].create({"name": name, "email": RECIPIENT})
                self.send(email_to=False, recipient_ids=partner.ids)
                self.assertNothingInjected()

    def test_bcc_is_one_address(self):
        self.account.bcc_email = f'"Copy, {EVIL}" <{ADDRESS}>'
        copies = len(self.hosts.mail.messages(ADDRESS))
        self.assertEqual(self.send().state, "sent")
        self.assertEqual(len(self.assertNothingInjected()), 1)
        self.assertEqual(len(self.hosts.mail.messages(ADDRESS)), copies + 1)

    def test_name_of_the_account_in_the_test_email(self):
        self.account.name = f"Sales\r\nBcc: {EVIL}"
        check = self.account._check()
        self.assertNotIn("failed", check.step_ids.filtered(lambda step: step.direction).mapped("result"))
        self.assertNothingInjected()

    def test_envelope(self):
        for address in COMMANDS:
            with self.subTest(address), contextlib.closing(self.account._connect_outgoing__()) as session:
                for attempt in (session.try_sender, session.mail, session.rcpt):
                    with contextlib.suppress(ValueError, OSError, MailFailure):
                        attempt(address)
                with contextlib.suppress(ValueError, OSError):
                    session.sendmail(address, [RECIPIENT], b"Subject: x\r\n\r\nHello")
                with contextlib.suppress(ValueError, OSError):
                    session.sendmail(ADDRESS, [address], b"Subject: x\r\n\r\nHello")
            self.assertEqual([to for mail in self.hosts.mail.outbox for to in mail if to == EVIL], [])
            self.hosts.mail.outbox.clear()

    def test_user_name(self):
        logins = len(self.hosts.mail.logins())
        for name in ("jane\r\nA2 LOGOUT", "jane\nQUIT", "jane\rQUIT"):
            with self.subTest(name):
                self.account.write({"username": name, "password": PASSWORD})
                for connect in (self.account._connect_outgoing__, self.account._connect_incoming__):
                    with self.assertRaises(MailFailure) as failure:
                        connect()
                    self.assertEqual(failure.exception.cause, "invalid_login_text")
        self.assertEqual(len(self.hosts.mail.logins()), logins)


@tagged("post_install", "-at_install")
class TestImapInjection(ReceivingCase):
    def test_folder_names(self):
        """Quotes and backslashes are part of the name; what cannot be said in a command is not sent."""
        self.deliver("one")
        odd = b'we"ird \\ {3} (name)'
        for name in (b"x\r\nA1 DELETE INBOX", b'x"\r\nA1 LOGOUT', b"x\0"):
            with self.account._connect_incoming__() as mailbox:
                mailbox.open(b"INBOX")
                uids = mailbox.uids(1)
                with self.assertRaises(MailFailure):
                    mailbox.move(uids, name)
        with self.account._connect_incoming__() as mailbox:
            mailbox._session._simple_command("CREATE", b'"we\\"ird \\\\ {3} (name)"')
            mailbox.open(b"INBOX")
            mailbox.move(mailbox.uids(1), odd)
            mailbox.open(odd)
            self.assertEqual(len(mailbox.uids(1)), 1)
        self.account.action_load_folders()
        folder = self.account.folder_ids.filtered(lambda folder: folder.name == odd.decode())
        self.assertEqual(folder._get_mailbox(), odd)

    def test_search(self):
        self.deliver("one")
        with self.account._connect_incoming__() as mailbox:
            for value in ('x"\r\nA1 LOGOUT\r\n', "x\nA1 DELETE INBOX", '") (', "{3}\r\nabc", "\u2028"):
                with contextlib.suppress(MailFailure):
                    self.assertEqual(mailbox.find("Message-Id", value), [])
            self.assertEqual(len(mailbox.find("Message-Id", "<one@customer.example>")), 1)
