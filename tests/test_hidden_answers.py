"""What is hidden stays so: no name, no address, no existence of it in any answer, whatever way is asked."""

from functools import partial

from psycopg2 import DatabaseError

from odoo.exceptions import UserError
from odoo.tests import TransactionCase, tagged
from odoo.tools import mute_logger

from .common import PASSED_STEP, PASSWORD
from .roles import ROLES, RolesMixin

# it is in everything that is to stay hidden
MARK = "zebra"
QUIET = (
    "odoo.addons.base.models.ir_model",
    "odoo.addons.base.models.ir_rule",
    "odoo.addons.web.models.models",
    "odoo.domains",
    "odoo.fields",
    "odoo.models",
    "odoo.sql_db",
)
# which accounts are hidden from a role
HIDDEN = {
    "portal": "p",
    "employee": "lp",
    "allowed": "p",
    "member": "p",
    "owner": "l",
    "manager": "p",
    "settings": "p",
    "elsewhere": "s",
}
TRIED = [(role, letter) for role in ROLES for letter in HIDDEN[role]]


@tagged("post_install", "-at_install")
class TestHiddenAnswers(RolesMixin, TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.create_accounts(incoming_host="imap.acme.example", outgoing_host="smtp.acme.example")
        cls.partner = cls.env["res.partner"].create({"name": "Customer"})
        cls.hidden = {
            letter: cls.mark(account, f"{MARK}{letter}q") for letter, account in cls.accounts.items()
        }
        cls.env.flush_all()

    @classmethod
    def mark(cls, account, mark):
        """Put ``mark`` into all that belongs to ``account``; return model -> record."""
        account.write(
            {
                "email": f"{mark}@acme.example",
                "name": f"{mark} account",
                "sender_name": f"{mark} sender",
                "username": f"{mark}-login",
                "incoming_host": f"imap.{mark}.example",
                "outgoing_host": f"smtp.{mark}.example",
                "password": PASSWORD,
            }
        )
        account._set_state()
        check = cls.env["email.account.check"]._create_report(account, [PASSED_STEP | {"message": mark}])
        check.sudo().summary = mark
        discovery = cls.env["email.account.discovery"].create(
            {
                "account_id": account.id,
                "user_id": cls.env.ref("base.user_root").id,
                "email": account.email,
                "domain": f"{mark}.example",
                "step_ids": [(0, 0, {"source": "srv", "sequence": 1, "result": "found", "detail": mark})],
            }
        )
        account._write_discovery({"discovery_id": discovery.id})
        folder = account.folder_ids.create({"account_id": account.id, "name": mark, "mailbox": mark})
        mail = cls.env["email.account.unprocessed"].create(
            {"account_id": account.id, "reason": "kept", "subject": mark, "email_from": f"{mark}@x.example"}
        )
        template = cls.env["mail.template"].create(
            {
                "name": "Greeting",
                "model_id": cls.env["ir.model"]._get_id("res.partner"),
                "mail_server_id": account.mail_server_id.id,
            }
        )
        message = cls.partner.message_post(body="Hello", message_type="email")
        message.write({"mail_server_id": account.mail_server_id.id, "email_account_id": account.id})
        records = [account, account.mail_server_id, account.fetchmail_server_id]
        records += [check, check.step_ids[:1], discovery, discovery.step_ids, folder, mail]
        cls.references = getattr(cls, "references", {}) | {account.id: [template, message]}
        return {record._name: record.sudo() for record in records}

    # ------------------------------------------------------------
    # Asking
    # ------------------------------------------------------------

    def get_spec(self, model):
        """Return what the web client asks for to see everything."""
        return {
            name: {"fields": {"display_name": {}}} if field.relational else {}
            for name, field in model._fields.items()
            if field.type not in ("properties", "properties_definition")
        }

    def each_reference(self):
        """Yield ``(model, field, comodel)`` of each field that may name something of an account."""
        comodels = set(self.hidden["p"])
        for name, model in sorted(self.env.items()):
            if model._abstract:
                continue
            for field in model._fields.values():
                if field.relational and field.comodel_name in comodels:
                    yield name, field, field.comodel_name

    def each_way(self, model, field, hidden, mark):
        """Yield functions that name ``hidden`` in ``field`` and return an answer."""
        value = hidden.id if field.type == "many2one" else [(6, 0, hidden.ids)]
        link = value if field.type == "many2one" else [(4, hidden.id)]
        name, fields = field.name, model._fields
        spec = {
            key: each
            for key, each in self.get_spec(model).items()
            if model._has_field_access(fields[key], "read")
        }
        asked = model.with_context(**{f"default_{name}": value})
        yield "onchange", lambda: model.onchange({name: link}, [name], spec)
        yield "first", lambda: model.onchange({name: link}, [], spec)
        yield "default", lambda: asked.onchange({}, [], spec)
        yield "search", lambda: model.search_count([(f"{name}.display_name", "ilike", mark)]) and mark
        yield "name", lambda: model.search_count([(name, "ilike", mark)]) and mark
        yield "group", lambda: model.formatted_read_group([], [name], ["__count"])
        yield "create", lambda: model.create({name: value}).web_read(spec)
        yield "default create", lambda: asked.create({}).web_read(spec)

    def read_before(self, records):
        """What a transaction has read is read again unasked."""
        for record in records:
            record.read()
            record.with_user(self.env.ref("base.user_root")).mapped("display_name")

    def ask(self, function):
        """Return what somebody is answered, errors too."""
        try:
            return repr(function())
        except (UserError, ValueError, TypeError, KeyError, DatabaseError, AttributeError) as error:
            return str(error)

    def ask_and_undo(self, function, records):
        with self.env.cr.savepoint() as savepoint:
            self.read_before(records)
            answer = self.ask(function)
            savepoint.rollback()
        return answer

    def test_every_field_that_refers_to_it(self):
        asked = 0
        for name, field, comodel in self.each_reference():
            for role, letter in TRIED:
                model, records = self.as_role(role, self.env[name]), self.hidden[letter]
                if not model.has_access("read") and not model.has_access("create"):
                    continue
                mark = f"{MARK}{letter}q"
                self.read_before(records.values())
                for way, function in self.each_way(model, field, records[comodel], mark):
                    with mute_logger(*QUIET):
                        if way in ("create", "default create"):
                            answer = self.ask_and_undo(function, records.values())
                        else:
                            answer = self.ask(function)
                    asked += 1
                    if mark in answer:
                        with self.subTest(model=name, field=field.name, role=role, account=letter, way=way):
                            self.assertNotIn(mark, answer)
        self.assertGreater(asked, 800)

    def each_number(self, hidden):
        """Yield ``(model, values)`` of what names a record by its model and number."""
        model_id = self.env["ir.model"]._get_id(hidden._name)
        yield "mail.compose.message", {"model": hidden._name, "res_ids": repr(hidden.ids), "body": "x"}
        yield "mail.activity", {"res_model_id": model_id, "res_id": hidden.id}
        yield "mail.message", {"model": hidden._name, "res_id": hidden.id, "body": "x"}
        yield "mail.followers", {"res_model": hidden._name, "res_id": hidden.id}
        yield "ir.attachment", {"res_model": hidden._name, "res_id": hidden.id, "name": "x"}
        yield "mail.scheduled.message", {"model": hidden._name, "res_id": hidden.id, "body": "x"}

    def each_way_by_number(self, model, values):
        fields = model._fields
        spec = {
            name: each
            for name, each in self.get_spec(model).items()
            if model._has_field_access(fields[name], "read")
        }
        asked = model.with_context(**{f"default_{name}": value for name, value in values.items()})
        yield lambda: asked.onchange({}, [], spec)
        yield lambda: model.onchange(values, [], spec)
        yield lambda: model.onchange(values, list(values), spec)
        yield lambda: model.create(values).web_read(spec)

    def test_what_is_named_by_its_number(self):
        for role, letter in TRIED:
            records = self.hidden[letter]
            for hidden in records.values():
                for name, values in self.each_number(hidden):
                    model = self.as_role(role, self.env[name])
                    for function in self.each_way_by_number(model, values):
                        with mute_logger(*QUIET):
                            answer = self.ask_and_undo(function, [hidden])
                        if f"{MARK}{letter}q" in answer:
                            with self.subTest(model=name, hidden=hidden._name, role=role, account=letter):
                                self.assertNotIn(f"{MARK}{letter}q", answer)

    def test_protocol(self):
        """Of an account that is hidden the import tells nothing, though it was read before."""
        for role, letter in TRIED:
            account = self.accounts[letter]
            account.write({"incoming_protocol": "pop3", "after_receiving": "leave"})
            wizards = self.as_role(role, self.env["email.account.import"])
            spec = {"incoming_protocol": {}, "account_id": {"fields": {"display_name": {}}}}
            for names in ([], ["account_id"]):
                with self.subTest(role, letter=letter), mute_logger(*QUIET):
                    self.read_before([account])
                    answer = self.ask(partial(wizards.onchange, {"account_id": account.id}, names, spec))
                    self.assertNotIn("pop3", answer)
        own = self.as_role("owner", self.env["email.account.import"])
        answer = own.onchange(
            {"account_id": self.accounts["p"].id}, ["account_id"], {"incoming_protocol": {}}
        )
        self.assertEqual(answer["value"], {"incoming_protocol": "pop3"})
