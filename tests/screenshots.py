"""Takes the pictures in static/description/ of the real thing: `make screenshots`.

No test: pytest collects it only when it is named.
"""

import contextlib
import os
import resource
from pathlib import Path
from unittest.mock import patch

from playwright.sync_api import sync_playwright

from odoo.tests import HttpCase, tagged

from ..models.check_progress import CheckProgress
from .common import ADDRESS, DOMAIN, PASSWORD, HostsMixin
from .hosts import Delivery, DkimKey

FOLDER = Path(__file__).resolve().parent.parent / "static/description"
DIALOG = ".modal:not(.o_inactive_modal)"


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
            yield page
            browser.close()

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

    def take_report(self, page, name):
        """Take the whole report, however long it is."""
        page.set_viewport_size({"width": 1200, "height": 1500})
        self.take(page, name, ".modal-content")
        page.set_viewport_size({"width": 1200, "height": 760})

    def change_account(self, page, **values):
        """Change the account while the browser asks for nothing, and show it again."""
        url = page.url
        page.goto("about:blank")
        account = self.env["email.account"].search([])
        account.write({**values, "password": PASSWORD})
        account._set_state()
        self.env.flush_all()
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
            for name in ("receiving", "other"):
                page.click(f".o_notebook .nav-link[name={name}]")
                self.take(page, f"account_{name}")
            page.click("button[name=action_open_discovery]")
            page.wait_for_selector(f"{DIALOG} .o_data_row")
            self.take(page, "discovery", ".modal-content")
            page.click(f"{DIALOG} .modal-footer button:has-text('Close')")
            self.take_checks(page)
            page.goto("about:blank")
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
            self.env.flush_all()
            page.goto(f"{self.base_url()}/odoo/email-accounts")
            page.wait_for_selector(".o_data_row")
            self.take(page, "list")
            page.goto(f"{self.base_url()}/odoo/email-providers")
            page.wait_for_selector(".o_data_row")
            self.take(page, "providers")
            page.goto(f"{self.base_url()}/odoo/settings#general_settings")
            page.wait_for_selector("#email_account_setting")
            page.locator("#email_account_setting").scroll_into_view_if_needed()
            self.take(page, "settings")
            partner = self.env["res.partner"].create(
                {"name": "Carol Customer", "email": "carol@customer.example"}
            )
            self.env.flush_all()
            page.goto(f"{self.base_url()}/odoo/res.partner/{partner.id}")
            page.click("button.o-mail-Chatter-sendMessage")
            page.click("[name=open-full-composer]")
            page.wait_for_selector(f"{DIALOG} .o_field_widget[name=email_account_id]")
            self.take(page, "composer", ".modal-content")
