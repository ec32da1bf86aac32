"""Each way of publishing, from the address to servers that were spoken to, over real hosts on loopback."""

import asyncio
import base64
import hashlib
import json
from unittest.mock import patch

from odoo.addons.email_account.autoconfig import Guard
from odoo.addons.email_account.autoconfig.sources import provider_mx

from .documents import client_config, incoming, outgoing
from .world import BAD, CLEAR, DEAD, LIVE, STARTTLS, WorldCase

DOCUMENT = "/mail/config-v1.1.xml"
WELL_KNOWN = "/.well-known/autoconfig/mail/config-v1.1.xml"
POX = "/autodiscover/autodiscover.xml"
ISPDB = "autoconfig.thunderbird.net"
IMAP, SMTP = "imap.acme.example:993 tls", "smtp.acme.example:465 tls"


def document(name="acme.example"):
    return client_config(incoming(host=f"imap.{name}"), outgoing(host=f"smtp.{name}"))


def zone(*hosts, domain="acme.example", ip=LIVE):
    return "".join(f"{host}.{domain}. A {ip}\n" for host in hosts)


class TestAutoconfig(WorldCase):
    """The ranks of draft-ietf-mailmaint-autoconfig-06."""

    def publish(self, rank):
        """Publish under a rank: servers that tell which one it was."""
        name = f"r{rank.replace('.', '')}.example"
        self.dns.zone(zone("imap", "smtp", domain=name))
        host, path = {
            "1.1": ("autoconfig.acme.example", DOCUMENT),
            "1.2": ("acme.example", WELL_KNOWN),
            "1.3": ("autoconfig.acme.example", DOCUMENT),
            "2.1": (ISPDB, "/v1.1/acme.example"),
            "3.1": ("autoconfig.mail.filter.example", DOCUMENT),
            "3.2": ("autoconfig.filter.example", DOCUMENT),
            "3.3": (ISPDB, "/v1.1/mail.filter.example"),
            "3.4": (ISPDB, "/v1.1/filter.example"),
        }[rank]
        if rank.startswith("3"):
            self.dns.zone(
                "acme.example. MX 10 mx1.mail.filter.example.\nacme.example. MX 20 a.other.example."
            )
        self.dns.zone(f"{host}. A {LIVE}")
        self.web.route(host, path, document(name))
        if rank == "1.3":
            self.web.certificate(host, "wrong_name")
        return name

    SOURCES = {
        "1.1": ("autoconfig", ""),
        "1.2": ("autoconfig", ""),
        "1.3": ("autoconfig_http", "http"),
        "2.1": ("ispdb", ""),
        "3.1": ("mx", "dns"),
        "3.2": ("mx", "dns"),
        "3.3": ("mx", "dns"),
        "3.4": ("mx", "dns"),
    }

    async def test_each_rank_alone(self):
        for rank, (source, doubt) in self.SOURCES.items():
            with self.subTest(rank):
                self.setUp()
                name = self.publish(rank)
                discovery = await self.discover()
                self.assertFound(discovery, source, f"imap.{name}:993 tls", f"smtp.{name}:465 tls", doubt)
                self.assertEqual(discovery.settings.domain, name)

    async def test_each_rank_beats_those_after_it(self):
        names = {rank: self.publish(rank) for rank in reversed(self.SOURCES) if rank != "1.3"}
        for rank, name in reversed(names.items()):
            source, doubt = self.SOURCES[rank]
            with self.subTest(rank):
                discovery = await self.discover()
                self.assertFound(discovery, source, f"imap.{name}:993 tls", f"smtp.{name}:465 tls", doubt)
            # what was found is gone; the next counts
            self.dns.clear()
            self.web.clear()
            self.setUp()
            for later in list(names)[: list(names).index(rank)]:
                self.publish(later)

    async def test_http_beats_the_central_database(self):
        self.publish("2.1")
        name = self.publish("1.3")
        discovery = await self.discover()
        self.assertFound(discovery, "autoconfig_http", f"imap.{name}:993 tls", f"smtp.{name}:465 tls", "http")

    async def test_the_address_is_told_over_https_alone(self):
        self.publish("1.3")
        await self.discover("jane@acme.example")
        plain = [path for scheme, _host, path in self.web.requests if scheme == "http"]
        self.assertIn(DOCUMENT, plain)
        self.assertFalse([path for path in plain if "jane" in path])

    async def test_http_that_redirects_to_https_could_be_forged_too(self):
        self.dns.zone(zone("autoconfig", "settings", "imap", "smtp"))
        self.web.redirect("autoconfig.acme.example", DOCUMENT, "https://settings.acme.example/x.xml")
        self.web.certificate("autoconfig.acme.example", "expired")
        self.web.route("settings.acme.example", "/x.xml", document())
        self.assertFound(await self.discover(), "autoconfig_http", IMAP, SMTP, "http")

    async def test_central_database_by_its_other_address(self):
        self.dns.clear()
        self.dns.zone(f"live.thunderbird.net. A {LIVE}\n" + zone("imap", "smtp"))
        self.web.route("live.thunderbird.net", "/autoconfig/v1.1/acme.example", document())
        self.assertFound(await self.discover(), "ispdb", IMAP, SMTP)

    async def test_validated_mx_needs_no_confirmation(self):
        name = self.publish("3.1")
        self.dns.authenticated = True
        discovery = await self.discover()
        self.assertFound(discovery, "mx", f"imap.{name}:993 tls", f"smtp.{name}:465 tls", "")

    async def test_mx_in_the_own_base_domain_needs_no_confirmation(self):
        self.dns.zone(zone("autoconfig.mail", "imap", "smtp") + "acme.example. MX 10 mx1.mail.acme.example.")
        self.web.route("autoconfig.mail.acme.example", DOCUMENT, document())
        self.assertFound(await self.discover(), "mx", IMAP, SMTP)

    async def test_known_provider_by_mx(self):
        self.dns.zone("acme.example. MX 10 a.mx.hoster.example.")
        discovery = await self.discover()
        self.assertFound(discovery, "mx", "imap.hoster.example:993 tls", "smtp.hoster.example:465 tls", "dns")
        self.assertEqual((discovery.settings.provider, discovery.settings.name), ("hoster", "Hoster"))
        self.assertEqual(discovery.settings.incoming[0].username, "jane@acme.example")

    async def test_internationalised_domain_in_both_spellings(self):
        self.dns.zone(zone("autoconfig", "imap", "smtp", domain="xn--bcher-kva.example"))
        self.web.route("autoconfig.xn--bcher-kva.example", DOCUMENT, document("%EMAILDOMAIN%"))
        for address in ("jane@bücher.example", "jane@xn--bcher-kva.example", "jane@BÜCHER。example"):
            with self.subTest(address):
                discovery = await self.discover(address)
                self.assertFound(
                    discovery,
                    "autoconfig",
                    "imap.xn--bcher-kva.example:993 tls",
                    "smtp.xn--bcher-kva.example:465 tls",
                )
                self.assertEqual(
                    [server.username for server in discovery.settings.incoming],
                    ["jane@xn--bcher-kva.example", "jane@bücher.example"],
                )


