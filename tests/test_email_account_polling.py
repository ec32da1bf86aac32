from datetime import timedelta

from odoo import fields
from odoo.tests import TransactionCase, tagged

from .common import PASSWORD
from .receiving import OTHER, ReceivingCase


@tagged("post_install", "-at_install")
class TestEmailAccountPolling(TransactionCase):
    def setUp(self):
        super().setUp()
        self.env["email.account.polling"].search([]).is_stopped = True  # of accounts that were there before
        self.accounts = self.env["email.account"].create(
            [{"email": f"{name}@example.org", "password": "x", "incoming_host": "h"} for name in "abc"]
        )
        self.accounts._set_state()
        self.pollings = self.accounts.sudo().polling_ids

    def get_due(self):
        pollings = self.env["email.account.polling"]
        return pollings.search(pollings._get_due_domain()).account_id

    def test_longest_waiting_first(self):
        now = fields.Datetime.now()
        for minutes, polling in zip((1, 3, 2), self.pollings, strict=True):
            polling.next_date = now - timedelta(minutes=minutes)
        first, second, third = self.accounts
        self.assertEqual(list(self.get_due()), [second, third, first])

    def test_what_is_left_out(self):
        first, second, third = self.accounts
        first.use_for_receiving = False
        second.active = False
        third.state = "draft"
        self.assertFalse(self.get_due())

    def test_backoff(self):
        polling = self.pollings[0]
        waits = []
        for _failure in range(9):
            polling._set_failed()
            waits.append(round((polling.next_date - fields.Datetime.now()).total_seconds() / 60))
        self.assertEqual(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60])
        self.assertFalse(polling.is_stopped)
        polling._set_done(False)
        self.assertEqual(polling.failure_count, 0)

    def test_interval(self):
        polling = self.pollings[0]
        polling.account_id.receive_interval = 7
        polling._set_done(False)
        self.assertEqual(round((polling.next_date - fields.Datetime.now()).total_seconds() / 60), 7)
        polling._set_done(True)
        self.assertLessEqual(polling.next_date, fields.Datetime.now())

    def test_refused_logins_stop_it(self):
        polling = self.pollings[0]
        for _refusal in range(2):
            polling._set_failed(refused=True)
            self.assertFalse(polling.is_stopped)
        polling._set_failed(paused=True)  # which was no attempt
        self.assertFalse(polling.is_stopped)
        polling._set_failed(refused=True)
        self.assertTrue(polling.is_stopped)
        self.assertTrue(polling.account_id.is_receiving_stopped)
        self.assertFalse(polling.account_id.next_receive_date)
        self.assertNotIn(polling.account_id, self.get_due())
        polling.account_id.password = "another"
        self.assertFalse(polling.is_stopped)

    def test_refused_password_waits_as_long_as_it_is_not_sent_again(self):
        polling = self.pollings[0]
        polling._set_failed(refused=True)
        wait = polling.next_date - fields.Datetime.now()
        self.assertEqual(round(wait.total_seconds() / 60), 15)
        until = fields.Datetime.now() + timedelta(minutes=7)
        polling._set_failed(paused=until)
        self.assertEqual(polling.next_date, until)

    def test_refused_logins_far_apart(self):
        polling = self.pollings[0]
        for _refusal in range(4):
            polling._set_failed(refused=True)
            polling.refused_date -= timedelta(hours=4)
        self.assertFalse(polling.is_stopped)


@tagged("post_install", "-at_install")
class TestReceivingFairly(ReceivingCase):
    def setUp(self):
        super().setUp()
        self.other = self.create_account(email=OTHER, password=PASSWORD)
        self.polling = self.account.sudo().polling_ids

    def receive_by_cron(self):
        self.env.flush_all()
        with self.env.registry.cursor() as cr:  # which the cron commits
            self.env(cr=cr)["email.account"]._cron_receive()
        self.env.invalidate_all()

    def test_cron(self):
        self.deliver("mine")
        self.deliver("other", to=OTHER)
        self.receive_by_cron()
        self.assertTrue(self.get_message("mine") and self.get_message("other"))
        # not due yet
        self.deliver("later")
        self.receive_by_cron()
        self.assertFalse(self.get_message("later"))
        self.polling.next_date = fields.Datetime.now()
        self.receive_by_cron()
        self.assertTrue(self.get_message("later"))
        self.assertFalse(self.polling.claim)

    def test_what_another_worker_is_at(self):
        _own, living = self.polling._get_claims()
        self.polling.write(
            {"claim": living[-1], "claimed_until": fields.Datetime.now() + timedelta(minutes=1)}
        )
        self.deliver("mine")
        self.receive_by_cron()
        self.account._receive()
        self.assertFalse(self.get_message("mine"))
        self.polling.claimed_until = fields.Datetime.now() - timedelta(minutes=1)  # it hangs
        self.receive_by_cron()
        self.assertTrue(self.get_message("mine"))

    def test_what_a_dead_worker_was_at(self):
        self.polling.write(
            {"claim": "1/2026-01-01", "claimed_until": fields.Datetime.now() + timedelta(minutes=1)}
        )
        self.deliver("mine")
        self.receive_by_cron()
        self.assertTrue(self.get_message("mine"))

    def test_failure_and_recovery(self):
        self.account.password = "wrong"
        self.account._set_state()
        self.deliver("other", to=OTHER)
        self.receive_by_cron()
        self.assertTrue(self.get_message("other"))
        self.assertEqual((self.account.state, self.other.state), ("failing", "ready"))
        self.assertIn("refused the user name or the password", self.account.last_error)
        [activity] = self.account.activity_ids
        self.assertEqual(activity.user_id, self.account._get_responsible_user())
        self.assertIn("refused", activity.note)
        refusals = self.env["email.account.refusal"].sudo()
        for _refusal in range(2):
            refusals.search([]).unlink()  # a quarter of an hour later
            self.polling.next_date = fields.Datetime.now()
            self.receive_by_cron()
        self.assertTrue(self.account.is_receiving_stopped)
        self.assertEqual(len(self.account.activity_ids), 1)
        # somebody acts
        self.deliver("mine")
        self.account.password = PASSWORD
        self.account._set_state("still")
        self.receive_by_cron()
        self.assertTrue(self.get_message("mine"))
        self.assertEqual((self.account.state, self.account.last_error), ("ready", False))
        self.assertFalse(self.account.activity_ids)
        [note] = self.account.message_ids.filtered(lambda message: "receives again" in message.body)
        self.assertEqual(note.partner_ids, self.account._get_responsible_user().partner_id)

    def test_failing_server_is_told_of_when_it_lasts(self):
        self.account.incoming_port = 1
        self.account._set_state()
        for failure in range(3):
            self.assertFalse(self.account.activity_ids, failure)
            self.polling.next_date = fields.Datetime.now()
            self.receive_by_cron()
            self.assertEqual(self.account.state, "failing")
        self.assertEqual(len(self.account.activity_ids), 1)

    def test_sending_that_failed_stays_failed(self):
        self.account.outgoing_port = 1
        self.account._check()
        self.assertEqual(self.account.state, "failing")
        self.polling.next_date = fields.Datetime.now()
        self.receive_by_cron()
        self.assertEqual(self.account.state, "failing")
