from unittest.mock import patch

from odoo import fields
from odoo.exceptions import UserError
from odoo.tests import tagged

from .common import ADDRESS, PASSWORD
from .hosts import MailHost
from .receiving import MoodyCase, ReceivingCase

# three batches
COUNT = 5
REFUSALS = (
    "NO [NOPERM] no",
    "NO [READ-ONLY] no",
    "NO [OVERQUOTA] full",
    "BAD no",
    "NO no",
    "NO [UNAVAILABLE] x",
)


class TellingCase(MoodyCase):
    batch = 2
    action = {"seen": "STORE", "move": "MOVE", "delete": "STORE"}

    def setUp(self):
        super().setUp()
        self.process_lightly()

    def begin(self, action):
        self.start(delete_after_days=0)
        self.account.action_load_folders()
        done = self.account.folder_ids.filtered(lambda folder: folder.name == "Done")
        self.account.write({"after_receiving": action, "move_folder_id": done.id})
        for number in range(1, COUNT + 1):
            self.arrive(number)

    def assertReceivedAll(self):
        self.assertEqual(sorted(self.get_received()), list(range(1, COUNT + 1)))
        self.assertEqual((self.account.state, self.account.last_error), ("ready", False))
        self.assertEqual(self.polling.failure_count, 0)
        self.assertFalse(self.get_unprocessed())
        self.assertFalse(self.account.activity_ids)


