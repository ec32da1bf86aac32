"""2,000 hostile texts through each entry of `mailclient` and `autoconfig`."""

import json
import smtplib
import unittest
from datetime import datetime, timezone
from pathlib import Path

from ...autoconfig import Server, Settings, Step
from ...mailclient import Certificate, Endpoint, Folder, MailFailure
from ...mailclient.imap_parse import decode_name, parse_list
from ...mailclient.outside import MAX_NAME, MAX_TEXT, safe_header, safe_name, safe_text, storable
from ...mailclient.pop3_session import Pop3Session, _known_as
from ...mailclient.smtp import SmtpClient
from .hostile_texts import COUNT, hostile_texts, is_safe

ROOT = Path(__file__).resolve().parent.parent.parent
ENDPOINTS = [Endpoint(protocol, "mail.acme.example", 993, "tls") for protocol in ("imap", "pop3", "smtp")]
NOW = datetime.now(timezone.utc)


def get_bytes(text):
    return text.encode("utf-8", "surrogatepass")


class FakeFile:
    def __init__(self, data):
        self.lines = data.splitlines(keepends=True)

    def readline(self, size=-1):
        return self.lines.pop(0) if self.lines else b""

    def close(self):
        pass


class TestOutside(unittest.TestCase):
    def assertSafe(self, text, limit=MAX_TEXT):
        self.assertIsInstance(text, str)
        self.assertTrue(is_safe(text, limit), ascii(text[:200]))

    def test_both_rooms_have_the_same(self):
        texts = [(ROOT / room / "outside.py").read_text() for room in ("autoconfig", "mailclient")]
        self.assertEqual(*texts)

    def test_texts(self):
        texts = list(hostile_texts())
        self.assertEqual(len(texts), COUNT)
        for text in texts:
            for given in (text, get_bytes(text)):
                self.assertSafe(safe_text(given))
                self.assertSafe(safe_name(given), MAX_NAME)
                self.assertNotIn("\n", safe_name(given))
            storable(text).encode()
            self.assertNotIn("\0", storable(text))
            self.assertFalse({*"\r\n\0"} & {*safe_header(text)})

    def test_what_is_sound_stays(self):
        for text in ("", "Grüße,\n\tJane 😀", "=?utf-8?q?x?=", "x" * MAX_TEXT):
            self.assertEqual(safe_text(text), text)
            self.assertEqual(storable(text), text)
        self.assertEqual(safe_text("a\r\nb\rc"), "a\nb\nc")
        self.assertEqual(safe_header("שלום\u200f א"), "שלום\u200f א")
        self.assertEqual(storable("a\x07\u202e\r\n"), "a\x07\u202e\r\n")
        self.assertEqual(safe_text("x" * (MAX_TEXT + 1)), "x" * (MAX_TEXT - 1) + "…")
        self.assertEqual(safe_text("a\0b"), "a\ufffdb")

    def test_failures(self):
        for endpoint in ENDPOINTS:
            for text in hostile_texts():
                failure = MailFailure(endpoint, "login", text)
                self.assertSafe(failure.raw)
                self.assertSafe(str(failure), MAX_TEXT + 100)

    def test_exceptions(self):
        for text in hostile_texts():
            data = get_bytes(text)
            errors = (
                OSError(text),
                ValueError(text),
                smtplib.SMTPDataError(550, data),
                smtplib.SMTPResponseException(550, text),
                smtplib.SMTPRecipientsRefused({text: (550, data)}),
                smtplib.SMTPServerDisconnected(text),
            )
            for error in errors:
                failure = MailFailure.from_exception(error, ENDPOINTS[2], "data")
                self.assertSafe(failure.raw)
                self.assertSafe(str(failure), MAX_TEXT + 100)

    def test_certificates(self):
        for text in hostile_texts():
            shown = Certificate(text, text, text, (text,) * 3, NOW, NOW, "0" * 64, True)
            for value in (shown.version, shown.issuer, shown.subject, *shown.names):
                self.assertSafe(value, MAX_NAME)
        self.assertLessEqual(len(Certificate("", "", "", ("x",) * 10**5, NOW, NOW, "", True).names), 100)

    def test_folders(self):
        for text in hostile_texts():
            data = get_bytes(text)
            self.assertSafe(Folder(b"x", text).name, MAX_NAME)
            self.assertSafe(Folder(b"x", decode_name(data)).name, MAX_NAME)
            found = parse_list(b'(\\HasNoChildren) "/" {%d}\r\n%s' % (len(data), data))
            if found:
                self.assertSafe(found.name, MAX_NAME)
                self.assertTrue(found.name)
                self.assertNotIn(b"\0", found.mailbox)
                self.assertLessEqual(len(found.mailbox), 1000)

    def test_unique_ids(self):
        """What cannot be stored is still one, and another one than all others."""
        texts = dict.fromkeys(
            get_bytes(text).decode("ascii", "backslashreplace").strip() for text in hostile_texts()
        )
        known = [_known_as(text) for text in texts]
        self.assertEqual(len(set(known)), len(texts))
        for name in known:
            self.assertSafe(name, MAX_NAME)
        self.assertEqual(_known_as("whqtswO00WBw418f9t5JxYwZ"), "whqtswO00WBw418f9t5JxYwZ")

    def test_capabilities(self):
        session = Pop3Session.__new__(Pop3Session)
        for text in hostile_texts():
            session.text = lambda *_arguments, text=text, **_options: get_bytes(text)
            for line in session._list_capabilities():
                self.assertSafe(line, MAX_NAME * 2)

    def test_replies_by_smtp(self):
        for text in hostile_texts():
            client = SmtpClient(ENDPOINTS[2])
            line = get_bytes(text).replace(b"\r", b"").replace(b"\n", b"")[:500]
            client.file = client.sock = FakeFile(b"250 " + line + b"\r\n")
            code, reply = client.getreply()
            self.assertEqual(code, 250)
            self.assertSafe(reply.decode(), 10000)
            client.esmtp_features = {text: text}
            for name in client.capabilities:
                self.assertSafe(name, MAX_NAME)

    def test_discovery(self):
        for text in hostile_texts():
            server = Server(text, text, 993, text, text, (text,))
            found = Settings(text, (server,), (), text, text, text, text, text)
            step = Step("srv", "found", 1, text)
            values = [server.protocol, server.host, server.security, server.username, *server.authentication]
            values += [found.source, found.provider, found.name, found.origin, found.domain, found.doubt]
            for value in values:
                self.assertSafe(value, MAX_NAME)
            self.assertSafe(step.detail)
            json.dumps([server.as_dict(), step.as_dict()]).encode()
