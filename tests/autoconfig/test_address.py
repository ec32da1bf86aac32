import unittest

from hypothesis import example, given, settings
from hypothesis import strategies as st

from odoo.addons.email_account.autoconfig import Address, AddressError, base_domain
from odoo.addons.email_account.autoconfig.address import host_name


class TestAddress(unittest.TestCase):
    def test_parts(self):
        address = Address.parse("  Jane.Doe+odoo@Example.ORG\n")
        self.assertEqual(address, Address("Jane.Doe+odoo", "example.org", "example.org"))
        self.assertEqual(str(address), "Jane.Doe+odoo@example.org")

    def test_internationalised_domain_in_both_spellings(self):
        for text in (
            "jane@bücher.example",
            "jane@BÜCHER.example",
            "jane@xn--bcher-kva.example",
            "jane@Bücher。example",
        ):
            with self.subTest(text):
                address = Address.parse(text)
                self.assertEqual(address.domain, "xn--bcher-kva.example")
                self.assertEqual(address.unicode_domain, "bücher.example")

    def test_accepted(self):
        for text, expected in (
            ("o'brien@example.org", "o'brien@example.org"),
            ("jane@example.org.", "jane@example.org"),
            ("\u200bjane@example.org\ufeff", "jane@example.org"),
            ("\u00a0jane@example.org\u00a0", "jane@example.org"),
            ("jané@example.org", "jané@example.org"),
            ("jane@mail.example.co.uk", "jane@mail.example.co.uk"),
            ("jane@r3---x.example.org", "jane@r3---x.example.org"),
            ("a@1.example", "a@1.example"),
            ("x" * 64 + "@example.org", "x" * 64 + "@example.org"),
        ):
            with self.subTest(text):
                self.assertEqual(str(Address.parse(text)), expected)

    def test_refused(self):
        for text, code in (
            ("", "empty"),
            (" \n\u200b ", "empty"),
            (None, "empty"),
            ("jane", "no_at"),
            ("jane.example.org", "no_at"),
            ("@example.org", "local_part"),
            ("jane doe@example.org", "local_part"),
            ("jane@doe@example.org", "local_part"),
            ("jane..doe@example.org", "local_part"),
            (".jane@example.org", "local_part"),
            ("Jane <jane@example.org", "local_part"),
            ('"jane doe"@example.org', "local_part"),
            ("ja\x00ne@example.org", "local_part"),
            ("ja\u202ene@example.org", "local_part"),
            ("\ud800@example.org", "local_part"),
            ("jane@", "domain"),
            ("jane@example", "domain"),
            ("jane@.org", "domain"),
            ("jane@example..org", "domain"),
            ("jane@-example.org", "domain"),
            ("jane@exa mple.org", "domain"),
            ("jane@exa_mple.org", "domain"),
            ("jane@example.org/x", "domain"),
            ("jane@example.org:25", "domain"),
            ("jane@192.0.2.1", "domain"),
            ("jane@127.1", "domain"),
            ("jane@[192.0.2.1]", "domain"),
            ("jane@xn--a.example", "domain"),
            ("jane@" + "x" * 64 + ".org", "domain"),
            ("x" * 65 + "@example.org", "too_long"),
            ("é" * 33 + "@example.org", "too_long"),
            ("jane@" + "x." * 130 + "org", "too_long"),
            ("x" * 1_000_000 + "@example.org", "too_long"),
        ):
            with self.subTest(text=text and text[:40]), self.assertRaises(AddressError) as caught:
                Address.parse(text)
            self.assertEqual(caught.exception.code, code)
            self.assertTrue(str(caught.exception).endswith("."))

    @settings(max_examples=300, deadline=None)
    @given(
        st.text() | st.builds("{}@{}".format, st.text(), st.text()) | st.from_regex(r"[a-z]+@[^@]+\.[a-z]+")
    )
    @example("a@xn--\u0130.example")
    def test_nothing_but_the_typed_error(self, text):
        try:
            address = Address.parse(text)
        except AddressError:
            return
        self.assertEqual(Address.parse(str(address)), address)
        self.assertTrue(address.domain.isascii())
        self.assertEqual(address.domain, address.domain.lower())
        self.assertLessEqual(len(str(address).encode()), 254)


class TestHostName(unittest.TestCase):
    def test_other_notations_of_an_ip_address_are_no_names(self):
        for text in (
            "127.0.0.1",
            "0x7f.0.0.1",
            "0177.0.0.1",
            "127.1",
            "2130706433",
            "1.0x7f",
            "localhost",
            "::1",
            "",
        ):
            with self.subTest(text), self.assertRaises(ValueError):
                host_name(text)

    def test_base_domain(self):
        for host, base in (
            ("imap.example.org", "example.org"),
            ("example.org", "example.org"),
            ("mx.mail.example.co.uk", "example.co.uk"),
            ("co.uk", "co.uk"),
            ("a.b.unlisted-suffix", "b.unlisted-suffix"),
            # a private suffix: neighbours are strangers
            ("mail.jane.github.io", "jane.github.io"),
            # a suffix in another script, in both spellings of the host
            ("mail.example.xn--55qx5d.cn", "example.xn--55qx5d.cn"),
            ("mail.xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("mail.xn--a.example", "xn--a.example"),
        ):
            with self.subTest(host):
                self.assertEqual(base_domain(host), base)
