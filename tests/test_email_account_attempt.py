import contextlib
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from odoo import api, fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import TransactionCase, new_test_user, tagged

from ..models.email_account_attempt import KEPT_MINUTES, LIMIT
from .common import DOMAIN, PASSWORD, HostsCase

WORKERS = 8
AGAIN = r"Try again in \d+ seconds"


@tagged("post_install", "-at_install")
class TestEmailAccountAttempt(HostsCase):
    """Connections made by hand: so many within a minute, whoever makes them."""

    def setUp(self):
        super().setUp()
        self.account = self.env["email.account"].create(self.account_values)
        self.attempts = self.env["email.account.attempt"]
        self.logins = len(self.hosts.mail.logins())

    def assertNoLogin(self):
        self.assertEqual(self.hosts.mail.logins()[self.logins :], [])

    def use_up(self, left=0):
        self.attempts.search([]).unlink()
        if left < LIMIT:
            self.attempts._note(LIMIT - left)

    def press(self, record, button):
        """In a cursor that may be committed."""
        self.env.flush_all()
        with self.registry.cursor() as cr:
            getattr(record.with_env(record.env(cr=cr)), button)()
        self.env.invalidate_all()

    def get_buttons(self):
        self.account._set_state()
        wizard = self.env["email.account.import"].create({"account_id": self.account.id})
        return {
            "check": (self.account, "action_check"),
            "folders": (self.account, "action_load_folders"),
            "count": (wizard, "action_count"),
            "send and receive": (self.account, "action_send_receive"),
            "stock fetching": (self.account.fetchmail_server_id, "fetch_mail"),
        }

    def test_every_button(self):
        for name, (record, button) in self.get_buttons().items():
            with self.subTest(name):
                self.use_up(left=1)
                self.press(record, button)
                connections = len(self.hosts.mail.logins())
                self.assertGreater(connections, self.logins)
                with self.assertRaisesRegex(UserError, AGAIN):
                    self.press(record, button)
                self.assertEqual(len(self.hosts.mail.logins()), connections)
                self.logins = connections

    def test_wizard(self):
        """With servers by hand; a look-up has limits of its own."""
        values = {"email": f"new@{DOMAIN}", "password": PASSWORD, "method": "manual"}
        servers = {"incoming_host": f"imap.{DOMAIN}", "outgoing_host": f"smtp.{DOMAIN}"}
        self.use_up()
        wizard = self.env["email.account.create"].create(values | servers)
        wizard.action_create()
        self.assertRegex(wizard.message, AGAIN)
        self.assertEqual(wizard.step, "start")
        self.assertNoLogin()
        self.assertFalse(self.env["email.account.discovery"].search([]))

    def test_rest_of_a_mail(self):
        mail = self.env["email.account.unprocessed"].create(
            {
                "account_id": self.account.id,
                "reason": "too_large",
                "is_complete": False,
                "state": "stuck",
            }
        )
        self.use_up()
        with self.assertRaisesRegex(UserError, AGAIN):
            mail.action_fetch()
        self.assertNoLogin()

    def test_it_passes(self):
        self.use_up()
        notes = self.attempts.search([])
        notes.date = fields.Datetime.now() - timedelta(seconds=61)
        self.env.flush_all()
        self.attempts._note()
        notes.date = fields.Datetime.now() - timedelta(seconds=20)
        self.env.flush_all()
        with self.assertRaisesRegex(UserError, r"Try again in (39|40|41) seconds"):
            self.attempts._note()

    def test_each_user_for_himself(self):
        user = new_test_user(self.env, login="ea_patient", groups="base.group_user")
        self.use_up()
        self.attempts.with_user(user)._note(LIMIT)
        with self.assertRaisesRegex(UserError, AGAIN):
            self.attempts.with_user(user)._note()
        self.assertTrue(self.env.user.has_group("base.group_system"))
        with self.assertRaisesRegex(UserError, AGAIN):  # administrators too
            self.attempts._note()

    def test_schedules_are_not_limited(self):
        self.account._set_state()
        self.use_up()
        for schedule in ("_cron_check", "_cron_receive"):
            self.press(self.account, schedule)
            logins = len(self.hosts.mail.logins())
            self.assertGreater(logins, self.logins, schedule)
            self.logins = logins
        self.assertEqual(self.account.state, "ready", self.account.last_error)

    def test_many_accounts_at_once(self):
        accounts = self.account + self.env["email.account"].create(
            [self.account_values | {"email": f"a{number}@{DOMAIN}"} for number in range(LIMIT)]
        )
        before = self.attempts.search([])
        with self.assertRaisesRegex(UserError, "choose fewer"):
            accounts.action_check()
        self.assertNoLogin()
        self.assertEqual(self.attempts.search([]), before)
        accounts._set_state()
        self.assertEqual(accounts._count_attempts(), 1, "schedules connect to these anyway")
        user = new_test_user(self.env, login="ea_hasty", groups="base.group_user")
        self.assertEqual(accounts.with_user(user)._count_attempts(), LIMIT + 1)

    def test_what_is_old_goes(self):
        self.attempts._note(3)
        notes = self.attempts.search([])
        notes[0].date -= timedelta(minutes=KEPT_MINUTES + 1)
        self.attempts._gc_attempts()
        self.assertEqual(notes.exists(), notes[1:])

    def test_nobody_reads_or_removes_notes(self):
        self.attempts._note()
        notes = self.attempts.search([])
        for groups in ("base.group_user", "email_account.group_email_account_manage", "base.group_system"):
            user = new_test_user(self.env, login=groups, groups=groups)
            for forbidden in (
                lambda own: own.read(["date"]),
                lambda own: own.unlink(),
                lambda own: own.write({"user_id": own.env.uid}),
                lambda own: own.create({"user_id": own.env.uid, "date": "2026-01-01"}),
            ):
                with self.subTest(groups), self.assertRaises(AccessError):
                    forbidden(notes.with_user(user))


@tagged("post_install", "-at_install")
class TestAttemptsOfManyWorkers(TransactionCase):
    """With transactions as workers have them."""

    def setUp(self):
        super().setUp()
        self.addCleanup(self.forget)
        self.forget()

    @contextlib.contextmanager
    def worker(self):
        with self.registry.cursor() as cr:
            yield api.Environment(cr, self.uid, {})

    def forget(self):
        with self.worker() as env:
            env["email.account.attempt"].sudo().search([("user_id", "=", self.uid)]).unlink()

    def test_the_limit_holds(self):
        def press(_number):
            with self.worker() as env:
                env.cr.execute("SELECT 1")  # its view of the database begins here
                try:
                    env["email.account.attempt"]._note()
                except UserError:
                    return False
                return True

        with ThreadPoolExecutor(WORKERS) as pool:
            allowed = list(pool.map(press, range(3 * LIMIT)))
        self.assertEqual(allowed.count(True), LIMIT)
