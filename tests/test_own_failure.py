"""What goes wrong with one account is its own: it becomes its state, and the others go on."""

import contextlib
import smtplib
from unittest.mock import patch

import psycopg2

from odoo import fields
from odoo.exceptions import ValidationError
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..mailclient import MailFailure, SmtpClient
from ..mailclient.endpoint import Endpoint
from ..models.receive_turn import ReceiveTurn
from .common import PASSWORD
from .receiving import OTHER, ReceivingCase

ERRORS = (
    ValueError("A string literal cannot contain NUL (\0) \ud800 characters."),
    KeyError("what nobody has thought of"),
    RecursionError(),
    MemoryError(),
    psycopg2.errors.InvalidTextRepresentation("\0"),
    psycopg2.OperationalError("gone"),
    MailFailure(Endpoint("imap", "mail.acme.example", 993, "tls"), "login", "NO \0 \ud800" + "x" * 10**6),
)
LOGGERS = (
    "receive_run",
    "receive_turn",
    "email_account_check",
    "email_account_checked",
    "email_account_mending",
)
mute = mute_logger(*(f"odoo.addons.email_account.models.{name}" for name in LOGGERS), "odoo.sql_db")


class OwnFailureCase(ReceivingCase):
    def setUp(self):
        super().setUp()
        self.other = self.create_account(email=OTHER, password=PASSWORD)
        self.went_on = set()  # ids of records whose method did not raise

    @contextlib.contextmanager
    def failing(self, model, name, error, is_generator=False):
        """Let a method raise for the one account."""
        original, account_id = getattr(self.env.registry[model], name), self.account.id

        def fail(records, *arguments, **options):
            if records._name == "email.account" and account_id in records.ids:
                raise error
            self.went_on |= set(records.ids)
            return original(records, *arguments, **options)

        def fail_later(records, *arguments, **options):
            if records._name == "email.account" and account_id in records.ids:
                raise error
            return (yield from original(records, *arguments, **options))

        with patch.object(self.env.registry[model], name, fail_later if is_generator else fail):
            yield


@tagged("post_install", "-at_install")
class TestReceiving(OwnFailureCase):
    def receive(self):
        self.deliver("mine")
        self.deliver("other", to=OTHER)
        polling = self.account.sudo().polling_ids
        polling.write({"next_date": fields.Datetime.now(), "failure_count": 0})
        (self.account + self.other)._receive()
        self.env.invalidate_all()

    def assertOwn(self):
        polling = self.account.sudo().polling_ids
        self.assertTrue(self.get_message("other"))
        self.assertEqual(self.other.state, "ready")
        self.assertFalse(polling.claim)
        self.assertEqual(polling.failure_count, 1)
        self.assertGreater(polling.next_date, fields.Datetime.now())

    @mute
    def test_whatever_is_raised(self):
        for name, is_generator in (
            ("_connecting__", True),
            ("_prepare_gateway", False),
            ("_get_size_limit", False),
            ("_prepare_telling", False),
        ):
            for error in ERRORS:
                with self.subTest(name, error=repr(error)[:50]):
                    with self.failing("email.account", name, error, is_generator):
                        self.receive()
                    polling = self.account.sudo().polling_ids
                    self.assertFalse(polling.claim)
                    self.assertTrue(self.get_message("other"))
                    self.assertEqual(self.other.state, "ready")
                    if name == "_connecting__":
                        self.assertOwn()
                        self.assertEqual(self.account.state, "failing")
                        self.assertNotIn("\0", self.account.last_error + self.account.last_error_details)
                        self.assertLess(len(self.account.last_error_details), 11000)
                    self.receive()
                    self.assertEqual(self.account.state, "ready")
                    self.assertEqual(len(self.get_message("mine")), 1)
                    self.get_message("other").unlink()
                    self.env["email.account.receipt"].search([]).unlink()
                    self.get_message("mine").unlink()
                    self.empty_folders(self.account.email)
                    self.empty_folders(OTHER)

    @mute
    def test_what_is_told_of_it_fails_itself(self):
        error = ValueError("\0")
        with (
            self.failing("email.account", "_connecting__", error, True),
            self.failing("email.account", "_set_receiving_failed", error),
        ):
            self.receive()
        self.assertOwn()

    @mute
    def test_a_failure_that_cannot_be_explained(self):
        with (
            self.failing("email.account", "_connecting__", ERRORS[-1], True),
            self.failing("email.account", "_prepare_failure_values", ValueError("\0")),
        ):
            self.receive()
        self.assertOwn()
        self.assertEqual(self.account.state, "failing")

    @mute
    def test_owner_is_told_when_it_goes_on(self):
        for _turn in range(3):
            with self.failing("email.account", "_connecting__", ERRORS[0], True):
                self.account._receive()
        kind = self.env.ref("email_account.mail_activity_type_failing")
        self.assertEqual(self.account.activity_ids.mapped("activity_type_id"), kind)
        self.assertEqual(len(self.account.activity_ids), 1)

    @mute
    def test_claims_are_given_back_though_the_run_ends(self):
        """The process lives on, and so does its connection to the database."""
        for error in (KeyboardInterrupt(), SystemExit(), ValueError("\0")):
            with self.subTest(repr(error)):

                def end(_turn, _error=error):
                    raise _error
                    yield

                stopping = contextlib.suppress(KeyboardInterrupt, SystemExit)
                with stopping, patch.object(ReceiveTurn, "receiving", end):
                    (self.account + self.other)._receive()
                self.env.invalidate_all()
                self.assertFalse((self.account + self.other).sudo().polling_ids.filtered("claim"))

    @mute
    def test_retrying_what_was_put_aside_fails(self):
        unprocessed = self.env.registry["email.account.unprocessed"]
        for name in ("_retry_due", "_fetch_due"):
            with self.subTest(name), patch.object(unprocessed, name, side_effect=ValueError("\0")):
                self.receive()
                self.assertTrue(self.get_message("other"))

    @mute
    def test_mending_fails(self):
        self.account.sudo().polling_ids.unlink()
        with self.failing("email.account", "_mend_rows", ValueError("\0")):
            self.deliver("other", to=OTHER)
            self.other._receive()
        self.assertTrue(self.get_message("other"))

    def test_mail_with_nul_in_its_header(self):
        mail = (
            "From: =?utf-8?q?Ca=00rol?= <carol@customer.example>\nTo: =?utf-8?q?x=00?= <{to}>\n"
            "Subject: =?utf-8?q?In_=00blue=3F?=\nMessage-ID: <{id}@customer.example>\n"
            "Date: Tue, 24 Nov 2026 10:00:00 +0000\nReferences: =?utf-8?q?<=00>?=\n"
            "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nHel\0lo\n--b\n"
            "Content-Type: application/x-y; name*=utf-8''a%00b%0D%0A.txt\n"
            "Content-Disposition: attachment; filename*=utf-8''a%00b%0D%0A.txt\n\n\0\n--b--\n"
        )
        self.account.write({"after_receiving": "delete", "delete_after_days": 0})
        self.deliver("nul", mail=mail)
        self.account._receive()
        message = self.get_message("nul")
        self.assertEqual(message.subject, "In \ufffdblue?")
        self.assertIn("lo", message.body)
        self.assertEqual(len(message.attachment_ids), 1)
        self.assertFalse(self.in_mailbox())


