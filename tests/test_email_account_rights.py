"""Accounts that are limited to some, and personal ones."""

from unittest.mock import patch

from odoo.exceptions import AccessError, ValidationError
from odoo.tests import Form, TransactionCase, new_test_user, tagged
from odoo.tools import mute_logger

from .common import DOMAIN, PASSWORD
from .roles import RolesMixin


@tagged("post_install", "-at_install")
class TestLimitedAccounts(RolesMixin, TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.create_accounts(outgoing_host=f"smtp.{DOMAIN}")

    def test_deleted_and_archived_users_open_nothing(self):
        account, employee = self.accounts["l"], self.users["employee"]
        account.allowed_group_ids = False
        user = self.users["allowed"]
        user.active = False
        self.assertTrue(account.is_limited)
        self.assertFalse(account.with_user(employee).has_access("read"))
        user.unlink()
        self.env.flush_all()
        self.env.invalidate_all()
        self.assertFalse(account.allowed_user_ids)
        self.assertTrue(account.is_limited)
        self.assertFalse(account.with_user(employee).has_access("read"))
        self.assertTrue(account.with_user(self.users["manager"]).has_access("write"))

    def test_deleted_groups_open_nothing(self):
        account, employee = self.accounts["l"], self.users["employee"]
        account.allowed_user_ids = False
        self.group.unlink()
        self.env.flush_all()
        self.env.invalidate_all()
        self.assertFalse(account.allowed_group_ids)
        self.assertFalse(account.with_user(employee).has_access("read"))

    def test_without_a_list_it_is_everybodys(self):
        account, employee = self.accounts["l"], self.users["employee"]
        account.write({"allowed_user_ids": [(5,)], "allowed_group_ids": [(5,)]})
        self.assertTrue(account.with_user(employee).has_access("read"))

    def test_a_group_that_implies_it(self):
        employee = self.users["employee"]
        self.env["res.groups"].create(
            {
                "name": "Sales lead",
                "implied_ids": [(4, self.group.id)],
                "user_ids": [(4, employee.id)],
            }
        )
        self.assertTrue(self.accounts["l"].with_user(employee).has_access("read"))

    def test_notifications_are_everybodys(self):
        with self.assertRaisesRegex(ValidationError, "sent for everybody"):
            self.accounts["l"].use_for_notifications = True
        self.accounts["s"].use_for_notifications = True
        with self.assertRaisesRegex(ValidationError, "sent for everybody"):
            self.accounts["s"].allowed_user_ids = self.users["allowed"]

    def test_who_may_not_manage_sets_no_limits(self):
        Account = self.env["email.account"].with_user(self.users["employee"])
        with self.assertRaisesRegex(AccessError, "Allowed Users"):
            Account.create({"email": "own@acme.example", "allowed_user_ids": [(4, self.env.uid)]})

    def test_wizards_are_their_makers(self):
        """One with a password could be sent somewhere else by another user."""
        for model, values in {
            "email.account.create": {"email": "a@acme.example", "password": PASSWORD},
            "email.account.import": {"account_id": self.accounts["p"].id},
            "email.account.assign": {},
        }.items():
            with self.subTest(model=model), mute_logger("odoo.addons.base.models.ir_rule"):
                wizard = self.env[model].with_user(self.users["owner"]).create(values)
                self.assertTrue(wizard.has_access("write"))
                for role in ("employee", "manager", "settings"):
                    other = wizard.with_user(self.users[role])
                    self.assertRaises(AccessError, other.read, ["display_name"])
                    self.assertRaises(AccessError, other.write, {"create_date": False})
                    self.assertFalse(other.search([("id", "=", wizard.id)]))

    def test_forged_wizards_tell_no_address(self):
        """The name of a record comes with each reference to it."""
        hidden = self.accounts["p"]
        for model in ("email.account.import", "email.account.create"):
            with self.subTest(model=model), mute_logger("odoo.addons.base.models.ir_rule"):
                wizards = self.env[model].with_user(self.users["employee"])
                self.assertRaises(AccessError, wizards.create, {"account_id": hidden.id})
                wizard = wizards.create({"account_id": self.accounts["s"].id})
                self.assertRaises(AccessError, wizard.write, {"account_id": hidden.id})


@tagged("post_install", "-at_install")
class TestPersonalAccounts(RolesMixin, TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.create_accounts(outgoing_host=f"smtp.{DOMAIN}", incoming_host=f"imap.{DOMAIN}")

    def switch_off(self):
        self.env["res.config.settings"].create({"email_account_personal": False}).execute()

    def open_list(self, role="settings"):
        lines = self.as_role(role, self.env["email.account.personal"])
        return lines.search(lines.action_open()["domain"])

    def test_switched_off(self):
        self.switch_off()
        Account = self.env["email.account"]
        for role in ("employee", "owner"):
            accounts = Account.with_user(self.users[role])
            self.assertFalse(accounts.has_access("create"))
            with self.assertRaisesRegex(AccessError, "Personal email accounts are switched off"):
                accounts.create({"email": "new@acme.example"})
            self.assertIn("switched off", accounts.get_empty_list_help("<p>Add your own</p>"))
        # those that there are stay
        own = self.accounts["p"].with_user(self.users["owner"])
        own.write({"sender_name": "Still mine"})
        self.assertIn(own, own.search(own._get_sending_domain()))
        account = Account.with_user(self.users["manager"]).create({"email": "new@acme.example"})
        self.assertFalse(account.user_id)
        self.assertNotIn("switched off", account.get_empty_list_help("<p>Add</p>"))

    def test_switched_on_again(self):
        self.switch_off()
        self.env["res.config.settings"].create({"email_account_personal": True}).execute()
        self.assertTrue(self.env["email.account"].with_user(self.users["employee"]).has_access("create"))

    def test_wizard_says_so(self):
        self.switch_off()
        wizards = self.env["email.account.create"].with_user(self.users["owner"])
        wizard = wizards.create({"email": "new@acme.example", "password": PASSWORD, "method": "manual"})
        self.assertFalse(wizard.may_create)
        wizard.action_next()
        self.assertEqual(wizard.step, "start")
        self.assertIn("switched off", wizard.message)
        wizard.action_create()
        self.assertIn("switched off", wizard.message)
        # one that there is may be set up again
        again = wizards.with_context(
            **self.accounts["p"].with_user(self.users["owner"]).action_open_wizard()["context"]
        ).create({"password": PASSWORD, "method": "manual"})
        again.action_next()
        self.assertEqual(again.step, "outgoing")

    def test_composer_asks_the_administrator(self):
        self.env["email.account"].search([]).action_archive()
        user = self.users["employee"]
        values = {"model": "res.partner", "res_ids": repr(user.partner_id.ids)}
        composer = self.env["mail.compose.message"].with_user(user).create(values)
        self.assertEqual(composer.email_account_hint, "create")
        self.switch_off()
        composer = self.env["mail.compose.message"].with_user(user).create(values)
        self.assertEqual(composer.email_account_hint, "ask")

    def test_list_for_administrators(self):
        self.accounts["p"].polling_ids.received_date = "2026-11-26 01:02:03"
        [line] = self.open_list()
        [values] = line.read()
        self.assertEqual(
            {name: values[name] for name in ("email", "state", "is_archived")},
            {"email": f"personal@{DOMAIN}", "state": "ready", "is_archived": False},
        )
        self.assertEqual(values["owner_id"][0], self.users["owner"].id)
        self.assertEqual(str(values["last_received_date"]), "2026-11-26 01:02:03")
        self.assertNotIn("account_id", values)
        line.action_archive_account()
        self.assertFalse(self.accounts["p"].active)
        self.assertTrue(line.is_archived)
        [line] = self.open_list()
        line.action_restore_account()
        self.assertTrue(self.accounts["p"].active)
        self.assertEqual(self.accounts["p"].state, "ready")

    def test_the_list_leads_no_further(self):
        [line] = self.open_list()
        loggers = ("odoo.models", "odoo.addons.base.models.ir_model", "odoo.addons.base.models.ir_rule")
        with mute_logger(*loggers):
            self.assertRaises(AccessError, line.read, ["account_id"])
            self.assertRaises(AccessError, line.search, [("account_id.username", "=like", "%")])
            self.assertRaises(AccessError, line.write, {"email": "x@acme.example"})
            self.assertRaises(AccessError, line.create, {"account_id": self.accounts["s"].id})
            self.assertRaises(AccessError, line.unlink)
            for role in ("employee", "manager"):
                with self.assertRaises(AccessError):
                    self.open_list(role)
                self.assertRaises(AccessError, line.with_user(self.users[role]).action_archive_account)
        other = new_test_user(self.env, login="ea_other_admin", groups="base.group_user,base.group_system")
        with mute_logger(*loggers), self.assertRaises(AccessError):
            line.with_user(other).action_archive_account()

    def test_list_of_another_company(self):
        company = self.env["res.company"].create({"name": "Third"})
        lines = self.env["email.account.personal"].with_user(self.users["settings"])
        self.users["settings"].company_ids += company
        lines = lines.with_context(allowed_company_ids=company.ids)
        self.assertFalse(lines.search(lines.action_open()["domain"]))

    def test_form_shows_lists_to_managers_only(self):
        with Form(self.accounts["l"].with_user(self.users["manager"])) as form:
            form.allowed_group_ids.clear()
        self.assertEqual(self.accounts["l"].allowed_user_ids, self.users["allowed"])
        arch = self.env["email.account"].with_user(self.users["employee"]).get_view(view_type="form")["arch"]
        self.assertNotIn("allowed_user_ids", arch)

    def test_administrator_sends_the_queue(self):
        """He may send mail of others, whose servers are hidden from him."""
        message = self.env["mail.message"].with_user(self.users["owner"]).sudo().create({"body": "x"})
        mail = self.env["mail.mail"].create(
            {
                "mail_message_id": message.id,
                "email_to": "bob@acme.example",
                "mail_server_id": self.accounts["p"].mail_server_id.id,
            }
        )
        used = []

        def connect(_servers, *, mail_server_id=None, **_others):
            used.append(mail_server_id)
            raise OSError("no network here")

        with patch.object(self.env.registry["ir.mail_server"], "_connect__", connect):
            mail.with_user(self.users["settings"]).send()
            with mute_logger("odoo.addons.base.models.ir_model"), self.assertRaises(AccessError):
                mail.with_user(self.users["owner"]).send()
        self.assertEqual(used, self.accounts["p"].mail_server_id.ids)
        self.assertEqual((mail.state, mail.failure_reason), ("exception", "no network here"))
