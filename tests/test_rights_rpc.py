"""Who may do what with whose account, as programs ask for it."""

import json
from datetime import timedelta

from odoo import fields
from odoo.tests import HttpCase, tagged
from odoo.tools import mute_logger

from .common import DOMAIN, PASSWORD
from .roles import RolesMixin


@tagged("post_install", "-at_install")
class TestRightsByRpc(RolesMixin, HttpCase):
    """What a program can ask for, through the real controllers."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.create_accounts(outgoing_host=f"smtp.{DOMAIN}", incoming_host=f"imap.{DOMAIN}")

    def call_kw(self, role, model, method, args, kwargs):
        if self.session is None or self.session.uid != self.users[role].id:
            self.authenticate(f"ea_{role}", f"ea_{role}")
        answer = self.url_open(
            f"/web/dataset/call_kw/{model}/{method}",
            data=json.dumps({"params": {"model": model, "method": method, "args": args, "kwargs": kwargs}}),
            headers={"Content-Type": "application/json"},
        ).json()
        return ("error" not in answer), json.dumps(answer)

    def call_json2(self, role, model, method, ids, kwargs):
        key = (
            self.env["res.users.apikeys"]
            .with_user(self.users[role])
            ._generate("rpc", "test", fields.Datetime.now() + timedelta(hours=1))
        )
        response = self.url_open(
            f"/json/2/{model}/{method}",
            data=json.dumps({**({"ids": ids} if ids else {}), **kwargs}),
            headers={"Content-Type": "application/json", "Authorization": f"bearer {key}"},
        )
        return response.status_code == 200, response.text

    def each_call(self):
        """Yield ``(role, model, method, ids, keywords, expected)``."""
        ids = {letter: account.ids for letter, account in self.accounts.items()}
        account = "email.account"
        read = {"fields": ["email"]}
        for role, expected in {
            "portal": "",
            "employee": "s",
            "allowed": "sl",
            "owner": "sp",
            "manager": "sl",
            "settings": "sl",
            "elsewhere": "",
        }.items():
            for letter in "slp":
                yield role, account, "read", ids[letter], read, letter in expected
        write = {"vals": {"user_id": self.users["employee"].id}}
        yield "employee", account, "write", ids["s"], write, False
        yield "owner", account, "write", ids["p"], write, False
        yield "owner", account, "write", ids["p"], {"vals": {"sender_name": "Me"}}, True
        yield "settings", account, "write", ids["p"], {"vals": {"active": False}}, False
        for role in ("owner", "manager", "settings"):
            for name in ("password_encrypted", "outgoing_password_encrypted"):
                yield role, account, "read", ids["s"], {"fields": [name]}, False
                yield role, account, "search_count", [], {"domain": [[name, "=like", "g%"]]}, False
                yield role, account, "export_data", ids["s"], {"fields_to_export": [name]}, False
        yield "employee", account, "action_send_receive", ids["l"], {}, False
        yield "settings", account, "action_send_receive", ids["p"], {}, False
        yield "employee", account, "_get_secret__", ids["s"], {"field": "password"}, False
        yield "settings", "ir.mail_server", "read", self.accounts["p"].mail_server_id.ids, {}, False
        yield (
            "settings",
            "fetchmail.server",
            "fetch_mail",
            self.accounts["p"].fetchmail_server_id.ids,
            {},
            False,
        )
        yield "settings", "email.account.personal", "action_open", [], {}, True
        yield "manager", "email.account.personal", "action_open", [], {}, False

    def assertCalls(self, call):
        stored = [account.sudo().password_encrypted for account in self.accounts.values()]
        for role, model, method, ids, keywords, expected in self.each_call():
            with self.subTest(role=role, model=model, method=method, ids=ids, keywords=keywords):
                with mute_logger("odoo.http", "odoo.addons.base.models.ir_rule", "odoo.models"):
                    done, text = call(role, model, method, ids, keywords)
                self.assertEqual(done, expected, text[:300])
                for secret in (PASSWORD, *stored):
                    self.assertNotIn(secret, text)

    def test_web_client(self):
        def call(role, model, method, ids, keywords):
            return self.call_kw(role, model, method, [ids] if ids else [], keywords)

        self.assertCalls(call)

    def test_json2(self):
        self.assertCalls(self.call_json2)
