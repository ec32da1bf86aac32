"""What users and strangers may try so that the server connects somewhere: all of it is refused."""

import contextlib
from unittest.mock import patch

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import new_test_user, tagged

from .. import mailclient
from ..autoconfig import Network
from .common import ADDRESS, AUTOCONFIG, DOMAIN, PASSWORD, HostsCase
from .hosts.network import ANY, HostsNetwork, PlacedNetwork
from .trap import Trap

NETWORKS, PORTS = "email_account.allowed_networks", "email_account.allowed_ports"
# addresses of loopback and of internal networks, however they are written
INTERNAL = (
    "127.0.0.1",
    "127.0.0.1.",
    "127.1",
    "127.0.1",
    "2130706433",
    "0x7f000001",
    "0X7F.0.0.1",
    "0x7f.1",
    "0177.0.0.1",
    "017700000001",
    "0",
    "0.0.0.0",
    "\uff11\uff12\uff17.\uff10.\uff10.\uff11",  # full-width digits
    "①②⑦.⓪.⓪.①",
    "127。0。0。1",
    "localhost",
    "LocalHost.",
    "::1",
    "::",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "0:0:0:0:0:FFFF:127.0.0.1",
    "::127.0.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b:1::7f00:1",
    "2002:7f00:1::1",
    "2001:0:7f00:1::1",
    "fe80::1",
    "fe80::1%lo",
    "fd00:ec2::254",
    "10.0.0.1",
    "100.100.100.200",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.0.192",
    "192.168.1.1",
    "224.0.0.1",
    "255.255.255.255",
)
# what is no name of a server
MALFORMED = (
    "[::1]",
    "127.0.0.1:993",
    "127.0.0.1/",
    "http://127.0.0.1",
    "//127.0.0.1",
    "jane@127.0.0.1",
    "127.0.0.1#.example.org",
    "127.0.0.1 mail.example.org",
    "127.0.0.1\t.example.org",
    "mail.example.org\r\nQUIT",
    "..127.0.0.1",
)
BAD_PORTS = (1, 19, 21, 22, 23, 53, 80, 139, 389, 443, 445, 2375, 3306, 5432, 6379, 8069, 9200, 11211, 65535)
# the internet of the tests: all of it is on loopback
PUBLIC, WEB = "8.8.8.8", "8.8.4.4"
ATTACKER = "attack.example"
ZONE = f"""
$ORIGIN {ATTACKER}.
autoconfig A {WEB}
public A {PUBLIC}
loop A 127.0.0.1
any A 0.0.0.0
private A 10.0.0.1
home A 192.168.1.1
meta A 169.254.169.254
carrier A 100.64.0.1
alias CNAME private
*.wild A 127.0.0.1
localhost. A 127.0.0.1
"""
INTERNAL_NAMES = (
    f"loop.{ATTACKER}",
    f"LOOP.{ATTACKER.upper()}",
    f"loop.{ATTACKER}.",
    f"any.{ATTACKER}",
    f"private.{ATTACKER}",
    f"home.{ATTACKER}",
    f"meta.{ATTACKER}",
    f"carrier.{ATTACKER}",
    f"alias.{ATTACKER}",
    f"127.0.0.1.wild.{ATTACKER}",
)
# (host, port) of servers in a published document
PUBLISHED = (
    *((name, 993) for name in INTERNAL_NAMES),
    ("127.0.0.1", 993),
    ("2130706433", 993),
    ("0x7f.1", 993),
    ("localhost", 993),
    ("[::1]", 993),
    ("::ffff:127.0.0.1", 993),
    *((f"public.{ATTACKER}", port) for port in (22, 80, 6379, 8069)),
)
REDIRECTS = (
    "https://127.0.0.1/",
    "https://2130706433/",
    "https://[::1]/",
    "https://[::ffff:127.0.0.1]/",
    f"https://loop.{ATTACKER}/",
    f"//meta.{ATTACKER}/latest/meta-data/",
    f"https://public.{ATTACKER}:8443/",
    f"https://public.{ATTACKER}:22/",
    f"https://jane:secret@public.{ATTACKER}/",
    "http://169.254.169.254/latest/meta-data/",
    "gopher://127.0.0.1:25/",
    "file:///etc/passwd",
)
DOCUMENT = "/mail/config-v1.1.xml"


