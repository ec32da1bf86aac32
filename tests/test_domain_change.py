import base64
import contextlib
import itertools
from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.exceptions import UserError, ValidationError
from odoo.tests import Form, new_test_user, tagged

from ..autoconfig import Server, Settings
from ..models.discovery_log import DiscoveryCancelled
from ..wizards.login_trial import LoginTrial, Way
from .common import HostsCase
from .hosts.mail_port import MailPort

ALPHA, BETA = "alpha.example", "bücher.example"
BETA_ASCII = "xn--bcher-kva.example"
PORTS = {"imap": 993, "pop3": 995, "smtp": 465}
# the fields of the wizard that say who and what for, not where: they stay
STAYING = {
    *("email", "settings_domain", "is_submitted", "sender_name", "use_for_sending", "use_for_receiving"),
    *("company_id", "user_id", "method", "import_from", "step"),
    *("id", "display_name", "create_uid", "create_date", "write_uid", "write_date"),
}


class Servers:
    """The mail servers of a domain: they refuse every login and remember the passwords."""

    def __init__(self, stack, authority, network, ip):
        self.ports = {}
        for protocol, port in PORTS.items():
            # by its own command, an IMAP server is sent the password at once
            mechanisms = ("PLAIN",) if protocol == "smtp" else ()
            server = MailPort(protocol, "tls", authority, authentication=mechanisms)
            self.ports[protocol] = stack.enter_context(server)
            network.places[ip, port] = server.port

    @property
    def passwords(self):
        found = set()
        for protocol, server in self.ports.items():
            for command in server.logins:
                words = command.split()
                if protocol == "smtp":
                    found.add(base64.b64decode(words[2]).decode().split("\0")[2])
                elif protocol == "imap":
                    found.add(words[3].strip('"'))
                elif words[0] == "PASS":
                    found.add(words[1])
        return found

    def forget(self):
        for server in self.ports.values():
            server.commands.clear()


class ByDomain:
    """A source that knows one domain."""

    name, rank, probe = "stub", 15, False

    def __init__(self, domain, doubt=""):
        self._domain, self._doubt = domain, doubt

    async def find(self, address, _network, _report):
        servers = (
            [
                Server("imap", f"imap.{self._domain}", 993, "tls", address.local),
                Server("smtp", f"smtp.{self._domain}", 465, "tls", address.local),
            ]
            if address.domain == self._domain
            else []
        )
        return Settings.of(servers, source=self.name, doubt=self._doubt)


class DomainCase(HostsCase):
    """Two domains at two providers; of one the settings are published."""

    def setUp(self):
        super().setUp()
        self.hosts.dns.clear()
        stack, network = contextlib.ExitStack(), self.hosts.network
        self.addCleanup(stack.close)
        places = dict(network.places)
        self.addCleanup(setattr, network, "places", places)
        network.places = dict(places)
        self.alpha, self.beta = (
            Servers(stack, self.hosts.authority, network, ip) for ip in ("127.0.0.2", "127.0.0.3")
        )
        for domain, ip in ((ALPHA, "127.0.0.2"), (BETA_ASCII, "127.0.0.3")):
            for name in ("imap", "pop", "smtp"):
                self.hosts.dns.zone(f"{name}.{domain}. A {ip}")
        self.use_sources(ByDomain(ALPHA))
        discoveries = self.env.registry["email.account.discovery"]
        self.enterContext(patch.object(discoveries, "_check_limits", lambda *_: None))
        attempts = self.env.registry["email.account.attempt"]
        self.enterContext(patch.object(attempts, "_note", lambda *_: None))

    def use_sources(self, *sources):
        accounts = self.env.registry["email.account"]
        self.enterContext(patch.object(accounts, "_autoconfig_sources", lambda _self: list(sources)))

    def forget(self):
        self.alpha.forget()
        self.beta.forget()
        self.env["email.account.refusal"].search([]).unlink()
        self.env.flush_all()


