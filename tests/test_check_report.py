import re

from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged

from ..models.check_progress import CheckProgress
from .common import ADDRESS, PASSWORD, CheckCase, HostsCase

BANNER = "mx7.intranet (Postfix 3.7.2)"


@tagged("post_install", "-at_install")
class TestCheckReport(CheckCase):
    """The report as people see it."""

    def test_on_the_screen_and_on_paper(self):
        check = self.account._check()
        for words in ("Sending", "Receiving", "Delivery to others", "Logged in as", "DKIM"):
            self.assertIn(words, check.report)
        marks = re.findall(r'data-result="(\w+)"', check.report)
        self.assertEqual(marks, ["passed"] * len(check.step_ids))
        paper, kind = self.env["ir.actions.report"]._render_qweb_html(
            "email_account.action_report_email_account_check", check.ids
        )
        self.assertEqual(kind, "html")
        self.assertIn("Check of", paper.decode())
        self.assertIn("Logged in as", paper.decode())
        self.assertEqual(paper.count(b"<details"), paper.count(b'open="open"'))
        self.assertNotIn('open="open"', check.report)

    def test_what_a_server_says_is_text(self):
        self.hosts.mail.refuse_data = "550 5.7.1 <script>alert(1)</script>"
        check = self.account._check()
        self.assertNotIn("<script>", check.report)
        self.assertIn("&lt;script&gt;", check.report)

    def test_what_a_server_says_is_for_managers(self):
        """Banners and replies tell about the network; all others see the words."""
        user = new_test_user(self.env, login="ea_reader", groups="base.group_user")
        manager = new_test_user(
            self.env, login="ea_manager", groups="base.group_user,email_account.group_email_account_manage"
        )
        self.hosts.mail.refuse_data = f"550 5.9.9 {BANNER}"
        self.account.with_user(user)._check()
        check = self.account.check_ids[:1]
        for reader, sees in ((user, False), (manager, True), (user, False)):
            own = check.with_user(reader)
            paper, _kind = (
                self.env["ir.actions.report"]
                .with_user(reader)
                ._render_qweb_html("email_account.action_report_email_account_check", check.ids)
            )
            for shown in (own.report, own.report_text, own.sudo().report, paper.decode()):
                self.assertIn("Send the test email", shown)
                self.assertEqual(BANNER in shown, sees)
            told = own.read(["summary", "report", "report_text"]) + own.step_ids.read()
            account = self.account.with_user(reader).read()
            self.assertEqual(BANNER in str(told), sees)
            self.assertEqual(BANNER in str(account), sees)
            for texts in (
                own.step_ids.mapped("message"),
                self.account.with_user(reader).mapped("last_error"),
            ):
                self.assertNotIn(BANNER, str(texts))
        with self.assertRaises(AccessError):
            check.step_ids.with_user(user).read(["details"])
        with self.assertRaises(AccessError):
            check.step_ids.with_user(user).search([("details", "ilike", BANNER)])
        self.assertNotIn(BANNER, str(self.account.message_ids.mapped("body")))

    def test_to_be_copied(self):
        self.account.password = secret = "s3cret-of-the-report"
        check = self.account._check()
        lines = check.report_text.splitlines()
        self.assertEqual(lines[0], f"{self.account.name} <{ADDRESS}>")
        self.assertIn("Failed", lines[1])
        self.assertIn("refused the user name or the password", check.report_text)
        self.assertNotIn(secret, check.report_text)
        self.assertNotIn(PASSWORD, check.report_text)

    def test_a_failure_says_who_can_mend_it_and_where(self):
        self.account.password = "wrong"
        self.account.provider_id = self.env["email.provider"].create(
            {"name": "Acme Mail", "domains": "acme.example", "link": "https://help.acme.example/"}
        )
        check = self.account._check()
        step = check.step_ids.filtered("cause")[0]
        self.assertEqual((step.responsible, step.link), ("user", "https://help.acme.example/"))
        self.assertEqual(step.field_name, "password")
        self.assertIn("Who can fix it", check.report)
        self.assertIn('href="https://help.acme.example/"', check.report)

    def test_progress_in_the_words_of_the_user(self):
        progress = self.env["email.account.check.progress"]
        seen = []

        def look(runs):
            log.show(runs)
            progress.invalidate_model()  # as the next request
            seen.append(progress.get_progress(self.account.ids))

        with CheckProgress(self.account) as log:
            self.account._check(look)
        labels = [line["label"] for line in seen[-1]["lines"]]
        self.assertEqual(labels[:2], ["Sending: Find the server", "Sending: Reach the server"])
        self.assertFalse(progress.get_progress(self.account.ids))
        self.assertFalse(progress.search([]))

    def test_progress_is_for_who_checks(self):
        other = new_test_user(self.env, login="ea_watcher", groups="base.group_user")
        progress = self.env["email.account.check.progress"]
        with CheckProgress(self.account):
            self.assertEqual(progress.get_progress(self.account.ids), {"lines": []})
            self.assertFalse(progress.with_user(other).get_progress(self.account.ids))


