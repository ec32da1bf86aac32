"""What clients do with the passwords of accounts: a browser, and programs by XML-RPC and JSON-2."""
import http.cookiejar
import itertools
import json
import urllib.error
import urllib.parse
import urllib.request
import xmlrpc.client
from unittest import TestCase

from test_adopt import deliver

check = TestCase()
# whose mailboxes there are: of the account that the browser sets up, of those by XML-RPC, JSON-2, the wizard
PEOPLE = [f"{name}@acme.example" for name in ("browser", "xmlrpc", "json2", "wizard")]
SECRETS = ("password", "outgoing_password")
ACCOUNT, WIZARD = "email.account", "email.account.create"
SPECIFICATION = {name: {} for name in (*SECRETS, "password_set", "password_date", "email")}
# positional parameters by name, as JSON-2 wants them
NAMES = {
    "create": ["vals_list"],
    "write": ["ids", "vals"],
    "web_save": ["ids", "vals", "specification"],
    "read": ["ids", "fields"],
    "search": ["domain"],
    "load": ["fields", "data"],
    "onchange": ["ids", "values", "field_names", "fields_spec"],
    "export_data": ["ids", "fields_to_export"],
    "copy_data": ["ids"],
}


class Clients:
    """Three ways to call a method; ``answers`` holds all that came back, as bytes."""

    def __init__(self, url, database, user, key):
        self.url, self.database, self.key, self.answers = url, database, key, []
        self.login, self.password = user
        self._numbers = itertools.count(1)
        self._opener = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
        self.uid = self._rpc("/web/session/authenticate", db=database, login=self.login,
                             password=self.password)["result"]["uid"]

    def fetch(self, path, body=None, **headers):
        """Return the body of an answer, of a failure too."""
        request = urllib.request.Request(self.url + path, body, headers)
        try:
            with self._opener.open(request, timeout=120) as response:
                answer = response.read()
                self.answers.append(str(response.headers).encode())
        except urllib.error.HTTPError as error:
            answer = error.read()
        self.answers.append(answer)
        return answer

    def _rpc(self, path, **params):
        body = json.dumps({"jsonrpc": "2.0", "id": next(self._numbers), "params": params}).encode()
        return json.loads(self.fetch(path, body, **{"Content-Type": "application/json"}))

    def web(self, model, method, *args, **kwargs):
        """As the browser does it; returns the answer, None after a failure."""
        return self._rpc(f"/web/dataset/call_kw/{model}/{method}", model=model, method=method, args=args,
                         kwargs=kwargs).get("result")

    def xmlrpc(self, model, method, *args, **kwargs):
        params = (self.database, self.uid, self.password, model, method, args, kwargs)
        body = xmlrpc.client.dumps(params, "execute_kw", allow_none=True)
        answer = self.fetch("/xmlrpc/2/object", body.encode(), **{"Content-Type": "text/xml"})
        try:
            return xmlrpc.client.loads(answer)[0][0]
        except xmlrpc.client.Fault:
            return None

    def json2(self, model, method, *args, **kwargs):
        names = NAMES.get(method, ["ids"])
        body = json.dumps({**dict(zip(names, args, strict=False)), **kwargs}).encode()
        answer = self.fetch(f"/json/2/{model}/{method}", body, **{
            "Content-Type": "application/json", "Authorization": f"bearer {self.key}"})
        answer = json.loads(answer)
        return None if isinstance(answer, dict) and "debug" in answer else answer


def use_passwords(url, database, user, key, ports, right, wrong, prepare):
    """Set up an account in each way, use it, give it a wrong password, use it again, fail, read everything.

    :param user: login and password
    :param key: his key for JSON-2
    :param ports: of the mail host
    :param right: {address: password}
    :param wrong: likewise
    :param prepare: called before an account is used
    :return: all answers, a list of bytes
    """
    clerk = Clients(url, database, user, key)
    admin = Clients(url, database, ("admin", "admin"), key)
    servers = {
        "incoming_host": "localhost", "incoming_port": ports["imaps"],
        "outgoing_host": "localhost", "outgoing_port": ports["submissions"],
    }
    ways = dict(zip(PEOPLE, (clerk.web, clerk.xmlrpc, clerk.json2), strict=False))
    accounts = {}
    for address, call in ways.items():
        values = {**servers, "email": address, **dict.fromkeys(SECRETS, right[address])}
        call(ACCOUNT, "onchange", [], values, list(SECRETS), SPECIFICATION)
        [account] = call(ACCOUNT, "web_save", [], values, SPECIFICATION)
        accounts[address] = account["id"]
        check.assertEqual((account["password"], account["password_set"]), (False, True))
    address = PEOPLE[-1]
    accounts[address] = _set_up(clerk, address, wrong[address], right[address], servers)
    for address, account in accounts.items():
        prepare()
        _use(clerk, admin, account, address, ports)
        [found] = clerk.web(ACCOUNT, "read", [account], ["state", "message_count"])
        check.assertEqual((found["state"], found["message_count"]), ("ready", 1), address)
    for address, account in accounts.items():
        call = ways.get(address, clerk.web)
        call(ACCOUNT, "write", [account], dict.fromkeys(SECRETS, wrong[address]))
        _fail(call, account, wrong[address])
        prepare()
        _use(clerk, admin, account, address, ports)
        [found] = clerk.web(ACCOUNT, "read", [account], ["state"])
        check.assertEqual(found["state"], "failing", address)
        _read(call, account)
    _export(clerk, list(accounts.values()))
    return clerk.answers + admin.answers


