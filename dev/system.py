"""Programs that only the system's package manager can give."""
import os
import shutil
import subprocess
import sys
from pathlib import Path

from console import quiet, silent, step
from paths import IS_ROOT

PACKAGES = {  # program -> Debian's packages
    "initdb": ["postgresql"],
    "chromium": ["chromium", "fonts-liberation"],
    "dovecot": ["dovecot-imapd", "dovecot-pop3d", "dovecot-lmtpd", "dovecot-submissiond"],
}
ALTERNATIVES = {"chromium": ["chromium-browser", "google-chrome", "google-chrome-stable"]}
PYTHONS = ((3, 10), (3, 13))  # the versions that Odoo 19 runs on


def find(program):
    """Path of a program, also in folders that are not in everybody's PATH; None if it is not there."""
    folders = [str(p) for p in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    folders += ["/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin", "/opt/homebrew/sbin"]
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *folders])
    for name in [program, *ALTERNATIVES.get(program, [])]:
        if shutil.which(name, path=path):
            return shutil.which(name, path=path)
    return None


def check_python():
    if not PYTHONS[0] <= sys.version_info[:2] <= PYTHONS[1]:
        first, last = (".".join(map(str, v)) for v in PYTHONS)
        sys.exit(f"dev: Odoo 19 runs on Python {first} to {last}, not on {sys.version.split()[0]}: "
                 f"say which one to use, for example PYTHON=python3.12 make run.")


def require(*programs):
    """Make sure that programs, and all of Python, are there.

    As root on Debian or Ubuntu they are installed.

    :raises SystemExit: with one sentence that says what the administrator has to run
    """
    missing = [package for name in programs if not find(name) for package in PACKAGES[name]]
    if not quiet(sys.executable, "-c", "import ensurepip, venv"):
        missing.append("python3-venv")
    if not missing:
        return
    if not shutil.which("apt-get"):
        sys.exit(f"dev: please install {', '.join(missing)} (the names of Debian's packages; "
                 f"CONTRIBUTING.md has those of other systems).")
    command = f"apt-get install --no-install-recommends {' '.join(missing)}"
    if not IS_ROOT:
        sys.exit(f"dev: this machine's administrator has to run once: sudo {command}")
    with step(command):
        # Debian's packages would start their services; none of them is needed
        env = dict(os.environ, DEBIAN_FRONTEND="noninteractive", RUNLEVEL="1")
        silent("apt-get", "-q", "update", env=env, stdin=subprocess.DEVNULL)
        silent("apt-get", "-q", "-y", "--no-install-recommends", "install", *missing, env=env,
               stdin=subprocess.DEVNULL)
