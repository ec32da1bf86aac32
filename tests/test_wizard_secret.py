"""A password that was typed into the wizard goes to the servers that its user has seen, and to no others."""

import contextlib
from unittest.mock import patch

from odoo.exceptions import UserError
from odoo.tests import new_test_user, tagged
from odoo.tools import SQL, mute_logger

from ..models.email_account_settings import EmailAccountSettings
from .test_domain_change import ALPHA, BETA, BETA_ASCII, ByDomain, DomainCase

SECRET = "the secret"
EVIL = {"incoming_host": f"imap.{BETA_ASCII}", "outgoing_host": f"smtp.{BETA_ASCII}"}
GOOD = {"incoming_host": f"imap.{ALPHA}", "outgoing_host": f"smtp.{ALPHA}"}


@tagged("post_install", "-at_install")
class TestWizardSecret(DomainCase):
    def setUp(self):
        super().setUp()
        groups = "base.group_user,email_account.group_email_account_manage"
        self.user = new_test_user(self.env, "ea_typist", groups)
        self.admin = new_test_user(self.env, "ea_coder", "base.group_user,base.group_system")

    def create_wizard(self, **values):
        wizards = self.env["email.account.create"].with_user(self.user)
        return wizards.create({"email": f"jane@{ALPHA}", "password": SECRET, **values})

    def at_confirm(self):
        """The page that asks whether the servers that were found are his provider's."""
        self.use_sources(ByDomain(ALPHA, "dns"))
        wizard = self.create_wizard()
        wizard.action_create()
        self.assertEqual(wizard.step, "confirm", wizard.message)
        return wizard

    def at_manual_end(self):
        wizard = self.create_wizard(method="manual")
        wizard.action_next()
        wizard.outgoing_host = GOOD["outgoing_host"]
        wizard.action_next()
        wizard.incoming_host = GOOD["incoming_host"]
        wizard.action_next()
        self.assertEqual(wizard.step, "description", wizard.message)
        return wizard

    def at_refused(self):
        wizard = self.create_wizard()
        wizard.action_create()
        self.assertEqual((wizard.step, wizard.is_retry), ("start", True))
        return wizard

    def at_start(self):
        return self.create_wizard()

    def pages(self):
        """What waits for its user, and the button that he presses next."""
        return {
            "start": (self.at_start, "action_create"),
            "refused": (self.at_refused, "action_create"),
            "confirm": (self.at_confirm, "action_confirm"),
            "manual": (self.at_manual_end, "action_create"),
        }

    def by_sql(self, wizard, **values):
        self.env.flush_all()
        pairs = SQL(", ").join(SQL("%s = %s", SQL.identifier(name), value) for name, value in values.items())
        self.env.cr.execute(SQL("UPDATE email_account_create SET %s WHERE id = %s", pairs, wizard.id))
        self.env.invalidate_all()

    def by_superuser(self, wizard, **values):
        wizard.sudo().write(values)

    def by_code(self, wizard, **values):
        """In the name of the user himself."""
        self.run_code(
            f"env['email.account.create'].browse({wizard.id}).with_user({self.user.id}).write({values})"
        )

    def by_later_code(self, wizard, **values):
        """When the code has ended."""
        self.run_code(
            f"wizard = env['email.account.create'].browse({wizard.id}).with_user({self.user.id})\n"
            f"env.cr.precommit.add(lambda: wizard.write({values}))"
        )
        self.env.cr.precommit.run()

    def by_action_without_code(self, wizard, **values):
        for name, value in values.items():
            action = self.env["ir.actions.server"].create(
                {
                    "name": "x",
                    "model_id": self.env["ir.model"]._get(wizard._name).id,
                    "state": "object_write",
                    "update_path": name,
                    "value": value,
                }
            )
            action.with_user(self.user).sudo().with_context(
                active_model=wizard._name, active_id=wizard.id, active_ids=wizard.ids
            ).run()

    def run_code(self, code, user=None):
        action = self.env["ir.actions.server"].create(
            {
                "name": "x",
                "model_id": self.env["ir.model"]._get("email.account.create").id,
                "state": "code",
                "code": code,
            }
        )
        action.with_user(user or self.admin).run()

    def attacks(self):
        return (
            self.by_sql,
            self.by_superuser,
            self.by_code,
            self.by_later_code,
            self.by_action_without_code,
        )

    def assertNotTold(self):
        self.assertEqual(self.beta.passwords, set())

    def try_(self, function):
        """Whatever it says."""
        with (
            contextlib.suppress(UserError, ValueError),
            mute_logger("odoo.addons.base.models.ir_actions"),
            self.env.cr.savepoint(),
        ):
            function()
        self.env.invalidate_all()

    def test_each_page_without_an_attack(self):
        """The password goes to the servers that belong to the page."""
        for name, (prepare, button) in self.pages().items():
            with self.subTest(name):
                self.forget()
                getattr(prepare(), button)()
                self.assertEqual(self.alpha.passwords, {SECRET})
                self.assertNotTold()

    def test_other_servers_in_the_row(self):
        for name, (prepare, button) in self.pages().items():
            for attack in self.attacks():
                with self.subTest(name, attack=attack.__name__):
                    self.forget()
                    wizard = prepare()
                    attack(wizard, **EVIL)
                    self.assertEqual(wizard.incoming_host, EVIL["incoming_host"])
                    self.try_(getattr(wizard, button))
                    self.try_(wizard.action_create)
                    self.try_(wizard.action_manual)
                    self.try_(wizard.action_create)
                    self.assertNotTold()
                    self.assertFalse(wizard.account_id)

    def test_other_settings_in_the_row(self):
        self.use_sources(ByDomain(ALPHA), ByDomain(BETA_ASCII))
        for values in (
            {"email": f"jane@{BETA}", "settings_domain": BETA_ASCII},
            {"method": "manual", "step": "description", **EVIL},
            {"refused_direction": "incoming", "refused_fingerprint": "ab" * 32, **EVIL},
        ):
            for attack in (self.by_sql, self.by_superuser, self.by_code, self.by_later_code):
                with self.subTest(list(values), attack=attack.__name__):
                    self.forget()
                    wizard = self.at_start()
                    attack(wizard, **values)
                    for button in ("action_create", "action_accept_certificate", "action_confirm"):
                        self.try_(getattr(wizard, button))
                    self.assertNotTold()

    def test_what_was_found_in_the_row_of_the_discovery(self):
        wizard = self.at_confirm()
        discovery = wizard._get_discovery().sudo()
        self.forget()
        discovery.data = {
            **discovery.data,
            **{
                name: [
                    server | {"host": server["host"].replace(ALPHA, BETA_ASCII)}
                    for server in discovery.data[name]
                ]
                for name in ("incoming", "outgoing")
            },
        }
        wizard.action_confirm()
        self.assertNotTold()
        self.assertIn("entered for other servers", wizard.message)
        self.assertEqual((wizard.step, wizard.invalid_field), ("start", "password"))

    def test_code_presses_the_buttons(self):
        """Nothing is looked for, confirmed or accepted in the place of the user."""
        for name, (prepare, button) in self.pages().items():
            if name == "manual":  # which goes where the user wants it to
                continue
            for wizard in (prepare(), prepare()):
                with self.subTest(name):
                    self.forget()
                    call = f"env['email.account.create'].browse({wizard.id}).with_user({self.user.id})"
                    self.try_(lambda call=call, button=button: self.run_code(f"{call}.{button}()"))
                    self.assertEqual(self.alpha.passwords | self.beta.passwords, set())

    def test_a_server_that_was_not_shown(self):
        """It stood in the row before the password was typed."""
        wizard = self.create_wizard(password=False)
        self.by_sql(wizard, **EVIL)
        wizard.password = SECRET
        wizard.action_manual()
        wizard.action_create()
        self.assertNotTold()
        # its user has looked at the pages
        self.assertEqual(wizard.step, "start", wizard.message)
        for _page in range(3):
            wizard.action_next()
        wizard.action_create()
        self.assertEqual(self.beta.passwords, {SECRET})

    def test_a_server_that_is_changed_while_it_is_shown(self):
        wizard = self.create_wizard(method="manual", **GOOD)
        self.by_sql(wizard, incoming_host="", outgoing_host="")
        wizard.password = SECRET
        self.by_sql(wizard, **GOOD)  # it is prepared, and not seen
        wizard.password = SECRET
        wizard.action_next()
        self.by_sql(wizard, **EVIL)
        for _page in range(2):
            self.try_(wizard.action_next)
        self.try_(wizard.action_create)
        self.assertNotTold()

    def test_code_that_runs_with_each_write(self):
        """A rule of an administrator, say: it works on what the user has just written."""
        write = EmailAccountSettings.write

        def write_and_change(wizard, vals):
            result = write(wizard, vals)
            if wizard._name == "email.account.create":
                self.by_sql(wizard, **EVIL)
                self.by_context(wizard)
            return result

        for name, (prepare, button) in self.pages().items():
            with self.subTest(name):
                self.forget()
                wizard = prepare()
                with patch.object(EmailAccountSettings, "write", write_and_change):
                    wizard.write({**GOOD, "password": SECRET, "name": "x"})
                    for each in (button, "action_create", "action_manual", "action_next", "action_next"):
                        self.try_(getattr(wizard, each))
                    self.try_(wizard.action_create)
                self.assertNotTold()

    def by_context(self, wizard):
        """It sees what was found in this request, and may not change it."""
        found = wizard.env.context.get("email_account_found")
        if found:
            with self.assertRaises(TypeError):
                found.places["incoming"] = ()

    def test_typed_again(self):
        wizard = self.at_manual_end()
        self.by_sql(wizard, **EVIL)
        wizard.action_create()
        self.assertIn("entered for other servers", wizard.message)
        self.assertEqual((wizard.step, wizard.invalid_field), ("start", "password"))
        wizard.write({**GOOD, "password": SECRET})
        wizard.action_create()
        self.assertEqual(self.alpha.passwords, {SECRET})
        self.assertNotTold()

    def test_whose_account_it_becomes(self):
        for values in ({"user_id": self.admin.id}, {"account_id": self.make_account().id}):
            with self.subTest(values):
                wizard = self.at_manual_end()
                self.by_sql(wizard, **values)
                wizard.action_create()
                self.assertIn("entered for other servers", wizard.message)

    def make_account(self):
        return self.env["email.account"].create({"email": f"eve@{ALPHA}"})

    def test_certificate_of_another_server(self):
        wizard = self.create_wizard(method="manual", step="description", **GOOD)
        wizard.write(
            {
                "refused_direction": "incoming",
                "refused_server": f"{GOOD['incoming_host']}:993",
                "refused_fingerprint": "ab" * 32,
            }
        )
        for attack, values in (
            (self.by_sql, {"refused_server": f"{EVIL['incoming_host']}:993"}),
            (self.by_superuser, {"refused_server": f"{GOOD['incoming_host']}:143"}),
        ):
            attack(wizard, **values)
            with self.assertRaises(UserError):
                wizard.action_accept_certificate()
            self.assertFalse(wizard.incoming_fingerprint)
