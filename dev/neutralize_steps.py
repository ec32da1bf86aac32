"""What ``test_neutralized.py`` does in Odoo's shell: in a database that works, then in copies of it."""
from unittest import TestCase

from odoo.exceptions import UserError

check = TestCase()
check.maxDiff = None
JANE, CUSTOMER = "jane@acme.example", "customer@acme.example"
PASSWORD = "correct horse"
SENTENCE = "neutralized copy"


def set_up(env, ports):
    """An account that deletes what it has received, mails that wait to be sent, an open assistant."""
    parameters = env["ir.config_parameter"]
    parameters.set_param("email_account.allowed_networks", "127.0.0.0/8, ::1")
    parameters.set_param("email_account.allowed_ports", "1024-65535")
    account = env["email.account"].create(
        {
            "email": JANE,
            "password": PASSWORD,
            "incoming_host": "127.0.0.1",
            "incoming_port": ports["imaps"],
            "outgoing_host": "127.0.0.1",
            "outgoing_port": ports["submissions"],
            "after_receiving": "delete",
            "incoming_action": "keep",
            "use_for_notifications": True,
        }
    )
    account._check()
    check.assertEqual(account.state, "ready")
    template = {"name": "Test of servers", "model_id": env.ref("base.model_res_partner").id}
    env["mail.template"].create(template).mail_server_id = account.mail_server_id
    env["email.account.create"].create({"email": "new@acme.example", "password": PASSWORD})
    env.ref("email_account.ir_cron_email_account_receive").copy({"name": "Second worker", "active": True})
    create_mail(env, account)
    create_mail(env)
    env.cr.commit()


def create_mail(env, account=None):
    """Return a mail that waits to be sent: through the server of an account, or of whoever has its sender."""
    return env["mail.mail"].create(
        {
            "email_from": JANE,
            "email_to": CUSTOMER,
            "subject": "To a customer",
            "body_html": "<p>Hello</p>",
            "mail_server_id": account and account.mail_server_id.id,
            "auto_delete": False,
        }
    )


def check_dropped(env):
    """What ``data/neutralize.sql`` leaves."""
    account = get_account(env)
    check.assertEqual((account.active, account.state), (False, "draft"))
    check.assertFalse(account.password_set)
    check.assertFalse(env["email.account.create"].search([]).password_set)
    crons = env["ir.cron"].with_context(active_test=False).search([("model_id.model", "=", "email.account")])
    check.assertEqual(len(crons), 3)
    check.assertFalse(any(crons.mapped("active")))


def get_account(env):
    return env["email.account"].with_context(active_test=False).search([("email", "=", JANE)])


def act(env):
    """Try every way to have something sent or fetched, as an administrator who looks around does."""
    env = env(user=env.ref("base.user_admin"))
    account = get_account(env)
    server = account.sudo().mail_server_id
    account.write({"active": True, "name": "Renamed"})
    check.assertTrue(account.is_neutralized)
    for call in (
        account.action_send_receive,
        account.action_check,
        account.action_load_folders,
        account._receive,
        account.fetchmail_server_id.fetch_mail,
        server.test_smtp_connection,
        env["email.account.import"].create({"account_id": account.id}).action_count,
        env["email.account.adopt"].action_open,
        account._get_network,
        account._connect_incoming__,
        account._connect_outgoing__,
    ):
        with check.assertRaisesRegex(UserError, SENTENCE):
            call()
    wizard = env["email.account.create"].create({"email": "other@acme.example", "password": PASSWORD})
    wizard.action_create()
    check.assertIn(SENTENCE, wizard.message)
    account.sudo()._cron_receive()
    account.sudo()._cron_check()
    env.ref("email_account.ir_cron_email_account_receive").method_direct_trigger()
    # the queue, with what waited in it when the copy was made, and another one
    forced = create_mail(env, account)
    mails = env["mail.mail"].sudo().search([("subject", "=", "To a customer")])
    mails.filtered(lambda mail: mail.state == "outgoing").send()
    check.assertEqual(mails.mapped("state"), ["exception"] * 3)
    check.assertIn(SENTENCE, forced.failure_reason)
    env.cr.commit()


def use_on_purpose(env):
    """Who deletes the parameter has no password yet."""
    env["ir.config_parameter"].set_param("database.is_neutralized", False)
    account = get_account(env)
    account.active = True
    with check.assertRaisesRegex(UserError, "enter the password"):
        account._check()
    env.cr.rollback()


def go_on(env):
    """The original works as before."""
    account = get_account(env)
    check.assertEqual((account.name, account.state, account.active), (JANE, "ready", True))
    account.action_send_receive()
    check.assertEqual(len(account.unprocessed_ids), 1)
    create_mail(env, account).send()
    env.cr.commit()
