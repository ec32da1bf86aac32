"""What the browser and other clients do with a server: ``workers_steps.py URL DATABASE [FUNCTION…]``.

Progress of a discovery and of a check is seen by another worker, Cancel ends the work of whichever worker
does it, and the limit holds over all of them.
"""
import contextlib
import http.cookiejar
import itertools
import json
import os
import socket
import sys
import threading
import time
import urllib.request
from unittest import TestCase

from playwright.sync_api import sync_playwright

check = TestCase()
SOON = 10.0  # seconds: the machine may be busy; what it took is printed
DIALOG = ".modal:not(.o_inactive_modal)"
CREATE = f"{DIALOG} button[name=action_create]:visible"
DISCOVERY = "email.account.discovery"
CHECK = "email.account.check"
VALUES = {"email": "jane@silent.example", "password": "correct horse"}


class Client:
    """A session of its own."""

    def __init__(self, url, database, login="admin", password="admin"):
        self.url = url
        self._opener = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
        self._rpc("/web/session/authenticate", db=database, login=login, password=password)

    def _rpc(self, path, **params):
        body = json.dumps({"jsonrpc": "2.0", "method": "call", "params": params}).encode()
        request = urllib.request.Request(self.url + path, body, {"Content-Type": "application/json"})
        with self._opener.open(request, timeout=60) as response:
            answer = json.load(response)
        if "error" in answer:
            raise RuntimeError(answer["error"]["data"]["debug"])
        return answer["result"]

    def call(self, model, method, *args, **kwargs):
        return self._rpc(f"/web/dataset/call_kw/{model}/{method}", model=model, method=method, args=args,
                         kwargs=kwargs)

    def create_wizard(self, **values):
        [wizard] = self.call("email.account.create", "create", [{**VALUES, **values}])
        return wizard


class Running:
    """A button of a record, by default ``action_create`` of a wizard, in a thread."""

    def __init__(self, client, record, model="email.account.create", method="action_create"):
        self._thread = threading.Thread(target=self._run, args=(client, record, model, method), daemon=True)
        self.answer = self.ended = None
        self.started = time.monotonic()
        self._thread.start()

    def _run(self, client, record, model, method):
        self.answer = client.call(model, method, [record])
        self.ended = time.monotonic()

    def wait(self):
        self._thread.join(60)
        return self.answer


def within(seconds, function):
    """Call a function until it returns something; fail after some time."""
    end = time.monotonic() + seconds
    while not (found := function()):
        check.assertLess(time.monotonic(), end, f"not within {seconds} s")
        time.sleep(0.05)
    return found


def progress_and_cancel(url, database):
    runner, other = Client(url, database), Client(url, database)
    wizard = runner.create_wizard()
    before = other.call("email.account.create", "read", [wizard])
    last = 0
    for _again in range(2):
        running = Running(runner, wizard)

        def lines(last=last):
            progress = other.call(DISCOVERY, "get_progress", wizard, last)
            return progress and progress["lines"] and progress

        # the one worker (or thread) is at it, so another one answers
        progress = within(SOON, lines)
        seen = time.monotonic() - running.started
        line = {name: progress["lines"][0][name] for name in ("label", "result", "detail_words")}
        check.assertEqual(line, {"label": "slow", "result": "asking", "detail_words": "silent.example"})
        cancelled = time.monotonic()
        check.assertTrue(other.call(DISCOVERY, "action_cancel", [progress["id"]]))
        check.assertFalse(running.wait())
        took = running.ended - cancelled
        check.assertLess(took, SOON)
        print(f"     progress seen by another one after {seen:.2f} s, ended {took:.2f} s after Cancel")
        last = progress["id"]
        check.assertFalse(other.call(DISCOVERY, "action_cancel", [last]))
    check.assertEqual(other.call("email.account.create", "read", [wizard]), before)
    check.assertEqual(other.call("email.account", "search", []), [])