@tagged("post_install", "-at_install")
class TestTelling(TellingCase):
    def test_refused(self):
        words = {"seen": "marked as read", "move": "moved", "delete": "deleted"}
        for action, verb in self.action.items():
            for refusal in REFUSALS:
                with self.subTest(action, refusal=refusal):
                    self.begin(action)
                    self.server.told[verb] = refusal
                    self.account._receive()
                    self.assertReceivedAll()
                    self.assertIn(
                        f"Mail is received, but it could not be {words[action]}", self.account.telling_error
                    )
                    self.assertIn(refusal, self.account.telling_details)
                    self.assertEqual(self.server.count(f"UID {verb}"), 1)
                    # it is not asked each time
                    self.receive_by_cron()
                    self.assertEqual(self.server.count(f"UID {verb}"), 1)
                    if refusal != REFUSALS[0]:
                        continue
                    # it works again
                    self.server.told.clear()
                    self.polling.telling_date = fields.Datetime.now()
                    self.receive_by_cron()
                    self.assertFalse(self.account.telling_error)
                    self.assertFalse(self.account.telling_details)
                    self.assertToldAll(action)

    def receive_by_cron(self):
        self.polling.next_date = fields.Datetime.now()
        self.env.flush_all()
        with self.env.registry.cursor() as cr:
            self.env(cr=cr)["email.account"]._cron_receive()
        self.env.invalidate_all()

    def assertToldAll(self, action):
        if action == "seen":
            self.assertTrue(all("\\Seen" in message.flags for message in self.server.messages.values()))
        else:
            self.assertFalse(self.server.messages)

    def test_why(self):
        for refusal, words in (
            ("NO [NOPERM] no", "can read the mailbox, but not change it. Ask the administrator of"),
            ("NO [OVERQUOTA] full", "The mailbox is full. Delete mails"),
        ):
            self.begin("move")
            self.server.told["MOVE"] = refusal
            self.account._receive()
            self.assertIn(words, self.account.telling_error)

    def test_session_that_ends_over_it(self):
        for fault in ("close", "hang"):
            with self.subTest(fault):
                self.begin("seen")
                self.server.told["STORE"] = fault
                self.account._receive()
                self.account._receive()
                self.assertReceivedAll()
                self.assertFalse(any(self.account.folder_ids.mapped("suspects")))
                self.assertIn("could not be marked as read", self.account.telling_error)
                self.assertLessEqual(self.server.count("UID STORE"), 2)

    def test_folder_that_can_only_be_read(self):
        """It says so when it is opened, and OK to everything."""
        for action in ("seen", "delete"):
            for select, permanent in (
                ("[READ-ONLY]", ""),
                ("[READ-WRITE]", "()"),
                ("[READ-WRITE]", "(\\Answered)"),
            ):
                with self.subTest(action, select=select, permanent=permanent):
                    self.begin(action)
                    self.server.select, self.server.permanent = select, permanent
                    self.server.told = dict.fromkeys(("STORE", "EXPUNGE"), "ignore")
                    self.account._receive()
                    self.assertReceivedAll()
                    self.assertIn("can read the mailbox, but not change it", self.account.telling_error)
                    self.assertEqual(self.server.count("UID STORE"), 0)

    def test_folder_that_may_not_be_opened_for_changes(self):
        self.begin("seen")
        self.server.select = "NO [NOPERM] read it"
        self.account._receive()
        self.assertReceivedAll()
        self.assertTrue(self.account.telling_error)

    def test_removal_that_is_only_said(self):
        self.begin("delete")
        self.server.told["EXPUNGE"] = "ignore"
        self.account._receive()
        self.assertReceivedAll()
        self.assertIn("could not be deleted", self.account.telling_error)

    def test_pauses_grow(self):
        self.begin("seen")
        self.server.told["STORE"] = "NO [NOPERM] no"
        pauses = []
        for _time in range(10):
            self.account._receive()  # somebody asks: it is tried once
            pauses.append(round((self.polling.telling_date - fields.Datetime.now()).total_seconds() / 60))
        self.assertEqual(pauses, [5, 10, 20, 40, 80, 160, 320, 640, 1280, 1440])
        self.assertEqual(self.server.count("UID STORE"), 10)

    def test_another_choice_is_tried_at_once(self):
        self.begin("seen")
        self.server.told["STORE"] = "NO [NOPERM] no"
        self.account._receive()
        self.account.after_receiving = "leave"
        self.assertFalse(self.account.telling_error)
        self.arrive(COUNT + 1)
        self.receive_by_cron()
        self.assertEqual(len(self.get_received()), COUNT + 1)
        self.assertFalse(self.account.telling_error)
        self.assertEqual(self.server.count("UID STORE"), 1)

    def test_folder_to_move_to_that_is_gone(self):
        self.begin("move")
        self.server.told["MOVE"] = "NO [TRYCREATE] no such mailbox"
        self.account._receive()
        self.assertReceivedAll()
        self.assertIn("The folder does not exist in the mailbox", self.account.telling_error)
        self.assertFalse(any(self.account.folder_ids.mapped("is_missing")), "it is another one that is gone")

    def test_no_folder_to_move_to(self):
        self.begin("move")
        self.account.move_folder_id.sudo().unlink()
        self.account._receive()
        self.assertReceivedAll()
        self.assertIn("Choose one under “Move it to”", self.account.telling_error)
        self.assertEqual(self.server.count("UID (STORE|MOVE|COPY)"), 0)

    def test_value_that_nobody_knows(self):
        """As of an addon that is not installed any more."""
        self.begin("seen")
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE email_account SET after_receiving = 'archive' WHERE id = %s", [self.account.id]
        )
        self.env.invalidate_all()
        self.account._receive()
        self.assertReceivedAll()
        self.assertIn("“archive”", self.account.telling_error)
        self.assertEqual(self.server.count("UID (STORE|MOVE|COPY|EXPUNGE)"), 0)
        self.account.after_receiving = "seen"
        self.account._receive()
        self.assertTrue(all("\\Seen" in message.flags for message in self.server.messages.values()))

    def test_value_of_another_addon(self):
        self.begin("seen")
        accounts = self.env.registry["email.account"]
        told = []
        with (
            patch.object(
                accounts, "_tell_archive", lambda _account, _box, uids: lambda: told.extend(uids), create=True
            ),
            patch.object(
                accounts.after_receiving,
                "_selection",
                {**accounts.after_receiving._selection, "archive": "A"},
            ),
        ):
            self.account.after_receiving = "archive"
            self.account._receive()
            self.account._receive()
        self.assertReceivedAll()
        self.assertEqual(sorted(map(int, told)), list(range(1, COUNT + 1)))
        self.assertFalse(self.account.telling_error)

    def test_addon_that_fails(self):
        self.begin("seen")
        accounts = self.env.registry["email.account"]

        words = "No archive today."  # as it is: a term of a test is not translated

        def tell(_account, _box, _uids):
            raise UserError(words)

        with patch.object(accounts, "_tell_seen", tell):
            self.account._receive()
        self.assertReceivedAll()
        self.assertIn(words, self.account.telling_error)


@tagged("post_install", "-at_install")
class TestTellingPop3(TellingCase):
    protocol = "pop3"

    def test_refused(self):
        self.start(after_receiving="delete")
        for number in range(1, COUNT + 1):
            self.arrive(number)
        self.server.told["DELE"] = "-ERR [NOPERM] no"
        self.account._receive()
        self.assertReceivedAll()
        self.assertIn("could not be deleted", self.account.telling_error)
        self.assertLessEqual(self.server.count("DELE"), self.batch)
        self.server.told.clear()
        self.account._receive()
        self.assertFalse(self.server.messages)
        self.assertFalse(self.account.telling_error)


def acl(version):
    """Configuration with access control by files."""
    if version >= (2, 4):
        return "acl_driver = vfile\nprotocol imap {\n  mail_plugins {\n    acl = yes\n  }\n}\n"
    return "protocol imap {\n  mail_plugins = acl\n}\nplugin {\n  acl = vfile\n}\n"


