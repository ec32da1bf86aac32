"""A clone that holds the commands alone, in which a first run does next to nothing."""
import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

DEV = Path(__file__).resolve().parent.parent
PATIENCE = 20  # seconds

# "make run" whose set-up is a program that sleeps, and that then only waits
FAKE = """
import os, subprocess, sys, time
sys.path.insert(0, "dev")
import dev, processes, serve

class Bench:
    def __init__(self, *programs):
        processes.run("sleep", os.environ.get("SETUP", "60"))
    def __enter__(self):
        return self
    def __exit__(self, *exception):
        pass
    def name(self, kind):
        return kind
    def config(self, *arguments, **options):
        return ".dev/run.conf"
    def env(self, **more):
        return dict(os.environ, **more)
    python, script = "sleep", "1000"

def mail_host(bench, children):
    children["mail host"] = processes.start("sleep", "1000")
    return {"ports": {"smtp": 25}, "bundle": ""}

serve.Workbench, serve._start_mail_host = Bench, mail_host
serve._prepare = lambda *arguments: None
serve._wait = lambda url, children: None
serve._tell = lambda url, mail: print("ready", url, flush=True)
start = processes.start
processes.start = lambda *command, **kwargs: start(*command[:2], **kwargs)
sys.exit(dev.main())
"""


class CloneCase(unittest.TestCase):
    """Each test has a folder, a cache and clones in it."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name).resolve()
        self.environment = {**os.environ, "EMAIL_ACCOUNT_CACHE": str(self.folder / "cache")}
        self.environment.pop("PORT", None)
        self.started = []
        self.addCleanup(self.end_all)

    def clone(self, name="clone"):
        clone = self.folder / name
        if not clone.exists():
            (clone / "dev").mkdir(parents=True)
            for path in DEV.iterdir():
                if path.is_file():
                    shutil.copy(path, clone / "dev")
            shutil.copy(DEV.parent / "Makefile", clone)
            (clone / "tests").symlink_to(DEV.parent / "tests")
            (clone / "fake.py").write_text(FAKE)
        return clone

    def start(self, *arguments, clone="clone", fake=True, **environment):
        """Start a command; "make run" does next to nothing."""
        program = "fake.py" if fake else "dev/dev.py"
        process = subprocess.Popen(
            [sys.executable, program, *arguments], cwd=self.clone(clone), text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**self.environment, **environment},
            start_new_session=True)
        self.started.append(process)
        return process

    def perform(self, *arguments, **how):
        """Carry out a command; return its exit status and what it said."""
        process = self.start(*arguments, **how)
        output, errors = process.communicate(timeout=60)
        return process.returncode, output + errors

    def end_all(self):
        for process in self.started:
            if process.poll() is None:
                process.terminate()
            process.communicate(timeout=PATIENCE)

    def wait_for(self, what, message):
        deadline = time.monotonic() + PATIENCE
        while not (found := what()):
            self.assertLess(time.monotonic(), deadline, message)
            time.sleep(0.02)
        return found
