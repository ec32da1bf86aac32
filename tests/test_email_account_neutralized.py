from unittest.mock import patch

from odoo.exceptions import UserError
from odoo.modules.neutralize import neutralize_database
from odoo.tests import tagged
from odoo.tools import file_open

from ..models.email_account_settings import EmailAccountSettings
from .common import ADDRESS, DOMAIN, PASSWORD
from .receiving import LARGE, OTHER, ReceivingCase
from .test_email_account_adopt import INCOMING, OUTGOING

SENTENCE = "neutralized copy"
KEY = "database.is_neutralized"


class NeutralizedCase(ReceivingCase):
    def setUp(self):
        super().setUp()
        self.server = self.account.mail_server_id
        self.deliver("waiting")

    def set_neutralized(self):
        self.env["ir.config_parameter"].set_param(KEY, "True")
        self.env.flush_all()
        self.before = self.hosts.mail.logins()

    def refused(self):
        return self.assertRaisesRegex(UserError, SENTENCE)

    def assertNothingHappened(self):
        """No host was connected to, the mailbox is as it was, nobody got mail."""
        self.assertEqual(self.hosts.mail.logins(), self.before)
        self.assertEqual(self.get_flags(), [""])
        self.assertEqual(self.in_mailbox(address=OTHER), [])
        self.assertFalse(self.get_message("waiting"))

    def create_mail(self, **values):
        return self.env["mail.mail"].create(
            {
                "email_from": ADDRESS,
                "email_to": OTHER,
                "subject": "To a customer",
                "body_html": "<p>Hello</p>",
                **values,
            }
        )


@tagged("post_install", "-at_install")
class TestGuard(NeutralizedCase):
    """The parameter alone stops everything: the accounts are as they were in the original."""

    def setUp(self):
        super().setUp()
        self.account.write({"after_receiving": "delete", "delete_after_days": 0})
        self.set_neutralized()

    def tearDown(self):
        self.assertNothingHappened()
        super().tearDown()

    def test_buttons_of_an_account(self):
        action = self.env.ref("email_account.action_email_account_check_run")
        for call in (
            self.account.action_send_receive,
            self.account.action_check,
            self.account.action_check_listed,
            self.account._check,
            self.account._receive,
            self.account.action_load_folders,
            self.account.fetchmail_server_id.fetch_mail,
            self.server.test_smtp_connection,
            action.with_context(active_model="email.account", active_ids=self.account.ids).run,
        ):
            with self.subTest(call=call.__name__), self.refused():
                call()
        self.assertEqual(self.account.state, "ready")
        self.assertFalse(self.account.check_ids)

    def test_the_sentence_comes_before_any_other(self):
        """Not that there is no password, or that the account was not checked."""
        self.account.write({"password": False})
        self.assertEqual(self.account.state, "draft")
        for call in (
            self.account.action_send_receive,
            self.account.action_check,
            self.account.action_load_folders,
            lambda: self.server._connect__(mail_server_id=self.server.id, smtp_from=ADDRESS),
        ):
            with self.refused():
                call()

    def test_connections(self):
        """What has no button yet connects through these."""
        for direction in ("incoming", "outgoing"):
            with self.refused():
                getattr(self.account, f"_connect_{direction}__")()
        with self.refused():
            self.account.fetchmail_server_id._connect__()

    def test_scheduled_actions(self):
        """Neither raises, nor says something about the accounts."""
        cron = self.env.ref("email_account.ir_cron_email_account_receive")
        crons = cron + cron.copy({"name": "Receive, second worker"})
        for each in crons + self.env.ref("email_account.ir_cron_email_account_check"):
            self.assertIs(each.method_direct_trigger(), True)  # else what was raised
        self.assertFalse(self.account.check_ids)
        self.assertFalse(self.account.activity_ids)
        self.assertEqual(self.account.state, "ready")

    def test_import_is_not_counted(self):
        wizard = self.env["email.account.import"].create({"account_id": self.account.id})
        with self.refused():
            wizard.action_count()
        with self.refused():
            wizard.action_import()

    def test_wizard(self):
        """Neither discovery nor login, automatically or by hand."""
        values = {"email": f"new@{DOMAIN}", "password": PASSWORD}
        wizard = self.env["email.account.create"].create(values)
        requests = len(self.hosts.web.requests)
        wizard.action_create()
        self.assertIn(SENTENCE, wizard.message)
        self.assertEqual(len(self.hosts.web.requests), requests)
        wizard = self.env["email.account.create"].create(
            {
                **values,
                "method": "manual",
                "incoming_host": f"imap.{DOMAIN}",
                "outgoing_host": f"smtp.{DOMAIN}",
            }
        )
        wizard.action_create()
        self.assertIn(SENTENCE, wizard.message)
        self.assertTrue(wizard.is_neutralized)
        self.assertFalse(wizard.account_id)

    def test_adopting(self):
        stock = self.env["fetchmail.server"].create(INCOMING), self.env["ir.mail_server"].create(OUTGOING)
        with self.refused():
            self.env["email.account.adopt"].action_open()
        self.assertFalse(stock[0].email_account_id)

    def test_sent_mail_fails_with_the_sentence(self):
        """With the server forced, chosen by its sender, of a template, by the composer."""
        template = self.env["mail.template"].create(
            {
                "model_id": self.env.ref("base.model_res_partner").id,
                "mail_server_id": self.server.id,
                "email_from": ADDRESS,
                "email_to": OTHER,
                "subject": "Template",
                "body_html": "<p>Hello</p>",
            }
        )
        mails = self.create_mail(mail_server_id=self.server.id) + self.create_mail()
        mails += mails.browse(template.send_mail(self.env.user.partner_id.id))
        mails.send()
        self.assertEqual(set(mails.mapped("state")), {"exception"})
        for mail in mails:
            self.assertIn(SENTENCE, mail.failure_reason)
        customer = self.env["res.partner"].create({"name": "Customer", "email": OTHER})
        composer = self.env["mail.compose.message"].create(
            {
                "model": "res.partner",
                "res_ids": str(customer.ids),
                "partner_ids": customer.ids,
                "body": "Hello",
                "email_account_id": self.account.id,
            }
        )
        composer.action_send_mail()
        [notification] = customer.message_ids[:1].notification_ids
        self.assertEqual(notification.notification_status, "exception")

    def test_archived_server_of_an_account(self):
        """Odoo's own file has archived it."""
        self.env.cr.execute("UPDATE ir_mail_server SET active = false")
        self.env.invalidate_all()
        mail = self.create_mail(mail_server_id=self.server.id)
        mail.send()
        self.assertIn(SENTENCE, mail.failure_reason)

    def test_account_is_shown_as_off(self):
        self.assertTrue(self.account.is_neutralized)
        self.assertIn("is_neutralized", self.account.get_view(view_type="form")["arch"])


