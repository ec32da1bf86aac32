"""Two first runs at once, stopping at any time, Ctrl-C: with a set-up and an Odoo that only sleep."""
import json
import os
import pty
import select
import signal
import socket
import subprocess
import sys
import unittest
from pathlib import Path

from .common import CloneCase


class TestRun(CloneCase):
    def note(self, clone="clone"):
        try:
            return json.loads((self.clone(clone) / ".dev/run.json").read_text())
        except (OSError, ValueError):
            return {}

    def children(self, clone="clone"):
        folder = self.clone(clone) / ".dev/processes"
        return [int(path.name) for path in folder.iterdir()] if folder.exists() else []

    def in_setup(self, clone="clone", **environment):
        run = self.start("run", clone=clone, **environment)
        self.wait_for(lambda: self.note(clone) and self.children(clone), "the set-up begins")
        return run

    def ready(self, clone="clone"):
        run = self.start("run", clone=clone, SETUP="0")
        self.assertIn("ready", run.stdout.readline())
        return run

    def assert_gone(self, pids):
        self.wait_for(lambda: not any(map(_alive, pids)), "what was started ends")

    def test_two_in_one_clone(self):
        self.in_setup()
        status, said = self.perform("run")
        self.assertEqual(status, 1)
        note = self.note()
        self.assertIn(f"is being set up, {note['url']} (process {note['pid']}): make stop ends it", said)
        self.assertNotIn("Traceback", said)

    def test_two_that_run(self):
        self.ready()
        status, said = self.perform("run")
        self.assertEqual(status, 1)
        self.assertIn(f"runs already, {self.note()['url']}", said)

    def test_two_clones_have_a_port_each(self):
        runs = [self.start("run", clone=name) for name in "abcdef"]
        for name in "abcdef":
            self.wait_for(lambda name=name: self.note(name), "each has its port")
        urls = {self.note(name)["url"] for name in "abcdef"}
        self.assertEqual(len(urls), len(runs))

    def test_port_is_held_during_the_set_up(self):
        self.in_setup()
        port = int(self.note()["url"].rpartition(":")[2])
        with socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with self.assertRaises(OSError):
                other.bind(("127.0.0.1", port))

    def test_given_port_is_taken(self):
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            status, said = self.perform("run", PORT=str(port))
        self.assertEqual(status, 1)
        self.assertIn(f"port {port} is taken", said)

    def test_given_port_is_none(self):
        for text in ("mail", "0", "70000", "-1"):
            with self.subTest(text):
                status, said = self.perform("run", PORT=text)
                self.assertEqual((status, "is no port" in said, "Traceback" in said), (1, True, False))

    def test_stop_during_the_set_up(self):
        run = self.in_setup()
        children = self.children()
        status, said = self.perform("stop")
        self.assertEqual((status, said), (0, "dev: stopped\n"))
        self.assertEqual(run.wait(0), 0, "it had ended when make stop returned")
        self.assert_gone(children)

    def test_stop_ends_what_runs(self):
        run = self.ready()
        children = self.children()
        self.assertEqual(len(children), 2)
        self.assertEqual(self.perform("stop")[0], 0)
        self.assertEqual(run.wait(0), 0)
        self.assert_gone(children)
        self.assertEqual(self.perform("stop"), (0, "dev: nothing was running\n"))

    def test_stop_ends_nothing_else(self):
        other = self.ready("other")
        self.ready()
        self.perform("stop")
        self.assertIsNone(other.poll())
        self.assertTrue(all(map(_alive, self.children("other"))))

    def test_stop_after_a_kill(self):
        for begin in (self.in_setup, self.ready):
            run = begin()
            children = self.children()
            run.kill()
            run.wait()
            self.assertTrue(all(map(_alive, children)))
            self.assertEqual(self.perform("stop"), (0, "dev: stopped\n"))
            self.assert_gone(children)

    def test_stop_spares_later_processes_of_the_same_number(self):
        self.clone()
        with subprocess.Popen(["sleep", "100"]) as other:
            self.addCleanup(other.kill)
            folder = self.clone() / ".dev/processes"
            folder.mkdir(parents=True)
            note = {"started": "1", "parent": 1 << 22, "parent_started": "1"}
            (folder / str(other.pid)).write_text(json.dumps(note))
            (self.clone() / ".dev/run.json").write_text(json.dumps({"pid": other.pid, "started": "1"}))
            self.assertEqual(self.perform("stop"), (0, "dev: nothing was running\n"))
            self.assertIsNone(other.poll())
            other.kill()

    def test_another_run_after_a_stop(self):
        self.in_setup()
        self.perform("stop")
        self.ready()

    def test_interrupt(self):
        run = self.in_setup()
        children = self.children()
        os.kill(run.pid, signal.SIGINT)
        self.assertEqual(run.wait(20), 0)
        self.assert_gone(children)

    def test_hang_up_is_ignored_with_nohup(self):
        self.ready()
        command = [sys.executable, "fake.py", "run"]
        with subprocess.Popen(["nohup", *command], cwd=self.clone("other"), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                              env={**self.environment, "SETUP": "0"}) as run:
            self.assertIn("ready", run.stdout.readline())
            run.send_signal(signal.SIGHUP)
            with self.assertRaises(subprocess.TimeoutExpired):
                run.wait(0.5)
            run.terminate()
            self.assertEqual(run.wait(20), 0)


class TestTerminal(CloneCase):
    """make itself, on a terminal."""

    def make(self, *keys, until, **environment):
        """Run "make run" on a terminal, press keys once it says ``until``; return status and text."""
        makefile = (self.clone() / "Makefile").read_text().replace("dev/dev.py", "fake.py")
        (self.clone() / "Makefile").write_text(makefile)
        pid, terminal = pty.fork()
        if not pid:
            os.chdir(self.clone())
            os.environ.update(self.environment, PYTHON=sys.executable, **environment)
            os.execvp("make", ["make", "run"])
        said, keys = "", list(keys)
        while select.select([terminal], [], [], 30)[0]:
            try:
                text = os.read(terminal, 4096).decode(errors="replace")
            except OSError:  # the terminal has no user any more
                break
            said += text
            if keys and until in said:
                os.write(terminal, keys.pop(0))
        os.close(terminal)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), said

    def test_ctrl_c_ends_with_success(self):
        status, said = self.make(b"\x03", until="ready", SETUP="0")
        self.assertEqual(status, 0, said)
        self.assertIn("dev: stopped", said)
        self.assertNotIn("***", said)
        self.assertNotIn("Traceback", said)

    def test_ctrl_c_during_the_set_up(self):
        with (self.clone() / "dev/processes.py").open("a") as file:
            file.write("\n_run = run\n\ndef run(*words):\n    print('begun', flush=True)\n    _run(*words)\n")
        status, said = self.make(b"\x03", until="begun", SETUP="60")
        self.assertEqual(status, 0, said)
        self.assertIn("dev: stopped", said)


def _alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


if __name__ == "__main__":
    unittest.main()
