"""Where the key comes from, what happens without it, and how passwords get another one."""

import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from unittest.mock import patch

from cryptography.fernet import Fernet

from odoo.cli.command import find_command
from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, TransactionCase, new_test_user, tagged
from odoo.tools import config

from ..models import secret_keys
from ..models.email_account_secret_rotation import ROTATED_TOGETHER
from ..models.secret_keys import InvalidKey, add_key_to_file, make_key_file, read_keys
from .common import ADDRESS, DOMAIN, HostsCase
from .receiving import ReceivingCase

LOST = "stored with a key that is not there any more. Enter the password again"
PROCESS = """import sys
sys.path.insert(0, sys.argv[1])
import secret_keys
sys.stdin.readline()
{}
"""


def new_key():
    return Fernet.generate_key().decode()


class KeyMixin:
    """Runs each test with keys of its own: in a data directory that is empty, and nowhere else."""

    key = None

    def setUp(self):
        # first, since others make accounts
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.file = self.folder / "email_account.key"
        self.enterContext(patch.dict(config.options, {"data_dir": str(self.folder)}))
        self.enterContext(patch.dict(os.environ))
        self.set_keys(self.key)
        super().setUp()

    def set_keys(self, configured=None, environment=None):
        config.options["email_account_key"] = configured
        os.environ.pop("EMAIL_ACCOUNT_KEY", None)
        if environment:
            os.environ["EMAIL_ACCOUNT_KEY"] = environment
        self.env.invalidate_all()  # what was computed with other keys

    def add_account(self, name="a", **values):
        return self.env["email.account"].create(
            {"email": f"{name}@example.org", "password": f"secret of {name}", **values}
        )

    def get_token(self, account, field="password"):
        self.env.invalidate_all()
        return account.sudo()[f"{field}_encrypted"]

    def assertOpenedBy(self, key, account, secret, field="password"):
        """The stored form of the password is one of this key."""
        token = self.get_token(account, field)
        self.assertEqual(json.loads(Fernet(key).decrypt(token.encode()))[1], secret)