class TestSrv(WorldCase):
    """RFC 6186, RFC 8314: each form of the records."""

    def publish(self, records, domain="acme.example"):
        hosts = ("imap", "pop", "smtp", "a", "b")
        self.dns.zone(zone(*hosts) + zone(*hosts, domain="other.example"))
        self.dns.zone(
            "\n".join(f"{line.split()[0]}._tcp.{domain}. SRV {line[line.index(' ') :]}" for line in records)
        )

    async def test_forms(self):
        smtp = "_submissions 0 1 465 smtp.acme.example."
        for records, best_incoming, best_outgoing in (
            (["_imaps 0 1 993 imap.acme.example.", smtp], IMAP, SMTP),
            (["_imap 0 1 143 imap.acme.example.", smtp], "imap.acme.example:143 starttls", SMTP),
            (["_pop3s 0 1 995 pop.acme.example.", smtp], "pop.acme.example:995 tls", SMTP),
            (["_pop3 0 1 110 pop.acme.example.", smtp], "pop.acme.example:110 starttls", SMTP),
            (
                ["_imaps 0 1 993 imap.acme.example.", "_submission 0 1 587 smtp.acme.example."],
                IMAP,
                "smtp.acme.example:587 starttls",
            ),
            # a slip: 465 begins with TLS
            (["_imaps 0 1 993 imap.acme.example.", "_submission 0 1 465 smtp.acme.example."], IMAP, SMTP),
            # TLS beats STARTTLS
            (
                ["_imap 0 1 143 imap.acme.example.", "_imaps 10 1 993 a.acme.example.", smtp],
                "a.acme.example:993 tls",
                SMTP,
            ),
            # IMAP beats POP3 ...
            (
                ["_pop3s 5 1 995 pop.acme.example.", "_imaps 5 1 993 imap.acme.example.", smtp],
                IMAP,
                SMTP,
            ),
            # ... unless the domain says otherwise
            (
                ["_pop3s 0 1 995 pop.acme.example.", "_imaps 5 1 993 imap.acme.example.", smtp],
                "pop.acme.example:995 tls",
                SMTP,
            ),
            # not offered
            (["_imaps 0 0 0 .", "_pop3s 0 1 995 pop.acme.example.", smtp], "pop.acme.example:995 tls", SMTP),
            # priority, then weight
            (
                ["_imaps 10 9 993 imap.acme.example.", "_imaps 5 1 993 a.acme.example.", smtp],
                "a.acme.example:993 tls",
                SMTP,
            ),
            (
                ["_imaps 5 1 993 imap.acme.example.", "_imaps 5 9 993 b.acme.example.", smtp],
                "b.acme.example:993 tls",
                SMTP,
            ),
        ):
            with self.subTest(records):
                self.setUp()
                self.publish(records)
                discovery = await self.discover()
                self.assertFound(discovery, "srv", best_incoming, best_outgoing)
                self.assertEqual({s.username for s in discovery.settings.incoming}, {""})
                self.assertEqual(discovery.as_dict()["incoming"][0]["username"], "jane@acme.example")

    async def test_nothing_is_offered(self):
        for name in ("imaps", "imap", "pop3s", "pop3", "submissions", "submission"):
            self.dns.zone(f"_{name}._tcp.acme.example. SRV 0 0 0 .")
        self.assertNotFound(await self.discover())
        self.assertEqual(self.steps["srv"].result, "not_found")

    async def test_a_name_server_that_fails_on_some_names(self):
        self.publish(["_imaps 0 1 993 imap.acme.example.", "_submissions 0 1 465 smtp.acme.example."])
        self.dns.fail("_pop3._tcp.acme.example", "_imap._tcp.acme.example")
        self.assertFound(await self.discover(), "srv", IMAP, SMTP)

    async def test_servers_of_another_domain_are_confirmed(self):
        self.publish(["_imaps 0 1 993 imap.other.example.", "_submissions 0 1 465 smtp.acme.example."])
        discovery = await self.discover()
        self.assertFound(discovery, "srv", "imap.other.example:993 tls", SMTP, "dns")
        self.assertEqual(discovery.settings.domain, "other.example, acme.example")
        self.dns.authenticated = True
        self.assertFound(await self.discover(), "srv", "imap.other.example:993 tls", SMTP, "")

    async def test_a_dead_server_gives_way_to_the_next(self):
        self.publish(
            [
                "_imaps 0 1 993 dead.acme.example.",
                "_imaps 5 1 993 imap.acme.example.",
                "_submissions 0 1 465 smtp.acme.example.",
            ]
        )
        self.dns.zone(zone("dead", ip=DEAD))
        discovery = await self.discover()
        self.assertFound(discovery, "srv", IMAP, SMTP)
        self.assertEqual([server.host for server, _reason in discovery.unreachable], ["dead.acme.example"])


