"""Mailboxes and submission against a real Dovecot, in both TLS modes."""

from email.message import EmailMessage

from odoo.addons.email_account.mailclient import (
    Endpoint,
    Login,
    MailFailure,
    Timeouts,
    connect_mailbox,
    connect_smtp,
)

from ..hosts.mail_host import MailHost
from .common import MailCase, authority

PASSWORD = "Jäne's wörd \\\" 1"
HOST = "mail.example.org"
MODES = (("tls", "s"), ("starttls", ""))


class TestDovecot(MailCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.host = MailHost({"jane@example.org": PASSWORD}, authority=authority(), names=(HOST,)).start()
        cls.addClassCleanup(cls.host.stop)

    def options(self, protocol, mode):
        service = {"smtp": "submission"}.get(protocol, protocol) + dict(MODES)[mode]
        port = self.host.ports[service]
        return Endpoint(protocol, HOST, port, mode), {
            "resolve": lambda _host, port: [(self.host.address, port)],
            "timeouts": Timeouts(5, 5),
        }

    def mailbox(self, protocol="imap", mode="tls", password=PASSWORD):
        endpoint, options = self.options(protocol, mode)
        box = connect_mailbox(endpoint, Login(self.user, password), **options)
        self.addCleanup(box.close)
        return box

    def deliver(self, token, mode="tls", to=None):
        endpoint, options = self.options("smtp", mode)
        client = connect_smtp(endpoint, Login(self.user, PASSWORD), **options)
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self.user, to or self.user, token
        message["X-Token"] = token
        message.set_content(f"Hello\n.a dot\n{'x' * 3000}\n")
        self.assertEqual(client.send_message(message), {})
        client.quit()

    def setUp(self):
        super().setUp()
        self.user = f"{self._testMethodName}@example.org"
        self.host.add_user(self.user, PASSWORD)

    def test_found_read_and_removed(self):
        for protocol in ("imap", "pop3"):
            for mode, _suffix in MODES:
                with self.subTest(protocol=protocol, mode=mode):
                    token, other = f"{protocol}-{mode}", f"other {protocol} {mode}"
                    self.deliver(token, mode)
                    self.deliver(other, mode)
                    with self.mailbox(protocol, mode) as box:
                        self.assertEqual(box.find("X-Token", "nothing"), [])
                        [found] = box.find("X-Token", token)
                        self.assertEqual((found.folder, found.special_use), ("INBOX", "\\Inbox"))
                        self.assertIn(b"\r\n.a dot\r\n", box.fetch(found))
                        header = box.fetch_header(found)
                        self.assertIn(f"X-Token: {token}\r\n".encode(), header)
                        self.assertNotIn(b".a dot", header)
                        box.delete(found)
                    with self.mailbox(protocol, mode) as box:
                        self.assertEqual(box.find("X-Token", token), [])
                        self.assertEqual(len(box.find("X-Token", other)), 1)

    def test_looking_marks_nothing(self):
        self.deliver("unread")
        with self.mailbox() as box:
            [found] = box.find("X-Token", "unread")
            box.fetch(found), box.fetch_header(found)
            box.open(b"INBOX")
            self.assertEqual(len(box.uids(unseen=True)), 1)

    def test_every_folder_is_searched(self):
        self.deliver("everywhere")
        with self.mailbox() as box:
            session = box._session
            session.create('"R&AOQ-ume/&ZeVnLIqe-"')
            session.select("INBOX")
            session.copy("1", '"Junk"')
            session.copy("1", '"R&AOQ-ume/&ZeVnLIqe-"')
            found = box.find("X-Token", "everywhere")
            self.assertEqual([item.folder for item in found], ["INBOX", "Junk", "Räume/日本語"])
            self.assertEqual([item.special_use for item in found], ["\\Inbox", "\\Junk", ""])
            for item in found:
                self.assertIn(b"X-Token: everywhere", box.fetch(item))
                box.delete(item)
            self.assertEqual(box.find("X-Token", "everywhere"), [])
            session.delete('"R&AOQ-ume/&ZeVnLIqe-"')

    def test_only_what_has_come_is_looked_for(self):
        self.deliver("before")
        with self.mailbox() as box:
            self.assertIn("LIST-STATUS", box.capabilities)
            session = box._session
            session.create("Other")
            session.create("Quiet")
            box.remember()
            self.assertEqual(box.find("X-Token", "before"), [])
            self.deliver("after")
            session.select("INBOX")
            session.copy("2", "Other")
            session.copy("2", "Sent")
            found = [(item.folder, item.special_use) for item in box.find("X-Token", "after")]
            self.assertEqual(found, [("INBOX", "\\Inbox"), ("Sent", "\\Sent"), ("Other", "")])

    def test_bounce_is_found_by_what_it_brings_back(self):
        bounce = EmailMessage()
        bounce["Subject"] = "Undelivered"
        bounce.set_content("Sorry.")
        returned = EmailMessage()
        returned["X-Token"] = "came-back"
        returned.set_content("Hello")
        bounce.add_attachment(returned)
        for _number in range(3):
            self.deliver("other")
        with self.mailbox() as box:
            box.remember()
            self.assertEqual(box.find_text("came-back"), [])
            self.host.deliver(bounce.as_bytes(), self.user)
            [found] = box.find_text("came-back")
            self.assertIn(b"Subject: Undelivered", box.fetch(found))
            box.open(b"INBOX")
            self.assertEqual(len(box.uids(unseen=True)), 4)
        with self.mailbox("pop3") as box:
            [found] = box.find_text("came-back")
            self.assertIn(b"Subject: Undelivered", box.fetch(found))

    def test_gone_message(self):
        self.deliver("gone")
        with self.mailbox() as box, self.mailbox() as other:
            [found] = box.find("X-Token", "gone")
            other.delete(*other.find("X-Token", "gone"))
            with self.assertRaises(MailFailure) as caught:
                box.fetch(found)
            self.assertEqual((caught.exception.stage, caught.exception.cause), ("fetch", "message_missing"))
            box.delete(found)

    def test_without_uidplus_no_other_message_goes(self):
        self.deliver("mine")
        self.deliver("theirs")
        with self.mailbox() as box:
            box.capabilities = tuple(name for name in box.capabilities if name != "UIDPLUS")
            [theirs] = box.find("X-Token", "theirs")
            box._session.select("INBOX")
            box._session.uid("STORE", theirs.uid, "+FLAGS", "(\\Deleted)")
            [mine] = box.find("X-Token", "mine")
            box.delete(mine)
            self.assertEqual(len(box.find("X-Token", "theirs")), 1)
            box._session.select("INBOX")
            box._session.uid("STORE", theirs.uid, "-FLAGS", "(\\Deleted)")
            box.delete(mine)
            self.assertEqual(box.find("X-Token", "mine"), [])
            self.assertEqual(len(box.find("X-Token", "theirs")), 1)

    def test_refused_recipient(self):
        with self.assertRaises(Exception) as caught:
            self.deliver("lost", to="nobody@example.org")
        failure = MailFailure.from_exception(caught.exception, self.options("smtp", "tls")[0], "data")
        self.assertEqual((failure.stage, failure.cause), ("recipient", "mailbox_not_found"))

    def test_wrong_password(self):
        for protocol in ("imap", "pop3"):
            with self.subTest(protocol), self.assertRaises(MailFailure) as caught:
                self.mailbox(protocol, password="wröng")
            self.assertEqual((caught.exception.stage, caught.exception.cause), ("login", "wrong_password"))

    def test_clear_text_is_refused_by_both(self):
        for protocol in ("imap", "pop3"):
            endpoint, options = self.options(protocol, "starttls")
            endpoint = Endpoint(protocol, HOST, endpoint.port, "none")
            for safe_logon in (True, False):
                with self.subTest(protocol), self.assertRaises(MailFailure) as caught:
                    connect_mailbox(endpoint, Login(self.user, PASSWORD), safe_logon=safe_logon, **options)
                self.assertEqual(caught.exception.cause, "starttls_required")

    def test_closed_twice_and_after_the_end(self):
        for protocol in ("imap", "pop3"):
            box = self.mailbox(protocol)
            box.close()
            box.close()
            box.disconnect()
            with self.assertRaises(MailFailure) as caught:
                box.uids()
            self.assertEqual(caught.exception.cause, "connection_closed")