@tagged("post_install", "-at_install")
class TestSecretKeys(KeyMixin, TransactionCase):
    """The places, and the file."""

    def get_places(self, configured=None):
        return [place for place, _key in read_keys(configured, self.folder)]

    def together(self, code, number=6):
        """Run ``code`` in many processes that begin at the same moment; return what each has printed."""
        command = [sys.executable, "-c", PROCESS.format(code), Path(secret_keys.__file__).parent, self.folder]
        processes = [
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            for _number in range(number)
        ]
        for process in processes:
            process.stdin.write("go\n")
            process.stdin.flush()
        answers = [process.communicate()[0].strip() for process in processes]
        self.assertEqual({process.returncode for process in processes}, {0})
        return answers

    def test_places(self):
        self.assertEqual(self.get_places(), [])
        self.assertEqual(os.listdir(self.folder), [])
        make_key_file(self.folder)
        self.assertEqual(self.get_places(), ["file"])
        self.set_keys(environment=f"{new_key()} , {new_key()}")
        self.assertEqual(self.get_places(new_key()), ["configuration", *["environment"] * 2, "file"])

    def test_invalid(self):
        for place, text in (("configuration", "no key"), ("configuration", f"{new_key()},"), ("file", "")):
            with self.subTest(place=place, text=text):
                if place == "file":
                    self.file.write_text(text)
                with self.assertRaises(InvalidKey) as caught:
                    read_keys(None if place == "file" else text, self.folder)
                self.assertEqual(caught.exception.place, place)
        self.file.unlink()
        self.set_keys(environment="Schlüssel")
        with self.assertRaises(InvalidKey) as caught:
            read_keys(None, self.folder)
        self.assertEqual(caught.exception.place, "environment")
        self.file.mkdir()  # what cannot be read
        self.set_keys()
        with self.assertRaises(InvalidKey):
            read_keys(None, self.folder)

    def test_file_is_made_once_and_private(self):
        self.env["email.account"]._get_fernet__()
        first = self.file.read_text()
        make_key_file(self.folder)
        self.assertEqual(self.file.read_text(), first)
        self.assertEqual(self.file.stat().st_mode & 0o777, 0o600)
        self.assertEqual(os.listdir(self.folder), [self.file.name])

    def test_file_by_many_processes(self):
        answers = self.together(
            "secret_keys.make_key_file(sys.argv[2])\n"
            "print(open(sys.argv[2] + '/' + secret_keys.KEY_FILE).read())"
        )
        self.assertEqual(set(answers), {self.file.read_text()})
        self.assertEqual(self.get_places(), ["file"])

    def test_key_is_added(self):
        make_key_file(self.folder)
        old = self.file.read_text()
        self.file.chmod(0o644)
        self.assertEqual(add_key_to_file(self.folder), self.file)
        self.assertEqual(self.file.read_text().split()[1:], [old])
        self.assertEqual(self.file.stat().st_mode & 0o777, 0o600)
        self.assertEqual(self.get_places(), ["file"] * 2)
        self.assertEqual(os.listdir(self.folder), [self.file.name])

    def test_links_are_not_followed(self):
        """The command may be root's, the directory is Odoo's: nothing is read, or given away, by a link."""
        other = Path(self.enterContext(tempfile.TemporaryDirectory())) / "shadow"
        other.write_text("root's own")
        self.file.symlink_to(other)
        with self.assertRaises(OSError):
            add_key_to_file(self.folder)
        self.assertEqual(os.listdir(self.folder), [self.file.name])
        self.file.unlink()
        aside = self.file.with_name(f"{self.file.name}.new")
        aside.symlink_to(other)
        with self.assertRaises(FileExistsError):
            add_key_to_file(self.folder)
        self.assertEqual(other.read_text(), "root's own")

    def test_no_added_key_is_lost(self):
        answers = self.together(
            "try:\n"
            "    secret_keys.add_key_to_file(sys.argv[2])\n"
            "    print('added')\n"
            "except FileExistsError:\n"
            "    print('refused')"
        )
        self.assertLessEqual(set(answers), {"added", "refused"})
        self.assertEqual(len(self.get_places()), answers.count("added"))

    def test_nothing_is_added_after_a_failure(self):
        self.file.mkdir()
        with self.assertRaises(IsADirectoryError):
            add_key_to_file(self.folder)
        self.assertEqual(os.listdir(self.folder), [self.file.name])