def check_of_an_account(url, database):
    """Its steps are seen while it runs, before the report is there."""
    runner, other = Client(url, database), Client(url, database)
    runner.call("ir.config_parameter", "set_param", "email_account.allowed_networks", "127.0.0.1")
    runner.call("ir.config_parameter", "set_param", "email_account.allowed_ports", "1024-65535")
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections and says nothing
        [account] = runner.call("email.account", "create", [{
            "email": "jane@checked.example", "password": "correct horse", "use_for_receiving": False,
            "outgoing_host": "127.0.0.1", "outgoing_port": silent.getsockname()[1], "timeout": 5,
        }])
        running = Running(runner, account, "email.account", "action_check")

        def lines():
            progress = other.call(f"{CHECK}.progress", "get_progress", [account])
            return progress and len(progress["lines"]) > 2 and progress["lines"]

        steps = within(SOON, lines)
        seen = time.monotonic() - running.started
        check.assertIsNone(running.ended)
        check.assertEqual([step["result"] for step in steps], ["passed", "passed", "asking"], steps)
        report = running.wait()
    check.assertEqual(other.call(CHECK, "read", [report["res_id"]], ["result"])[0]["result"], "failed")
    check.assertFalse(other.call(f"{CHECK}.progress", "get_progress", [account]))
    print(f"     steps of a check seen by another one after {seen:.2f} s, it took "
          f"{running.ended - running.started:.2f} s")
    runner.call("email.account", "unlink", [account])


def limit(url, database):
    """Eight at once, of one user: five are let through."""
    admin = Client(url, database)
    admin.call("res.users", "create", [{"name": "Limit", "login": "limit", "password": "limit-limit"}])
    clients = [Client(url, database, "limit", "limit-limit") for _number in range(8)]
    wizards = [client.create_wizard(email=f"jane@{number}.example") for number, client in enumerate(clients)]
    for running in [Running(client, wizard) for client, wizard in zip(clients, wizards, strict=True)]:
        running.wait()
    messages = [
        client.call("email.account.create", "read", [wizard], ["message"])[0]["message"]
        for client, wizard in zip(clients, wizards, strict=True)
    ]
    check.assertEqual(sum("5 times within a minute" in message for message in messages), 3, messages)
    check.assertEqual(sum("Cannot determine" in message for message in messages), 5, messages)


def browser(url, database):
    """The button and Escape."""
    client = Client(url, database)
    user = {"name": "Browser", "login": "browser", "password": "browser-browser"}
    client.call("res.users", "create", [user])
    watcher = Client(url, database, "browser", "browser-browser")

    def states():
        found = watcher.call(DISCOVERY, "search_read", [], ["state"], order="id")
        return [discovery["state"] for discovery in found]

    with sync_playwright() as playwright, contextlib.ExitStack() as stack:
        chromium = playwright.chromium.launch(executable_path=os.environ["CHROMIUM"], args=["--no-sandbox"])
        stack.callback(chromium.close)
        page = chromium.new_page()
        page.set_default_timeout(20000)
        page.goto(f"{url}/web/login?db={database}")
        page.fill("input[name=login]", "browser")
        page.fill("input[name=password]", "browser-browser")
        page.click("button[type=submit]")
        page.wait_for_selector(".o_main_navbar")
        page.goto(f"{url}/odoo/my-email-accounts")
        page.click(".o_list_button_add")
        page.fill(f"{DIALOG} .o_field_widget[name=email] input", VALUES["email"])
        page.fill(f"{DIALOG} .o_field_widget[name=password] input", VALUES["password"])

        def press_cancel():
            page.click(f"{DIALOG} .o_email_account_cancel")

        def press_escape():
            page.keyboard.press("Escape")

        for number, end in enumerate((press_cancel, press_escape), start=1):
            page.click(CREATE)
            page.wait_for_selector(f"{DIALOG} .o_email_account_progress span:has-text('silent.example')")
            end()
            page.wait_for_selector(f"{CREATE}:enabled", timeout=1000 * SOON)
            check.assertEqual(states(), ["cancelled"] * number)
            address = page.input_value(f"{DIALOG} .o_field_widget[name=email] input")
            check.assertEqual(address, VALUES["email"])
            password = page.locator(f"{DIALOG} .o_field_widget[name=password] input")
            check.assertTrue(password.get_attribute("placeholder"))
            check.assertEqual(page.locator(f"{DIALOG} .alert-danger:visible").count(), 0)
    check.assertEqual(client.call("email.account", "search", []), [])


def main(url, database, *names):
    functions = (progress_and_cancel, check_of_an_account, limit, browser)
    functions = [function for function in functions if not names or function.__name__ in names]
    for number, function in zip(itertools.count(1), functions):
        function(url, database)
        print(f"     {number}. {function.__name__}: passed")


if __name__ == "__main__":
    main(*sys.argv[1:])