class TestPacc(WorldCase):
    def publish(self, *records, submit="submit"):
        body = json.dumps(
            {
                "protocols": {"imap": {"host": "imap.acme.example"}, submit: {"host": "smtp.acme.example"}},
                "authentication": {"password": True},
                "info": {"provider": {"name": "Acme"}},
            }
        ).encode()
        self.digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
        self.dns.zone(zone("ua-auto-config", "imap", "smtp"))
        for record in records:
            text = record.replace("DIGEST", self.digest)
            self.dns.zone(f'_ua-auto-config.acme.example. TXT "{text}"')
        self.web.route("ua-auto-config.acme.example", "/.well-known/user-agent-configuration.json", body)

    async def test_with_digest(self):
        for submit in ("submit", "smtp"):
            with self.subTest(submit):
                self.setUp()
                self.publish("v=UAAC1; a=sha256; d=DIGEST", submit=submit)
                discovery = await self.discover(directions=("incoming", "outgoing"))
                self.assertFound(discovery, "pacc", IMAP, SMTP)
                self.assertEqual(discovery.settings.name, "Acme")

    async def test_digests_roll_over(self):
        self.publish("v=UAAC1; a=sha256; d=" + "A" * 43 + "=", "v=UAAC1; a=sha256; d=DIGEST")
        self.assertFound(await self.discover(), "pacc", IMAP, SMTP)

    async def test_digest_in_several_strings(self):
        self.publish()
        half = self.digest[:20], self.digest[20:]
        self.dns.zone(f'_ua-auto-config.acme.example. TXT "v=UAAC1; a=sha256; d={half[0]}" "{half[1]}"')
        self.assertFound(await self.discover(), "pacc", IMAP, SMTP)

    async def test_no_settings_without_the_right_digest(self):
        for records, words in (
            (["v=UAAC1; a=sha256; d=" + "A" * 43 + "="], "does not match"),
            ([], "no digest"),
            (["something else"], "no digest"),
        ):
            with self.subTest(words):
                self.setUp()
                self.publish(*records)
                discovery = await self.discover()
                self.assertNotEqual(discovery.settings and discovery.settings.source, "pacc")
                self.assertEqual(self.steps["pacc"].result, "invalid")
                self.assertIn(words, self.steps["pacc"].detail)


