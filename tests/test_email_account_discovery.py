import asyncio
import base64
import contextlib
import json
import time
from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged

from .. import autoconfig, mailclient
from ..autoconfig import Server, Settings, Unreachable
from ..models.check_run import CheckRun
from .common import ADDRESS, DOMAIN, PASSWORD, HostsCase

COLLEAGUE = f"joe@{DOMAIN}"
IMAP = Server("imap", f"imap.{DOMAIN}", 993, "tls")
SMTP = Server("smtp", f"smtp.{DOMAIN}", 465, "tls")
DEAD = Server("smtp", f"dead.{DOMAIN}", 465, "tls")


def named(server, username):
    return Server(server.protocol, server.host, server.port, server.security, username)


class StubSource:
    """Gives settings that a test has made up, of servers that nobody has spoken to."""

    name = "stub"
    rank = 15
    probe = False

    def __init__(self, *servers, doubt=""):
        self._settings = Settings.of(servers, source=self.name, doubt=doubt)

    async def find(self, _address, _network, _report):
        return self._settings


class DiscoveryCase(HostsCase):
    def setUp(self):
        super().setUp()
        self.wizard = self.create_wizard()
        self.logins = len(self.hosts.mail.logins())

    def create_wizard(self, user=None, **values):
        wizards = self.env["email.account.create"].with_user(user or self.env.user)
        return wizards.create({**self.wizard_values, **values})

    def get_discovery(self, wizard=None):
        """The discovery of a wizard, not the copy of the account."""
        wizard = wizard or self.wizard
        return self.env["email.account.discovery"].search(
            [("wizard_ref", "=", wizard.id)], order="id DESC", limit=1
        )

    def get_progress(self):
        """As the page gets it, by a request of its own."""
        self.env.invalidate_all()
        return self.env["email.account.discovery"].get_progress(self.wizard.id)

    def get_accounts(self):
        return self.env["email.account"].search([])

    def use_sources(self, *sources):
        accounts = self.env.registry["email.account"]
        self.enterContext(patch.object(accounts, "_autoconfig_sources", lambda _self: list(sources)))

    def get_new_logins(self):
        return self.hosts.mail.logins()[self.logins :]