@tagged("post_install", "-at_install")
class TestAcceptCertificate(CheckCase):
    """A certificate that the server made itself is accepted after it was seen, and warned of ever after."""

    certificates = {"imap": "self_signed"}

    def empty_mailbox(self, account):
        """It cannot be opened yet, and is empty."""

    def test_accept(self):
        check = self.account._check()
        [step] = check.step_ids.filtered(lambda step: step.result == "failed")
        self.assertEqual((step.stage, step.cause), ("tls", "certificate_self_signed"))
        self.assertEqual(check.acceptable_step_id, step)
        self.assertNotIn(("imap", ADDRESS, True), self.hosts.mail.logins())
        self.assertIn(step.fingerprint[:2].upper(), check.report_text)

        action = check.action_accept_certificate()
        again = self.env["email.account.check"].browse(action["res_id"])
        self.assertEqual((again.result, self.account.state), ("warning", "ready"), again.report_text)
        self.assertEqual(self.account.incoming_fingerprint, step.fingerprint)
        [warning] = again.step_ids.filtered(lambda step: step.result == "warning")
        self.assertEqual((warning.stage, warning.direction), ("tls", "incoming"))
        self.assertFalse(again.acceptable_step_id)
        self.assertFalse(check.acceptable_step_id)  # it is not the newest any more
        self.assertIn(step.fingerprint, "".join(self.account.message_ids.mapped("body")))

        self.account.write({"incoming_host": "mail.acme.example", "password": PASSWORD})
        self.assertFalse(self.account.incoming_fingerprint)

    def test_odoo_receives_with_it(self):
        check = self.account._check()
        check.action_accept_certificate()
        self.hosts.mail.deliver(b"From: bob@elsewhere.example\r\nSubject: hello\r\n\r\nhi", ADDRESS)
        self.account._receive()
        self.assertTrue(self.env["mail.message"].search([("subject", "=", "hello")]))

    def test_only_who_may_change_the_account(self):
        user = new_test_user(self.env, login="ea_no_manager", groups="base.group_user")
        check = self.account._check()
        with self.assertRaises(AccessError):
            check.with_user(user).action_accept_certificate()

    def test_nobody_writes_a_fingerprint(self):
        self.account.write({"incoming_fingerprint": "0" * 64})
        other = self.env["email.account"].create(
            {**self.account_values, "email": "b@acme.example", "incoming_fingerprint": "0" * 64}
        )
        self.assertEqual([self.account.incoming_fingerprint, other.incoming_fingerprint], [False, False])


@tagged("post_install", "-at_install")
class TestAcceptCertificateInTheWizard(HostsCase):
    certificates = {"imap": "self_signed", "submission": "self_signed"}

    def test_accept_both(self):
        wizard = self.env["email.account.create"].create(
            {**self.account_values, "method": "manual", "step": "description"}
        )
        wizard.action_create()
        self.assertFalse(self.hosts.mail.logins())
        for direction, step in (("outgoing", "description"), ("incoming", "partial")):
            self.assertEqual((wizard.step, wizard.refused_direction), (step, direction))
            self.assertIn("fingerprint", wizard.message)
            self.assertFalse(self.env["email.account"].search([]))
            wizard.action_accept_certificate()
        self.assertEqual(wizard.step, "done", wizard.message)
        self.assertFalse(wizard.refused_fingerprint)
        account = wizard.account_id
        self.assertEqual(
            (account.outgoing_fingerprint, account.incoming_fingerprint),
            (wizard.outgoing_fingerprint, wizard.incoming_fingerprint),
        )
        self.assertEqual((account.state, account.check_ids.result), ("ready", "warning"))

    def test_another_server_is_not_accepted_with_it(self):
        wizard = self.env["email.account.create"].create(
            {**self.account_values, "method": "manual", "step": "description"}
        )
        wizard.outgoing_fingerprint = "0" * 64
        wizard.action_create()
        self.assertIn("another certificate", wizard.message)
        wizard.outgoing_host = "mail.acme.example"
        self.assertFalse(wizard.outgoing_fingerprint)

    def test_there_has_to_be_one(self):
        with self.assertRaises(UserError):
            self.env["email.account.create"].create(self.account_values).action_accept_certificate()