class AbuseCase(HostsCase):
    """With the guard of the settings, and a trap where the attacks lead to."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.trap = cls.enterClassContext(Trap())
        cls.manual = {
            "email": ADDRESS,
            "password": PASSWORD,
            "method": "manual",
            "incoming_port": 993,
            "outgoing_port": 465,
        }

    def setUp(self):
        super().setUp()
        self.allow()
        self.account = self.env["email.account"].create(self.account_values | {"email": f"a@{DOMAIN}"})
        self.trap.count()

    def allow(self, networks=False, ports=False):
        self.env["ir.config_parameter"].set_param(NETWORKS, networks)
        self.env["ir.config_parameter"].set_param(PORTS, ports)

    def use_network(self, make):
        """Let ``make`` (guard → `Network`) say how servers are reached."""
        settings = self.env.registry["email.account.settings"]
        self.enterContext(patch.object(settings, "_get_network", lambda record: make(record._get_guard())))

    def use_internet(self):
        """Every address and port leads to the trap, but for a web host."""
        web, dns = self.hosts.web, self.hosts.dns
        places = {(WEB, 443): web.port, (WEB, 80): web.http_port, (ANY, ANY): self.trap.port}
        context = web.authority.client_context()
        self.use_network(
            lambda guard: PlacedNetwork(dns.nameserver, places, guard=guard, ssl_context=context)
        )
        dns.clear()
        dns.zone(ZONE)

    def forget_attempts(self):
        """The limits have their own tests."""
        for name in ("attempt", "discovery"):
            self.env[f"email.account.{name}"].search([]).unlink()

    def write_past_everything(self, **values):
        self.env.flush_all()
        for name, value in values.items():
            column = {
                "incoming_host": "UPDATE email_account SET incoming_host = %s WHERE id = %s",
                "outgoing_host": "UPDATE email_account SET outgoing_host = %s WHERE id = %s",
                "incoming_port": "UPDATE email_account SET incoming_port = %s WHERE id = %s",
                "outgoing_port": "UPDATE email_account SET outgoing_port = %s WHERE id = %s",
            }[name]
            self.env.cr.execute(column, (value, self.account.id))
        self.env.invalidate_all()
        # a password is sent only where it was entered for: here it was
        self.account._store_secrets__({"password": PASSWORD})

    def assertNobodyCame(self):
        self.assertEqual(self.trap.count(), 0)

    def assertNoConnection(self, cause):
        """What is on the account is not connected to, whatever is pressed."""
        for connect in (self.account._connect_incoming__, self.account._connect_outgoing__):
            with self.assertRaises(mailclient.MailFailure) as caught:
                connect()
            self.assertEqual((caught.exception.stage, caught.exception.cause), ("resolve", cause))
        self.forget_attempts()
        self.account.action_check()
        steps = self.account.check_ids.sorted("id")[-1:].step_ids
        self.assertEqual(set(steps.filtered("cause").mapped("cause")), {cause})
        self.assertNotIn("passed", steps.mapped("result"))

    def assertWizardRefuses(self, words, **values):
        self.forget_attempts()
        wizard = self.env["email.account.create"].create(self.manual | values)
        wizard.action_create()
        self.assertNotEqual(wizard.step, "done")
        self.assertRegex(wizard.message, words)
        self.assertFalse(self.env["email.account"].search([("email", "=", ADDRESS)]))


@tagged("post_install", "-at_install")
class TestAbuseAddresses(AbuseCase):
    """With the system's own resolver; nothing but the address stands in the way to the trap."""

    def setUp(self):
        super().setUp()
        self.use_network(lambda guard: Network(guard=guard))
        self.allow(ports=str(self.trap.port))
        self.ports = {"incoming_port": self.trap.port, "outgoing_port": self.trap.port}

    def test_the_trap_can_be_reached(self):
        self.allow("127.0.0.1", str(self.trap.port))
        self.account.write({"incoming_host": "127.0.0.1", "password": PASSWORD, **self.ports})
        with self.assertRaises(mailclient.MailFailure) as caught:
            self.account._connect_incoming__()
        self.assertNotEqual(caught.exception.stage, "resolve")
        self.assertGreater(self.trap.count(), 0)

    def test_accounts(self):
        for host in INTERNAL:
            with self.subTest(host):
                try:
                    self.account.write(
                        {"incoming_host": host, "outgoing_host": host, "password": PASSWORD, **self.ports}
                    )
                except ValidationError as error:
                    self.assertIn("is not the name of a server", str(error))
                else:
                    self.assertNoConnection("address_blocked")
            with self.subTest(f"past the checks: {host}"):
                self.write_past_everything(incoming_host=host, outgoing_host=host, **self.ports)
                self.assertNoConnection("address_blocked")
        self.assertNobodyCame()

    def test_wizard(self):
        for host in INTERNAL:
            with self.subTest(host):
                self.assertWizardRefuses(
                    "internal address|is not the name of a server",
                    incoming_host=host,
                    outgoing_host=host,
                    **self.ports,
                )
        self.assertNobodyCame()

    def test_what_is_no_name(self):
        for host in MALFORMED:
            for field in ("incoming_host", "outgoing_host"):
                with self.subTest(host, field=field):
                    with self.assertRaisesRegex(ValidationError, "is not the name of a server"):
                        self.account.write({field: host, "password": PASSWORD})
                    hosts = {"incoming_host": "127.0.0.1", "outgoing_host": "127.0.0.1", field: host}
                    self.assertWizardRefuses("is not the name of a server", **hosts, **self.ports)
        self.assertNobodyCame()

    def test_everything_that_connects(self):
        """Each button and each method of Odoo's own that leads to a mail server."""
        self.write_past_everything(incoming_host="127.0.0.1", outgoing_host="127.0.0.1", **self.ports)
        account = self.account
        account._set_state()
        importing = self.env["email.account.import"].create({"account_id": account.id})
        outgoing = account.mail_server_id
        attempts = {
            "folders": account.action_load_folders,
            "count": importing.action_count,
            "stock outgoing": lambda: outgoing._connect__(mail_server_id=outgoing.id),
            "stock incoming": account.fetchmail_server_id._connect__,
        }
        for name, attempt in attempts.items():
            with self.subTest(name):
                with self.assertRaisesRegex(UserError, "leads to an internal address") as caught:
                    attempt()
                self.assertEqual(caught.exception.__cause__.cause, "address_blocked")
        with self.subTest("POP before SMTP"):
            self.write_past_everything(outgoing_host="8.8.8.8", outgoing_port=465)
            account.login_incoming_first = True
            with self.assertRaises(mailclient.MailFailure) as caught:
                account._connect_outgoing__()
            self.assertEqual(
                (caught.exception.host, caught.exception.cause), ("127.0.0.1", "address_blocked")
            )
            account.login_incoming_first = False
        for name, attempt in {
            "send and receive": lambda own: own.action_send_receive(),
            "stock fetching": lambda own: own.fetchmail_server_id.fetch_mail(),
            "receiving": lambda own: own._receive(),
            "schedule": lambda own: own._cron_receive(),
            "at night": lambda own: own._cron_check(),
        }.items():
            account._set_state()
            account.last_check_date = False
            account.sudo().polling_ids.write({"next_date": "2026-01-01"})
            self.env.flush_all()
            with self.subTest(name):
                with self.registry.cursor() as cr, contextlib.suppress(UserError):
                    attempt(account.with_env(self.env(cr=cr)))
                self.env.invalidate_all()
                self.assertIn("leads to an internal address", account.last_error or "")
        self.assertNobodyCame()


