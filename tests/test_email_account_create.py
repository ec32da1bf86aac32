from unittest.mock import patch

from odoo.exceptions import UserError
from odoo.tests import Form, new_test_user, tagged

from ..autoconfig import Guard
from .common import ADDRESS, AUTOCONFIG, DOMAIN, PASSWORD, HostsCase
from .hosts.mail_port import MailPort


@tagged("post_install", "-at_install")
class TestEmailAccountCreate(HostsCase):
    def setUp(self):
        super().setUp()
        self.wizard = self.env["email.account.create"].create(self.wizard_values)

        self.logins = len(self.hosts.mail.logins())

    def assertNoNewLogin(self):
        self.assertEqual(self.hosts.mail.logins()[self.logins :], [])

    def publish(self, incoming=True, username="%EMAILADDRESS%", smtp=f"smtp.{DOMAIN}"):
        """Publish other settings for the domain than those of the beginning."""
        document = AUTOCONFIG.replace("%EMAILADDRESS%", username).replace(f"smtp.{DOMAIN}", smtp)
        if not incoming:
            document = document.replace("incomingServer", "someOtherServer")
        self.hosts.web.route(f"autoconfig.{DOMAIN}", "/mail/config-v1.1.xml", document)

    def resolve_only(self, *names, ip="127.0.0.1"):
        """Make no other host of the domain known, so that nothing can be guessed."""
        self.hosts.dns.clear()
        for name in names:
            self.hosts.dns.zone(f"{name}.{DOMAIN}. A {ip}")

    def get_accounts(self):
        return self.env["email.account"].search([("email", "=", ADDRESS)])

    def assertNothingStored(self):
        self.assertFalse(self.get_accounts())
        self.assertFalse(self.env["ir.mail_server"].search([("from_filter", "=", ADDRESS)]))
        self.assertFalse(self.env["fetchmail.server"].search([("user", "=", ADDRESS)]))

    def test_automatic(self):
        self.wizard.action_create()
        self.assertEqual((self.wizard.step, self.wizard.message), ("done", False))
        account = self.get_accounts()
        self.assertEqual(self.wizard.account_id, account)
        self.assertEqual(account.state, "ready")
        self.assertEqual(
            (account.incoming_host, account.incoming_port, account.incoming_security),
            (f"imap.{DOMAIN}", 993, "tls"),
        )
        self.assertEqual(
            (account.outgoing_host, account.outgoing_port, account.outgoing_security),
            (f"smtp.{DOMAIN}", 465, "tls"),
        )
        self.assertEqual(account.name, ADDRESS)
        self.assertFalse(account.user_id)
        self.assertEqual(account.mail_server_id.from_filter, ADDRESS)
        self.assertEqual(account.fetchmail_server_id.state, "done")
        self.assertFalse(account.mail_server_id.smtp_pass or account.fetchmail_server_id.password)
        self.assertEqual(account.check_ids.result, "passed")
        self.assertEqual(
            self.hosts.mail.logins()[-2:], [("submission", ADDRESS, True), ("imap", ADDRESS, True)]
        )
        self.assertEqual(self.wizard.action_open_account()["res_id"], account.id)
        self.assertFalse(self.wizard.password_set)

    def test_wrong_password(self):
        self.wizard.password = "wrong"
        self.wizard.action_create()
        self.assertEqual((self.wizard.step, self.wizard.is_retry), ("start", True))
        self.assertIn("Cannot connect to the outgoing email server", self.wizard.message)
        self.assertIn("Cannot connect to the incoming email server", self.wizard.message)
        self.assertIn("refused the user name or the password", self.wizard.message)
        self.assertEqual(self.wizard.invalid_field, "password")
        # found settings are kept for the manual pages
        self.assertEqual(self.wizard.incoming_host, f"imap.{DOMAIN}")
        self.assertNothingStored()
        self.wizard.password = PASSWORD
        self.wizard.action_create()
        self.assertEqual(self.wizard.step, "done", self.wizard.message)

    def test_no_settings(self):
        self.wizard.email = "jane@unpublished.example"
        self.wizard.action_create()
        self.assertEqual((self.wizard.step, self.wizard.is_retry), ("start", True))
        self.assertEqual(
            self.wizard.message,
            "Cannot determine connection settings automatically. "
            "Configure the connection parameters manually.",
        )
        self.assertNothingStored()
        self.assertNoNewLogin()
        asked = {step.source: step.result for step in self.wizard.discovery_step_ids}
        self.assertEqual((asked["autoconfig"], asked["guess"]), ("not_found", "not_found"))

    def test_settings_of_a_web_host_with_a_bad_certificate_are_not_used(self):
        self.hosts.web.certificate(f"autoconfig.{DOMAIN}", "wrong_name")
        self.resolve_only("autoconfig")
        self.wizard.action_create()
        self.assertIn("Cannot determine connection settings", self.wizard.message)
        self.assertNoNewLogin()

    def test_input_is_checked_before_anything_runs(self):
        for values, field, sentence in (
            ({"email": False}, "email", "Enter the email address."),
            ({"email": "jane"}, "email", "lacks the part “@domain”"),
            ({"email": "jane@-.example"}, "email", "the domain of “jane@-.example”"),
            ({"password": False}, "password", "Enter the password."),
            (
                {"use_for_sending": False, "use_for_receiving": False},
                "use_for_sending",
                "Choose at least one",
            ),
        ):
            with self.subTest(values=values):
                wizard = self.env["email.account.create"].create({**self.wizard_values, **values})
                wizard.action_create()
                self.assertEqual((wizard.step, wizard.invalid_field), ("start", field))
                self.assertIn(sentence, wizard.message)
                self.assertEqual(wizard.email, values.get("email", ADDRESS))
        self.assertEqual(self.hosts.web.requests, [])

    def test_address_that_is_set_up_already(self):
        self.wizard.action_create()
        again = self.env["email.account.create"].create({**self.wizard_values, "email": ADDRESS.upper()})
        again.action_create()
        self.assertIn("already an email account", again.message)

    def test_provider_of_another_domain_is_confirmed_first(self):
        """Plain DNS can be forged: the password waits until the user knows where it goes."""
        self.hosts.dns.zone("shop.example. MX 10 mx.acme.example.")
        self.hosts.web.route("autoconfig.acme.example", "/mail/config-v1.1.xml", AUTOCONFIG)
        self.wizard.email = "jane@shop.example"
        self.hosts.mail.add_user("jane@shop.example", PASSWORD)
        self.wizard.action_create()
        self.assertEqual((self.wizard.step, self.wizard.confirm_domain), ("confirm", DOMAIN))
        self.assertNoNewLogin()
        self.assertFalse(self.env["email.account"].search([]))
        self.wizard.action_confirm()
        self.assertEqual(self.wizard.step, "done", self.wizard.message)
        self.assertEqual(self.wizard.account_id.incoming_host, f"imap.{DOMAIN}")

    def test_unconfirmed_provider_leads_to_the_manual_pages(self):
        self.hosts.dns.zone("shop.example. MX 10 mx.acme.example.")
        self.wizard.email = "jane@shop.example"
        self.wizard.action_create()
        self.wizard.action_manual()
        self.assertEqual((self.wizard.step, self.wizard.method), ("outgoing", "manual"))
        self.assertEqual(self.wizard.outgoing_host, f"smtp.{DOMAIN}")

    def test_only_one_direction_is_found(self):
        self.publish(incoming=False)
        self.resolve_only("autoconfig", "smtp")
        self.wizard.action_create()
        self.assertEqual((self.wizard.step, self.wizard.working_direction), ("partial", "outgoing"))
        self.assertIn("No settings for receiving were found.", self.wizard.message)
        self.assertNothingStored()
        self.wizard.action_create_partial()
        account = self.get_accounts()
        self.assertEqual((account.use_for_sending, account.use_for_receiving), (True, False))
        self.assertFalse(account.fetchmail_server_id)

    def test_only_one_direction_works(self):
        self.publish(smtp="dead.acme.example")
        self.resolve_only("autoconfig", "imap")
        self.wizard.action_create()
        self.assertEqual((self.wizard.step, self.wizard.working_direction), ("partial", "incoming"))
        self.assertIn("No settings for sending were found.", self.wizard.message)
        self.assertIn("dead.acme.example: no such host", self.wizard.message)
        self.wizard.action_create_partial()
        account = self.get_accounts()
        self.assertEqual((account.use_for_sending, account.use_for_receiving), (False, True))

    def test_wanted_direction_only(self):
        self.publish(incoming=False)
        self.wizard.use_for_receiving = False
        self.wizard.action_create()
        self.assertEqual(self.wizard.step, "done", self.wizard.message)

    def test_user_name_of_the_source(self):
        self.hosts.mail.add_user("jane", PASSWORD)
        self.publish(username="%EMAILLOCALPART%")
        self.wizard.action_create()
        account = self.get_accounts()
        self.assertEqual((account.username, account.outgoing_username), ("jane", False))
        self.assertEqual(account.mail_server_id.smtp_user, "jane")

    def test_manual_pages(self):
        for sending, receiving, first, pages in (
            (True, True, False, ["outgoing", "incoming", "description"]),
            (True, False, False, ["outgoing", "description"]),
            (True, False, True, ["outgoing", "incoming", "description"]),
            (False, True, False, ["incoming", "description"]),
        ):
            with self.subTest(pages=pages, first=first):
                wizard = self.env["email.account.create"].create(
                    {
                        **self.wizard_values,
                        "method": "manual",
                        "use_for_sending": sending,
                        "use_for_receiving": receiving,
                        "login_incoming_first": first,
                        "incoming_host": "imap.acme.example",
                        "outgoing_host": "smtp.acme.example",
                    }
                )
                seen = []
                while wizard.step != "description":
                    wizard.action_next()
                    seen.append(wizard.step)
                self.assertEqual(seen, pages)
                self.assertEqual(wizard.name, ADDRESS)
                wizard.action_back()
                self.assertEqual(wizard.step, pages[-2])

    def test_manual_input_is_checked_page_by_page(self):
        self.wizard.method = "manual"
        self.wizard.action_next()
        for values, field, sentence in (
            ({"outgoing_host": False}, "outgoing_host", "Outgoing Server: enter the name of the server."),
            ({"outgoing_host": "http://x"}, "outgoing_host", "Outgoing Server: “http://x” is not the name"),
            (
                {"outgoing_host": "smtp.acme.example", "outgoing_port": 0},
                "outgoing_port",
                "Outgoing Port: enter",
            ),
        ):
            self.wizard.write(values)
            self.wizard.action_next()
            self.assertEqual((self.wizard.step, self.wizard.invalid_field), ("outgoing", field))
            self.assertIn(sentence, self.wizard.message)
        self.wizard.outgoing_port = 465
        self.wizard.action_next()
        self.assertEqual((self.wizard.step, self.wizard.message), ("incoming", False))

    def test_manual(self):
        self.wizard.write(
            {
                "method": "manual",
                "outgoing_host": "smtp.acme.example",
                "outgoing_security": "starttls",
                "outgoing_port": 587,
                "incoming_host": "pop.acme.example",
                "incoming_protocol": "pop3",
                "incoming_port": 995,
                "sender_name": "Jane",
                "name": "Support",
            }
        )
        for _page in range(3):
            self.wizard.action_next()
        self.wizard.action_create()
        account = self.get_accounts()
        self.assertEqual(self.wizard.step, "done", self.wizard.message)
        self.assertEqual(
            (account.name, account.sender_name, account.incoming_protocol), ("Support", "Jane", "pop3")
        )
        self.assertEqual(account.mail_server_id.smtp_encryption, "starttls_strict")

    def test_manual_failure_stays_on_the_page(self):
        self.wizard.write(
            {
                "method": "manual",
                "step": "description",
                "outgoing_host": "smtp.acme.example",
                "outgoing_port": 9,
                "incoming_host": "nowhere.acme.example",
            }
        )
        self.wizard.action_create()
        self.assertEqual(self.wizard.step, "description")
        self.assertIn(
            "Cannot connect to the outgoing email server: Nothing answers on this port", self.wizard.message
        )
        self.assertIn("Cannot connect to the incoming email server: There is no server", self.wizard.message)
        self.assertNothingStored()

    def test_known_provider_fills_the_manual_pages_and_shows_guidance(self):
        with Form(self.env["email.account.create"]) as form:
            form.email = "somebody@gmail.com"
            form.password = "x"
            self.assertEqual(form.provider_id, self.env.ref("email_account.provider_gmail"))
            self.assertIn("app password", form.guidance)
            self.assertTrue(form.guidance_link.startswith("https://"))
            form.method = "manual"
        wizard = form.record
        wizard.action_next()
        self.assertEqual((wizard.outgoing_host, wizard.outgoing_port), ("smtp.gmail.com", 465))
        self.assertEqual((wizard.incoming_host, wizard.incoming_protocol), ("imap.gmail.com", "imap"))

    def test_internal_servers_are_refused(self):
        self.addCleanup(setattr, self.hosts.network, "guard", self.hosts.network.guard)
        self.hosts.network.guard = Guard()
        self.wizard.write(
            {
                "method": "manual",
                "step": "description",
                "outgoing_host": "smtp.acme.example",
                "incoming_host": "imap.acme.example",
            }
        )
        self.wizard.action_create()
        self.assertIn("leads to an internal address", self.wizard.message)
        self.assertNoNewLogin()
        self.assertNothingStored()

    def test_ordinary_user_gets_a_personal_account(self):
        user = new_test_user(self.env, login="ea_wizard", groups="base.group_user")
        wizard = self.env["email.account.create"].with_user(user).create(self.wizard_values)
        self.assertFalse(wizard.can_manage)
        wizard.action_create()
        self.assertEqual(wizard.step, "done", wizard.message)
        self.assertEqual(wizard.account_id.user_id, user)

    def test_set_up_an_unconfigured_account(self):
        account = self.env["email.account"].create({"email": ADDRESS, "name": "Mine"})
        wizard = (
            self.env["email.account.create"]
            .with_context(**account.action_open_wizard()["context"])
            .create({})
        )
        wizard.password = PASSWORD
        wizard.action_create()
        self.assertEqual((wizard.step, wizard.account_id), ("done", account))
        self.assertEqual((account.state, account.name, account.is_configured), ("ready", "Mine", True))

    def test_buttons_out_of_order_are_refused(self):
        for step, action in (
            ("start", "action_confirm"),
            ("start", "action_create_partial"),
            ("start", "action_back"),
            ("description", "action_next"),
            ("done", "action_next"),
        ):
            self.wizard.step = step
            with self.subTest(step=step, action=action), self.assertRaises(UserError):
                getattr(self.wizard, action)()

    def test_servers_without_encryption_are_not_used_unasked(self):
        document = AUTOCONFIG.replace("SSL", "plain").replace("993", "143").replace("465", "25")
        self.hosts.web.route(f"autoconfig.{DOMAIN}", "/mail/config-v1.1.xml", document)
        self.resolve_only("autoconfig", "imap", "smtp", ip="127.0.0.2")
        with (
            MailPort("imap", "none", self.hosts.authority) as imap,
            MailPort("smtp", "none", self.hosts.authority) as smtp,
            patch.dict(
                self.hosts.network.places,
                {("127.0.0.2", 143): imap.port, ("127.0.0.2", 25): smtp.port}
                | {("127.0.0.2", port): 1 for port in (993, 995, 110, 465, 587)},
            ),
        ):
            self.wizard.action_create()
            self.assertEqual(imap.logins + smtp.logins, [])
        self.assertEqual((self.wizard.step, self.wizard.is_retry), ("start", True))
        self.assertIn("Only servers without encryption were found", self.wizard.message)
        self.assertNothingStored()
        self.assertNoNewLogin()
        self.wizard.action_manual()
        self.assertEqual(
            (self.wizard.outgoing_host, self.wizard.outgoing_security), (f"smtp.{DOMAIN}", "none")
        )

    def test_provider_without_access_for_mail_programs(self):
        self.wizard.email = "jane@tuta.com"
        self.wizard.action_create()
        self.assertEqual((self.wizard.step, self.wizard.invalid_field), ("start", "email"))
        self.assertIn("cannot be connected", self.wizard.message)
        self.assertTrue(self.wizard.guidance)
        self.assertEqual((self.hosts.dns.queries, self.hosts.web.requests), ([], []))

    def test_provider_behind_a_bridge(self):
        """The Bridge runs on the user's computer; only an administrator may let it run on this one."""
        network = patch.object(self.hosts.network, "guard", Guard(["smtp.acme.example"]))
        self.hosts.dns.zone("shop.example. MX 10 mail.protonmail.ch.")
        for address in ("jane@proton.me", "jane@shop.example"):
            with self.subTest(address), network:
                wizard = self.env["email.account.create"].create({**self.wizard_values, "email": address})
                wizard.action_create()
                self.assertEqual((wizard.step, wizard.provider_id.authentication), ("start", "bridge"))
                self.assertIn("program on your own computer", wizard.message)
        self.assertNoNewLogin()

    def test_provider_of_the_servers_is_recognised(self):
        """Its guidance is shown when the login fails."""
        provider = self.env["email.provider"].create(
            {
                "name": "Acme Hosting",
                "imap_host": f"imap.{DOMAIN}",
                "smtp_host": f"smtp.{DOMAIN}",
                "guidance": "Do it.",
            }
        )
        self.wizard.password = "wrong"
        self.wizard.action_create()
        self.assertEqual((self.wizard.step, self.wizard.provider_id), ("start", provider))
        self.assertEqual(self.wizard.guidance, "Do it.")

    def test_guide_of_the_provider(self):
        self.wizard.email = "jane@gmail.com"
        self.assertEqual(self.wizard.guide_url, "/email_account/docs/gmail.html#gmail")
