import inspect
from unittest.mock import patch

from odoo.exceptions import AccessError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import DOMAIN, PASSWORD
from .test_email_account_attack import AttackCase

# what RPC can call, beside what Odoo has: model -> methods
PUBLIC = {
    "email.account": {
        "action_approve",
        "action_withdraw_approval",
        "action_check",
        "action_check_listed",
        "action_load_folders",
        "action_open_checks",
        "action_open_discovery",
        "action_open_fetchmail_server",
        "action_open_import",
        "action_open_mail_server",
        "action_open_messages",
        "action_open_unprocessed",
        "action_open_wizard",
        "action_send_receive",
    },
    "email.account.check": {"action_accept_certificate", "action_open_account"},
    "email.account.check.progress": {"get_progress"},
    "email.account.discovery": {"action_cancel", "action_download", "get_progress"},
    "email.account.unprocessed": {
        "action_assign",
        "action_create_record",
        "action_discard",
        "action_download",
        "action_fetch",
        "action_restore",
        "action_retry",
    },
    "email.account.create": {
        "action_accept_certificate",
        "action_back",
        "action_confirm",
        "action_create",
        "action_create_partial",
        "action_manual",
        "action_next",
        "action_open_account",
        "action_open_import",
    },
    "email.account.import": {"action_count", "action_import"},
    "email.account.assign": {"action_assign", "action_create_record"},
    "email.account.adopt": {"action_adopt", "action_open"},
    "email.account.personal": {
        "action_archive_account",
        "action_remove_account",
        "action_open",
        "action_restore_account",
    },
    "ir.mail_server": {"action_open_email_account"},
    "fetchmail.server": {"action_open_email_account"},
    "res.config.settings": {"action_rotate_email_account_keys"},
}
# they say where to look, and nothing of what is there
HARMLESS = {"action_download", "action_open_account", "get_progress", "action_cancel"}
ADDON = __name__.rpartition(".tests")[0]


@tagged("post_install", "-at_install")
class TestPublicMethods(AttackCase):
    """What can be called from outside: all of it is known, and none of it works for a stranger."""

    maxDiff = None

    def test_they_are_known(self):
        found = {}
        for name, model in self.env.registry.items():
            if model._abstract:  # which is what others inherit
                continue
            stock = {
                each
                for base in model.__mro__
                if not base.__module__.startswith(ADDON)
                for each in vars(base)
                if callable(vars(base)[each])
            }
            own = {
                each
                for base in model.__mro__
                if base.__module__.startswith(ADDON)
                for each, value in vars(base).items()
                if inspect.isfunction(value) and not each.startswith("_")
            }
            if own - stock:
                found[name] = own - stock
        self.assertEqual(found, PUBLIC)

    def create_records(self):
        """Return model -> a record of the owner's, or about his account."""
        account, step = (
            self.personal,
            {"stage": "login", "result": "passed", "message": "x", "duration_ms": 1},
        )
        mail = self.env["email.account.unprocessed"].create({"account_id": account.id, "reason": "broken"})
        discovery = {"user_id": self.users["owner"].id, "email": account.email, "domain": DOMAIN}
        server = {"incoming_host": "imap.evil.example", "password": PASSWORD, "method": "manual"}
        values = {
            "email.account.create": {"email": account.email, "account_id": account.id, **server},
            "email.account.import": {"account_id": account.id},
            "email.account.assign": {"unprocessed_ids": mail.ids},
        }
        wizards = {
            model: self.as_role("owner", self.env[model]).create(each) for model, each in values.items()
        }
        return wizards | {
            "email.account": account,
            "email.account.check": self.env["email.account.check"]._create_report(account, [step]),
            "email.account.discovery": self.env["email.account.discovery"].create(discovery),
            "email.account.unprocessed": mail,
            "ir.mail_server": account.mail_server_id,
            "fetchmail.server": account.fetchmail_server_id,
        }

    def test_strangers(self):
        connect = patch.object(self.env.registry["email.account.settings"], "_connecting__")
        records = self.create_records()
        with connect as connecting:
            for role in ("portal", "employee", "manager", "settings", "elsewhere"):
                for model, record in records.items():
                    for method in sorted(PUBLIC[model] - HARMLESS):
                        with (
                            self.subTest(role, model=model, method=method),
                            self.assertRaises(AccessError),
                            self.env.cr.savepoint(),
                        ):
                            getattr(self.as_role(role, record), method)()
        self.assertFalse(connecting.called)

    @mute_logger("odoo.addons.base.models.ir_model")
    def test_for_administrators_alone(self):
        for role in ("portal", "employee", "manager", "elsewhere"):
            for model in ("email.account.adopt", "email.account.personal"):
                for method in sorted(PUBLIC[model]):
                    with self.subTest(role, model=model, method=method), self.assertRaises(AccessError):
                        getattr(self.as_role(role, self.env[model]), method)()
            with self.subTest(role), self.assertRaises(AccessError):
                self.as_role(role, self.env["res.config.settings"]).action_rotate_email_account_keys()
