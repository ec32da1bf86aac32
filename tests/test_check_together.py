from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.tests import new_test_user, tagged

from ..models import check_run
from .common import ADDRESS, DOMAIN, CheckCase
from .hosts import BlackHole, HangAfterBanner, SilentPort
from .hosts.network import ANY


@tagged("post_install", "-at_install")
class TestCheckTogether(CheckCase):
    """Many accounts at once, some of which hang."""

    def create_account(self, name, **values):
        self.hosts.mail.add_user(f"{name}@{DOMAIN}", "x")
        return self.env["email.account"].create(
            {**self.account_values, "email": f"{name}@{DOMAIN}", "password": "x", "timeout": 1, **values}
        )

    def lead(self, port, place):
        """Lead connections to a port of any host to another place."""
        self.enterContext(patch.dict(self.hosts.network.places, {(ANY, port): place}))

    def test_hanging_ones_hold_up_nobody(self):
        black_hole = self.enterContext(BlackHole())
        hanging = self.enterContext(
            HangAfterBanner("imap", self.hosts.authority.server_context(f"imap.{DOMAIN}"))
        )
        self.lead(2525, black_hole.port)
        self.lead(9993, hanging.port)
        accounts = self.create_account("dead", outgoing_port=2525, incoming_port=9993)
        accounts += self.create_account("one") + self.create_account("two")
        ended = []

        def note(runs):
            ended.extend(run.settings for run in runs if run.ended and run.settings not in ended)

        checks = accounts._check(note)
        self.assertEqual(
            checks.mapped("result"), ["failed", "passed", "passed"], checks.mapped("report_text")
        )
        self.assertEqual(ended[-1], accounts[0])
        failed = checks[0].step_ids.filtered(lambda step: step.result == "failed")
        self.assertEqual(
            [(step.stage, step.direction, step.cause) for step in failed],
            [("connect", "outgoing", "timeout"), ("greeting", "incoming", "timeout")],
        )

    def test_what_comes_too_late_is_not_called_failing(self):
        accounts = self.create_account("one") + self.create_account("two")
        with patch.object(check_run.CheckRun, "is_late", property(lambda run: run.settings == accounts[1])):
            checks = accounts._check()
        self.assertEqual(checks.mapped("result"), ["passed", "skipped"])
        self.assertEqual(accounts.mapped("state"), ["ready", "draft"])
        self.assertFalse(accounts[1].last_check_date)

    def test_progress_of_many(self):
        from ..models.check_progress import CheckProgress

        accounts = self.account + self.create_account("one")
        with CheckProgress(accounts) as progress:
            accounts._check(progress.show)
            lines = self.env["email.account.check.progress"].get_progress(accounts.ids)["lines"]
        self.assertEqual([line["id"] for line in lines], accounts.ids)
        self.assertFalse(self.env["email.account.check.progress"].get_progress(accounts.ids))

    def test_port_that_is_blocked_on_the_way(self):
        """Another port answers: say which."""
        self.lead(465, self.enterContext(BlackHole()).port)
        account = self.create_account("one")
        check = account._check()
        [step] = check.step_ids.filtered(lambda step: step.result == "failed")
        self.assertEqual((step.stage, step.cause, step.field_name), ("connect", "timeout", "outgoing_port"))
        self.assertIn("Port 587", step.advice)
        self.assertIn("STARTTLS", step.advice)

    def test_all_ports_for_sending_are_blocked(self):
        """As cloud hosts do: receiving reaches the provider, sending does not."""
        black_hole = self.enterContext(BlackHole())
        for port in (465, 587):
            self.lead(port, black_hole.port)
        account = self.create_account("one")
        check = account._check()
        [step] = check.step_ids.filtered(lambda step: step.result == "failed")
        self.assertEqual((step.stage, step.cause), ("connect", "port_blocked"))
        self.assertIn("have the port opened", step.advice)
        self.assertEqual(step.responsible, "administrator")


@tagged("post_install", "-at_install")
class TestNightlyCheck(CheckCase):
    def run_cron(self):
        self.env.ref("email_account.ir_cron_email_account_check").method_direct_trigger()

    def get_stages(self, account):
        return account.check_ids.sorted("id")[-1:].step_ids.mapped("stage")

    def test_it_logs_in_to_both_directions(self):
        self.run_cron()
        check = self.account.check_ids
        self.assertEqual((check.occasion, check.result, self.account.state), ("nightly", "passed", "ready"))
        login = ["resolve", "connect", "tls", "login"]
        self.assertEqual(self.get_stages(self.account), login * 2)
        self.assertEqual(self.hosts.mail.messages(ADDRESS), [])

    def test_it_sends_where_the_account_says_so(self):
        self.account.nightly_test_email = True
        self.run_cron()
        self.assertIn("find", self.get_stages(self.account))
        self.assertEqual(self.account.check_ids.result, "passed", self.account.check_ids.report_text)

    def test_only_active_ones_and_none_twice(self):
        unconfigured = self.env["email.account"].create({"email": "third@acme.example"})
        archived = self.env["email.account"].create(
            {**self.account_values, "email": "old@acme.example", "active": False}
        )
        self.account.last_check_date = fields.Datetime.now() - timedelta(hours=7)
        self.run_cron()
        self.run_cron()
        self.assertEqual(
            [account.check_count for account in self.account + unconfigured + archived], [1, 0, 0]
        )

    def test_what_fails_is_shown_by_the_account(self):
        self.account.password = "wrong"
        self.run_cron()
        self.assertEqual(self.account.state, "failing")
        self.assertEqual(self.account.invalid_fields, ["password"])

    def test_in_the_language_of_the_owner(self):
        self.env["res.lang"]._activate_lang("de_DE")
        self.env["ir.module.module"]._load_module_terms(["email_account"], ["de_DE"])
        owner = new_test_user(self.env, login="ea_night", groups="base.group_user")
        owner.lang = "de_DE"
        self.account.user_id = owner
        self.run_cron()
        step = self.account.check_ids.step_ids[-1:]
        self.assertEqual(step.message, f"Angemeldet als {ADDRESS}.")

    def test_it_ends_in_time(self):
        """What hangs in spite of everything ends with the run."""
        self.assertLess(check_run.RUN_TIMEOUT, 120)
        silent = self.enterContext(SilentPort())
        places = {(ANY, port): silent.port for port in (465, 993)}
        self.account.timeout = 300
        with patch.dict(self.hosts.network.places, places), patch.object(check_run, "RUN_TIMEOUT", 0):
            check = self.account._check()
        self.assertEqual(check.result, "failed")
        self.assertEqual(set(check.step_ids.mapped("cause")) - {False}, {"timeout"})