@tagged("post_install", "-at_install")
class TestDiscovery(DiscoveryCase):
    def test_lines(self):
        self.wizard.action_create()
        steps = self.get_discovery().step_ids
        results = {step.source: step.result for step in steps}
        self.assertEqual((results["provider"], results["autoconfig"]), ("not_found", "found"))
        sources = self.env["email.account"]._autoconfig_sources()
        names = [source.name for source in sorted(sources, key=lambda source: source.rank)]
        self.assertEqual([step.source for step in steps], [*names, "login", "login"])
        self.assertEqual(
            [(step.label, step.result) for step in steps[-2:]],
            [(f"Log in to smtp.{DOMAIN}", "passed"), (f"Log in to imap.{DOMAIN}", "passed")],
        )
        labels = self.env["email.account.discovery"]._get_source_labels()
        self.assertEqual([step.label for step in steps[:-2]], [labels[name] for name in names])

    def test_what_was_not_asked_is_shown(self):
        self.use_sources(
            StubSource(IMAP, SMTP),
            *autoconfig.default_sources(self.env["email.provider"]._get_known_providers()),
        )
        StubSource.rank, rank = 0, StubSource.rank
        self.addCleanup(setattr, StubSource, "rank", rank)
        self.wizard.action_create()
        results = {step.source: step.result for step in self.get_discovery().step_ids}
        self.assertEqual((results["stub"], results["mx"]), ("found", "skipped"))

    def test_progress_is_there_while_it_runs(self):
        seen = []
        test = self

        class Watcher(StubSource):
            async def find(self, address, network, report):
                while not test.get_progress()["lines"]:
                    await asyncio.sleep(0.01)
                seen.append(test.get_progress())
                return self._settings

        self.use_sources(Watcher(IMAP, SMTP))
        self.wizard.action_create()
        [progress] = seen
        self.assertEqual(progress["id"], self.get_discovery().id)
        self.assertEqual(
            [(line["label"], line["result"]) for line in progress["lines"]], [("stub", "asking")]
        )
        lines = self.get_progress()["lines"]
        self.assertEqual([line["result"] for line in lines], ["found", "passed", "passed"])
        discoveries = self.env["email.account.discovery"]
        self.assertFalse(discoveries.get_progress(self.wizard.id, after=progress["id"]))

    def test_a_failure_of_the_program_ends_the_progress(self):
        # not assertRaises, which would undo what was written
        with (
            patch.object(autoconfig, "discover", side_effect=RuntimeError),
            contextlib.suppress(RuntimeError),
        ):
            self.wizard.action_create()
            self.fail("no RuntimeError")
        self.assertEqual(self.get_discovery().state, "done")

    def test_how_the_settings_were_found(self):
        self.wizard.action_create()
        account = self.wizard.account_id
        discovery = account.discovery_id
        self.assertEqual(
            (discovery.account_id, discovery.source, discovery.trusted, discovery.user_id),
            (account, "autoconfig", True, self.env.user),
        )
        self.assertEqual((account.settings_origin, account.discovery_trusted), ("found", True))
        self.assertEqual(len(discovery.step_ids), len(self.get_discovery().step_ids))
        self.assertEqual(account.action_open_discovery()["res_id"], discovery.id)
        self.assertEqual(discovery.source_label, "Settings published by the domain")
        self.assertIn(f"IMAP, imap.{DOMAIN}, 993, SSL/TLS", discovery.servers)
        document = json.loads(base64.b64decode(discovery.document))
        self.assertEqual((document["status"], document["trusted"]), ("found", True))
        self.assertEqual(document["incoming"][0]["host"], f"imap.{DOMAIN}")
        self.assertEqual(document["steps"][-1]["source"], "login")
        self.assertNotIn(PASSWORD, json.dumps(document))
        account.unlink()
        self.assertFalse(discovery.exists())

    def test_settings_entered_by_hand(self):
        self.wizard.write(
            {
                "method": "manual",
                "step": "description",
                "outgoing_host": f"smtp.{DOMAIN}",
                "incoming_host": f"imap.{DOMAIN}",
            }
        )
        self.wizard.action_create()
        account = self.wizard.account_id
        self.assertEqual((account.settings_origin, account.discovery_trusted), ("manual", False))
        with self.assertRaisesRegex(UserError, "entered by hand"):
            account.action_open_discovery()

    def test_a_change_by_hand_ends_the_trust(self):
        for values in (
            {"incoming_port": 143},
            {"outgoing_host": "smtp.other.example"},
            {"incoming_security": "starttls"},
            {"incoming_protocol": "pop3"},
            {"email": "jane@other.example"},
        ):
            with self.subTest(values=values):
                wizard = self.create_wizard()
                wizard.action_create()
                account = wizard.account_id
                self.assertTrue(account.discovery_trusted)
                account.write({"timeout": 20, "incoming_host": account.incoming_host})
                self.assertTrue(account.discovery_trusted)
                account.write({"password": PASSWORD, **values})
                self.assertEqual((account.settings_origin, account.discovery_trusted), ("changed", False))
                account.unlink()
                self.env["email.account.discovery"].search([]).unlink()  # the limit

    def test_nobody_claims_a_discovery(self):
        values = {"discovery_trusted": True, "settings_origin": "found"}
        defaults = {f"default_{name}": value for name, value in values.items()}
        account = self.env["email.account"].with_context(**defaults).create({**self.account_values, **values})
        account.write(values)
        self.assertEqual((account.discovery_trusted, account.settings_origin), (False, "manual"))

    def test_access(self):
        user, other = (
            new_test_user(self.env, login=f"ea_discovery_{name}", groups="base.group_user") for name in "ab"
        )
        wizard = self.create_wizard(user)
        wizard.action_create()
        own = self.get_discovery(wizard)
        copy = wizard.account_id.discovery_id
        for discovery in (own, copy):
            self.assertTrue(discovery.with_user(user).has_access("read"))
            self.assertTrue(discovery.step_ids.with_user(user).has_access("read"))
            self.assertFalse(discovery.with_user(other).has_access("read"))
            self.assertFalse(discovery.step_ids.with_user(other).has_access("read"))
            for operation in ("write", "create", "unlink"):
                self.assertFalse(discovery.with_user(user).has_access(operation))
                self.assertFalse(discovery.step_ids.with_user(user).has_access(operation))
        wizard.account_id.sudo().user_id = False
        self.assertTrue(copy.with_user(other).has_access("read"))
        self.assertTrue(copy.step_ids.with_user(other).has_access("read"))
        self.assertEqual(copy.with_user(other).source_label, "Settings published by the domain")
        with self.assertRaises(AccessError):
            copy.with_user(other).write({"trusted": False})

    def test_old_ones_go(self):
        self.wizard.action_create()
        discovery, copy = self.get_discovery(), self.wizard.account_id.discovery_id
        discovery._gc_discoveries()
        self.assertTrue(discovery.exists())
        long_ago = fields.Datetime.now() - timedelta(days=2)
        self.env.cr.execute("UPDATE email_account_discovery SET create_date = %s", [long_ago])
        discovery.invalidate_recordset()
        discovery._gc_discoveries()
        self.assertFalse(discovery.exists())
        self.assertTrue(copy.exists())

    def test_provider_of_a_wildcard(self):
        providers = self.env["email.provider"]
        every = providers.create({"name": "Every", "domains": "*.tenants.example"})
        one = providers.create({"name": "One", "domains": "Own.tenants.example *.own.tenants.example"})
        for domain, provider in (
            ("acme.tenants.example", every),
            ("mail.acme.tenants.example", every),
            ("own.tenants.example", one),
            ("mail.own.tenants.example", one),
            ("tenants.example", providers),
            ("xtenants.example", providers),
        ):
            self.assertEqual(providers._find_by_domain(domain), provider, domain)


