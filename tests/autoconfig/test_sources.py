"""Each way of publishing, from the address to the settings, over real DNS and https on loopback."""

import asyncio
import time
import unittest

from aiohttp import web

from odoo.addons.email_account.autoconfig import Address, Provider, Server, default_sources, discover

from .documents import client_config, incoming, outgoing
from .hosts import LoopbackNetwork, dns_host, https_host, silent_host

JANE = Address.parse("jane@example.org")
AUTOCONFIG = "autoconfig.example.org/mail/config-v1.1.xml"
WELL_KNOWN = "example.org/.well-known/autoconfig/mail/config-v1.1.xml"
ISPDB = "ispdb.example.com/v1.1/"
NAMES = ("example.org", "*.example.org", "*.example.net", "*.mail.example.net", "ispdb.example.com")
PROVIDER = Provider(
    "known",
    "Known Mail",
    frozenset({"known.example"}),
    ("mx.known.example",),
    (
        Server("imap", "imap.known.example", 993, "tls", "%EMAILADDRESS%", ("password-cleartext",)),
        Server("smtp", "smtp.known.example", 465, "tls", "%EMAILADDRESS%", ("password-cleartext",)),
    ),
)


def settings_of(name):
    """A document whose servers tell which one it was."""
    return client_config(
        incoming(host=f"imap.{name}.example"), outgoing(host=f"smtp.{name}.example"), name=name
    )


