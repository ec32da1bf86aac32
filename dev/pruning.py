"""Removes what nobody uses any more from the cache, so that it does not grow for ever."""
import shutil
import time
from pathlib import Path

from console import cache_lock, say
from paths import CACHE, CHECKOUT, CHECKOUTS, IS_ROOT, REPO, STATE
from postgres import PrivateServer

UNUSED_DAYS = 7


def prune():
    """Remove caches unused for UNUSED_DAYS, and the databases and mailboxes of checkouts that are gone."""
    with cache_lock("prune"):
        if IS_ROOT:
            STATE.mkdir(parents=True, exist_ok=True)
            (STATE / "checkout").write_text(str(REPO))
        for state in CHECKOUTS.iterdir() if CHECKOUTS.exists() else ():
            owner = state / "checkout"
            if state.name != CHECKOUT and owner.exists() and not Path(owner.read_text()).exists():
                PrivateServer(state).stop(by_force=True)
                _remove(state)
        # every user of a cache touches its file "done"
        oldest = time.time() - UNUSED_DAYS * 24 * 3600
        for done in CACHE.glob("*/done"):
            if done.stat().st_mtime < oldest:
                _remove(done.parent)


def _remove(path):
    shutil.rmtree(path, ignore_errors=True)
    say(f"removed from the cache, as nobody uses it: {path.name}")
