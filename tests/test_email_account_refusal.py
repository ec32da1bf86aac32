import contextlib
import time
from datetime import timedelta
from unittest.mock import patch
from uuid import uuid4

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import TransactionCase, new_test_user, tagged
from odoo.tools import mute_logger

from .. import mailclient
from .common import ADDRESS, DOMAIN, PASSWORD, HostsCase

OTHER = f"other@{DOMAIN}"


def endpoint(host="imap.example.org", protocol="imap"):
    return mailclient.Endpoint(protocol, host, 993, "tls")


def login(username="jane@example.org", password="x"):
    return mailclient.Login(username, password)


class TestEmailAccountRefusal(TransactionCase):
    def setUp(self):
        super().setUp()
        self.enterContext(self.enter_registry_test_mode())
        self.refusals = self.env["email.account.refusal"]

    def note(self, *minutes_ago, where=None, who=None):
        for minutes in minutes_ago:
            known = self.refusals.search([])
            self.refusals._note(where or endpoint(), who or login())
            new = self.refusals.search([]) - known
            new.date -= timedelta(minutes=minutes)
            self.env.flush_all()

    def get_pause(self, host="imap.example.org", username="jane@example.org"):
        return self.refusals._get_pause(endpoint(host), login(username))

    def test_three_in_a_quarter_of_an_hour(self):
        self.note(1)
        self.assertEqual(self.get_pause(), 0)
        self.note(20, 16)  # too long ago
        self.assertEqual(self.get_pause(), 0)
        self.note(5)
        self.assertEqual(self.get_pause(), 0)
        self.note(8)
        self.assertAlmostEqual(self.get_pause(), 7 * 60, delta=30)

    def test_the_pause_ends_with_the_oldest_that_counts(self):
        self.note(14, 9, 4, 1)
        self.assertAlmostEqual(self.get_pause(), 6 * 60, delta=30)

    def test_what_counts_together(self):
        self.note(1, where=endpoint("smtp.example.org", "smtp"))
        self.note(1, where=endpoint("IMAP.example.org"), who=login("Jane@Example.org"))
        self.note(1, who=login(password="another one"))
        self.assertTrue(self.get_pause())
        for host, username in (
            ("imap.example.org", "jane"),
            ("imap.example.org", "john@example.org"),
            ("imap.example.net", "jane@example.org"),
            ("example.co.uk", "jane@example.org"),
        ):
            with self.subTest(host=host, username=username):
                self.assertEqual(self.get_pause(host, username), 0)

    def test_servers_without_a_name(self):
        self.note(1, 1, 1, where=endpoint("192.168.7.5"))
        self.assertTrue(self.get_pause("192.168.7.5"))
        self.assertEqual(self.get_pause("10.0.7.5"), 0)
        self.note(1, 1, 1, where=endpoint("localhost"))
        self.assertTrue(self.get_pause("localhost"))

    def test_what_is_kept(self):
        self.note(1, 59, 61, 600)
        for key in self.refusals.search([]).mapped("key"):
            self.assertRegex(key, r"^[0-9a-f]{64}$")
        self.refusals._gc_refusals()
        self.assertEqual(len(self.refusals.search([])), 2)

    def test_nobody_reads_them(self):
        self.note(1)
        administrator = new_test_user(self.env, "ea_refusal_system", "base.group_user,base.group_system")
        with self.assertRaises(AccessError), mute_logger("odoo.addons.base.models.ir_model"):
            self.refusals.with_user(administrator).search([])
        with self.assertRaises(AccessError), mute_logger("odoo.addons.base.models.ir_model"):
            self.refusals.with_user(administrator).create({"key": "x"})
        user = new_test_user(self.env, "ea_refusal_user", "base.group_user")
        self.refusals.with_user(user)._note(endpoint(), login())
        self.assertEqual(len(self.refusals.search([])), 2)

    def test_only_refused_logins_count(self):
        for failure, noted in (
            (mailclient.MailFailure(endpoint(), "login", "NO [AUTHENTICATIONFAILED]", "wrong_password"), 1),
            (mailclient.MailFailure(endpoint(), "connect", "timed out", "timeout"), 0),
            (OSError("gone"), 0),
        ):
            failure.refused = bool(noted)
            # assertRaises would take back what was written
            with self.subTest(failure), contextlib.suppress(type(failure)):
                with self.refusals._watch(endpoint(), login()):
                    raise failure
                self.fail("it was swallowed")
            self.assertEqual(len(self.refusals.search([])), noted)
            self.refusals.search([]).unlink()
        with self.refusals._watch(endpoint(), login()):
            pass
        self.assertFalse(self.refusals.search([]))

    def test_paused(self):
        self.note(8, 8, 8)
        with (
            self.assertRaises(mailclient.MailFailure) as caught,
            self.refusals._watch(endpoint(), login()),
        ):
            self.fail("it must not be tried")
        failure = caught.exception
        self.assertEqual((failure.stage, failure.cause), ("login", "logins_paused"))
        self.assertEqual(failure.raw, "3 refused logins in 15 minutes; next attempt in 7 min")