def _set_up(clerk, address, wrong, right, servers):
    """Let the wizard create an account, at its second attempt; return the account's id."""
    values = {**servers, "email": address, "password": wrong, "method": "manual", "step": "description"}
    [wizard] = clerk.web(WIZARD, "web_save", [], values, specification=SPECIFICATION)
    for password in (wrong, right):
        clerk.web(WIZARD, "web_save", [wizard["id"]], {"password": password}, specification=SPECIFICATION)
        clerk.web(WIZARD, "action_create", [wizard["id"]])
        [found] = clerk.web(WIZARD, "read", [wizard["id"]], ["step", "message", "account_id", *SECRETS])
    check.assertEqual(found["step"], "done", found)
    return found["account_id"][0]


def _use(clerk, admin, account, address, ports):
    """Check, send, receive."""
    deliver(ports, f"{address.partition('@')[0]}-{len(clerk.answers)}", address)
    report = clerk.web(ACCOUNT, "action_check", [account])
    if report:
        clerk.web(report["res_model"], "web_read", [report["res_id"]], specification={
            "summary": {}, "report_text": {}, "step_ids": {"fields": {"message": {}, "advice": {}}}})
        clerk.fetch(f"/report/html/email_account.report_check/{report['res_id']}")
    clerk.web(ACCOUNT, "action_send_receive", [account])
    partner = clerk.web("res.partner", "create", {"name": "Bob", "email": PEOPLE[0]})
    composer = clerk.web("mail.compose.message", "create", {
        "model": "res.partner", "res_ids": f"[{partner}]", "email_account_id": account,
        "partner_ids": [partner], "body": "Hello", "subject": "Hello"})
    clerk.web("mail.compose.message", "action_send_mail", [composer])
    admin.web("ir.mail_server", "search_read", [])
    admin.web("mail.mail", "search_read", [])


def _fail(call, account, secret):
    """Calls that fail with a password among their parameters."""
    values = {"email": "new@acme.example", **dict.fromkeys(SECRETS, secret)}
    for more in ({"timeout": 0}, {"no_such_field": 1}, {"incoming_port": "number"}, {"company_id": 987654321},
                 {"email": PEOPLE[0]}, {"sender_name": "\x7f", "email": "nobody"}):
        check.assertIsNone(call(ACCOUNT, "create", [{**values, **more}]))
    check.assertIsNone(call(ACCOUNT, "write", [account], {"password": secret, "timeout": 0}))
    call(ACCOUNT, "load", ["email", "incoming_port", "password"], [["x", "number", secret]])
    call(ACCOUNT, "load", ["email", "password"], [["new@acme.example", secret]])
    call(ACCOUNT, "search", [["password", "like", secret[:20]]])


def _read(call, account):
    call(ACCOUNT, "read", [account], [])
    call(ACCOUNT, "read", [account], ["password_encrypted"])
    call(ACCOUNT, "copy_data", [account])
    call(ACCOUNT, "export_data", [account], [*SECRETS, "email", "mail_server_id/smtp_pass"])
    call("mail.message", "search", [["model", "=", ACCOUNT]])


def _export(clerk, accounts):
    """The files and pages that a browser asks for."""
    clerk.web(ACCOUNT, "get_views", [[False, "form"], [False, "list"], [False, "search"]])
    clerk.web(ACCOUNT, "get_import_templates")
    clerk.web(ACCOUNT, "search_read", [], [])
    names = [{"name": name, "label": name} for name in (*SECRETS, "email")]
    for kind in ("csv", "xlsx"):
        data = {"model": ACCOUNT, "fields": names, "ids": accounts, "domain": [], "import_compat": True}
        clerk.fetch(f"/web/export/{kind}?data={urllib.parse.quote(json.dumps(data))}")
    clerk.fetch("/odoo/my-email-accounts")
    clerk.fetch(f"/json/1/{ACCOUNT}/{accounts[0]}")
