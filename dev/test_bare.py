"""``make test-bare``: README's two commands on an empty Debian, as root and as an ordinary user."""
import contextlib
import json
import re
import socket
import subprocess
import sys
import time

import demo_walk
import processes
from bare_system import BareSystem, prepare
from console import say
from other_dovecot import RELEASES
from paths import DEV, IS_ROOT

USERS = ("root", "jane")
READY = re.compile(r"Odoo +(http://localhost:\d+)")
FROM_OUTSIDE = re.compile(r"mail sent to localhost:(\d+)")
ADMINISTRATOR = re.compile(r"dev: this machine's administrator has to run once: (.*)")
LOGS = DEV / "bare"
RUN = 3600  # seconds that a first run may take


def test_bare(*arguments):
    """README's two commands in an empty Debian 12 and 13, as root and as a user, up to a received email.

    ARGS="trixie root" walks one of them; ARGS="trixie root -- tests/hosts" runs these tests instead of all.
    """
    if not IS_ROOT:
        sys.exit("dev: only root can make a system in a system.")
    words, tests = arguments, ()
    if "--" in arguments:
        place = arguments.index("--")
        words, tests = arguments[:place], arguments[place + 1:]
    releases = [r for r in RELEASES.values() if r in words] or list(RELEASES.values())
    users = [u for u in USERS if u in words] or list(USERS)
    LOGS.mkdir(parents=True, exist_ok=True)
    failed = []
    for release in releases:
        for user in users:
            walk = Walk(release, user)
            try:
                walk.go(tests)
            except WalkFailed as failure:
                say(f"{release}, {user}: {failure}")
                failed.append(f"{release} as {user}")
            finally:
                walk.report()
    if failed:
        say(f"failed: {', '.join(failed)}; logs in .dev/bare")
    return int(bool(failed))


class WalkFailed(Exception):
    """A step did not end as README says."""


@contextlib.contextmanager
def occupied(system):
    """While the block runs, others have two ports that the demo's account knows."""
    state = system.root / system.clone.relative_to("/") / ".dev/mail.json"
    ports = json.loads(state.read_text())["ports"]
    with contextlib.ExitStack() as stack:
        for name in ("imaps", "submissions"):
            stack.enter_context(socket.create_server(("127.0.0.1", ports[name])))
        yield


class Walk:
    """One release, one user, step by step."""

    def __init__(self, release, user):
        self.release, self.user = release, user
        self.steps = []
        self.log = LOGS / f"{release}-{user}.log"
        self.log.write_text("")

    def go(self, tests):
        with self.step("empty system"):
            system = BareSystem(self.release, self.user)
            system.__enter__()
        with contextlib.closing(contextlib.ExitStack()) as stack:
            stack.push(system)
            with self.step("apt-get install make (README)"):
                prepare(system)
            before = system.size()
            self.steps.append(("disk before", f"{before / 1e9:.1f} GB"))
            if self.user != "root":
                self.ask_administrator(system)
            self.use(system, "make run, first time")
            self.steps.append(("disk that it takes", f"{(system.size() - before) / 1e9:.1f} GB"))
            with self.step("make test"):
                arguments = f' ARGS="{" ".join(tests)}"' if tests else ""
                if self.command(system, f"make test{arguments}")[0]:
                    raise WalkFailed("make test fails")
            with occupied(system):
                self.use(system, "make run, second time, the mail host's ports being taken")
            self.steps.append(("disk that both take", f"{(system.size() - before) / 1e9:.1f} GB"))

    def ask_administrator(self, system):
        """The first command names once what only he can do; he does it."""
        status, said = self.command(system, "make run")
        found = ADMINISTRATOR.findall(said)
        if not status or len(found) != 1:
            raise WalkFailed(f"make run does not say what the administrator has to do: {said}")
        with self.step("what the administrator has to run"):
            commands = found[0].replace("sudo ", "").replace("apt-get install", "apt-get -y install")
            commands = f"export DEBIAN_FRONTEND=noninteractive; {commands}"
            if self.command(system, commands, user="root")[0]:
                raise WalkFailed("that fails")

    def use(self, system, what):
        """Start the demo, check its account, receive an email, stop."""
        with open(self.log, "a") as log:
            place = self.log.stat().st_size
            with self.step(what):
                run = system.start("make run", stdout=log, stderr=subprocess.STDOUT)
                try:
                    url, port = self.wait_until_ready(run, place)
                except BaseException:
                    processes.end(run)
                    raise
        try:
            with self.step("an account by the wizard, its check, mail from outside"):
                try:
                    odoo = demo_walk.Odoo(url, system.database)
                    account = demo_walk.create_account(odoo)
                    other = demo_walk.check(odoo, account)
                    demo_walk.receive(odoo, account, port)
                except (RuntimeError, OSError) as error:
                    raise WalkFailed(str(error))
                if other:
                    raise WalkFailed(f"the demo's check is not green: {'; '.join(other)}")
            status, said = self.command(system, "make run")
            if not status or "runs already" not in said:
                raise WalkFailed(f"a second make run does not say that there is one: {said}")
            with self.step("make stop"):
                if self.command(system, "make stop")[0]:
                    raise WalkFailed("make stop fails")
            if run.wait(20):
                raise WalkFailed(f"make run ends with {run.returncode} after make stop")
            if left := system.left():
                raise WalkFailed(f"make stop leaves: {left}")
        finally:
            processes.end(run)

    def wait_until_ready(self, run, place):
        deadline = time.monotonic() + RUN
        while time.monotonic() < deadline:
            said = self.log.read_bytes()[place:].decode(errors="replace")
            if (ready := READY.search(said)) and (port := FROM_OUTSIDE.search(said)):
                return ready[1], int(port[1])
            if run.poll() is not None:
                break
            time.sleep(0.2)
        raise WalkFailed(f"make run does not get there: {said[-2000:]}")

    def command(self, system, command, user=None):
        status, said = system.run(command, user)
        with open(self.log, "a") as log:
            log.write(f"$ {command}\n{said}")
        return status, said

    @contextlib.contextmanager
    def step(self, what):
        say(f"{self.release}, {self.user}: {what} …")
        start = time.monotonic()
        try:
            yield
        finally:
            self.steps.append((what, f"{time.monotonic() - start:.0f} s"))

    def report(self):
        print(f"\n{self.release}, {self.user}")
        for what, figure in self.steps:
            print(f"  {what:60} {figure:>10}")
        print(flush=True)
