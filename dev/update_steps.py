"""What ``test_updates.py`` does in Odoo's shell: in an earlier state of the addon, then in the present one.

``prepare_accounts`` uses what every state has: the names that docs/design.md lists.
"""
import json
import re
from unittest import TestCase

from odoo import fields

check = TestCase()
check.maxDiff = None
PASSWORD = "correct horse"
DOMAIN = "acme.example"
CUSTOMER = f"customer@{DOMAIN}"
OWN_PASSWORD = "another horse"
# POP in the states in which Odoo fetched -> the same in those in which accounts receive
KEPT = {"pop3_keep": True, "pop3_keep_days": 0}, {"after_receiving": "leave"}
DAYS = {"pop3_keep": True, "pop3_keep_days": 5}, {"after_receiving": "delete", "delete_after_days": 5}
REMOVED = {"pop3_keep": False}, {"after_receiving": "delete", "delete_after_days": 0}
# local part -> (values, what the mailbox holds of four mails when all is received)
RECEIVING = {
    "imap": ({}, 4),
    "record": ({"incoming_model_id": "res.partner"}, 4),
    "own": ({"user_id": 2, "outgoing_password": OWN_PASSWORD}, 4),
    "failing": ({}, 4),
    "kept": ({"incoming_protocol": "pop3"}, 4),
    "days": ({"incoming_protocol": "pop3"}, 4),
    "removed": ({"incoming_protocol": "pop3"}, 0),
}
POP = {"kept": KEPT, "days": DAYS, "removed": REMOVED}
OTHERS = {
    "sends": {"use_for_receiving": False, "incoming_host": False},
    "archived": {"active": False},
    "draft": {},
}


def prepare_accounts(env, ports):
    """Accounts of every kind, with what hangs on them; what has arrived is fetched."""
    parameters = env["ir.config_parameter"]
    parameters.set_param("email_account.allowed_networks", "127.0.0.0/8, ::1")
    parameters.set_param("email_account.allowed_ports", "1024-65535")
    for name, (values, _left) in RECEIVING.items():
        account = create_account(env, name, ports, values | get_pop_values(env, name))
        account._set_state()
    for name, values in OTHERS.items():
        account = create_account(env, name, ports, values)
        if name != "draft":
            account._set_state()
    get_account(env, "imap")._check()
    check.assertIn(get_account(env, "imap").check_ids.result, ("passed", "warning"))
    if is_receiving(env):
        get_account(env, "own").incoming_action = "keep"
    env["email.account.create"].create({"email": f"new@{DOMAIN}", "password": PASSWORD})
    template = {"name": "Test of servers", "model_id": env.ref("base.model_res_partner").id}
    env["mail.template"].create(template).mail_server_id = get_account(env, "imap").mail_server_id
    env.cr.commit()
    for name in RECEIVING:
        get_account(env, name).action_send_receive()
        env.cr.commit()
    get_account(env, "failing")._set_state("The server was down.")
    env.cr.commit()
    env.invalidate_all()
    check_received(env, 1)


def create_account(env, name, ports, values):
    protocol = values.get("incoming_protocol", "imap")
    if values.get("incoming_model_id"):
        values = {**values, "incoming_model_id": env["ir.model"]._get_id(values["incoming_model_id"])}
        if is_receiving(env):
            values["incoming_action"] = "create"
    return env["email.account"].with_user(env.ref("base.user_admin")).create(
        {
            "email": f"{name}@{DOMAIN}",
            "password": PASSWORD,
            "incoming_host": "127.0.0.1",
            "incoming_port": ports["imaps" if protocol == "imap" else "pop3s"],
            "outgoing_host": "127.0.0.1",
            "outgoing_port": ports["submissions"],
            **values,
        }
    ).sudo()


def get_pop_values(env, name):
    return POP[name][is_receiving(env)] if name in POP else {}


def is_receiving(env):
    """Whether accounts receive themselves in this state; Odoo fetches for them in those before."""
    return "email.account.folder" in env


def get_account(env, name):
    return env["email.account"].with_context(active_test=False).search([("email", "=", f"{name}@{DOMAIN}")])


