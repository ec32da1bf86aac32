"""Every refused login of the corpus, said by a server on a real connection."""

import json
import re
from pathlib import Path

from .common import MailCase, failure
from .fault_server import SCRIPTS, FaultServer

REPLIES = json.loads(Path(__file__).with_name("replies.json").read_text(encoding="utf-8"))
# what a server itself says, not what Python makes of it
SAID = {
    "smtp": re.compile(r"[45]\d\d[ -]"),
    "imap": re.compile(r"(?:\w+ )?((?:NO|BAD) .*)|(?:\* )?BYE (.*)|(\[[A-Z]+\] .*)", re.DOTALL),
    "pop3": re.compile(r"-ERR(?! EOF)"),
}


class TestRefusedLogins(MailCase):
    def check(self, protocol, count):
        """Have each reply said; at least ``count``."""
        script = SCRIPTS[protocol](clear=True, starttls=False)
        rows = [row for row in REPLIES if (row["protocol"], row["stage"]) == (protocol, "login")]
        said = [(row, match) for row in rows if (match := SAID[protocol].match(row["raw"]))]
        self.assertGreater(len(said), count)
        with FaultServer(script) as server:
            for row, match in said:
                with self.subTest(row["raw"]):
                    reply = self.prepare(script, protocol, row["raw"], match)
                    host = row.get("host", "mail.example.org")
                    problem = failure(server, protocol, "none", safe_logon=False, host=host)
                    self.assertEqual(problem.stage, "login")
                    self.assertIn(_plain(reply), _plain(problem.raw))
                    self.assertIn(problem.cause, (row["cause"], *row.get("also", ())))

    def prepare(self, script, protocol, raw, match):
        """Make it the server's answer to logins; returns what is to arrive."""
        script.answers = {}
        if protocol == "smtp":
            # a corpus may quote the first line of several
            script.refusal = re.sub(r"^(\d\d\d)-(.*)\Z", r"\1 \2", raw, flags=re.MULTILINE)
            script.refusal = script.refusal.replace("\n", "\r\n")
            return raw
        if protocol == "pop3":
            script.refusal = raw
            return raw
        answer, bye, code = match.groups()
        if bye:
            script.answers = {"AUTHENTICATE": [f"* BYE {bye}"]}
            return bye
        script.refusal = answer or f"NO {code}"
        return script.refusal

    def test_smtp(self):
        self.check("smtp", 250)

    def test_imap(self):
        self.check("imap", 150)

    def test_pop3(self):
        self.check("pop3", 80)


def _plain(text):
    """The text in one line, without the codes that smtplib takes from each line but the first."""
    return " ".join(re.sub(r"\n\d\d\d[ -]|^(\d\d\d)-", r"\1 ", text).split())