@tagged("post_install", "-at_install")
class TestGuardOfTheRest(NeutralizedCase):
    def test_rest_of_a_mail(self):
        self.empty_folders(ADDRESS)
        self.account.size_limit = 1
        self.deliver("large", mail=LARGE)
        self.account._receive()
        mail = self.get_unprocessed()
        self.assertEqual(mail.reason, "too_large")
        self.set_neutralized()
        before = mail.read(["state", "attempts", "message"])
        for call in (mail.action_fetch, mail.action_retry):
            with self.refused():
                call()
        self.assertEqual(mail.read(["state", "attempts", "message"]), before)
        self.assertEqual(self.hosts.mail.logins(), self.before)

    def test_network_is_refused_too(self):
        """Discovery and questions to DNS go through it."""
        self.set_neutralized()
        # the tests have another network
        with patch.object(type(self.account), "_get_network", EmailAccountSettings._get_network):
            with self.refused():
                self.account._get_network()
            self.env["ir.config_parameter"].set_param(KEY, False)
            self.assertTrue(self.account._get_network())

    def test_it_is_seen_at_once(self):
        """Another process sets the parameter, past what Odoo remembers of it."""
        parameters = self.env["ir.config_parameter"].sudo()
        self.assertFalse(parameters.get_param(KEY))
        self.env.cr.execute("INSERT INTO ir_config_parameter (key, value) VALUES (%s, 'true')", [KEY])
        self.assertFalse(parameters.get_param(KEY))  # remembered
        with self.refused():
            self.account._connect_incoming__()

    def test_servers_are_not_switched_on(self):
        """Renaming an account, or writing anything its servers are derived from."""
        self.set_neutralized()
        servers = (self.server, self.account.fetchmail_server_id)
        self.env.cr.execute("UPDATE ir_mail_server SET active = false")
        self.env.cr.execute("UPDATE fetchmail_server SET active = false")
        self.env.invalidate_all()
        self.account.name = "Renamed"
        self.account.write({"active": False})
        self.account.write({"active": True, "sequence": 3})
        self.assertEqual([server.active for server in servers], [False, False])
        self.assertEqual(servers[0].name, "Renamed")
        other = self.env["email.account"].create(self.account_values | {"email": OTHER})
        self.assertFalse(other.mail_server_id.active or other.fetchmail_server_id.active)
        # on purpose: they follow their account again
        self.env["ir.config_parameter"].set_param(KEY, False)
        self.env["email.account"]._mend()
        self.assertTrue(all(server.active for server in servers))

    def test_renaming_with_active_servers(self):
        """Where Odoo's own file has not run either: what is active and used by a template stays so."""
        self.env["mail.template"].create(
            {"model_id": self.env.ref("base.model_res_partner").id, "mail_server_id": self.server.id}
        )
        self.set_neutralized()
        self.account.name = "Renamed"
        self.assertTrue(self.server.active)

    def test_uninstalling_gives_nothing_to_odoo(self):
        """Odoo would fetch and send by itself otherwise."""
        self.set_neutralized()
        self.env.cr.execute("UPDATE ir_mail_server SET active = false")
        self.env.invalidate_all()
        outgoing, incoming = self.server, self.account.fetchmail_server_id
        self.account._release_servers__()
        self.assertEqual((outgoing.active, outgoing.smtp_pass), (False, False))
        self.assertEqual((incoming.state, incoming.password), ("draft", False))


