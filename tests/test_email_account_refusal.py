import contextlib
import itertools
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from unittest.mock import patch
from uuid import uuid4

from cryptography.fernet import Fernet

from odoo import SUPERUSER_ID, fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import TransactionCase, new_test_user, tagged
from odoo.tools import config, mute_logger

from .. import mailclient
from ..models import email_account_refusal
from ..models.email_account_refusal import Hold
from ..models.secret_keys import OPTION
from ..models.server_pool import run_here
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
        self.passwords = map(str, itertools.count())

    def note(self, *minutes_ago, where=None, username="jane@example.org", password=None, **options):
        """Note a refused login for each of ``minutes_ago``, each with another password if none is given."""
        for minutes in minutes_ago:
            known = self.refusals.search([])
            who = login(username, password or next(self.passwords))
            self.refusals._note(where or endpoint(), who, **options)
            new = self.refusals.search([]) - known
            new.date -= timedelta(minutes=minutes)
            self.env.flush_all()

    def get_pause(self, host="imap.example.org", username="jane@example.org"):
        return self.refusals._get_pause(endpoint(host), login(username))

    def try_(self, where=None, who=None, failure=None):
        """Log in as it is done around a login; return the failure, None without one."""
        try:
            with run_here(self.refusals._watching(where or endpoint(), who or login())):
                if failure:
                    raise failure
        except mailclient.MailFailure as raised:
            return raised

    def refuse(self, cause="wrong_password", **options):
        failure = mailclient.MailFailure(endpoint(), "login", "NO", cause, refused=True)
        return self.try_(failure=failure, **options)

    def test_five_in_a_quarter_of_an_hour(self):
        self.note(1, 2, 3)
        self.assertEqual(self.get_pause(), 0)
        self.note(20, 16)  # too long ago
        self.assertEqual(self.get_pause(), 0)
        self.note(5)
        self.assertEqual(self.get_pause(), 0)
        self.note(8)
        self.assertAlmostEqual(self.get_pause(), 7 * 60, delta=30)

    def test_different_passwords_count(self):
        self.note(*[1] * 20, password="the same")
        self.assertEqual(self.get_pause(), 0)
        self.note(*[1] * 4)
        self.assertTrue(self.get_pause())

    def test_the_pause_ends_with_the_oldest_that_counts(self):
        self.note(14, 9, 6, 4, 2, 1)
        self.assertAlmostEqual(self.get_pause(), 6 * 60, delta=30)

    def test_what_counts_together(self):
        self.note(1, where=endpoint("smtp.example.org", "smtp"))
        self.note(1, where=endpoint("IMAP.example.org"), username="Jane@Example.org")
        self.note(1, username=" jane@example.org ")
        self.note(1, username="JANE")
        self.note(1, username="\uff4aane@example.org")
        self.assertTrue(self.get_pause())
        self.assertTrue(self.get_pause(username="jane"))
        for host, username in (
            ("imap.example.org", "jane@example.net"),
            ("imap.example.org", "john@example.org"),
            ("imap.example.net", "jane@example.org"),
            ("example.co.uk", "jane@example.org"),
        ):
            with self.subTest(host=host, username=username):
                self.assertEqual(self.get_pause(host, username), 0)

    def test_customers_of_one_host_are_apart(self):
        self.note(*[1] * 5, where=endpoint("imap.host.example"), username="info@one.example")
        self.assertTrue(self.get_pause("smtp.host.example", "info@one.example"))
        self.assertFalse(self.get_pause("smtp.host.example", "info@two.example"))

    def test_servers_of_one_provider_in_several_domains(self):
        self.note(*[1] * 5, where=endpoint("outlook.office365.com"))
        self.assertTrue(self.get_pause("smtp-mail.outlook.com"))
        self.note(*[1] * 5, where=endpoint("imap.googlemail.com"))
        self.assertTrue(self.get_pause("smtp.gmail.com"))

    def test_names_outside_of_ascii(self):
        self.note(*[1] * 5, where=endpoint("imap.bücher.example"), username="jane@bücher.example")
        self.assertTrue(self.get_pause("imap.xn--bcher-kva.example", "jane@xn--bcher-kva.example"))

    def test_servers_without_a_name(self):
        self.note(*[1] * 5, where=endpoint("192.168.7.5"))
        self.assertTrue(self.get_pause("192.168.7.5"))
        self.assertEqual(self.get_pause("10.0.7.5"), 0)
        self.note(*[1] * 5, where=endpoint("localhost"))
        self.assertTrue(self.get_pause("localhost"))

    def test_what_is_kept(self):
        self.note(1, 14, 16, 600, password="correct horse")
        self.refusals._gc_refusals()
        rows = self.refusals.search([])
        self.assertEqual(len(rows), 2)
        for name in ("key", "login_key", "password_key"):
            for digest in rows.mapped(name):
                self.assertRegex(digest, r"^[0-9a-f]{64}$")

    def test_what_is_old_goes_with_the_next_login(self):
        self.note(16, 20)
        self.try_(who=login("john@example.org"))
        self.assertFalse(self.refusals.search([]))

    def test_digests_are_made_with_the_key_of_the_passwords(self):
        """Who has the database alone, with all that Odoo derives from, cannot try passwords on them."""
        one, two = Fernet.generate_key().decode(), Fernet.generate_key().decode()
        keys = {}
        for name, configured in (("one", one), ("two", two), ("both", f"{two},{one}")):
            with patch.dict(config.options, {OPTION: configured}):
                keys[name] = self.refusals._get_keys__(endpoint(), login())
        first = keys["one"][0]
        for part, other in zip(first, keys["two"][0], strict=True):
            self.assertNotEqual(part, other)
        self.assertIn(first, keys["both"])  # what was noted before the keys changed counts on
        self.assertEqual(keys["both"][0], keys["two"][0])

    def test_another_first_key_is_no_way_around(self):
        one, two = Fernet.generate_key().decode(), Fernet.generate_key().decode()
        with patch.dict(config.options, {OPTION: one}):
            self.note(*[1] * 5)
        with patch.dict(config.options, {OPTION: f"{two},{one}"}):
            self.assertTrue(self.get_pause())
            self.assertEqual(self.try_(who=login(password="0")).cause, "password_refused")
            self.assertEqual(self.try_(who=login(password="new")).cause, "logins_paused")

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
            (GeneratorExit(), 0),
        ):
            failure.refused = bool(noted)
            # assertRaises would take back what was written
            with self.subTest(failure), contextlib.suppress(type(failure)):
                with run_here(self.refusals._watching(endpoint(), login())):
                    raise failure
                self.fail("it was swallowed")
            self.assertEqual(len(self.refusals.search([])), noted)
            self.refusals.search([]).unlink()
        self.try_()
        self.assertFalse(self.refusals.search([]))

    def test_the_same_password_is_not_sent_again(self):
        self.assertEqual(self.refuse().cause, "wrong_password")
        failure = self.try_(where=endpoint("smtp.example.org", "smtp"))
        self.assertEqual((failure.stage, failure.cause), ("login", "password_refused"))
        self.assertEqual(failure.hold.until, self.refusals.search([]).date + timedelta(minutes=15))
        self.assertFalse(failure.refused)
        self.assertFalse(self.try_(who=login(password="another")))
        self.assertFalse(self.try_(who=login("jane")))  # the other form of the name may be the right one
        self.assertFalse(self.try_(where=endpoint("imap.example.net")))
        self.assertEqual(len(self.refusals.search([])), 1)
        self.refusals.search([]).date -= timedelta(minutes=15)
        self.env.flush_all()
        self.assertFalse(self.try_())

    def test_a_refusal_for_another_reason(self):
        for cause in (
            "imap_disabled",
            "smtp_auth_disabled",
            "app_password_required",
            "oauth_required",
            "account_locked",
            "web_login_required",
            "ip_blocked",
            "policy_rejected",
        ):
            with self.subTest(cause):
                self.refuse(cause)
                self.assertFalse(self.try_())
                self.refusals.search([]).unlink()
        for cause in ("wrong_password", "mailbox_not_found", "unknown"):
            with self.subTest(cause):
                self.refuse(cause)
                self.assertEqual(self.try_().cause, "password_refused")
                self.refusals.search([]).unlink()

    def test_reasons_that_an_administrator_has_taught(self):
        self.env["email.account.cause"].create(
            {"name": "imap_disabled", "text": "ask the helpdesk", "message": "Ask the helpdesk."}
        )
        failure = mailclient.MailFailure(endpoint(), "login", "NO ask the helpdesk", "unknown", refused=True)
        self.try_(failure=failure)
        self.assertFalse(self.try_())

    def test_one_password_that_is_refused_over_and_over(self):
        for _number in range(5):
            self.assertEqual(self.refuse("imap_disabled").cause, "imap_disabled")
        self.assertEqual(self.refuse("imap_disabled").cause, "logins_paused")
        self.assertFalse(self.try_(who=login(password="another")))

    def test_paused(self):
        self.note(8, 8, 8, 8, 8)
        failure = self.try_()
        self.assertEqual((failure.stage, failure.cause), ("login", "logins_paused"))
        date = self.refusals.search([], limit=1).date + timedelta(minutes=15)
        self.assertEqual((failure.hold.until, failure.hold.paused_until), (date, date))
        self.assertEqual(failure.raw, f"5 refused within 15 minutes; next attempt at {date} UTC")
        # what was refused by one form of the name is no new password by the other
        self.assertFalse(self.try_(who=login("jane", "0")))
        self.assertEqual(self.try_(who=login("jane", "x")).cause, "logins_paused")

    def test_the_fifth_says_when_it_goes_on(self):
        self.note(8, 8, 8)
        self.assertFalse(self.refuse(who=login(password="a")).hold.paused_until)
        failure = self.refuse(who=login(password="b"))
        self.assertEqual(failure.cause, "wrong_password")
        wait = failure.hold.paused_until - fields.Datetime.now()
        self.assertAlmostEqual(wait.total_seconds(), 7 * 60, delta=30)

    def test_a_worker_that_has_died(self):
        self.refusals._take(endpoint(), login())
        self.assertFalse(self.refusals._take(endpoint(), login()))
        row = self.refusals.search([])
        row.pending = "another/1"
        self.assertFalse(self.refusals._take(endpoint(), login()))
        row.date -= timedelta(seconds=31)
        self.env.flush_all()
        self.assertFalse(self.try_())

    def test_a_note_of_this_process_that_was_left(self):
        refusal_id = self.refusals._take(endpoint(), login())
        email_account_refusal._trying.discard((self.env.cr.dbname, refusal_id))
        self.assertFalse(self.try_())

    def test_words(self):
        user = new_test_user(self.env, "ea_refusal_tz", "base.group_user", tz="Asia/Kolkata")
        settings = self.env["email.account.create"].with_user(user).new({})
        moment = fields.Datetime.to_datetime("2026-03-01 08:34:01")
        hold = Hold(None, moment, moment)
        failure = mailclient.MailFailure(endpoint(), "login", "x", "logins_paused")
        failure.hold = hold
        message, _advice = settings._describe_failure(failure, "incoming")
        self.assertRegex(message, r"no more are tried for now\. Logins resume at 2:05\sPM\.$")
        user.tz = False
        settings = settings.with_context(tz=False)
        message, _advice = settings._describe_failure(failure, "incoming")
        self.assertRegex(message, r"Logins resume at 8:35\sAM \(UTC\)\.$")
        failure = mailclient.MailFailure(endpoint(), "login", "x", "password_refused")
        now = fields.Datetime.now()
        for minutes, paused_until, words in (
            (0, None, "This password was refused just now, so it was not sent again. You can try the "),
            (4, None, "This password was refused 4 minutes ago, so it was not sent again. You can try the "),
            (4, moment, "4 minutes ago, so it was not sent again. This was the fifth password refused "),
        ):
            failure.hold = Hold(now - timedelta(minutes=minutes), now, paused_until)
            message, _advice = settings._describe_failure(failure, "incoming")
            self.assertIn(words, message)

    def test_the_zone_where_nobody_waits(self):
        account = self.env["email.account"].create({"email": "jane@example.org"})
        account.company_id.partner_id.tz = "Europe/Berlin"
        failure = mailclient.MailFailure(endpoint(), "login", "x", "logins_paused")
        moment = fields.Datetime.to_datetime("2026-03-01 08:34:00")
        failure.hold = Hold(None, moment, moment)
        system = account.with_user(SUPERUSER_ID).with_context(tz=False)
        system.env.user.tz = False
        message, _advice = system._describe_failure(failure, "incoming")
        self.assertRegex(message, r"Logins resume at 9:34\sAM \(Europe/Berlin\)\.$")


