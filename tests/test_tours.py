from odoo.tests import HttpCase, new_test_user, tagged

from .. import mailclient
from .common import ADDRESS, DOMAIN, PASSWORD, HostsMixin
from .hosts import DkimKey


@tagged("post_install", "-at_install")
class TestTours(HostsMixin, HttpCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.key = DkimKey(DOMAIN)

    def setUp(self):
        super().setUp()
        self.hosts.mail.sign = self.key
        self.hosts.dns.zone(self.key.zone())

    def get_accounts(self):
        return self.env["email.account"].search([])

    def test_automatic(self):
        self.start_tour("/odoo/email-accounts", "email_account_automatic", login="admin")
        account = self.get_accounts()
        self.assertEqual((account.email, account.state, account.check_count), (ADDRESS, "ready", 2))
        self.assertEqual(self.hosts.mail.messages(ADDRESS), [])

    def test_manual(self):
        self.start_tour("/odoo/email-accounts", "email_account_manual", login="admin")
        account = self.get_accounts()
        self.assertEqual(account.email, "jane@unpublished.example")
        self.assertEqual(account.outgoing_host, f"smtp.{DOMAIN}")
        self.assertEqual((account.username, account.sender_name), (ADDRESS, "Jane of Acme"))

    def test_form(self):
        account = self.env["email.account"].create(self.account_values)
        account._set_state()
        self.start_tour("/odoo/email-accounts", "email_account_form", login="admin")
        self.assertEqual((account.outgoing_host, account.outgoing_port), (f"mail.{DOMAIN}", 587))
        self.assertEqual(account.mail_server_id.smtp_encryption, "starttls_strict")
        self.assertEqual(account.state, "ready")

    def test_user_menu(self):
        user = new_test_user(self.env, login="ea_tour", password="ea_tour_password", groups="base.group_user")
        self.start_tour("/odoo", "email_account_user_menu", login="ea_tour")
        account = self.get_accounts()
        self.assertEqual((account.user_id, account.bcc_email), (user, "copy@acme.example"))
        self.assertEqual((account.state, account.check_count), ("ready", 2))

    def test_faults(self):
        self.hosts.dns.zone(f"secure.{DOMAIN}. A 127.0.0.1")  # which is not in the certificate
        self.hosts.mail.refuse_data = (
            "550 5.7.60 SMTP; Client does not have permissions to send as this sender"
        )
        faults = {
            "Wrong password": {"password": "wrong"},
            "Wrong name": {"outgoing_host": f"smpt.{DOMAIN}"},
            "Wrong certificate": {"outgoing_host": f"secure.{DOMAIN}"},
            "Wrong port": {"outgoing_port": 587},
            "Not allowed": {},
        }
        for number, (name, values) in enumerate(faults.items()):
            address = f"fault{number}@{DOMAIN}"
            self.hosts.mail.add_user(address, PASSWORD)
            self.env["email.account"].create(
                {**self.account_values, "email": address, "name": name, **values}
            )._set_state()
        self.start_tour("/odoo/email-accounts", "email_account_faults", login="admin")
        self.assertEqual(set(self.get_accounts().mapped("state")), {"failing"})

    def test_check_listed(self):
        for name in ("one", "two"):
            self.hosts.mail.add_user(f"{name}@{DOMAIN}", PASSWORD)
            self.env["email.account"].create(
                {**self.account_values, "email": f"{name}@{DOMAIN}", "name": name}
            )
        self.start_tour("/odoo/email-accounts", "email_account_check_listed", login="admin")
        self.assertEqual(self.get_accounts().mapped("state"), ["ready", "ready"])

    def test_unconfigured(self):
        account = self.env["email.account"].create({"email": ADDRESS, "name": "Jane"})
        self.start_tour("/odoo/email-accounts", "email_account_unconfigured", login="admin")
        self.assertEqual(self.get_accounts(), account)
        self.assertEqual(account.state, "ready")

    def test_composer(self):
        partner = self.env["res.partner"].create({"name": "Bob", "email": "bob@acme.example"})
        self.start_tour(f"/odoo/res.partner/{partner.id}", "email_account_composer", login="admin")
        account = self.get_accounts()
        self.assertEqual((account.use_for_sending, account.use_for_receiving), (True, False))
        message = partner.message_ids[0]
        self.assertEqual((message.email_from, message.mail_server_id), (ADDRESS, account.mail_server_id))

    def test_typing(self):
        self.env["email.provider"].create(
            {
                "name": "Bridge",
                "domains": "bridge.example",
                "authentication": "bridge",
                "guidance": "Start the program of the provider.",
            }
        )
        self.start_tour("/odoo/email-accounts", "email_account_typing", login="admin")
        self.assertEqual((self.hosts.dns.queries, self.hosts.web.requests), ([], []))

    def test_discovery(self):
        self.start_tour("/odoo/email-accounts", "email_account_discovery", login="admin")
        discovery = self.get_accounts().discovery_id
        url = discovery.action_download()["url"]
        answer = self.url_open(url)
        self.assertIn(f"filename={DOMAIN}.json", answer.headers["Content-Disposition"])
        document = answer.json()
        self.assertEqual((document["address"], document["status"]), (ADDRESS, "found"))
        self.assertNotIn(PASSWORD, answer.text)
        new_test_user(self.env, login="ea_other", password="ea_other_password", groups="base.group_user")
        discovery.account_id.user_id = self.env.ref("base.user_admin")
        self.authenticate("ea_other", "ea_other_password")
        self.assertEqual(self.url_open(url).status_code, 404)

    def test_unprocessed(self):
        account = self.env["email.account"].create(self.account_values | {"incoming_action": "keep"})
        account._set_state()
        partner = self.env["res.partner"].create({"name": "Carol", "email": "carol@customer.example"})
        source = (
            "From: Carol <carol@customer.example>\r\nTo: jane@acme.example\r\nSubject: In {0}?\r\n"
            "Message-ID: <{0}@customer.example>\r\n\r\nHello, do you have it in {0}?\r\n"
        )
        for colour in ("blue", "pink"):
            self.hosts.mail.deliver(source.format(colour).encode(), ADDRESS)
        account._receive()
        mail = account.unprocessed_ids.filtered(lambda mail: mail.subject == "In blue?")
        self.authenticate("admin", "admin")
        answer = self.url_open(mail.action_download()["url"])
        self.assertIn(f"filename={mail.id}.eml", answer.headers["Content-Disposition"])
        self.assertTrue(answer.text.endswith(source.format("blue")))
        self.start_tour("/odoo/email-accounts", "email_account_unprocessed", login="admin")
        message = self.env["mail.message"].search([("email_account_id", "=", account.id)])
        self.assertEqual(
            (message.model, message.res_id, message.subject), ("res.partner", partner.id, "In blue?")
        )
        self.assertEqual(account.unprocessed_ids.mapped("state"), ["discarded"])

    def test_close(self):
        self.start_tour("/odoo/email-accounts", "email_account_close", login="admin")
        self.assertFalse(self.get_accounts())

    def refuse(self, *passwords):
        endpoint = mailclient.Endpoint("imap", f"imap.{DOMAIN}", 993, "tls")
        # they count by user
        refusals = self.env["email.account.refusal"].with_user(self.env.ref("base.user_admin"))
        for password in passwords:
            refusals._note(endpoint, mailclient.Login(ADDRESS, password))
        self.env.flush_all()

    def test_typos(self):
        self.refuse("one", "two", "three")
        self.start_tour("/odoo/email-accounts", "email_account_typos", login="admin")
        self.assertFalse(self.get_accounts())

    def test_typos_on_a_phone(self):
        self.refuse("one", "two", "three")
        self.browser_size = "390x844"
        self.start_tour("/odoo/email-accounts", "email_account_typos", login="admin")

    def test_other_domain(self):
        self.start_tour("/odoo/email-accounts", "email_account_other_domain", login="admin")
        self.assertFalse(self.get_accounts())

    def test_other_domain_on_a_phone(self):
        self.browser_size = "390x844"
        self.start_tour("/odoo/email-accounts", "email_account_other_domain", login="admin")

    def test_moved(self):
        account = self.env["email.account"].create(self.account_values)
        account._set_state()
        self.start_tour("/odoo/email-accounts", "email_account_moved", login="admin")
        self.assertEqual((account.email, account.outgoing_host), ("jane@bigger.example", False))