@tagged("post_install", "-at_install")
class TestCancel(DiscoveryCase):
    def cancel(self):
        """As another request does."""
        self.env["email.account.discovery"].browse(self.get_progress()["id"]).action_cancel()
        self.env.flush_all()

    def assertNothingHappened(self):
        self.assertEqual(
            (self.wizard.step, self.wizard.message, self.wizard.is_retry), ("start", False, False)
        )
        self.assertEqual((self.wizard.email, self.wizard.password_set), (ADDRESS, True))
        self.assertFalse(self.wizard.incoming_host)
        self.assertFalse(self.get_accounts())
        self.assertEqual(self.get_discovery().state, "cancelled")

    def test_while_a_name_server_is_silent(self):
        self.hosts.dns.silence(DOMAIN)
        ended = []
        test = self

        class Canceller(StubSource):
            async def find(self, _address, _network, _report):
                await asyncio.sleep(0.1)
                test.cancel()
                ended.append(time.monotonic())
                await asyncio.sleep(60)

        sources = self.env["email.account"]._autoconfig_sources()
        self.use_sources(*sources, Canceller())
        self.assertFalse(self.wizard.action_create())
        # the name server would be waited for longer
        self.assertLess(time.monotonic() - ended[0], 3)
        self.assertNothingHappened()
        self.assertEqual(self.get_new_logins(), [])
        # and again
        self.hosts.reset()
        self.use_sources(*sources)
        self.wizard.action_create()
        self.assertEqual(self.wizard.step, "done", self.wizard.message)

    def test_during_the_logins(self):
        login = CheckRun.login
        for when, tried in (("outgoing", ["outgoing"]), ("incoming", ["outgoing", "incoming"])):
            with self.subTest(when=when):
                logins = []

                def login_and_cancel(run, direction, when=when, logins=logins):
                    logins.append(direction)
                    if direction == when:
                        self.cancel()
                    return login(run, direction)

                with patch.object(CheckRun, "login", login_and_cancel):
                    self.assertFalse(self.wizard.action_create())
                self.assertEqual(logins, tried)
                self.assertNothingHappened()

    def test_too_late_or_not_his(self):
        self.wizard.action_create()
        discovery = self.get_discovery()
        self.assertFalse(discovery.action_cancel())
        self.assertEqual(discovery.state, "done")
        discovery.state = "running"
        user = new_test_user(self.env, login="ea_cancel", groups="base.group_user")
        self.assertFalse(discovery.with_user(user).action_cancel())
        self.assertFalse(self.env["email.account.discovery"].with_user(user).get_progress(self.wizard.id))
        self.assertEqual(discovery.state, "running")
        self.assertTrue(discovery.action_cancel())


