"""The command in a network of its own: the system's resolver, the usual ports, no help from the tests."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
UNSHARE = ["unshare", "--net", "--mount", "--map-root-user"]
DOCUMENT = """<clientConfig version="1.1"><emailProvider id="acme.example"><domain>acme.example</domain>
<incomingServer type="imap"><hostname>imap.acme.example</hostname><port>993</port><socketType>SSL</socketType>
<username>%EMAILADDRESS%</username><authentication>password-cleartext</authentication></incomingServer>
<outgoingServer type="smtp"><hostname>smtp.acme.example</hostname><port>465</port><socketType>SSL</socketType>
<username>%EMAILADDRESS%</username><authentication>password-cleartext</authentication></outgoingServer>
</emailProvider></clientConfig>"""
ZONE = """
$ORIGIN acme.example.
autoconfig.acme.example. A 127.0.0.1
mx A 127.0.0.1
imap A 127.0.0.1
smtp A 127.0.0.1
shop.example. MX 10 mx.acme.example.
"""


def may_unshare():
    return bool(
        shutil.which("unshare")
        and subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode == 0
    )


@unittest.skipUnless(may_unshare(), "this system does not let us make network namespaces")
class TestNamespace(unittest.TestCase):
    def run_command(self, *arguments):
        with tempfile.TemporaryDirectory() as folder:
            zone, document = Path(folder) / "zone", Path(folder) / "document"
            zone.write_text(ZONE)
            document.write_text(DOCUMENT)
            in_root = ["sh", "-c", 'cd "$1" && shift && exec "$@"', "sh", str(ROOT)]
            command = [sys.executable, "-m", "autoconfig", *arguments]
            result = subprocess.run(
                [*UNSHARE, sys.executable, "-m", "hosts.namespace", zone, document, *in_root, *command],
                cwd=ROOT / "tests",
                env=dict(os.environ, PYTHONDONTWRITEBYTECODE="1"),
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
        self.assertEqual(result.stderr, "")
        return result.returncode, json.loads(result.stdout)

    def test_published_by_the_domain(self):
        status, answer = self.run_command("jane@acme.example", "--json", "--allow-private")
        self.assertEqual((status, answer["source"], answer["trusted"]), (0, "autoconfig", True))
        self.assertEqual(
            answer["incoming"],
            [
                {
                    "protocol": "imap",
                    "host": "imap.acme.example",
                    "port": 993,
                    "security": "tls",
                    "username": "jane@acme.example",
                    "authentication": ["password-cleartext"],
                }
            ],
        )

    def test_by_mx(self):
        status, answer = self.run_command("jane@shop.example", "--json", "--allow-private")
        self.assertEqual((status, answer["source"], answer["trusted"]), (0, "mx", False))
        self.assertEqual(answer["outgoing"][0]["host"], "smtp.acme.example")

    def test_internal_addresses_are_refused(self):
        status, answer = self.run_command("jane@acme.example", "--json")
        self.assertEqual((status, answer["status"]), (1, "not_found"))
        self.assertIn("refused", [step["result"] for step in answer["steps"]])
