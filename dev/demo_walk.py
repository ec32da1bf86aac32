"""What a person does with the demo: an account by the wizard, its check, mail from outside that arrives."""
import http.cookiejar
import json
import smtplib
import time
import urllib.request

ADDRESS, PASSWORD = "demo@acme.example", "demo"
TIMEOUT = 150  # seconds: a check may take nearly two minutes


class Odoo:
    """Odoo's web client as JSON-RPC, logged in as the demo's administrator."""

    def __init__(self, url, database):
        self.url = url
        jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), jar)
        self.post("/web/session/authenticate", db=database, login="admin", password="admin")

    def post(self, path, **params):
        body = json.dumps({"jsonrpc": "2.0", "method": "call", "params": params}).encode()
        request = urllib.request.Request(self.url + path, body, {"Content-Type": "application/json"})
        with self._opener.open(request, timeout=TIMEOUT) as answer:
            found = json.load(answer)
        if "error" in found:
            raise RuntimeError(json.dumps(found["error"])[:3000])
        return found["result"]

    def call(self, model, method, *args, **kwargs):
        return self.post(f"/web/dataset/call_kw/{model}/{method}", model=model, method=method, args=args,
                         kwargs=kwargs)


def create_account(odoo):
    """Let the wizard find the settings of the demo mailbox, log in and store the account; return its id."""
    known = odoo.call("email.account", "search", [["email", "=", ADDRESS]])
    if known:
        return known[0]
    wizard = odoo.call("email.account.create", "create", {"email": ADDRESS, "password": PASSWORD})
    odoo.call("email.account.create", "action_create", [wizard])
    [found] = odoo.call("email.account.create", "read", [wizard], ["step", "message", "account_id"])
    if found["step"] != "done":
        raise RuntimeError(f"the wizard does not create the account: {found}")
    return found["account_id"][0]


def check(odoo, account):
    """Press "Check the account"; return the steps that did not pass, as text."""
    odoo.call("email.account", "action_check", [account])
    of_account = [["account_id", "=", account]]
    [report] = odoo.call("email.account.check", "search", of_account, limit=1, order="id desc")
    steps = odoo.call("email.account.check.step", "search_read", [["check_id", "=", report]],
                      ["stage", "result", "message"])
    steps = [(step["stage"], step["result"], step["message"]) for step in steps]
    if not any(step[:2] == ("find", "passed") for step in steps):
        raise RuntimeError(f"the test email did not arrive: {steps}")
    return [": ".join(step) for step in steps if step[1] != "passed"]


def receive(odoo, account, smtp_port):
    """Send a mail from outside, and wait until Odoo has it."""
    subject = f"Hello {time.time()}"
    with smtplib.SMTP("127.0.0.1", smtp_port, timeout=30) as smtp:
        smtp.sendmail("carol@elsewhere.example", [ADDRESS],
                      f"From: Carol <carol@elsewhere.example>\r\nTo: {ADDRESS}\r\nSubject: {subject}\r\n"
                      f"Message-ID: <{time.time()}@elsewhere.example>\r\n\r\nHello\r\n".encode())
    odoo.call("email.account", "action_send_receive", [account])
    found = odoo.call("mail.message", "search_count",
                      [["subject", "=", subject], ["email_account_id", "=", account]])
    if found != 1:
        raise RuntimeError(f"Odoo has {found} messages instead of the one that was sent from outside")