@tagged("post_install", "-at_install")
class TestDomainChange(DomainCase):
    """No server of one domain is ever given a password that was entered for another one."""

    # ------------------------------------------------------------
    # Pages
    # ------------------------------------------------------------

    def create_wizard(self, **values):
        number = next(self.numbers)
        self.old, self.new = f"old-{number}", f"new-{number}"
        self.address = f"joe{number}@{BETA}"
        values = {"email": f"jane{number}@{ALPHA}", "password": self.old, **values}
        return self.env["email.account.create"].create(values)

    def page_new(self):
        return self.create_wizard(password=False)

    def page_failed(self):
        wizard = self.create_wizard()
        wizard.action_create()
        self.assertEqual((wizard.step, wizard.is_retry), ("start", True))
        self.assertEqual(self.alpha.passwords, {self.old})
        self.assertEqual(wizard.incoming_host, f"imap.{ALPHA}")
        return wizard

    def page_cancelled(self):
        wizard = self.create_wizard()
        log_in = LoginTrial._log_in

        def cancel(trial, *args):
            log_in(trial, *args)
            raise DiscoveryCancelled

        with patch.object(LoginTrial, "_log_in", cancel):
            self.assertFalse(wizard.action_create())
        self.assertEqual(self.alpha.passwords, {self.old})
        return wizard

    def page_confirm(self):
        self.use_sources(ByDomain(ALPHA, "guess"))
        wizard = self.create_wizard()
        wizard.action_create()
        self.assertEqual((wizard.step, wizard.confirm_domain), ("confirm", ALPHA))
        return wizard

    def page_outgoing(self):
        wizard = self.page_failed()
        wizard.action_manual()
        self.assertEqual(wizard.step, "outgoing")
        return wizard

    def page_incoming(self):
        wizard = self.page_outgoing()
        wizard.write({"outgoing_username": "relay", "outgoing_password": self.old, "outgoing_port": 2525})
        wizard.action_next()
        self.assertEqual(wizard.step, "incoming")
        return wizard

    def page_description(self):
        wizard = self.page_outgoing()
        wizard.action_next()
        wizard.action_next()
        self.assertEqual(wizard.step, "description")
        return wizard

    def page_description_failed(self):
        wizard = self.page_description()
        self.env["email.account.refusal"].search([]).unlink()
        wizard.action_create()
        self.assertEqual(wizard.step, "description")
        return wizard

    def page_by_hand(self):
        wizard = self.create_wizard(
            method="manual", outgoing_host=f"smtp.{ALPHA}", incoming_host=f"pop.{ALPHA}"
        )
        wizard.write({"incoming_protocol": "pop3", "incoming_port": 995, "login_incoming_first": True})
        wizard.action_next()
        wizard.action_back()
        self.assertEqual(wizard.step, "start")
        return wizard

    def page_certificate(self):
        wizard = self.page_failed()
        wizard.write(
            {
                "incoming_fingerprint": "ab" * 32,
                "refused_direction": "outgoing",
                "refused_fingerprint": "cd" * 32,
            }
        )
        return wizard

    def page_partial(self):
        wizard = self.page_failed()
        wizard.write({"step": "partial", "working_direction": "incoming"})
        return wizard

    def page_done(self):
        wizard = self.page_failed()
        values = {"email": wizard.email, "password": self.old, "outgoing_host": f"smtp.{ALPHA}"}
        account = self.env["email.account"].create(values)
        wizard.write({"step": "done", "account_id": account.id, "password": False})
        return wizard

    # ------------------------------------------------------------
    # Ways of changing the address
    # ------------------------------------------------------------

    def change_at_once(self, wizard):
        wizard.write({"email": self.address, "password": self.new})

    def change_address_first(self, wizard):
        wizard.email = f"  JOE{self.address[3:].upper()} "
        wizard.password = self.new

    def change_password_first(self, wizard):
        wizard.password = self.new
        wizard.email = self.address

    def change_in_form(self, wizard):
        with Form(wizard) as form:
            form.email = self.address
            form.password = self.new

    def change_in_form_by_detours(self, wizard):
        """Each letter on the way is told to the record."""
        with Form(wizard) as form:
            for address in ("j", "joe@", f"joe@{ALPHA}", "joe@alpha.exampl", f"joe@{BETA}", self.address):
                form.email = address
            form.password = self.new

    def change_alone(self, wizard):
        """The password is left as it is: it was the old address's."""
        wizard.email = self.address

    # ------------------------------------------------------------
    # Ways onward
    # ------------------------------------------------------------

    def press(self, wizard, button):
        with contextlib.suppress(UserError):
            getattr(wizard, button)()

    def go_to_the_end(self, wizard):
        """Set it up by hand, with whatever is filled in."""
        self.press(wizard, "action_manual")
        for _page in range(3):
            self.press(wizard, "action_next")
        self.press(wizard, "action_create")

    def enter_servers(self, wizard):
        """By hand, as the user will who finds them empty."""
        if not wizard.password_set:
            wizard.password = self.new
        wizard.write(
            {
                "step": "start",
                "method": "manual",
                "incoming_host": f"imap.{BETA}",
                "outgoing_host": f"smtp.{BETA}",
                "use_for_sending": True,
                "use_for_receiving": True,
            }
        )
        for _page in range(3):
            wizard.action_next()
        wizard.action_create()

    def test_walk(self):
        self.numbers = itertools.count()
        pages = [name for name in dir(self) if name.startswith("page_")]
        changes = [name for name in dir(self) if name.startswith("change_")]
        buttons = ("create", "next", "back", "manual", "confirm", "accept_certificate", "create_partial")
        for page in pages:
            self.use_sources(ByDomain(ALPHA))
            wizard = getattr(self, page)()
            self.forget()
            for change, button in itertools.product(changes, buttons):
                if wizard.step != "start" and "form" in change:
                    continue  # the address is on the first page
                with self.subTest(page=page, change=change, button=button), self.going_back():
                    getattr(self, change)(wizard)
                    self.walk_on(wizard, button)

    @contextlib.contextmanager
    def going_back(self):
        """After the block, all is as it was before."""
        savepoint = self.env.cr.savepoint()
        try:
            yield
        finally:
            self.env.invalidate_all()
            savepoint.close(rollback=True)
            self.env.invalidate_all()
            self.forget()

    def walk_on(self, wizard, button):
        self.press(wizard, f"action_{button}")
        self.press(wizard, "action_create")
        self.go_to_the_end(wizard)
        self.assertEqual(self.alpha.passwords, set())
        self.assertEqual(self.beta.passwords, set())
        self.enter_servers(wizard)
        self.assertEqual(self.alpha.passwords, set())
        self.assertEqual(self.beta.passwords, {self.new})

    # ------------------------------------------------------------
    # What goes, what stays
    # ------------------------------------------------------------

    def test_everything_goes(self):
        """Also a field that is added one day."""
        self.numbers = itertools.count()
        for page in [name for name in dir(self) if name.startswith("page_")]:
            with self.subTest(page):
                self.forget()
                self.use_sources(ByDomain(ALPHA))
                wizard = getattr(self, page)()
                self.change_at_once(wizard)
                fresh = self.env["email.account.create"].create(
                    {"email": self.address, "password": self.new, "method": wizard.method}
                )
                names = [name for name, field in wizard._fields.items() if field.store]
                names = [name for name in names if name not in STAYING and "password" not in name]
                [expected], [values] = fresh.read(names, load=None), wizard.read(names, load=None)
                self.assertEqual(values, expected | {"id": wizard.id})
                self.assertTrue(wizard.password_set)
                self.assertFalse(wizard.outgoing_password_set)
                self.assertEqual(wizard.step, "start")

    def test_known_provider(self):
        """The case that was reported."""
        provider = self.env["email.provider"].create(
            {
                "name": "Alpha",
                "domains": ALPHA,
                "imap_host": f"imap.{ALPHA}",
                "smtp_host": f"smtp.{ALPHA}",
                "guidance": "Do it.",
            }
        )
        wizard = self.env["email.account.create"].create({"email": f"jane@{ALPHA}", "password": "first"})
        wizard.action_create()
        self.assertEqual((wizard.provider_id, self.alpha.passwords), (provider, {"first"}))
        self.alpha.forget()
        wizard.write({"email": f"joe@{BETA}", "password": "second"})
        wizard.action_create()
        self.assertIn("Cannot determine connection settings", wizard.message)
        self.assertFalse(wizard.provider_id or wizard.guidance)
        wizard.action_manual()
        self.assertEqual(wizard.step, "outgoing")
        self.assertFalse(wizard.outgoing_host or wizard.incoming_host)
        for _page in range(2):
            wizard.action_next()
        self.assertEqual((wizard.step, wizard.invalid_field), ("outgoing", "outgoing_host"))
        wizard.action_create()
        self.assertEqual(self.alpha.passwords | self.beta.passwords, set())

    def type_by_hand(self, address):
        wizard = self.env["email.account.create"].create(
            {"email": address, "password": "first", "method": "manual"}
        )
        wizard.action_next()
        typed = {
            "outgoing_host": "smtp.hand.example",
            "outgoing_port": 2525,
            "outgoing_security": "starttls",
            "outgoing_username": "relay",
            "outgoing_password": "second",
            "login_incoming_first": True,
        }
        wizard.write(typed)
        wizard.action_next()
        more = {"incoming_host": "pop.hand.example", "incoming_protocol": "pop3", "incoming_port": 1995}
        wizard.write(more)
        wizard.action_back()
        wizard.action_back()
        typed.pop("outgoing_password")
        return wizard, typed | more

    def test_the_same_domain_keeps_what_was_typed(self):
        for address, others in (
            (
                f"jane@{ALPHA}",
                (f"joe@{ALPHA}", f"JANE@{ALPHA.upper()}", f" jane@{ALPHA}.", "jane@alpha\uff0eexample"),
            ),
            (f"jane@{BETA}", (f"joe@{BETA}", f"jane@{BETA_ASCII}", f"jane@{BETA.upper()}")),
        ):
            for other in others:
                for how in ("write", "form", "not valid meanwhile"):
                    with self.subTest(address=address, other=other, how=how):
                        wizard, typed = self.type_by_hand(address)
                        if how == "form":
                            with Form(wizard) as form:
                                form.email = other
                        elif how == "write":
                            wizard.email = other
                        else:
                            wizard.email = "jane,alpha.example"
                            wizard.action_next()
                            self.assertEqual(wizard.invalid_field, "email")
                            wizard.email = other
                        self.assertEqual({name: wizard[name] for name in typed}, typed)
                        self.assertTrue(wizard.password_set and wizard.outgoing_password_set)

    def test_there_and_back(self):
        wizard, typed = self.type_by_hand(f"jane@{ALPHA}")
        with Form(wizard) as form:
            form.email = f"jane@{BETA}"
            self.assertFalse(form.password_set)
            form.email = f"jane@{ALPHA}"
            self.assertTrue(form.password_set)
        self.assertEqual({name: wizard[name] for name in typed}, typed)
        wizard.email = f"jane@{BETA}"
        wizard.email = f"jane@{ALPHA}"
        self.assertFalse(wizard.outgoing_host or wizard.incoming_host or wizard.outgoing_username)
        self.assertFalse(wizard.password_set or wizard.outgoing_password_set)
        wizard.action_next()
        self.assertEqual((wizard.message, wizard.invalid_field), ("Enter the password.", "password"))

    def test_what_the_form_says_meanwhile(self):
        self.numbers = itertools.count()
        wizard = self.page_failed()
        self.assertTrue(wizard.message)
        with Form(wizard) as form:
            form.email = self.address
            self.assertFalse(form.message or form.is_retry)
            form.email = f"{wizard.email}"
            self.assertTrue(form.message and form.is_retry)
            form.email = f"{wizard.email[:-1]}"
            form.email = wizard.email

    def test_user_names_follow_the_address(self):
        for username, followed in (("jane", "joe"), (f"jane@{ALPHA}", False), ("4711", "4711")):
            wizard = self.env["email.account.create"].create(
                {"email": f"jane@{ALPHA}", "password": "x", "username": username, "name": f"jane@{ALPHA}"}
            )
            wizard.email = f"joe@{ALPHA}"
            self.assertEqual((wizard.username, wizard.name), (followed, False))

    def test_another_mailbox_need_not_wait(self):
        date = fields.Datetime.now() + timedelta(minutes=9)
        for values, waits in (
            ({"email": f"joe@{ALPHA}"}, False),
            ({"username": "4711"}, False),
            ({"incoming_host": f"pop.{ALPHA}"}, False),
            ({"password": "another"}, True),
            ({"email": f"JANE@{ALPHA}".swapcase(), "sender_name": "Jane"}, True),
        ):
            wizard = self.env["email.account.create"].create({"email": f"jane@{ALPHA}", "password": "x"})
            wizard.retry_date = date
            self.assertAlmostEqual(wizard.retry_seconds, 540, delta=60)
            wizard.write(values)
            self.assertEqual(bool(wizard.retry_date), waits, values)

    def test_a_password_that_was_not_used_yet_stays(self):
        """Who is still filling in the first page has entered it for what he is about to send."""
        wizard = self.env["email.account.create"].create({"email": f"jane@{ALPHA}", "password": "x"})
        wizard.email = f"jane@{BETA}"
        self.assertTrue(wizard.password_set)

    def test_input_is_checked_before_each_login(self):
        self.numbers = itertools.count()
        for page, button in (
            ("page_confirm", "action_confirm"),
            ("page_partial", "action_create_partial"),
            ("page_certificate", "action_accept_certificate"),
        ):
            with self.subTest(button):
                self.use_sources(ByDomain(ALPHA))
                wizard = getattr(self, page)()
                self.forget()
                wizard.email = "jane"
                getattr(wizard, button)()
                self.assertEqual(wizard.invalid_field, "email")
                self.assertEqual(self.alpha.passwords, set())

    def test_a_certificate_is_of_one_server(self):
        self.numbers = itertools.count()
        wizard = self.page_certificate()
        wizard.outgoing_host = f"smtp.{BETA}"
        self.assertFalse(wizard.refused_fingerprint)
        with self.assertRaises(UserError):
            wizard.action_accept_certificate()
        self.forget()
        # nor is one that was accepted carried to another server that is found
        wizard = self.page_certificate()
        tried = wizard.new({"email": wizard.email, "incoming_fingerprint": "ab" * 32}, origin=wizard)
        trial = LoginTrial(tried, {}, None)
        trial._take_server("incoming", Way("imap", f"imap.{ALPHA}", 993, "tls"))
        self.assertEqual(tried.incoming_fingerprint, "ab" * 32)
        trial._take_server("incoming", Way("imap", f"other.{ALPHA}", 993, "tls"))
        self.assertFalse(tried.incoming_fingerprint)


