"""Running programs and saying what happens, on standard error."""
import contextlib
import os
import signal
import subprocess
import sys
import time

import disk
import processes


def say(text):
    print(f"dev: {text}", file=sys.stderr, flush=True)


class CommandFailed(SystemExit):
    """A program failed; the message says which, and all that it printed."""

    def __init__(self, command, output):
        self.output = output
        super().__init__(f"{output}\ndev: this failed: {' '.join(map(str, command))}")
        disk.look(self)


def sh(*command, **kwargs):
    """Run a program; what it writes to standard error is shown when it has ended.

    :raises CommandFailed: when it fails
    """
    kwargs.setdefault("stderr", subprocess.PIPE)
    result = processes.run(*command, **kwargs)
    errors = result.stderr or ""
    if isinstance(errors, bytes):
        errors = errors.decode(errors="replace")
    if result.returncode:
        raise CommandFailed(command, errors)
    if errors:
        print(errors, end="", file=sys.stderr)
    return result


def out(*command, **kwargs):
    """Run a program and return what it prints, stripped."""
    return sh(*command, stdout=subprocess.PIPE, text=True, **kwargs).stdout.strip()


def quiet(*command, **kwargs):
    """Run a program without output; True when it succeeds.

    :raises CommandFailed: when it fails because the disk is full, which answers no question
    """
    result = processes.run(*command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, **kwargs)
    output = result.stdout.decode(errors="replace")
    if result.returncode and disk.is_full(text=output):
        raise CommandFailed(command, output)
    return result.returncode == 0


def silent(*command, run=processes.run, **kwargs):
    """Run a program; show what it printed only when it fails.

    :raises CommandFailed: when it fails
    """
    result = run(*command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **kwargs)
    if result.returncode:
        raise CommandFailed(command, result.stdout)


def supervise(*command, **kwargs):
    """Run a program on our terminal and return its exit status; when we are to end, it cleans up first."""
    with subprocess.Popen([str(c) for c in command], **kwargs) as process:
        try:
            return process.wait()
        except KeyboardInterrupt as interrupt:
            if isinstance(interrupt, processes.Terminated):
                process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)
            process.kill()
            raise


@contextlib.contextmanager
def step(what):
    """Say what begins, and how long it took."""
    start = time.monotonic()
    say(f"{what} …")
    yield
    say(f"{what}: {time.monotonic() - start:.1f} s")


def clean_environment():
    """This process's environment without what would steer Odoo or slow it down.

    Odoo 19 lets ODOO_* and PGDATABASE win over its configuration file, and starts in half the time
    when Python may keep compiled files.
    """
    drop = {"PGDATABASE", "PGDATABASE_TEMPLATE", "PGAPPNAME", "PYTHONDONTWRITEBYTECODE", "PYTHONPATH",
            "OPENERP_SERVER"}
    return {k: v for k, v in os.environ.items() if k not in drop and not k.startswith("ODOO_")}
