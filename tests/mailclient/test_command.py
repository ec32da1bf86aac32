"""``python -m mailclient explain``, run as a user runs it: without Odoo."""

import json
import subprocess
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
QUESTION = {"protocol": "imap", "stage": "login", "raw": "NO [AUTHENTICATIONFAILED] no"}


def run(*arguments, text=""):
    return subprocess.run(
        [sys.executable, "-m", "mailclient", *arguments],
        input=text if isinstance(text, bytes) else text.encode(),
        capture_output=True,
        cwd=ROOT,
        env={"PYTHONPATH": "", "LC_ALL": "C"},
        timeout=30,
        check=False,
    )


class TestExplain(unittest.TestCase):
    def test_line_by_line(self):
        questions = (QUESTION, {"protocol": "tcp", "stage": "connect", "raw": "Ünknown"})
        done = run("explain", text="\n\n".join(json.dumps(question) for question in questions))
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        first, second = (json.loads(line) for line in done.stdout.splitlines())
        self.assertEqual(set(first), {"cause", "advice", "link", "field"})
        self.assertEqual((first["cause"], first["field"]), ("wrong_password", "password"))
        self.assertEqual(second["cause"], "unknown")

    def test_nothing_in_nothing_out(self):
        done = run("explain")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"", b""))

    def test_bad_lines(self):
        bad = (
            "nonsense",
            "[]",
            json.dumps({**QUESTION, "raw": 5}),
            json.dumps({**QUESTION, "protocol": "jmap"}),
            json.dumps({**QUESTION, "stage": "lunch"}),
            json.dumps({"raw": "NO"}),
            b"\xff\xfe",
        )
        for line in bad:
            with self.subTest(line):
                line = line if isinstance(line, bytes) else line.encode()
                done = run("explain", text=json.dumps(QUESTION).encode() + b"\n" + line + b"\n")
                self.assertEqual(done.returncode, 2)
                self.assertEqual(len(done.stdout.splitlines()), 1)
                self.assertRegex(done.stderr.decode(), r"^Line 2: .+\.\n$")

    def test_bad_usage(self):
        for arguments in ((), ("guess",), ("explain", "more")):
            with self.subTest(arguments):
                done = run(*arguments)
                self.assertEqual(done.returncode, 2)
                self.assertIn(b"usage: python -m mailclient", done.stderr)
