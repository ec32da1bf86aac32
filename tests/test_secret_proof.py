"""Passwords are write-only: a random one is set, each way out is tried by each role, and nothing says it."""

import json
from datetime import timedelta
from xmlrpc.client import Fault

from odoo import fields
from odoo.tests import HttpCase, tagged
from odoo.tools import SQL

from ..models.secret_log import REDACTED
from .common import DOMAIN, HostsCase
from .haystack import Haystack, listening
from .roles import ROLES, RolesMixin
from .secret_forms import PART, Secret
from .test_rights_matrix import RECIPIENT

SECRETS = ("password", "outgoing_password")
STORED = ("password_encrypted", "outgoing_password_encrypted")
# where a password is, was typed, or is near
MODELS = (
    "email.account",
    "email.account.create",
    "email.account.check",
    "email.account.check.step",
    "email.account.discovery",
    "email.account.unprocessed",
    "email.account.folder",
    "email.account.personal",
    "email.provider",
    "ir.mail_server",
    "fetchmail.server",
    "mail.message",
    "mail.mail",
    "mail.tracking.value",
    "mail.compose.message",
    "res.users",
)
# models with a password of an account, or with the field for one
OWNERS = ("email.account", "email.account.create", "ir.mail_server", "fetchmail.server")
EMAIL = f"new@{DOMAIN}"
# what a mail template or a server action may be asked to say, `object` being an account
EXPRESSIONS = (
    "object.password",
    "object.sudo().outgoing_password",
    "object.read()",
    "object.sudo().read(['password', 'outgoing_password'])",
    "object.copy_data()",
    "object.sudo()._get_secret__('password')",
    "object._get_login__('incoming').password",
    "object._get_login__('outgoing')",
    "object._get_keys__()[0].decrypt(object.sudo().password_encrypted.encode())",
    "object._decrypt__(object.sudo().password_encrypted, object._get_keys__())",
    "object._get_fernet__().decrypt(object.sudo().password_encrypted.encode())",
    "object._get_released_password__('incoming')",
    "[object._release_servers__(), object.sudo().mail_server_id.smtp_pass]",
    "object._connect_outgoing__().noop()",
    "object._connect_incoming__().folders()",
    "object.new({'incoming_host': 'evil.acme.example'}, origin=object)._connect_incoming__()",
    "object.sudo().mail_server_id.smtp_pass",
    "object.sudo().fetchmail_server_id.password",
)


class ProofMixin(RolesMixin):
    """Accounts of all kinds with random passwords, and users of all roles."""

    maxDiff = None

    @classmethod
    def set_up_secrets(cls):
        cls.create_accounts(
            incoming_host=f"imap.{DOMAIN}", outgoing_host=f"smtp.{DOMAIN}", sender_name="Somebody"
        )
        cls.secrets = []
        for account in cls.accounts.values():
            secret = cls.make_secret(account.email)
            account.write({"password": secret.text, "outgoing_password": secret.text})
            account._set_state()

    @classmethod
    def make_secret(cls, email=""):
        """Return a password that must not come out in what follows."""
        secret = Secret(email)
        cls.secrets.append(secret)
        return secret

    def setUp(self):
        super().setUp()
        self.haystack = Haystack()

    def get_tokens(self):
        """The encrypted passwords, as bytes."""
        self.env.flush_all()
        accounts = self.env["email.account"].sudo().with_context(active_test=False).search([])
        return [account[name].encode() for account in accounts for name in STORED if account[name]]

    def assertNothingFound(self, tokens=()):
        self.assertEqual(self.haystack.find(self.secrets), [])
        # the log of statements has what the database gets
        answers = [(origin, part) for origin, part in self.haystack.parts if not origin.startswith("log ")]
        for token in tokens:
            self.assertEqual([origin for origin, part in answers if token in part], [])