@tagged("post_install", "-at_install")
class TestAbuseNames(AbuseCase):
    """Names and ports; DNS, web and mail servers are those of the attacker."""

    def setUp(self):
        super().setUp()
        self.use_internet()

    def test_the_trap_can_be_reached(self):
        self.account.write({"incoming_host": f"public.{ATTACKER}", "password": PASSWORD})
        with self.assertRaises(mailclient.MailFailure):
            self.account._connect_incoming__()
        self.assertGreater(self.trap.count(), 0)

    def test_names(self):
        for host in INTERNAL_NAMES:
            with self.subTest(host):
                self.account.write({"incoming_host": host, "outgoing_host": host, "password": PASSWORD})
                self.assertNoConnection("address_blocked")
                self.assertWizardRefuses("internal address", incoming_host=host, outgoing_host=host)
        self.assertNobodyCame()

    def test_ports(self):
        host = f"public.{ATTACKER}"
        self.account.write({"incoming_host": host, "outgoing_host": host, "password": PASSWORD})
        for port in BAD_PORTS:
            for field in ("incoming_port", "outgoing_port"):
                with self.subTest(port, field=field):
                    with self.assertRaisesRegex(ValidationError, f"{port} is not a port of mail servers"):
                        self.account.write({field: port, "password": PASSWORD})
                    self.assertWizardRefuses(
                        f"{port} is not a port of mail servers",
                        **{"incoming_host": host, "outgoing_host": host, field: port},
                    )
            with self.subTest(f"past the checks: {port}"):
                self.write_past_everything(incoming_port=port, outgoing_port=port)
                self.assertNoConnection("port_not_allowed")
            self.write_past_everything(incoming_port=993, outgoing_port=465)
        self.assertNobodyCame()

    def test_the_address_that_was_checked_is_connected_to(self):
        """Whoever answers otherwise the second time is not asked a second time."""
        answers, asked, connected = [PUBLIC, "127.0.0.1"], [], []
        trap = self.trap

        class Rebinding(Network):
            def _find_ips(self, host):
                asked.append(host)
                return [answers[min(len(asked), len(answers)) - 1]]

            def _places(self, _host, ips, port):
                connected.extend(ips)
                return [("127.0.0.1", trap.port) for _ip in ips]

        self.use_network(lambda guard: Rebinding(guard=guard))
        host = f"public.{ATTACKER}"
        self.account.write({"incoming_host": host, "password": PASSWORD, "use_for_sending": False})
        self.account.action_check()
        self.assertEqual((asked, connected), ([host], [PUBLIC]))
        self.assertEqual(self.trap.count(), 1)
        self.account.write({"password": PASSWORD})
        self.account.action_check()
        self.assertEqual((len(asked), connected), (2, [PUBLIC]))
        self.assertNobodyCame()


