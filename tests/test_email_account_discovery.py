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

from .. import autoconfig
from ..autoconfig import Server, Settings
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

    def look(self, wizard, times):
        for _time in range(times):
            wizard.action_create()
            self.assertIn("Cannot determine", wizard.message)
            self.age(90)

    def test_of_a_user_and_a_domain(self):
        """One user leaves look-ups of a domain to others."""
        self.use_sources(StubSource())
        self.look(self.wizard, 10)
        self.wizard.action_create()
        self.assertRegex(
            self.wizard.message,
            r"You have looked for the settings of acme\.example 10 times.*Try again in 45 minutes",
        )
        wizard = self.create_wizard(email="jane@other.example")
        self.look(wizard, 1)
        user = new_test_user(self.env, login="ea_patient", groups="base.group_user")
        self.look(self.create_wizard(user), 10)
        self.age(1900)
        self.look(self.wizard, 1)

    def test_of_a_domain(self):
        self.use_sources(StubSource())
        users = [new_test_user(self.env, f"ea_limit_{number}", "base.group_user") for number in range(4)]
        for user in users[:3]:
            self.look(self.create_wizard(user), 10)
        wizard = self.create_wizard(users[3])
        wizard.action_create()
        self.assertRegex(
            wizard.message,
            r"settings of acme\.example were looked for 30 times.*Try again in 15 minutes",
        )
        self.look(self.create_wizard(users[3], email="jane@other.example"), 1)
        self.age(950)
        self.look(wizard, 1)

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
