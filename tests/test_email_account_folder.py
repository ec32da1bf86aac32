from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import Form, new_test_user, tagged
from odoo.tools import mute_logger

from .common import ADDRESS, PASSWORD
from .receiving import MAIL, POP3, ReceivingCase

# UTF-7 as IMAP has it (RFC 3501 5.1.3): Müll & Größe/日本語
NAMES = {"Größe": "Gr&APYA3w-e", "R&D": "R&-D", "日本語": "&ZeVnLIqe-"}


class FolderCase(ReceivingCase):
    def setUp(self):
        super().setUp()
        self.session(lambda session: [session.delete(name) for name in (*NAMES.values(), "Orders", "Done")])

    def session(self, work):
        """Do something with an IMAP session of the mailbox."""
        with self.account._connect_incoming__() as mailbox:
            return work(mailbox._session)

    def create_folders(self, *names):
        self.session(lambda session: [session.create(name) for name in names])

    def load_folders(self):
        self.account.action_load_folders()
        return {folder.name: folder for folder in self.account.folder_ids}

    def append(self, folder, number, date=None):
        """Put a mail into a folder.

        :param date: as IMAP writes it, in quotes; now if it is not given
        """
        mail = MAIL.format(to=ADDRESS, subject=number, id=number).encode()
        self.session(lambda session: session.append(f'"{folder}"', "", date, mail))


@tagged("post_install", "-at_install")
class TestFolders(FolderCase):
    def test_names_are_readable(self):
        self.create_folders(*NAMES.values())
        folders = self.load_folders()
        for name, mailbox in NAMES.items():
            self.assertEqual(folders[name]._get_mailbox(), mailbox.encode())
        self.append(NAMES["Größe"], "utf7")
        folders["Größe"].is_received = True
        self.account._receive()
        self.assertEqual(self.get_message("utf7").email_account_id, self.account)

    def test_special_use_is_said_and_received_by_nobody(self):
        folders = self.load_folders()
        self.assertEqual(
            {name: folders[name].purpose for name in ("INBOX", "Drafts", "Sent", "Trash", "Junk")},
            {"INBOX": "Inbox", "Drafts": "Drafts", "Sent": "Sent", "Trash": "Trash", "Junk": "Spam"},
        )
        self.assertEqual([name for name, folder in folders.items() if folder.is_received], ["INBOX"])

    def test_choice_is_kept(self):
        self.create_folders("Orders")
        self.load_folders()["Orders"].is_received = True
        first = self.account.folder_ids
        folders = self.load_folders()
        self.assertTrue(folders["Orders"].is_received)
        self.assertEqual(self.account.folder_ids, first)

    def test_gone_folder(self):
        self.create_folders("Orders", "Done")
        folders = self.load_folders()
        folders["Orders"].is_received = True
        self.session(lambda session: [session.delete(name) for name in ("Orders", "Done")])
        gone = folders["Done"]
        self.assertEqual(self.load_folders()["Orders"].purpose, "Gone")
        self.assertFalse(gone.exists(), "nothing ever came from there")
        self.create_folders("Orders")
        self.assertFalse(self.load_folders()["Orders"].is_missing)

    def test_one_at_least(self):
        self.create_folders("Orders")
        folders = self.load_folders()
        with self.assertRaisesRegex(ValidationError, "choose at least one"):
            self.account.folder_ids = [(1, folders["INBOX"].id, {"is_received": False})]
        # in any order
        self.account.folder_ids = [
            (1, folders["INBOX"].id, {"is_received": False}),
            (1, folders["Orders"].id, {"is_received": True}),
        ]
        self.append("Orders", "orders")
        self.deliver("inbox")
        self.account._receive()
        self.assertTrue(self.get_message("orders"))
        self.assertFalse(self.get_message("inbox"))

    def test_where_mail_is_moved_to_is_not_received(self):
        self.create_folders("Done")
        done = self.load_folders()["Done"]
        self.account.write({"after_receiving": "move", "move_folder_id": done.id})
        with self.assertRaisesRegex(ValidationError, "Done is where received mail is moved to"):
            done.is_received = True
        self.account.after_receiving = "leave"
        done.is_received = True
        with self.assertRaisesRegex(ValidationError, "Done is received itself"):
            self.account.after_receiving = "move"

    def test_folder_that_is_switched_on_begins_where_the_account_does(self):
        self.create_folders("Orders")
        self.append("Orders", "older", '"01-Nov-2020 10:00:00 +0000"')
        self.append("Orders", "newer")
        self.account.import_from = "2026-01-01"
        self.load_folders()["Orders"].is_received = True
        self.account._receive()
        self.assertTrue(self.get_message("newer"))
        self.assertFalse(self.get_message("older"))

    def test_pop3_has_the_inbox_alone(self):
        self.create_folders("Orders")
        folders = self.load_folders()
        folders["Orders"].is_received = True
        self.account.write(POP3 | {"incoming_host": "pop.acme.example", "password": PASSWORD})
        self.account._set_state()
        self.assertEqual(self.account.folder_ids.filtered("is_received"), folders["INBOX"])
        self.account.action_load_folders()
        self.assertEqual(self.account.folder_ids, folders["INBOX"])
        with self.assertRaisesRegex(ValidationError, "POP knows no folders"):
            self.account.after_receiving = "move"

    def test_form(self):
        self.create_folders("Orders")
        self.load_folders()
        with Form(self.account) as form:
            names = [form.folder_ids.edit(row) for row in range(len(form.folder_ids))]
            orders = next(row for row, line in enumerate(names) if line.name == "Orders")
            with form.folder_ids.edit(orders) as line:
                line.is_received = True
                with self.assertRaisesRegex(AssertionError, "readonly"):
                    line.name = "Other"
        self.assertTrue(self.load_folders()["Orders"].is_received)

    def test_server_that_does_not_let_in(self):
        self.account.password = "wrong"
        with self.assertRaisesRegex(UserError, "refused the user name or the password"):
            self.account.action_load_folders()

    @mute_logger("odoo.addons.base.models.ir_rule", "odoo.addons.base.models.ir_model")
    def test_who_may_choose(self):
        employee = new_test_user(self.env, "ea_folder_employee", "base.group_user")
        owner = new_test_user(self.env, "ea_folder_owner", "base.group_user")
        manager = new_test_user(
            self.env, "ea_folder_manager", "base.group_user,email_account.group_email_account_manage"
        )
        self.create_folders("Orders")
        orders = self.load_folders()["Orders"]
        with self.assertRaises(AccessError):
            orders.with_user(employee).is_received = True
        with self.assertRaises(AccessError):
            self.account.with_user(employee).action_load_folders()
        orders.with_user(manager).is_received = True
        self.account.with_user(manager).action_load_folders()
        self.account.user_id = owner
        orders.with_user(owner).is_received = False
        self.account.with_user(owner).action_load_folders()
        with self.assertRaises(AccessError):
            orders.with_user(manager).is_received = True
        # but for that, folders are the server's
        for values in ({"name": "x"}, {"mailbox": "x"}, {"uid_next": "9"}, {"account_id": self.account.id}):
            with self.assertRaisesRegex(AccessError, "as the server has them"):
                orders.with_user(owner).write(values)
        with self.assertRaises(AccessError):
            orders.with_user(owner).unlink()