def pox(body):
    return (
        '<?xml version="1.0"?><Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/'
        'responseschema/2006"><Response xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/'
        f'responseschema/2006a"><Account><AccountType>email</AccountType>{body}</Account></Response></Autodiscover>'
    )


SETTINGS = pox(
    "<Action>settings</Action>"
    "<Protocol><Type>IMAP</Type><Server>imap.acme.example</Server><Port>993</Port><SSL>on</SSL>"
    "<LoginName>jane</LoginName></Protocol>"
    "<Protocol><Type>SMTP</Type><Server>smtp.acme.example</Server><Port>465</Port><SSL>on</SSL></Protocol>"
)


class TestAutodiscover(WorldCase):
    def setUp(self):
        super().setUp()
        self.dns.zone(zone("imap", "smtp"))

    def assertNoLoginSent(self):
        self.assertTrue(self.web.posts)
        for _host, _path, body in self.web.posts:
            self.assertIn(b"EMailAddress>", body)
            self.assertNotIn(b"assword", body)

    async def test_places(self):
        for place, doubt in (
            ("autodiscover.acme.example", ""),
            ("acme.example", ""),
            ("srv.acme.example", ""),
            ("srv.other.example", "dns"),
            ("redirect.other.example", "http"),
        ):
            with self.subTest(place):
                self.setUp()
                self.dns.zone(f"{place}. A {LIVE}")
                self.web.route(place, POX, SETTINGS)
                if place.startswith("srv"):
                    self.dns.zone(f"_autodiscover._tcp.acme.example. SRV 0 0 443 {place}.")
                if place.startswith("redirect"):
                    self.dns.zone(zone("autodiscover"))
                    self.web.certificate("autodiscover.acme.example", "wrong_name")
                    self.web.redirect("autodiscover.acme.example", POX, f"https://{place}{POX}")
                discovery = await self.discover()
                self.assertFound(discovery, "autodiscover", IMAP, SMTP, doubt)
                self.assertEqual(discovery.settings.incoming[0].username, "jane")
                self.assertNoLoginSent()

    async def test_redirects(self):
        self.dns.zone(zone("autodiscover") + zone("autodiscover", domain="other.example"))
        elsewhere = "https://autodiscover.other.example"
        self.web.route(
            "autodiscover.acme.example",
            POX,
            pox("<Action>redirectAddr</Action><RedirectAddr>jane@other.example</RedirectAddr>"),
        )
        self.web.route(
            "autodiscover.other.example",
            POX,
            pox(f"<Action>redirectUrl</Action><RedirectUrl>{elsewhere}/third.xml</RedirectUrl>"),
        )
        self.web.route("autodiscover.other.example", "/third.xml", SETTINGS)
        discovery = await self.discover()
        self.assertFound(discovery, "autodiscover", IMAP, SMTP)
        self.assertIn(b"jane@other.example", self.web.posts[-1][2])

        self.web.route(
            "autodiscover.other.example",
            "/third.xml",
            pox(f"<Action>redirectUrl</Action><RedirectUrl>{elsewhere}/fourth.xml</RedirectUrl>"),
        )
        self.web.route("autodiscover.other.example", "/fourth.xml", SETTINGS)
        await self.discover()
        self.assertEqual(self.steps["autodiscover"].result, "refused")

    async def test_a_login_is_never_sent(self):
        self.dns.zone(zone("autodiscover"))
        self.web.route(
            "autodiscover.acme.example", POX, status=401, headers={"WWW-Authenticate": 'Basic realm="x"'}
        )
        await self.discover()
        self.assertEqual(self.steps["autodiscover"].result, "not_found")
        asked = [request for request in self.web.requests if request[1] == "autodiscover.acme.example"]
        self.assertEqual(len([path for scheme, _host, path in asked if scheme == "https"]), 1)

    async def test_led_to_microsoft_365(self):
        self.dns.zone(zone("autodiscover"))
        self.web.certificate("autodiscover.acme.example", "wrong_name")
        self.web.redirect(
            "autodiscover.acme.example",
            POX,
            "https://autodiscover-s.outlook.com/autodiscover/autodiscover.xml",
        )
        discovery = await self.discover()
        self.assertFound(
            discovery,
            "autodiscover",
            "outlook.office365.com:993 tls",
            "smtp.office365.com:587 starttls",
            "http",
        )
        self.assertEqual(discovery.settings.provider, "m365")

    async def test_redirects_lead_nowhere_inside(self):
        self.dns.zone(zone("autodiscover", "inside"))
        self.web.certificate("autodiscover.acme.example", "wrong_name")
        for target in (
            "https://inside.acme.example",
            "https://10.0.0.1",
            "https://[::1]",
            "http://acme.example",
        ):
            with self.subTest(target):
                self.web.redirect("autodiscover.acme.example", POX, f"{target}{POX}")
                self.web.requests.clear()
                network = self.get_network(guard=Guard(["autodiscover.acme.example"]))
                self.assertNotFound(await self.discover(network=network))
                self.assertEqual(self.steps["autodiscover"].result, "refused")
                self.assertEqual(
                    {host for _scheme, host, _path in self.web.requests}, {"autodiscover.acme.example"}
                )