@tagged("post_install", "-at_install")
class TestAbuseDiscovery(AbuseCase):
    """What is published for the domain of an address."""

    def setUp(self):
        super().setUp()
        self.use_internet()

    def discover(self):
        """Return the wizard after it has looked for the settings."""
        self.forget_attempts()
        wizard = self.env["email.account.create"].create({"email": f"jane@{ATTACKER}", "password": PASSWORD})
        wizard.action_create()
        self.assertEqual(wizard.step, "start")
        self.assertFalse(self.env["email.account"].search([("email", "=", wizard.email)]))
        return wizard

    def publish(self, host, port):
        document = AUTOCONFIG.replace(f"imap.{DOMAIN}", host).replace(f"smtp.{DOMAIN}", host)
        document = document.replace("<port>993<", f"<port>{port}<").replace("<port>465<", f"<port>{port}<")
        self.hosts.web.route(f"autoconfig.{ATTACKER}", DOCUMENT, document.replace(DOMAIN, ATTACKER))

    def test_the_trap_can_be_reached(self):
        self.publish(f"public.{ATTACKER}", 993)
        self.discover()
        self.assertGreater(self.trap.count(), 0)

    def test_documents(self):
        for host, port in PUBLISHED:
            with self.subTest(host, port=port):
                self.hosts.web.clear()
                self.publish(host, port)
                self.discover()
                hosts = {asked for _scheme, asked, _path in self.hosts.web.requests}
                self.assertIn(f"autoconfig.{ATTACKER}", hosts)
        self.assertNobodyCame()

    def test_redirects(self):
        for location in REDIRECTS:
            with self.subTest(location):
                self.hosts.web.clear()
                self.hosts.web.redirect(f"autoconfig.{ATTACKER}", DOCUMENT, location)
                self.discover()
                self.assertTrue(self.hosts.web.requests)
                self.assertNobodyCame()

    def test_records(self):
        records = [
            f"_imaps._tcp.{ATTACKER}. SRV 0 1 22 public.{ATTACKER}.",
            f"_imaps._tcp.{ATTACKER}. SRV 0 1 6379 public.{ATTACKER}.",
            f"_submissions._tcp.{ATTACKER}. SRV 0 1 80 public.{ATTACKER}.",
        ]
        for host in ("loop", "private", "meta", "alias", "127.0.0.1.wild"):
            records += [
                f"{ATTACKER}. MX 10 {host}.{ATTACKER}.",
                f"_imaps._tcp.{ATTACKER}. SRV 0 1 993 {host}.{ATTACKER}.",
                f"_submissions._tcp.{ATTACKER}. SRV 0 1 465 {host}.{ATTACKER}.",
                f"_autodiscover._tcp.{ATTACKER}. SRV 0 1 443 {host}.{ATTACKER}.",
            ]
        for record in records:
            with self.subTest(record):
                self.hosts.dns.clear()
                self.hosts.dns.zone(f"{ZONE}{record}")
                self.discover()
        self.assertNobodyCame()