@tagged("post_install", "-at_install")
class TestNightly(OwnFailureCase):
    def check_nightly(self):
        (self.account + self.other).sudo().write({"last_check_date": False, "state": "draft"})
        # it would commit
        crons = self.env.registry["ir.cron"]
        with patch.object(crons, "_commit_progress", lambda *_arguments, **_options: 1):
            self.env["email.account"]._cron_check()
        self.env.invalidate_all()

    @mute
    def test_whatever_is_raised(self):
        for model, name, is_generator in (
            ("email.account", "_connecting__", True),
            ("email.account", "_check_stages", False),
            ("email.account", "_set_state", False),
            ("email.account", "_get_directions", False),
        ):
            for error in ERRORS:
                with self.subTest(name, error=repr(error)[:50]):
                    with self.failing(model, name, error, is_generator):
                        self.check_nightly()
                    self.assertEqual(self.other.state, "ready")
                    if name in ("_connecting__", "_check_stages"):
                        self.assertEqual(self.account.state, "failing")
                        self.assertNotIn("\0", self.account.last_error)
                        self.assertTrue(self.account.last_check_date)
                    self.check_nightly()
                    self.assertEqual(self.account.state, "ready")

    @mute
    def test_what_is_stored_already(self):
        """By a version that took anything."""
        for value in (12345, "\ud800", "a\0b", ["x"], True, 1.5):
            with self.subTest(repr(value)):
                self.account._store_secrets__({"password": value})
                self.check_nightly()
                self.assertEqual((self.account.state, self.other.state), ("failing", "ready"))
                self.deliver("other", to=OTHER)
                (self.account + self.other)._receive()
                self.assertTrue(self.get_message("other"))
                self.assertFalse(self.account.sudo().polling_ids.claim)
        self.account.password = PASSWORD
        for column in ("incoming_security", "outgoing_security", "incoming_protocol"):
            with self.subTest(column):
                self.env.flush_all()
                self.env.cr.execute(
                    f"UPDATE email_account SET {column} = NULL WHERE id = %s", [self.account.id]
                )
                self.env.invalidate_all()
                self.check_nightly()
                self.assertEqual(self.other.state, "ready")