class TestSources(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.at_start = asyncio.all_tasks() - {asyncio.current_task()}
        self.requests = []
        self.hosts = {}

    def assert_results(self, **results):
        self.assertEqual({name: self.results[name] for name in results}, results)

    async def discover(self, pages, zone=None, address=JANE, deadline=5.0, names=None, **kwargs):
        """Discover with a web ({host and path: body, status or seconds to wait}) and a DNS zone."""

        async def serve(request):
            self.requests.append(request.host + request.path_qs)
            page = pages.get(request.host + request.path, 404)
            if isinstance(page, float):
                await asyncio.sleep(page)
            return web.Response(body=page) if isinstance(page, bytes) else web.Response(status=int(page))

        with https_host(serve, *(names or NAMES)) as web_port, dns_host(zone or {}) as dns:
            hosts = (
                {key.partition("/")[0]: web_port for key in pages}
                | {"ispdb.example.com": web_port}
                | self.hosts
            )
            self.network = LoopbackNetwork(hosts, nameservers=[dns.address], **kwargs)
            sources = [
                source for source in default_sources([PROVIDER], f"https://{ISPDB}") if source.name != "guess"
            ]
            discovery = await discover(address, sources=sources, network=self.network, deadline=deadline)
            left = asyncio.all_tasks() - {asyncio.current_task()} - self.at_start
            self.assertEqual(left, set(), "a task is left behind")
            self.dns_questions = dns.asked
        self.steps = {step.source: step for step in discovery.steps}
        self.results = {step.source: step.result for step in discovery.steps}
        return discovery

    def assert_found(self, discovery, source, name, trusted=True):
        settings = discovery.settings
        self.assertIsNotNone(settings, discovery.steps)
        self.assertEqual((settings.source, settings.trusted), (source, trusted))
        self.assertEqual(settings.incoming[0].host, f"imap.{name}.example")
        self.assertEqual(settings.outgoing[0].host, f"smtp.{name}.example")
        self.assertEqual(settings.domain, f"{name}.example")

    # known providers

    async def test_known_provider_without_network(self):
        discovery = await self.discover({}, address=Address.parse("jane@known.example"))
        self.assert_found(discovery, "provider", "known")
        self.assertEqual((discovery.settings.provider, discovery.settings.name), ("known", "Known Mail"))
        self.assertEqual(discovery.settings.incoming[0].username, "jane@known.example")
        self.assertEqual((self.requests, self.dns_questions, self.network.looked_up), ([], [], []))
        self.assertEqual(self.results.pop("provider"), "found")
        self.assertEqual(set(self.results.values()), {"skipped"})
        self.assertLess(discovery.elapsed_ms, 50)

    async def test_known_provider_by_mx(self):
        discovery = await self.discover(
            {}, {"example.org": [(20, "mx.other.example"), (10, "a.mx.known.example")]}
        )
        self.assert_found(discovery, "mx", "known", trusted=False)
        self.assertEqual(
            (discovery.settings.provider, discovery.settings.origin), ("known", "a.mx.known.example")
        )
        self.assertIn("Known Mail", self.steps["mx"].detail)
        self.assertEqual(discovery.settings.incoming[0].username, "jane@example.org")

    # the domain's own

    async def test_autoconfig(self):
        discovery = await self.discover({AUTOCONFIG: settings_of("first"), WELL_KNOWN: settings_of("second")})
        self.assert_found(discovery, "autoconfig", "first")
        self.assertEqual(discovery.settings.name, "first")
        self.assertEqual(discovery.settings.origin, f"https://{AUTOCONFIG}")
        self.assertIn(f"{AUTOCONFIG}?emailaddress=jane@example.org", self.requests)
        self.assertEqual(self.steps["autoconfig"].detail, "autoconfig.example.org")

    async def test_address_in_the_question_is_quoted(self):
        await self.discover(
            {AUTOCONFIG: settings_of("first")}, address=Address.parse("a&b=c#d+é@example.org")
        )
        self.assertIn(f"{AUTOCONFIG}?emailaddress=a%26b%3Dc%23d%2B%C3%A9@example.org", self.requests)

    async def test_well_known(self):
        for first in (404, 500, 429, b"<!DOCTYPE html><p>", b"<clientConfig/>"):
            with self.subTest(first):
                discovery = await self.discover({AUTOCONFIG: first, WELL_KNOWN: settings_of("second")})
                self.assert_found(discovery, "autoconfig", "second")
                self.assertEqual(discovery.settings.origin, f"https://{WELL_KNOWN}")

    async def test_well_known_without_the_other_host(self):
        discovery = await self.discover({WELL_KNOWN: settings_of("second")})
        self.assert_found(discovery, "autoconfig", "second")

    async def test_the_first_counts_even_if_it_is_slow(self):
        async def serve(request):
            if request.host.startswith("autoconfig"):
                await asyncio.sleep(0.1)
                return web.Response(body=settings_of("first"))
            return web.Response(body=settings_of("second"))

        with https_host(serve, *NAMES) as port, dns_host({}) as dns:
            network = LoopbackNetwork(
                {"example.org": port, "autoconfig.example.org": port}, nameservers=[dns.address]
            )
            self.assert_found(
                await discover(JANE, sources=default_sources([]), network=network), "autoconfig", "first"
            )

    async def test_internationalised_domain(self):
        host = "autoconfig.xn--bcher-kva.example"
        discovery = await self.discover(
            {f"{host}/mail/config-v1.1.xml": client_config(incoming(host="imap.%EMAILDOMAIN%"), outgoing())},
            address=Address.parse("jane@bücher.example"),
            names=(host,),
        )
        self.assertEqual(discovery.settings.incoming[0].host, "imap.xn--bcher-kva.example")
        self.assertEqual(discovery.settings.incoming[0].username, "jane@xn--bcher-kva.example")

    async def test_wrong_certificate(self):
        discovery = await self.discover({AUTOCONFIG: settings_of("first")}, names=("www.example.org",))
        self.assertIsNone(discovery.settings)
        self.assertEqual(self.results["autoconfig"], "refused")
        self.assertIn("certificate", self.steps["autoconfig"].detail)
        self.assertEqual(self.requests, [])

    # the central database

    async def test_ispdb(self):
        discovery = await self.discover({f"{ISPDB}example.org": settings_of("central")})
        self.assert_found(discovery, "ispdb", "central")
        self.assertEqual(discovery.settings.origin, f"https://{ISPDB}example.org")
        self.assertEqual(self.results["autoconfig"], "not_found")
        self.assertIn("no such host", self.steps["autoconfig"].detail)

    async def test_own_settings_beat_the_central_ones(self):
        discovery = await self.discover(
            {AUTOCONFIG: settings_of("own"), f"{ISPDB}example.org": settings_of("central")}
        )
        self.assert_found(discovery, "autoconfig", "own")

    # the MX host

    async def test_mx_domains_in_order(self):
        pages = {
            "autoconfig.mail.example.net/mail/config-v1.1.xml": settings_of("one"),
            "autoconfig.example.net/mail/config-v1.1.xml": settings_of("two"),
            f"{ISPDB}mail.example.net": settings_of("three"),
            f"{ISPDB}example.net": settings_of("four"),
        }
        zone = {"example.org": [(10, "mx1.mail.example.net"), (20, "mx.example.com")]}
        for name in ("one", "two", "three", "four"):
            with self.subTest(name):
                discovery = await self.discover(pages, zone)
                self.assert_found(discovery, "mx", name, trusted=False)
                self.assertEqual(self.steps["mx"].detail, "mx1.mail.example.net")
                self.assertIn("emailaddress=jane@example.org", " ".join(self.requests))
            pages.pop(next(iter(pages)))
        discovery = await self.discover(pages, zone)
        self.assertIsNone(discovery.settings)

    async def test_mx_in_the_own_domain_asks_nothing_twice(self):
        discovery = await self.discover(
            {"autoconfig.example.org/": 404}, {"example.org": [(10, "mx.example.org")]}
        )
        self.assertEqual(self.results["mx"], "not_found")
        self.assertEqual(
            sorted(self.requests),
            [
                f"{AUTOCONFIG}?emailaddress=jane@example.org",
                f"{ISPDB}example.org",
            ],
        )
        self.assertEqual(discovery.status, "not_found")

    async def test_mx_right_under_a_public_suffix(self):
        await self.discover({}, {"example.org": [(10, "example.co.uk")]})
        asked = self.network.looked_up
        self.assertIn("autoconfig.example.co.uk", asked)
        self.assertNotIn("autoconfig.co.uk", asked)

    async def test_no_mx(self):
        for zone in ({}, {"example.org": []}, {"example.org": [(0, ".")]}):
            with self.subTest(zone):
                await self.discover({}, zone)
                self.assert_results(provider_mx="not_found", mx="not_found")

    async def test_halves_of_two_sources(self):
        discovery = await self.discover(
            {AUTOCONFIG: client_config(incoming(host="imap.own.example"))},
            {"example.org": [(10, "mx.known.example")]},
        )
        settings = discovery.settings
        self.assertEqual((settings.source, settings.trusted), ("autoconfig+mx", False))
        self.assertEqual(settings.domain, "own.example, known.example")

    # failures

    async def test_silent_name_server(self):
        discovery = await self.discover({}, {"example.org": "silence"}, lookup_timeout=0.2)
        self.assertEqual(self.results["mx"], "no_answer")
        self.assertIn("DNS", self.steps["mx"].detail)
        self.assertLess(discovery.elapsed_ms, 1000)

    async def test_everything_hangs_until_the_deadline(self):
        with silent_host() as port:
            self.hosts = dict.fromkeys(["example.org", "autoconfig.example.org", "ispdb.example.com"], port)
            started = time.monotonic()
            discovery = await self.discover({}, {"example.org": "silence"}, deadline=0.3)
        self.assertLess(time.monotonic() - started, 1)
        self.assert_results(provider="not_found", autoconfig="no_answer", ispdb="no_answer", mx="no_answer")
        self.assertTrue(300 <= discovery.elapsed_ms < 700, discovery.elapsed_ms)

    async def test_a_hit_ends_requests_that_hang(self):
        discovery = await self.discover({AUTOCONFIG: settings_of("own"), f"{ISPDB}example.org": 60.0})
        self.assert_found(discovery, "autoconfig", "own")
        self.assertEqual(self.results["ispdb"], "cancelled")
        self.assertLess(discovery.elapsed_ms, 1000)

    async def test_the_most_telling_failure_is_shown(self):
        for pages, result, words in (
            ({AUTOCONFIG: 404, WELL_KNOWN: 404}, "not_found", "404"),
            ({AUTOCONFIG: 404, WELL_KNOWN: 503}, "no_answer", "503"),
            ({AUTOCONFIG: b"<a/>", WELL_KNOWN: 503}, "invalid", "autoconfig.example.org: not a clientConfig"),
        ):
            with self.subTest(result):
                await self.discover(pages)
                self.assertEqual(self.results["autoconfig"], result)
                self.assertIn(words, self.steps["autoconfig"].detail)
