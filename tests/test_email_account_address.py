"""Whose an address is: nobody keeps it from who can log in."""

from psycopg2 import IntegrityError

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import ADDRESS, DOMAIN, PASSED_STEP, PASSWORD, HostsCase
from .roles import create_users

INFO = f"info@{DOMAIN}"


class AddressCase(HostsCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.hosts.mail.add_user(INFO, PASSWORD)
        cls.users = create_users(cls.env)
        cls.users["colleague"] = cls.users["allowed"]

    def add(self, role, email=INFO, **values):
        user = self.users[role]
        accounts = (
            self.env["email.account"].with_user(user).with_context(allowed_company_ids=user.company_ids.ids)
        )
        return accounts.create({**self.account_values, "email": email, **values})

    def create_by_wizard(self, role, email=INFO, **values):
        user = self.users[role]
        wizard = self.env["email.account.create"].with_user(user)
        wizard = wizard.create({"email": email, "password": PASSWORD, **values})
        wizard.action_create()
        return wizard

    def set_up_at_own_servers(self, role, email=INFO):
        """Log in with success, at servers that the user has entered."""
        account = self.add(role, email, incoming_host="imap.evil.example", outgoing_host="smtp.evil.example")
        account.env["email.account.check"]._create_report(account, [PASSED_STEP])
        return account.sudo()

    def get_told(self, account, role):
        """Return what the user was told about the account."""
        partner = self.users[role].partner_id
        messages = account.sudo().message_ids.filtered(
            lambda message: partner in message.notified_partner_ids
        )
        return "".join(messages.mapped("body"))


@tagged("post_install", "-at_install")
class TestClaims(AddressCase):
    """Who has not logged in takes nothing, and learns nothing."""

    def test_employee_does_not_squat(self):
        for archived in (False, True):
            with self.subTest(archived=archived), self.env.cr.savepoint() as savepoint:
                squatter = self.add("employee")
                squatter.active = not archived
                wizard = self.create_by_wizard("manager")
                self.assertEqual(wizard.step, "done", wizard.message)
                self.assertEqual((wizard.account_id.state, wizard.account_id.is_proved), ("ready", True))
                self.assertFalse(squatter.active)
                self.assertEqual((squatter.state, squatter.is_proved), ("draft", False))
                self.assertEqual("so proved that" in self.get_told(squatter, "employee"), not archived)
                savepoint.rollback()

    def test_word_names_nobody(self):
        squatter = self.add("employee")
        self.create_by_wizard("owner", sender_name="Olga")
        text = str(squatter.sudo().message_ids.mapped("body")) + str(
            squatter.sudo().message_ids.author_id.mapped("name")
        )
        self.assertIn("archived", text)
        for name in ("ea_owner", "Olga"):
            self.assertNotIn(name, text)

    def test_template_does_not_hold_it(self):
        """Odoo archives no server that a template names."""
        squatter = self.add("employee")
        self.env["mail.template"].create(
            {
                "name": "Pin",
                "model_id": self.env["ir.model"]._get_id("res.partner"),
                "mail_server_id": squatter.sudo().mail_server_id.id,
            }
        )
        self.assertEqual(self.create_by_wizard("manager").step, "done")
        self.assertFalse(squatter.active)

    def test_claims_tell_nothing(self):
        """Whether somebody has an account for an address, or only says so, or nobody."""
        self.add("owner", f"draft@{DOMAIN}")
        self.add("owner", f"ready@{DOMAIN}").sudo()._set_state()
        self.add("owner", f"archived@{DOMAIN}").active = False
        for name in ("draft", "ready", "archived", "free"):
            email = f"{name}@{DOMAIN}"
            for role in ("employee", "manager", "settings"):
                with self.subTest(name, role=role), self.env.cr.savepoint() as savepoint:
                    account = self.add(role, email)
                    account.write({"email": INFO, "password": PASSWORD})
                    account.write({"email": email, "password": PASSWORD})
                    self.assertEqual((account.state, account.active), ("draft", True))
                    savepoint.rollback()
                wizard = (
                    self.env["email.account.create"]
                    .with_user(self.users[role])
                    .create(
                        {
                            "email": email,
                            "password": "wrong",
                            "method": "manual",
                            "outgoing_host": "smtp.acme.example",
                        }
                    )
                )
                with self.subTest(name, role=role, way="wizard"):
                    self.assertFalse(wizard._get_start_error("start"))

    def test_his_own_is_named(self):
        account = self.add("employee")
        wizard = self.create_by_wizard("employee")
        self.assertIn("already an email account", wizard.message)
        with self.assertRaises(IntegrityError) as caught, mute_logger("odoo.sql_db"):
            self.add("employee")
        self.assertIn("already an email account", account._sql_error_to_message(caught.exception))

    def test_he_cannot_say_so(self):
        for values in ({"is_proved": True}, {"proof": {"places": [], "vouched": True}}):
            account = self.add("employee", **values)
            self.assertFalse(account.sudo().is_proved or account.sudo().proof)
            with mute_logger("odoo.models"):
                account.write(values)
            self.assertFalse(account.sudo().is_proved or account.sudo().proof)
            account.unlink()
        context = {"default_is_proved": True, "default_is_approved": True}
        account = self.env["email.account"].with_user(self.users["employee"]).with_context(**context)
        account = account.create({"email": INFO}).sudo()
        self.assertFalse(account.is_proved or account.is_approved)

    def test_another_address_is_a_claim_again(self):
        wizard = self.create_by_wizard("employee", ADDRESS)
        account = wizard.account_id
        account.with_user(self.users["employee"]).write({"email": INFO, "password": PASSWORD})
        self.assertEqual((account.state, account.is_proved), ("draft", False))
        self.assertEqual(self.create_by_wizard("owner").step, "done")
        self.assertFalse(account.active)

    def test_his_claim_is_in_nobodys_way_when_he_is_given_one(self):
        claim = self.add("employee")
        given = self.create_by_wizard("manager").account_id
        claim.sudo().active = True
        given.with_user(self.users["manager"]).user_id = self.users["employee"]
        self.env.flush_all()
        self.assertFalse(claim.active)
        self.assertEqual((given.user_id, given.is_proved), (self.users["employee"], True))


@tagged("post_install", "-at_install")
class TestProofs(AddressCase):
    """Who has logged in keeps the address, against those who have not, and those who only seem to."""

    def test_taken(self):
        first = self.create_by_wizard("owner").account_id
        for role in ("employee", "manager", "settings"):
            with self.subTest(role):
                wizard = self.create_by_wizard(role)
                self.assertEqual(wizard.step, "start")
                self.assertIn("The login succeeded, but another email account", wizard.message)
                self.assertEqual(wizard.invalid_field, "email")
        self.assertEqual(self.env["email.account"].search([("email", "=", INFO)]), first)
        self.assertTrue(first.is_proved and first.active)

    def test_taken_is_said_after_the_login_alone(self):
        self.create_by_wizard("owner")
        wizard = self.create_by_wizard("employee", password="wrong")
        self.assertIn("refused the user name or the password", wizard.message)
        self.assertNotIn("another", wizard.message)

    def test_taken_is_said_by_the_check(self):
        self.create_by_wizard("owner")
        second = self.add("employee")
        report = second._check()
        self.assertEqual((report.result, second.state), ("failed", "draft"))
        self.assertIn("another email account", second.last_error)
        self.assertIn("another email account", report.summary)
        self.assertFalse(second.sudo().mail_server_id._may_be_found(INFO))
        self.assertIn(
            "invisible=\"state == 'ready' or not last_error", second.get_view(view_type="form")["arch"]
        )

    def test_own_server_is_no_proof(self):
        """Anybody can run a server that lets him in."""
        squatter = self.set_up_at_own_servers("employee")
        self.assertEqual((squatter.state, squatter.is_proved), ("ready", True))
        wizard = self.create_by_wizard("owner")
        self.assertEqual(wizard.step, "done", wizard.message)
        self.assertTrue(wizard.account_id.is_proved)
        self.assertEqual((squatter.active, squatter.state, squatter.is_proved), (False, "draft", False))
        self.assertTrue(self.get_told(squatter, "employee"))
        # nor does he come back so
        squatter.with_user(self.users["employee"]).action_unarchive()
        squatter._set_state()
        self.assertTrue(wizard.account_id.is_proved and wizard.account_id.active)

    def test_own_server_takes_nothing_and_learns_nothing(self):
        self.create_by_wizard("owner")
        outcomes = []
        for email in (INFO, f"free@{DOMAIN}"):
            account = self.set_up_at_own_servers("employee", email)
            outcomes.append((account.state, account.last_error, account.active))
        self.assertEqual(outcomes, [("ready", False, True)] * 2)
        self.assertTrue(
            self.env["email.account"].search([("user_id", "=", self.users["owner"].id)]).is_proved
        )

    def test_own_servers_do_not_shut_out_each_other(self):
        first = self.set_up_at_own_servers("employee")
        second = self.add("owner")
        second._check()
        self.assertEqual((first.state, second.state), ("ready", "ready"))

    def test_name_of_another_mailbox_is_no_proof(self):
        """The servers are the company's, and the login is his own."""
        squatter = self.add("employee", username=ADDRESS)
        squatter.sudo()._write_discovery({"settings_origin": "found", "discovery_trusted": True})
        squatter.env["email.account.check"]._create_report(squatter, [PASSED_STEP])
        self.assertTrue(squatter.sudo().is_proved)
        wizard = self.create_by_wizard("owner")
        self.assertEqual(wizard.step, "done", wizard.message)
        self.assertFalse(squatter.active)

    def test_a_manager_vouches_for_his_servers(self):
        squatter = self.set_up_at_own_servers("employee")
        account = self.add("manager")
        account._check()
        self.assertEqual((account.state, squatter.active), ("ready", False))

    def test_a_login_that_is_followed_by_a_failure(self):
        account = self.add("employee")
        failed = {"stage": "send", "result": "failed", "message": "too large", "duration_ms": 1}
        account.env["email.account.check"]._create_report(account, [PASSED_STEP, failed])
        self.assertEqual((account.state, account.is_proved), ("failing", True))

    def test_a_failure_is_no_login(self):
        account = self.add("employee")
        account.sudo()._set_state("refused")
        self.assertEqual((account.state, account.is_proved), ("failing", False))
        self.assertEqual(self.create_by_wizard("owner").step, "done")
        self.assertFalse(account.active)

    def test_archived_account_gives_way(self):
        account = self.create_by_wizard("owner").account_id
        account.with_user(self.users["owner"]).action_archive()
        other = self.create_by_wizard("manager")
        self.assertEqual(other.step, "done", other.message)
        account.with_user(self.users["owner"]).action_unarchive()
        self.assertEqual((account.state, account.is_proved), ("draft", False))

    def test_own_server_does_not_take_from_the_archived(self):
        account = self.create_by_wizard("owner").account_id
        account.with_user(self.users["owner"]).action_archive()
        self.set_up_at_own_servers("employee")
        account.with_user(self.users["owner"]).action_unarchive()
        self.assertEqual((account.state, account.is_proved), ("ready", True))

    def test_password_and_servers_change(self):
        account = self.create_by_wizard("owner").account_id
        account.with_user(self.users["owner"]).write({"password": PASSWORD, "timeout": 20})
        self.assertEqual((account.state, account.is_proved), ("draft", True))
        wizard = self.create_by_wizard("employee")
        self.assertIn("another email account", wizard.message)

    def test_two_at_once(self):
        """The database has the last word."""
        first, second = self.add("owner"), self.add("employee")
        first.sudo()._write_proof({"is_proved": True})
        self.env.flush_all()
        self.env.invalidate_all()
        with mute_logger("odoo.sql_db"):
            self.patch(
                self.env.registry["email.account"],
                "_get_same_address_domain",
                lambda _self: [("id", "=", 0)],  # as the other's transaction is not seen yet
            )
            refusal = second._take_address()
        self.assertIn("another email account", refusal)
        self.assertFalse(second.is_proved)

    def test_each_company_for_itself(self):
        first = self.create_by_wizard("owner").account_id
        other = self.add("elsewhere", company_id=self.users["elsewhere"].company_id.id)
        other.sudo()._set_state()
        self.assertTrue(first.is_proved and other.sudo().is_proved)
        with self.assertRaisesRegex(UserError, "another email account"):
            other.sudo().company_id = first.company_id

    def test_update(self):
        """What was there before keeps its address."""
        ready, failing, draft, checked = (
            self.add("employee", f"{name}@{DOMAIN}").sudo()
            for name in ("ready", "failing", "draft", "checked")
        )
        for account in (ready, checked):
            account.env["email.account.check"]._create_report(account, [PASSED_STEP])
        failing._set_state("x")
        checked.write({"password": PASSWORD})
        everything = ready | failing | draft | checked
        everything._write_proof({"is_proved": False, "proof": False})
        self.env["email.account"]._mark_proved()
        self.assertEqual(everything.filtered("is_proved"), ready | failing | checked)
        self.assertEqual(ready.proof["places"][0], [f"smtp.{DOMAIN}", f"ready@{DOMAIN}"])


@tagged("post_install", "-at_install")
class TestRemovedByAdministrator(AddressCase):
    def open_line(self, account, role="settings"):
        user = self.users[role]
        lines = self.env["email.account.personal"].with_user(user)
        lines = lines.search(lines.action_open()["domain"])
        return lines.filtered(lambda line: line.email == account.sudo().email)

    def keep_mail(self, account, state="stuck", **values):
        mail = self.env["email.account.unprocessed"].create(
            {
                "account_id": account.id,
                "reason": "kept",
                "subject": "private",
                "email_from": "carol@customer.example",
                "state": state,
                **values,
            }
        )
        mail._set_source(
            b"From: carol@customer.example\r\nSubject: private\r\nMessage-ID: <1@x.y>\r\n\r\nHello\r\n"
        )
        return mail

    def test_personal(self):
        account = self.create_by_wizard("owner").account_id
        message = (
            self.env["res.partner"].create({"name": "Carol"}).message_post(body="x", message_type="email")
        )
        message.email_account_id = account
        kept, discarded = self.keep_mail(account), self.keep_mail(account, "discarded")
        waiting = self.keep_mail(account, "waiting", next_attempt="2026-01-01 00:00:00")
        servers = [account.mail_server_id, account.fetchmail_server_id]
        self.env["mail.template"].create(
            {
                "name": "Pin",
                "model_id": self.env["ir.model"]._get_id("res.partner"),
                "mail_server_id": servers[0].id,
            }
        )
        with self.assertRaises(AccessError), mute_logger("odoo.addons.base.models.ir_rule"):
            account.with_user(self.users["settings"]).unlink()
        self.open_line(account).action_remove_account()
        self.env.flush_all()
        self.env.invalidate_all()
        self.assertFalse(account.exists() or servers[0].exists() or servers[1].exists())
        self.assertTrue(message.exists())
        self.assertFalse(message.email_account_id)
        self.assertFalse(discarded.exists())
        for mail in (kept, waiting):
            self.assertEqual(
                (mail.account_id.id, mail.address, mail.owner_id, mail.company_id, mail.state),
                (False, INFO, self.users["owner"], self.env.company, "stuck"),
            )
            self.assertTrue(mail.with_user(self.users["owner"]).has_access("unlink"))
            self.assertEqual(mail.with_user(self.users["owner"]).preview, "Hello")
            for role in ("employee", "manager", "settings"):
                self.assertFalse(mail.with_user(self.users[role]).has_access("read"), role)
        told = self.env["mail.message"].search(
            [("notified_partner_ids", "in", self.users["owner"].partner_id.ids)]
        )
        told = told.filtered(lambda each: "removed" in (each.subject or ""))
        self.assertIn("not become messages yet (2)", told.body)
        self.assertIn("unprocessed-mail", told.body)
        self.assertEqual(told.author_id, self.env.ref("base.partner_root"))
        # the address is free, for him too
        self.assertEqual(self.create_by_wizard("owner").step, "done")

    def test_what_is_kept_can_be_assigned(self):
        account = self.create_by_wizard("owner").account_id
        kept, again = self.keep_mail(account), self.keep_mail(account)
        again._set_source(b"From: carol@customer.example\r\nSubject: again\r\n\r\nHello\r\n")
        self.open_line(account).action_remove_account()
        partner = self.env["res.partner"].create({"name": "Carol"})
        for mail, subject in ((kept, "private"), (again, "again")):
            mail = mail.with_user(self.users["owner"])
            for button in (mail.action_retry,):
                with self.assertRaisesRegex(UserError, "Its email account was removed"):
                    button()
            mail._assign(partner.with_user(self.users["owner"]))
            self.assertFalse(mail.exists())
            message = partner.message_ids[0]
            self.assertEqual((message.subject, message.message_type), (subject, "email"))
            self.assertFalse(message.email_account_id)
            self.assertTrue(message.message_id)
        self.env["email.account.unprocessed"]._retry_due()

    def test_what_is_not_all_here(self):
        account = self.create_by_wizard("owner").account_id
        mail = self.keep_mail(account, is_complete=False, reason="too_large")
        self.open_line(account).action_remove_account()
        mail = mail.with_user(self.users["owner"])
        with self.assertRaisesRegex(UserError, "account was removed"):
            mail.action_fetch()
        with self.assertRaisesRegex(UserError, "discard it"):
            mail.action_assign()
        mail.action_discard()
        mail.action_restore()
        self.assertEqual(mail.state, "stuck")

    def test_shared(self):
        account = self.create_by_wizard("manager").account_id
        mail = self.keep_mail(account)
        account.with_user(self.users["manager"]).unlink()
        self.env.invalidate_all()
        self.assertEqual((mail.account_id.id, mail.owner_id.id, mail.address), (False, False, INFO))
        self.assertTrue(mail.with_user(self.users["manager"]).has_access("unlink"))
        self.assertFalse(mail.with_user(self.users["employee"]).has_access("read"))

    def test_only_administrators(self):
        account = self.create_by_wizard("owner").account_id
        line = self.open_line(account)
        for role in ("portal", "employee", "owner", "manager", "elsewhere"):
            with (
                self.subTest(role),
                self.assertRaises(AccessError),
                mute_logger("odoo.addons.base.models.ir_rule"),
            ):
                line.with_user(self.users[role]).action_remove_account()
        self.assertTrue(account.exists())

    def test_archived_despite_a_template(self):
        account = self.create_by_wizard("owner").account_id
        self.env["mail.template"].create(
            {
                "name": "Pin",
                "model_id": self.env["ir.model"]._get_id("res.partner"),
                "mail_server_id": account.mail_server_id.id,
            }
        )
        self.open_line(account).action_archive_account()
        self.assertFalse(account.active or account.mail_server_id.active)
        # Odoo goes on asking for all other servers
        shared = self.add("manager", f"support@{DOMAIN}")
        self.env["mail.template"].create(
            {
                "name": "Support",
                "model_id": self.env["ir.model"]._get_id("res.partner"),
                "mail_server_id": shared.sudo().mail_server_id.id,
            }
        )
        with self.assertRaises(UserError):
            shared.with_context(email_account_ends=True).action_archive()

    def test_he_does_not_begin_again(self):
        account = self.create_by_wizard("owner").account_id
        self.open_line(account).action_archive_account()
        with self.assertRaisesRegex(UserError, "archived by an administrator"):
            self.add("owner")
        self.assertIn("already an email account", self.create_by_wizard("owner").message)
        own = self.add("owner", ADDRESS)
        with self.assertRaisesRegex(UserError, "archived by an administrator"):
            own.write({"email": INFO, "password": PASSWORD})
        # nor does a colleague take it over, but who manages the accounts does
        self.assertIn("another email account", self.create_by_wizard("employee").message)
        self.assertEqual(self.create_by_wizard("manager").step, "done")

    def test_a_user_who_is_deleted_leaves_no_account_to_everybody(self):
        account = self.create_by_wizard("owner").account_id
        with self.assertRaises(IntegrityError), mute_logger("odoo.sql_db"):
            self.users["owner"].unlink()
        self.assertEqual(account.user_id, self.users["owner"])
