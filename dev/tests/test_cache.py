"""The cache holds what is whole; whoever waits says for whom."""
import os
import subprocess
import sys
import time
import unittest

from .common import CloneCase

MAKE = """
import sys
sys.path.insert(0, "dev")
import processes
from cache import cached
from console import silent
processes.end_on_signals()

def make(home):
    (home / "part").write_text("x")
    print("making", flush=True)
    {body}
    (home / "whole").touch()

try:
    cached("venv-1", make)
except KeyboardInterrupt:
    sys.exit(130)
"""
# a program that goes on writing into the folder, as ensurepip does below venv
WRITE = """silent("sh", "-c", "(while :; do mkdir -p $0; touch $0/part; done) & wait", home)"""


class TestCache(CloneCase):
    def make(self, body, clone="clone"):
        process = subprocess.Popen(
            [sys.executable, "-c", MAKE.format(body=body)], cwd=self.clone(clone), env=self.environment,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.started.append(process)
        return process

    @property
    def made(self):
        cache = self.folder / "cache"
        return sorted(path.name for path in cache.iterdir() if path.is_dir()) if cache.exists() else []

    def prune(self):
        code = "import sys; sys.path.insert(0, 'dev'); from cache import prune_cache; prune_cache()"
        return subprocess.run([sys.executable, "-c", code], cwd=self.clone(), env=self.environment,
                              capture_output=True, text=True, check=True).stderr

    def test_interrupted(self):
        for name in ("SIGINT", "SIGTERM"):
            with self.subTest(name):
                process = self.make(WRITE)
                self.assertEqual(process.stdout.readline(), "making\n")
                time.sleep(0.3)  # it has begun to write
                process.send_signal(getattr(__import__("signal"), name))
                self.assertEqual(process.wait(20), 130)
                self.assertEqual(self.made, [])
                time.sleep(0.2)
                self.assertEqual(self.made, [], "the program has ended too")

    def test_failed(self):
        process = self.make("""silent("sh", "-c", "echo because; false")""")
        self.assertIn("because", process.communicate()[1])
        self.assertEqual((process.returncode, self.made), (1, []))

    def test_killed(self):
        process = self.make("""silent("sleep", "60")""")
        process.stdout.readline()
        process.kill()
        process.wait()
        self.assertEqual(self.made, ["venv-1"])
        self.assertIn("half made: venv-1", self.prune())
        self.assertEqual(self.made, [])

    def test_what_is_being_made_is_not_pruned(self):
        process = self.make("""silent("sleep", "60")""")
        process.stdout.readline()
        self.assertEqual(self.prune(), "")
        self.assertEqual(self.made, ["venv-1"])

    def test_unused_is_pruned_and_what_is_not_ours_stays(self):
        cache = self.folder / "cache"
        for name in ("venv-old", "venv-new", "holiday pictures"):
            (cache / name).mkdir(parents=True)
        for name, days in (("venv-old", 8), ("venv-new", 6)):
            (cache / name / "done").touch()
            os.utime(cache / name / "done", times=(time.time() - days * 86400,) * 2)
        self.prune()
        self.assertEqual(self.made, ["holiday pictures", "venv-new"])
        self.assertEqual(self.perform("clean-cache", fake=False)[0], 0)
        self.assertEqual(self.made, ["holiday pictures"])

    def test_two_at_once(self):
        first = self.make("""silent("sleep", "1")""")
        first.stdout.readline()
        second = self.make("raise SystemExit('made twice')", clone="other")
        output, said = second.communicate(timeout=20)
        self.assertEqual((second.returncode, output), (0, ""))
        self.assertIn(f"waiting for process {first.pid} of {self.folder / 'clone'}", said)
        self.assertEqual(first.wait(20), 0)

    def test_clean_while_it_is_made(self):
        process = self.make("""silent("sleep", "60")""")
        process.stdout.readline()
        status, said = self.perform("clean-cache", fake=False)
        self.assertEqual((status, self.made), (1, ["venv-1"]))
        self.assertIn("venv-1", said)


if __name__ == "__main__":
    unittest.main()
