import base64
import logging
from unittest.mock import patch

from odoo.tests import new_test_user, tagged

from ..models import check_run, email_account_check
from .common import ADDRESS, DOMAIN, PASSED_STEP, PASSWORD, CheckCase

LOGIN = ("resolve", "connect", "tls", "login")


@tagged("post_install", "-at_install")
class TestEmailAccountCheck(CheckCase):
    def get_results(self, check):
        return [(step.stage, step.direction, step.result) for step in check.step_ids]

    def test_every_stage(self):
        self.assertEqual(self.account.state, "draft")
        action = self.account.action_check()
        check = self.env["email.account.check"].browse(action["res_id"])
        self.assertEqual(
            self.get_results(check),
            [(stage, "outgoing", "passed") for stage in LOGIN]
            + [(stage, "incoming", "passed") for stage in LOGIN]
            + [("sender", "outgoing", "passed"), ("send", "outgoing", "passed")]
            + [("find", "incoming", "passed"), ("remove", "incoming", "passed")]
            + [(stage, False, "passed") for stage in ("authentication", "spf", "dkim", "dmarc")],
            check.report_text,
        )
        self.assertEqual((check.result, self.account.state), ("passed", "ready"))
        self.assertEqual((check.occasion, self.account.invalid_fields), ("button", False))
        self.assertEqual(self.account.fetchmail_server_id.state, "done")
        self.assertTrue(self.account.last_check_date)
        self.assertEqual(self.hosts.mail.messages(ADDRESS), [])

    def test_each_stage_has_its_own_time(self):
        """Noted by the thread that connects, whenever the steps are made of it."""
        now = iter((10, 11, 11.5, 14))
        with patch.object(check_run, "time") as clock:
            clock.monotonic = lambda: next(now)
            run = check_run.CheckRun(self.account)
            run._note("incoming", "resolve", [("127.0.0.1", 993)])
            run._note("incoming", "connect", ("127.0.0.1", 993))
            run._note("incoming", "login", "PLAIN")
            clock.monotonic = lambda: 100
            run.collect()
        self.assertEqual([step["duration_ms"] for step in run.steps], [1000, 500, 2500])

    def test_certificate_that_ends_soon(self):
        with patch.object(check_run, "CERTIFICATE_DAYS", 400):
            check = self.account._check()
        warnings = check.step_ids.filtered(lambda step: step.result == "warning")
        self.assertEqual(
            [(step.stage, step.direction) for step in warnings], [("tls", "outgoing"), ("tls", "incoming")]
        )
        self.assertIn("days left", warnings[0].message)
        self.assertEqual((check.result, self.account.state), ("warning", "ready"))
        self.assertEqual(check_run.CERTIFICATE_DAYS, 21)

    def test_send_only(self):
        self.account.use_for_receiving = False
        check = self.account._check()
        self.assertEqual([step.stage for step in check.step_ids], [*LOGIN, "sender", "send"])
        self.assertEqual(check.result, "passed")

    def test_receive_only(self):
        self.account.use_for_sending = False
        check = self.account._check()
        self.assertEqual([step.stage for step in check.step_ids], [*LOGIN])
        self.assertEqual(check.result, "passed")

    def test_pop3(self):
        self.account.write({"incoming_protocol": "pop3", "incoming_port": 995, "after_receiving": "delete"})
        check = self.account._check()
        self.assertEqual(check.result, "passed", check.report_text)
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
        self.assertEqual(check.result, "passed", check.report_text)

    def test_a_wrong_password(self):
        self.account.password = "wrong"
        check = self.account._check()
        self.assertEqual(
            [result for result in self.get_results(check) if result[2] != "passed"],
            [
                ("login", "outgoing", "failed"),
                ("login", "incoming", "skipped"),
                ("send", "outgoing", "skipped"),
                ("find", "incoming", "skipped"),
            ],
        )
        self.assertEqual(
            check.step_ids.filtered("cause").mapped("cause"), ["wrong_password", "password_refused"]
        )
        self.assertTrue(all(step.advice for step in check.step_ids if step.result == "failed"))
        self.assertIn("Cannot connect to the outgoing email server: The server refused", check.summary)
        self.assertIn(
            "Not tried, because the other server has just refused this password.", check.report_text
        )
        self.assertEqual((self.account.state, self.account.last_error), ("failing", check.summary))
        self.assertEqual(self.account.invalid_fields, ["password"])

    def test_dead_hosts(self):
        self.account.write(
            {"outgoing_host": "nowhere.acme.example", "incoming_port": 9, "password": PASSWORD}
        )
        check = self.account._check()
        self.assertEqual(
            {step.direction: (step.stage, step.cause) for step in check.step_ids if step.result == "failed"},
            {"outgoing": ("resolve", "no_such_host"), "incoming": ("connect", "connection_refused")},
        )
        self.assertEqual(self.account.invalid_fields, ["outgoing_host", "incoming_port"])

    def test_several_accounts_and_server_action(self):
        self.hosts.mail.add_user("second@acme.example", "x")
        second = self.env["email.account"].create(
            {**self.account_values, "email": "second@acme.example", "password": "x"}
        )
        unconfigured = self.env["email.account"].create({"email": "third@acme.example"})
        action = self.env.ref("email_account.action_email_account_check_run")
        result = action.with_context(
            active_model="email.account", active_ids=(self.account + second + unconfigured).ids
        ).run()
        checks = self.env["email.account.check"].search(result["domain"])
        self.assertEqual(checks.account_id, self.account + second)
        self.assertEqual(set(checks.mapped("result")), {"passed"}, checks.mapped("report_text"))

    def test_user_of_a_shared_account_may_check_it(self):
        user = new_test_user(self.env, login="ea_check", groups="base.group_user")
        check = self.account.with_user(user)._check()
        self.assertEqual(check.result, "passed", check.summary)
        self.assertTrue(check.step_ids.mapped("message"))

    def test_reports_are_limited(self):
        for _number in range(email_account_check.KEPT_CHECKS + 3):
            self.env["email.account.check"]._create_report(self.account, [PASSED_STEP])
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
            self.account._check()
        self.assertTrue(records)
        text = (
            repr([record.getMessage() for record in records])
            + repr(check.read())
            + repr(check.step_ids.read())
        )
        encoded = base64.b64encode(f"\0{ADDRESS}\0{secret}".encode()).decode()
        for form in (secret, base64.b64encode(secret.encode()).decode(), encoded):
            self.assertNotIn(form, text)