@tagged("post_install", "-at_install")
class TestAbuseAllowed(AbuseCase):
    """What an administrator allows, and nothing beside it."""

    def setUp(self):
        super().setUp()
        hosts = self.hosts
        self.use_network(lambda guard: HostsNetwork(hosts.mail, hosts.dns, hosts.web, guard=guard))
        self.values = {"incoming_host": f"imap.{DOMAIN}", "outgoing_host": f"smtp.{DOMAIN}"}

    def connect(self):
        self.account._connect_incoming__().close()

    def test_networks_and_hosts(self):
        self.account.write({"email": ADDRESS, "password": PASSWORD})
        for allowed in ("127.0.0.0/8", "127.0.0.1", f"mail.intranet, IMAP.{DOMAIN}", "10.0.0.0/8,127.0.0.1"):
            with self.subTest(allowed):
                self.allow(allowed)
                self.connect()
        for allowed in (False, "10.0.0.0/8", f"smtp.{DOMAIN}", DOMAIN, "::1"):
            with self.subTest(allowed):
                self.allow(allowed)
                with self.assertRaises(mailclient.MailFailure) as caught:
                    self.connect()
                self.assertEqual(caught.exception.cause, "address_blocked")

    def test_ports(self):
        self.account.write({"email": ADDRESS, "password": PASSWORD})
        hosts, port = self.hosts, self.hosts.mail.ports["imaps"]
        places = {(ANY, ANY): port}
        context = hosts.web.authority.client_context()
        self.use_network(
            lambda guard: PlacedNetwork(hosts.dns.nameserver, places, guard=guard, ssl_context=context)
        )
        for allowed in ("2993", "1000, 2990-2999", "nonsense, 2993"):
            with self.subTest(allowed):
                self.allow("127.0.0.1", allowed)
                self.account.write({"incoming_port": 2993, "password": PASSWORD})
                self.connect()
        for allowed in (False, "2994", "2994-2999", "nonsense", "2993-"):
            with self.subTest(allowed):
                self.allow("127.0.0.1", allowed)
                with self.assertRaises(mailclient.MailFailure) as caught:
                    self.connect()
                self.assertEqual(caught.exception.cause, "port_not_allowed")

    def test_the_settings_say_what_is_wrong(self):
        settings = self.env["res.config.settings"]
        for ports in ("nonsense", "0", "65536", "20-10", "993-", "-1", "1,,x", "٣"):
            with self.subTest(ports), self.assertRaisesRegex(ValidationError, "More Ports of Mail Servers"):
                settings.create({"email_account_allowed_ports": ports})
        settings.create({"email_account_allowed_ports": "2465, 10000-10010"}).execute()
        guard = self.env["email.account"]._get_network().guard
        self.assertEqual(
            [guard.allows_port(port) for port in (2465, 10005, 10011, 993, 1143)],
            [True, True, False, True, True],
        )

    def test_users_cannot_allow_anything(self):
        user = new_test_user(self.env, login="ea_abuser", groups="base.group_user")
        for name in (NETWORKS, PORTS):
            with self.assertRaises(AccessError):
                self.env["ir.config_parameter"].with_user(user).set_param(name, "*")
        with self.assertRaises(AccessError):
            self.env["res.config.settings"].with_user(user).create({"email_account_allowed_ports": "1-2"})
