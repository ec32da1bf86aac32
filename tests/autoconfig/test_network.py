import asyncio
import contextlib
import datetime
import socket
import ssl
import threading
import time
import unittest
from unittest.mock import patch

import trustme
from aiohttp import web

from odoo.addons.email_account.autoconfig import BlockedAddress, Guard, Network, NetworkError

from ..mailclient.chains import CommonNames
from .hosts import LOOPBACK, LoopbackNetwork, authority, dns_host, https_host, silent_host, stream_host

HOST = "www.example.org"
_YESTERDAY = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1)


def resolves_to(*ips):
    """Stand-in for getaddrinfo."""
    return lambda host, port, *_: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in ips]


class TestAddresses(unittest.TestCase):
    def test_blocked_ones_are_dropped(self):
        with patch("socket.getaddrinfo", resolves_to("10.0.0.1", "8.8.8.8", "127.0.0.1", "8.8.8.8")):
            self.assertEqual(Network().addresses("mail.example.org", 993), [("8.8.8.8", 993)])

    def test_all_blocked(self):
        with patch("socket.getaddrinfo", resolves_to("10.0.0.1", "169.254.169.254")):
            with self.assertRaises(BlockedAddress) as caught:
                Network().addresses("mail.example.org", 993)
            self.assertIn("mail.example.org", str(caught.exception))
            allowed = Network(Guard(["mail.example.org"])).addresses("mail.example.org", 993)
            self.assertEqual(allowed, [("10.0.0.1", 993), ("169.254.169.254", 993)])

    def test_numbers_in_any_notation(self):
        for host in (
            "127.0.0.1",
            "127.1",
            "0x7f.0.0.1",
            "2130706433",
            "::1",
            "::ffff:127.0.0.1",
            "localhost",
        ):
            with self.subTest(host), self.assertRaises(BlockedAddress):
                Network().addresses(host, 25)

    def test_no_such_host(self):
        def missing(*_):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        with patch("socket.getaddrinfo", missing), self.assertRaises(socket.gaierror):
            Network().addresses("nothing.example.org", 25)

    def test_resolver_that_hangs(self):
        release = threading.Event()
        self.addCleanup(release.set)
        started = time.monotonic()
        with patch("socket.getaddrinfo", lambda *_: release.wait(60)), self.assertRaises(TimeoutError):
            Network(lookup_timeout=0.05).addresses("slow.example.org", 25)
        self.assertLess(time.monotonic() - started, 1)

    def test_resolver_that_hangs_holds_up_no_event_loop(self):
        release = threading.Event()
        self.addCleanup(release.set)

        async def look_up():
            await asyncio.wait_for(Network().addresses_async("slow.example.org", 25), 0.05)

        started = time.monotonic()
        with (
            patch("socket.getaddrinfo", lambda *_: release.wait(60)),
            self.assertRaises(asyncio.TimeoutError),
        ):
            asyncio.run(look_up())  # waits for the threads of its own executor
        self.assertLess(time.monotonic() - started, 1)
        waiting = [thread for thread in threading.enumerate() if thread.name.startswith("autoconfig")]
        self.assertTrue(waiting)
        self.assertTrue(all(thread.daemon for thread in waiting), "the interpreter could not exit")


class TestMx(unittest.IsolatedAsyncioTestCase):
    async def test_answers(self):
        zone = {
            "example.org": [(20, "MX2.example.net"), (10, "mx1.example.net")],
            "null.example": [(0, ".")],
            "odd.example": [(1, "a b.example.net"), (2, "mx.example.net"), (3, "localhost")],
            "empty.example": [],
        }
        with dns_host(zone) as dns:
            network = Network(nameservers=[dns.address])
            self.assertEqual(
                await network.mx("example.org"), ((10, "mx1.example.net"), (20, "mx2.example.net"))
            )
            self.assertEqual(await network.mx("odd.example"), ((2, "mx.example.net"),))
            for domain in ("null.example", "empty.example", "missing.example"):
                with self.subTest(domain):
                    self.assertEqual(await network.mx(domain), ())
        self.assertEqual(dns.asked[0], ("example.org", "MX"))

    async def test_failures(self):
        with dns_host({"broken.example": "SERVFAIL", "silent.example": "silence"}) as dns:
            network = Network(nameservers=[dns.address], lookup_timeout=0.2)
            for domain in ("broken.example", "silent.example"):
                started = time.monotonic()
                with self.subTest(domain), self.assertRaises(NetworkError) as caught:
                    await network.mx(domain)
                self.assertEqual(caught.exception.result, "no_answer")
                self.assertLess(time.monotonic() - started, 1)
            with self.assertRaises(NetworkError):
                await network.mx("x" * 64 + ".example")


