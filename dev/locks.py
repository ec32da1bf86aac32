"""Waiting for one another: lock files that say who holds them."""
import contextlib
import fcntl
import os

from console import say
from paths import CACHE, REPO


@contextlib.contextmanager
def lock(path, shared=False):
    """Hold a lock file while the block runs; who has to wait for it says for whom. Yields its file object."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a+") as file:
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        try:
            fcntl.flock(file, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for {holder(file) or 'another command'} ({path.stem})")
            fcntl.flock(file, kind)
        if not shared:
            _sign(file)
        yield file


def holder(file):
    """Who signed a lock file last, in words; "" if nobody has."""
    file.seek(0)
    return file.read().strip()


def _sign(file):
    file.seek(0)
    file.truncate()
    file.write(f"process {os.getpid()} of {REPO}")
    file.flush()


def try_exclusive(file):
    """Turn the lock on an open lock file into an exclusive one; False when somebody else holds it too."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextlib.contextmanager
def try_lock(path):
    """Yields whether nobody else holds a lock file; then it is held while the block runs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a+") as file:
        got = try_exclusive(file)
        if got:
            _sign(file)
        yield got


def cache_lock(name):
    return lock(CACHE / f"{name}.lock")
