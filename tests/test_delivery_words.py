from odoo.tests import TransactionCase

from ..mailclient.delivery import CODES, Finding
from ..models.delivery_words import WORDS, describe_finding


class TestDeliveryWords(TransactionCase):
    def test_every_code_has_words(self):
        self.assertEqual(set(WORDS), set(CODES))

    def test_values_fit(self):
        for code, names in CODES.items():
            values = {name: f"<{name} 100%>" for name in names}
            finding = Finding(code.partition("_")[0], "warning", code, values)
            with self.subTest(code):
                message, advice = describe_finding(self.env, finding)
                self.assertTrue(message)
                self.assertNotRegex(message + advice, r"%\(")

    def test_advice_names_the_record(self):
        values = {"domain": "acme.example", "record": "v=spf1 mx ~all"}
        message, advice = describe_finding(self.env, Finding("spf", "warning", "spf_missing", values))
        self.assertIn("acme.example", message)
        self.assertTrue(advice.endswith("that send for it: v=spf1 mx ~all"), advice)
