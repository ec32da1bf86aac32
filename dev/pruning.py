"""Removes what nobody uses any more, so that the cache does not grow for ever."""
import shutil
from pathlib import Path

from cache import prune_cache
from console import say
from locks import cache_lock
from paths import CHECKOUTS, IS_ROOT, REPO, STATE
from postgres import PrivateServer


def prune():
    """Remove caches that are not used, and the databases and mailboxes of checkouts that are gone."""
    with cache_lock("prune"):
        if IS_ROOT:
            STATE.mkdir(parents=True, exist_ok=True)
            (STATE / "checkout").write_text(str(REPO))
        for state in CHECKOUTS.iterdir() if CHECKOUTS.exists() else ():
            note = state / "checkout"
            owner = Path(note.read_text()) if note.exists() else None
            if owner and not owner.exists():
                PrivateServer(state).stop()
                shutil.rmtree(state)
                say(f"removed the databases of {owner}, which is gone")
        prune_cache()
