"""An error never commits half of something: whatever is raised, and wherever, a mail is here with its
receipt, or not here at all and still on the server."""

import os
import sys
from functools import cache
from pathlib import Path

import psycopg2

from odoo.exceptions import UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..mailclient import MailFailure
from ..mailclient.endpoint import Endpoint
from ..models.received_mail import NotProcessed
from .common import ADDRESS
from .receiving import MoodyCase

MODELS = Path(__file__).resolve().parent.parent / "models"
# what is at work while a mail is stored
FILES = {
    str(MODELS / name)
    for name in (
        "email_account_folder.py",
        "email_account_receipt.py",
        "email_account_received.py",
        "email_account_unprocessed.py",
        "mail_bounds.py",
        "mail_message.py",
        "mail_outcome.py",
        "mail_thread.py",
        "mail_thread_forced.py",
        "mail_thread_refusal.py",
        "mail_thread_report.py",
        "receive_position.py",
        "receive_run.py",
        "receive_telling.py",
        "receive_turn.py",
        "received_mail.py",
    )
}
# errors that are tried; ALL_ERRORS=1 tries one at each line, which takes some minutes
TRIES = 40
SOURCES = (
    # becomes a message on its sender
    "From: Carol <carol@customer.example>\r\nTo: {to}\r\nSubject: In blue?\r\n",
    # with what the database does not take
    "From: =?utf-8?q?Ca=00rol?= <dave@customer.example>\r\nTo: {to}\r\nSubject: =?utf-8?q?a=00b?=\r\n",
    # is kept
    "To: {to}\r\nSubject: Nobody\r\n",
)
SUBJECTS = ("In blue?", "a\ufffdb", "Nobody")
REST = "Message-ID: <{id}@customer.example>\r\nDate: Tue, 24 Nov 2026 10:00:00 +0000\r\n\r\nHello\r\n"
KINDS = (
    lambda: ValueError("A string literal cannot contain NUL (\0) \ud800 characters."),
    lambda: psycopg2.OperationalError("gone"),
    lambda: psycopg2.errors.UniqueViolation("there is one"),
    lambda: psycopg2.errors.SerializationFailure("again"),
    lambda: MailFailure(Endpoint("imap", "mail.acme.example", 993, "tls"), "fetch", "NO \0"),
    lambda: UserError("no\0"),
    lambda: NotProcessed("error", "\0"),
    MemoryError,
    lambda: OSError("disk"),
    RecursionError,
    KeyboardInterrupt,
    SystemExit,
)


@cache
def is_storing(name):
    """Whether a file is one of `FILES`; the addon is a folder of links."""
    return os.path.realpath(name) in FILES


class Tracer:
    """Count the lines of `FILES` that are reached in this thread, and raise at one of them."""

    def __init__(self, at=None, kind=None):
        self.at, self.kind, self.count, self.place = at, kind, 0, None

    def __enter__(self):
        self._before = sys.gettrace()
        sys.settrace(self._enter)

    def __exit__(self, *_exception):
        sys.settrace(self._before)

    def _enter(self, frame, _event, _argument):
        return self._line if is_storing(frame.f_code.co_filename) else None

    def _line(self, frame, event, _argument):
        if event == "line":
            self.count += 1
            if self.count == self.at:
                sys.settrace(None)
                self.place = f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"
                raise self.kind()
        return self._line


class HalfDoneCase(MoodyCase):
    def arrive_all(self):
        self.start(after_receiving="delete", delete_after_days=0)
        for number, source in enumerate(SOURCES):
            name = f"{number}-{self.series}"
            self.server.add((source + REST).format(to=ADDRESS, id=name).encode())

    def receive(self, tracer):
        loggers = ("receive_run", "receive_turn", "receive_telling", "email_account_unprocessed")
        names = [f"odoo.addons.email_account.models.{name}" for name in loggers]
        with mute_logger(*names, "odoo.sql_db"), tracer:
            try:
                self.account._receive()
            except (Exception, KeyboardInterrupt, SystemExit) as error:
                return error
        return None

    def get_times(self, number):
        """How often a mail is here: as a message, or kept."""
        messages = self.env["mail.message"].search(
            [("email_account_id", "=", self.account.id), ("subject", "=", SUBJECTS[number])]
        )
        name = f"<{number}-{self.series}@customer.example>".encode()
        kept = self.get_unprocessed().filtered(lambda mail: name in mail._read_source())
        return len(messages) + len(kept)

    def assertNothingLost(self):
        """What is not on the server is here."""
        self.env.invalidate_all()
        for number in range(len(SOURCES)):
            if number + 1 not in self.server.messages:
                self.assertEqual(self.get_times(number), 1, f"mail {number} is gone from the server")
        for receipt in self.env["email.account.receipt"].search([("account_id", "=", self.account.id)]):
            number = int(receipt.uid.removeprefix("u")) - 1
            self.assertEqual(self.get_times(number), 1, f"mail {number} has a receipt")

    def check(self):
        self.arrive_all()
        counter = Tracer()
        self.assertIsNone(self.receive(counter))
        self.assertEqual([self.get_times(number) for number in range(len(SOURCES))], [1, 1, 1])
        self.assertFalse(self.server.messages)
        self.assertGreater(counter.count, TRIES)
        every = "ALL_ERRORS" in os.environ
        step = 1 if every else counter.count / TRIES
        for number in range(counter.count if every else TRIES):
            tracer = Tracer(1 + int(number * step), KINDS[number % len(KINDS)])
            with self.subTest(line=tracer.at, kind=number % len(KINDS)):
                self.arrive_all()
                self.receive(tracer)
                self.assertTrue(tracer.place)
                with self.subTest(place=tracer.place):
                    self.assertNothingLost()
                    self.assertFalse(self.polling.claim)
                    self.assertIsNone(self.receive(Tracer()))
                    self.assertNothingLost()
                    self.receive(Tracer())
                    times = [self.get_times(number) for number in range(len(SOURCES))]
                    self.assertEqual(times, [1, 1, 1])
                    self.assertFalse(self.server.messages)
                    self.assertEqual(self.account.state, "ready")


@tagged("post_install", "-at_install")
class TestHalfDoneImap(HalfDoneCase):
    def test_error_at_any_line(self):
        self.check()


@tagged("post_install", "-at_install")
class TestHalfDonePop3(HalfDoneCase):
    protocol = "pop3"

    def test_error_at_any_line(self):
        self.check()
