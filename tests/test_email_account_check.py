import base64
import logging
from unittest.mock import patch

from odoo.tests import new_test_user, tagged

from ..mailclient import ImapMailbox
from ..models import email_account_check
from .common import ADDRESS, PASSWORD, HostsCase


@tagged("post_install", "-at_install")
class TestEmailAccountCheck(HostsCase):
    def setUp(self):
        super().setUp()
        self.account = self.env["email.account"].create(self.account_values)
        self.empty_mailbox(self.account)

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

    def test_send_only(self):
        self.account.use_for_receiving = False
        check = self.account._check()
        self.assertEqual([step.stage for step in check.step_ids], ["tls", "login", "send"])
        self.assertEqual(check.result, "passed")

    def test_receive_only(self):
        self.account.use_for_sending = False
        check = self.account._check()
        self.assertEqual([step.stage for step in check.step_ids], ["tls", "login"])
        self.assertEqual(check.result, "passed")

    def test_pop3(self):
        self.account.write({"incoming_protocol": "pop3", "incoming_port": 995, "pop3_keep": False})
        check = self.account._check()
        self.assertEqual(check.result, "passed", check.summary)
        self.assertEqual(self.hosts.mail.messages(ADDRESS), [])

    def test_starttls_everywhere(self):
        self.account.write(
            {
                "incoming_security": "starttls",
                "incoming_port": 143,
                "outgoing_security": "starttls",
                "outgoing_port": 587,
            }
        )
        check = self.account._check()
        self.assertEqual(check.result, "passed", check.summary)

    def test_both_directions_are_tried(self):
        self.account.password = "wrong"
        check = self.account._check()
        self.assertEqual(
            self.get_results(check),
            [
                ("login", "outgoing", "failed"),
                ("send", "outgoing", "skipped"),
                ("login", "incoming", "failed"),
                ("find", "incoming", "skipped"),
            ],
        )
        self.assertEqual(check.step_ids.filtered("cause").mapped("cause"), ["wrong_password"] * 2)
        self.assertTrue(all(step.advice for step in check.step_ids if step.result == "failed"))
        self.assertIn("Cannot connect to the outgoing email server: The server refused", check.summary)
        self.assertIn("Cannot connect to the incoming email server: The server refused", check.summary)
        self.assertEqual((self.account.state, self.account.last_error), ("failing", check.summary))

    def test_dead_host(self):
        self.account.write(
            {"outgoing_host": "nowhere.acme.example", "incoming_port": 9, "password": PASSWORD}
        )
        check = self.account._check()
        self.assertEqual(
            {step.direction: (step.stage, step.cause) for step in check.step_ids if step.result == "failed"},
            {"outgoing": ("resolve", "no_such_host"), "incoming": ("connect", "connection_refused")},
        )

    def test_refused_sender(self):
        self.hosts.mail.add_user("other@acme.example", "x")
        self.account.write(
            {
                "email": "no such user@acme.example".replace(" ", "-"),
                "username": ADDRESS,
                "password": PASSWORD,
            }
        )
        check = self.account._check()
        [step] = check.step_ids.filtered(lambda step: step.stage == "send")
        self.assertEqual((step.result, step.cause), ("failed", "mailbox_not_found"), step.details)
        self.assertEqual(check.result, "failed")

    def test_mail_that_does_not_arrive(self):
        with (
            patch.object(email_account_check, "ARRIVAL_TIMEOUT", 0.5),
            patch.object(
                type(self.env["ir.mail_server"]),
                "send_email",
                lambda *_args, **_kwargs: "<lost@acme.example>",
            ),
        ):
            check = self.account._check()
        [step] = check.step_ids.filtered(lambda step: step.stage == "find")
        self.assertEqual((step.result, check.result), ("failed", "failed"))
        self.assertIn("did not arrive", step.message)

    def test_spam_folder_is_a_warning(self):
        """The mail is moved by hand while the check waits, as a filter would do at once."""
        find = ImapMailbox.find

        def find_moved(mailbox, header, value):
            found = find(mailbox, header, value)
            if found and found[0].special_use != "\\Junk":
                move_to_junk(mailbox, found[0])
                found = find(mailbox, header, value)
            return found

        def move_to_junk(mailbox, found):
            source = mailbox.fetch(found)
            mailbox.delete(found)
            mailbox._session.append("Junk", None, None, source)

        with patch.object(ImapMailbox, "find", find_moved):
            check = self.account._check()
        [step] = check.step_ids.filtered(lambda step: step.stage == "find")
        self.assertEqual((step.result, check.result, self.account.state), ("warning", "warning", "ready"))
        self.assertIn("spam folder", step.message)
        self.assertEqual(self.hosts.mail.messages(ADDRESS), [])

    def test_test_mail_becomes_no_record(self):
        """Even where Odoo fetches it before the check finds it."""
        with patch.object(type(self.account), "_check_stages", lambda _self: ["outgoing_login", "send"]):
            self.account._check()
        [source] = self.hosts.mail.messages(ADDRESS)
        gateway = self.env["mail.thread"].with_context(
            default_fetchmail_server_id=self.account.fetchmail_server_id.id
        )
        messages = self.env["mail.message"].search_count([])
        partners = self.env["res.partner"].search_count([])
        gateway.message_process("res.partner", source)
        self.assertEqual(self.env["mail.message"].search_count([]), messages)
        self.assertEqual(self.env["res.partner"].search_count([]), partners)

    def test_nothing_goes_to_third_parties(self):
        self.account.bcc_email = "boss@elsewhere.example"
        self.assertEqual(self.account._check().result, "passed")
        self.assertEqual(self.hosts.mail.outbox, [])

    def test_several_accounts_and_server_action(self):
        self.hosts.mail.add_user("second@acme.example", "x")
        second = self.env["email.account"].create(
            {**self.account_values, "email": "second@acme.example", "password": "x"}
        )
        action = self.env.ref("email_account.action_email_account_check_run")
        result = action.with_context(
            active_model="email.account", active_ids=(self.account + second).ids
        ).run()
        checks = self.env["email.account.check"].search(result["domain"])
        self.assertEqual(checks.mapped("result"), ["passed", "passed"])

    def test_user_of_a_shared_account_may_check_it(self):
        user = new_test_user(self.env, login="ea_check", groups="base.group_user")
        check = self.account.with_user(user)._check()
        self.assertEqual(check.result, "passed", check.summary)
        self.assertTrue(check.step_ids.mapped("message"))

    def test_reports_are_limited(self):
        step = {
            "stage": "login",
            "direction": "outgoing",
            "result": "passed",
            "message": "m",
            "duration_ms": 1,
        }
        for _number in range(email_account_check.KEPT_CHECKS + 3):
            self.env["email.account.check"]._create_report(self.account, [step])
        self.assertEqual(self.account.check_count, email_account_check.KEPT_CHECKS)

    def test_no_secret_in_the_report_or_the_log(self):
        self.account.mail_server_id.smtp_debug = True
        self.account.password = secret = "s3cret-of-the-report"
        records = []
        handler = logging.Handler()
        handler.emit = records.append
        root, level = logging.getLogger(), logging.getLogger().level
        root.addHandler(handler)
        self.addCleanup(root.removeHandler, handler)
        self.addCleanup(root.setLevel, level)
        root.setLevel(logging.DEBUG)
        with patch.object(logging.getLogger("odoo"), "level", logging.DEBUG):
            check = self.account._check()
            self.env["email.account"].browse(self.account.id).action_check()
        self.assertTrue(records)
        text = (
            repr([record.getMessage() for record in records])
            + repr(check.read())
            + repr(check.step_ids.read())
        )
        encoded = base64.b64encode(f"\0{ADDRESS}\0{secret}".encode()).decode()
        for form in (secret, base64.b64encode(secret.encode()).decode(), encoded):
            self.assertNotIn(form, text)
