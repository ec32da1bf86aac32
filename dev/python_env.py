"""The Python environments: one with all that Odoo and the tests need, one for the linters."""
import hashlib
import os
import shutil
import sys

from console import cache_lock, silent, step
from paths import CACHE, REPO

VERSION = ".".join(map(str, sys.version_info[:2]))
UV = "uv==0.13.9"


def environment(requirements="requirements.txt", prefix="venv"):
    """Path of the interpreter of an environment with pinned packages; made when it is not there.

    :param requirements: file in ``dev/``
    :param prefix: what the environment's folder in the cache begins with
    """
    pinned = REPO / "dev" / requirements
    # the interpreter's own path counts: an environment does not outlive it
    tag = hashlib.sha256(pinned.read_bytes() + os.path.realpath(sys.executable).encode()).hexdigest()[:10]
    home = CACHE / f"{prefix}-{VERSION}-{tag}"
    python, done = home / "bin/python", home / "done"
    with cache_lock(prefix):
        if not done.exists():
            with step(f"Python packages of {pinned.relative_to(REPO)}"):
                shutil.rmtree(home, ignore_errors=True)
                silent(sys.executable, "-m", "venv", home)
                silent(python, "-m", "pip", "install", "--disable-pip-version-check", UV)
                silent(home / "bin/uv", "pip", "install", "--python", python, "-r", pinned)
        done.touch()
    return python