class TestRefusalTransactions(TransactionCase):
    """With cursors of their own, as outside of tests."""

    def test_notes_are_seen_at_once_and_stay_after_a_rollback(self):
        refusals, who = self.env["email.account.refusal"], login(f"{uuid4()}@example.org")
        self.addCleanup(self.forget, who)
        refusals.search([], limit=1)  # the transaction has begun: it would not see what comes
        for _ in range(3):
            self.assertEqual(refusals._get_pause(endpoint(), who), 0)
            with self.assertRaises(ZeroDivisionError), self.registry.cursor() as cr:
                refusals.with_env(self.env(cr=cr))._note(endpoint(), who)
                raise ZeroDivisionError
        self.assertTrue(refusals._get_pause(endpoint(), who))

    def forget(self, who):
        with self.registry.cursor() as cr:
            refusals = self.env(cr=cr)["email.account.refusal"]
            refusals.search([("key", "=", refusals._get_key(endpoint(), who))]).unlink()


@tagged("post_install", "-at_install")
class TestRefusedLogins(HostsCase):
    """Through the real hosts, which write down each login that they see."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.hosts.mail.add_user(OTHER, PASSWORD)

    def setUp(self):
        super().setUp()
        self.account = self.env["email.account"].create({**self.account_values, "password": "wrong"})
        self.seen = len(self.hosts.mail.logins())

    def get_logins(self, expected):
        """Return the logins of this test that the mail host has seen; it writes a refused one down late."""
        deadline = time.monotonic() + 5
        while len(found := self.hosts.mail.logins()[self.seen :]) < expected and time.monotonic() < deadline:
            time.sleep(0.01)
        return found

    def use_up(self):
        self.account._check()
        self.account.use_for_receiving = False
        self.account._check()
        self.account.use_for_receiving = True
        self.assertEqual(len(self.get_logins(3)), 3)

    def assertPaused(self, check):
        self.assertEqual(self.get_causes(check), ["logins_paused"] * 2)
        self.assertIn("3 refused logins in 15 minutes", check.step_ids[0].details)

    def get_causes(self, check):
        return check.step_ids.filtered("cause").mapped("cause")

    def test_two_at_once_three_in_all(self):
        check = self.account._check()
        self.assertEqual(self.get_causes(check), ["wrong_password"] * 2)
        self.assertEqual(len(self.get_logins(2)), 2)
        check = self.account._check()
        self.assertEqual(self.get_causes(check), ["wrong_password", "logins_paused"])
        with patch.object(self.hosts.network, "addresses") as addresses:
            self.assertPaused(self.account._check())
        addresses.assert_not_called()
        self.assertEqual(
            sorted(self.get_logins(3)),
            [("imap", ADDRESS, False), *[("submission", ADDRESS, False)] * 2],
        )

    def test_the_right_password_waits_too(self):
        self.use_up()
        self.account.password = PASSWORD
        self.assertPaused(self.account._check())
        refusals = self.env["email.account.refusal"].search([])
        refusals.date = fields.Datetime.now() - timedelta(minutes=16)
        self.env.flush_all()
        check = self.account._check()
        self.assertNotEqual(check.result, "failed", check.summary)

    def test_other_mailboxes_go_on(self):
        self.use_up()
        self.account.write({"username": OTHER, "password": PASSWORD, "use_for_sending": False})
        check = self.account._check()
        self.assertNotEqual(check.result, "failed", check.summary)

    def test_odoos_own_connections(self):
        self.account._set_state()
        self.use_up()
        self.account._set_state()
        with patch.object(self.hosts.network, "addresses") as addresses:
            for server in (self.account.mail_server_id, self.account.fetchmail_server_id):
                arguments = {"mail_server_id": server.id} if server._name == "ir.mail_server" else {}
                with self.subTest(server._name), self.assertRaises(UserError) as caught:
                    server._connect__(**arguments)
                self.assertEqual(caught.exception.__cause__.cause, "logins_paused")
        addresses.assert_not_called()

    def test_pop_before_smtp_counts_once(self):
        self.account.login_incoming_first = True
        self.account.use_for_receiving = False
        self.account._check()
        self.assertEqual(self.get_logins(1), [("imap", ADDRESS, False)])
        self.assertEqual(len(self.env["email.account.refusal"].search([])), 1)

    def test_fetching_by_schedule_stops(self):
        self.account._set_state()
        for _ in range(4):
            self.account._receive()
        self.assertEqual(self.account.state, "failing")
        self.assertEqual(len(self.get_logins(3)), 3)