class TestGet(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.at_start = asyncio.all_tasks() - {asyncio.current_task()}
        self.requests = []

    async def asyncTearDown(self):
        self.assertEqual(
            asyncio.all_tasks() - {asyncio.current_task()}, self.at_start, "a task is left behind"
        )

    async def get(self, respond, url=f"https://{HOST}/x?a=b@c", names=(HOST,), issuer=None, **kwargs):
        """GET from a host that answers by ``respond(request)``; its port is ``self.port``."""

        async def handler(request):
            self.requests.append(request)
            answer = respond(request)
            return answer if isinstance(answer, web.StreamResponse) else await answer

        with https_host(handler, *names, issuer=issuer) as self.port:
            self.network = LoopbackNetwork({HOST: self.port, "other.example.net": self.port}, **kwargs)
            started = time.monotonic()
            try:
                return await self.network.get(url)
            finally:
                self.seconds = time.monotonic() - started

    async def refuse(self, result, words, *args, **kwargs):
        with self.assertRaises(NetworkError) as caught:
            await self.get(*args, **kwargs)
        self.assertEqual(caught.exception.result, result, str(caught.exception))
        self.assertIn(words, str(caught.exception))

    async def test_document(self):
        body = await self.get(lambda request: web.Response(body=b"<clientConfig/>", content_type="text/xml"))
        self.assertEqual(body, b"<clientConfig/>")
        request = self.requests[0]
        self.assertEqual((request.host, request.raw_path), (HOST, "/x?a=b@c"))
        self.assertEqual(set(request.headers), {"Host", "User-Agent", "Accept", "Accept-Encoding"})
        self.assertNotIn("python", request.headers["User-Agent"].lower())

    async def test_cookies_are_not_kept(self):
        def respond(request):
            if request.path == "/x":
                return web.Response(status=302, headers={"Location": "/y", "Set-Cookie": "a=b"})
            return web.Response(body=b"<a/>")

        await self.get(respond)
        self.assertNotIn("Cookie", self.requests[1].headers)

    async def test_proxies_of_the_environment_are_not_used(self):
        with patch.dict(
            "os.environ", {"https_proxy": f"http://{LOOPBACK}:9", "HTTPS_PROXY": f"http://{LOOPBACK}:9"}
        ):
            self.assertEqual(await self.get(lambda request: web.Response(body=b"<a/>")), b"<a/>")

    async def test_statuses(self):
        for status, result in (
            (204, "not_found"),
            (401, "not_found"),
            (404, "not_found"),
            (429, "no_answer"),
            (500, "no_answer"),
            (503, "no_answer"),
        ):
            with self.subTest(status):
                await self.refuse(
                    result, str(status), lambda request, status=status: web.Response(status=status)
                )

    async def test_web_page(self):
        for page in ("<!DOCTYPE html><p>", "\ufeff\n<HTML><p>", "  <html lang='en'>"):
            with self.subTest(page):
                await self.refuse(
                    "not_found",
                    "web page",
                    lambda request, page=page: web.Response(text=page, content_type="text/xml"),
                )

    async def test_settings_declared_as_a_web_page(self):
        body = await self.get(
            lambda request: web.Response(body=b"<?xml version='1.0'?><a/>", content_type="text/html")
        )
        self.assertEqual(body, b"<?xml version='1.0'?><a/>")

    async def test_redirects(self):
        def respond(request):
            left = int(request.query.get("left", 0))
            if left:
                host = HOST if left % 2 else "other.example.net"
                return web.Response(status=307, headers={"Location": f"https://{host}/y?left={left - 1}"})
            return web.Response(body=b"<a/>")

        names = (HOST, "other.example.net")
        url = "https://www.example.org/x?left={}"
        self.assertEqual(await self.get(respond, url.format(3), names), b"<a/>")
        self.assertEqual(len(self.requests), 4)
        self.assertEqual(len(self.network.looked_up), 4, "each hop is looked up once")
        await self.refuse("refused", "redirects", respond, url.format(4), names)

    async def test_redirect_targets_are_checked(self):
        for location, result, words in (
            ("http://www.example.org/x", "refused", "https to http"),
            ("ftp://www.example.org/x", "refused", "https to ftp"),
            ("file:///etc/passwd", "refused", "https to file"),
            ("https://www.example.org:8443/x", "refused", "plain URL"),
            ("https://user:pass@www.example.org/x", "refused", "plain URL"),
            ("https://10.0.0.1/x", "refused", "public internet"),
            ("https://[::1]/x", "refused", "public internet"),
            ("https://[::ffff:169.254.169.254]/x", "refused", "public internet"),
            ("https://2130706433/x", "refused", "host name"),
            ("https://0x7f.1/x", "refused", "host name"),
            ("https://localhost/x", "refused", "host name"),
            ("https://nothing.example.org/x", "not_found", "no such host"),
            ("https://[oops/x", "invalid", "nowhere"),
            ("https://www.example.org:99999/x", "invalid", "nowhere"),
        ):
            with self.subTest(location):

                def respond(request, location=location):
                    return web.Response(status=302, headers={"Location": location})

                self.requests.clear()
                await self.refuse(result, words, respond)
                self.assertEqual(len(self.requests), 1)
        await self.refuse("invalid", "nowhere", lambda request: web.Response(status=302))

    async def test_name_that_leads_inside(self):
        with https_host(lambda request: web.Response(), HOST) as port:
            network = Network()
            leads_inside = patch("socket.getaddrinfo", lambda *_: [(2, 1, 6, "", (LOOPBACK, port))])
            with leads_inside, self.assertRaises(NetworkError) as caught:
                await network.get(f"https://{HOST}/")
        self.assertEqual(caught.exception.result, "refused")

    async def test_only_the_checked_address_is_connected_to(self):
        """A name server that answers differently the second time is never asked a second time."""
        answers = []

        class Rebinding(LoopbackNetwork):
            def resolve(self, host):
                answers.append(host)
                return super().resolve(host) if len(answers) == 1 else ["10.0.0.1"]

        async def handler(request):
            return web.Response(body=b"<a/>")

        with https_host(handler, HOST) as port:
            self.assertEqual(await Rebinding({HOST: port}).get(f"https://{HOST}/"), b"<a/>")
        self.assertEqual(answers, [HOST])

    async def test_wrong_certificates(self):
        def respond(request):
            return web.Response(body=b"<a/>")

        await self.refuse("refused", "certificate", respond, names=("elsewhere.example.org",))
        await self.refuse("refused", "certificate", respond, issuer=trustme.CA())
        expired = authority().issue_cert
        with patch.object(authority(), "issue_cert", lambda *names: expired(*names, not_after=_YESTERDAY)):
            await self.refuse("refused", "certificate", respond)
        self.assertEqual(self.requests, [])

    async def test_name_in_the_subject_does_not_count(self):
        """RFC 9525; whoever is trusted."""

        def respond(request):
            return web.Response(body=b"<a/>")

        pem = authority().cert_pem
        with pem.tempfile() as path, patch.dict("os.environ", {"SSL_CERT_FILE": path}):
            for authorities in ((), (pem.bytes().decode(),)):
                options = {"ssl_context": None, "authorities": authorities}
                self.assertEqual(await self.get(respond, **options), b"<a/>")
                context = Network(**options).ssl_context
                self.assertFalse(context.hostname_checks_common_name)
                self.assertGreaterEqual(context.minimum_version, ssl.TLSVersion.TLSv1_2)
                self.requests.clear()
                for email in ("", "postmaster@example.org"):
                    issuer = CommonNames(authority(), email)
                    await self.refuse("refused", "certificate", respond, issuer=issuer, **options)
                self.assertEqual(self.requests, [])

    async def test_authorities_are_the_systems_unless_given(self):
        def respond(request):
            return web.Response(body=b"<a/>")

        await self.refuse("refused", "certificate", respond, ssl_context=None)
        with authority().cert_pem.tempfile() as path, patch.dict("os.environ", {"SSL_CERT_FILE": path}):
            self.assertEqual(await self.get(respond, ssl_context=None), b"<a/>")

    async def test_authorities_beside_the_systems(self):
        def respond(request):
            return web.Response(body=b"<a/>")

        intermediate = authority().create_child_ca()
        others = {"ssl_context": None, "authorities": [trustme.CA().cert_pem.bytes().decode()]}
        await self.refuse("refused", "certificate", respond, **others)
        for issuer, trusted in (
            (authority(), authority()),
            (intermediate, authority()),
            (intermediate, intermediate),
        ):
            options = {"ssl_context": None, "authorities": [trusted.cert_pem.bytes().decode()]}
            self.assertEqual(await self.get(respond, issuer=issuer, **options), b"<a/>")
        system = ssl.create_default_context().cert_store_stats()["x509_ca"]
        self.assertEqual(Network(**options).ssl_context.cert_store_stats()["x509_ca"], system + 1)

    async def test_too_large(self):
        async def endless(request):
            response = web.StreamResponse()
            await response.prepare(request)
            with contextlib.suppress(ConnectionError):
                while request.transport:
                    await response.write(b"x" * 65536)
                    await asyncio.sleep(0)
            return response

        await self.refuse("invalid", "256 kB", endless)
        self.assertLess(self.seconds, 2)
        limit = 256 * 1024
        self.assertEqual(len(await self.get(lambda request: web.Response(body=b"x" * limit))), limit)
        await self.refuse("invalid", "256 kB", lambda request: web.Response(body=b"x" * (limit + 1)))

    async def test_compressed(self):
        def respond(request):
            response = web.Response(body=b"\0" * 10_000_000)
            response.enable_compression(web.ContentCoding.gzip)
            return response

        await self.refuse("invalid", "compressed", respond)

    async def test_drip_ends(self):
        async def drip(request):
            response = web.StreamResponse()
            await response.prepare(request)
            with contextlib.suppress(ConnectionError):
                while request.transport:
                    await response.write(b" ")
                    await asyncio.sleep(0.02)
            return response

        await self.refuse("no_answer", "within", drip, request_timeout=0.3)
        self.assertTrue(0.3 <= self.seconds < 1, self.seconds)

    async def test_redirects_share_one_time_limit(self):
        async def slow(request):
            await asyncio.sleep(0.2)
            return web.Response(status=302, headers={"Location": "/again"})

        await self.refuse("no_answer", "within", slow, request_timeout=0.3)
        self.assertLess(self.seconds, 0.6)

    async def test_silent_and_missing_hosts(self):
        with silent_host() as port:
            network = LoopbackNetwork({HOST: port, "closed.example.org": 9}, request_timeout=0.2)
            for host, result, words in (
                (HOST, "no_answer", "within"),
                ("closed.example.org", "no_answer", "no connection"),
                ("nothing.example.org", "not_found", "no such host"),
                ("x" * 64 + ".example.org", "refused", "host name"),
            ):
                with self.subTest(host), self.assertRaises(NetworkError) as caught:
                    await network.get(f"https://{host}/")
                self.assertEqual(caught.exception.result, result)
                self.assertIn(words, str(caught.exception))

    async def test_no_http(self):
        async def nonsense(reader, writer):
            await reader.read(100)
            writer.write(b"220 ready\r\n")
            writer.close()

        with stream_host(nonsense) as port:
            network = LoopbackNetwork({HOST: port})
            for scheme, result, words in (
                ("https", "no_answer", "no TLS connection"),
                ("http", "invalid", "not a web server"),
            ):
                with self.subTest(scheme), self.assertRaises(NetworkError) as caught:
                    await network.get(f"{scheme}://{HOST}/")
                self.assertEqual(caught.exception.result, result)
                self.assertIn(words, str(caught.exception))

    async def test_cancelling_ends_it_at_once(self):
        with silent_host() as port:
            task = asyncio.ensure_future(LoopbackNetwork({HOST: port}).get(f"https://{HOST}/"))
            await asyncio.sleep(0.05)
            started = time.monotonic()
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task
        self.assertLess(time.monotonic() - started, 0.5)