@tagged("post_install", "-at_install")
class TestSecretProof(ProofMixin, HostsCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.hosts.mail.add_user(RECIPIENT, "bob")
        cls.set_up_secrets()
        for account, secret in zip(cls.accounts.values(), cls.secrets, strict=True):
            cls.hosts.mail.add_user(account.email, secret.text)

    def each_role(self, *models):
        """Yield ``(role, records as that role)`` of each model; of accounts all, else what there is."""
        for model in models or MODELS:
            if model not in self.env:
                continue
            records = self.env[model].sudo().search([], limit=10)
            for role in ROLES if model in OWNERS else ("employee", "manager", "settings"):
                yield role, self.as_role(role, records.sudo(False))

    def ask(self, origin, function, *args, **kwargs):
        """Ask in a savepoint, so that a failure or a change counts for nothing afterwards."""

        def asked():
            answer = function(*args, **kwargs)
            self.env.flush_all()
            return answer

        with self.env.cr.savepoint() as savepoint:
            answer = self.haystack.ask(origin, asked)
            savepoint.rollback()
        return answer

    def get_specification(self, records, depth=1):
        """Return all fields that there are, with those of related records."""
        specification = {}
        for name, field in records._fields.items():
            specification[name] = {}
            if field.relational and depth and field.comodel_name in MODELS:
                related = self.env[field.comodel_name]
                specification[name] = {"fields": self.get_specification(related, depth - 1)}
        return specification

    def get_readable(self, records):
        """Return the same without what the role may not read at all."""

        def prune(model, specification):
            pruned = {}
            for name in model.fields_get(attributes=["type"]).keys() & specification.keys():
                field, of = model._fields[name], specification[name]
                related = model.env[field.comodel_name] if field.relational else None
                if related is None or related.has_access("read"):
                    pruned[name] = {"fields": prune(related, of["fields"])} if of else {}
                elif field.type == "many2one":
                    pruned[name] = {}
            return pruned

        return prune(records, self.get_specification(records))

    # ------------------------------------------------------------
    # Reading
    # ------------------------------------------------------------

    def test_reading(self):
        """Each role reads all it can of what is near a password, by record and by way of others."""
        self.make_all_records()
        answered = set()
        with listening(self.haystack):
            for role, records in self.each_role():
                origin = f"{records._name} {role}"
                names = list(records.fields_get())
                self.ask(f"read {origin}", records.read, names)  # of others' records too
                if not records.browse().has_access("read"):
                    continue
                mine = records._filtered_access("read")
                names = list(self.get_readable(mine))
                self.ask(f"read {origin}", mine.read, names)
                self.ask(f"export {origin}", mine.export_data, names)
                specification = self.get_readable(mine)
                for name in specification if records._name == "email.account" else ():
                    if self.ask(f"{name} {origin}", mine.web_read, {name: specification[name]}):
                        answered.add((f"email.account {name}", role))
                if self.ask(f"web_read {origin}", mine.web_read, specification):
                    answered.add((records._name, role))
                self.ask(f"search_read {origin}", records.search_read, [], names, limit=10)
                specification = self.get_readable(records)
                self.ask(f"web_search_read {origin}", records.web_search_read, [], specification, limit=10)
                if records._name not in OWNERS:
                    continue
                self.ask(f"everything {origin}", records.web_read, self.get_specification(records))
                self.ask(f"fields {origin}", records.fields_get)
                self.ask(f"default_get {origin}", records.default_get, names)
                views = [(False, "form"), (False, "list"), (False, "search")]
                self.ask(f"views {origin}", records.get_views, views, {"toolbar": True})
                for record in records[:3]:
                    self.ask(f"copy_data {origin}", record.copy_data)
                    self.ask(f"copy {origin}", lambda record=record: record.copy().read())
                    self.ask(f"metadata {origin}", record.get_metadata)
        for role in ("employee", "allowed", "member", "owner", "manager", "settings"):
            for name in (*SECRETS, "password_set", "mail_server_id", "check_ids", "discovery_id"):
                self.assertIn((f"email.account {name}", role), answered)
        self.assertIn(("email.account", "settings"), answered)
        for model in ("ir.mail_server", "fetchmail.server", "email.account.check"):
            self.assertIn((model, "settings"), answered)
        self.assertIn(("email.account.create", "manager"), answered)
        self.assertNothingFound(self.get_tokens())

    def test_each_field_by_itself(self):
        with listening(self.haystack):
            for role, accounts in self.each_role("email.account", "email.account.create"):
                for name in (*SECRETS, *STORED, "adopted_values"):
                    origin = f"{name} {accounts._name} {role}"
                    self.ask(origin, accounts.read, [name])
                    self.ask(origin, accounts.web_read, {name: {}})
                    self.ask(origin, accounts.export_data, [name, f"{name}/.id"])
                    self.ask(origin, accounts.search_read, [], [name])
                    self.ask(origin, accounts.read_group, [], [name], [name])
                    self.ask(origin, accounts.formatted_read_group, [], [name], ["__count"])
                    self.ask(
                        origin, accounts.formatted_read_group, [], [], [f"{name}:array_agg", f"{name}:max"]
                    )
                    self.ask(origin, accounts.web_read_group, [], [name], ["__count"])
                    self.ask(origin, accounts.mapped, name)
                    self.ask(
                        origin, lambda accounts=accounts, name=name: accounts.sorted(name).mapped("email")
                    )
        self.assertNothingFound(self.get_tokens())

    def test_searching_is_no_oracle(self):
        """A right guess is answered as a wrong one."""
        secret = self.secrets[0].text
        token = self.accounts["s"].sudo().password_encrypted
        guesses = {
            "password": (secret, "x" * len(secret)),
            "outgoing_password": (secret[:5], "xxxxx"),
            "password_encrypted": (token[:20], "x" * 20),
            "outgoing_password_encrypted": (token[:6], "xxxxxx"),
        }
        self.enterContext(listening(self.haystack))
        for role in ROLES:
            accounts = self.as_role(role, self.env["email.account"])
            folders = accounts.env["email.account.folder"]
            for name, (right, wrong) in guesses.items():
                for operator in ("=", "!=", "like", "=like", "ilike", "=ilike", "in", "not like", ">", "<="):
                    ways = {
                        "search": lambda v, n=name, o=operator, a=accounts: a.search([(n, o, v)]).ids,
                        "count": lambda v, n=name, o=operator, a=accounts: a.search_count([(n, o, v)]),
                        "name": lambda v, n=name, o=operator, a=accounts: a.name_search("", [(n, o, v)]),
                        "path": lambda v, n=name, o=operator, f=folders: (
                            f.search([(f"account_id.{n}", o, v)]).ids
                        ),
                        "any": lambda v, n=name, o=operator, f=folders: (
                            f.search([("account_id", "any", [(n, o, v)])]).ids
                        ),
                        "filtered": lambda v, n=name, o=operator, a=accounts: (
                            a.search([]).filtered_domain([(n, o, v)]).ids
                        ),
                        "groups": lambda v, n=name, o=operator, a=accounts: a.formatted_read_group(
                            [(n, o, v)], ["state"], ["__count"]
                        ),
                    }
                    for way, function in ways.items():
                        with self.subTest(role=role, name=name, operator=operator, way=way):
                            outcomes = []
                            for guess in (right, wrong):
                                value = [guess] if operator == "in" else guess
                                value = f"{guess}%" if "=" in operator and "like" in operator else value
                                outcomes.append(self.get_outcome(function, value, guess))
                            self.assertEqual(*outcomes)
            for order in (*guesses, "password_encrypted desc"):
                with self.subTest(role=role, order=order):
                    kind, _text = self.get_outcome(
                        lambda o, a=accounts: a.search([], order=o).ids, order, order
                    )
                    self.assertNotEqual(kind, "answer")

    def get_outcome(self, function, value, guess):
        with self.env.cr.savepoint() as savepoint:
            try:
                outcome = "answer", repr(function(value))
            except Exception as error:
                outcome = type(error).__name__, str(error).replace(guess, "guess")
            savepoint.rollback()
        return outcome

    # ------------------------------------------------------------
    # Writing
    # ------------------------------------------------------------

    def test_writing(self):
        """What is answered to who writes one, how it shows in the chatter, and what stays in the database."""
        secret = self.make_secret(EMAIL)
        with listening(self.haystack):
            for role in ROLES:
                for letter, account in self.accounts.items():
                    account = self.as_role(role, account)
                    values = dict.fromkeys(SECRETS, secret.text)
                    origin = f"{role} {letter}"
                    readable = self.get_readable(account)
                    self.ask(f"write {origin}", lambda a=account, v=values: [a.write(v), a.read()])
                    self.ask(f"web_save {origin}", account.web_save, values, readable)
                    self.ask(
                        f"load {origin}", account.load, ["id", *SECRETS], [["x", secret.text, secret.text]]
                    )
                    self.ask(
                        f"load {origin}",
                        account.load,
                        ["email", *SECRETS, "incoming_port"],
                        [[EMAIL, secret.text, secret.text, "no number"]],
                    )
                    self.ask(f"name_create {origin}", account.name_create, EMAIL)
                for model in ("email.account", "email.account.create"):
                    records = self.as_role(role, self.env[model])
                    values = {"email": EMAIL, **dict.fromkeys(SECRETS, secret.text)}
                    origin = f"{role} {model}"
                    self.ask(f"create {origin}", lambda r=records, v=values: r.create(v).read())
                    self.ask(f"web_save {origin}", records.web_save, values, self.get_readable(records))
                    self.ask(
                        f"copy {origin}",
                        lambda r=records, v=values: r.create(v).copy({"email": "x@y.example"}).read(),
                    )
        self.assertNothingFound()
        self.accounts["s"].write({"password": secret.text, "sender_name": "Changed"})
        self.accounts["s"].message_post(body="Hello")
        self.env.cr.precommit.run()  # tracking
        self.add_database()
        self.assertNothingFound()

    def test_onchange(self):
        """The browser is not told again what it has sent."""
        secret = self.make_secret(EMAIL)
        with listening(self.haystack):
            for role in ROLES:
                for records in (*self.accounts.values(), self.env["email.account.create"]):
                    records = self.as_role(role, records)
                    values = {"email": EMAIL, **dict.fromkeys(SECRETS, secret.text)}
                    for changed in ([], ["password"], ["email", *SECRETS], ["incoming_security"]):
                        origin = f"onchange {records._name} {role}"
                        specification = self.get_readable(records)
                        self.ask(origin, records.onchange, values, changed, specification)
                        self.ask(origin, records.onchange, {}, changed, specification)
        self.assertNothingFound(self.get_tokens())

    def test_failures_while_writing(self):
        """Neither the text, nor the arguments, nor the traceback, nor what the database says of it."""
        wrong = (
            {"timeout": 0},
            {"email": "nobody"},
            {"email": False},
            {"email": self.accounts["l"].email},
            {"incoming_port": 0},
            {"incoming_port": "number"},
            {"incoming_security": "nothing"},
            {"sender_name": "N\0"},
            {"company_id": 987654321},
            {"no_such_field": 1},
            {"use_for_sending": False, "use_for_receiving": False},
            {"incoming_host": "http://x"},
            {"outgoing_host": "10.0.0.1"},
        )
        failed, secret = 0, self.make_secret(EMAIL)
        with listening(self.haystack):
            for values in wrong:
                values = {**dict.fromkeys(SECRETS, secret.text), "name": "x", **values}
                for function in (
                    self.accounts["s"].write,
                    lambda vals: self.env["email.account"].create({"email": EMAIL, **vals}),
                    lambda vals: (
                        self.env["email.account.create"].create({"email": EMAIL, **vals}).action_next()
                    ),
                ):
                    failed += self.ask(f"failing {list(values)[-1]}", function, values) is None
            for odd in (
                [self.secrets[0].text],
                {"value": self.secrets[0].text},
                self.secrets[0].text.encode(),
            ):
                failed += self.ask("odd", self.accounts["s"].write, {"password": odd}) is None
        self.assertGreater(failed, 20)
        self.assertNothingFound()

    # ------------------------------------------------------------
    # Templates and reports
    # ------------------------------------------------------------

    def test_templates(self):
        """Every user may write templates, in Odoo's default settings, and they see what the server sees."""
        Mixin = self.env["mail.render.mixin"]
        with listening(self.haystack):
            for role in ROLES:
                mixin = self.as_role(role, Mixin)
                for letter, account in self.accounts.items():
                    for expression in EXPRESSIONS:
                        origin = f"{expression} {role} {letter}"
                        for engine, source in (
                            ("inline_template", f"{{{{ {expression} }}}}"),
                            ("qweb", f'<p t-out="{expression}"/>'),
                        ):
                            self.ask(
                                origin,
                                mixin._render_template,
                                source,
                                "email.account",
                                account.ids,
                                engine=engine,
                            )
                    composer = {
                        "model": "email.account",
                        "res_ids": repr(account.ids),
                        "body": "",
                        "subject": "",
                    }
                    for expression in EXPRESSIONS[:2]:
                        composer.update(
                            body=f'<p t-out="{expression}"/>',
                            subject=f"{{{{ {expression} }}}}",
                            email_from=EMAIL,
                        )
                        self.ask(
                            f"composer {role}",
                            lambda m=mixin, v=dict(composer): [
                                wizard._prepare_mail_values(wizard._evaluate_res_ids())
                                for wizard in m.env["mail.compose.message"].create(v)
                            ],
                        )
        # a template is rendered at all
        self.haystack.add(
            "rendered", mixin.sudo()._render_template("{{ object.email }}", "email.account", account.ids)
        )
        self.assertIn(account.email.encode(), self.haystack.parts[-1][1])
        self.assertNothingFound()

    def test_server_actions(self):
        """What an administrator's code sees."""
        answered = 0
        admin = self.users["settings"]
        with listening(self.haystack):
            for expression in ("object.email", *EXPRESSIONS):
                code = f"action = {{'name': str({expression.replace('object', 'record')})}}"
                action = {
                    "name": "x",
                    "model_id": self.env["ir.model"]._get("email.account").id,
                    "state": "code",
                    "code": code,
                }
                context = {"active_model": "email.account", "active_id": self.accounts["s"].id}
                answered += bool(
                    self.ask(
                        code,
                        lambda v=action, c=context: (
                            self.env["ir.actions.server"].with_user(admin).create(v).with_context(**c).run()
                        ),
                    )
                )
        self.assertGreaterEqual(answered, 4)
        self.assertNothingFound()

    # ------------------------------------------------------------
    # Mail
    # ------------------------------------------------------------

    def use(self, account):
        """Send, receive and check."""
        received = (
            f"From: Carol <carol@customer.example>\nTo: {account.email}\nSubject: {account.email}\n\nHello\n"
        )
        self.hosts.mail.deliver(received.encode(), account.email)
        writer = account.user_id or self.env.user
        mail = (
            self.env["mail.mail"]
            .with_user(writer)
            .sudo()
            .create(
                {
                    "email_to": RECIPIENT,
                    "body_html": "x",
                    "email_from": account.email,
                    "mail_server_id": account.mail_server_id.id,
                }
            )
        )
        mail.send()
        server = account.mail_server_id
        message = self.env["ir.mail_server"]._build_email__(account.email, [RECIPIENT], "Subject", "Body")
        self.ask(
            "send_email",
            self.env["ir.mail_server"].send_email,
            message,
            mail_server_id=server.id,
            smtp_debug=True,
        )
        self.ask("test", server.test_smtp_connection)
        self.ask("connect", lambda: server._connect__(mail_server_id=server.id, smtp_debug=True).close())
        self.ask("fetch", account.fetchmail_server_id.button_confirm_login)
        account._receive()
        # a password that was refused is not sent again: here it is, to see what is said of it
        self.env["email.account.refusal"].search([]).unlink()
        account._check()
        return mail.state

    def test_using(self):
        """With the right password and with a wrong one, everything as talkative as it can be."""
        self.accounts["s"].mail_server_id.smtp_debug = True
        pop3 = self.env["email.account"].create(
            {
                "email": f"pop3@{DOMAIN}",
                "incoming_protocol": "pop3",
                "incoming_port": 995,
                "incoming_host": f"pop.{DOMAIN}",
                "outgoing_host": f"smtp.{DOMAIN}",
                "password": self.make_secret(f"pop3@{DOMAIN}").text,
            }
        )
        pop3._set_state()
        self.hosts.mail.add_user(pop3.email, self.secrets[-1].text)
        accounts = [self.accounts["s"], self.accounts["p"], pop3]
        states = []
        with listening(self.haystack):
            for account in accounts:
                states.append(self.use(account))
            used = [(account.state, account.message_count) for account in accounts]
            # the session itself, as a developer would look at it
            session = accounts[0]._connect_outgoing__()
            session.set_debuglevel(2)
            self.haystack.ask("login", session.login, accounts[0].email, self.secrets[0].text)
            session.disconnect()
            for account in accounts:
                account.write(dict.fromkeys(SECRETS, self.make_secret(account.email).text))
                account._set_state()
                states.append(self.use(account))
                self.haystack.ask("connect", account._connect_outgoing__)
                self.haystack.ask("connect", account._connect_incoming__)
        self.assertEqual(used, [("ready", 1)] * 3)
        self.assertEqual(states, ["sent"] * 3 + ["exception"] * 3)
        self.assertEqual([account.state for account in accounts], ["failing"] * 3)
        checks = self.env["email.account.check"].search([("account_id", "in", [a.id for a in accounts])])
        self.assertIn("wrong_password", checks.step_ids.mapped("cause"))
        for check in checks:
            self.haystack.add("report", check.read(), check.step_ids.read())
            html, _kind = self.env["ir.actions.report"]._render_qweb_html(
                "email_account.action_report_email_account_check", check.ids
            )
            self.haystack.add("report", html)
        self.env.cr.precommit.run()  # tracking, notifications
        self.add_database()
        self.assertNothingFound()

    def test_wizard(self):
        """A whole set-up, with a password that is refused before."""
        secret = self.make_secret(EMAIL)
        self.hosts.mail.add_user(EMAIL, secret.text)
        with listening(self.haystack):
            wizards = self.as_role("employee", self.env["email.account.create"])
            values = {"email": EMAIL, "password": self.make_secret(EMAIL).text}
            wizard = wizards.create(values)
            for password in (values["password"], secret.text):
                wizard.password = password
                self.haystack.ask("wizard", wizard.action_create)
                self.haystack.ask("wizard", wizard.web_read, self.get_readable(wizard))
        self.assertEqual(wizard.step, "done", wizard.message)
        self.assertFalse(wizard.password_set)
        self.add_database()
        self.assertNothingFound()

    # ------------------------------------------------------------
    # What there is
    # ------------------------------------------------------------

    def make_all_records(self):
        """A report, a discovery, a wizard, mail, a received mail that was kept."""
        account = self.accounts["s"]
        step = {"stage": "login", "direction": "outgoing", "result": "failed", "message": "m", "details": "d"}
        self.env["email.account.check"]._create_report(account, [{**step, "duration_ms": 1}])
        discovery = self.env["email.account.discovery"].create(
            {"account_id": account.id, "user_id": self.env.uid, "email": account.email, "domain": DOMAIN}
        )
        account._write_discovery({"discovery_id": discovery.id})
        for role in ("employee", "manager"):
            wizards = self.as_role(role, self.env["email.account.create"])
            wizards.create(
                {
                    "email": EMAIL,
                    **dict.fromkeys(SECRETS, self.make_secret(EMAIL).text),
                    "account_id": account.id,
                }
            )
        message = account.message_post(body="Hello")
        account.sender_name = "Tracked"
        self.env["mail.mail"].create(
            {"mail_message_id": message.id, "mail_server_id": account.mail_server_id.id}
        )
        self.env.flush_all()

    def add_database(self):
        """Every row of every table, as this transaction sees them, but for what Odoo makes of its assets."""
        self.env.flush_all()
        self.env.cr.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema::regnamespace"
        )
        tables = [name for (name,) in self.env.cr.fetchall()]
        self.assertIn("email_account", tables)
        for table in tables:
            where = SQL("WHERE res_model IS DISTINCT FROM 'ir.ui.view'" if table == "ir_attachment" else "")
            name = SQL.identifier(table)
            self.env.cr.execute(SQL("SELECT row_to_json(t)::text FROM %s t %s", name, where))
            for (row,) in self.env.cr.fetchall():
                self.haystack.add(f"table {table}", row.encode())