class TestHostileDns(WorldCase):
    def publish(self):
        self.dns.zone(zone("imap", "smtp"))
        self.dns.zone("_imaps._tcp.acme.example. SRV 0 1 993 imap.acme.example.")
        self.dns.zone("_submissions._tcp.acme.example. SRV 0 1 465 smtp.acme.example.")

    async def test_answers_that_are_none(self):
        """The typed failure in the step, no settings, and nothing logged as a failure of the program."""
        for fault in ("garble", "forge", "fail", "silence"):
            with self.subTest(fault):
                self.setUp()
                self.publish()
                getattr(self.dns, fault)("acme.example")
                discovery = await self.discover(network=self.get_network(lookup_timeout=0.4))
                self.assertNotFound(discovery)
                for source in ("srv", "mx"):
                    self.assertEqual(self.steps[source].result, "no_answer", self.steps[source])
                    self.assertIn("DNS", self.steps[source].detail)

    async def test_truncated_answers_are_asked_for_again(self):
        self.publish()
        self.dns.truncate("_tcp.acme.example")
        self.assertFound(await self.discover(), "srv", IMAP, SMTP)

    async def test_records_that_are_none(self):
        self.publish()
        self.dns.zone('acme.example. MX 10 localhost.\n_ua-auto-config.acme.example. TXT "\xff; d=; v="')
        self.dns.zone("_imaps._tcp.acme.example. SRV 0 1 993 localhost.")
        self.assertFound(await self.discover(), "srv", IMAP, SMTP)
        self.assertEqual(self.steps["mx"].result, "not_found")


