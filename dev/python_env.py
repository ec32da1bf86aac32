"""The Python environments: one with all that Odoo and the tests need, one for the linters."""
import hashlib
import os
import sys

from cache import cached
from console import silent, step
from paths import REPO
from pip_settings import uv_environment

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

    def make(home):
        python = home / "bin/python"
        with step(f"Python packages of {pinned.relative_to(REPO)}"):
            silent(sys.executable, "-m", "venv", home)
            silent(python, "-m", "pip", "install", "--disable-pip-version-check", UV)
            silent(home / "bin/uv", "pip", "install", "--python", python, "-r", pinned,
                   env=uv_environment(python))

    return cached(f"{prefix}-{VERSION}-{tag}", make) / "bin/python"
