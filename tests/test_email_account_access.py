from odoo.exceptions import AccessError
from odoo.tests import TransactionCase, new_test_user, tagged
from odoo.tools import mute_logger

from .common import PASSED_STEP

GROUPS = {
    "portal": "base.group_portal",
    "employee": "base.group_user",
    "manager": "base.group_user,email_account.group_email_account_manage",
    "settings": "base.group_user,base.group_system",
}


@tagged("post_install", "-at_install")
class TestEmailAccountAccess(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.users = {
            name: new_test_user(cls.env, login=f"ea_{name}", groups=groups) for name, groups in GROUPS.items()
        }
        cls.users["owner"] = new_test_user(cls.env, login="ea_owner", groups="base.group_user")
        cls.company = cls.env["res.company"].create({"name": "Elsewhere"})
        cls.users["elsewhere"] = new_test_user(
            cls.env,
            login="ea_elsewhere",
            groups=GROUPS["manager"],
            company_id=cls.company.id,
            company_ids=[(6, 0, cls.company.ids)],
        )
        Account = cls.env["email.account"]
        cls.shared = Account.create(
            {"email": "shared@example.org", "password": "x", "outgoing_host": "smtp.example.org"}
        )
        cls.personal = Account.create(
            {
                "email": "owner@example.org",
                "user_id": cls.users["owner"].id,
                "password": "x",
                "outgoing_host": "smtp.example.org",
            }
        )

    def assertMay(self, user, operation, account, may):
        account = account.with_user(self.users[user]).with_context(
            allowed_company_ids=self.users[user].company_ids.ids
        )
        with self.subTest(user=user, operation=operation, account=account.id):
            self.assertEqual(account.has_access(operation), may)

    def test_matrix(self):
        for user, rights in {
            # read, write, unlink of the shared account; then of the personal one
            "portal": "-----",
            "employee": "r----",
            "owner": "r--rw",
            "manager": "rwu--",
            "settings": "rwu--",
            "elsewhere": "-----",
        }.items():
            self.assertMay(user, "read", self.shared, rights[0] == "r")
            self.assertMay(user, "write", self.shared, rights[1] == "w")
            self.assertMay(user, "unlink", self.shared, rights[2] == "u")
            self.assertMay(user, "read", self.personal, rights[3] == "r")
            self.assertMay(user, "write", self.personal, rights[4] == "w")

    def test_employee_creates_his_own(self):
        user = self.users["employee"]
        account = (
            self.env["email.account"]
            .with_user(user)
            .create({"email": "employee@example.org", "password": "x", "outgoing_host": "smtp.example.org"})
        )
        self.assertEqual(account.user_id, user)
        self.assertTrue(account.mail_server_id)
        with self.assertRaises(AccessError), mute_logger("odoo.addons.base.models.ir_rule"):
            account.user_id = self.users["owner"]
        account.unlink()

    def test_portal_has_nothing(self):
        for model in ("email.account", "email.account.create", "email.account.check", "email.provider"):
            self.assertFalse(self.env[model].with_user(self.users["portal"]).has_access("read"), model)

    def test_reports_follow_the_account(self):
        check = self.env["email.account.check"]._create_report(self.personal, [PASSED_STEP])
        self.assertTrue(check.with_user(self.users["owner"]).has_access("read"))
        self.assertFalse(check.with_user(self.users["manager"]).has_access("read"))
        self.assertFalse(check.step_ids.with_user(self.users["settings"]).has_access("read"))
        self.assertFalse(check.with_user(self.users["owner"]).has_access("write"))

    def test_owned_servers_stay_closed_to_users(self):
        for user in ("employee", "owner"):
            self.assertFalse(self.personal.mail_server_id.with_user(self.users[user]).has_access("read"))

    def test_personal_account_is_proposed_to_its_owner_only(self):
        self.env["email.account"].search([]).state = "draft"
        self.personal._set_state()
        Account = self.env["email.account"].with_company(self.personal.company_id)
        for name, proposed in (("owner", self.personal), ("manager", Account), ("employee", Account)):
            accounts = Account.with_user(self.users[name])
            self.assertEqual(accounts._get_default_account(), proposed)
            self.assertEqual(accounts.sudo()._get_default_account(), proposed)

    def test_nobody_claims_that_he_was_checked(self):
        account = self.shared.with_user(self.users["manager"])
        self.assertEqual(account.state, "draft")
        account.write({"state": "ready", "name": "Checked"})
        self.assertEqual((account.state, account.name), ("draft", "Checked"))
        account.sudo()._set_state()
        account.write({"incoming_host": "elsewhere.example.org", "password": "x", "state": "ready"})
        self.assertEqual(account.state, "draft")
        own = account.create({"email": "own@example.org", "password": "x", "state": "ready"})
        self.assertEqual(own.state, "draft")
