"""Odoo 19: one that is given, one that is importable, Debian's package, or a clone of its branch."""
import functools
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import processes
from cache import cached, is_cached
from console import clean_environment, say, step
from debian import Apt, extract, is_debian

SERIES = "19.0"
PACKAGE = "odoo-19"
PACKAGE_SUITE = "sid"
# what the package links to, from a release that has all of it
LIBRARIES = ["fonts-font-awesome", "libjs-jquery", "libjs-jquery-form", "libjs-underscore",
             "fonts-roboto-unhinted"]
LIBRARIES_SUITE = "trixie"
CLONE = "odoo-19-clone"  # in the cache
REPOSITORY = "https://github.com/odoo/odoo.git"


class OdooSource:
    """A folder that makes ``import odoo`` Odoo 19 when it is on Python's path."""

    def __init__(self, path):
        self.path = Path(path)

    @property
    def fingerprint(self):
        """Changes when another Odoo takes this one's place."""
        files = (self.path / "odoo/release.py", self.path / ".git/logs/HEAD")
        state = [str(self.path), *(str(file.stat().st_mtime_ns) for file in files if file.exists())]
        return hashlib.sha256(" ".join(state).encode()).hexdigest()[:8]

    @property
    def addons(self):
        """Folders of addons that Odoo does not find by itself."""
        return [p for p in [self.path / "addons"] if (p / "mail/__manifest__.py").exists()]


def series(path):
    """The series of the Odoo in a folder, e.g. "19.0"; None if there is none."""
    try:
        text = (Path(path) / "odoo/release.py").read_text()
    except OSError:
        return None
    found = re.search(r"version_info\s*=\s*\((\d+),\s*(\d+)", text)
    return found and ".".join(found.groups())


def odoo_source():
    """The Odoo to work with; fetched when there is none.

    :raises SystemExit: with a sentence when ODOO_HOME is no Odoo 19 or nothing can be had
    """
    home = os.environ.get("ODOO_HOME")
    if home:
        if series(home) != SERIES:
            sys.exit(f"dev: ODOO_HOME={home} is not Odoo {SERIES}: no odoo/release.py there says so.")
        return OdooSource(Path(home).resolve())
    importable = _importable()
    if importable:
        return OdooSource(importable)
    if is_cached(CLONE):
        return OdooSource(_clone())
    return OdooSource(_package() or _clone())


def _importable():
    """Folder of an Odoo 19 that the running Python imports, else None."""
    code = "import importlib.util as u; s = u.find_spec('odoo.release'); print(s.origin if s else '')"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd="/",
                            env=clean_environment())
    path = Path(result.stdout.strip() or "/").parent.parent
    return path if series(path) == SERIES else None


def _package():
    """Debian's package, extracted beside the system: no root needed, nothing installed.

    Returns the folder for Python's path, or None where this is not Debian or the package is not to be had.
    """
    given = os.environ.get("ODOO_DEB")
    if not shutil.which("dpkg-deb") or not (given or is_debian()):
        return None
    try:
        return cached(PACKAGE, functools.partial(_extract_package, given)) / "usr/lib/python3/dist-packages"
    except _NotOffered:
        say(f"Debian does not offer {PACKAGE} here")
        return None


class _NotOffered(Exception):
    """There is no package of Odoo, and none was given."""


def _extract_package(given, home):
    with step(f"Odoo {SERIES} from Debian's package"), tempfile.TemporaryDirectory(dir=home) as name:
        debs = Path(name) / "debs"
        debs.mkdir()
        fetched = is_debian() and _download(Path(name) / "apt", debs)
        if not list(debs.glob(f"{PACKAGE}_*.deb")):
            if not given:
                raise _NotOffered
            if not Path(given).is_file():
                sys.exit(f"dev: ODOO_DEB={given} is not a file.")
            say(f"Debian does not offer {PACKAGE} here: taking {given}")
            shutil.copy(given, debs)
        if not fetched:
            say(f"without {', '.join(LIBRARIES)} pages look wrong")
        for package in sorted(debs.iterdir()):
            # 820 of 1,200 MB are translations, and usr/lib/…/addons is a second copy of all Python files
            extract(package, home, "--exclude=*.po", "--exclude=./usr/lib/python3/dist-packages/addons")
    # a file that Debian left out because of its licence; every browser test stops at its absence
    stub = home / "usr/lib/python3/dist-packages/odoo/addons/mail/static/lib/selfie_segmentation"
    stub.mkdir(parents=True, exist_ok=True)
    (stub / "selfie_segmentation.js").write_text("/* not part of Debian's package */\n")


def _download(folder, debs):
    """Download Odoo's package and the libraries; True when the libraries came, Odoo's may be there or not."""
    folder.mkdir()
    apt = Apt(folder, PACKAGE_SUITE, LIBRARIES_SUITE)
    if not apt.update():
        return False
    apt.download(f"{PACKAGE}/{PACKAGE_SUITE}", into=debs)
    return apt.download(*[f"{name}/{LIBRARIES_SUITE}" for name in LIBRARIES], into=debs)


def _clone():
    if not shutil.which("git"):
        sys.exit("dev: please install git, or say where Odoo 19 is: ODOO_HOME=/path/to/odoo make run")
    return cached(CLONE, _fetch_clone) / "odoo"


def _fetch_clone(home):
    with step(f"Odoo {SERIES} from {REPOSITORY}"):
        command = ["git", "clone", "-q", "--depth=1", f"--branch={SERIES}", REPOSITORY, home / "odoo"]
        result = processes.run(*command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if result.returncode:
            sys.exit(f"{result.stdout}\ndev: cannot fetch Odoo {SERIES}: say where one is "
                     f"(ODOO_HOME=/path/to/odoo make run) or give Debian's package "
                     f"(ODOO_DEB=/path/to/{PACKAGE}_….deb make run).")
