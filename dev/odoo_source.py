"""Odoo 19: one that is given, one that is importable, Debian's package, or a clone of its branch."""
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from console import cache_lock, clean_environment, out, quiet, say, sh, step
from paths import CACHE

SERIES = "19.0"
PACKAGE = "odoo-19"
PACKAGE_SUITE = "sid"
# what the package links to, from a release that has all of it
LIBRARIES = ["fonts-font-awesome", "libjs-jquery", "libjs-jquery-form", "libjs-underscore",
             "fonts-roboto-unhinted"]
LIBRARIES_SUITE = "trixie"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
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
    with cache_lock("odoo"):
        for found in (CACHE / PACKAGE / "usr/lib/python3/dist-packages", CACHE / "odoo-19-git"):
            done = (CACHE / found.relative_to(CACHE).parts[0]) / "done"
            if done.exists():
                done.touch()
                return OdooSource(found)
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
    if not shutil.which("dpkg-deb") or not (given or _is_debian()):
        return None
    start = time.monotonic()
    with tempfile.TemporaryDirectory(dir=CACHE) as name:
        tmp = Path(name)
        (tmp / "debs").mkdir()
        fetched = _is_debian() and _download(tmp)
        if not list((tmp / "debs").glob(f"{PACKAGE}_*.deb")):
            if not given:
                say(f"Debian does not offer {PACKAGE} here")
                return None
            if not Path(given).is_file():
                sys.exit(f"dev: ODOO_DEB={given} is not a file.")
            say(f"Debian does not offer {PACKAGE} here: taking {given}")
            shutil.copy(given, tmp / "debs")
        if not fetched:
            say(f"without {', '.join(LIBRARIES)} pages look wrong")
        _extract(sorted((tmp / "debs").iterdir()), tmp / "root")
        home = CACHE / PACKAGE
        (tmp / "root/done").touch()
        shutil.rmtree(home, ignore_errors=True)
        (tmp / "root").rename(home)
    say(f"Odoo {SERIES} from Debian's package ({time.monotonic() - start:.1f} s)")
    return home / "usr/lib/python3/dist-packages"


def _is_debian():
    try:
        text = Path("/etc/os-release").read_text()
    except OSError:
        return False
    return bool(re.search(r"^ID=\"?debian\"?$", text, re.M)) and KEYRING.exists()


def _download(tmp):
    """Download Odoo's package and the libraries into tmp/debs with an apt configuration of our own.

    True when the libraries came; Odoo's package is then there or not.
    """
    # the mirror that this machine uses for Debian itself, also when no package list was fetched yet
    lines = out("apt-get", "update", "--print-uris", "-o", f"Dir::State::Lists={tmp}").splitlines()
    uris = [m[1] for m in (re.match(r"'(.*?)/dists/[^/]+/InRelease'", line) for line in lines) if m]
    mirror = next((u for u in uris if u.rstrip("/").endswith("/debian")), uris[0] if uris else None)
    if not mirror:
        return False
    for folder in ("lists/partial", "cache/archives/partial"):
        (tmp / folder).mkdir(parents=True)
    (tmp / "sources").write_text("".join(
        f"deb [signed-by={KEYRING}] {mirror} {suite} main\n" for suite in (PACKAGE_SUITE, LIBRARIES_SUITE)))
    options = {
        "Dir::Etc::SourceList": tmp / "sources",
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::Etc::Preferences": "/dev/null",
        "Dir::Etc::PreferencesParts": "/dev/null",
        "Dir::State::Lists": tmp / "lists",
        "Dir::Cache": tmp / "cache",
        "Acquire::Check-Valid-Until": "false",  # a snapshot of unstable is soon past its date
        "Acquire::Languages": "none",
    }
    if os.getuid() == 0:
        options["APT::Sandbox::User"] = "root"
    apt = ["apt-get", "-qq", *[f"-o{key}={value}" for key, value in options.items()]]
    if not quiet(*apt, "update"):
        return False
    quiet(*apt, "download", f"{PACKAGE}/{PACKAGE_SUITE}", cwd=tmp / "debs")
    return quiet(*apt, "download", *[f"{name}/{LIBRARIES_SUITE}" for name in LIBRARIES], cwd=tmp / "debs")


def _extract(packages, root):
    root.mkdir()
    for package in packages:
        # 820 of 1,200 MB are translations, and usr/lib/…/addons is a second copy of all Python files
        tar = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(package)], stdout=subprocess.PIPE)
        sh("tar", "-x", "-C", root, "--no-same-owner", "--exclude=*.po",
           "--exclude=./usr/lib/python3/dist-packages/addons", stdin=tar.stdout)
        if tar.wait():
            sys.exit(f"dev: {package.name} is damaged: delete it and try again.")
    # a file that Debian left out because of its licence; every browser test stops at its absence
    stub = root / "usr/lib/python3/dist-packages/odoo/addons/mail/static/lib/selfie_segmentation"
    stub.mkdir(parents=True, exist_ok=True)
    (stub / "selfie_segmentation.js").write_text("/* not part of Debian's package */\n")


def _clone():
    if not shutil.which("git"):
        sys.exit("dev: please install git, or say where Odoo 19 is: ODOO_HOME=/path/to/odoo make run")
    home = CACHE / "odoo-19-git"
    with step(f"Odoo {SERIES} from {REPOSITORY}"):
        shutil.rmtree(home, ignore_errors=True)
        command = ["git", "clone", "-q", "--depth=1", f"--branch={SERIES}", REPOSITORY, str(home)]
        if subprocess.run(command).returncode:
            sys.exit(f"dev: cannot fetch Odoo {SERIES}: say where one is (ODOO_HOME=/path/to/odoo make run) "
                     f"or give Debian's package (ODOO_DEB=/path/to/{PACKAGE}_….deb make run).")
        (home / "done").touch()
    return home
