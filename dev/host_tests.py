"""Odoo's own tests of what the addon extends; "make test-host" runs it in Odoo's shell.

``env`` and ``tags`` (of other tests to run instead, or empty) are given.
"""
# ruff: noqa: F821
import sys
from unittest.mock import patch

from odoo.tests.shell import run_tests

from odoo.addons.mail.models import ir_mail_server as mail

# base's tests expect base's sender of test messages; "mail" puts another one in its place
BASE = "/base:TestIrMailServer,/base:TestIrMailServerSMTPD"
OTHERS = "mail_server,mail_mail,mail_gateway,/mail:TestFetchmail,/google_gmail,/microsoft_outlook,-/base"
LEAST = {BASE: 19, OTHERS: 150}  # fewer tests: a name in the list has lost its meaning


def base_sender(server):
    return super(mail.IrMail_Server, server)._get_test_email_from()


failed = False
for chosen in [tags] if tags else [BASE, OTHERS]:
    sender = base_sender if chosen == BASE else mail.IrMail_Server._get_test_email_from
    with patch.object(mail.IrMail_Server, "_get_test_email_from", sender):
        report = run_tests(env, chosen)
    print(f"test-host: {report} ({chosen})", flush=True)
    failed |= not report.wasSuccessful() or report.testsRun < LEAST.get(chosen, 1)
sys.exit(int(failed))