def check_received(env, count):
    """Of the mails that arrived so far, each is here once: a numbered one with and one without Message-Id."""
    messages = env["mail.message"].search([])
    bodies = "\n".join(f"{message.subject} {message.body}" for message in messages)
    if "email.account.unprocessed" in env:
        bodies += "\n".join(env["email.account.unprocessed"].search([]).mapped("subject"))
    for name in RECEIVING:
        marks = sorted(set(re.findall(rf"{name}-(?:named|nameless)-\d", bodies)))
        wanted = [f"{name}-{kind}-{number}" for kind in ("named", "nameless") for number in range(count)]
        check.assertEqual(marks, sorted(wanted))
        for mark in marks:
            subjects = env["mail.message"].search_count([("subject", "=", mark)])
            if "email.account.unprocessed" in env:
                subjects += env["email.account.unprocessed"].search_count([("subject", "=", mark)])
            check.assertEqual(subjects, 1, mark)
    for kind in ("named", "nameless"):
        for number in range(count):
            records = env["res.partner"].search_count([("name", "=", f"record-{kind}-{number}")])
            check.assertEqual(records, 1, f"record-{kind}-{number}")


def check_updated_accounts(env):
    """After the update: everything works, and nothing is fetched that was fetched before."""
    accounts = env["email.account"].with_context(active_test=False).search([])
    check.assertEqual(len(accounts), len(RECEIVING) + len(OTHERS))
    for account in accounts:
        check.assertEqual(len(account.polling_ids), 1, account.email)
        received = account.folder_ids.filtered("is_received")
        check.assertEqual(received.mapped("mailbox"), ["INBOX"], account.email)
        check.assertEqual(account._get_secret__("password"), PASSWORD)
        check.assertFalse(account.is_key_missing)
        check.assertEqual(len(account.mail_server_ids), 1)
        check.assertEqual(len(account.fetchmail_server_ids), int(bool(account.incoming_host)))
        check.assertEqual(account.mail_server_ids.active, account.active)
    check.assertEqual(get_account(env, "own")._get_secret__("outgoing_password"), OWN_PASSWORD)
    states = dict.fromkeys(RECEIVING, "ready") | {"failing": "failing", "draft": "draft"}
    for name, state in states.items():
        check.assertEqual(get_account(env, name).state, state, name)
    for name, (_old, values) in POP.items():
        account = get_account(env, name)
        check.assertEqual({field: account[field] for field in values}, values, name)
    check.assertEqual(get_account(env, "record").incoming_action, "create")
    check.assertEqual(get_account(env, "imap").after_receiving, "seen")
    check.assertEqual(len(get_account(env, "imap").check_ids), 1)
    check.assertTrue(get_account(env, "imap").check_ids.report)
    wizard = env["email.account.create"].search([])
    check.assertFalse(wizard.password_set)
    check.assertFalse(env["email.account"]._mend())
    template = env["mail.template"].search([("name", "=", "Test of servers")])
    check.assertEqual(template.mail_server_id, get_account(env, "imap").mail_server_id)
    # Odoo's own job does not fetch for them any more
    env["fetchmail.server"].with_context(cron_id=1)._fetch_mail()
    env.cr.commit()
    check_received(env, 1)
    env["email.account.polling"].search([]).next_date = fields.Datetime.now()  # as if its time had come
    env["email.account"]._cron_receive()
    env.cr.commit()
    env.invalidate_all()
    check_received(env, 2)
    for name in RECEIVING:
        account = get_account(env, name)
        check.assertEqual((account.state, account.last_error), ("ready", False), name)
    env["email.account"]._cron_receive()
    get_account(env, "imap").action_send_receive()
    env.cr.commit()
    check_received(env, 2)
    mails = env["mail.mail"]
    for account in accounts:
        if account.active and account.state != "draft":
            mails += mails.with_user(account.user_id or env.user).create(
                {
                    "email_from": account.email,
                    "email_to": CUSTOMER,
                    "subject": f"from {account.email}",
                    "mail_server_id": account.mail_server_ids.id,
                    "auto_delete": False,
                }
            )
    for mail in mails:
        mail.with_user(mail.create_uid).send()
    failed = {mail.subject: mail.failure_reason for mail in mails if mail.state != "sent"}
    check.assertEqual(list(failed), ["from own@acme.example"], failed)  # another password, which is wrong
    check.assertIn("password", failed["from own@acme.example"])
    check.assertEqual(len(mails), 8)
    report = get_account(env, "imap")._check()
    check.assertIn(report.result, ("passed", "warning"), report.report_text)  # nothing is published for it
    env.cr.commit()


def write_left(env, path):
    """Write how many mails each mailbox has to hold now."""
    with open(path, "w", encoding="utf-8") as file:
        json.dump({f"{name}@{DOMAIN}": left for name, (_values, left) in RECEIVING.items()}, file)
