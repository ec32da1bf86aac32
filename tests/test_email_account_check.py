from unittest.mock import patch

from odoo.tests import tagged

from ..models import email_account_check
from .common import ADDRESS, PASSWORD, HostsCase


@tagged("post_install", "-at_install")
class TestEmailAccountCheck(HostsCase):
    def setUp(self):
        super().setUp()
        self.account = self.env["email.account"].create(self.account_values)

    def get_results(self, check):
        return [(step.stage, step.direction, step.result) for step in check.step_ids]

    def test_round_trip(self):
        self.assertEqual(self.account.state, "draft")
        action = self.account.action_check()
        check = self.env["email.account.check"].browse(action["res_id"])
        self.assertEqual(
            self.get_results(check),
            [
                ("tls", "outgoing", "passed"),
                ("login", "outgoing", "passed"),
                ("send", "outgoing", "passed"),
                ("tls", "incoming", "passed"),
                ("login", "incoming", "passed"),
                ("find", "incoming", "passed"),
                ("remove", "incoming", "passed"),
            ],
            check.summary,
        )
        self.assertEqual((check.result, self.account.state), ("passed", "ready"))
        self.assertEqual(self.account.fetchmail_server_id.state, "done")
        self.assertTrue(self.account.last_check_date)
        self.assertEqual(self.hosts.mail.messages(ADDRESS), [])
