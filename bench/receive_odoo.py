"""Odoo's side of ``receive``: the accounts and the stock servers, and what it takes to receive with them.

It runs in Odoo's shell.
"""

import contextlib
import logging
import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
from check_odoo import ALLOWED, BenchNetwork

import odoo

from odoo.addons.email_account.autoconfig import Guard

DOMAIN = "acme.example"
PORTS = {"imap": 993, "pop3": 995}
LOOK = 0.1  # seconds from one look at what has arrived to the next


@dataclass
class Fetched:
    """What it took to receive some mails."""

    count: int
    """mails that are in Odoo now"""
    seconds: float
    used: list[float]
    """seconds of CPU that this process, the hosts, the database and all others took meanwhile"""

    def __add__(self, other):
        used = [mine + theirs for mine, theirs in zip(self.used, other.used, strict=True)]
        return Fetched(self.count + other.count, self.seconds + other.seconds, used)

    @property
    def rate(self):
        """Mails per second."""
        return self.count / self.seconds

    @property
    def cpu(self):
        """Seconds of CPU that this process took for each mail."""
        return self.used[0] / max(self.count, 1)

    @property
    def busy(self):
        """Parts of the cores' time, as of `used`."""
        return [each / self.seconds / os.cpu_count() for each in self.used]


@dataclass
class Polled:
    """What it took to look into many mailboxes, of which some hang."""

    reached: int
    """mails of the healthy ones that are in Odoo"""
    healthy: float | None
    """seconds until the last of them was; None: not all of them are"""
    all: float | None
    """seconds until the hanging ones had been tried too; None: not all of them were"""
    runs: int
    """of the scheduled action"""
    seconds: float
    """that these took"""


