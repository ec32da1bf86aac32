from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.tests import tagged

from .. import autoconfig, mailclient
from ..autoconfig import Server, Settings, Unreachable
from .common import ADDRESS, DOMAIN, PASSWORD
from .test_email_account_discovery import DEAD, IMAP, SMTP, DiscoveryCase, StubSource, named


@tagged("post_install", "-at_install")
class TestLogins(DiscoveryCase):
    """Which server, and by which name."""

    def setUp(self):
        super().setUp()
        for name in ("jane", "j.doe"):
            self.hosts.mail.add_user(name, "other")

    def allow(self, name):
        """``name`` is the only one that lets in."""
        self.hosts.mail.add_user(ADDRESS, "other")
        self.hosts.mail.add_user(name, PASSWORD)
        self.addCleanup(self.hosts.mail.add_user, ADDRESS, PASSWORD)

    def get_tried(self):
        return [(protocol, name) for protocol, name, _accepted in self.get_new_logins()]

    def test_local_part_where_none_is_stated(self):
        self.allow("jane")
        self.use_sources(StubSource(IMAP, SMTP))
        self.wizard.action_create()
        account = self.wizard.account_id
        self.assertEqual(self.wizard.step, "done", self.wizard.message)
        self.assertEqual(
            self.get_tried(), [("submission", ADDRESS), ("submission", "jane"), ("imap", "jane")]
        )
        self.assertEqual((account.username, account.outgoing_username), ("jane", False))
        self.assertEqual(account.check_ids.result, "passed")
        details = [step.detail for step in account.discovery_id.step_ids if step.source == "login"]
        self.assertEqual(details, ["as jane", "as jane"])

    def test_next_of_those_that_are_stated(self):
        self.allow("j.doe")
        self.use_sources(StubSource(named(SMTP, ADDRESS), named(SMTP, "j.doe"), named(IMAP, "j.doe")))
        self.wizard.action_create()
        account = self.wizard.account_id
        self.assertEqual(self.wizard.step, "done", self.wizard.message)
        self.assertEqual((account.username, account.outgoing_username), ("j.doe", False))

    def test_one_for_each_direction(self):
        self.hosts.mail.add_user("jane", PASSWORD)
        self.use_sources(StubSource(named(SMTP, ADDRESS), named(IMAP, "jane")))
        self.wizard.action_create()
        account = self.wizard.account_id
        self.assertEqual(self.wizard.step, "done", self.wizard.message)
        self.assertEqual((account.username, account.outgoing_username), ("jane", ADDRESS))

    def test_two_refused_logins_at_most(self):
        self.wizard.password = "wrong"
        self.use_sources(StubSource(IMAP, SMTP))
        self.wizard.action_create()
        self.assertEqual(self.get_tried(), [("submission", ADDRESS), ("submission", "jane")])
        self.assertEqual((self.wizard.step, self.wizard.is_retry), ("start", True))
        self.assertIn(f"Tried with the user names {ADDRESS}, jane.", self.wizard.message)
        self.assertIn(
            "Cannot connect to the incoming email server: It was not tried, because two logins have "
            "already been refused.",
            self.wizard.message,
        )
        self.assertFalse(self.get_accounts())
        steps = self.get_discovery().step_ids.filtered(lambda step: step.source == "login")
        self.assertEqual(steps.mapped("result"), ["failed", "skipped"])

    def test_two_refused_logins_of_three_names(self):
        self.wizard.password = "wrong"
        self.wizard.use_for_sending = False
        self.use_sources(StubSource(*(named(IMAP, name) for name in (ADDRESS, "jane", "j.doe"))))
        self.wizard.action_create()
        self.assertEqual(len(self.get_tried()), 2)

    def test_refusals_of_all_kinds_count(self):
        """A login that is refused for another reason ends its direction, and counts for the next one."""
        self.use_sources(StubSource(*(named(SMTP, name) for name in (ADDRESS, "jane")), IMAP))
        tried = []

        def refuse(endpoint, login, **_options):
            tried.append(login.username)
            cause = ("wrong_password", "app_password_required")[len(tried) - 1]
            raise mailclient.MailFailure(endpoint, "login", "535 no", cause, refused=True)

        with patch.object(mailclient, "connect_smtp", refuse):
            self.wizard.action_create()
        self.assertEqual(tried, [ADDRESS, "jane"])
        self.assertEqual(self.get_new_logins(), [])
        self.assertIn("It was not tried, because two logins have already been refused.", self.wizard.message)

    def refuse_before(self, *passwords):
        settings = mailclient.Endpoint("imap", IMAP.host, IMAP.port, IMAP.security)
        for password in passwords:
            self.env["email.account.refusal"]._note(settings, mailclient.Login(ADDRESS, password))

    def test_nothing_is_tried_while_logins_are_paused(self):
        self.use_sources(StubSource(IMAP, SMTP))
        self.refuse_before(*"abcde")
        self.wizard.action_create()
        self.assertEqual(self.get_new_logins(), [])
        self.assertEqual((self.wizard.step, self.wizard.is_retry), ("start", True))
        self.assertFalse(self.wizard.account_id)
        [outgoing, incoming] = self.wizard.message.splitlines()
        self.assertRegex(outgoing, "Five different passwords were refused .* Logins resume at")
        self.assertEqual(
            incoming, "Cannot connect to the incoming email server: It was not tried, for the same reason."
        )
        steps = self.get_discovery().step_ids.filtered(lambda step: step.source == "login")
        self.assertEqual(steps.mapped("result"), ["skipped", "skipped"])

    def test_a_password_is_refused_once(self):
        self.wizard.password = "wrong"
        self.use_sources(StubSource(named(IMAP, ADDRESS), named(SMTP, ADDRESS)))
        self.wizard.action_create()
        self.assertEqual(self.get_tried(), [("submission", ADDRESS)])
        self.assertEqual(
            self.wizard.message,
            "Cannot connect to the outgoing email server: The server refused the user name or the password."
            "\nCannot connect to the incoming email server: It was not tried, because the other server has "
            "just refused this password.",
        )
        self.wizard.action_create()
        self.assertEqual(len(self.get_tried()), 1)
        self.assertIn("This password was refused just now, so it was not sent again.", self.wizard.message)
        self.assertEqual(self.wizard.message.count("can try the same password again at"), 1)

    def test_five_typos(self):
        """Only then one waits, and is told so at once."""
        self.use_sources(StubSource(named(IMAP, ADDRESS), named(SMTP, ADDRESS)))
        for number in range(5):
            self.assertFalse(self.wizard.retry_date)
            self.wizard.password = f"wrong {number}"
            self.wizard.action_create()
        self.assertEqual(len(self.get_tried()), 5)
        self.assertIn("This was the fifth password refused", self.wizard.message)
        wait = self.wizard.retry_date - fields.Datetime.now()
        self.assertAlmostEqual(wait.total_seconds(), 15 * 60, delta=60)
        self.wizard.password = PASSWORD
        self.wizard.action_create()
        self.assertEqual((len(self.get_tried()), self.wizard.step), (5, "start"))
        self.wizard.action_manual()
        for _page in range(2):
            self.wizard.action_next()
        self.wizard.action_create()
        self.assertEqual((len(self.get_tried()), self.wizard.step), (5, "description"))
        self.assertTrue(self.wizard.retry_date)
        self.env["email.account.refusal"].search([]).date = fields.Datetime.now() - timedelta(minutes=15)
        self.env.flush_all()
        self.wizard.action_create()
        self.assertEqual((self.wizard.step, self.wizard.retry_date), ("done", False))

    def test_access_that_is_closed_to_any_password(self):
        """IMAP may be switched off where sending works, and the other way round."""
        self.use_sources(StubSource(IMAP, SMTP))
        for connect, cause, working, protocol in (
            ("connect_mailbox", "imap_disabled", "outgoing", "submission"),
            ("connect_smtp", "smtp_auth_disabled", "incoming", "imap"),
        ):
            with self.subTest(cause):
                wizard = self.create_wizard()
                closed = mailclient.MailFailure(
                    mailclient.Endpoint("imap", IMAP.host, 993, "tls"), "login", "NO", cause, refused=True
                )
                seen = len(self.get_tried())
                with patch.object(mailclient, connect, side_effect=closed):
                    wizard.action_create()
                self.assertEqual((wizard.step, wizard.working_direction), ("partial", working))
                self.assertEqual(self.get_tried()[seen:], [(protocol, ADDRESS)])

    def test_next_server_where_the_first_is_dead(self):
        self.use_sources(StubSource(DEAD, SMTP, IMAP))
        self.wizard.action_create()
        account = self.wizard.account_id
        self.assertEqual(self.wizard.step, "done", self.wizard.message)
        self.assertEqual(account.outgoing_host, f"smtp.{DOMAIN}")
        self.assertEqual((account.settings_origin, account.discovery_trusted), ("found", True))
        self.assertEqual(account.check_ids.result, "passed")
        steps = account.discovery_id.step_ids.filtered(lambda step: step.source == "login")
        self.assertEqual(
            [(step.host, step.result) for step in steps],
            [(DEAD.host, "failed"), (SMTP.host, "passed"), (IMAP.host, "passed")],
        )

    def test_the_first_of_dead_servers_is_named(self):
        other = Server("smtp", f"gone.{DOMAIN}", 587, "starttls")
        self.use_sources(StubSource(DEAD, other, IMAP))
        self.wizard.action_create()
        self.assertEqual((self.wizard.step, self.wizard.working_direction), ("partial", "incoming"))
        self.assertIn("There is no server of this name", self.wizard.message)
        self.assertEqual((self.wizard.outgoing_host, self.wizard.outgoing_port), (DEAD.host, 465))

    def test_confirmed_servers_are_tried_in_turn(self):
        self.use_sources(StubSource(DEAD, SMTP, IMAP, doubt="guess"))
        self.wizard.action_create()
        self.assertEqual((self.wizard.step, self.wizard.confirm_domain), ("confirm", DOMAIN))
        self.assertEqual(self.get_new_logins(), [])
        self.wizard.action_confirm()
        account = self.wizard.account_id
        self.assertEqual(self.wizard.step, "done", self.wizard.message)
        self.assertEqual(account.outgoing_host, f"smtp.{DOMAIN}")
        self.assertEqual((account.settings_origin, account.discovery_trusted), ("found", False))
        self.assertIn("guessed", account.discovery_id.trust_words)
        self.assertEqual([step.source for step in account.discovery_id.step_ids], ["stub", *["login"] * 3])

    def test_reasons_to_confirm(self):
        for doubt, words in (("http", "without encryption"), ("dns", "through DNS"), ("guess", "guessed")):
            self.use_sources(StubSource(SMTP, IMAP, doubt=doubt))
            wizard = self.create_wizard()
            wizard.action_create()
            self.assertEqual(wizard.step, "confirm")
            self.assertIn(words, wizard.confirm_reason)

    def test_clear_text_is_no_second_choice(self):
        clear = Server("smtp", f"smtp.{DOMAIN}", 25, "none")
        self.use_sources(StubSource(DEAD, clear, IMAP))
        self.wizard.action_create()
        self.assertEqual((self.wizard.step, self.wizard.working_direction), ("partial", "incoming"))
        self.assertEqual(self.get_tried(), [("imap", ADDRESS)])

    def get_discovery_of(self, *servers, unreachable, doubt=""):
        """What `autoconfig.discover` returns."""

        async def discover(address, **_options):
            settings = Settings.of(servers, source="stub", doubt=doubt)
            return autoconfig.Discovery(
                address=str(address),
                settings=settings,
                proposals=(),
                elapsed_ms=1,
                steps=(),
                unreachable=tuple(
                    Unreachable(server, f"{server.host}:{server.port}: refuses connections")
                    for server in unreachable
                ),
            )

        return patch.object(autoconfig, "discover", discover)

    def test_published_servers_that_do_not_answer(self):
        with self.get_discovery_of(unreachable=(DEAD, IMAP)):
            self.wizard.action_create()
        self.assertEqual((self.wizard.step, self.wizard.is_retry), ("start", True))
        self.assertIn(f"dead.{DOMAIN}:465: refuses connections", self.wizard.message)
        self.assertIn(f"imap.{DOMAIN}:993: refuses connections", self.wizard.message)
        self.wizard.action_manual()
        self.assertEqual((self.wizard.outgoing_host, self.wizard.incoming_host), (DEAD.host, IMAP.host))

    def test_published_server_of_one_direction_does_not_answer(self):
        with self.get_discovery_of(IMAP, unreachable=(DEAD,)):
            self.wizard.action_create()
        self.assertEqual((self.wizard.step, self.wizard.working_direction), ("partial", "incoming"))
        self.assertEqual(
            self.wizard.message,
            f"No settings for sending were found.\ndead.{DOMAIN}:465: refuses connections",
        )
        self.assertEqual(self.wizard.outgoing_host, DEAD.host)

    def test_what_does_not_answer_is_not_confirmed(self):
        """It was not among the servers that the user has seen, and it may answer a moment later."""
        with self.get_discovery_of(IMAP, unreachable=(SMTP,), doubt="guess"):
            self.wizard.action_create()
        self.assertEqual((self.wizard.step, self.wizard.outgoing_host), ("confirm", False))
        self.wizard.action_confirm()
        self.assertEqual((self.wizard.step, self.wizard.working_direction), ("partial", "incoming"))
        self.assertEqual(self.get_tried(), [("imap", ADDRESS)])