@tagged("post_install", "-at_install")
class TestNeutralizeSql(NeutralizedCase):
    def setUp(self):
        super().setUp()
        self.account.write({"password": PASSWORD, "outgoing_password": PASSWORD})
        self.account._set_state()
        self.wizard = self.env["email.account.create"].create({"email": OTHER, "password": PASSWORD})

    def neutralize(self):
        self.env.flush_all()
        neutralize_database(self.env.cr)
        self.env.invalidate_all()
        self.env.registry.clear_cache()
        self.before = self.hosts.mail.logins()

    def test_accounts_are_off_and_passwords_gone(self):
        self.env["email.account.refusal"].create({"key": "hash"})
        cron = self.env.ref("email_account.ir_cron_email_account_receive")
        twin = cron.copy({"name": "Second worker"})
        other = self.env["ir.cron"].create(
            {
                "name": "Written by somebody",
                "model_id": self.env.ref("base.model_res_partner").id,
                "state": "code",
                "code": "env['email.account']._cron_receive()",
            }
        )
        crons = cron + twin + other + self.env.ref("email_account.ir_cron_email_account_check")
        with file_open("email_account/data/neutralize.sql") as file:
            self.env.flush_all()
            self.env.cr.execute(file.read())  # alone, whatever Odoo's own files do
        self.env.invalidate_all()
        self.assertEqual((self.account.active, self.account.state), (False, "draft"))
        self.assertFalse(self.account.password_set or self.account.outgoing_password_set)
        self.assertFalse(self.account.password_date or self.account.outgoing_password_date)
        self.assertFalse(self.wizard.password_set)
        self.assertFalse(self.env["email.account.refusal"].search_count([]))
        self.assertFalse(any(crons.mapped("active")))
        servers = self.account.mail_server_ids, self.account.fetchmail_server_ids
        self.assertEqual([server.active for server in servers], [False, False])
        self.assertEqual(servers[1].state, "draft")

    def test_no_encrypted_column_is_left_out(self):
        """Also of models to come: what is stored encrypted is in columns whose name says so."""
        self.neutralize()
        self.env.cr.execute(
            """SELECT table_name, column_name FROM information_schema.columns
               WHERE column_name LIKE '%%\\_encrypted' AND table_schema = current_schema()"""
        )
        columns = self.env.cr.fetchall()
        self.assertIn(("email_account", "password_encrypted"), columns)
        for table, column in columns:
            self.env.cr.execute(f'SELECT count(*) FROM "{table}" WHERE "{column}" IS NOT NULL')
            self.assertEqual(self.env.cr.fetchone(), (0,), (table, column))

    def test_mail_and_receipts_stay(self):
        self.account.incoming_action = "keep"
        self.account._receive()
        [mail] = self.get_unprocessed()
        source, receipts = mail.source, self.env["email.account.receipt"].search_count([])
        self.neutralize()
        self.assertEqual(mail.source, source)
        self.assertEqual(self.env["email.account.receipt"].search_count([]), receipts)

    def test_nothing_happens_with_odoos_own_files(self):
        self.account.after_receiving = "delete"
        self.neutralize()
        self.account.active = True
        self.account.name = "Renamed"
        with self.refused():
            self.account.action_send_receive()
        mails = self.create_mail(mail_server_id=self.server.id) + self.create_mail()
        mails.send()
        self.assertEqual(mails.mapped("state"), ["exception"] * 2)
        self.assertIn(SENTENCE, mails[0].failure_reason)
        self.assertNothingHappened()

    def test_used_on_purpose(self):
        """Who deletes the parameter has to enter the password."""
        self.neutralize()
        self.env["ir.config_parameter"].set_param(KEY, False)
        self.account.active = True
        with self.assertRaisesRegex(UserError, "enter the password"):
            self.account.action_check()
        self.assertNothingHappened()
        self.account.password = PASSWORD
        self.account.outgoing_password = PASSWORD
        self.account._check()
        self.assertEqual(self.account.state, "ready")
        self.account._receive()
        self.assertTrue(self.get_message("waiting"))

    def test_database_of_an_earlier_version(self):
        """A backup is restored and neutralized with newer sources, before it is updated."""
        self.env.flush_all()
        self.env.cr.execute("ALTER TABLE email_account DROP COLUMN last_error_details")
        self.env.cr.execute("DROP TABLE email_account_refusal")
        neutralize_database(self.env.cr)
        self.env.cr.execute("SELECT active, password_encrypted FROM email_account")
        self.assertEqual(set(self.env.cr.fetchall()), {(False, None)})