@tagged("post_install", "-at_install")
class TestAccountDomainChange(DomainCase):
    """The same on the account."""

    def setUp(self):
        super().setUp()
        self.account = self.create_account()

    def create_account(self, address=f"jane@{ALPHA}", **values):
        account = self.env["email.account"].create(
            {
                "email": address,
                "password": "first",
                "incoming_host": f"imap.{ALPHA}",
                "outgoing_host": f"smtp.{ALPHA}",
                **values,
            }
        )
        account._set_state()
        return account

    def assertMoved(self, account):
        """It has no server, and nothing goes anywhere."""
        self.assertFalse(account.incoming_host or account.outgoing_host)
        self.assertFalse(account.is_configured)
        self.assertEqual(account.state, "draft")
        with self.assertRaises(UserError):
            account.action_check()
        self.assertEqual(self.alpha.passwords | self.beta.passwords, set())

    def test_write(self):
        self.account.write(
            {
                "username": "jane",
                "outgoing_username": "relay",
                "outgoing_password": "relayed",
                "login_incoming_first": True,
                "outgoing_safe_logon": False,
                "password": "first",
            }
        )
        self.account.write({"email": f"jane@{BETA}", "password": "second"})
        self.assertMoved(self.account)
        self.assertFalse(self.account.username or self.account.outgoing_username)
        self.assertFalse(self.account.outgoing_password_set or self.account.login_incoming_first)
        self.assertTrue(self.account.outgoing_safe_logon)
        self.assertFalse(self.account.mail_server_id.smtp_host)

    def test_without_the_password(self):
        for values in ({}, {"keep_servers": True}, {"incoming_host": f"imap.{BETA}"}):
            with self.assertRaisesRegex(ValidationError, "Password: enter it again"):
                self.account.write({"email": f"jane@{BETA}", **values})
        self.assertEqual(self.account.incoming_host, f"imap.{ALPHA}")

    def test_by_import(self):
        self.env.flush_all()
        self.account.name = "by import"
        xml_id = self.account.export_data(["id"])["datas"][0][0]
        result = self.env["email.account"].load(
            ["id", "email", "password"], [[xml_id, f"jane@{BETA}", "second"]]
        )
        self.assertEqual(result["ids"], self.account.ids, result["messages"])
        self.assertMoved(self.account)

    def test_by_the_form(self):
        with Form(self.account) as form:
            form.email = f"jane@{BETA}"
            self.assertEqual(form.moving_from, ALPHA)
            self.assertFalse(form.incoming_host or form.outgoing_host)
            form.password = "second"
        self.assertMoved(self.account)

    def test_the_form_brings_it_back(self):
        self.account.write({"username": "jane", "incoming_port": 1993, "password": "first"})
        with Form(self.account) as form:
            form.email = f"jane@{BETA}"
            self.assertFalse(form.incoming_host or form.username)
            form.email = f"jane@{ALPHA}"
            self.assertFalse(form.moving_from)
            self.assertEqual(
                (form.incoming_host, form.incoming_port, form.username), (f"imap.{ALPHA}", 1993, "jane")
            )

    def test_servers_that_are_kept_on_purpose(self):
        """A company that changes its name."""
        with Form(self.account) as form:
            form.email = f"jane@{BETA}"
            form.keep_servers = True
            self.assertEqual(form.incoming_host, f"imap.{ALPHA}")
            form.password = "second"
        self.assertEqual(
            (self.account.incoming_host, self.account.outgoing_host), (f"imap.{ALPHA}", f"smtp.{ALPHA}")
        )
        self.assertEqual(self.account.state, "draft")
        self.account._check()
        self.assertEqual((self.alpha.passwords, self.beta.passwords), ({"second"}, set()))

    def test_keeping_is_said_once(self):
        self.account.write({"email": f"jane@{BETA}", "password": "second", "keep_servers": True})
        self.account.write({"email": f"jane@{ALPHA}", "password": "third"})
        self.assertMoved(self.account)

    def test_servers_that_are_named_along(self):
        self.account.write(
            {
                "email": f"jane@{BETA}",
                "password": "second",
                "incoming_host": f"imap.{BETA}",
                "outgoing_host": f"smtp.{BETA}",
            }
        )
        self.account._check()
        self.assertEqual((self.alpha.passwords, self.beta.passwords), (set(), {"second"}))
        self.account.write(
            {"email": f"jane@{ALPHA}", "password": "third", "incoming_host": f"imap.{ALPHA}"}
        )
        self.assertEqual((self.account.incoming_host, self.account.outgoing_host), (f"imap.{ALPHA}", False))

    def test_the_same_domain(self):
        account = self.create_account(f"anna@{BETA}", username="4711")
        for address in (f"joe@{BETA}", f"anna@{BETA_ASCII}", f" anna@{BETA.upper()}."):
            account.write({"email": address, "password": "first"})
            self.assertEqual((account.incoming_host, account.username), (f"imap.{ALPHA}", "4711"))

    def test_many_at_once(self):
        company = self.env["res.company"].create({"name": "C"})
        other = self.create_account(f"joe@{BETA}", company_id=company.id)
        both = self.account + other
        both.with_context(allowed_company_ids=both.company_id.ids).write(
            {"email": f"same@{BETA}", "password": "second"}
        )
        self.assertFalse(self.account.incoming_host)
        self.assertEqual(other.incoming_host, f"imap.{ALPHA}")

    def test_what_was_found_goes(self):
        discovery = self.env["email.account.discovery"].create(
            {
                "user_id": self.env.uid,
                "email": self.account.email,
                "domain": ALPHA,
                "account_id": self.account.id,
                "trusted": True,
            }
        )
        self.account._write_discovery(
            {"discovery_id": discovery.id, "settings_origin": "found", "discovery_trusted": True}
        )
        self.account.write({"email": f"jane@{BETA}", "password": "second", "keep_servers": True})
        self.assertFalse(discovery.exists())
        self.assertFalse(self.account.discovery_id)
        self.assertEqual((self.account.settings_origin, self.account.discovery_trusted), ("changed", False))

    def test_provider_of_the_new_domain(self):
        self.account.write({"email": "jane@gmail.com", "password": "second"})
        self.assertEqual(self.account.provider_id, self.env.ref("email_account.provider_gmail"))

    def test_duplicates(self):
        for values, host in (
            ({"email": f"joe@{BETA}"}, False),
            ({"email": f"joe@{ALPHA}"}, f"imap.{ALPHA}"),
            ({"email": f"ann@{BETA}", "incoming_host": f"imap.{BETA}"}, f"imap.{BETA_ASCII}"),
        ):
            copy = self.account.copy(values)
            self.assertEqual(copy.incoming_host, host)
            self.assertFalse(copy.password_set)

    def test_set_up_again_for_another_domain(self):
        """The wizard that was opened from the account."""
        account = self.env["email.account"].create({"email": f"joe@{ALPHA}"})
        context = account.action_open_wizard()["context"]
        with Form(self.env["email.account.create"].with_context(**context)) as form:
            form.password = "first"
        wizard = form.record
        wizard.action_create()
        self.alpha.forget()
        wizard.write({"email": f"joe@{BETA}", "password": "second"})
        wizard.action_create()
        wizard.action_manual()
        for _page in range(3):
            wizard.action_next()
        wizard.action_create()
        self.assertEqual(self.alpha.passwords | self.beta.passwords, set())

    def test_a_certificate_that_was_seen_before_the_change(self):
        step = {
            "stage": "tls",
            "direction": "incoming",
            "result": "failed",
            "message": "m",
            "duration_ms": 1,
            "fingerprint": "ab" * 32,
        }
        check = self.env["email.account.check"]._create_report(self.account, [step])
        self.assertTrue(check.acceptable_step_id)
        self.account.write({"incoming_host": f"imap.{BETA}", "password": "second"})
        self.assertFalse(check.acceptable_step_id)
        with self.assertRaises(UserError):
            check.action_accept_certificate()
        self.assertFalse(self.account.incoming_fingerprint)


