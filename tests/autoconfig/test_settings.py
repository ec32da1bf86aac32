import unittest

from odoo.addons.email_account.autoconfig import Discovery, Server, Settings, Step
from odoo.addons.email_account.autoconfig.settings import choose

IMAP = Server("imap", "imap.example.org", 993, "tls", "jane@example.org", ("password-cleartext",))
IMAP_STARTTLS = Server("imap", "imap.example.org", 143, "starttls")
IMAP_CLEAR = Server("imap", "imap.example.org", 143, "none")
POP3 = Server("pop3", "pop.example.org", 995, "tls")
POP3_CLEAR = Server("pop3", "pop.example.org", 110, "none")
SMTP = Server("smtp", "smtp.example.org", 465, "tls")
SMTP_STARTTLS = Server("smtp", "smtp.example.org", 587, "starttls")
SMTP_CLEAR = Server("smtp", "smtp.example.org", 25, "none")


def proposal(*servers, source="ispdb", **facts):
    return Settings.of(servers, source=source, **facts)


class TestSettings(unittest.TestCase):
    def test_best_first_whatever_the_order(self):
        settings = proposal(
            SMTP_CLEAR, POP3_CLEAR, IMAP_CLEAR, POP3, IMAP_STARTTLS, SMTP_STARTTLS, IMAP, SMTP
        )
        self.assertEqual(settings.incoming, (IMAP, IMAP_STARTTLS, POP3, IMAP_CLEAR, POP3_CLEAR))
        self.assertEqual(settings.outgoing, (SMTP, SMTP_STARTTLS, SMTP_CLEAR))

    def test_equals_keep_their_order_and_double_ones_are_dropped(self):
        other = Server("imap", "a.example.org", 993, "tls")
        self.assertEqual(proposal(IMAP, other, IMAP).incoming, (IMAP, other))

    def test_no_servers_is_no_proposal(self):
        self.assertIsNone(proposal())

    def test_base_domain_of_the_servers(self):
        self.assertEqual(proposal(IMAP, SMTP).domain, "example.org")
        self.assertEqual(
            proposal(IMAP, Server("smtp", "smtp.relay.example.net", 465, "tls")).domain,
            "example.org, example.net",
        )


class TestChoose(unittest.TestCase):
    def test_nothing(self):
        self.assertIsNone(choose([]))

    def test_first_with_both_directions(self):
        first, second = proposal(IMAP, SMTP), proposal(POP3, SMTP_STARTTLS)
        self.assertIs(choose([first, second]), first)

    def test_one_direction_alone(self):
        settings = proposal(SMTP)
        self.assertIs(choose([settings]), settings)

    def test_two_halves(self):
        first = proposal(POP3, source="autoconfig", name="A", origin="https://example.org/a")
        second = proposal(IMAP, SMTP, source="ispdb", provider="b", name="B", origin="https://example.org/b")
        settings = choose([first, second])
        self.assertEqual(settings.source, "autoconfig+ispdb")
        self.assertEqual((settings.incoming, settings.outgoing), ((POP3,), (SMTP,)))
        self.assertEqual((settings.name, settings.provider, settings.domain), ("A", "b", "example.org"))
        self.assertEqual(settings.origin, "https://example.org/a https://example.org/b")
        self.assertTrue(settings.trusted)

    def test_two_halves_are_trusted_only_if_both_are(self):
        for one, other in (("", "dns"), ("http", ""), ("http", "dns")):
            halves = [proposal(SMTP, doubt=one), proposal(IMAP, doubt=other, source="mx")]
            self.assertFalse(choose(halves).trusted)

    def test_encrypted_beats_clear_text_of_a_better_source(self):
        clear, encrypted = proposal(IMAP_CLEAR, SMTP_CLEAR), proposal(IMAP_STARTTLS, SMTP_STARTTLS)
        self.assertIs(choose([clear, encrypted]), encrypted)
        self.assertIs(choose([clear]), clear)


class TestDiscovery(unittest.TestCase):
    def test_found_as_dict(self):
        step = Step("ispdb", "found", 7, "autoconfig.example.org")
        settings = proposal(IMAP, SMTP)
        discovery = Discovery("jane@example.org", settings, (settings,), 12, (step,))
        self.assertEqual(
            discovery.as_dict(),
            {
                "address": "jane@example.org",
                "status": "found",
                "source": "ispdb",
                "trusted": True,
                "elapsed_ms": 12,
                "incoming": [
                    {
                        "protocol": "imap",
                        "host": "imap.example.org",
                        "port": 993,
                        "security": "tls",
                        "username": "jane@example.org",
                        "authentication": ["password-cleartext"],
                    }
                ],
                "outgoing": [
                    {
                        "protocol": "smtp",
                        "host": "smtp.example.org",
                        "port": 465,
                        "security": "tls",
                        "username": "jane@example.org",
                        "authentication": [],
                    }
                ],
                "steps": [
                    {
                        "source": "ispdb",
                        "result": "found",
                        "elapsed_ms": 7,
                        "detail": "autoconfig.example.org",
                    }
                ],
            },
        )

    def test_not_found_as_dict(self):
        self.assertEqual(
            Discovery("jane@example.org", None, (), 3, ()).as_dict(),
            {
                "address": "jane@example.org",
                "status": "not_found",
                "source": "",
                "trusted": False,
                "elapsed_ms": 3,
                "incoming": [],
                "outgoing": [],
                "steps": [],
            },
        )
