from odoo import fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import Form, new_test_user, tagged
from odoo.tools import mute_logger

from .common import PASSWORD
from .receiving import MAIL, POP3
from .test_email_account_folder import FolderCase

OLD, OLDER = '"10-Jun-2020 10:00:00 +0000"', '"10-Jun-2018 10:00:00 +0000"'
# of what comes by POP the day is known by the header alone
OLD_HEADER = "Received: from elsewhere by pop.acme.example; Wed, 10 Jun 2020 10:00:00 +0000\n"
OLDER_HEADER = OLD_HEADER.replace("2020", "2018").replace("Wed", "Sun")


@tagged("post_install", "-at_install")
class TestImport(FolderCase):
    def setUp(self):
        super().setUp()
        self.account.import_from = "2026-01-01"

    def open_wizard(self, **values):
        action = self.account.action_open_import()
        wizard = Form(self.env[action["res_model"]].with_context(**action["context"]))
        for name, value in values.items():
            wizard[name] = value
        return wizard.save()

    def get_counts(self, wizard):
        return {line.name: (line.count, line.known_count, line.new_count) for line in wizard.line_ids}

    def test_count_and_import_from_a_day_on(self):
        self.create_folders("Orders")
        self.load_folders()["Orders"].is_received = True
        self.append("INBOX", "older", OLDER)
        self.append("INBOX", "old", OLD)
        self.append("INBOX", "new")
        self.append("Orders", "order", OLD)
        self.account._receive()
        self.assertEqual(self.account.message_count, 1)
        wizard = self.open_wizard(since="2020-01-01")
        action = wizard.action_count()
        self.assertEqual((action["res_id"], wizard.is_counted), (wizard.id, True))
        self.assertEqual(self.get_counts(wizard), {"INBOX": (2, 1, 1), "Orders": (1, 0, 1)})
        self.assertEqual(wizard.new_count, 2)
        self.assertFalse(self.get_message("old"), "counting imports nothing")
        cron = self.env.ref("email_account.ir_cron_email_account_receive")
        triggers = [("cron_id", "=", cron.id)]
        before = self.env["ir.cron.trigger"].search_count(triggers)
        self.assertEqual(wizard.action_import()["tag"], "display_notification")
        self.assertEqual(self.env["ir.cron.trigger"].search_count(triggers), before + 1)
        self.assertEqual(self.account.import_from, fields.Date.to_date("2020-01-01"))
        self.account._receive()
        self.assertTrue(self.get_message("old") and self.get_message("order"))
        self.assertFalse(self.get_message("older"))
        self.assertEqual(self.account.message_count, 3)
        wizard = self.open_wizard(since="2020-01-01")
        wizard.action_count()
        self.assertEqual(wizard.new_count, 0)
        # what is imported never moves the beginning to a later day
        self.open_wizard(since="2021-01-01").action_import()
        self.account._receive()
        self.assertEqual(self.account.import_from, fields.Date.to_date("2020-01-01"))
        self.assertEqual(self.account.message_count, 3)

    def test_everything(self):
        self.append("INBOX", "older", OLDER)
        self.append("INBOX", "new")
        self.account._receive()
        wizard = self.open_wizard(scope="everything")
        wizard.action_count()
        self.assertEqual(self.get_counts(wizard), {"INBOX": (2, 1, 1)})
        wizard.action_import()
        self.assertFalse(self.account.import_from)
        self.account._receive()
        self.assertTrue(self.get_message("older"))
        self.assertEqual(self.account.message_count, 2)

    def test_pop3(self):
        self.account.write(POP3 | {"incoming_host": "pop.acme.example", "password": PASSWORD})
        self.account._set_state()
        for number, header in (("older", OLDER_HEADER), ("old", OLD_HEADER), ("new", "")):
            self.append_raw(header, number)
        self.account._receive()
        self.assertEqual(self.account.message_count, 1)
        wizard = self.open_wizard(since="2020-01-01")
        wizard.action_count()
        self.assertEqual(self.get_counts(wizard), {"INBOX": (3, 1, 2)}, "all that the mailbox has")
        wizard.action_import()
        self.account._receive()
        self.assertTrue(self.get_message("old"))
        self.assertFalse(self.get_message("older"))
        self.open_wizard(scope="everything").action_import()
        self.account._receive()
        self.assertTrue(self.get_message("older"))
        self.assertEqual(self.account.message_count, 3)

    def append_raw(self, header, number):
        """Put a mail into the inbox, with a header before all others."""
        mail = (header + MAIL.format(to=self.account.email, subject=number, id=number)).encode()
        box = self.hosts.mail.mail / self.account.email
        with open(box / "new" / f"{number}.eml", "wb") as file:
            file.write(mail)

    def test_what_cannot_be_imported(self):
        wizard = self.open_wizard(since=fields.Date.add(fields.Date.today(), days=2))
        with self.assertRaisesRegex(ValidationError, "not in the future"):
            wizard.action_import()
        wizard.since = "2020-01-01"
        self.account.state = "draft"
        with self.assertRaisesRegex(UserError, "does not receive yet"):
            wizard.action_import()
        self.account._set_state()
        self.account.password = "wrong"
        self.account._set_state()
        with self.assertRaisesRegex(UserError, "refused the user name or the password"):
            wizard.action_count()
        self.assertFalse(wizard.is_counted)

    def test_another_day_has_to_be_counted_anew(self):
        wizard = self.open_wizard(since="2020-01-01")
        wizard.action_count()
        with Form(wizard) as form:
            self.assertTrue(form.is_counted)
            form.since = "2019-01-01"
            self.assertFalse(form.is_counted)
        self.assertFalse(wizard.is_counted)

    @mute_logger("odoo.addons.base.models.ir_rule")
    def test_who_may(self):
        employee = new_test_user(self.env, "ea_import_employee", "base.group_user")
        with self.assertRaises(AccessError):
            self.account.with_user(employee).action_open_import()
        wizard = self.env["email.account.import"].with_user(employee).create({"account_id": self.account.id})
        for button in (wizard.action_count, wizard.action_import):
            with self.assertRaises(AccessError):
                button()
        self.account.user_id = employee
        wizard.action_count()
        wizard.action_import()
        self.assertTrue(self.account.folder_ids.import_since)


@tagged("post_install", "-at_install")
class TestImportOfNewAccounts(FolderCase):
    def setUp(self):
        super().setUp()
        self.append("INBOX", "old", OLD)
        self.account.unlink()

    def create_by_wizard(self, **values):
        wizard = self.env["email.account.create"].create(self.wizard_values | values)
        wizard.action_create()
        self.assertEqual(wizard.step, "done")
        return wizard

    def test_wizard_receives_from_today_on(self):
        wizard = self.create_by_wizard()
        self.account = wizard.account_id
        self.assertEqual(self.account.import_from, fields.Date.today())
        self.deliver("new")
        self.account._receive()
        self.assertTrue(self.get_message("new"))
        self.assertFalse(self.get_message("old"))
        self.assertEqual(wizard.action_open_import()["res_model"], "email.account.import")

    def test_wizard_receives_everything_if_it_is_told_to(self):
        self.account = self.create_by_wizard(import_from=False).account_id
        self.account._receive()
        self.assertTrue(self.get_message("old"))

    def test_code_receives_everything(self):
        self.account = self.create_account()
        self.assertFalse(self.account.import_from)
        self.account._receive()
        self.assertTrue(self.get_message("old"))
