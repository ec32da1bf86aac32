"""What only the administrator can do is said once, all of it; the versions are the same everywhere."""
import ast
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from unittest.mock import patch

REPO = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(REPO / "dev"))

import system  # noqa: E402

EVERYTHING = ["postgresql", "dovecot-imapd", "dovecot-pop3d", "dovecot-lmtpd", "dovecot-submissiond",
              "chromium", "fonts-liberation"]
COMMAND = re.compile(r"dev: this machine's administrator has to run once: "
                     r"sudo apt-get update && sudo apt-get install --no-install-recommends (.*)")


class TestAdministrator(unittest.TestCase):
    def packages(self, *programs, there=()):
        with patch.object(system, "IS_ROOT", False), \
                patch.object(system, "find", lambda name: name if name in there else None), \
                patch.object(system.shutil, "which", lambda name: name), \
                patch.object(system, "quiet", lambda *command: "python" in there), \
                self.assertRaises(SystemExit) as caught:
            system.require(*programs)
        return COMMAND.fullmatch(caught.exception.code)[1].split()

    def test_all_of_it_at_once(self):
        for programs in ((), ("initdb",), ("dovecot", "initdb"), ("chromium", "dovecot", "initdb")):
            with self.subTest(programs):
                self.assertCountEqual(self.packages(*programs), [*EVERYTHING, "python3-venv"])

    def test_what_is_there_is_not_named(self):
        self.assertEqual(self.packages("dovecot", there=("python", "psql", "chromium")), EVERYTHING[1:5])

    def test_without_python(self):
        """make itself says it, before there is Python."""
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            folder.chmod(0o755)
            for program in ("sh", "sed", "tr", "id"):
                (folder / program).symlink_to(system.find(program))
            (folder / "dev").mkdir()
            shutil.copy(REPO / "Makefile", folder)
            shutil.copy(REPO / "dev/packages.txt", folder / "dev")
            other = [system.find("setpriv"), "--reuid=65534", "--regid=65534", "--clear-groups"]
            command = [*(other if os.getuid() == 0 else []), system.find("make"), "run"]
            done = subprocess.run(command, cwd=folder, env={"PATH": name}, capture_output=True, text=True)
        self.assertTrue(done.returncode)
        named = COMMAND.search(done.stderr)[1].split()
        self.assertCountEqual(named, [*EVERYTHING, "python3", "python3-venv"])


class TestVersions(unittest.TestCase):
    def test_same_everywhere(self):
        manifest = ast.literal_eval((REPO / "__manifest__.py").read_text())["external_dependencies"]["python"]
        lines = (REPO / "requirements.txt").read_text().splitlines()
        self.assertEqual([line for line in lines if not line.startswith("#")], manifest)
        oldest = (REPO / "dev/oldest-requirements.txt").read_text()
        for requirement in manifest:
            self.assertRegex(requirement, r"^[a-z0-9]+>=[0-9.]+$")
            self.assertRegex(oldest, rf"(?m)^{re.escape(requirement.replace('>=', '=='))}$")

    def test_all_that_is_imported_is_declared(self):
        """Each package that is neither Python's nor Odoo's own requirement."""
        declared = re.findall(r"^([a-z0-9]+)>=", (REPO / "requirements.txt").read_text(), re.M)
        modules = {"dkimpy": "dkim", "dnspython": "dns"}
        known = {modules.get(name, name) for name in declared} | {"odoo"} | set(sys.stdlib_module_names)
        known |= {"psycopg2", "lxml", "markupsafe", "werkzeug", "dateutil", "pytz"}  # Odoo's
        known |= {"async_timeout", "yarl"}  # aiohttp brings them
        found = {}
        for folder in ("autoconfig", "mailclient", "models", "wizards", "controllers", "cli"):
            for path in (REPO / folder).rglob("*.py"):
                for node in ast.walk(ast.parse(path.read_text())):
                    if isinstance(node, ast.Import):
                        names = [alias.name for alias in node.names]
                    elif isinstance(node, ast.ImportFrom) and not node.level:
                        names = [node.module]
                    else:
                        continue
                    found.update({name.partition(".")[0]: str(path) for name in names})
        self.assertEqual({name: path for name, path in found.items() if name not in known}, {})


if __name__ == "__main__":
    unittest.main()
