"""``make test-oldest``: the rooms that need no Odoo, with the oldest packages that the addon allows."""
import os
import shutil
import sys

from console import supervise
from paths import DEV, NAME, REPO
from python_env import environment
from system import require

LAST_PYTHON = (3, 11)  # for the packages of Debian 12 there are no binaries of later ones
ROOMS = ("autoconfig", "mailclient", "data", "models/check_dns.py", "README.md",
         "tests/autoconfig", "tests/hosts", "tests/mailclient", "tests/corpus.py")
NEEDS_ODOO = "tests/mailclient/test_causes.py"  # the words that users read


def test_oldest(*arguments):
    """Tests of autoconfig/ and mailclient/, without Odoo, with the oldest packages that are allowed."""
    if sys.version_info[:2] > LAST_PYTHON:
        sys.exit("dev: the oldest packages are those of Debian 12, for Python 3.11 or older: "
                 "for example PYTHON=python3.11 make test-oldest.")
    require("dovecot")
    python = environment("oldest-requirements.txt", "oldest")
    top = DEV / "plain"
    tests = _lay_out(top) / "tests"
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", top / "pytest.ini",
               f"--ignore={top / 'odoo/addons' / NAME / NEEDS_ODOO}",
               *(arguments or [tests / "mailclient", tests / "autoconfig"])]
    return supervise(*command, cwd=top, env=dict(os.environ, PYTHONPATH=str(top)))


def _lay_out(top):
    """A package odoo.addons.email_account that holds the rooms alone; return its folder."""
    shutil.rmtree(top, ignore_errors=True)
    home = top / "odoo/addons" / NAME
    home.mkdir(parents=True)
    (top / "pytest.ini").write_text("[pytest]\nconsider_namespace_packages = true\n")  # not pyproject.toml
    for name in ROOMS:
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).symlink_to(REPO / name)
    return home