class TestRefusalTransactions(TransactionCase):
    """With cursors of their own, as outside of tests."""

    def setUp(self):
        super().setUp()
        self.refusals, self.name = self.env["email.account.refusal"], f"{uuid4()}@example.org"
        self.addCleanup(self.forget)
        self.refusals.search([], limit=1)  # the transaction has begun: it would not see what comes

    def forget(self):
        with self.registry.cursor() as cr:
            refusals = self.env(cr=cr)["email.account.refusal"]
            refusals._get_rows(refusals._get_keys__(endpoint(), login(self.name))).unlink()

    def test_notes_are_seen_at_once_and_stay_after_a_rollback(self):
        for number in range(5):
            who = login(self.name, str(number))
            self.assertEqual(self.refusals._get_pause(endpoint(), who), 0)
            with self.assertRaises(ZeroDivisionError), self.registry.cursor() as cr:
                self.refusals.with_env(self.env(cr=cr))._note(endpoint(), who)
                raise ZeroDivisionError
        self.assertTrue(self.refusals._get_pause(endpoint(), who))

    def run_side_by_side(self, passwords):
        """Let as many workers log in at the same moment; return what was sent, and what came out."""
        sent, causes, together = [], [], threading.Barrier(len(passwords))

        def log_in(password):
            sent.append(password)
            raise mailclient.MailFailure(endpoint(), "login", "NO", "wrong_password", refused=True)

        def work(password):
            with self.registry.cursor() as cr:
                refusals = self.env(cr=cr)["email.account.refusal"]
                together.wait(10)
                try:
                    with run_here(refusals._watching(endpoint(), login(self.name, password))):
                        log_in(password)
                except mailclient.MailFailure as failure:
                    causes.append(failure.cause)

        with ThreadPoolExecutor(len(passwords)) as pool:
            list(pool.map(work, passwords))
        return sent, causes

    def test_many_at_once_try_no_more_than_one(self):
        sent, causes = self.run_side_by_side([str(number) for number in range(16)])
        self.assertEqual(len(sent), 5)
        self.assertEqual(causes.count("logins_paused"), 11)

    def test_the_same_at_once_is_sent_once(self):
        sent, causes = self.run_side_by_side(["x"] * 16)
        self.assertEqual((sent, causes.count("password_refused")), (["x"], 15))


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
        """Five different passwords, as many logins."""
        for number in range(5):
            self.account.password = f"wrong {number}"
            self.account._check()
        self.assertEqual(len(self.get_logins(5)), 5)
        self.account.password = "wrong 6"

    def get_causes(self, check):
        return check.step_ids.filtered("cause").mapped("cause")

    def get_login_steps(self, check):
        steps = check.step_ids.filtered("cause")
        return [(step.direction, step.result, step.message) for step in steps]

    def assertPaused(self, check):
        self.assertEqual(self.get_causes(check), ["logins_paused"] * 2)
        self.assertEqual(check.result, "failed")
        self.assertIn("Five different passwords were refused within 15 minutes", check.summary)
        self.assertEqual(check.summary.count("Logins resume at"), 1)

    def test_one_refusal_of_a_password(self):
        check = self.account._check()
        [outgoing, incoming] = self.get_login_steps(check)
        self.assertEqual(outgoing[:2], ("outgoing", "failed"))
        self.assertEqual(
            incoming,
            ("incoming", "skipped", "Not tried, because the other server has just refused this password."),
        )
        self.assertEqual(self.get_logins(1), [("submission", ADDRESS, False)])
        self.assertEqual(check.account_id.invalid_fields, ["password"])

    def test_the_same_password_again(self):
        self.account._check()
        self.get_logins(1)
        self.env["email.account.refusal"].search([]).date -= timedelta(minutes=4)
        self.env.flush_all()
        with patch.object(self.hosts.network, "addresses") as addresses:
            check = self.account._check()
        addresses.assert_not_called()
        [outgoing, incoming] = self.get_login_steps(check)
        self.assertIn("This password was refused 4 minutes ago, so it was not sent again.", outgoing[2])
        self.assertEqual(incoming, ("incoming", "skipped", "Not tried, for the same reason."))
        self.assertEqual((check.result, self.account.state), ("failed", "failing"))

    def test_two_typos_lock_nobody_out(self):
        for password in ("wrong", "wrong again"):
            self.account.password = password
            self.account._check()
        self.account.password = PASSWORD
        self.assertNotEqual(self.account._check().result, "failed")
        self.assertEqual([accepted for *_who, accepted in self.get_logins(4)], [False, False, True, True])

    def test_five_passwords(self):
        self.use_up()
        with patch.object(self.hosts.network, "addresses") as addresses:
            self.assertPaused(self.account._check())
            self.account.password = PASSWORD  # is it right? only trying tells
            self.assertPaused(self.account._check())
        addresses.assert_not_called()
        self.assertEqual(len(self.get_logins(5)), 5)

    def test_the_fifth_says_when_it_goes_on(self):
        for number in range(5):
            self.account.password = f"wrong {number}"
            check = self.account._check()
            self.assertEqual("the fifth password refused" in check.summary, number == 4)
        self.get_logins(5)

    def test_administrators_wait_as_well(self):
        self.use_up()
        for user in (self.env.ref("base.user_admin"), self.env.ref("base.user_root")):
            self.assertPaused(self.account.with_user(user)._check())

    def test_it_goes_on(self):
        self.use_up()
        self.account.password = PASSWORD
        refusals = self.env["email.account.refusal"].search([])
        refusals[0].date = fields.Datetime.now() - timedelta(minutes=16)
        self.env.flush_all()
        check = self.account._check()
        self.assertNotEqual(check.result, "failed", check.summary)

    def test_access_that_is_closed_to_any_password(self):
        """The other server may be open: it is tried."""
        closed = mailclient.MailFailure(endpoint(), "login", "535 no", "smtp_auth_disabled", refused=True)
        self.account.password = PASSWORD
        with patch.object(mailclient, "connect_smtp", side_effect=closed):
            check = self.account._check()
        self.assertEqual(self.get_causes(check), ["smtp_auth_disabled"])
        self.assertEqual(self.get_logins(1), [("imap", ADDRESS, True)])
        # and again, when somebody has opened it
        self.assertNotEqual(self.account._check().result, "failed")

    def test_other_mailboxes_go_on(self):
        self.use_up()
        self.account.write({"username": OTHER, "password": PASSWORD, "use_for_sending": False})
        check = self.account._check()
        self.assertNotEqual(check.result, "failed", check.summary)

    def test_separate_logins_are_apart(self):
        self.account.write({"password": "wrong", "outgoing_username": OTHER, "outgoing_password": PASSWORD})
        check = self.account._check()
        self.assertEqual(self.get_causes(check), ["wrong_password"])
        self.assertEqual(sorted(self.get_logins(2)), [("imap", ADDRESS, False), ("submission", OTHER, True)])

    def test_odoos_own_connections(self):
        for cause, prepare, count in (
            ("password_refused", self.account._check, 1),
            ("logins_paused", self.use_up, 5),
        ):
            prepare()
            self.get_logins(count)
            self.account._set_state()
            with patch.object(self.hosts.network, "addresses") as addresses:
                for server in (self.account.mail_server_id, self.account.fetchmail_server_id):
                    arguments = {"mail_server_id": server.id} if server._name == "ir.mail_server" else {}
                    with self.subTest(server._name, cause=cause), self.assertRaises(UserError) as caught:
                        server._connect__(**arguments)
                    self.assertEqual(caught.exception.__cause__.cause, cause)
            addresses.assert_not_called()
            self.env["email.account.refusal"].search([]).unlink()
            self.seen = len(self.hosts.mail.logins())

    def test_other_buttons_that_log_in(self):
        self.account._check()
        self.get_logins(1)
        self.account._set_state()
        importing = self.env["email.account.import"].create({"account_id": self.account.id})
        with patch.object(self.hosts.network, "addresses") as addresses:
            for press in (self.account.action_load_folders, importing.action_count):
                with self.subTest(press.__name__), self.assertRaisesRegex(UserError, "refused just now"):
                    press()
        addresses.assert_not_called()

    def test_pop_before_smtp_counts_once(self):
        self.account.login_incoming_first = True
        self.account.use_for_receiving = False
        self.account._check()
        self.assertEqual(self.get_logins(1), [("imap", ADDRESS, False)])
        self.assertEqual(len(self.env["email.account.refusal"].search([])), 1)

    def test_fetching_by_schedule_takes_no_tries(self):
        self.account._set_state()
        polling = self.account.sudo().polling_ids
        for _look in range(4):
            self.account._receive()
            self.assertEqual(self.account.state, "failing")
        self.assertEqual(self.get_logins(1), [("imap", ADDRESS, False)])
        self.assertEqual((polling.refused_count, polling.is_stopped), (1, False))
        # it waits until the password may be sent again
        refusal = self.env["email.account.refusal"].search([])
        self.assertEqual(polling.next_date, refusal.date + timedelta(minutes=15))
        # whoever enters another one is not kept waiting
        self.account.password = PASSWORD
        self.assertNotEqual(self.account._check().result, "failed")

    def test_fetching_by_schedule_stops(self):
        self.account._set_state()
        for _look in range(3):
            self.account._receive()
            self.env["email.account.refusal"].search([]).unlink()  # a quarter of an hour later
        self.assertTrue(self.account.is_receiving_stopped)
        self.assertEqual(len(self.get_logins(3)), 3)