class TestMicrosoft(WorldCase):
    TENANT = "/acme.example/v2.0/.well-known/openid-configuration"
    SERVERS = ("outlook.office365.com:993 tls", "smtp.office365.com:587 starttls")

    def be_tenant(self, url="https://outlook.office365.com/autodiscover/autodiscover.xml"):
        patience = patch.object(provider_mx, "TENANT_PATIENCE", 5)  # on a machine that is busy
        patience.start()
        self.addCleanup(patience.stop)
        self.web.route("login.microsoftonline.com", self.TENANT, "{}")
        self.web.route(
            "outlook.office365.com",
            "/autodiscover/autodiscover.json",
            json.dumps({"Protocol": "Autodiscoverv1", "Url": url}),
        )

    def publish_stale_settings(self):
        self.dns.zone(zone("autoconfig", "imap", "smtp"))
        self.web.route("autoconfig.acme.example", DOCUMENT, document())

    async def test_mx_and_tenant_are_certain(self):
        self.dns.zone("acme.example. MX 0 acme-example.mail.protection.outlook.com.")
        self.be_tenant()
        discovery = await self.discover()
        self.assertFound(discovery, "provider_mx", *self.SERVERS)

    async def test_stale_settings_of_the_web_host_do_not_hide_it(self):
        self.dns.zone("acme.example. MX 0 acme-example.mail.protection.outlook.com.")
        self.publish_stale_settings()
        self.assertFound(await self.discover(), "provider_mx", *self.SERVERS, "dns")
        self.be_tenant()
        self.assertFound(await self.discover(), "provider_mx", *self.SERVERS)

    async def test_tenant_check_that_hangs(self):
        self.dns.zone("acme.example. MX 0 acme-example.mail.protection.outlook.com.")
        self.publish_stale_settings()
        self.web.route("login.microsoftonline.com", self.TENANT, "{}", delay=30)
        self.assertFound(await self.discover(), "provider_mx", *self.SERVERS, "dns")

    async def test_behind_a_mail_filter(self):
        self.dns.zone("acme.example. MX 0 mx.filter.example.")
        self.be_tenant()
        self.assertFound(await self.discover(), "microsoft", *self.SERVERS)
        asked = " ".join(path for _scheme, _host, path in self.web.requests)
        self.assertNotIn("Email=jane", asked)

    async def test_tenant_with_mailboxes_elsewhere(self):
        self.be_tenant()
        self.dns.zone("acme.example. MX 0 mx.acme.example.")
        self.assertNotFound(await self.discover())

    async def test_service_of_its_own(self):
        """Microsoft knows where the domain's Exchange server answers."""
        self.be_tenant("https://exchange.acme.example/autodiscover/autodiscover.xml")
        self.assertNotFound(await self.discover())
        self.dns.zone(zone("exchange", "imap", "smtp"))
        self.web.route("exchange.acme.example", POX, status=401)
        self.assertEqual((await self.discover()).settings.source, "guess")
        self.web.route("exchange.acme.example", POX, SETTINGS)
        self.assertFound(await self.discover(), "microsoft", IMAP, SMTP)

    async def test_microsoft_names_itself_for_strangers(self):
        self.be_tenant()
        self.web.route("login.microsoftonline.com", self.TENANT, "{}", status=400)
        self.assertNotFound(await self.discover())

    async def test_not_a_tenant(self):
        self.web.route("login.microsoftonline.com", self.TENANT, "{}", status=400)
        self.assertNotFound(await self.discover())
        self.assertEqual(self.steps["microsoft"].result, "not_found")


class TestParent(WorldCase):
    async def test_parent_domain(self):
        self.dns.zone(zone("autoconfig", "imap", "smtp"))
        self.web.route("autoconfig.acme.example", DOCUMENT, document())
        for address in ("jane@sales.acme.example", "jane@a.b.acme.example"):
            with self.subTest(address):
                discovery = await self.discover(address)
                self.assertFound(discovery, "parent", IMAP, SMTP)
                self.assertEqual(discovery.settings.incoming[0].username, address)

    async def test_the_nearest_parent_counts(self):
        self.dns.zone(zone("autoconfig", "imap", "smtp") + zone("autoconfig.b", "imap.b", "smtp.b"))
        self.web.route("autoconfig.acme.example", DOCUMENT, document())
        self.web.route("autoconfig.b.acme.example", DOCUMENT, document("b.acme.example"))
        discovery = await self.discover("jane@a.b.acme.example")
        self.assertFound(discovery, "parent", "imap.b.acme.example:993 tls", "smtp.b.acme.example:465 tls")

    async def test_a_public_suffix_is_nobodys_parent(self):
        self.dns.zone("autoconfig.co.uk. A 127.0.0.1\n" + zone("imap", "smtp"))
        self.web.route("autoconfig.co.uk", DOCUMENT, document())
        self.assertNotFound(await self.discover("jane@acme.co.uk"))
        self.assertEqual([name for name, _kind in self.dns.queries if name.endswith("g.co.uk")], [])