@tagged("post_install", "-at_install")
class TestEmailAccountKey(KeyMixin, TransactionCase):
    """Accounts whose key goes and comes, and their encryption with another one."""

    def rotate(self):
        return self.env["email.account"]._rotate_keys()

    def setUp(self):
        super().setUp()
        self.enterContext(self.enter_registry_test_mode())

    def test_each_place(self):
        keys = [new_key(), new_key()]
        account = self.add_account()
        self.assertOpenedBy(self.file.read_text(), account, "secret of a")
        self.set_keys(environment=keys[0])
        other = self.add_account("b")
        self.assertOpenedBy(keys[0], other, "secret of b")
        self.set_keys(configured=keys[1], environment=keys[0])
        third = self.add_account("c")
        self.assertOpenedBy(keys[1], third, "secret of c")
        self.assertEqual(
            [each._get_secret__("password") for each in (account, other, third)],
            ["secret of a", "secret of b", "secret of c"],
        )

    def test_missing_key(self):
        key = new_key()
        self.set_keys(key)
        account = self.add_account(outgoing_password="other")
        token = self.get_token(account)
        self.assertFalse(account.is_key_missing or account.key_message)
        for keys in ({}, {"configured": new_key()}, {"environment": new_key()}):
            self.set_keys(**keys)
            self.assertTrue(account.is_key_missing)
            self.assertIn(LOST, account.key_message)
            with self.assertRaisesRegex(UserError, LOST):
                account._get_secret__("password")
        self.set_keys()
        with Form(account) as form:
            form.sender_name = "A"
        self.assertFalse(self.file.exists(), "a new key was made where one is missing")
        self.assertEqual(self.get_token(account), token)
        account.password = "new"
        self.assertTrue(account.is_key_missing, "the other one is missing yet")
        account.outgoing_password = False
        self.assertFalse(account.is_key_missing)
        self.set_keys(key)
        self.assertEqual(account._get_secret__("password"), "new")

    def test_key_is_back(self):
        key = new_key()
        self.set_keys(key)
        account = self.add_account()
        self.set_keys(new_key())
        self.assertTrue(account.is_key_missing)
        account.write({"sender_name": "A", "state": "ready", "active": False})
        self.assertEqual(self.rotate(), (0, 1))
        self.set_keys(key)
        self.assertFalse(account.is_key_missing)
        self.assertEqual(account._get_secret__("password"), "secret of a")

    def test_invalid_key(self):
        account = self.add_account()
        for keys, place in (
            ({"configured": "no key"}, "email_account_key"),
            ({"environment": "no key"}, "EMAIL_ACCOUNT_KEY"),
        ):
            self.set_keys(**keys)
            self.assertTrue(account.is_key_missing)
            self.assertIn(place, account.key_message)
            for use in (
                lambda: account._get_secret__("password"),
                lambda: account.write({"password": "new"}),
                self.rotate,
            ):
                with self.assertRaisesRegex(UserError, place):
                    use()
        self.set_keys()
        self.assertEqual(account._get_secret__("password"), "secret of a")
        self.file.write_text("")
        with self.assertRaisesRegex(UserError, "restore the file email_account.key"):
            account.password = "new"
        self.assertEqual(self.file.read_text(), "")

    def test_only_what_has_a_password_misses_a_key(self):
        account = self.add_account(password=False)
        self.set_keys("no key")
        self.assertFalse(account.is_key_missing or account.key_message)
        self.assertFalse(self.env["email.account"].new({}).is_key_missing)

    def test_few_queries_for_a_list(self):
        """One for each password, and one for the servers."""
        for index in range(20):
            self.add_account(f"a{index}")
        self.env.flush_all()
        self.set_keys("no key")
        accounts = self.env["email.account"].search([])
        with self.assertQueryCount(len(accounts._secret_fields) + 1):
            self.assertEqual(set(accounts.mapped("is_key_missing")), {True})

    # ------------------------------------------------------------
    # Encryption with another key
    # ------------------------------------------------------------

    def test_rotation(self):
        old, new, strange = new_key(), new_key(), new_key()
        self.set_keys(old)
        company = self.env["res.company"].create({"name": "Other"})
        accounts = [
            self.add_account("a", outgoing_password="outgoing"),
            self.add_account("b", company_id=company.id),
            self.add_account("c", active=False),
            self.add_account("d", user_id=self.env.ref("base.user_admin").id),
        ]
        self.add_account("e", password=False)
        wizard = self.env["email.account.create"].create(
            {"email": "w@example.org", "password": "secret of w"}
        )
        self.set_keys(strange)
        lost = self.add_account("f")
        before = self.get_token(lost), accounts[0].password_date
        self.set_keys(f"{new},{old}")
        self.assertEqual(self.rotate(), (6, 1))
        for account, name in zip([*accounts, wizard], "abcdw", strict=True):
            self.assertOpenedBy(new, account, f"secret of {name}")
        self.assertOpenedBy(new, accounts[0], "outgoing", "outgoing_password")
        self.assertEqual((self.get_token(lost), accounts[0].password_date), before)
        tokens = [self.get_token(account) for account in accounts]
        self.assertEqual(self.rotate(), (0, 1))
        self.assertEqual([self.get_token(account) for account in accounts], tokens)
        self.set_keys(new)
        self.assertEqual(accounts[0]._get_secret__("outgoing_password"), "outgoing")
        self.set_keys(f"{new},{strange}")
        self.assertEqual(self.rotate(), (1, 0))
        self.assertOpenedBy(new, lost, "secret of f")

    def test_rotation_of_many(self):
        old, new = new_key(), new_key()
        self.set_keys(old)
        number = ROTATED_TOGETHER + 1
        for index in range(number):
            self.add_account(f"a{index}")
        self.set_keys(f"{new},{old}")
        self.assertEqual(self.rotate(), (number, 0))
        self.set_keys(new)
        self.assertEqual(self.rotate(), (0, 0))

    def test_rotation_without_any_key(self):
        account = self.add_account()
        self.file.unlink()
        self.assertEqual(self.rotate(), (0, 1))
        self.assertFalse(self.file.exists())
        self.assertTrue(account.is_key_missing)

    def test_button(self):
        old, new = new_key(), new_key()
        self.set_keys(old)
        account = self.add_account()
        self.set_keys(new)
        self.add_account("b")
        settings = self.env["res.config.settings"].create({})
        answer = settings.action_rotate_email_account_keys()["params"]
        self.assertEqual(answer["type"], "warning")
        self.assertIn("1 passwords cannot be opened", answer["message"])
        self.set_keys(f"{new},{old}")
        answer = settings.action_rotate_email_account_keys()["params"]
        self.assertEqual(
            (answer["type"], answer["message"]), ("success", "1 passwords were encrypted again.")
        )
        self.assertOpenedBy(new, account, "secret of a")
        answer = settings.action_rotate_email_account_keys()["params"]
        self.assertIn("nothing to do", answer["message"])
        manager = new_test_user(self.env, "ea_m", "base.group_user,email_account.group_email_account_manage")
        with self.assertRaises(AccessError):
            settings.with_user(manager).action_rotate_email_account_keys()

    def test_banner(self):
        def get_place():
            self.env.invalidate_all()
            settings = Form(self.env["res.config.settings"])
            return settings.email_account_key_place, settings.email_account_key_problem

        self.assertEqual(get_place(), ("none", False))
        self.add_account()
        self.assertEqual(get_place(), ("file", False))
        self.set_keys(environment=new_key())
        self.assertEqual(get_place(), ("environment", False))
        self.set_keys(new_key())
        self.assertEqual(get_place(), ("configuration", False))
        self.set_keys("no key")
        place, problem = get_place()
        self.assertEqual(place, "invalid")
        self.assertIn("email_account_key", problem)

    # ------------------------------------------------------------
    # The command
    # ------------------------------------------------------------

    def run_command(self, generate=False):
        """Return what it says on the way to its end, or instead of going on."""
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            try:
                find_command("email_account")().rotate(self.env["email.account"], generate)
            except SystemExit as end:
                return output.getvalue() + end.code
        return output.getvalue()

    def test_command(self):
        old, new = new_key(), new_key()
        self.set_keys(old)
        account = self.add_account()
        self.set_keys(new)
        self.assertIn("\n1 passwords cannot be opened", self.run_command())
        self.set_keys(f"{new},{old}")
        self.assertEqual(self.run_command(), "1 passwords were encrypted again.\n")
        self.assertOpenedBy(new, account, "secret of a")

    def test_command_generates(self):
        account = self.add_account()
        old = self.file.read_text()
        output = self.run_command(generate=True)
        new, *others = self.file.read_text().split()
        self.assertEqual(others, [old])
        self.assertOpenedBy(new, account, "secret of a")
        self.assertIn(f"in {self.file}", output)
        self.assertIn("1 passwords were encrypted again.", output)
        self.assertFalse([key for key in (old, new) if key in output])

    def test_command_generates_no_key_elsewhere(self):
        key = new_key()
        for keys, place in (
            ({"configured": key}, "email_account_key"),
            ({"environment": key}, "EMAIL_ACCOUNT"),
        ):
            self.set_keys(**keys)
            output = self.run_command(generate=True)
            self.assertIn(place, output)
            self.assertIn("Nothing was changed", output)
            self.assertNotIn(key, output)
        self.set_keys()
        self.file.with_suffix(".key.new").touch()
        self.assertIn("is being made at the moment", self.run_command(generate=True))
        self.assertFalse(self.file.exists())

    def test_command_as_a_process(self):
        """As an administrator starts it; of this database it sees what is committed: no account."""
        command = [sys.executable, "-m", "odoo", "email_account", "rotate-key", "-d", self.env.cr.dbname]
        result = subprocess.run(
            [*command, f"--data-dir={self.folder}", "--generate"],
            env={**os.environ, "ODOO_RC": config["config"]},
            capture_output=True,
            text=True,
        )
        self.assertIn(f"in {self.file}", result.stdout, result.stderr)
        self.assertTrue(result.stdout.endswith("\n0 passwords were encrypted again.\n"), result.stdout)
        self.assertEqual(result.returncode, 0)
        self.assertNotIn(self.file.read_text(), result.stdout + result.stderr)


