"""Who may do what with whose account: every role, every operation, in one table."""

from unittest.mock import patch

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import DOMAIN, PASSED_STEP, PASSWORD, HostsCase
from .roles import ROLES, RolesMixin

# operation -> the accounts with which a role may: s(hared with everybody), l(imited), p(ersonal)
TABLE = """
                 portal employee allowed member owner manager settings elsewhere
search           -      s        sl      sl     sp    sl      sl       -
read             -      s        sl      sl     sp    sl      sl       -
export           -      s        sl      sl     sp    sl      sl       -
write            -      -        -       -      p     sl      sl       -
archive          -      -        -       -      p     sl      sl       -
unlink           -      -        -       -      p     sl      sl       -
reassign         -      -        -       -      -     sl      sl       -
limit            -      -        -       -      -     sl      sl       -
notify           -      -        -       -      -     -       s        -
send_domain      -      -        -       -      p     -       sl       -
send_rest        -      -        -       -      -     -       sl       -
approve          -      -        -       -      -     -       sl       -
password         -      -        -       -      p     sl      sl       -
password_set     -      s        sl      sl     sp    sl      sl       -
check            -      s        sl      sl     sp    sl      sl       -
receive          -      s        sl      sl     sp    sl      sl       -
propose          -      s        sl      sl     sp    sl      sl       -
compose          -      s        sl      sl     sp    sl      sl       -
send_forced      s      s        sl      sl     sp    sl      sl       -
send_by_address  s      s        sl      sl     sp    sl      sl       -
send_at_once     s      s        sl      sl     s     sl      sl       -
load_folders     -      -        -       -      p     sl      sl       -
read_folder      -      s        sl      sl     sp    sl      sl       -
write_folder     -      -        -       -      p     sl      sl       -
import_mail      -      -        -       -      p     sl      sl       -
read_mail        -      -        -       -      p     sl      sl       -
read_source      -      -        -       -      p     sl      sl       -
discard_mail     -      -        -       -      p     sl      sl       -
assign_mail      -      -        -       -      p     sl      sl       -
unlink_mail      -      -        -       -      p     sl      sl       -
read_check       -      s        sl      sl     sp    sl      sl       -
read_step        -      s        sl      sl     sp    sl      sl       -
write_check      -      -        -       -      -     -       -        -
read_discovery   -      s        sl      sl     sp    sl      sl       -
read_found       -      s        sl      sl     sp    sl      sl       -
read_receipt     -      -        -       -      -     -       -        -
read_polling     -      -        -       -      -     -       -        -
read_outgoing    -      -        -       -      -     -       sl       -
read_incoming    -      -        -       -      -     -       sl       -
test_outgoing    -      -        -       -      -     -       sl       -
fetch_incoming   -      -        -       -      -     -       sl       -
write_outgoing   -      -        -       -      -     -       -        -
see_personal     -      -        -       -      -     -       p        -
archive_personal -      -        -       -      -     -       p        -
remove_personal  -      -        -       -      -     -       p        -
"""
# what a role makes when it adds an account without an owner, and one for the owner
CREATES = {
    "portal": (None, None),
    "employee": ("employee", "employee"),
    "allowed": ("allowed", "allowed"),
    "member": ("member", "member"),
    "owner": ("owner", "owner"),
    "manager": ("shared", None),  # he may not see what he would give away
    "settings": ("shared", None),
    "elsewhere": (None, None),
}
SECRETS = ("password", "outgoing_password", "password_encrypted", "outgoing_password_encrypted")
RECIPIENT = f"bob@{DOMAIN}"
MAIL = b"From: Carol <carol@customer.example>\r\nSubject: private\r\n\r\nHello\r\n"


def read_table():
    """Yield ``(operation, role, letters)``."""
    head, *lines = TABLE.strip().splitlines()
    for line in lines:
        operation, *cells = line.split()
        for role, cell in zip(head.split(), cells, strict=True):
            yield operation, role, cell.strip("-")