@tagged("post_install", "-at_install")
class TestServersOfColleagues(DomainCase):
    """What an account hands on to the next user of its domain (the source `account`)."""

    def find(self, **values):
        account = self.env["email.account"].create(
            {
                "email": f"jane@{BETA}",
                "password": "first",
                "incoming_host": f"imap.{ALPHA}",
                "outgoing_host": f"smtp.{ALPHA}",
                **values,
            }
        )
        account._set_state()
        user = new_test_user(self.env, "ea_colleague", "base.group_user")
        accounts = self.env["email.account"].with_user(user)
        found = accounts._find_working_account(BETA_ASCII)._get_working_directions()
        return set(found)

    def test_its_own_servers(self):
        self.assertEqual(self.find(), {"outgoing", "incoming"})

    def test_a_login_that_is_no_address(self):
        self.assertEqual(self.find(username="4711"), {"outgoing", "incoming"})

    def test_a_login_of_another_domain(self):
        """Mail of the address is in a mailbox elsewhere, where the next user has none."""
        self.assertEqual(self.find(username=f"jane@{ALPHA}"), set())

    def test_a_relay(self):
        self.assertEqual(self.find(outgoing_username="relay", outgoing_password="second"), {"incoming"})

    def test_adopted_servers_of_another_domain(self):
        incoming = self.env["fetchmail.server"].create(
            {
                "name": "Stock",
                "server": f"imap.{ALPHA}",
                "user": f"info@{ALPHA}",
                "password": "first",
                "is_ssl": True,
                "server_type": "imap",
                "state": "done",
            }
        )
        adopt = self.env["email.account.adopt"]
        wizard = adopt.browse(adopt.action_open()["res_id"])
        line = wizard.line_ids.filtered(lambda line: line.fetchmail_server_id == incoming)
        (wizard.line_ids - line).is_chosen = False
        line.write({"email": f"info@{BETA}", "is_chosen": True})
        wizard.action_adopt()
        account = self.env["email.account"].search([("email", "=", f"info@{BETA_ASCII}")])
        self.assertTrue(account.incoming_host)
        self.assertFalse(account._get_working_directions())