def quota(version):
    """Configuration with folders of which all together may hold one message."""
    if version >= (2, 4):
        return (
            "protocol imap {\n  mail_plugins {\n    quota = yes\n  }\n}\n"
            "namespace shelf {\n  prefix = Shelf/\n  separator = /\n  mail_path = ~/shelf\n"
            '  quota "Shelf" {\n    quota_message_count = 1\n  }\n}\n'
        )
    return (
        "protocol imap {\n  mail_plugins = quota\n}\n"
        "namespace shelf {\n  prefix = Shelf/\n  separator = /\n  location = maildir:~/shelf\n}\n"
        "plugin {\n  quota_vsizes = yes\n  quota = count:Shelf:ns=Shelf/\n  quota_rule = *:messages=1\n}\n"
    )


class DovecotCase(ReceivingCase):
    """With a mailbox that Dovecot restricts.

    :cvar more: a function of Dovecot's version that gives more of its configuration (text)
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.shared = MailHost({ADDRESS: PASSWORD}, cls.hosts.authority, more=cls.more)
        cls.shared.start()
        cls.addClassCleanup(cls.shared.stop)

    def setUp(self):
        super().setUp()
        self.account.write({"incoming_port": self.shared.ports["imaps"], "password": PASSWORD})
        self.account._set_state()
        self.box = self.shared.mail / ADDRESS

    def deliver(self, number, **values):
        mails, self.hosts.mail = self.hosts.mail, self.shared
        try:
            return super().deliver(number, **values)
        finally:
            self.hosts.mail = mails


@tagged("post_install", "-at_install")
class TestTellingDovecot(DovecotCase):
    """A mailbox that may only be read, by its access control list."""

    more = staticmethod(acl)

    def allow(self, rights, folder=""):
        path = self.box / folder / "dovecot-acl"
        path.unlink(missing_ok=True)
        if rights:
            path.write_text(f"owner {rights}\n")
            path.chmod(0o644)

    def test_rights(self):
        with self.account._connect_incoming__() as mailbox:
            mailbox._session.create("Done")
        self.account.action_load_folders()
        done = self.account.folder_ids.filtered(lambda folder: folder.name == "Done")
        number = 0
        for rights, action, works in (
            ("lr", "seen", False),
            ("lrw", "seen", False),
            ("lrs", "seen", True),
            ("lrs", "delete", False),
            ("lrst", "delete", False),
            ("lrst", "move", False),
            ("lrste", "delete", True),
            ("lrste", "move", True),
        ):
            with self.subTest(rights, action=action):
                self.allow(rights)
                number += 1
                self.deliver(f"r{number}")
                self.account.write({"after_receiving": action, "move_folder_id": done.id})
                self.account._receive()
                self.assertTrue(self.get_message(f"r{number}"))
                self.assertEqual(self.account.state, "ready")
                self.assertEqual(not self.account.telling_error, works, self.account.telling_error)
                self.assertEqual(not self.account.telling_details, works)


@tagged("post_install", "-at_install")
class TestQuotaDovecot(DovecotCase):
    """The folder that mail is moved to is full."""

    more = staticmethod(quota)

    def test_move(self):
        with self.account._connect_incoming__() as mailbox:
            mailbox._session.create("Shelf/Done")
        self.account.action_load_folders()
        done = self.account.folder_ids.filtered(lambda folder: folder.name == "Shelf/Done")
        self.account.write({"after_receiving": "move", "move_folder_id": done.id})
        self.deliver("q1")
        self.account._receive()
        self.assertFalse(self.account.telling_error)
        for number in range(2, 30):
            self.deliver(f"q{number}")
        self.account._receive()
        for number in range(1, 30):
            self.assertTrue(self.get_message(f"q{number}"), number)
        self.assertEqual((self.account.state, self.account.last_error), ("ready", False))
        self.assertIn("it could not be moved on the server. The mailbox is full.", self.account.telling_error)
        self.assertIn("[OVERQUOTA]", self.account.telling_details)
        self.assertEqual(len(self.shared.messages(ADDRESS)), 28)
        # somebody makes room, and leaves as many as there is room for
        with self.account._connect_incoming__() as mailbox:
            mailbox.open(b"Shelf/Done")
            mailbox.remove(mailbox.uids())
            mailbox.open(b"INBOX")
            mailbox.remove(mailbox.uids()[1:])
        self.account._receive()
        self.assertFalse(self.account.telling_error)
        self.assertEqual(self.shared.messages(ADDRESS), [])
        self.assertFalse(self.get_unprocessed())