@tagged("post_install", "-at_install")
class TestSecretProofByRpc(ProofMixin, HttpCase):
    """What a browser or a program gets back, and what Odoo logs of its calls."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.set_up_secrets()

    def call_web(self, role, model, method, args, kwargs):
        if self.session is None or self.session.uid != self.users[role].id:
            self.authenticate(f"ea_{role}", f"ea_{role}")
        return self.url_open(
            f"/web/dataset/call_kw/{model}/{method}",
            data=json.dumps({"params": {"model": model, "method": method, "args": args, "kwargs": kwargs}}),
            headers={"Content-Type": "application/json"},
        ).content

    def call_xmlrpc(self, role, model, method, args, kwargs):
        user = self.users[role]
        try:
            answer = self.xmlrpc_object.execute_kw(
                self.env.cr.dbname, user.id, f"ea_{role}", model, method, args, kwargs
            )
        except Fault as fault:
            answer = (fault.faultCode, fault.faultString)
        return repr(answer).encode()

    def call_json2(self, role, model, method, args, kwargs):
        key = (
            self.env["res.users.apikeys"]
            .with_user(self.users[role])
            ._generate("rpc", "test", fields.Datetime.now() + timedelta(hours=1))
        )
        names = {"create": ["vals_list"], "write": ["ids", "vals"], "web_save": ["ids", "vals"]}
        names |= {"read": ["ids", "fields"], "load": ["fields", "data"], "search": ["domain"]}
        names |= {"onchange": ["ids", "values", "field_names", "fields_spec"], "copy_data": ["ids"]}
        body = dict(zip(names[method], args, strict=True)) | kwargs
        return self.url_open(
            f"/json/2/{model}/{method}",
            data=json.dumps(body),
            headers={"Content-Type": "application/json", "Authorization": f"bearer {key}"},
        ).content

    def each_call(self):
        """Yield ``(model, method, positional arguments, keywords)``, those that fail too."""
        for model, ids in (("email.account", self.accounts["s"].ids), ("email.account.create", [])):
            specification = {"password": {}, "outgoing_password": {}, "password_set": {}, "email": {}}
            secret = self.make_secret(EMAIL)
            values = {"email": EMAIL, **dict.fromkeys(SECRETS, secret.text)}
            if ids:
                yield model, "write", [ids, dict.fromkeys(SECRETS, secret.text)], {}
                yield model, "write", [ids, {**values, "timeout": 0}], {}
                yield model, "web_save", [ids, {"password": secret.text}], {"specification": specification}
                yield model, "read", [ids, [*SECRETS, "password_date"]], {}
                yield model, "read", [ids, [*STORED]], {}
                yield model, "copy_data", [ids], {}
            yield model, "create", [[values]], {}
            yield model, "create", [[{**values, "timeout": 0}]], {}
            yield model, "create", [[{**values, "no_such_field": 1}]], {}
            yield model, "create", [[{**values, "company_id": 987654321}]], {}
            yield model, "create", [[{**values, "incoming_port": "number"}]], {}
            yield model, "web_save", [[], values], {"specification": specification}
            yield model, "onchange", [ids, values, list(SECRETS), specification], {}
            yield model, "load", [["email", *SECRETS], [[EMAIL, secret.text, secret.text]]], {}
            yield (
                model,
                "load",
                [["email", "incoming_port", "password"], [["x", "no number", secret.text]]],
                {},
            )
            yield model, "search", [[["password", "like", secret.text[:PART]]]], {}

    def test_every_way(self):
        for way in (self.call_web, self.call_xmlrpc, self.call_json2):
            for role in ("portal", "employee", "owner", "manager", "settings"):
                with listening(self.haystack):
                    for model, method, args, kwargs in self.each_call():
                        answer = way(role, model, method, args, kwargs)
                        self.haystack.add(f"{way.__name__} {role} {model} {method}", answer)
        self.assertNothingFound(self.get_tokens())
        calls = [part for origin, part in self.haystack.parts if origin == "log of odoo.service.model"]
        self.assertGreater(sum(REDACTED.encode() in part for part in calls), 50)
        # what is no password is logged as ever
        self.assertTrue(any(EMAIL.encode() in part for part in calls))

    def test_the_own_password_of_the_user_is_not_ours(self):
        """Other models are logged as Odoo does it."""
        with listening(self.haystack):
            self.call_web(
                "employee", "res.partner", "search_read", [[["name", "=", "password"]], ["name"]], {}
            )
        calls = [part for origin, part in self.haystack.parts if origin == "log of odoo.service.model"]
        self.assertTrue(any(b"'=', 'password'" in part for part in calls))