@tagged("post_install", "-at_install")
class TestEmailAccountWithoutKey(KeyMixin, HostsCase):
    """An account whose key has gone says so in everything that it is used for, and works when it is back."""

    key = new_key()

    def setUp(self):
        super().setUp()
        self.account = self.env["email.account"].create(self.account_values)
        self.account._set_state()
        self.token = self.get_token(self.account)

    def tearDown(self):
        self.assertEqual(self.get_token(self.account), self.token)
        super().tearDown()

    def test_check(self):
        self.set_keys(new_key())
        check = self.account._check()
        failed = check.step_ids.filtered(lambda step: step.result == "failed")
        self.assertEqual(set(failed.mapped("field_name")), {"password"})
        self.assertEqual(len(failed.filtered(lambda step: LOST in step.message)), 2)
        self.assertEqual(self.account.state, "failing")
        self.assertIn(LOST, self.account.last_error)
        self.set_keys(self.key)
        self.account._check()
        self.assertEqual((self.account.state, self.account.last_error), ("ready", False))

    def send(self):
        mail = self.env["mail.mail"].create(
            {
                "email_from": ADDRESS,
                "email_to": f"jane@{DOMAIN}",
                "mail_server_id": self.account.mail_server_id.id,
                "auto_delete": False,
            }
        )
        mail.send()
        return mail

    def test_sending(self):
        self.set_keys(new_key())
        mail = self.send()
        self.assertEqual(mail.state, "exception")
        self.assertIn(LOST, mail.failure_reason)
        self.set_keys(self.key)
        mail.mark_outgoing()
        mail.send()
        self.assertEqual(mail.state, "sent")

    def test_release(self):
        servers = self.account.sudo().mail_server_ids, self.account.sudo().fetchmail_server_ids
        self.set_keys("no key")
        self.account._release_servers__()
        self.assertEqual((servers[0].smtp_pass, servers[1].password), (False, False))

    def test_wizard(self):
        wizard = self.env["email.account.create"].create(
            {"email": f"info@{DOMAIN}", "password": "x", "incoming_host": f"imap.{DOMAIN}"}
        )
        self.set_keys(new_key())
        wizard.action_create()
        self.assertEqual((wizard.step, wizard.invalid_field), ("start", "password"))
        self.assertIn(LOST, wizard.message)
        self.assertNotIn("email.account.create", wizard.message)
        self.assertNotIn(wizard.email, [name for _protocol, name, _accepted in self.hosts.mail.logins()])
        self.assertFalse(self.env["email.account"].search([("email", "=", wizard.email)]))


@tagged("post_install", "-at_install")
class TestEmailAccountReceivingWithoutKey(KeyMixin, ReceivingCase):
    key = new_key()

    def test_receiving(self):
        self.deliver(1)
        self.set_keys(new_key())
        self.account._receive()
        self.assertEqual(self.account.state, "failing")
        self.assertIn(LOST, self.account.last_error)
        self.assertFalse(self.get_message(1) or self.account.polling_ids.is_stopped)
        self.assertEqual(self.account.action_send_receive()["params"]["type"], "danger")
        self.set_keys(self.key)
        self.account._receive()
        self.assertEqual((self.account.state, self.account.last_error), ("ready", False))
        self.assertTrue(self.get_message(1))
