from lxml import etree
from psycopg2.errors import UniqueViolation

from odoo.exceptions import UserError, ValidationError
from odoo.tests import Form, TransactionCase, tagged
from odoo.tools import mute_logger

from ..autoconfig import BlockedAddress
from ..hooks import uninstall_hook


@tagged("post_install", "-at_install")
class TestEmailAccount(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.values = {
            "email": "info@example.org",
            "password": "secret",
            "incoming_host": "imap.example.org",
            "outgoing_host": "smtp.example.org",
        }
        cls.account = cls.env["email.account"].create(cls.values)

    def test_create_derives_servers(self):
        mail_server, fetchmail_server = self.account.mail_server_id, self.account.fetchmail_server_id
        self.assertEqual(self.account.name, "info@example.org")
        self.assertRecordValues(
            mail_server,
            [
                {
                    "name": "info@example.org",
                    "from_filter": "info@example.org",
                    "smtp_host": "smtp.example.org",
                    "smtp_port": 465,
                    "smtp_encryption": "ssl_strict",
                    "smtp_user": "info@example.org",
                    "smtp_pass": False,
                    "active": True,
                    "owner_user_id": False,
                }
            ],
        )
        self.assertRecordValues(
            fetchmail_server,
            [
                {
                    "name": "info@example.org",
                    "server": "imap.example.org",
                    "port": 993,
                    "server_type": "imap",
                    "is_ssl": True,
                    "user": "info@example.org",
                    "password": False,
                    "state": "draft",
                    "active": True,
                }
            ],
        )

    def test_write_keeps_servers_in_step(self):
        self.account.write({"name": "Info", "outgoing_security": "starttls", "outgoing_port": 587})
        self.assertEqual(self.account.mail_server_id.smtp_encryption, "starttls_strict")
        self.assertEqual(
            (self.account.mail_server_id.smtp_port, self.account.mail_server_id.name), (587, "Info")
        )
        self.account.write({"incoming_protocol": "pop3", "incoming_port": 995})
        self.assertEqual(self.account.fetchmail_server_id.server_type, "pop")
        self.assertEqual(len(self.account.mail_server_ids), 1)
        self.assertEqual(len(self.account.fetchmail_server_ids), 1)

    def test_direction_off_and_on(self):
        server = self.account.mail_server_id
        self.account.use_for_sending = False
        self.assertFalse(server.active)
        self.account.use_for_sending = True
        self.assertTrue(server.active)
        self.assertEqual(self.account.mail_server_id, server)

    def test_send_only_has_no_incoming_server(self):
        account = self.env["email.account"].create(
            {**self.values, "email": "news@example.org", "use_for_receiving": False}
        )
        self.assertTrue(account.mail_server_id)
        self.assertFalse(account.fetchmail_server_id)

    def test_archive_and_delete_follow_through(self):
        servers = self.account.mail_server_id, self.account.fetchmail_server_id
        self.account.active = False
        self.assertEqual([server.active for server in servers], [False, False])
        self.account.active = True
        self.assertEqual([server.active for server in servers], [True, True])
        self.account.unlink()
        self.assertFalse([server for server in servers if server.exists()])

    def test_owned_servers_are_changed_in_the_account_only(self):
        for server, values in (
            (self.account.mail_server_id, {"smtp_host": "evil.example"}),
            (self.account.mail_server_id, {"active": False}),
            (self.account.mail_server_id, {"name": "Mine"}),
            (self.account.fetchmail_server_id, {"server": "evil.example"}),
        ):
            with self.assertRaisesRegex(UserError, "belongs to the email account “info@example.org”"):
                server.write(values)
            with self.assertRaisesRegex(UserError, "belongs to the email account"):
                server.unlink()
        self.account.mail_server_id.max_email_size = 5  # is not derived
        for server, field, derived in (
            (self.account.mail_server_id, "smtp_host", True),
            (self.account.mail_server_id, "max_email_size", False),
            (self.account.fetchmail_server_id, "server", True),
            (self.account.fetchmail_server_id, "attach", False),
        ):
            arch = etree.fromstring(server.get_view(view_type="form")["arch"])
            readonly = arch.find(f".//field[@name='{field}']").get("readonly") or ""
            self.assertEqual("email_account_id" in readonly, derived, field)
        self.assertEqual(self.account.mail_server_id.action_open_email_account()["res_id"], self.account.id)

    def test_one_account_for_an_address_in_a_company(self):
        with self.assertRaises(UniqueViolation) as caught, mute_logger("odoo.sql_db"):
            self.env["email.account"].create({**self.values, "email": "INFO@example.org"})
        # what the web client shows
        self.assertIn("already an email account", self.account._sql_error_to_message(caught.exception))

    def test_one_account_for_an_address_in_each_company(self):
        company = self.env["res.company"].create({"name": "Other"})
        account = self.env["email.account"].create({**self.values, "company_id": company.id})
        self.assertTrue(account.mail_server_id)

    def test_duplicating_is_refused(self):
        with self.assertRaisesRegex(UserError, "cannot be duplicated"):
            self.account.copy()

    def test_normalisation(self):
        self.account.write(
            {
                "email": " Info@BÜCHER.example ",
                "incoming_host": " IMAP.Bücher.example. ",
                "outgoing_host": "mail.EXAMPLE.org",
                "password": "secret",
            }
        )
        self.assertEqual(self.account.email, "Info@xn--bcher-kva.example")
        self.assertEqual(self.account.incoming_host, "imap.xn--bcher-kva.example")
        self.assertEqual(self.account.outgoing_host, "mail.example.org")

    def test_bad_input_names_the_field(self):
        for values, sentence in (
            ({"email": "info"}, "Email Address: “info” lacks the part “@domain”"),
            ({"email": "info@exa mple.org"}, "Email Address: the domain"),
            ({"email": "in fo@example.org"}, "Email Address: the part"),
            (
                {"incoming_host": "https://mail.example.org"},
                "Incoming Server: “https://mail.example.org” is not",
            ),
            ({"outgoing_host": "mail.example.org:465"}, "Outgoing Server: “mail.example.org:465” is not"),
            ({"outgoing_host": "300.1.2.3"}, "Outgoing Server: “300.1.2.3” is not"),
            ({"incoming_port": 0}, "Incoming Port: enter a number from 1 to 65535, for example 993"),
            ({"outgoing_port": 70000}, "Outgoing Port: enter a number from 1 to 65535, for example 465"),
            ({"use_for_sending": False, "use_for_receiving": False}, "Choose at least one"),
            ({"timeout": 0}, "Time-out: enter"),
            ({"delete_after_days": -1}, "Days until it is deleted: enter 0"),
            ({"bcc_email": "nobody"}, "Always Bcc this address: “nobody” is not one email address"),
        ):
            with (
                self.subTest(values=values),
                self.assertRaisesRegex(ValidationError, sentence),
                self.cr.savepoint(),
            ):
                self.account.write({"password": "secret", **values})

    def test_addresses_as_host(self):
        for typed, stored in (
            ("192.168.1.5", "192.168.1.5"),
            ("localhost", "localhost"),
            ("2001:DB8::5", "2001:db8::5"),
        ):
            self.account.write({"outgoing_host": typed, "password": "secret"})
            self.assertEqual(self.account.outgoing_host, stored)

    def test_port_follows_security_only_while_it_is_standard(self):
        with Form(self.account) as form:
            form.password = "secret"
            form.incoming_security = "starttls"
            self.assertEqual(form.incoming_port, 143)
            form.incoming_protocol = "pop3"
            self.assertEqual(form.incoming_port, 110)
            form.incoming_security = "tls"
            self.assertEqual(form.incoming_port, 995)
            form.outgoing_security = "starttls"
            self.assertEqual(form.outgoing_port, 587)
            form.outgoing_port = 2525
            form.outgoing_security = "none"
            self.assertEqual(form.outgoing_port, 2525)

    def test_change_of_server_or_login_needs_the_password(self):
        for values in (
            {"incoming_host": "imap.evil.example"},
            {"outgoing_host": "smtp.evil.example"},
            {"username": "somebody"},
            {"email": "other@example.org"},
            {"outgoing_security": "none"},
        ):
            with (
                self.subTest(values=values),
                self.assertRaisesRegex(ValidationError, "Password: enter it again"),
            ):
                self.account.write(values)
        self.account.write({"incoming_host": "imap2.example.org", "password": "secret2"})
        self.assertEqual(self.account._get_secret__("password"), "secret2")

    def test_separate_outgoing_password_is_asked_for_too(self):
        self.account.outgoing_password = "other"
        with self.assertRaisesRegex(ValidationError, "Outgoing Password: enter it again"):
            self.account.write({"outgoing_host": "smtp2.example.org", "password": "secret"})
        self.account.write(
            {"outgoing_host": "smtp2.example.org", "password": "secret", "outgoing_password": "other"}
        )

    def test_changed_connection_has_to_be_checked_again(self):
        self.account._set_state()
        self.assertEqual((self.account.state, self.account.fetchmail_server_id.state), ("ready", "done"))
        self.account.write({"sender_name": "Info", "outgoing_port": 465})
        self.assertEqual(self.account.state, "ready")
        self.account.outgoing_port = 587
        self.assertEqual((self.account.state, self.account.fetchmail_server_id.state), ("draft", "draft"))

    def test_personal_account_sends_no_notifications(self):
        self.account.use_for_notifications = True
        with self.assertRaisesRegex(ValidationError, "personal account cannot"):
            self.account.user_id = self.env.user

    def test_check_asks_for_what_is_missing(self):
        account = self.env["email.account"].create({"email": "x@example.org"})
        with self.assertRaisesRegex(UserError, "Password: enter the password of x@example.org"):
            account.action_check()
        account.password = "secret"
        with self.assertRaisesRegex(UserError, "servers of x@example.org are not known"):
            account.action_check()
        with self.assertRaisesRegex(UserError, "Check the account first"):
            account.action_send_receive()

    def test_open_wizard_for_an_unconfigured_account(self):
        account = self.env["email.account"].create({"email": "x@example.org", "use_for_receiving": False})
        self.assertFalse(account.is_configured)
        wizard = (
            self.env["email.account.create"]
            .with_context(**account.action_open_wizard()["context"])
            .create({})
        )
        self.assertEqual(
            (wizard.email, wizard.use_for_receiving, wizard.account_id), ("x@example.org", False, account)
        )

    def test_uninstall_gives_stock_servers_back(self):
        self.account._set_state()
        personal = self.env["email.account"].create(
            {**self.values, "email": "own@example.org", "user_id": self.env.user.id}
        )
        personal._set_state()
        starttls = self.env["email.account"].create(
            {**self.values, "email": "starttls@example.org", "incoming_security": "starttls"}
        )
        starttls._set_state()
        unchecked = self.env["email.account"].create({**self.values, "email": "draft@example.org"})
        accounts = self.account + personal + starttls + unchecked
        mail_servers = [account.mail_server_id for account in accounts]
        fetchmail_servers = [account.fetchmail_server_id for account in accounts]
        uninstall_hook(self.env)
        self.assertEqual([server.smtp_pass for server in mail_servers], ["secret", False, "secret", "secret"])
        self.assertEqual([server.active for server in mail_servers], [True, False, True, False])
        passwords = [server.password for server in fetchmail_servers]
        self.assertEqual(passwords, ["secret", False, False, "secret"])
        self.assertEqual([server.state for server in fetchmail_servers], ["done", "draft", "draft", "draft"])
        self.assertFalse([server for server in mail_servers + fetchmail_servers if server.email_account_id])
        mail_servers[0].smtp_host = "other.example.org"  # they are Odoo's now

    def test_settings_page(self):
        settings = self.env["res.config.settings"].create(
            {"email_account_allowed_networks": "10.0.0.0/8, mail"}
        )
        self.assertEqual(settings.email_account_count, self.env["email.account"].search_count([]))
        settings.execute()
        guard = self.account._get_network().guard
        guard.check("10.1.2.3")
        guard.check("192.168.1.1", "mail")
        with self.assertRaises(BlockedAddress):
            guard.check("192.168.1.1")

    def test_uninstall_passes_over_servers_that_are_used(self):
        self.account.user_id = self.env.user
        self.account._set_state()
        server = self.account.mail_server_id
        self.env["mail.template"].create({"name": "T", "mail_server_id": server.id})
        uninstall_hook(self.env)
        self.assertEqual((server.active, server.smtp_pass, server.email_account_id.id), (True, False, False))

    def test_changed_provider_is_kept_by_updates(self):
        def load(**values):
            self.env.flush_all()
            data = {"xml_id": "email_account.provider_gmail", "values": values}
            self.env["email.provider"].with_context(install_mode=True)._load_records([data], update=True)

        gmail = self.env.ref("email_account.provider_gmail")
        load(imap_host="imap.example.org")
        self.assertEqual(gmail.imap_host, "imap.example.org")
        gmail.imap_host = "imap.example.com"
        load(imap_host="imap.example.org")
        self.assertEqual(gmail.imap_host, "imap.example.com")