@tagged("post_install", "-at_install")
class TestLimits(DiscoveryCase):
    def age(self, seconds):
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE email_account_discovery SET create_date = create_date - %s * interval '1 second'",
            [seconds],
        )
        self.env["email.account.discovery"].invalidate_model()

    def test_of_a_user(self):
        self.use_sources(StubSource())
        for _time in range(5):
            self.wizard.action_create()
            self.assertIn("Cannot determine", self.wizard.message)
        self.wizard.action_create()
        self.assertRegex(self.wizard.message, r"5 times within a minute\. Try again in (60|59) seconds")
        self.assertEqual(
            (self.wizard.step, self.wizard.email, self.wizard.password_set), ("start", ADDRESS, True)
        )
        self.assertEqual(self.get_discovery().search_count([]), 5)
        user = new_test_user(self.env, login="ea_limit", groups="base.group_user")
        wizard = self.create_wizard(user)
        wizard.action_create()
        self.assertIn("Cannot determine", wizard.message)
        self.age(61)
        self.wizard.action_create()
        self.assertIn("Cannot determine", self.wizard.message)

    def test_of_a_domain(self):
        self.use_sources(StubSource())
        for _time in range(30):
            self.wizard.action_create()
            self.age(90)
        self.wizard.action_create()
        self.assertRegex(
            self.wizard.message,
            r"settings of acme\.example were looked for 30 times.*Try again in 15 minutes",
        )
        wizard = self.create_wizard(email="jane@other.example")
        wizard.action_create()
        self.assertIn("Cannot determine", wizard.message)
        self.age(950)
        self.wizard.action_create()
        self.assertIn("Cannot determine", self.wizard.message)

    def test_nothing_is_asked_and_setting_up_by_hand_goes_on(self):
        for _time in range(5):
            self.env["email.account.discovery"]._start(ADDRESS, "automatic")
        self.wizard.action_create()
        self.assertIn("5 times within a minute", self.wizard.message)
        self.assertEqual((self.hosts.dns.queries, self.hosts.web.requests), ([], []))
        self.wizard.write(
            {
                "method": "manual",
                "step": "description",
                "outgoing_host": f"smtp.{DOMAIN}",
                "incoming_host": f"imap.{DOMAIN}",
            }
        )
        self.wizard.action_create()
        self.assertEqual(self.wizard.step, "done", self.wizard.message)


