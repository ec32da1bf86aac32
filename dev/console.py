"""Running commands, saying what happens (on standard error), waiting for one another, ports."""
import contextlib
import fcntl
import os
import signal
import socket
import subprocess
import sys
import time

from paths import CACHE


def say(text):
    print(f"dev: {text}", file=sys.stderr, flush=True)


def sh(*command, **kwargs):
    """Run a command; raise CalledProcessError when it fails."""
    return subprocess.run([str(c) for c in command], check=True, **kwargs)


def out(*command, **kwargs):
    """Run a command and return what it prints, stripped."""
    return sh(*command, stdout=subprocess.PIPE, text=True, **kwargs).stdout.strip()


def quiet(*command, **kwargs):
    """Run a command without output; True when it succeeds."""
    command = [str(c) for c in command]
    return subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, **kwargs).returncode == 0


def silent(*command, **kwargs):
    """Run a command; show what it printed only when it fails.

    :raises SystemExit: when it fails
    """
    result = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            text=True, **kwargs)
    if result.returncode:
        sys.exit(f"{result.stdout}\ndev: this failed: {' '.join(map(str, command))}")


class Terminated(KeyboardInterrupt):
    """SIGTERM or SIGHUP reached this process alone; Ctrl-C reaches its children too."""


def supervise(*command, **kwargs):
    """Run a command and return its exit status; when we are to end, let it clean up first."""
    with subprocess.Popen([str(c) for c in command], **kwargs) as process:
        try:
            return process.wait()
        except KeyboardInterrupt as interrupt:
            if isinstance(interrupt, Terminated):
                process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)
            process.kill()
            raise


@contextlib.contextmanager
def step(what):
    """Say what was done and how long it took, once it is done."""
    start = time.monotonic()
    yield
    say(f"{what} ({time.monotonic() - start:.1f} s)")


@contextlib.contextmanager
def lock(path, shared=False):
    """Hold a lock file while the block runs; wait for it. Yields its file object."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a+") as file:
        fcntl.flock(file, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        yield file


def try_exclusive(file):
    """Turn the lock on an open lock file into an exclusive one; False when somebody else holds it too."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_free(port):
    """Whether nobody listens on a port of this machine."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port(first):
    """The first free port from a number on."""
    return next(port for port in range(first, 65536) if is_free(port))


def cache_lock(name):
    return lock(CACHE / f"{name}.lock")


def clean_environment():
    """This process's environment without what would steer Odoo or slow it down.

    Odoo 19 lets ODOO_* and PGDATABASE win over its configuration file, and starts in half the time
    when Python may keep compiled files.
    """
    drop = {"PGDATABASE", "PGDATABASE_TEMPLATE", "PGAPPNAME", "PYTHONDONTWRITEBYTECODE", "PYTHONPATH",
            "OPENERP_SERVER"}
    return {k: v for k, v in os.environ.items() if k not in drop and not k.startswith("ODOO_")}
