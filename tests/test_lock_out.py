"""Nobody keeps others from their mailboxes by logging in with wrong passwords, whatever way he does it."""

from odoo.tests import new_test_user, tagged

from ..models.email_account_refusal import Guesser
from .common import ADDRESS, DOMAIN, PASSWORD, HostsCase
from .roles import MANAGE, USER

SERVERS = {"incoming_host": f"imap.{DOMAIN}", "outgoing_host": f"smtp.{DOMAIN}"}


@tagged("post_install", "-at_install")
class TestLockOut(HostsCase):
    def setUp(self):
        super().setUp()
        self.attackers = [new_test_user(self.env, f"ea_attacker_{number}", USER) for number in range(3)]
        self.colleague = new_test_user(self.env, "ea_colleague", USER)
        self.manager = new_test_user(self.env, "ea_boss", f"{USER},{MANAGE}")
        self.account = self.env["email.account"].create(self.account_values)
        self.numbers = iter(range(1000))
        patched = self.env.registry["email.account.attempt"]
        self.patch(patched, "_note", lambda *_: None)

    def prove(self, account=None):
        check = (account or self.account)._check()
        self.assertNotEqual(check.result, "failed", check.summary)

    def create_wizard(self, user, password, address):
        wizards = self.env["email.account.create"].with_user(user)
        return wizards.create(
            {
                "email": address,
                "username": ADDRESS,
                "password": password,
                "method": "manual",
                "step": "description",
                "use_for_sending": False,
                **SERVERS,
            }
        )

    def guess(self, user, times=5):
        """By the wizard."""
        for _time in range(times):
            number = next(self.numbers)
            wizard = self.create_wizard(user, f"wrong {number}", f"x{number}@{DOMAIN}")
            wizard.action_create()
            self.assertFalse(wizard.account_id)

    def guess_by_account(self, user, times=5):
        """By an account of his own that logs in to the mailbox of others, with and without himself."""
        account = (
            self.env["email.account"]
            .with_user(user)
            .create(
                {
                    **self.account_values,
                    "email": f"y{next(self.numbers)}@{DOMAIN}",
                    "username": ADDRESS,
                    "use_for_sending": False,
                }
            )
        )
        for number in range(times):
            account.password = f"wrong {next(self.numbers)}"
            if number % 2:
                account._check()
            else:
                account.sudo()._set_state()
                account._receive()
        return account

    def count_logins(self):
        return len([login for login in self.hosts.mail.logins() if not login[-1]])

    def count_refused(self):
        return len(self.env["email.account.refusal"].search([]))

    def assertWorks(self, account=None):
        account = account or self.account
        for user in (self.manager, self.colleague, self.env.ref("base.user_root")):
            if account._is_usable_by(user):
                check = account.with_user(user)._check()
                self.assertNotEqual(check.result, "failed", check.summary)
        account._receive()
        self.assertEqual(account.state, "ready", account.last_error)
        mail = self.env["mail.mail"].create(
            {
                "email_to": ADDRESS,
                "email_from": account.email,
                "body_html": "x",
                "mail_server_id": account.mail_server_id.id,
            }
        )
        mail.send()
        self.assertEqual(mail.state, "sent", mail.failure_reason)

    def test_a_shared_account(self):
        self.prove()
        self.assertTrue(self.account.has_logged_in)
        self.guess(self.attackers[0])
        self.assertEqual(self.count_refused(), 5)
        self.assertWorks()

    def test_by_an_account_of_his_own(self):
        self.prove()
        self.guess_by_account(self.attackers[0], 7)
        self.assertEqual(self.count_refused(), 5)
        self.assertEqual(
            set(self.env["email.account.refusal"].search([]).mapped("user_ref")), {self.attackers[0].id}
        )
        self.assertWorks()

    def test_all_of_them_together(self):
        self.prove()
        for attacker in self.attackers:
            self.guess(attacker, 3)
            self.guess_by_account(attacker, 3)
        self.assertEqual(self.count_refused(), 10)
        self.assertWorks()

    def test_an_account_that_has_not_logged_in_yet(self):
        for attacker in self.attackers:
            self.guess(attacker)
        self.assertFalse(self.account.has_logged_in)
        self.prove()

    def test_a_personal_account(self):
        owner = self.colleague
        account = self.account
        account.user_id = owner
        self.prove()
        for attacker in self.attackers:
            self.guess(attacker)
        account._receive()
        self.assertEqual(account.state, "ready", account.last_error)
        check = account.with_user(owner)._check()
        self.assertNotEqual(check.result, "failed", check.summary)
        # also while something else fails
        account._set_state("something else")
        check = account.with_user(owner)._check()
        self.assertNotEqual(check.result, "failed", check.summary)

    def test_a_colleague_begins(self):
        """One user leaves tries to all others."""
        self.guess(self.attackers[0])
        wizard = self.create_wizard(self.colleague, PASSWORD, f"new@{DOMAIN}")
        wizard.action_create()
        self.assertEqual(wizard.step, "done", wizard.message)
        self.assertTrue(wizard.account_id.has_logged_in)

    def test_he_waits_himself(self):
        self.guess(self.attackers[0])
        wizard = self.create_wizard(self.attackers[0], PASSWORD, f"new@{DOMAIN}")
        wizard.action_create()
        self.assertIn("Five different passwords were refused within 15 minutes", wizard.message)
        account = self.guess_by_account(self.attackers[0], 1)
        account.password = PASSWORD
        self.assertEqual(account._check().step_ids.mapped("cause"), ["logins_paused"])

    def test_too_many_guess(self):
        """Providers lock a mailbox whoever guesses: there is an end to all of them together."""
        self.guess(self.attackers[0])
        self.guess(self.attackers[1])
        wizard = self.create_wizard(self.colleague, "wrong", f"new@{DOMAIN}")
        wizard.action_create()
        self.assertIn("Others tried too many wrong passwords for this mailbox", wizard.message)
        self.assertTrue(wizard.retry_date)
        self.assertEqual(self.count_refused(), 10)

    def test_the_right_password_is_told_to_nobody(self):
        """Whoever may not try any more does not find out what the account has stored."""
        self.prove()
        self.guess(self.attackers[0])
        for password in (PASSWORD, "another"):
            wizard = self.create_wizard(self.attackers[0], password, f"z{password[0]}@{DOMAIN}")
            wizard.action_create()
            self.assertIn("Five different passwords", wizard.message)

    def test_its_own_refusal_holds(self):
        self.prove()
        self.hosts.mail.add_user(ADDRESS, "changed")
        self.addCleanup(self.hosts.mail.add_user, ADDRESS, PASSWORD)
        causes = [self.account._check().step_ids.mapped("cause") for _time in range(2)]
        self.assertIn("wrong_password", causes[0])
        self.assertIn("password_refused", causes[1])
        self.assertEqual(self.count_refused(), 1)

    def test_eight_aliases_at_once(self):
        """Accounts with the same mailbox are one for the count."""
        accounts = self.env["email.account"].create(
            [
                {
                    **self.account_values,
                    "email": f"alias{number}@{DOMAIN}",
                    "username": ADDRESS,
                    "password": f"wrong {number}",
                }
                for number in range(8)
            ]
        )
        before = self.count_logins()
        accounts._check()
        self.assertEqual(self.count_refused(), 5)
        self.assertLessEqual(self.count_logins() - before, 5)

    def test_sixteen_wizards(self):
        before = self.count_logins()
        self.guess(self.attackers[0], 16)
        self.assertEqual(self.count_refused(), 5)
        self.assertLessEqual(self.count_logins() - before, 5)

    def test_nobody_claims_to_have_logged_in(self):
        guesser = self.env["email.account.refusal"]._get_guesser
        employee = self.attackers[0]
        accounts = self.env["email.account"].with_user(employee)
        account = accounts.with_context(default_has_logged_in=True).create(
            {**self.account_values, "email": f"own@{DOMAIN}", "has_logged_in": True}
        )
        self.assertFalse(account.has_logged_in)
        account.has_logged_in = True
        self.env.flush_all()
        self.assertFalse(account.sudo().has_logged_in)
        self.assertEqual(guesser(account), Guesser(employee.id))
        # what has worked is what was stored then
        self.prove()
        for values in ({"password": "x"}, {"username": "x", "password": "x"}):
            self.account.write(values)
            self.assertFalse(self.account.has_logged_in)
            self.assertEqual(guesser(self.account), Guesser(self.env.uid, is_shared=True))
            self.account.write({"username": False, "password": PASSWORD})
            self.prove()
            self.assertTrue(self.account.has_logged_in)
        self.assertFalse(self.account.copy({"email": f"copy@{DOMAIN}"}).has_logged_in)
