import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from odoo.addons.email_account import autoconfig
from odoo.addons.email_account.autoconfig import default_sources
from odoo.addons.email_account.autoconfig.__main__ import main

from .hosts import LoopbackNetwork
from .test_providers import HEADER, ROWS

PACKAGE = Path(autoconfig.__file__).parent


class TestCommand(unittest.TestCase):
    """As a user runs it: another process, in a folder laid out like the repository."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.root = Path(folder.name)
        (cls.root / "autoconfig").symlink_to(PACKAGE)
        (cls.root / "data").mkdir()
        (cls.root / "data" / "email.provider.csv").write_text(HEADER + ROWS, encoding="utf-8")

    def run_command(self, *arguments):
        return subprocess.run(
            [sys.executable, "-m", "autoconfig", *arguments],
            cwd=self.root,
            env=dict(os.environ, PYTHONIOENCODING="ascii", PYTHONDONTWRITEBYTECODE="1"),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def test_known_provider_as_json(self):
        result = self.run_command("Jane@Example.org", "--json")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        answer = json.loads(result.stdout)
        self.assertLess(answer.pop("elapsed_ms"), 1000)
        found, *others = answer.pop("steps")
        self.assertLess(found.pop("elapsed_ms"), 1000)
        self.assertEqual(found, {"source": "provider", "result": "found", "detail": "Example Mail"})
        self.assertEqual({(step["result"], step["elapsed_ms"]) for step in others}, {("skipped", 0)})
        self.assertEqual(
            answer,
            {
                "address": "Jane@example.org",
                "status": "found",
                "source": "provider",
                "trusted": True,
                "incoming": [
                    {
                        "protocol": "imap",
                        "host": "imap.example.org",
                        "port": 993,
                        "security": "tls",
                        "username": "Jane",
                        "authentication": ["OAuth2", "password-cleartext"],
                    },
                    {
                        "protocol": "pop3",
                        "host": "pop.example.org",
                        "port": 995,
                        "security": "tls",
                        "username": "Jane",
                        "authentication": ["OAuth2", "password-cleartext"],
                    },
                ],
                "outgoing": [
                    {
                        "protocol": "smtp",
                        "host": "smtp.example.org",
                        "port": 587,
                        "security": "starttls",
                        "username": "Jane@example.org",
                        "authentication": ["OAuth2", "password-cleartext"],
                    }
                ],
            },
        )

    def test_known_provider_as_text(self):
        result = self.run_command("jané@example.org")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertIn("found in", result.stdout)
        self.assertIn("imap.example.org:993", result.stdout)

    def test_malformed_address(self):
        result = self.run_command("jane@")
        self.assertEqual((result.returncode, result.stdout), (2, ""))
        self.assertIn("domain name", result.stderr)
        self.assertNotIn("Traceback", result.stderr)


class TestMain(unittest.TestCase):
    def run_main(self, *arguments):
        network = LoopbackNetwork({}, real_mail=True, lookup_timeout=0.2)
        with contextlib.redirect_stdout(io.StringIO()) as out:
            status = main(["jane@nothing.example", "--deadline", "3", *arguments], network)
        return status, out.getvalue()

    def test_not_found_as_json(self):
        status, text = self.run_main("--json")
        answer = json.loads(text)
        self.assertEqual(status, 1)
        self.assertEqual((answer["status"], answer["source"], answer["trusted"]), ("not_found", "", False))
        self.assertEqual((answer["incoming"], answer["outgoing"]), ([], []))
        self.assertEqual(
            [step["source"] for step in answer["steps"]],
            [source.name for source in sorted(default_sources(), key=lambda source: source.rank)],
        )

    def test_not_found_as_text(self):
        status, text = self.run_main()
        self.assertEqual(status, 1)
        self.assertIn("no settings found", text)
        self.assertIn("autoconfig.nothing.example: no such host", text)

    def test_bad_usage(self):
        for arguments, words in (
            ([], "ADDRESS"),
            (["jane"], "needs an @"),
            (["a@example.org", "b@example.org"], "unrecognized"),
            (["jane@example.org", "--deadline", "0"], "positive number"),
            (["jane@example.org", "--deadline", "soon"], "positive number"),
            (["jane@example.org", "--deadline", "nan"], "positive number"),
        ):
            with self.subTest(arguments), contextlib.redirect_stderr(io.StringIO()) as error:
                with self.assertRaises(SystemExit) as caught:
                    main(arguments, LoopbackNetwork())
                self.assertEqual(caught.exception.code, 2)
                self.assertIn(words, error.getvalue())