class TestGuess(WorldCase):
    async def test_usual_names(self):
        for hosts, best_incoming, best_outgoing in (
            (("imap", "smtp"), IMAP, SMTP),
            (("mail",), "mail.acme.example:993 tls", "mail.acme.example:465 tls"),
            (("pop", "smtp"), "pop.acme.example:995 tls", SMTP),
            (("pop3", "mail", "imap"), IMAP, "mail.acme.example:465 tls"),
        ):
            with self.subTest(hosts):
                self.setUp()
                self.dns.zone(zone(*hosts))
                discovery = await self.discover()
                self.assertFound(discovery, "guess", best_incoming, best_outgoing, "guess")
                self.assertEqual(discovery.settings.domain, "acme.example")

    async def test_the_domain_itself(self):
        self.dns.zone(f"acme.example. A {LIVE}")
        self.assertFound(
            await self.discover(), "guess", "acme.example:993 tls", "acme.example:465 tls", "guess"
        )

    async def test_the_mx_host_itself(self):
        self.dns.zone("acme.example. MX 10 mx.mail.example.\n" + zone("mx", domain="mail.example"))
        discovery = await self.discover()
        self.assertFound(discovery, "guess", "mx.mail.example:993 tls", "mx.mail.example:465 tls", "guess")
        self.assertEqual(discovery.settings.domain, "mail.example")

    async def test_the_base_domain_of_a_sub_domain(self):
        self.dns.zone(zone("imap", "smtp"))
        self.assertFound(await self.discover("jane@sales.acme.example"), "guess", IMAP, SMTP, "guess")

    async def test_starttls(self):
        self.dns.zone(zone("imap", "smtp", ip=STARTTLS))
        self.assertFound(
            await self.discover(),
            "guess",
            "imap.acme.example:143 starttls",
            "smtp.acme.example:587 starttls",
            "guess",
        )

    async def test_a_bad_certificate_disqualifies(self):
        self.dns.zone(zone("imap", "smtp", ip=BAD))
        self.assertNotFound(await self.discover())
        self.assertEqual(self.steps["guess"].result, "refused")

    async def test_clear_text_is_not_guessed(self):
        self.dns.zone(zone("imap", "smtp", ip=CLEAR))
        self.assertNotFound(await self.discover())


