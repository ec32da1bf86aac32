"""The application's own mail, such as password resets, leaves where administrators of the settings say."""

from odoo.exceptions import AccessError, ValidationError
from odoo.tests import Form, TransactionCase, tagged
from odoo.tools import mute_logger

from ..models.email_account_application import GRANTED
from .roles import create_users

DOMAIN = "company.example"
COMPANY = f"office@{DOMAIN}"
REFUSED = "administrators of the settings"


class ApplicationCase(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.users = create_users(cls.env)
        cls.users["settings"].email = f"boss@{DOMAIN}"
        cls.env.company.email = COMPANY
        cls.env.company.alias_domain_id = cls.env["mail.alias.domain"].create({"name": DOMAIN})
        cls.servers = cls.env["ir.mail_server"]
        cls.servers.search([]).active = False

    def add(self, role="manager", email=f"sales@{DOMAIN}", host="smtp.evil.example", **values):
        account = (
            self.env["email.account"]
            .with_user(self.users[role])
            .create(
                {"email": email, "outgoing_host": host, "use_for_receiving": False, "password": "x", **values}
            )
        )
        account.sudo()._set_state()
        return account

    def grant(self, granted):
        settings = self.env["res.config.settings"].with_user(self.users["settings"])
        settings.create({"email_account_granted_senders": granted}).execute()

    def find(self, email_from):
        return (self.servers._find_mail_server(email_from)[0] or self.servers).email_account_id

    def get_senders(self):
        """Return who the application sends from."""
        domain = self.env.company.alias_domain_id
        root = self.env.ref("base.user_root")
        return [
            COMPANY,
            self.env.company.email_formatted,
            domain.default_from_email,
            domain.bounce_email,
            domain.catchall_email,
            root.email_formatted,
            self.users["settings"].email_formatted,
            False,
        ]


@tagged("post_install", "-at_install")
class TestManagerWithoutSettings(ApplicationCase):
    """He could read the password resets of administrators otherwise."""

    def assertNothing(self, account):
        for sender in [*self.get_senders(), f"anybody@{DOMAIN}", "x@elsewhere.example"]:
            with self.subTest(sender=sender):
                self.assertFalse(self.find(sender) & account)

    def test_an_account_is_no_way_for_the_rest(self):
        account = self.add(sequence=-1)
        self.assertNothing(account)
        self.assertEqual(self.find(f"sales@{DOMAIN}"), account)

    def test_switch(self):
        account = self.add()
        for attempt in (
            lambda: account.write({"use_for_notifications": True}),
            lambda: self.add(email="other@x.example", use_for_notifications=True),
            lambda: account.with_context(default_use_for_notifications=True).create({"email": "b@x.example"}),
        ):
            with self.assertRaisesRegex(AccessError, REFUSED):
                attempt()
        with self.assertRaisesRegex(AccessError, "General Settings"), Form(account) as form:
            form.use_for_notifications = True

    def test_other_addresses(self):
        account = self.add()
        own = [sender for sender in self.get_senders() if sender and "<" not in sender]
        for name in (f"@{DOMAIN}", f"info@x.example, @{DOMAIN.upper()}", *own):
            with self.subTest(name):
                with self.assertRaisesRegex(AccessError, REFUSED):
                    account.write({"other_addresses": name})
                with self.assertRaisesRegex(AccessError, REFUSED):
                    self.add(email="other@x.example", other_addresses=name)
        account.other_addresses = f"help@{DOMAIN}"
        self.assertEqual(self.find(f"help@{DOMAIN}"), account)

    def test_by_way_of_a_personal_account(self):
        account = self.add(user_id=self.users["manager"].id, other_addresses=f"@{DOMAIN}")
        self.assertNothing(account)
        with self.assertRaisesRegex(AccessError, REFUSED):
            account.user_id = False

    def test_address_of_the_company(self):
        """It may be sent from by choice; what nobody has chosen does not leave over his servers."""
        for address in (
            COMPANY,
            self.users["settings"].email,
            self.env.company.alias_domain_id.default_from_email,
        ):
            with self.subTest(address), self.env.cr.savepoint() as savepoint:
                account = self.add(email=address)
                self.assertNothing(account)
                self.assertFalse(account.carries_application)
                self.servers._check_forced_mail_server(account.sudo().mail_server_id, False, address)
                savepoint.rollback()

    def test_address_of_the_company_at_its_own_servers(self):
        account = self.add(email=COMPANY, host=f"smtp.{DOMAIN}")
        account.sudo()._write_discovery({"settings_origin": "found", "discovery_trusted": True})
        self.assertEqual(self.find(COMPANY), account)
        account.write({"username": "manager@elsewhere.example", "password": "x"})
        account.sudo()._set_state()
        self.assertFalse(self.find(COMPANY))

    def test_what_an_administrator_has_set_up(self):
        account = self.add("settings", host=f"smtp.{DOMAIN}", use_for_notifications=True)
        manager = account.with_user(self.users["manager"])
        for values in (
            {"outgoing_host": "smtp.evil.example", "password": "x"},
            {"username": "evil", "password": "x"},
            {"outgoing_username": "evil", "password": "x"},
            {"email": "sales@evil.example", "password": "x"},
            {"bcc_email": "me@evil.example"},
            {"outgoing_security": "none", "password": "x"},
        ):
            with (
                self.subTest(values),
                self.assertRaisesRegex(AccessError, "sends the application's own mail"),
            ):
                manager.write(values)
        manager.write({"name": "Sales", "sender_name": "Sales", "password": "new", "outgoing_port": 587})
        account.sudo()._set_state()
        for sender in self.get_senders():
            self.assertEqual(self.find(sender), account)
        manager.use_for_notifications = False
        with self.assertRaisesRegex(AccessError, REFUSED):
            manager.use_for_notifications = True

    def test_what_an_administrator_has_set_up_for_no_more(self):
        account = self.add("settings", host=f"smtp.{DOMAIN}")
        self.assertEqual(self.find("x@elsewhere.example"), account)
        account.with_user(self.users["manager"]).write({"bcc_email": "me@evil.example"})
        self.assertFalse(self.find("x@elsewhere.example"))
        self.assertIn("no longer sent through this account", account.sudo().message_ids[0].body)
        account.action_approve()
        self.assertEqual(self.find("x@elsewhere.example"), account)

    def test_another_company(self):
        other = self.env["res.company"].create({"name": "Other"})
        self.users["manager"].company_ids += other
        account = self.add("settings", use_for_notifications=True)
        manager = account.with_user(self.users["manager"]).with_context(
            allowed_company_ids=self.users["manager"].company_ids.ids
        )
        with self.assertRaisesRegex(AccessError, REFUSED):
            manager.company_id = other

    def test_buttons_and_claims(self):
        account = self.add()
        for role in ("portal", "employee", "owner", "manager", "elsewhere"):
            with (
                self.subTest(role),
                mute_logger("odoo.addons.base.models.ir_rule"),
                mute_logger("odoo.addons.base.models.ir_model"),
            ):
                for button in ("action_approve", "action_withdraw_approval"):
                    self.assertRaises(AccessError, getattr(account.with_user(self.users[role]), button))
        account.write({"is_approved": True})
        self.assertFalse(self.add(email="b@x.example", is_approved=True).is_approved or account.is_approved)
        account.with_user(self.users["settings"]).action_approve()
        self.assertTrue(account.is_approved)
        account.with_user(self.users["settings"]).action_withdraw_approval()
        self.assertNothing(account)

    def test_adopting_is_for_administrators(self):
        self.servers.create(
            {"name": "Stock", "smtp_host": "smtp.x.example", "smtp_user": "a@x.example", "smtp_pass": "x"}
        )
        adopt = self.env["email.account.adopt"]
        for role in ("portal", "employee", "allowed", "member", "owner", "manager", "elsewhere"):
            with self.subTest(role), mute_logger("odoo.addons.base.models.ir_model"):
                self.assertRaises(AccessError, adopt.with_user(self.users[role]).action_open)
                self.assertRaises(AccessError, adopt.with_user(self.users[role]).create, {})
        self.grant("x.example")
        with mute_logger("odoo.addons.base.models.ir_model"):
            self.assertRaises(AccessError, adopt.with_user(self.users["manager"]).action_open)
        adopt = adopt.with_user(self.users["settings"])
        wizard = adopt.browse(adopt.action_open()["res_id"])
        account = self.env["email.account"].browse(wizard.action_adopt()["res_id"])
        self.assertTrue(account.is_approved and account.use_for_notifications)


@tagged("post_install", "-at_install")
class TestGrants(ApplicationCase):
    def test_domain(self):
        self.grant(f" {DOMAIN.upper()} ,other.example")
        account = self.add(use_for_notifications=True, other_addresses=f"@{DOMAIN}, @other.example")
        for sender in [*self.get_senders(), f"anybody@{DOMAIN}", "x@elsewhere.example"]:
            with self.subTest(sender=sender):
                self.assertEqual(self.find(sender), account)
        with self.assertRaisesRegex(AccessError, "@elsewhere.example"):
            account.other_addresses = f"@{DOMAIN}, @elsewhere.example"
        with self.assertRaisesRegex(AccessError, f"sub.{DOMAIN}"):
            account.other_addresses = f"@sub.{DOMAIN}"
        account.write({"outgoing_host": "smtp2.company.example", "password": "x"})

    def test_address(self):
        self.grant(COMPANY)
        with self.assertRaisesRegex(AccessError, REFUSED):
            self.add(use_for_notifications=True)
        account = self.add(email=COMPANY, use_for_notifications=True)
        self.assertEqual(self.find(COMPANY), account)
        with self.assertRaisesRegex(AccessError, REFUSED):
            account.other_addresses = f"@{DOMAIN}"
        other = self.add(email="help@x.example", user_id=self.users["manager"].id)
        other.unlink()

    def test_grant_is_taken_back(self):
        self.grant(DOMAIN)
        account = self.add(use_for_notifications=True, other_addresses=f"@{DOMAIN}")
        self.grant(False)
        for sender in self.get_senders():
            self.assertFalse(self.find(sender))
        self.assertFalse(account.carries_application)

    def test_what_is_none(self):
        settings = self.env["res.config.settings"].with_user(self.users["settings"])
        for entry in ("exa mple", "@", "a@b@c", "http://x", "info@"):
            with self.subTest(entry), self.assertRaisesRegex(ValidationError, "neither a domain"):
                settings.create({"email_account_granted_senders": f"{DOMAIN}, {entry}"})
        # written past the settings: it grants nothing
        self.env["ir.config_parameter"].set_param(GRANTED, "@, ,exa mple")
        self.assertEqual(self.env["email.account"]._get_granted(), set())

    def test_only_administrators_grant(self):
        for role in ("employee", "manager"):
            with (
                self.subTest(role),
                mute_logger("odoo.addons.base.models.ir_model"),
                self.assertRaises(AccessError),
            ):
                self.env["res.config.settings"].with_user(self.users[role]).create(
                    {"email_account_granted_senders": DOMAIN}
                ).execute()

    def test_administrators_decide_by_doing(self):
        account = self.add()
        account.with_user(self.users["settings"]).use_for_notifications = True
        for sender in self.get_senders():
            self.assertEqual(self.find(sender), account)

    def test_stock_servers_are_as_they_were(self):
        account = self.add("settings", use_for_notifications=True)
        stock = self.servers.create({"name": "Stock", "smtp_host": "localhost", "from_filter": DOMAIN})
        self.assertEqual(self.servers._find_mail_server(COMPANY)[0], stock)
        account.use_for_notifications = False
        self.assertEqual(self.servers._find_mail_server("x@y.example")[0], stock)

    def test_update(self):
        """What was sent through an account is still sent, until somebody without the settings changes it."""
        account = self.add()
        personal = self.add(email="p@x.example", user_id=self.users["manager"].id)
        self.env["email.account"]._approve_existing()
        self.assertEqual((account.is_approved, personal.is_approved), (True, False))
        for sender in self.get_senders():
            self.assertEqual(self.find(sender), account)
        account.write({"outgoing_host": "smtp.other.example", "password": "x"})
        account.sudo()._set_state()
        self.assertFalse(self.find(COMPANY))
