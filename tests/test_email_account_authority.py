import base64
import datetime
import ssl

import psycopg2
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from odoo.exceptions import AccessError, ValidationError
from odoo.tests import Form, TransactionCase, new_test_user
from odoo.tools import mute_logger

from ..models.certificates import read_certificates


def make_certificate(name, ca=None, days=(-1, 365), key=None):
    """A self-signed certificate; with basic constraints if ``ca`` is not None."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    first, last = (
        datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=number) for number in days
    )
    builder = x509.CertificateBuilder(
        subject, subject, key.public_key(), x509.random_serial_number(), first, last
    )
    if ca is not None:
        builder = builder.add_extension(x509.BasicConstraints(ca, None), critical=True)
    return builder.sign(key, hashes.SHA256())


def pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def der(certificate):
    return certificate.public_bytes(serialization.Encoding.DER)


class TestEmailAccountAuthority(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.authorities = cls.env["email.account.authority"]
        cls.root = make_certificate("Acme Root", ca=True)
        cls.other = make_certificate("Other Root", ca=True)

    def add(self, certificate, **values):
        return self.authorities.create({"certificate": pem(certificate), **values})

    def upload(self, data):
        return self.authorities.create({"file": base64.b64encode(data)})

    def test_values_are_read_from_the_certificate(self):
        authority = self.add(self.root)
        self.assertEqual(authority.name, "Acme Root")
        self.assertEqual((authority.subject, authority.issuer), ("CN=Acme Root", "CN=Acme Root"))
        self.assertEqual(authority.fingerprint, self.root.fingerprint(hashes.SHA256()).hex())
        self.assertEqual(authority.not_before, self.root.not_valid_before_utc.replace(tzinfo=None))
        self.assertEqual(authority.not_after, self.root.not_valid_after_utc.replace(tzinfo=None))
        self.assertFalse(authority.expired)
        self.assertEqual(self.add(self.other, name="Ours").name, "Ours")

    def test_expired(self):
        self.assertTrue(self.add(make_certificate("Old", ca=True, days=(-9, -1))).expired)

    def test_files(self):
        for data in (der(self.root), pem(self.root).encode(), pem(self.root).replace("\n", "\r\n").encode()):
            with self.subTest(data[:20]):
                authority = self.upload(data)
                self.assertEqual(authority.certificate, pem(self.root))
                authority.unlink()

    def test_only_certificates_are_kept_of_a_file(self):
        key = ec.generate_private_key(ec.SECP256R1())
        secret = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        certificate = make_certificate("Acme Root", ca=True, key=key)
        authority = self.upload(secret + b"Bag Attributes\n" + pem(certificate).encode() + secret)
        self.assertEqual(authority.certificate, pem(certificate))

    def test_bundle_becomes_one_record_each(self):
        self.add(self.other)
        third = make_certificate("Third Root", ca=True)
        bundle = "".join(map(pem, (self.root, self.other, third, self.root)))
        authority = self.authorities.create({"certificate": bundle})
        self.assertEqual(len(authority), 1)
        self.assertEqual(authority.certificate, pem(self.root))
        names = self.authorities.search([]).mapped("name")
        self.assertEqual(names, ["Acme Root", "Other Root", "Third Root"])

    def test_form(self):
        with Form(self.authorities) as form:
            form.file = base64.b64encode((pem(self.root) + pem(self.other)).encode()).decode()
            self.assertEqual((form.name, form.certificate_count), ("Acme Root", 2))
            self.assertEqual(form.fingerprint, self.root.fingerprint(hashes.SHA256()).hex())
        self.assertEqual(self.authorities.search([]).mapped("name"), ["Acme Root", "Other Root"])
        form = Form(self.authorities)
        with self.assertRaisesRegex(ValidationError, "no certificate"):
            form.file = base64.b64encode(b"nothing").decode()
        # what is typed is not yet complete
        with Form(self.authorities) as form:
            form.certificate = "-----BEGIN CERTIFICATE-----"
            self.assertFalse(form.fingerprint)
            form.certificate = pem(make_certificate("Typed", ca=True))
            self.assertEqual(form.name, "Typed")

    def test_refused(self):
        signed = trustme.CA(organization_name="Acme Works").issue_cert("mail.example.org")
        leaf = read_certificates(signed.cert_chain_pems[0].bytes())[0]
        damaged = pem(self.root)[:200] + pem(self.root)[240:]
        for certificate, sentence in (
            ("", "no certificate"),
            ("hello", "no certificate"),
            (damaged, "no certificate"),
            (pem(make_certificate("mail.example.org")), "report of the check"),
            (pem(make_certificate("mail.example.org", ca=False)), "report of the check"),
            (pem(leaf), "“Acme Works”"),
            (pem(self.root) + pem(leaf), "“Acme Works”"),
        ):
            with self.subTest(certificate), self.assertRaisesRegex(ValidationError, sentence):
                self.authorities.create({"certificate": certificate})
        self.assertFalse(self.authorities.search([]))

    def test_each_is_there_once(self):
        self.add(self.root).active = False
        with mute_logger("odoo.sql_db"), self.assertRaises(psycopg2.IntegrityError), self.cr.savepoint():
            self.add(self.root, name="Again")

    def test_write(self):
        authority = self.add(self.root)
        authority.certificate = pem(self.other)
        self.assertEqual(authority.subject, "CN=Other Root")
        for certificate, sentence in (
            (pem(make_certificate("mail.example.org")), "report of the check"),
            (pem(self.root) + pem(self.other), "several certificates"),
        ):
            with self.assertRaisesRegex(ValidationError, sentence):
                authority.certificate = certificate
        self.assertEqual(authority.certificate, pem(self.other))

    def test_connections_trust_what_is_there_now(self):
        def trusted():
            context = self.env["email.account"]._get_network().ssl_context
            return {der(self.root), der(self.other)} & set(context.get_ca_certs(binary_form=True))

        self.assertEqual(trusted(), set())
        authority = self.add(self.root)
        self.assertEqual(trusted(), {der(self.root)})
        authority.certificate = pem(self.other)
        self.assertEqual(trusted(), {der(self.other)})
        authority.active = False
        self.assertEqual(self.authorities.with_context(active_test=False)._get_authorities(), ())
        self.assertEqual(trusted(), set())
        authority.active = True
        self.assertEqual(self.authorities._get_authorities(), (pem(self.other),))
        authority.unlink()
        self.assertEqual(trusted(), set())

    def test_they_are_read_once(self):
        self.add(self.root)
        context = self.env["email.account"]._get_network().ssl_context
        with self.assertQueryCount(0):
            self.authorities._get_authorities()
        self.assertIs(self.env["email.account"]._get_network().ssl_context, context)
        self.assertTrue(context.verify_flags & ssl.VERIFY_X509_PARTIAL_CHAIN)

    def test_administrators_only(self):
        authority = self.add(self.root)
        manager = new_test_user(
            self.env, "ea_ca_manager", "base.group_user,email_account.group_email_account_manage"
        )
        with self.assertRaises(AccessError):
            authority.with_user(manager).read(["certificate"])
        with self.assertRaises(AccessError):
            self.authorities.with_user(manager).create({"certificate": pem(self.other)})
        self.assertEqual(self.authorities.with_user(manager)._get_authorities(), (pem(self.root),))
        menu = self.env.ref("email_account.menu_email_account_authority")
        self.assertNotIn(menu.id, self.env["ir.ui.menu"].with_user(manager)._visible_menu_ids())
        system = new_test_user(self.env, "ea_ca_system", "base.group_user,base.group_system")
        self.assertTrue(self.authorities.with_user(system).create({"certificate": pem(self.other)}))
        self.assertIn(menu.id, self.env["ir.ui.menu"].with_user(system)._visible_menu_ids())