class TestProof(WorldCase):
    """A server is spoken to before it is proposed."""

    def publish(self, *sections, ip=LIVE, hosts=("imap", "smtp", "pop")):
        self.dns.zone(zone("autoconfig") + zone(*hosts, ip=ip))
        self.web.route("autoconfig.acme.example", DOCUMENT, client_config(*sections))

    def mail(self, kind, host, port, security):
        make = outgoing if kind == "smtp" else incoming
        return make(kind, host=f"{host}.acme.example", port=port, security=security)

    async def test_dead_servers_give_way_to_the_next_answer(self):
        self.publish(
            self.mail("imap", "imap", "993", "SSL"), self.mail("smtp", "smtp", "465", "SSL"), ip=DEAD
        )
        self.dns.zone(zone("imap", "smtp", domain="other.example"))
        self.web.route(ISPDB, "/v1.1/acme.example", document("other.example"))
        discovery = await self.discover()
        self.assertFound(discovery, "ispdb", "imap.other.example:993 tls", "smtp.other.example:465 tls")
        self.assertEqual(self.steps["autoconfig"].result, "no_answer")
        self.assertIn("imap.acme.example:993: refuses connections", self.steps["autoconfig"].detail)
        self.assertEqual(
            {(server.host, server.port) for server, _reason in discovery.unreachable},
            {("imap.acme.example", 993), ("smtp.acme.example", 465)},
        )

    async def test_one_direction_is_dead(self):
        self.publish(self.mail("imap", "imap", "993", "SSL"), self.mail("smtp", "gone", "465", "SSL"))
        discovery = await self.discover()
        self.assertFound(discovery, "autoconfig+guess", IMAP, SMTP, "guess")

    async def test_no_name_leads_to_it(self):
        self.publish(
            self.mail("imap", "gone", "993", "SSL"), self.mail("smtp", "gone", "465", "SSL"), hosts=()
        )
        self.assertNotFound(await self.discover())
        self.assertEqual(self.steps["autoconfig"].result, "not_found")
        self.assertIn("gone.acme.example: no such host", self.steps["autoconfig"].detail)

    async def test_bad_certificate(self):
        self.publish(self.mail("imap", "imap", "993", "SSL"), self.mail("smtp", "smtp", "465", "SSL"), ip=BAD)
        self.assertNotFound(await self.discover())
        self.assertEqual(self.steps["autoconfig"].result, "refused")
        self.assertIn("no valid certificate", self.steps["autoconfig"].detail)

    async def test_encryption_counts_whatever_the_order(self):
        self.publish(
            self.mail("pop3", "pop", "110", "plain"),
            self.mail("pop3", "pop", "995", "SSL"),
            self.mail("imap", "imap", "143", "STARTTLS"),
            self.mail("imap", "imap", "993", "SSL"),
            self.mail("smtp", "smtp", "587", "STARTTLS"),
            self.mail("smtp", "smtp", "465", "SSL"),
        )
        discovery = await self.discover()
        self.assertFound(discovery, "autoconfig", IMAP, SMTP)
        self.assertEqual(
            [(server.protocol, server.security) for server in discovery.settings.incoming],
            [("imap", "tls"), ("imap", "starttls"), ("pop3", "tls"), ("pop3", "starttls")],
        )

    async def test_contradictions_are_settled_by_the_server(self):
        self.publish(self.mail("imap", "imap", "143", "SSL"), self.mail("smtp", "smtp", "587", "SSL"))
        self.assertFound(
            await self.discover(),
            "autoconfig",
            "imap.acme.example:143 starttls",
            "smtp.acme.example:587 starttls",
        )

    async def test_plain_is_upgraded_where_the_server_offers_it(self):
        self.publish(self.mail("imap", "imap", "143", "plain"), self.mail("smtp", "smtp", "587", "plain"))
        self.assertFound(
            await self.discover(),
            "autoconfig",
            "imap.acme.example:143 starttls",
            "smtp.acme.example:587 starttls",
        )

    async def test_clear_text_alone_is_said(self):
        self.publish(
            self.mail("imap", "imap", "143", "plain"), self.mail("smtp", "smtp", "587", "plain"), ip=CLEAR
        )
        self.assertFound(
            await self.discover(), "autoconfig", "imap.acme.example:143 none", "smtp.acme.example:587 none"
        )

    async def test_wanted_directions(self):
        self.publish(self.mail("smtp", "smtp", "465", "SSL"))
        discovery = await self.discover(directions=("outgoing",))
        self.assertFound(discovery, "autoconfig", outgoing=SMTP)

    async def test_what_the_server_offers_is_told(self):
        self.publish(
            incoming(host="imap.acme.example").replace(
                "<authentication>password-cleartext</authentication>", ""
            ),
            self.mail("smtp", "smtp", "465", "SSL"),
        )
        discovery = await self.discover()
        self.assertEqual(discovery.settings.incoming[0].authentication, ("password-cleartext",))

    async def test_known_provider_is_not_spoken_to(self):
        discovery = await self.discover("jane@hoster.example")
        self.assertFound(discovery, "provider", "imap.hoster.example:993 tls", "smtp.hoster.example:465 tls")
        self.assertEqual((self.dns.queries, self.web.requests), ([], []))

    async def test_internal_addresses_are_refused(self):
        network = self.get_network(guard=Guard(["autoconfig.acme.example"]))
        self.publish(self.mail("imap", "imap", "993", "SSL"), self.mail("smtp", "smtp", "465", "SSL"))
        connections = sum(port.connections for port in self.mail_ports)
        self.assertNotFound(await self.discover(network=network))
        self.assertEqual(self.steps["autoconfig"].result, "refused")
        self.assertIn("not an address on the public internet", self.steps["autoconfig"].detail)
        self.assertEqual(sum(port.connections for port in self.mail_ports), connections)

    async def test_other_ports_are_not_connected_to(self):
        self.publish(
            self.mail("imap", "imap", "22", "SSL"), self.mail("smtp", "smtp", "8025", "SSL"), hosts=()
        )
        await self.discover()
        self.assertEqual(self.steps["autoconfig"].result, "refused")
        self.assertIn("not a port of mail servers", self.steps["autoconfig"].detail)

    async def test_hanging_web_host_does_not_hold_up_what_is_known(self):
        self.dns.zone(zone("autoconfig", "imap", "smtp"))
        self.web.route("autoconfig.acme.example", DOCUMENT, document(), delay=30)
        self.web.route(ISPDB, "/v1.1/acme.example", document())
        discovery = await self.discover()
        self.assertFound(discovery, "ispdb", IMAP, SMTP)
        self.assertLess(discovery.elapsed_ms, 3000)
        self.assertEqual(self.steps["autoconfig"].result, "no_answer")

    async def test_cancelled_while_everything_hangs(self):
        self.dns.silence("acme.example")
        at_start = asyncio.all_tasks()
        task = asyncio.ensure_future(self.discover())
        await asyncio.sleep(0.2)
        task.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await task
        self.assertEqual(asyncio.all_tasks() - at_start, set(), "a task is left behind")

    async def test_all_hosts_silent(self):
        """Nothing to find and nobody to say so: each look-up has its end."""
        self.dns.silence("acme.example")
        discovery = await self.discover(network=self.get_network(lookup_timeout=0.5))
        self.assertNotFound(discovery)
        self.assertLess(discovery.elapsed_ms, 4000)
        self.assertEqual(self.steps["srv"].result, "no_answer")
        self.assertIn("no answer from DNS in time", self.steps["srv"].detail)
