from unittest.mock import patch

from odoo.tests import new_test_user, tagged

from ..models.check_run import CheckRun
from .common import ADDRESS, DOMAIN, PASSWORD
from .test_email_account_discovery import COLLEAGUE, SMTP, DiscoveryCase, StubSource


@tagged("post_install", "-at_install")
class TestSecondUser(DiscoveryCase):
    """The second user of a domain gets the settings of an account that works."""

    def setUp(self):
        super().setUp()
        self.hosts.mail.add_user(COLLEAGUE, PASSWORD)
        self.attacker = new_test_user(self.env, login="ea_attacker", groups="base.group_user")
        self.user = new_test_user(self.env, login="ea_second", groups="base.group_user")

    def create_account(self, **values):
        account = self.env["email.account"].create({**self.account_values, **values})
        account._set_state()
        return account

    def discover(self, user=None):
        """Let a colleague set up his account; return what discovery found."""
        self.hosts.dns.queries.clear()
        self.hosts.web.requests.clear()
        sent = []

        def login(run, direction):
            sent.append(run.settings[f"{direction}_host"])
            yield from ()

        with patch.object(CheckRun, "login", login):
            wizard = self.create_wizard(user or self.user, email=COLLEAGUE)
            wizard.action_create()
        self.assertEqual(wizard.step, "done", wizard.message)
        self.sent = sent
        return self.get_discovery(wizard)

    def test_shared_account(self):
        self.create_account()
        discovery = self.discover()
        self.assertEqual((discovery.source, discovery.trusted), ("account", True))
        self.assertEqual(self.hosts.web.requests, [])
        self.assertEqual(self.hosts.dns.queries, [])
        self.assertEqual(self.sent, [f"smtp.{DOMAIN}", f"imap.{DOMAIN}"])

    def test_his_login_is_tried(self):
        self.create_account()
        wizard = self.create_wizard(self.user, email=COLLEAGUE)
        wizard.action_create()
        self.assertEqual(wizard.step, "done", wizard.message)
        self.assertEqual(wizard.account_id.discovery_id.source, "account")
        self.assertEqual(self.get_new_logins(), [("submission", COLLEAGUE, True), ("imap", COLLEAGUE, True)])

    def test_personal_account_of_a_trusted_discovery(self):
        wizard = self.create_wizard(self.attacker)
        wizard.action_create()
        self.assertTrue(wizard.account_id.discovery_trusted)
        self.assertEqual(self.discover().source, "account")

    def test_servers_of_an_attacker_get_no_password(self):
        evil = {"incoming_host": "imap.evil.example", "outgoing_host": "smtp.evil.example"}
        claims = {"state": "ready", "discovery_trusted": True, "settings_origin": "found"}
        account = (
            self.env["email.account"]
            .with_user(self.attacker)
            .create({**self.account_values, **evil, **claims})
        )
        account.write(claims)
        self.assertEqual(account.state, "draft")
        account.sudo()._set_state()  # a check at his own servers
        discovery = self.discover()
        self.assertEqual(discovery.source, "autoconfig")
        self.assertEqual(self.sent, [f"smtp.{DOMAIN}", f"imap.{DOMAIN}"])

    def test_an_attacker_moves_what_was_found(self):
        wizard = self.create_wizard(self.attacker)
        wizard.action_create()
        wizard.account_id.with_user(self.attacker).write(
            {"incoming_host": "imap.evil.example", "password": PASSWORD, "state": "ready"}
        )
        self.assertEqual(wizard.account_id.state, "draft")
        wizard.account_id.sudo()._set_state()
        self.assertEqual(self.discover().source, "autoconfig")

    def test_an_attacker_writes_on_the_wizard(self):
        """One direction was found; the other, and then the first, are entered by RPC."""
        self.use_sources(StubSource(SMTP))
        wizard = self.create_wizard(self.attacker)
        wizard.action_create()
        self.assertEqual(wizard.step, "partial")
        wizard.outgoing_host = "mail.acme.example"
        wizard.action_create_partial()
        account = wizard.account_id
        self.assertEqual((wizard.step, account.outgoing_host), ("done", "mail.acme.example"))
        self.assertEqual((account.settings_origin, account.discovery_trusted), ("changed", False))

    def test_an_attacker_hides_a_server_in_the_other_direction(self):
        wizard = self.create_wizard(self.attacker, use_for_receiving=False, incoming_host="imap.evil.example")
        wizard.action_create()
        account = wizard.account_id
        self.assertEqual((wizard.step, account.incoming_host), ("done", "imap.evil.example"))
        self.assertEqual((account.settings_origin, account.discovery_trusted), ("found", False))
        account.with_user(self.attacker).use_for_receiving = True
        self.assertEqual(account.state, "ready")
        self.assertEqual(self.discover().source, "autoconfig")

    def test_unfit_accounts(self):
        company = self.env["res.company"].create({"name": "Elsewhere"})
        for values in (
            {"state": "draft"},
            {"active": False},
            {"company_id": company.id},
            {"email": "jane@sub.acme.example"},
            {"email": "jane@xacme.example"},
        ):
            account = self.create_account()
            account.write({"password": PASSWORD, **values})
            account.write({"state": values.get("state", "ready")})
            self.assertFalse(
                self.env["email.account"].with_user(self.user)._find_working_account(DOMAIN), values
            )
            account.unlink()

    def test_clear_text_is_not_handed_on(self):
        self.create_account(incoming_security="none", incoming_port=143)
        discovery = self.discover()
        self.assertEqual(discovery.source, "autoconfig+account")

    def test_user_names(self):
        for username, outgoing, expected in (
            (False, False, (COLLEAGUE, COLLEAGUE)),
            ("JANE", False, ("joe", "joe")),
            ("jane", ADDRESS, ("joe", COLLEAGUE)),
            ("4711", False, ("", "")),
        ):
            with self.subTest(username=username, outgoing=outgoing):
                account = self.create_account(username=username, outgoing_username=outgoing)
                self.discover()
                [discovery] = self.env["email.account"].search([("email", "=", COLLEAGUE)]).discovery_id
                self.assertEqual(
                    tuple(discovery._get_servers(name)[0].username for name in ("incoming", "outgoing")),
                    expected,
                )
                self.env["email.account"].search([("email", "=", COLLEAGUE)]).unlink()
                account.unlink()