@tagged("post_install", "-at_install")
class TestSecondUser(DiscoveryCase):
    """The second user of a domain gets the settings of an account that works."""

    def setUp(self):
        super().setUp()
        self.hosts.mail.add_user(COLLEAGUE, PASSWORD)
        self.attacker = new_test_user(self.env, login="ea_attacker", groups="base.group_user")
        self.user = new_test_user(self.env, login="ea_second", groups="base.group_user")

    def create_account(self, **values):
        account = self.env["email.account"].create({**self.account_values, **values})
        account._set_state()
        return account

    def discover(self, user=None):
        """Let a colleague set up his account; return what discovery found."""
        self.hosts.dns.queries.clear()
        self.hosts.web.requests.clear()
        sent = []

        def login(run, direction):
            sent.append(run.settings[f"{direction}_host"])
            yield from ()

        with patch.object(CheckRun, "login", login):
            wizard = self.create_wizard(user or self.user, email=COLLEAGUE)
            wizard.action_create()
        self.assertEqual(wizard.step, "done", wizard.message)
        self.sent = sent
        return self.get_discovery(wizard)

    def test_shared_account(self):
        self.create_account()
        discovery = self.discover()
        self.assertEqual((discovery.source, discovery.trusted), ("account", True))
        self.assertEqual(self.hosts.web.requests, [])
        self.assertEqual(self.hosts.dns.queries, [])
        self.assertEqual(self.sent, [f"smtp.{DOMAIN}", f"imap.{DOMAIN}"])

    def test_his_login_is_tried(self):
        self.create_account()
        wizard = self.create_wizard(self.user, email=COLLEAGUE)
        wizard.action_create()
        self.assertEqual(wizard.step, "done", wizard.message)
        self.assertEqual(wizard.account_id.discovery_id.source, "account")
        self.assertEqual(self.get_new_logins(), [("submission", COLLEAGUE, True), ("imap", COLLEAGUE, True)])

    def test_personal_account_of_a_trusted_discovery(self):
        wizard = self.create_wizard(self.attacker)
        wizard.action_create()
        self.assertTrue(wizard.account_id.discovery_trusted)
        self.assertEqual(self.discover().source, "account")

    def test_servers_of_an_attacker_get_no_password(self):
        evil = {"incoming_host": "imap.evil.example", "outgoing_host": "smtp.evil.example"}
        claims = {"state": "ready", "discovery_trusted": True, "settings_origin": "found"}
        account = (
            self.env["email.account"]
            .with_user(self.attacker)
            .create({**self.account_values, **evil, **claims})
        )
        account.write(claims)
        self.assertEqual(account.state, "ready")
        discovery = self.discover()
        self.assertEqual(discovery.source, "autoconfig")
        self.assertEqual(self.sent, [f"smtp.{DOMAIN}", f"imap.{DOMAIN}"])

    def test_an_attacker_moves_what_was_found(self):
        wizard = self.create_wizard(self.attacker)
        wizard.action_create()
        wizard.account_id.with_user(self.attacker).write(
            {"incoming_host": "imap.evil.example", "password": PASSWORD, "state": "ready"}
        )
        self.assertEqual(wizard.account_id.state, "ready")
        self.assertEqual(self.discover().source, "autoconfig")

    def test_an_attacker_writes_on_the_wizard(self):
        """One direction was found; the other, and then the first, are entered by RPC."""
        self.use_sources(StubSource(SMTP))
        wizard = self.create_wizard(self.attacker)
        wizard.action_create()
        self.assertEqual(wizard.step, "partial")
        wizard.outgoing_host = "mail.acme.example"
        wizard.action_create_partial()
        account = wizard.account_id
        self.assertEqual((wizard.step, account.outgoing_host), ("done", "mail.acme.example"))
        self.assertEqual((account.settings_origin, account.discovery_trusted), ("changed", False))

    def test_an_attacker_hides_a_server_in_the_other_direction(self):
        wizard = self.create_wizard(self.attacker, use_for_receiving=False, incoming_host="imap.evil.example")
        wizard.action_create()
        account = wizard.account_id
        self.assertEqual((wizard.step, account.incoming_host), ("done", "imap.evil.example"))
        self.assertEqual((account.settings_origin, account.discovery_trusted), ("found", False))
        account.with_user(self.attacker).use_for_receiving = True
        self.assertEqual(account.state, "ready")
        self.assertEqual(self.discover().source, "autoconfig")

    def test_unfit_accounts(self):
        company = self.env["res.company"].create({"name": "Elsewhere"})
        for values in (
            {"state": "draft"},
            {"active": False},
            {"company_id": company.id},
            {"email": "jane@sub.acme.example"},
            {"email": "jane@xacme.example"},
        ):
            account = self.create_account()
            account.write({"password": PASSWORD, **values})
            account.write({"state": values.get("state", "ready")})
            self.assertFalse(
                self.env["email.account"].with_user(self.user)._find_working_account(DOMAIN), values
            )
            account.unlink()

    def test_clear_text_is_not_handed_on(self):
        self.create_account(incoming_security="none", incoming_port=143)
        discovery = self.discover()
        self.assertEqual(discovery.source, "autoconfig+account")

    def test_user_names(self):
        for username, outgoing, expected in (
            (False, False, (COLLEAGUE, COLLEAGUE)),
            ("JANE", False, ("joe", "joe")),
            ("jane", ADDRESS, ("joe", COLLEAGUE)),
            ("4711", False, ("", "")),
        ):
            with self.subTest(username=username, outgoing=outgoing):
                account = self.create_account(username=username, outgoing_username=outgoing)
                self.discover()
                [discovery] = self.env["email.account"].search([("email", "=", COLLEAGUE)]).discovery_id
                self.assertEqual(
                    tuple(discovery._get_servers(name)[0].username for name in ("incoming", "outgoing")),
                    expected,
                )
                self.env["email.account"].search([("email", "=", COLLEAGUE)]).unlink()
                account.unlink()


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
            "The incoming email server was not tried: two logins were refused already.", self.wizard.message
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
        self.assertIn("The incoming email server was not tried", self.wizard.message)

    def test_nothing_is_tried_while_logins_are_paused(self):
        self.use_sources(StubSource(IMAP, SMTP))
        settings = mailclient.Endpoint("imap", IMAP.host, IMAP.port, IMAP.security)
        for _ in range(3):
            self.env["email.account.refusal"]._note(settings, mailclient.Login(ADDRESS, "wrong"))
        self.wizard.action_create()
        self.assertEqual(self.get_new_logins(), [])
        self.assertEqual((self.wizard.step, self.wizard.is_retry), ("start", True))
        self.assertFalse(self.wizard.account_id)

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
