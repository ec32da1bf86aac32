"""A part of ``make test-install``: real processes that are killed, share work and wait."""
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap

from paths import DEV, NAME, REPO

POISON = "email_account_poison"
# an addon as anybody may write one: it fails in all ways for mail whose subject says "[poison:KIND]"
POISON_ADDON = {
    "__manifest__.py": f"""
        {{"name": "Poison", "author": "Tests", "license": "LGPL-3", "depends": ["{NAME}"]}}
    """,
    "__init__.py": """
        import os
        import re
        import signal

        from psycopg2 import errors

        from odoo import models
        from odoo.exceptions import UserError

        SUBJECT = re.compile(r"\\[poison:(\\w+)\\] (\\w+)")
        tried = set()  # by this process


        def recurse():
            recurse()


        def get_poison(subject):
            return (found := SUBJECT.search(subject or "")) and found.groups() or ("", "")


        class Partner(models.Model):
            _inherit = "res.partner"

            def message_update(self, msg_dict, update_vals=None):
                kind, name = get_poison(msg_dict.get("subject"))
                if kind == "update":
                    raise ValueError("nobody expects this")
                if kind == "user":
                    raise UserError("Please fill in the field first.")
                if kind == "memory":
                    raise MemoryError
                if kind == "recursion":
                    recurse()
                if kind == "sql":
                    self.env.cr.execute("SELECT 1 / 0")
                if kind == "once" and name not in tried:
                    tried.add(name)
                    raise errors.SerializationFailure("could not serialize access")
                if kind == "always":
                    raise errors.SerializationFailure("could not serialize access")
                if kind == "deadlock":
                    raise errors.DeadlockDetected("deadlock detected")
                if kind == "crash":
                    os.kill(os.getpid(), signal.SIGKILL)
                return super().message_update(msg_dict, update_vals)

            def _message_post_after_hook(self, message, msg_vals):
                # the message is in the database by now
                kind, name = get_poison(message.subject)
                if kind == "post":
                    raise KeyError("what comes after the message")
                if kind == "commit":
                    def fail():
                        raise ValueError("at the end of the transaction")
                    self.env.cr.precommit.add(fail)
                return super()._message_post_after_hook(message, msg_vals)
    """,
}


def try_receiving(bench, *names):
    """Let real processes receive from real hosts, each part in a database of its own that is thrown away.

    :param names: parts to run, of ``receiving_steps.PARTS``; all of them if none is given
    """
    folder = DEV / "tmp/poison"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / POISON).mkdir(parents=True)
    for name, text in POISON_ADDON.items():
        (folder / POISON / name).write_text(textwrap.dedent(text))
    with contextlib.ExitStack() as stack:
        filled = _database(bench, stack, "receiving", folder, bench.with_addon("test"))
        bench.odoo("-c", filled, "-i", POISON, "--stop-after-init", "--no-http", "--log-level=warn")
        hosts = _start_hosts(bench, stack)
        # the first two side by side: they are about the two protocols
        for group in (("kills_imap", "kills_pop3"), ("two_at_once",), ("hanging",)):
            _run(bench, stack, hosts, folder, [name for name in group if name in names or not names])


def _database(bench, stack, name, folder, template):
    """Make a database that goes with ``stack``; return the path of Odoo's configuration for it."""
    database = bench.name(name)
    bench.pg.create(database, template)
    stack.callback(bench.pg.drop, database)
    log = DEV / f"{name}.log"
    log.unlink(missing_ok=True)
    addons = ",".join(map(str, [DEV / "addons", folder, *bench.source.addons]))
    return bench.config(database, "test", name, logfile=log, log_level="warn", addons_path=addons)


def _start_hosts(bench, stack):
    """Start the mail hosts in a process of their own that ends with ``stack``; return where they are."""
    process = stack.enter_context(subprocess.Popen(
        [str(bench.python), str(REPO / "dev/receiving_hosts.py")], env=bench.env(), text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE))
    stack.callback(process.stdin.close)
    return json.loads(process.stdout.readline())


def _run(bench, stack, hosts, folder, names):
    """Run parts at the same time.

    :raises SystemExit: when one fails, or the addon logs a warning
    """
    running = []
    try:
        for name in names:
            config = _database(bench, stack, f"receiving_{name}", folder, bench.name("receiving"))
            command = [bench.python, REPO / "dev/receiving_steps.py", config, name, json.dumps(hosts)]
            running.append(subprocess.Popen(
                [str(c) for c in command], env=bench.env(SSL_CERT_FILE=hosts["bundle"]), cwd=DEV,
                stdin=subprocess.DEVNULL, start_new_session=True))
        statuses = [process.wait() for process in running]
    finally:
        for process in running:  # with the processes that it has started, which may run for ever
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    logs = [DEV / f"receiving_{name}.log" for name in names]
    lines = [line for log in logs if log.exists() for line in log.read_text().splitlines()]
    warnings = [line for line in lines if f"addons.{NAME}." in line or f"addons/{NAME}/" in line]
    print(*warnings, sep="\n", end="\n" if warnings else "", file=sys.stderr)
    if warnings or any(statuses):
        sys.exit(f"dev: receiving: see above and {', '.join(str(log.relative_to(REPO)) for log in logs)}.")
