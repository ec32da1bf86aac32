from odoo.tests import TransactionCase


class TestEmailAccount(TransactionCase):
    def test_create(self):
        account = self.env["email.account"].create({"name": "A", "email": "a@example.org"})
        self.assertEqual(account.display_name, "A")