@tagged("post_install", "-at_install")
class TestRightsMatrix(RolesMixin, HostsCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.hosts.mail.add_user(RECIPIENT, "bob")
        for name in ("shared", "limited", "personal"):
            cls.hosts.mail.add_user(f"{name}@{DOMAIN}", PASSWORD)
        cls.create_accounts(
            incoming_host=f"imap.{DOMAIN}", outgoing_host=f"smtp.{DOMAIN}", sender_name="Somebody"
        )
        cls.partner = cls.env["res.partner"].create({"name": "Customer"})
        cls.recipient = cls.env["res.partner"].create({"name": "Bob", "email": RECIPIENT})
        for account in cls.accounts.values():
            cls.env["email.account.check"]._create_report(account, [PASSED_STEP])
            discovery = cls.env["email.account.discovery"].create(
                {
                    "account_id": account.id,
                    "user_id": cls.env.uid,
                    "email": account.email,
                    "domain": DOMAIN,
                    "step_ids": [(0, 0, {"source": "srv", "sequence": 1, "result": "found"})],
                }
            )
            account._write_discovery({"discovery_id": discovery.id})
            folder = account.folder_ids
            folder.create({"account_id": account.id, "name": "Other", "mailbox": "Other"})
            receipt = cls.env["email.account.receipt"].create(
                {"account_id": account.id, "folder_id": folder.id, "uid_validity": "1", "uid": "1"}
            )
            mail = cls.env["email.account.unprocessed"].create(
                {
                    "account_id": account.id,
                    "receipt_id": receipt.id,
                    "subject": "private",
                    "email_from": "carol@customer.example",
                    "reason": "kept",
                }
            )
            mail._set_source(MAIL)

    # ------------------------------------------------------------
    # Operations: an account of which the environment is that of the role -> whether it was done
    # ------------------------------------------------------------

    def find(self, model, account, field="account_id"):
        """Return the records about an account as superuser sees them, to be asked for as the role."""
        return account.env[model].browse(self.env[model].search([(field, "=", account.id)]).ids)

    def do_search(self, account):
        return account in account.search([]) and account.name_search(account.email)

    def do_read(self, account):
        return account.read(["email", "username", "incoming_host", "state"])

    def do_export(self, account):
        return account.export_data(["email", "incoming_host"])["datas"]

    def do_write(self, account):
        account.sender_name = "Changed"
        return True

    def do_archive(self, account):
        account.action_archive()
        return not account.sudo().active

    def do_unlink(self, account):
        account.sudo().unprocessed_ids.unlink()
        return account.unlink()

    def do_reassign(self, account):
        return account.write({"user_id": self.users["allowed"].id})

    def do_limit(self, account):
        return account.write({"allowed_user_ids": [(4, self.users["employee"].id)]})

    def do_notify(self, account):
        return account.write({"use_for_notifications": True})

    def do_send_domain(self, account):
        return account.write({"other_addresses": f"@{DOMAIN}"})

    def do_send_rest(self, account):
        """After a change of the server, which is another's to vouch for then."""
        account.write({"outgoing_host": f"mail.{DOMAIN}", "password": PASSWORD})
        account.sudo()._set_state()
        return account.sudo()._carries_rest()

    def do_approve(self, account):
        account.action_approve()
        return account.is_approved

    def do_password(self, account):
        return account.write({"password": "another"})

    def do_password_set(self, account):
        return account.read(["password_set", "password_date"])[0]["password_set"]

    def do_check(self, account):
        with patch.object(self.env.registry["email.account.check"], "_run", return_value=[]) as run:
            account.action_check()
        return run.called

    def do_receive(self, account):
        def receive(accounts):
            return accounts

        with patch.object(self.env.registry["email.account"], "_receive", receive):
            return account.action_send_receive()

    def do_propose(self, account):
        return account in account.search(account._get_sending_domain())

    def do_compose(self, account):
        before = len(self.hosts.mail.messages(RECIPIENT))
        composer = account.env["mail.compose.message"].create(
            {
                "model": "res.partner",
                "res_ids": repr(self.partner.ids),
                "email_account_id": account.id,
                "partner_ids": self.recipient.ids,
                "body": "x",
            }
        )
        composer.action_send_mail()
        return len(self.hosts.mail.messages(RECIPIENT)) > before

    def prepare_mail(self, account, **values):
        """Return a mail that the role has written; the host sends it as superuser."""
        message = account.env["mail.message"].sudo().create({"body": "x", "message_type": "comment"})
        values = {"mail_message_id": message.id, "email_to": RECIPIENT, "body_html": "x", **values}
        return self.env["mail.mail"].create(values)

    def do_send_forced(self, account):
        server = account.sudo().mail_server_id
        mail = self.prepare_mail(account, email_from=account.env.user.email, mail_server_id=server.id)
        mail.send()
        return mail.state == "sent"

    def do_send_by_address(self, account):
        mail = self.prepare_mail(account, email_from=account.sudo().email)
        [(server_id, *_others)] = mail._split_by_mail_configuration()
        return server_id == account.sudo().mail_server_id.id

    def do_send_at_once(self, account):
        servers = account.env["ir.mail_server"].sudo()
        return servers._find_mail_server(account.sudo().email)[0] == account.sudo().mail_server_id

    def do_load_folders(self, account):
        account.action_load_folders()
        return True

    def do_read_folder(self, account):
        return self.find("email.account.folder", account).read(["name"])

    def do_write_folder(self, account):
        self.find("email.account.folder", account)[1].is_received = True
        return True

    def do_import_mail(self, account):
        wizard = account.env["email.account.import"].create({"account_id": account.id})
        wizard.action_count()
        wizard.action_import()
        return wizard.line_ids

    def do_read_mail(self, account):
        return self.find("email.account.unprocessed", account).read(["subject"])

    def do_read_source(self, account):
        mail = self.find("email.account.unprocessed", account)
        return mail.preview and mail.with_context(bin_size=False).source

    def do_discard_mail(self, account):
        return self.find("email.account.unprocessed", account).action_discard()

    def do_assign_mail(self, account):
        mail = self.find("email.account.unprocessed", account)
        wizard = account.env["email.account.assign"].create({"unprocessed_ids": mail.ids})
        wizard.record_ref = f"res.partner,{self.partner.id}"
        return wizard.action_assign()

    def do_unlink_mail(self, account):
        return self.find("email.account.unprocessed", account).unlink()

    def do_read_check(self, account):
        return self.find("email.account.check", account).read(["summary", "report_text"])

    def do_read_step(self, account):
        check = self.find("email.account.check", account)
        return account.env["email.account.check.step"].browse(check.sudo().step_ids.ids).read(["message"])

    def do_write_check(self, account):
        return self.find("email.account.check", account).write({"summary": "x"})

    def do_read_discovery(self, account):
        return self.find("email.account.discovery", account).read(["email", "servers"])

    def do_read_found(self, account):
        discovery = self.find("email.account.discovery", account)
        steps = account.env["email.account.discovery.step"].browse(discovery.sudo().step_ids.ids)
        return steps.read(["source"]) and account.action_open_discovery()

    def do_read_receipt(self, account):
        return self.find("email.account.receipt", account).read(["uid"])

    def do_read_polling(self, account):
        return self.find("email.account.polling", account).read(["next_date"])

    def do_read_outgoing(self, account):
        return self.find("ir.mail_server", account, "email_account_id").read(["smtp_host", "smtp_user"])

    def do_read_incoming(self, account):
        return self.find("fetchmail.server", account, "email_account_id").read(["server", "user"])

    def do_test_outgoing(self, account):
        return self.find("ir.mail_server", account, "email_account_id").test_smtp_connection()

    def do_fetch_incoming(self, account):
        receiving = patch.object(self.env.registry["email.account"], "_receive")
        # Odoo commits before it looks into servers of its own
        committing = patch.object(self.env.registry["ir.cron"], "_commit_progress")
        with receiving as receive, committing:
            self.find("fetchmail.server", account, "email_account_id").fetch_mail()
        return receive.called

    def do_write_outgoing(self, account):
        return self.find("ir.mail_server", account, "email_account_id").write({"smtp_host": "evil.example"})

    def get_listed(self, account):
        lines = account.env["email.account.personal"]
        lines = lines.search(lines.action_open()["domain"])
        return lines.filtered(lambda line: line.email == account.sudo().email)

    def do_see_personal(self, account):
        line = self.get_listed(account)
        return line and line.read(["email", "owner_id", "state", "last_received_date", "is_archived"])

    def do_archive_personal(self, account):
        line = self.get_listed(account)
        line.action_archive_account()
        return line and not account.sudo().active

    def do_remove_personal(self, account):
        line = self.get_listed(account)
        line.action_remove_account()
        return line and not account.exists()

    # ------------------------------------------------------------
    # The matrix
    # ------------------------------------------------------------

    def may(self, operation, role, account):
        """Whether the role could; nothing of it is left."""
        refusals = (AccessError, ValidationError) if operation.startswith("send") else AccessError
        if operation in ("export", "notify", "limit", "write_outgoing"):
            refusals = (AccessError, UserError)
        with self.env.cr.savepoint() as savepoint:
            try:
                done = bool(getattr(self, f"do_{operation}")(self.as_role(role, account)))
                self.env.flush_all()
            except refusals:
                done = False
            savepoint.rollback()
        return done

    def test_table(self):
        quiet = [f"odoo.addons.base.models.{name}" for name in ("ir_rule", "ir_model", "ir_mail_server")]
        for operation, role, expected in read_table():
            with self.subTest(operation=operation, role=role), mute_logger("odoo.models", *quiet):
                able = [
                    letter for letter, account in self.accounts.items() if self.may(operation, role, account)
                ]
                self.assertEqual("".join(able), expected)

    def test_every_operation_is_in_the_table(self):
        operations = {operation for operation, _role, _letters in read_table()}
        self.assertEqual(operations, {name[3:] for name in dir(self) if name.startswith("do_")})

    def test_create(self):
        for role, expected in CREATES.items():
            for number, owner in enumerate((False, self.users["owner"].id)):
                with self.subTest(role=role, owner=owner), self.env.cr.savepoint() as savepoint:
                    values = {
                        "email": "new@acme.example",
                        "user_id": owner,
                        "company_id": self.env.company.id,
                    }
                    try:
                        with mute_logger(
                            "odoo.addons.base.models.ir_rule", "odoo.addons.base.models.ir_model"
                        ):
                            account = self.as_role(role, self.env["email.account"]).create(values)
                        made = account.user_id.login.removeprefix("ea_") if account.user_id else "shared"
                    except AccessError:
                        made = None
                    savepoint.rollback()
                    self.assertEqual(made, expected[number])

    def test_rules_and_python_say_the_same(self):
        Account = self.env["email.account"]
        everything = Account.union(*self.accounts.values())
        for user in [*self.users.values(), self.env.ref("base.user_root"), self.env.ref("base.public_user")]:
            with self.subTest(user=user.login):
                found = Account.with_user(user).sudo().search([("is_usable", "=", True)])
                usable = everything.filtered(lambda account, user=user: account._is_usable_by(user))
                self.assertEqual(found & everything, usable)
                hidden = Account.with_user(user).sudo().search([("is_usable", "=", False)])
                self.assertEqual(hidden & everything, everything - usable)
                self.assertEqual(everything.with_user(user).sudo().filtered("is_usable"), usable)

    def test_secrets_come_out_nowhere(self):
        stored = [
            account.sudo()[name]
            for account in self.accounts.values()
            for name in SECRETS
            if account.sudo()[name]
        ]
        self.assertEqual(len(stored), 3)
        for role in ROLES:
            accounts = self.as_role(role, self.env["email.account"].union(*self.accounts.values()))
            for name in SECRETS:
                ways = {
                    "read": lambda a, n: a.read([n]),
                    "one": lambda a, n: [record[n] for record in a],
                    "search_read": lambda a, n: a.search_read([], [n]),
                    "web_search_read": lambda a, n: a.web_search_read([], {n: {}}),
                    "export": lambda a, n: a.export_data([n]),
                    "groups": lambda a, n: a.formatted_read_group([], [n], ["__count"]),
                    "aggregates": lambda a, n: a.formatted_read_group([], [], [f"{n}:array_agg"]),
                    "copy": lambda a, n: [record.copy_data({"email": "x@y.example"}) for record in a],
                    "onchange": lambda a, n: a[:1].onchange({}, [], {n: {}}),
                }
                for way, function in ways.items():
                    with self.subTest(role=role, name=name, way=way):
                        answer = self.get_answer(function, accounts, name)
                        for secret in (PASSWORD, *stored):
                            self.assertNotIn(secret, answer)

    def get_answer(self, function, accounts, name):
        loggers = ("odoo.models", "odoo.addons.base.models.ir_rule", "odoo.addons.base.models.ir_model")
        with mute_logger(*loggers, "odoo.fields", "odoo.domains"), self.env.cr.savepoint():
            try:
                return repr(function(accounts, name))
            except (AccessError, UserError, ValueError) as error:
                return str(error)

    def test_secrets_cannot_be_guessed_by_searching(self):
        for role in ROLES:
            accounts = self.as_role(role, self.env["email.account"])
            for name in ("password_encrypted", "outgoing_password_encrypted", "adopted_values"):
                for domain in ([(name, "=like", "g%")], [(name, "!=", False)]):
                    loggers = ("odoo.models", "odoo.addons.base.models.ir_model")
                    with self.subTest(role=role, domain=domain), mute_logger(*loggers):
                        self.assertRaises(AccessError, accounts.search, domain)
                        self.assertRaises(AccessError, accounts.search_count, domain)
                        self.assertRaises(AccessError, accounts.search, [], order=name)
                        # by way of what may be read
                        folders = accounts.env["email.account.folder"]
                        path = [(f"account_id.{name}", *domain[0][1:])]
                        self.assertRaises(AccessError, folders.search, path)
