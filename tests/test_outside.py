"""2,000 hostile texts into every field that holds what somebody else has written."""

import base64

from odoo.tests import tagged
from odoo.tools import mute_logger

from ..mailclient import Certificate, Folder, MailFailure
from ..mailclient.endpoint import Endpoint
from ..models.check_run import CheckRun
from ..models.received_mail import NotProcessed, ReceivedMail
from .mailclient.hostile_texts import hostile_texts, is_safe
from .mailclient.test_outside import NOW
from .receiving import ReceivingCase

HEADERS = ("From", "To", "Cc", "Subject", "Message-Id", "Date", "References", "In-Reply-To", "Return-Path")
ENDPOINT = Endpoint("imap", "mail.acme.example", 993, "tls")
STORED = 40  # mails that go all the way


def get_sources(text):
    """A mail with the text in each header: encoded, and as it is."""
    data = text[:2000].encode("utf-8", "surrogatepass")
    word = f"=?utf-8?b?{base64.b64encode(data).decode()}?=".encode()
    plain = b" ".join(data.split())
    for value in (word, plain):
        head = b"".join(b"%s: %s <a@customer.example>\r\n" % (name.encode(), value) for name in HEADERS)
        yield (
            head + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; "
            b"charset=utf-8\r\n\r\n" + data + b"\r\n--b\r\nContent-Type: application/x-y; name=\"" + value
            + b'"\r\nContent-Disposition: attachment; filename="' + value + b'"\r\n\r\nx\r\n--b--\r\n'
        )  # fmt: skip


@tagged("post_install", "-at_install")
class TestOutside(ReceivingCase):
    def store(self, records, values):
        """Write it to the database."""
        records.write(values)
        records.flush_recordset()

    def test_mails(self):
        """What is read of a mail can be stored, and is known by it."""
        values = []
        for text in hostile_texts():
            for source in get_sources(text):
                mail = ReceivedMail.parse(source)
                shown = mail.get_shown()
                for value in shown.values():
                    self.assertTrue(is_safe(value, 1000), ascii(value[:100]))
                values.append({"account_id": self.account.id, "reason": "error", **shown})
                mail.get_known_by()["digest"].encode()
                (mail.message_id or "").encode()
                self.assertNotIn("\0", mail.message_id)
        self.env["email.account.unprocessed"].create(values).flush_recordset()

    @mute_logger("odoo.addons.mail.models.mail_thread")
    def test_mails_become_messages(self):
        """None is put aside for what its texts are like."""
        count = 0
        for number, text in enumerate(hostile_texts(STORED)):
            for source in get_sources(text):
                self.hosts.mail.deliver(b"X-Number: %d\r\n" % number + source, self.account.email)
                count += 1
        for _turn in range(5):
            self.account._receive()
        self.assertEqual(self.account.state, "ready")
        kept = self.get_unprocessed()
        expected = {"kept", "no_route", "loop", "report", "too_complex", "broken"}
        self.assertLessEqual(set(kept.mapped("reason")), expected)
        receipts = self.env["email.account.receipt"].search([("account_id", "=", self.account.id)])
        self.assertEqual(len(receipts), count)

    def test_failures(self):
        account, polling = self.account.sudo(), self.account.sudo().polling_ids
        unprocessed = self.env["email.account.unprocessed"]
        mail = unprocessed.create({"account_id": account.id, "reason": "error"})
        for number, text in enumerate(hostile_texts()):
            failure = MailFailure(ENDPOINT, "fetch", text)
            values = account._prepare_failure_values(failure, "incoming")
            error = NotProcessed("error", text)
            for value in (*filter(lambda each: isinstance(each, str), values.values()), error.detail):
                self.assertTrue(is_safe(value, 10000), ascii(value[:100]))
            if number % 10 == 0:
                account._set_state(text, text)
                polling._set_telling_failed(text, text)
                self.store(mail, mail._prepare_failure_values(account, error, 1))
                self.env.flush_all()
                self.assertTrue(is_safe(account.last_error + account.last_error_details, 20000))
        account._set_receiving_failed(text, text, urgent=True)
        self.env.flush_all()

    def test_reports(self):
        for number, text in enumerate(hostile_texts()):
            run = CheckRun(self.account)
            run.add("login", "incoming", "failed", text, details=text, advice=text, link=text, cause=text)
            run._add_tls("incoming", Certificate(text, text, text, (text,), NOW, NOW, "0" * 64, True), 0)
            for step in run.steps:
                for value in (value for value in step.values() if isinstance(value, str)):
                    self.assertTrue(is_safe(value, 5000), ascii(value[:100]))
            if number % 50 == 0:
                self.env["email.account.check"]._create_report(self.account, run.steps)
                self.env.flush_all()

    def test_folders(self):
        found = [Folder(b"INBOX", "INBOX", "\\Inbox")]
        for number, text in enumerate(hostile_texts()):
            found.append(Folder(b"f%d" % number, text))
        self.account._set_folders([*found, *found])
        self.env.flush_all()
        self.assertEqual(len(self.account.folder_ids), len(found))
        for folder in self.account.folder_ids:
            self.assertTrue(is_safe(folder.name, 255))
