"""Odoo's side of ``check``: the accounts, and what it takes to check some of them.

It runs in Odoo's shell.
"""

import contextlib
import gc
import os
import sys
import threading
import time
import types
from dataclasses import dataclass

import psutil
from memory import forget_peak, peak

from odoo.addons import email_account
from odoo.addons.email_account.autoconfig import Guard

# not the package of the tests itself, which would load all of them
name = f"{email_account.__name__}.tests"
sys.modules[name] = types.ModuleType(name)
sys.modules[name].__path__ = [os.path.join(email_account.__path__[0], "tests")]
# isort: split
from odoo.addons.email_account.tests.hosts.network import PlacedNetwork  # noqa: E402

ALLOWED = ["203.0.113.0/24"]
SAMPLE = 0.02  # seconds from one look at the threads to the next


class BenchNetwork(PlacedNetwork):
    lookup_lifetime = 5.0  # the system's, for each name server that it knows


@dataclass
class Outcome:
    """What one check of many accounts took."""

    ended: dict
    """account id -> seconds until its check had ended"""
    healthy: float
    """seconds until the last healthy one had ended"""
    network: float
    """seconds until the last one had ended"""
    wall: float
    """seconds until the reports were stored"""
    threads: int
    """at the peak, over those before"""
    memory: float
    """MB at the peak, over those at the beginning of the benchmark"""
    wrong: int
    """accounts whose result is not as it should be"""
    busy: tuple[float, float, float]
    """parts of the cores' time that this process, the hosts and all others took until then (``healthy``)"""


class Mailboxes:
    """The accounts in Odoo for the mailboxes of ``check_world``.

    :param env: Odoo's environment
    :param dict world: what ``check_world`` prints
    :param int pid: of its process
    :param int sick: how many accounts are black-holed, and how many hang
    """

    def __init__(self, env, world, pid, sick):
        places = {(ip, port): to for ip, port, to in world["places"]}
        network = BenchNetwork(tuple(world["nameserver"]), places, guard=Guard(ALLOWED))
        env.registry["email.account.settings"]._get_network = lambda _self: network
        os.environ["SSL_CERT_FILE"] = world["bundle"]
        self._hosts = psutil.Process(pid)
        users = list(world["users"].items())
        healthy = len(users) - 2 * sick
        parts = {"healthy": users[:healthy], "black-holed": users[healthy:-sick], "hanging": users[-sick:]}
        self._env = env(user=env.ref("base.user_admin"))
        self.accounts = {kind: self._create(part, world["hosts"][kind]) for kind, part in parts.items()}
        self.all = self._env["email.account"].union(*self.accounts.values())
        self._env.cr.commit()
        self.all[:1]._check()  # now everything is loaded
        self._env.cr.commit()
        gc.collect()
        forget_peak()
        self._idle = peak()

    def _create(self, users, host):
        return self._env["email.account"].create(
            [
                {"email": email, "password": password, "incoming_host": host, "outgoing_host": host}
                for email, password in users
            ]
        )

    def set_timeout(self, seconds):
        """Let the sick ones give up sooner than by default."""
        (self.all - self.accounts["healthy"]).timeout = seconds
        self._env.cr.commit()

    def check(self, accounts, login_only=False):
        """Check ``accounts`` at once, as the button or the nightly run does; return the `Outcome`."""
        healthy = set((accounts & self.accounts["healthy"]).ids)
        ended, at_healthy = {}, []

        def look(runs):
            now = time.monotonic() - started
            ended.update({run.settings.id: now for run in runs if run.ended and run.settings.id not in ended})
            if not at_healthy and healthy <= ended.keys():
                at_healthy.extend((now, self._cpu()))

        self._env.invalidate_all()
        forget_peak()
        with Threads() as threads:
            before, started = self._cpu(), time.monotonic()
            checks = accounts.with_context(email_account_login_only=login_only)._check(look)
            self._env.cr.commit()
            wall = time.monotonic() - started
        seconds, after = at_healthy
        cores = seconds * os.cpu_count()
        return Outcome(
            ended=ended,
            healthy=seconds,
            network=max(ended.values()),
            wall=wall,
            threads=threads.peak,
            memory=(peak() - self._idle) / 1e6,
            wrong=len(accounts) - len(checks) + sum(map(self._is_wrong, checks)),
            busy=tuple(max(end - begin, 0) / cores for begin, end in zip(before, after, strict=True)),
        )

    def check_one_by_one(self, accounts):
        """Check ``accounts`` one after the other; return the seconds that one takes."""
        started = time.monotonic()
        for account in accounts:
            account._check()
            self._env.cr.commit()
        return (time.monotonic() - started) / len(accounts)

    def _is_wrong(self, check):
        expected = "passed" if check.account_id in self.accounts["healthy"] else "failed"
        return check.result != expected

    def _cpu(self):
        """Return the seconds of CPU that this process, the hosts and all others have used."""
        own, hosts, whole = time.process_time(), 0, psutil.cpu_times()
        for process in (self._hosts, *self._hosts.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                hosts += times.user + times.system
        return own, hosts, sum(whole) - whole.idle - getattr(whole, "iowait", 0) - own - hosts


class Threads:
    """Counts the threads of this process while its block runs.

    :ivar int peak: how many more they were than before, at most
    """

    def __enter__(self):
        self.peak = 0
        self._before = threading.active_count() + 1  # the one that counts
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._count, name="threads are counted")
        self._thread.start()
        return self

    def __exit__(self, *exc_info):
        self._over.set()
        self._thread.join()

    def _count(self):
        while not self._over.wait(SAMPLE):
            self.peak = max(self.peak, threading.active_count() - self._before)