@tagged("post_install", "-at_install")
class TestSending(OwnFailureCase):
    def create_mail(self, account, subject):
        return self.env["mail.mail"].create(
            {
                "email_from": account.email,
                "email_to": "carol@customer.example",
                "subject": subject,
                "body_html": "<p>Hello</p>",
                "mail_server_id": account.sudo().mail_server_id.id,
            }
        )

    def send_all(self):
        first, second = (self.create_mail(self.account, subject) for subject in ("Ends", "Waits"))
        third = self.create_mail(self.other, "Leaves")
        with mute_logger(
            "odoo.addons.mail.models.mail_mail",
            "odoo.addons.base.models.ir_mail_server",
            "odoo.addons.email_account.models.ir_mail_server",
        ):
            (first + second + third).send()
        return first, second, third

    def test_server_ends_the_session(self):
        """The mail over which it does so has failed; what comes after it waits, and that of others leaves."""
        original = SmtpClient.send_message

        def send_message(client, message, *arguments, **options):
            if message["Subject"] == "Ends":
                client.close()
                raise smtplib.SMTPServerDisconnected("Connection unexpectedly closed \0")
            return original(client, message, *arguments, **options)

        with patch.object(SmtpClient, "send_message", send_message):
            first, second, third = self.send_all()
        self.assertEqual((first.state, second.state, third.state), ("exception", "outgoing", "sent"))
        self.assertIn("closed the connection", first.failure_reason)
        self.assertFalse(second.failure_reason)
        second.send()
        self.assertEqual(second.state, "sent")

    def test_whatever_is_raised(self):
        for error in (*ERRORS[:4], ERRORS[-1]):
            with (
                self.subTest(repr(error)[:50]),
                self.failing("email.account", "_connecting__", error, True),
            ):
                first, second, third = self.send_all()
                self.assertEqual((first.state, second.state), ("exception", "exception"))
                self.assertEqual(third.state, "sent")
                self.assertNotIn("\0", first.failure_reason)


@tagged("post_install", "-at_install")
class TestKeys(OwnFailureCase):
    def test_one_cannot_be_encrypted_again(self):
        logger = "odoo.addons.email_account.models.email_account_secret_rotation"
        with mute_logger(logger), self.failing("email.account", "_rotate_secrets", ValueError("\0")):
            self.assertEqual(self.env["email.account.secret"]._rotate_keys(), (0, 1))
        self.assertIn(self.other.id, self.went_on)

    def test_stored_form_that_is_none(self):
        self.account._store_tokens__({"password_encrypted": "é\ud800".encode("utf-8", "replace").decode()})
        self.assertEqual(self.env["email.account.secret"]._rotate_keys(), (0, 1))


@tagged("post_install", "-at_install")
class TestTypes(OwnFailureCase):
    def test_what_programs_write(self):
        wrong = {
            "password": (12345, 1.5, True, "\ud800", "a\0b", ["x"], {"a": "b"}),
            "outgoing_password": (12345, "\ud800"),
            "username": (5, "\udfff", "\0", ["x"]),
            "email": (5, "\ud800@acme.example", ["x"]),
            "incoming_host": (5, "mail\0.acme.example"),
            "sender_name": (5, "\ud800"),
            "incoming_protocol": (False, None, "smtp", 5),
            "incoming_security": (False, None, "ssl", 5, ["x"]),
            "outgoing_security": (False, None, "ssl"),
            "after_receiving": (False, None, "burn"),
            "incoming_port": ("993x", 2**40, 1.5, ["x"]),
            "timeout": ("x", 2**31),
            "size_limit": (2**31,),
            "name": (5, "\ud800"),
            "other_addresses": (5, "\0"),
            "incoming_action": ("burn",),
        }
        for name, values in wrong.items():
            label = self.account._fields[name]._description_string(self.env)
            for value in values:
                with self.subTest(name, value=ascii(value)):
                    with self.assertRaises(ValidationError) as caught, self.env.cr.savepoint():
                        self.account.write({name: value})
                    self.assertIn(label, str(caught.exception))
                    with self.assertRaises(ValidationError), self.env.cr.savepoint():
                        self.env["email.account"].create(
                            self.account_values | {"email": "new@acme.example", name: value}
                        )
        wizard = self.env["email.account.create"]
        for value in wrong["password"]:
            with self.subTest("wizard", value=ascii(value)), self.assertRaises(ValidationError):
                wizard.create(self.wizard_values | {"password": value})

    def test_what_the_web_client_writes(self):
        self.account.write(
            {
                "password": "pässwörd 漢字 😀",
                "outgoing_password": False,
                "username": False,
                "incoming_port": 993,
                "incoming_security": "starttls",
                "size_limit": False,
            }
        )
        self.assertEqual(self.account._get_secret__("password"), "pässwörd 漢字 😀")