class Receiving:
    """The accounts and servers in Odoo for the mailboxes of ``receive_world``.

    All mails are to an alias, so that stock and we do the same with them.

    :param env: Odoo's environment
    :param dict world: what ``receive_world`` prints
    :param int pid: of its process, or None
    """

    def __init__(self, env, world, pid=None):
        self._world, self._hosts = world, [psutil.Process(pid)] if pid else []
        env.cr.execute("SELECT pg_backend_pid()")
        self._database = []
        with contextlib.suppress(psutil.Error):  # it may be on another machine
            self._database.append(psutil.Process(env.cr.fetchone()[0]).parent())
        places = {(ip, port): to for ip, port, to in world["places"]}
        network = BenchNetwork(tuple(world["nameserver"]), places, guard=Guard(ALLOWED))
        env.registry["email.account.settings"]._get_network = lambda _self: network
        os.environ["SSL_CERT_FILE"] = world["bundle"]
        self._env = env(user=env.ref("base.user_admin"))

    def prepare(self, create=False):
        """Make the alias; have attachments where a real database has them.

        :param bool create: each mail becomes a contact; else all are messages on one contact, which costs
            less and thus shows more of what receiving costs
        """
        self._env["ir.config_parameter"].set_param("ir_attachment.location", "file")
        domain = self._env["mail.alias.domain"].create({"name": DOMAIN})
        model = self._env["ir.model"]._get("res.partner")
        # nobody follows it: Odoo would send notifications
        contacts = self._env["res.partner"].with_context(mail_create_nosubscribe=True)
        record = not create and contacts.create({"name": "All the mail"}).id
        self._env["mail.alias"].create(
            {
                "alias_name": "inbox",
                "alias_domain_id": domain.id,
                "alias_model_id": model.id,
                "alias_force_thread_id": record,
            }
        )
        self._env.cr.commit()

    def accounts(self, names, host, protocol="imap"):
        """Return new accounts that receive from the mailboxes called ``names``, as if they were checked."""
        accounts = self._env["email.account"].create(
            [
                {
                    "email": f"{name}@{DOMAIN}",
                    "password": "secret",
                    "use_for_sending": False,
                    "incoming_protocol": protocol,
                    "incoming_host": self._world["hosts"][host],
                    "incoming_port": PORTS[protocol],
                    "size_limit": 0,
                }
                for name in names
            ]
        )
        for account in accounts:
            account._set_state(False)
        self._env.cr.commit()
        return accounts

    def servers(self, names, host, protocol="imap", priority=5):
        """Return new stock servers that receive from the mailboxes called ``names``."""
        servers = self._env["fetchmail.server"].create(
            [
                {
                    "name": name,
                    "server_type": {"pop3": "pop"}.get(protocol, protocol),
                    "server": "127.0.0.1",
                    "port": self._world["ports"][host][str(PORTS[protocol])],
                    "is_ssl": True,
                    "user": f"{name}@{DOMAIN}",
                    "password": "secret",
                    "priority": priority,
                    "state": "done",
                }
                for name in names
            ]
        )
        self._env.cr.commit()
        return servers

    def forget(self, *records):
        """Have accounts and servers out of the way of the next measurement."""
        self._env.cr.commit()  # others have written since
        for each in records:
            each.active = False
        self._env.cr.commit()

    # ------------------------------------------------------------
    # Measurements
    # ------------------------------------------------------------

    def receive_all(self, account):
        """Receive until there is no more, also what a request has no time for."""
        due = True
        while due:
            account._receive()
            self._env.invalidate_all()
            polling = account.sudo().polling_ids
            due = not polling.failure_count and polling.next_date <= odoo.fields.Datetime.now()

    def fetch(self, name, receive):
        """Call ``receive``, which receives what is in the mailbox called ``name``; return `Fetched`."""
        there = self.count(name)
        self._env.invalidate_all()
        before, started = self._cpu(), time.monotonic()
        receive()
        self._env.cr.commit()
        seconds = time.monotonic() - started
        after = self._cpu()
        used = [max(end - begin, 0) for begin, end in zip(before, after, strict=True)]
        return Fetched(self.count(name) - there, seconds, used)

    def commands(self, poll):
        """Return the names of the commands that a recorded host gets while ``poll`` runs."""
        path = Path(self._world["recorded"])
        before = path.stat().st_size
        poll()
        self._env.cr.commit()
        with path.open() as file:
            file.seek(before)
            return file.read().split("\n")[:-1]

    def poll_own(self, name, healthy, hanging, limit):
        """Run our scheduled action until all accounts have been polled; return `Polled`.

        :param healthy: accounts with a mail each, in mailboxes whose names begin with ``name``
        :param hanging: the others
        :param limit: seconds after which no further run begins
        """

        def tried(env):
            polling = env["email.account.polling"].search([("account_id", "in", hanging.ids)])
            return len(polling.filtered("failure_count"))

        with (
            Watch(self._env, self._counter(name), len(healthy)) as mails,
            Watch(self._env, tried, len(hanging)) as failures,
        ):
            runs, seconds = self._run_cron(
                self._cron("_cron_receive"), limit, lambda: mails.reached and failures.reached
            )
        both = mails.reached and failures.reached and max(mails.reached, failures.reached)
        return Polled(self.count(name), mails.reached, both, runs, seconds)

    def poll_stock(self, name, count, runs):
        """Run stock Odoo's scheduled action ``runs`` times; return `Polled`.

        It uses an environment of its own, so that it may run in a thread.

        :param count: of the healthy servers; the names of their mailboxes begin with ``name``
        """
        with self._env.registry.cursor() as cr:
            env = self._env(cr=cr)
            cron = env.ref("mail.ir_cron_mail_gateway_action")
            logging.getLogger("odoo.addons.base.models.ir_cron").setLevel("ERROR")  # it reaches nobody
            with Watch(env, self._counter(name), count) as mails:
                started, done = time.monotonic(), 0
                while done < runs and not mails.reached:
                    cron.method_direct_trigger()
                    cr.commit()
                    done += 1
                seconds = time.monotonic() - started
        return Polled(self.count(name), mails.reached, None, done, seconds)

    def _run_cron(self, cron, limit, is_over):
        started, runs = time.monotonic(), 0
        while not is_over() and time.monotonic() - started < limit:
            cron.method_direct_trigger()
            self._env.cr.commit()
            runs += 1
            if not is_over():
                time.sleep(2 * LOOK)
        return runs, time.monotonic() - started

    def _cron(self, method):
        return self._env["ir.cron"].search([("code", "like", f"{method}()")]).ensure_one()

    # ------------------------------------------------------------
    # What is there
    # ------------------------------------------------------------

    def count(self, name):
        """Return how many mails from the mailboxes whose names begin with ``name`` are in Odoo."""
        self._env.cr.commit()
        return self._counter(name)(self._env)

    @staticmethod
    def _counter(name):
        return lambda env: env["mail.message"].search_count([("message_id", "like", f"@{name}")])

    def _cpu(self):
        """Return the seconds of CPU that this process, the hosts, the database and all others have used."""
        own, hosts, database = time.process_time(), _cpu_of(self._hosts), _cpu_of(self._database)
        whole = psutil.cpu_times()
        busy = sum(whole) - whole.idle - getattr(whole, "iowait", 0)
        return own, hosts, database, busy - own - hosts - database


def _cpu_of(processes):
    """Return the seconds of CPU that processes and their living children have used."""
    used = 0
    for parent in processes:
        for process in (parent, *parent.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                used += times.user + times.system
    return used


class Watch:
    """Looks into the database every moment, in a thread, while its block runs.

    :param env: Odoo's environment, of which there will be another one
    :param count: called with it
    :param wanted: what it shall return
    :ivar float reached: seconds until it did; None: it did not
    """

    def __init__(self, env, count, wanted):
        self._env, self._count, self._wanted = env, count, wanted
        self.reached = None

    def __enter__(self):
        self._over, self._started = threading.Event(), time.monotonic()
        self._thread = threading.Thread(target=self._watch, name="watch")
        self._thread.start()
        return self

    def __exit__(self, *exc_info):
        self._over.set()
        self._thread.join()
        if not self.reached:
            self._look()

    def _watch(self):
        while not self.reached and not self._over.wait(LOOK):
            self._look()

    def _look(self):
        with self._env.registry.cursor(readonly=False) as cr:
            if self._count(odoo.api.Environment(cr, odoo.api.SUPERUSER_ID, {})) >= self._wanted:
                self.reached = time.monotonic() - self._started
