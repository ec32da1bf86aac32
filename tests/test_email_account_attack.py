"""What somebody with a login might try, past the forms: by calls, contexts, and references from elsewhere."""

from functools import partial

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import TransactionCase, tagged
from odoo.tools import mute_logger

from ..models.email_account_attempt import LIMIT
from .common import DOMAIN, PASSWORD
from .roles import RolesMixin

SERVERS = {
    "incoming_host": f"imap.{DOMAIN}",
    "outgoing_host": f"smtp.{DOMAIN}",
    "outgoing_port": 587,
    "outgoing_security": "starttls",
}


class AttackCase(RolesMixin, TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.create_accounts(**SERVERS)
        cls.personal = cls.accounts["p"]
        cls.account_model = cls.env["email.account"]

    def create_own(self, role="employee", context=None, **values):
        values = {"email": f"{role}@{DOMAIN}", "password": PASSWORD, **SERVERS, **values}
        return self.as_role(role, self.account_model).with_context(**context or {}).create(values)

    def assertSecret(self, text, account=None):
        account = account or self.personal
        self.assertNotIn(account.name, str(text))
        self.assertNotIn(account.email, str(text))


@tagged("post_install", "-at_install")
class TestClaims(AttackCase):
    """Nobody makes an account pass for what it is not."""

    def test_address_that_servers_are_looked_up_by(self):
        """Whose account passed for one of another domain would be sent that domain's passwords."""
        account = self.create_own(email_normalized="x@victim.example")
        self.assertEqual(account.email_normalized, f"employee@{DOMAIN}")
        account.sudo()._set_state()
        account._write_discovery({"settings_origin": "found", "discovery_trusted": True})
        account.write({"email_normalized": "x@victim.example"})
        self.assertEqual(account.email_normalized, f"employee@{DOMAIN}")
        self.assertFalse(self.account_model._find_working_account("victim.example"))
        self.assertEqual(self.account_model._find_working_account(DOMAIN), account.sudo(False))

    def test_limits_follow_the_lists(self):
        limited = self.as_role("manager", self.accounts["l"])
        limited.write({"is_limited": False})
        self.assertTrue(limited.is_limited)

    def test_defaults_of_a_context(self):
        claims = {
            "state": "ready",
            "last_check_date": "2026-01-01 00:00:00",
            "last_error": "none",
            "email_normalized": "x@victim.example",
            "password_date": "2026-01-01 00:00:00",
            "discovery_trusted": True,
            "is_archived_by_administrator": True,
        }
        context = {f"default_{name}": value for name, value in claims.items()}
        account = self.account_model.browse(self.create_own(context=context, password=False).id)
        self.assertEqual(account.state, "draft")
        self.assertEqual(account.email_normalized, f"employee@{DOMAIN}")
        for name in claims.keys() - {"state", "email_normalized"}:
            self.assertFalse(account[name], name)
        for name in ("password_encrypted", "adopted_values"):
            with self.assertRaises(AccessError):
                self.create_own(context={f"default_{name}": "anything"})

    def test_date_of_a_password(self):
        account = self.create_own()
        date = account.password_date
        account.write({"password_date": "2020-01-01 00:00:00"})
        self.assertEqual(account.password_date, date)

    def test_defaults_of_a_user(self):
        employee = self.users["employee"]
        for name, value in (
            ("state", "ready"),
            ("password_encrypted", "token"),
            ("adopted_values", {"x": 1}),
        ):
            self.env["ir.default"].set("email.account", name, value, user_id=employee.id)
        account = self.account_model.browse(self.create_own(password=False).id)
        self.assertEqual(account.state, "draft")
        self.assertFalse(account.password_encrypted)
        self.assertFalse(account.adopted_values)

    def test_account_in_a_company_of_others(self):
        """There it would send the mail of everybody, and be where passwords go."""
        account = self.as_role("manager", self.accounts["s"])
        company = self.users["elsewhere"].company_id
        with self.assertRaises(AccessError):
            account.write({"company_id": company.id})
        with self.assertRaises(AccessError), self.env.cr.savepoint():
            account.create({"email": f"planted@{DOMAIN}", "company_id": company.id})

    @mute_logger("odoo.addons.base.models.ir_model")
    def test_providers_are_the_administrators(self):
        """They say where everybody's passwords go, in all companies."""
        provider = self.env["email.provider"].search([], limit=1)
        for role in self.users:
            with self.subTest(role):
                records = self.as_role(role, provider)
                if role == "settings":
                    records.write({"imap_host": f"imap.{DOMAIN}"})
                    continue
                with self.assertRaises(AccessError):
                    records.write({"imap_host": "imap.evil.example"})
                with self.assertRaises(AccessError):
                    records.create({"name": "Evil", "domains": "victim.example"})

    def test_record_that_he_may_not_add(self):
        """The gateway that makes records of mail may do anything."""
        model = self.env["ir.model"].search([("is_mail_thread", "=", True), ("transient", "=", False)])
        employee = self.users["employee"]
        account = self.create_own()
        refused = model.filtered(
            lambda each: not self.env[each.model].with_user(employee).has_access("create")
        )
        self.assertTrue(refused)
        for name in ("res.country", "ir.cron", "mail.thread", "email.account"):
            refused |= self.env["ir.model"]._get(name)
        for each in refused:
            with self.subTest(each.model), self.assertRaises(UserError), self.env.cr.savepoint():
                account.write({"incoming_action": "create", "incoming_model_id": each.id})
        partner = self.env["ir.model"]._get("res.partner")
        account.write({"incoming_action": "create", "incoming_model_id": partner.id})
        self.assertEqual(account.sudo().incoming_model_id, partner)

    def test_readable_password(self):
        """Without encryption, safe logon is all that keeps it from whoever listens."""
        account = self.accounts["s"]
        account.write({"incoming_security": "none", "incoming_port": 143, "password": PASSWORD})
        manager = self.as_role("manager", account)
        with self.assertRaises(ValidationError):
            manager.write({"incoming_safe_logon": False})
        manager.write({"outgoing_safe_logon": False})  # encrypted
        with self.assertRaises(ValidationError):
            manager.write({"outgoing_security": "none"})
        manager.write({"incoming_safe_logon": False, "password": PASSWORD})


@tagged("post_install", "-at_install")
class TestHiddenNames(AttackCase):
    """What refers to an account does not tell its name to who may not see the account."""

    def setUp(self):
        super().setUp()
        self.partner = self.env["res.partner"].create({"name": "Customer"})
        self.message = self.partner.message_post(body="Hello", message_type="email")
        self.message.email_account_id = self.personal
        self.env.flush_all()

    def read_everywhere(self, role):
        """Return all that reading a message that the personal account has received says of it."""
        messages = self.as_role(role, self.env["mail.message"])
        message = messages.browse(self.message.id)
        domain = [("id", "=", message.id)]
        field = "email_account_id"
        return [
            message.read([field]),
            message.web_read({field: {"fields": {"display_name": {}}}}),
            messages.search_read(domain, [field]),
            messages.web_search_read(domain, {field: {"fields": {"display_name": {}}}}),
            messages.formatted_read_group(domain, [field], ["__count"]),
        ]

    def test_message(self):
        for role in ("employee", "manager", "settings", "allowed"):
            with self.subTest(role):
                read = self.read_everywhere(role)
                self.assertSecret(read)
                self.assertEqual(read[0][0]["email_account_id"][0], self.personal.id)
        self.assertIn(self.personal.name, str(self.read_everywhere("owner")))

    def test_search(self):
        for role, found in (("employee", False), ("settings", False), ("owner", True)):
            messages = self.as_role(role, self.env["mail.message"])
            mine = [("id", "=", self.message.id)]
            self.assertTrue(messages.search(mine))
            for domain in (
                [("email_account_id", "ilike", self.personal.name)],
                [("email_account_id.email", "=", self.personal.email)],
                [("email_account_id.incoming_host", "=", f"imap.{DOMAIN}")],
                [("email_account_id", "any", [("user_id", "=", self.users["owner"].id)])],
            ):
                with self.subTest(role, domain=domain):
                    self.assertEqual(bool(messages.search(domain)), found)
            self.assertTrue(messages.search([("email_account_id", "!=", False), *mine]))

    def test_portal_user(self):
        portal = self.users["portal"]
        self.partner.message_subscribe(partner_ids=portal.partner_id.ids)
        message = self.env["mail.message"].with_user(portal).browse(self.message.id)
        self.assertNotIn("email_account_id", message.fields_get())
        with self.assertRaises(AccessError):
            message.search([("email_account_id", "=", self.personal.id)])

    def test_message_is_not_moved_to_an_account(self):
        employee = self.users["employee"]
        partner = self.partner.with_user(employee)
        message = partner.with_context(default_email_account_id=self.personal.id).message_post(body="Mine")
        self.assertFalse(message.sudo().email_account_id)
        message.write({"email_account_id": self.personal.id})
        self.assertFalse(message.sudo().email_account_id)
        values = {"body": "Mine", "model": partner._name, "res_id": partner.id}
        message = message.create(values | {"email_account_id": self.personal.id})
        self.assertFalse(message.sudo().email_account_id)

    def test_wizards_and_servers(self):
        for role in ("employee", "manager", "settings"):
            for name in ("email.account.create", "email.account.import"):
                with self.subTest(role, model=name), self.assertRaises(AccessError), self.env.cr.savepoint():
                    wizard = self.as_role(role, self.env[name]).create({"account_id": self.personal.id})
                    self.env.flush_all()
                    self.assertSecret(wizard.read())
            found = self.as_role(role, self.account_model).name_search(self.personal.email)
            self.assertFalse(found)
            hidden = self.as_role(role, self.personal)
            self.assertSecret(hidden.sudo().display_name)
            with self.assertRaises(AccessError):
                hidden.web_read({"display_name": {}})

    def test_folder_of_another_mailbox(self):
        folder = self.personal.folder_ids[:1].copy({"name": "Divorce", "mailbox": "Divorce"})
        account = self.create_own()
        with self.assertRaises(UserError), self.env.cr.savepoint():
            account.write({"move_folder_id": folder.id})
        own = account.sudo().folder_ids[:1]
        own.is_received = False
        account.write({"use_for_receiving": False, "move_folder_id": own.id})
        self.assertEqual(account.move_folder_id, own)

    def test_wizard_tells_nothing_of_other_companies(self):
        company = self.users["elsewhere"].company_id
        self.account_model.create({"email": f"secret@{DOMAIN}", "company_id": company.id})
        wizard = self.as_role("employee", self.env["email.account.create"]).create(
            {"email": f"secret@{DOMAIN}", "password": PASSWORD, "company_id": company.id}
        )
        self.assertFalse(wizard._find_existing_account())

    def try_chatter(self, account):
        """Yield the ways to get into the chatter of ``account``."""
        owner = self.users["owner"].partner_id
        attachment = {"name": "x", "res_model": account._name, "res_id": account.id, "raw": b"x"}
        yield partial(account.message_post, body="x")
        yield partial(account.message_subscribe, partner_ids=owner.ids)
        yield partial(account.activity_schedule, "mail.mail_activity_data_todo")
        yield partial(account.env["ir.attachment"].create, attachment)

    def test_chatter(self):
        for role in ("employee", "manager", "settings", "portal"):
            account = self.as_role(role, self.personal)
            with self.subTest(role):
                for attempt in self.try_chatter(account):
                    with self.assertRaises(AccessError), self.env.cr.savepoint():
                        attempt()
                partner = self.users[role].partner_id
                account.message_subscribe(partner_ids=partner.ids)
                self.assertNotIn(partner, self.personal.message_partner_ids)

    def test_printed_report(self):
        """Odoo prints for whoever asks."""
        step = {"stage": "login", "result": "passed", "message": "x", "duration_ms": 1}
        check = self.env["email.account.check"]._create_report(self.personal, [step])
        for role in ("portal", "employee", "manager", "settings", "elsewhere"):
            reports = self.as_role(role, self.env["ir.actions.report"])
            with self.subTest(role), self.assertRaises(AccessError):
                reports._render_qweb_html("email_account.report_check", check.ids)
        reports = self.as_role("owner", self.env["ir.actions.report"])
        self.assertIn(
            self.personal.email,
            reports._render_qweb_html("email_account.report_check", check.ids)[0].decode(),
        )

    def test_source_of_a_mail(self):
        """Odoo stores it as an attachment, of which administrators see more than others."""
        mail = self.env["email.account.unprocessed"].create(
            {"account_id": self.personal.id, "reason": "broken"}
        )
        mail._set_source(b"Subject: private")
        attachment = mail._get_source_attachment()
        for role in ("employee", "manager", "settings", "elsewhere"):
            found = self.as_role(role, self.env["ir.attachment"])
            with self.subTest(role):
                self.assertFalse(found.search([("res_model", "=", mail._name), ("res_field", "=", "source")]))
                with self.assertRaises(AccessError):
                    found.browse(attachment.id).read(["raw"])

    def test_assistant_for_a_mail_of_others(self):
        mail = self.env["email.account.unprocessed"].create(
            {
                "account_id": self.personal.id,
                "reason": "broken",
                "subject": "Divorce",
                "email_from": "lawyer@x.y",
            }
        )
        fields = {"unprocessed_ids": {"fields": {"display_name": {}, "subject": {}}}}
        for role in ("employee", "manager", "settings", "elsewhere"):
            wizards = self.as_role(role, self.env["email.account.assign"])
            for values in (
                {"unprocessed_ids": [(6, 0, mail.ids)]},
                {"unprocessed_ids": [(4, mail.id)], "summary": False, "model_name": False},
            ):
                for read in (
                    lambda wizard: wizard.web_read({"summary": {}}),
                    lambda wizard: wizard.web_read(fields),
                    lambda wizard: wizard.web_read({"record_ref": {}, "model_name": {}}),
                    lambda wizard: wizard.action_assign(),
                ):
                    with self.subTest(role, values=values), self.env.cr.savepoint() as savepoint:
                        try:
                            wizard = wizards.create(values)
                            wizard.env.invalidate_all()
                            result = read(wizard)
                        except UserError as error:
                            result = error
                        savepoint.rollback()
                        self.assertNotIn("Divorce", str(result))
                        self.assertNotIn("lawyer", str(result))
            with self.assertRaises(AccessError):
                wizards.onchange(
                    {"unprocessed_ids": [(6, 0, mail.ids)]},
                    ["unprocessed_ids"],
                    {"unprocessed_ids": {"fields": {"display_name": {}}}, "record_ref": {}},
                )

    def test_searching_is_no_way_to_read(self):
        """What cannot be read cannot be guessed by searching either, nor from a record that refers to it."""
        self.env["email.account.check"]._create_report(
            self.accounts["s"],
            [{"stage": "login", "result": "failed", "message": "x", "details": "banner", "duration_ms": 1}],
        )
        secrets = [
            ("email.account", "password_encrypted"),
            ("email.account", "outgoing_password_encrypted"),
            ("email.account", "adopted_values"),
            ("email.account.check", "account_id.password_encrypted"),
            ("mail.message", "email_account_id.password_encrypted"),
            ("email.account.create", "password_encrypted"),
            ("email.account.create", "account_id.password_encrypted"),
            ("email.account.folder", "account_id.password_encrypted"),
        ]
        managers = [
            ("email.account", "last_error_details"),
            ("email.account.check.step", "details"),
            ("email.account.check", "step_ids.details"),
            ("email.account.check", "account_id.last_error_details"),
        ]
        tried = [(role, *each) for role in ("employee", "manager", "settings") for each in secrets]
        for role, model, path in [*tried, *(("employee", *each) for each in managers)]:
            records = self.as_role(role, self.env[model])
            with self.subTest(role, model=model, path=path):
                with self.assertRaises(AccessError):
                    records.search([(path, "like", "a%")])
                with self.assertRaises(AccessError):
                    records.search([], order=path) if "." not in path else records.search(
                        [(path, "!=", False)]
                    )
                if not path.startswith("step_ids."):  # which nothing is grouped by
                    with self.assertRaises(AccessError):
                        records.formatted_read_group([], [path], ["__count"])


@tagged("post_install", "-at_install")
class TestServersOfAccounts(AttackCase):
    """Odoo's own servers are no way into an account."""

    def test_server_is_not_given_to_an_account(self):
        self.personal.write({"use_for_receiving": False})
        self.personal.sudo().with_context(email_account_sync=True).mail_server_ids.unlink()
        for context in ({}, {"email_account_sync": True}):
            servers = self.as_role("settings", self.env["ir.mail_server"]).with_context(**context)
            with self.subTest(context):
                stock = servers.create({"name": "Stock", "smtp_host": "smtp.evil.example"})
                with self.assertRaises(UserError), self.env.cr.savepoint():
                    stock.write({"email_account_id": self.personal.id})
                with self.assertRaises(UserError), self.env.cr.savepoint():
                    servers.create({"name": "x", "smtp_host": "x", "email_account_id": self.personal.id})
                with self.assertRaises(UserError), self.env.cr.savepoint():
                    servers.with_context(default_email_account_id=self.personal.id).create(
                        {"name": "x", "smtp_host": "smtp.evil.example"}
                    ).write({"name": "y", "email_account_id": self.personal.id})
                # a call's own context is none of superuser's; here, where a test is, it would be
                shared = self.as_role("settings", self.accounts["s"])
                with self.assertRaises(UserError), self.env.cr.savepoint():
                    shared.write({"mail_server_ids": [(4, stock.id)]})
                with self.assertRaises(UserError), self.env.cr.savepoint():
                    shared.write({"mail_server_ids": [(1, shared.mail_server_id.id, {"smtp_host": "evil"})]})
        self.assertFalse(self.personal.mail_server_ids)

    def test_forged_context(self):
        server = self.as_role("settings", self.accounts["s"].mail_server_id)
        server = server.with_context(email_account_sync=True)
        for values in ({"smtp_host": "smtp.evil.example"}, {"email_account_id": False}, {"active": False}):
            with self.subTest(values), self.assertRaises(UserError):
                server.write(values)
        with self.assertRaises(UserError):
            server.unlink()

    def test_test_of_a_server_counts_as_a_connection(self):
        self.enterContext(self.enter_registry_test_mode())
        server = self.as_role("settings", self.accounts["s"].mail_server_id)
        server.env["email.account.attempt"]._note(LIMIT)
        with self.assertRaisesRegex(UserError, "Try again in"):
            server.test_smtp_connection()

    def test_mail_with_the_message_of_somebody_else(self):
        """The message is the owner's, the mail is not: it does not leave through his account."""
        owner = self.users["owner"]
        message = self.env["res.partner"].create({"name": "x"}).with_user(owner).message_post(body="Hello")
        server = self.personal.mail_server_id
        values = {
            "mail_message_id": message.id,
            "mail_server_id": server.id,
            "email_to": "victim@example.com",
            "body_html": "I resign.",
        }
        mails = self.as_role("settings", self.env["mail.mail"])
        with self.assertRaises(ValidationError), self.env.cr.savepoint():
            mails.create(values)
        self.assertFalse(mails.create(values | {"mail_server_id": False})._filter_mail_mail_servers(server))
        mail = self.env["mail.mail"].create(values)
        self.assertEqual(mail._filter_mail_mail_servers(server), server)
