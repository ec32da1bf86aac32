"""Takes the pictures in static/description/ of the real thing: `make screenshots`.

No test: pytest collects it only when it is named.
"""

import contextlib
import os
import resource
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

from playwright.sync_api import sync_playwright

from odoo import Command, fields
from odoo.tests import HttpCase, new_test_user, tagged
from odoo.tests.common import _registry_test_lock

from ..models.check_progress import CheckProgress
from ..models.received_mail import NotProcessed
from .common import ADDRESS, DOMAIN, PASSWORD, HostsMixin
from .hosts import Delivery, DkimKey

FOLDER = Path(__file__).resolve().parent.parent / "static/description"
DIALOG = ".modal:not(.o_inactive_modal)"
MAIL = """From: {sender}
To: jane@acme.example
Subject: {subject}
Date: Thu, 26 Nov 2026 09:14:00 +0100
Message-ID: <{number}@customer.example>

{text}
"""


@tagged("post_install", "-at_install")
class TestScreenshots(HostsMixin, HttpCase):
    def setUp(self):
        super().setUp()
        for name in ("support", "sales"):
            self.hosts.mail.add_user(f"{name}@{DOMAIN}", "x")
        self.hosts.dns.zone("shop.example. MX 10 mx.acme.example.")
        self.env.ref("base.main_company").name = "Acme"

    @contextlib.contextmanager
    def browser(self, login="admin"):
        """Open a page of the web client, logged in; the server answers every request meanwhile."""
        session = self.authenticate(login, login)
        # Odoo limits the memory of its own process, and the browser would inherit that
        _soft, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
        with self.allow_requests(all_requests=True), sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=os.environ["CHROMIUM"],
                args=["--no-sandbox", "--disable-background-networking"],
            )
            context = browser.new_context(viewport={"width": 1200, "height": 760}, locale="en-US")
            context.add_cookies([{"name": "session_id", "value": session.sid, "url": self.base_url()}])
            page = context.new_page()
            page.set_default_timeout(15000)
            page.set_default_navigation_timeout(60000)  # the first one has the assets made
            yield page
            browser.close()

    @contextlib.contextmanager
    def alone(self, page):
        """Have the cursor for oneself: leave the page, and wait until the server has answered."""
        page.goto("about:blank")
        with _registry_test_lock:
            yield
            self.env.flush_all()

    def take(self, page, name, selector=None):
        page.mouse.move(0, 0)
        page.evaluate("document.activeElement && document.activeElement.blur()")
        page.wait_for_timeout(400)
        target = page.locator(selector).last if selector else page
        target.screenshot(path=FOLDER / f"{name}.png")

    def open_wizard(self, page, address, password=PASSWORD):
        page.goto(f"{self.base_url()}/odoo/email-accounts")
        page.click(".o_list_button_add")
        page.fill(f"{DIALOG} .o_field_widget[name=email] input", address)
        page.fill(f"{DIALOG} .o_field_widget[name=password] input", password)
        page.keyboard.press("Tab")

    def click(self, page, name):
        page.click(f"{DIALOG} .modal-footer button[name={name}]:visible")

    def check(self, page, alert):
        page.click("button[name=action_check]")
        page.wait_for_selector(f"{DIALOG} .alert-{alert}:visible", timeout=60000)

    @contextlib.contextmanager
    def tall(self, page, height=1500):
        """For what is longer than the window."""
        page.set_viewport_size({"width": 1200, "height": height})
        yield
        page.set_viewport_size({"width": 1200, "height": 760})

    def take_report(self, page, name):
        """Take the whole report, however long it is."""
        with self.tall(page):
            self.take(page, name, ".modal-content")

    def change_account(self, page, **values):
        """Change the account while the browser asks for nothing, and show it again."""
        url = page.url
        with self.alone(page):
            account = self.env["email.account"].search([])
            account.write({**values, "password": PASSWORD})
            account._set_state()
        page.goto(url)
        page.wait_for_selector("button[name=action_check]:visible")

    def take_progress(self, page):
        """While the test email is on its way: held there, as tests answer one request after the other."""
        show = CheckProgress.show

        def show_on_its_way(progress, runs):
            if runs[0].sent and not runs[0].arrival.arrived:
                show(progress, runs)

        held = []
        with (
            patch.object(CheckProgress, "show", show_on_its_way),
            patch.object(CheckProgress, "__exit__", lambda *_args: None),
        ):
            page.route("**/action_check", lambda route: held.append((route, route.fetch())))
            page.click("button[name=action_check]")
            page.wait_for_selector(f"{DIALOG} .o_email_account_progress span:has-text('Find the test')")
            self.take(page, "check_progress", ".modal-content")
        page.unroute("**/action_check")
        for route, response in held:
            route.fulfill(response=response)
        page.wait_for_selector(f"{DIALOG} .alert-success:visible")
        page.click(f"{DIALOG} .modal-footer button")

    def take_checks(self, page):
        key = DkimKey(DOMAIN)
        self.hosts.mail.sign = key
        self.hosts.dns.zone(key.zone())
        self.hosts.mail.delivery = Delivery(delay=1)
        self.take_progress(page)
        self.hosts.mail.delivery = Delivery()
        self.check(page, "success")
        self.take_report(page, "check_passed")
        page.click(f"{DIALOG} .modal-footer button")

        self.hosts.mail.add_user(ADDRESS, "changed")
        self.check(page, "danger")
        self.take_report(page, "check_failed")
        page.click(f"{DIALOG} .modal-footer button")
        page.wait_for_selector(".o_form_view .o_field_widget[name=password].text-danger")
        self.take(page, "account_failing")

        self.hosts.mail.add_user(ADDRESS, PASSWORD)
        self.hosts.dns.zone(f"secure.{DOMAIN}. A 127.0.0.1")  # which is not in the certificate
        self.change_account(page, outgoing_host=f"secure.{DOMAIN}")
        self.check(page, "danger")
        self.take_report(page, "check_certificate")
        self.change_account(page, outgoing_host=f"smtp.{DOMAIN}")

    def add_accounts(self):
        account = self.env["email.account"].search([])
        for name, description, state in (("support", "Support", "ready"), ("sales", "Sales", "draft")):
            other = self.env["email.account"].create(
                {
                    **self.account_values,
                    "email": f"{name}@{DOMAIN}",
                    "name": description,
                    "sender_name": "Acme",
                }
            )
            other.state = state
            other.last_check_date = state == "ready" and account.last_check_date

    def test_take(self):
        with self.browser() as page:
            self.open_wizard(page, "jane.doe@gmail.com")
            page.wait_for_selector(f"{DIALOG} .o_email_account_guidance:visible")
            self.take(page, "wizard_start", ".modal-content")

            self.open_wizard(page, "jane@unpublished.example")
            self.click(page, "action_create")
            page.wait_for_selector(f"{DIALOG} .alert-danger")
            self.take(page, "wizard_failure", ".modal-content")
            self.click(page, "action_manual")
            page.fill(f"{DIALOG} .o_field_widget[name=outgoing_host]:visible input", f"smtp.{DOMAIN}")
            self.take(page, "wizard_outgoing", ".modal-content")
            self.click(page, "action_next")
            page.fill(f"{DIALOG} .o_field_widget[name=incoming_host]:visible input", f"imap.{DOMAIN}")
            self.take(page, "wizard_incoming", ".modal-content")
            self.click(page, "action_next")
            page.fill(f"{DIALOG} .o_field_widget[name=sender_name]:visible input", "Jane Doe (Acme)")
            self.take(page, "wizard_description", ".modal-content")

            self.open_wizard(page, "jane@shop.example")
            self.click(page, "action_create")
            page.wait_for_selector(f"{DIALOG} button[name=action_confirm]:visible")
            self.take(page, "wizard_confirm", ".modal-content")

            self.open_wizard(page, ADDRESS)
            held = []
            page.route("**/action_create", lambda route: held.append((route, route.fetch())))
            self.click(page, "action_create")
            page.wait_for_selector(f"{DIALOG} .o_email_account_progress span:has-text('Log in to imap')")
            self.take(page, "wizard_progress", ".modal-content")
            for route, response in held:
                route.fulfill(response=response)
            page.wait_for_selector(f"{DIALOG} .alert-success:visible")
            self.take(page, "wizard_success", ".modal-content")
            self.click(page, "action_open_account")
            page.wait_for_selector("button[name=action_check]:visible")
            page.fill(".o_field_widget[name=name] input", "Jane Doe")
            page.fill(".o_field_widget[name=sender_name] input", "Jane Doe (Acme)")
            page.click(".o_form_button_save")
            self.take(page, "account")
            page.click(".o_notebook .nav-link[name=other]")
            with self.tall(page, 860):
                self.take(page, "account_other")
            page.click("button[name=action_open_discovery]")
            page.wait_for_selector(f"{DIALOG} .o_data_row")
            self.take(page, "discovery", ".modal-content")
            page.click(f"{DIALOG} .modal-footer button:has-text('Close')")
            self.take_checks(page)
            with self.alone(page):
                self.add_accounts()
            page.goto(f"{self.base_url()}/odoo/email-accounts")
            page.wait_for_selector(".o_data_row")
            self.take(page, "list")
            page.goto(f"{self.base_url()}/odoo/email-providers")
            page.wait_for_selector(".o_data_row")
            self.take(page, "providers")
            with self.alone(page):
                # of the tests' own hosts
                self.env["ir.config_parameter"].set_param("email_account.allowed_ports", False)
            page.goto(f"{self.base_url()}/odoo/settings#general_settings")
            page.wait_for_selector("#email_account_setting")
            page.locator("#email_account_key_setting").scroll_into_view_if_needed()
            self.take(page, "settings")
            with self.alone(page):
                partner = self.env["res.partner"].create(
                    {"name": "Carol Customer", "email": "carol@customer.example"}
                )
            page.goto(f"{self.base_url()}/odoo/res.partner/{partner.id}")
            page.click("button.o-mail-Chatter-sendMessage")
            page.click("[name=open-full-composer]")
            page.wait_for_selector(f"{DIALOG} .o_field_widget[name=email_account_id]")
            self.take(page, "composer", ".modal-content")

    def test_take_rights(self):
        """A shared account for some users only, and what an administrator sees of personal ones."""
        jane = new_test_user(self.env, "jane", name="Jane Doe")
        peter = new_test_user(self.env, "peter", name="Peter Parker")
        shared = self.env["email.account"].create(
            {
                **self.account_values,
                "email": f"accounting@{DOMAIN}",
                "name": "Accounting",
                "sender_name": "Acme Accounting",
            }
        )
        shared.write(
            {
                "allowed_user_ids": [Command.link(jane.id)],
                "allowed_group_ids": [Command.link(self.env.ref("base.group_partner_manager").id)],
            }
        )
        for user, state in ((jane, "ready"), (peter, "failing")):
            email = f"{user.login}@{DOMAIN}"
            account = self.env["email.account"].create(
                {**self.account_values, "email": email, "user_id": user.id}
            )
            account.state = state
        shared._set_state()
        self.env.flush_all()
        with self.browser() as page:
            page.goto(f"{self.base_url()}/odoo/email-accounts/{shared.id}")
            page.click(".o_notebook .nav-link[name=other]")
            with self.tall(page, 900):
                self.take(page, "account_limited", ".o_form_sheet_bg")
            page.goto(f"{self.base_url()}/odoo/action-email_account.action_email_account_personal_open")
            page.wait_for_selector(".o_data_row")
            with self.tall(page, 380):
                self.take(page, "personal")

    def deliver(self, number, sender, subject, text="Hello"):
        mail = MAIL.format(number=number, sender=sender, subject=subject, text=text)
        self.hosts.mail.deliver(mail.replace("\n", "\r\n").encode(), ADDRESS)

    def fill_folders(self, account):
        """Make folders in the mailbox, with mail of the last weeks."""
        with account._connect_incoming__() as mailbox:
            session = mailbox._session
            for folder, count in (("Invoices", 0), ("Orders", 5), ("INBOX", 8)):
                session.create(folder)
                for number in range(count):
                    date = fields.Date.today() - timedelta(days=3 * number + 2)
                    mail = MAIL.format(
                        number=f"{folder}-{number}",
                        sender="Carol <carol@customer.example>",
                        subject="",
                        text="",
                    )
                    session.append(folder, "", date.strftime('"%d-%b-%Y 10:00:00 +0000"'), mail.encode())

    def fill_unprocessed(self, account):
        """Receive what cannot become a message, for one reason and another."""
        self.deliver(1, "", "Price list")
        account._receive()
        account.write({"incoming_action": "keep", "size_limit": 1})
        self.deliver(
            2,
            "Carol Customer <carol@customer.example>",
            "Do you have it in blue?",
            "Hello,\n\ndo you have the chair in blue, too? We would take twelve.\n\nKind regards\nCarol",
        )
        self.deliver(
            3, "Printing House <office@printing.example>", "Proofs of your catalogue", "x\n" * 700000
        )
        self.deliver(4, "Bob Builder <bob@builder.example>", "Invoice 2026-118")
        account._receive()
        conflict = NotProcessed("conflict", "could not serialize access due to concurrent update")
        with patch.object(self.env.registry["email.account"], "_process_mail", side_effect=conflict):
            self.deliver(5, "Dora Dealer <dora@dealer.example>", "Re: Delivery in week 49")
            account._receive()

    def add_servers(self):
        for name, encrypted in (("office", True), ("info", False)):
            login = {"user": f"{name}@{DOMAIN}", "password": "x"}
            self.env["fetchmail.server"].create(
                {
                    **login,
                    "name": name,
                    "server_type": "imap" if encrypted else "pop",
                    "server": f"imap.{DOMAIN}" if encrypted else f"pop.{DOMAIN}",
                    "port": 993 if encrypted else 110,
                    "is_ssl": encrypted,
                    "state": "done",
                }
            )
            self.env["ir.mail_server"].create(
                {
                    "name": name,
                    "smtp_host": f"smtp.{DOMAIN}",
                    "smtp_port": 465,
                    "smtp_encryption": "ssl_strict",
                    "smtp_user": login["user"],
                    "smtp_pass": login["password"],
                    "from_filter": DOMAIN,
                }
            )

    def test_take_receiving(self):
        account = self.env["email.account"].create(
            {**self.account_values, "name": "Jane Doe", "import_from": fields.Date.today()}
        )
        account._set_state()
        self.fill_folders(account)
        self.env.flush_all()
        with self.browser() as page, self.tall(page):
            page.goto(f"{self.base_url()}/odoo/email-accounts/{account.id}")
            page.click(".o_notebook .nav-link[name=receiving]")
            page.click("button[name=action_load_folders]")
            page.click(".o_data_row:has-text('Orders') .o_boolean_toggle input")
            page.click(".o_form_button_save")
            page.wait_for_selector(".o_form_saved")
            self.take(page, "account_receiving", ".o_form_sheet_bg")
            with self.alone(page):
                self.fill_unprocessed(account)
            page.goto(f"{self.base_url()}/odoo/email-accounts/{account.id}")
            page.click(".o_notebook .nav-link[name=receiving]")
            page.click("button[name=action_open_import]")
            page.click(f"{DIALOG} button[name=action_count]")
            page.wait_for_selector(f"{DIALOG} .o_data_row")
            self.take(page, "import", ".modal-content")
            page.goto(f"{self.base_url()}/odoo/unprocessed-mail")
            page.wait_for_selector(".o_data_row")
            with self.tall(page, 380):
                self.take(page, "unprocessed_list")
            page.click(".o_data_row:has-text('blue')")
            page.wait_for_selector("button[name=action_assign]:visible")
            self.take(page, "unprocessed")
            with self.alone(page):
                self.add_servers()
            page.goto(f"{self.base_url()}/odoo/action-email_account.action_email_account_adopt")
            page.wait_for_selector(f"{DIALOG} .o_data_row")
            self.take(page, "adopt", ".modal-content")
