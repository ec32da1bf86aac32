"""Programs that are started: they end with whoever started them, and what a kill left behind is known."""
import contextlib
import json
import os
import signal
import subprocess
import time
from pathlib import Path

from paths import DEV

NOTES = DEV / "processes"  # a file for each program that runs
PATIENCE = 10  # seconds that a program has to end


class Terminated(KeyboardInterrupt):
    """SIGTERM or SIGHUP reached this process alone; Ctrl-C reaches its children too."""


class _Interrupts:
    """Signals that end this process; they wait while a program is started, so that none is forgotten."""

    def __init__(self):
        self.held = 0
        self.waiting = None

    def __call__(self, number, frame):
        error = KeyboardInterrupt if number == signal.SIGINT else Terminated
        if self.held:
            self.waiting = error
        else:
            raise error

    def __enter__(self):
        self.held += 1

    def __exit__(self, *exception):
        self.held -= 1
        if not self.held and self.waiting:
            error, self.waiting = self.waiting, None
            raise error


_interrupts = _Interrupts()


def end_on_signals():
    """End in order on SIGTERM, SIGHUP and SIGINT; those that were ignored stay so (``nohup``)."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _interrupts)


def identity(pid):
    """What tells a process from a later one of the same number: when it was started; None if it has ended."""
    if Path("/proc/self/stat").exists():
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return None
        return None if fields[0] in "ZX" else fields[19]
    done = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True)
    state, _, started = done.stdout.strip().partition(" ")
    return started.strip() if started and not state.startswith("Z") else None


def start(*command, **kwargs):
    """Start a program in a group of its own; return its ``Popen``. Whoever starts it has to ``end`` it."""
    with _interrupts:
        process = subprocess.Popen([str(word) for word in command], start_new_session=True, **kwargs)
        try:
            note(process.pid)
        except OSError:
            end(process, 0)
            raise
    return process


def end(process, patience=PATIENCE):
    """End a program, and after ``patience`` seconds its whole group by force; it is gone afterwards."""
    try:
        if process.poll() is None:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(patience)
    finally:
        _kill_group(process.pid)
        process.wait()
        forget(process.pid)


def _kill_group(pid):
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def run(*command, input=None, patience=PATIENCE, **kwargs):  # noqa: A002, as subprocess calls it
    """Like ``subprocess.run``; if we have to end, the program and all that it started end first."""
    if input is not None:
        kwargs["stdin"] = subprocess.PIPE
    process = start(*command, **kwargs)
    try:
        output, errors = process.communicate(input)
    except BaseException:
        end(process, patience)
        raise
    forget(process.pid)
    return subprocess.CompletedProcess(process.args, process.returncode, output, errors)


def run_whole(*command, **kwargs):
    """Like ``run`` for what must not be interrupted: we end when it has ended."""
    with _interrupts:
        return run(*command, **kwargs)


# What a kill left behind

def note(pid):
    """Write down that this process has started another one."""
    NOTES.mkdir(parents=True, exist_ok=True)
    known = {"started": identity(pid), "parent": os.getpid(), "parent_started": identity(os.getpid())}
    (NOTES / str(pid)).write_text(json.dumps(known))


def forget(pid):
    (NOTES / str(pid)).unlink(missing_ok=True)


def end_orphans():
    """End the programs of this checkout whose parent was killed; return how many there were."""
    orphans = []
    for path in NOTES.iterdir() if NOTES.exists() else ():
        try:
            known = json.loads(path.read_text())
        except (OSError, ValueError):
            continue
        pid = int(path.name)
        if identity(known["parent"]) == known["parent_started"]:
            continue
        if known["started"] and identity(pid) == known["started"]:
            orphans.append((pid, known["started"]))
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGTERM)
        path.unlink(missing_ok=True)
    wait_for_end(*orphans)
    for pid, started in orphans:
        if identity(pid) == started:
            _kill_group(pid)
    wait_for_end(*orphans)
    return len(orphans)


def wait_for_end(*processes, patience=PATIENCE):
    """Wait until processes, as ``(pid, identity)``, have ended; False when one has not in time."""
    deadline = time.monotonic() + patience
    while any(identity(pid) == started for pid, started in processes):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