@tagged("post_install", "-at_install")
class TestCheckSender(CheckCase):
    """Addresses that are not the login's own."""

    def get_steps(self, check, stage):
        return [(step.result, step.cause) for step in check.step_ids if step.stage == stage]

    def test_address_other_than_the_login(self):
        self.hosts.mail.aliases = {"sales@acme.example": ADDRESS}
        self.account.write({"email": "sales@acme.example", "username": ADDRESS, "password": PASSWORD})
        check = self.account._check()
        self.assertEqual(check.result, "passed", check.report_text)
        self.assertIn("sales@acme.example", check.report_text)
        self.assertEqual(self.hosts.mail.messages(ADDRESS), [])

    def test_shared_mailbox(self):
        """The login of a person opens the mailbox of a team, by a name that says both."""
        self.hosts.mail.add_user("team@acme.example", "x")
        self.hosts.mail.aliases = {"support@acme.example": "team@acme.example"}
        self.account.write(
            {"email": "support@acme.example", "username": "team@acme.example", "password": "x"}
        )
        self.account.write({"outgoing_username": ADDRESS, "outgoing_password": PASSWORD, "password": "x"})
        check = self.account._check()
        self.assertEqual(check.result, "passed", check.report_text)
        names = {(protocol, name) for protocol, name, accepted in self.hosts.mail.logins() if accepted}
        self.assertLessEqual({("imap", "team@acme.example"), ("submission", ADDRESS)}, names)

    def test_other_addresses(self):
        self.account.other_addresses = "Info@acme.example, ceo@acme.example"
        self.hosts.mail.refuse_sender = {
            "ceo@acme.example": "550 5.7.60 SMTP; Client does not have permissions to send as this sender"
        }
        check = self.account._check()
        self.assertEqual(
            self.get_steps(check, "sender"),
            [("passed", False), ("passed", False), ("warning", "send_as_denied")],
        )
        self.assertEqual((check.result, self.account.state), ("warning", "ready"), check.report_text)
        self.assertEqual(
            self.account.mail_server_id.from_filter, f"{ADDRESS},info@acme.example,ceo@acme.example"
        )

    def test_refused_sender(self):
        self.hosts.mail.refuse_sender = {"*": "553 5.7.1 Sender address rejected: not owned by user"}
        check = self.account._check()
        self.assertEqual(self.get_steps(check, "sender"), [("failed", "send_as_denied")], check.report_text)
        self.assertEqual(self.get_steps(check, "send"), [("skipped", False)])
        self.assertEqual((check.result, self.account.invalid_fields), ("failed", ["email"]))

    def test_refused_when_the_mail_is_there(self):
        """Exchange takes the sender and looks only then."""
        self.hosts.mail.refuse_data = (
            "550 5.7.60 SMTP; Client does not have permissions to send as this sender"
        )
        check = self.account._check()
        self.assertEqual(self.get_steps(check, "send"), [("failed", "send_as_denied")], check.report_text)
        self.assertEqual(self.get_steps(check, "find"), [("skipped", False)])

    def test_refused_recipient(self):
        self.hosts.mail.refuse_recipient = {"*": "550 5.1.1 User unknown in virtual mailbox table"}
        check = self.account._check()
        self.assertEqual(self.get_steps(check, "send"), [("failed", "mailbox_not_found")], check.report_text)
        self.assertTrue(all(step.advice for step in check.step_ids if step.result == "failed"))

    def test_nothing_goes_to_third_parties(self):
        self.account.bcc_email = "boss@elsewhere.example"
        self.assertEqual(self.account._check().result, "passed")
        self.assertEqual(self.hosts.mail.outbox, [])

    def test_recipients_that_an_extension_adds(self):
        servers = type(self.env["ir.mail_server"])
        prepare = servers._prepare_smtp_to_list

        def add_archive(server, message, session):
            return [*prepare(server, message, session), "archive@elsewhere.example"]

        with patch.object(servers, "_prepare_smtp_to_list", add_archive):
            check = self.account._check()
        [step] = check.step_ids.filtered(lambda step: step.stage == "send")
        self.assertEqual(step.result, "failed")
        self.assertIn("adds recipients", step.message)
        self.assertEqual((self.hosts.mail.outbox, self.hosts.mail.messages(ADDRESS)), ([], []))

    def test_mail_of_another_address_is_sent_as_it_is(self):
        """What the account may send as is not rewritten."""
        self.account.other_addresses = "info@acme.example"
        self.account._check()
        mail = self.env["mail.mail"].create(
            {
                "email_from": f"Info <info@{DOMAIN}>",
                "email_to": ADDRESS,
                "subject": "From the other address",
                "body_html": "<p>Hello</p>",
                "mail_server_id": self.account.mail_server_id.id,
            }
        )
        mail.send()
        [source] = self.hosts.mail.messages(ADDRESS)
        self.assertIn(b"info@acme.example", source.partition(b"\r\n\r\n")[0].lower())
        self.assertNotIn(b"From: Jane", source)
