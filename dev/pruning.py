"""Removes what nobody uses any more from the cache, so that it does not grow for ever."""
import shutil
import time
from pathlib import Path

from console import cache_lock, say
from paths import CACHE, CHECKOUTS, IS_ROOT, REPO, STATE
from postgres import PrivateServer

UNUSED_DAYS = 7


def prune():
    """Remove caches unused for UNUSED_DAYS, and the databases and mailboxes of checkouts that are gone."""
    with cache_lock("prune"):
        if IS_ROOT:
            STATE.mkdir(parents=True, exist_ok=True)
            (STATE / "checkout").write_text(str(REPO))
        for state in CHECKOUTS.iterdir() if CHECKOUTS.exists() else ():
            note = state / "checkout"
            owner = Path(note.read_text()) if note.exists() else None
            if owner and not owner.exists():
                PrivateServer(state).stop(by_force=True)
                shutil.rmtree(state)
                say(f"removed the databases of {owner}, which is gone")
        # every user of a cache touches its file "done"
        oldest = time.time() - UNUSED_DAYS * 24 * 3600
        for done in CACHE.glob("*/done"):
            if done.stat().st_mtime < oldest:
                shutil.rmtree(done.parent)
                say(f"removed from the cache, unused for {UNUSED_DAYS} days: {done.parent.name}")
