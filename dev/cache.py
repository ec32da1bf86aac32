"""What all checkouts share: folders that are whole or not there."""
import shutil
import time

import disk
from console import say
from locks import cache_lock, try_lock
from paths import CACHE, CHECKOUTS

UNUSED_DAYS = 7
MAKING = "making"  # a file in a folder that is being made


def cached(name, make):
    """Path of a folder of the cache.

    :param name: begins with the kind, which ends at the first hyphen; one of a kind is made at a time
    :param make: makes it, when it is not there, in the empty folder that it is given; if that ends early, by
        an error or by Ctrl-C, nothing of it is left
    """
    home = CACHE / name
    done = home / "done"
    with cache_lock(_kind(name)):
        if not done.exists():
            shutil.rmtree(home, ignore_errors=True)
            home.mkdir(parents=True)
            try:
                (home / MAKING).touch()
                make(home)
                done.touch()
                (home / MAKING).unlink(missing_ok=True)
            except BaseException as error:
                disk.look(error)
                shutil.rmtree(home, ignore_errors=True)
                raise
        done.touch()  # it is used: see prune
    return home


def is_cached(name):
    return (CACHE / name / "done").exists()


def _kind(name):
    return name.partition("-")[0]


def prune_cache():
    """Remove what is unused for UNUSED_DAYS, and what a kill left half made."""
    oldest = time.time() - UNUSED_DAYS * 24 * 3600
    for folder in CACHE.iterdir() if CACHE.exists() else ():
        if not folder.is_dir() or folder == CHECKOUTS:
            continue
        with try_lock(CACHE / f"{_kind(folder.name)}.lock") as free:
            done = folder / "done"
            if not free:
                continue
            if (folder / MAKING).exists():
                shutil.rmtree(folder, ignore_errors=True)
                say(f"removed from the cache, half made: {folder.name}")
            elif done.exists() and done.stat().st_mtime < oldest:
                shutil.rmtree(folder, ignore_errors=True)
                say(f"removed from the cache, unused for {UNUSED_DAYS} days: {folder.name}")


def clear_cache():
    """Remove all that is not in use at the moment.

    :return: the names of what is being made just now, and left
    """
    left = []
    for folder in CACHE.iterdir() if CACHE.exists() else ():
        if not any((folder / name).exists() for name in ("done", MAKING)):
            continue
        with try_lock(CACHE / f"{_kind(folder.name)}.lock") as free:
            if free:
                shutil.rmtree(folder)
            else:
                left.append(folder.name)
    return left
