import os
import signal
import subprocess
import sys
import threading
import time
from unittest import TestCase, skipUnless
from unittest.mock import patch

import psutil

import odoo.addons

from ..models import trial_pool, trial_process
from ..models.mail_preview import get_preview
from ..models.trial_pool import TrialFailed, TrialPool, TrialUnavailable

MAIL = b"Subject: x\r\n\r\nHello"
SLOW = "(a+)+$"
SCRIPT = """
import json, os, signal, sys
sys.path[:] = json.loads(sys.argv[1])
import odoo.addons
odoo.addons.__path__[:] = json.loads(sys.argv[2])
from odoo.addons.email_account.models.trial_pool import POOL
POOL.run("preview", b"Subject: x\\r\\n\\r\\nx", 5, length=5)
print(POOL._idle[0]._process.pid, flush=True)
{end}
"""


class TestTrialPool(TestCase):
    def setUp(self):
        super().setUp()
        self.pool = TrialPool()
        self.addCleanup(self.pool.close)

    def run_preview(self):
        return self.pool.run("preview", MAIL, 5, length=10)

    def run_slow(self, seconds=0.2):
        return self.pool.run(
            "is_slow", b"", seconds, pattern=SLOW, length=100, limit=1000, enough=1000
        )

    def get_pid(self):
        return self.pool._idle[0]._process.pid

    def wait_for_end(self, pid):
        for _tenth in range(300):
            if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return
            time.sleep(0.1)
        self.fail("the process is still there")

    def test_one_process_for_many_jobs(self):
        self.assertEqual(self.run_preview(), "Hello")
        pid = self.get_pid()
        self.assertEqual(self.run_preview(), "Hello")
        self.assertEqual(self.get_pid(), pid)

    def test_ended_at_its_time(self):
        self.run_preview()
        pid = self.get_pid()
        with self.assertRaisesRegex(TrialFailed, r"more than 0\.2 s"):
            self.run_slow()
        self.assertFalse(psutil.pid_exists(pid))
        self.assertEqual(self.run_preview(), "Hello")
        self.assertNotEqual(self.get_pid(), pid)

    def test_ended_by_the_clock(self):
        """Where the system knows no limits of CPU time, and if it sleeps."""
        with patch.multiple(trial_pool, MIN_CLOCK=1, CLOCK_FACTOR=0), self.assertRaises(TrialFailed):
            self.run_slow(seconds=1000)

    def test_memory(self):
        """What would take more than a gigabyte is refused, and the next job has a new process."""
        mail = MAIL.ljust(500 << 20, b"x")
        with self.assertRaises(TrialFailed):
            self.pool.run("preview", mail, 60, length=10)
        del mail
        self.assertEqual(self.run_preview(), "Hello")

    def test_killed_while_idle(self):
        self.run_preview()
        process = self.pool._idle[0]._process
        process.kill()
        process.wait()
        self.assertEqual(self.run_preview(), "Hello")

    def test_killed_at_work(self):
        """By whatever else: once more."""
        self.run_preview()
        process, run = self.pool._idle[0]._process, trial_process.TrialProcess.run

        def lose(this, *arguments, **options):
            if this._process is process:
                process.kill()
                process.wait()
            return run(this, *arguments, **options)

        with patch.object(trial_process.TrialProcess, "run", lose):
            self.assertEqual(self.run_preview(), "Hello")

    def test_crash(self):
        """What ends each process that tries it is refused."""
        run = trial_process.TrialProcess.run

        def crash(this, *arguments, **options):
            this._process.send_signal(signal.SIGSEGV)
            this._process.wait()
            return run(this, *arguments, **options)

        with patch.object(trial_process.TrialProcess, "run", crash), self.assertRaises(TrialFailed):
            self.run_preview()
        self.assertEqual(self.pool._idle, [])

    def test_a_large_one_makes_way(self):
        mail = MAIL + b"x" * (200 << 20)
        self.pool.run("preview", mail, 60, length=10)
        self.assertEqual(self.run_preview(), "Hello")

    def test_many_at_once(self):
        found = []
        threads = [threading.Thread(target=lambda: found.append(self.run_preview())) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(found, ["Hello"] * 12)
        self.assertLessEqual(len(self.pool._idle), trial_pool.MAX_PROCESSES)

    def test_slow_ones_do_not_hold_up_the_others(self):
        self.run_preview()
        slow = threading.Thread(target=lambda: self.assertRaises(TrialFailed, self.run_slow, 5))
        slow.start()
        self.assertEqual(self.run_preview(), "Hello")
        slow.join()

    def test_idle_ones_end(self):
        with patch.object(trial_pool, "IDLE_SECONDS", 0.1):
            self.run_preview()
            pid = self.get_pid()
        self.wait_for_end(pid)
        self.assertEqual(self.run_preview(), "Hello")

    def test_no_process(self):
        with patch.object(sys, "executable", "/nowhere"), self.assertRaises(TrialUnavailable):
            self.run_preview()
        with patch.object(sys, "executable", "/bin/false"), self.assertRaises(TrialUnavailable):
            self.run_preview()
        self.assertEqual(self.run_preview(), "Hello")

    @skipUnless(hasattr(os, "fork"), "no fork")
    def test_forked_process_has_its_own(self):
        """As Odoo's workers are: what is its parent's stays its parent's."""
        pool = trial_pool.POOL
        self.assertEqual(get_preview(MAIL), "Hello")
        before = pool._idle[0]._process.pid
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            try:
                get_preview(MAIL)
                others = before not in [process._process.pid for process in pool._idle]
                os.write(writing, b"y" if others else b"n")
                pool.close()
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        self.assertEqual(os.read(reading, 1), b"y")
        os.close(reading)
        os.close(writing)
        self.assertEqual(get_preview(MAIL), "Hello")
        self.assertIn(before, [process._process.pid for process in pool._idle])

    def test_gone_with_who_has_started_it(self):
        """However that one ends."""
        for end in ("os._exit(0)", "os.kill(os.getpid(), signal.SIGKILL)", "pass"):
            with self.subTest(end):
                paths = [trial_process.json.dumps(list(path)) for path in (sys.path, odoo.addons.__path__)]
                done = subprocess.run(
                    [sys.executable, "-c", SCRIPT.format(end=end), *paths],
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    check=False,
                )
                self.wait_for_end(int(done.stdout))

    def test_interrupt_of_the_terminal(self):
        """It reaches all processes; it ends with who has started it."""
        self.run_preview()
        os.kill(self.get_pid(), signal.SIGINT)
        pid = self.get_pid()
        self.assertEqual(self.run_preview(), "Hello")
        self.assertEqual(self.get_pid(), pid)
