"""Where everything lives.

What is slow to build (Odoo, Python packages, dumps of databases) lives in CACHE and is shared by all
checkouts; what belongs to this checkout lives in ``.dev/``, which git ignores.
"""
import hashlib
import os
from pathlib import Path

NAME = "email_account"  # the addon's technical name, whatever the checkout's folder is called
REPO = Path(__file__).resolve().parent.parent
DEV = REPO / ".dev"
FARM = DEV / "addons" / NAME
IS_ROOT = os.getuid() == 0


def checkout(path):
    """What the names of a checkout's databases have in common."""
    return hashlib.sha256(str(path).encode()).hexdigest()[:8]


CHECKOUT = checkout(REPO)

def _cache():
    if os.environ.get("EMAIL_ACCOUNT_CACHE"):
        return Path(os.environ["EMAIL_ACCOUNT_CACHE"]).resolve()
    if IS_ROOT:  # root's home is closed to the users that PostgreSQL and Dovecot run as
        return Path("/var/cache") / NAME
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / NAME


CACHE = _cache()
CHECKOUTS = CACHE / "run"  # root only: one folder a checkout
STATE = CHECKOUTS / CHECKOUT if IS_ROOT else DEV / "state"
