"""Accounts of before there were folders, polling and passwords that are bound to their servers.

Earlier states all call themselves 19.0.1.0.0: what a database lacks is looked for, not asked for by number.
"""

import json
import logging

from odoo import SUPERUSER_ID, api
from odoo.exceptions import UserError
from odoo.tools import SQL
from odoo.tools.sql import column_exists

_logger = logging.getLogger(__name__)

# copies that POP accounts left on the server, by their unique ids, each with the day on which it was fetched
KEPT_COPIES = """
INSERT INTO email_account_receipt (account_id, folder_id, uid_validity, uid, arrived, told)
SELECT account.id, folder.id, '0', copy.key, copy.value::timestamp, true
  FROM email_account account
  JOIN email_account_folder folder ON folder.account_id = account.id AND folder.mailbox = 'INBOX'
 CROSS JOIN jsonb_each_text(
       CASE jsonb_typeof(account.pop3_uids) WHEN 'object' THEN account.pop3_uids ELSE '{}' END) copy
 WHERE account.incoming_protocol = 'pop3'
    ON CONFLICT DO NOTHING
"""
KEPT_DAYS = """
UPDATE email_account
   SET after_receiving = CASE WHEN COALESCE(pop3_keep, true) AND COALESCE(pop3_keep_days, 0) = 0
                              THEN 'leave' ELSE 'delete' END,
       delete_after_days = CASE WHEN COALESCE(pop3_keep, true) THEN COALESCE(pop3_keep_days, 0) ELSE 0 END
 WHERE incoming_protocol = 'pop3'
"""


def migrate(cr, version):
    env = api.Environment(cr, SUPERUSER_ID, {})
    if column_exists(cr, "email_account", "pop3_keep"):
        cr.execute(KEPT_DAYS)
    env.invalidate_all()
    env["email.account"]._mend()
    env.flush_all()
    if column_exists(cr, "email_account", "pop3_uids"):
        cr.execute(KEPT_COPIES)
    # of a model that is gone; Odoo leaves its table
    cr.execute("DROP TABLE IF EXISTS email_account_create_step")
    # those of assistants that somebody has left open are entered again
    for column in ("password_encrypted", "outgoing_password_encrypted"):
        cr.execute(SQL("UPDATE email_account_create SET %s = NULL", SQL.identifier(column)))
    env.invalidate_all()
    accounts = env["email.account"].with_context(active_test=False).search([])
    bind_passwords(accounts)
    # what they were trusted with until now
    accounts._mark_proved()
    accounts._approve_existing()
    accounts._sync_servers()


def bind_passwords(accounts):
    """Encrypt passwords that were stored by themselves together with what they are for, see
    `email.account.secret._get_secret_use`: what the accounts have used them for until now."""
    try:
        keys = accounts._get_keys__()
    except UserError as error:
        _logger.warning("The passwords of email accounts have to be entered again: %s", error)
        return
    lost = accounts.browse()
    for account in accounts:
        values = {}
        for field in account._secret_fields:
            token = account[f"{field}_encrypted"]
            secret = token and account._decrypt__(token, keys)
            if secret is None:
                lost |= account
            elif secret and not is_bound(secret):
                sealed = json.dumps([account._get_secret_use(field), secret])
                values[f"{field}_encrypted"] = account._get_fernet__().encrypt(sealed.encode()).decode()
        if values:
            account._store_tokens__(values)
    if lost:
        _logger.warning(
            "No key that is there opens the passwords of the email accounts %s: enter them again. Or restore "
            "the key first, and update the backup of the database again.",
            lost.ids,
        )


def is_bound(secret):
    """Whether what was encrypted (text) says what the password in it is for."""
    try:
        use, _password = json.loads(secret)
        return isinstance(use, list) and use[0] == "email.account"
    except (ValueError, TypeError, LookupError):
        return False
