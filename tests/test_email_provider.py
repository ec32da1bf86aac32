from odoo.tests import TransactionCase


class TestEmailProvider(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.providers = cls.env["email.provider"]
        cls.exact = cls.providers.create({"name": "Exact", "domains": "own.example A.Wild.example"})
        cls.wild = cls.providers.create({"name": "A wildcard", "domains": "*.wild.example"})
        cls.deep = cls.providers.create({"name": "Deep", "domains": "*.b.wild.example"})

    def test_found_by_domain(self):
        nobody = self.providers
        for domain, provider in (
            ("own.example", self.exact),
            ("OWN.example", self.exact),
            ("sub.own.example", nobody),
            ("wn.example", nobody),
            ("a.wild.example", self.exact),
            ("x.wild.example", self.wild),
            ("b.wild.example", self.wild),
            ("y.x.b.wild.example", self.deep),
            ("wild.example", nobody),
            ("xwild.example", nobody),
            ("", nobody),
            ("acme-example.onmicrosoft.com", self.env.ref("email_account.provider_microsoft_365")),
            ("acme-example.mail.onmicrosoft.com", self.env.ref("email_account.provider_microsoft_365")),
            ("hey.com", self.env.ref("email_account.provider_hey")),
        ):
            with self.subTest(domain):
                self.assertEqual(self.providers._find_by_domain(domain), provider)

    def test_discovery_knows_what_is_there_now(self):
        def known(name):
            return {provider.name for provider in self.providers._get_known_providers()} & {name}

        self.assertTrue(known("Exact"))
        self.exact.name = "Renamed"
        self.assertFalse(known("Exact"))
        self.assertTrue(known("Renamed"))
        self.exact.active = False
        self.assertFalse(known("Renamed"))
        self.deep.unlink()
        self.assertFalse(known("Deep"))
        self.providers.create({"name": "New"})
        self.assertTrue(known("New"))

    def test_discovery_leaves_out_what_is_archived_whoever_asks(self):
        self.exact.active = False
        names = {p.name for p in self.providers.with_context(active_test=False)._get_known_providers()}
        self.assertNotIn("Exact", names)

    def test_known_providers_are_read_once(self):
        known = self.providers._get_known_providers()
        with self.assertQueryCount(0):
            self.assertIs(self.providers._get_known_providers(), known)

    def test_mx_decides_is_taken_from_the_data(self):
        known = {provider.name: provider for provider in self.providers._get_known_providers()}
        self.assertTrue(known["Microsoft 365"].mx_decides)
        self.assertFalse(known["STRATO"].mx_decides)

    def test_who_cannot_be_connected_has_no_servers(self):
        for name in ("tuta", "hey"):
            provider = self.env.ref(f"email_account.provider_{name}")
            self.assertEqual(provider.authentication, "impossible")
            self.assertFalse(provider.imap_host or provider.pop3_host or provider.smtp_host)
