import base64
import re

from odoo.tests import tagged
from odoo.tools import html2plaintext, mute_logger

from . import corpus
from .common import DOMAIN, PASSWORD, HostsCase
from .hosts import maildir

MARKER = re.compile(r"<([a-z0-9-]+)@corpus\.example>|corpus-([a-z0-9]+(?:-[a-z0-9]+)*)")


def find_name(*texts):
    """Return the name of the sample that the first of the texts names, "" if none does."""
    found = next(filter(None, (MARKER.search(text or "") for text in texts)), None)
    return found and (found[1] or found[2]) or ""


@tagged("post_install", "-at_install")
class TestEncodings(HostsCase):
    """Whatever comes is stored, or kept as unprocessed with a reason, and what comes after it arrives."""

    def create_account(self, email, **values):
        self.hosts.mail.add_user(email, PASSWORD)
        values = {**self.account_values, "email": email, **values}
        self.account = self.env["email.account"].create(values)
        self.account._set_state()

    def receive(self):
        """Receive in transactions of its own."""
        self.env.flush_all()
        with mute_logger("odoo.sql_db"), self.env.registry.cursor() as cr:
            self.account.with_env(self.env(cr=cr))._receive()
        self.env.invalidate_all()

    def get_outcomes(self):
        """Return what became of each sample, by name: a list of messages and of unprocessed mails."""
        outcomes = {}
        domain = [("email_account_id", "=", self.account.id), ("message_type", "=", "email")]
        for message in self.env["mail.message"].search(domain):
            name = find_name(message.message_id, message.subject, html2plaintext(message.body or ""))
            outcomes.setdefault(name, []).append(message)
        for mail in self.account.unprocessed_ids:
            source = base64.b64decode(mail.source or b"").decode("latin-1")
            own = re.search("(?i)^X-Corpus: (.*)$", source, re.MULTILINE)
            outcomes.setdefault(find_name(own and own[1], source), []).append(mail)
        return outcomes

    def try_samples(self, samples):
        last = corpus.Sample("last", corpus.simple("last", "The end"), "corpus-last", "The end")
        samples = [*samples, last]
        for sample in samples:
            maildir.put(self.hosts.mail.mail, self.account.email, sample.source)
        self.receive()
        self.assertEqual(self.account.state, "ready", self.account.last_error)
        outcomes = self.get_outcomes()
        for sample in samples:
            with self.subTest(sample.name):
                # nothing can be read in the empty mail
                found = outcomes.pop("" if sample.name == "empty" else sample.name, [])
                self.assertEqual(len(found), 1, found)
                self.check_outcome(sample, found[0])
        self.assertEqual(outcomes, {})

    def check_outcome(self, sample, record):
        if record._name == "email.account.unprocessed":
            self.assertFalse(sample.is_readable, (record.reason, record.message, record.details))
            self.assertTrue(record.reason and record.message)
            self.assertIn(record.state, ("waiting", "stuck"))
            return
        if sample.subject is not None:
            self.assertEqual(record.subject, sample.subject)
        if sample.text is not None:
            text = " ".join(html2plaintext(record.body).split())
            self.assertIn(" ".join(sample.text.split()), text)
        self.assertLessEqual(set(sample.attachments), set(record.attachment_ids.mapped("name")))

    def test_imap(self):
        self.create_account(f"imap@{DOMAIN}")
        self.try_samples(corpus.samples())

    def test_pop3(self):
        """The line ends and dots of the protocol: what is about lines, not what is inside."""
        values = {"incoming_protocol": "pop3", "incoming_port": 995, "incoming_host": f"pop.{DOMAIN}"}
        self.create_account(f"pop3@{DOMAIN}", **values)
        self.try_samples([*corpus.shapes(), *corpus.headers(), *corpus.transfer()])
