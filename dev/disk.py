"""A full disk, which every program calls otherwise, is called a full disk."""
import errno
import os
import re
import shutil
import tempfile

from paths import CACHE, DEV, IS_ROOT

FULL = re.compile(r"no space left on device|disk quota exceeded|don't have enough free space|disk ?full"
                  r"|write error: .*space", re.I)
ERRORS = {errno.ENOSPC, errno.EDQUOT}
LITTLE = 2 << 20  # bytes: with less nothing works
NEEDED = "3 GB"  # of a first run and the tests, see README.md


def is_full(error=None, text=""):
    """Whether an exception, or what a program printed, tells of a full disk."""
    while error:
        if getattr(error, "errno", None) in ERRORS:
            return True
        error = error.__cause__ or error.__context__
    return bool(FULL.search(text or ""))


def look(error):
    """Note at an exception that a full disk is its cause, before what filled it is removed."""
    if not hasattr(error, "full_disk") and (is_full(error, str(error)) or full_places()):
        error.full_disk = sentence()


def full_places():
    """Those of the folders that we write to on whose disk there is no room, as ``[(folder, bytes free)]``."""
    return [(path, free) for path, free in _places() if free < LITTLE]


def sentence():
    """What has happened and what to do."""
    places = full_places() or sorted(_places(), key=lambda place: place[1])[:1]
    left = ", ".join(f"{free >> 20} MB are left for {path}" for path, free in places)
    return (f"dev: the disk is full: {left}. Make room (a first run takes about {NEEDED}), or choose "
            f"another place: EMAIL_ACCOUNT_CACHE=/path/to/folder make run.")


def _places():
    folders = [CACHE, DEV, _temporary(), *(["/var/cache/apt/archives"] if IS_ROOT else [])]
    found = {}
    for folder in map(str, folders):
        while not os.path.exists(folder):
            folder = os.path.dirname(folder)
        status = os.statvfs(folder)
        no_inodes = status.f_files and not status.f_favail
        found.setdefault(os.stat(folder).st_dev, (folder, 0 if no_inodes else shutil.disk_usage(folder).free))
    return list(found.values())


def _temporary():
    try:
        return tempfile.gettempdir()
    except FileNotFoundError:  # Python finds none that it can write to
        return os.environ.get("TMPDIR", "/tmp")
