"""A full disk is called a full disk, whoever meets it."""
import subprocess
import sys
import unittest
from pathlib import Path

from .common import CloneCase

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import disk

PERFORM = """
import os, sys
sys.path.insert(0, "dev")
import console, dev
from cache import cached

def command():
    {body}

sys.exit(dev.perform(command))
"""
NAMESPACE = ["unshare", "--user", "--map-root-user", "--mount"]
TEXTS = [  # what the programs of a first run print
    "OSError: [Errno 28] No space left on device: '/x'",
    "error: Failed to install: x.whl\n  Caused by: failed to copy: No space left on device (os error 28)",
    "tar: usr/lib/x: Cannot write: No space left on device",
    "E: You don't have enough free space in /var/cache/apt/archives/.",
    "E: Write error - write (28: No space left on device)",
    "dpkg: error processing archive x.deb: cannot copy data: failed to write (No space left on device)",
    "fatal: write error: No space left on device",
    "psycopg2.errors.DiskFull: could not extend file \"base/16384/1\": No space left on device",
    "initdb: error: could not write to file: No space left on device",
    "touch: cannot touch 'x': Disk quota exceeded",
]


class TestDisk(CloneCase):
    def say(self, body, before=()):
        done = subprocess.run([*before, sys.executable, "-c", PERFORM.format(body=body)], cwd=self.clone(),
                              env=self.environment, capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 1, done.stderr)
        return done.stderr

    def test_what_programs_say(self):
        for text in TEXTS:
            with self.subTest(text):
                self.assertTrue(disk.is_full(text=text))
        self.assertFalse(disk.is_full(text="E: Unable to locate package space-left"))
        self.assertFalse(disk.is_full(FileNotFoundError(2, "No such file")))

    def test_each_way_of_running_a_program(self):
        full = "'sh', '-c', 'cat /etc/passwd >/dev/full'"
        for body in (f"console.sh({full})", f"console.out({full})", f"console.quiet({full})",
                     f"console.silent({full})", f"cached('venv-1', lambda home: console.sh({full}))"):
            with self.subTest(body):
                said = self.say(body)
                self.assertIn("dev: the disk is full", said)
                self.assertNotIn("Traceback", said)

    def test_own_files(self):
        for body in ("open('/dev/full', 'w', buffering=1).write('x\\n')",
                     "open('/dev/full', 'wb', buffering=0).write(b'x')"):
            with self.subTest(body):
                said = self.say(body)
                self.assertIn("dev: the disk is full", said)
                self.assertNotIn("Traceback", said)

    def test_other_failures(self):
        self.assertNotIn("full", self.say("console.silent('sh', '-c', 'echo because; exit 1')"))

    @unittest.skipUnless(subprocess.run([*NAMESPACE, "true"], capture_output=True).returncode == 0,
                         "this system does not let us mount a small disk")
    def test_small_disk(self):
        """A first run, really: Python's environment does not fit into 4 MB."""
        small = self.folder / "cache"
        small.mkdir()
        script = f"mount -t tmpfs -o size=4m none {small} && exec \"$@\""
        said = self.say(
            "import python_env; print(python_env.environment())", [*NAMESPACE, "sh", "-c", script, "sh"])
        self.assertRegex(said, rf"dev: the disk is full: \d+ MB are left for {small}")
        self.assertIn("EMAIL_ACCOUNT_CACHE", said)
        self.assertNotIn("Traceback (most recent call last):\n  File \"<string>\"", said)


if __name__ == "__main__":
    unittest.main()
