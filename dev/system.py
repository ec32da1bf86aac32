"""Programs that only the system's package manager can give."""
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from console import CommandFailed, quiet, say, silent, step
from locks import lock
from paths import IS_ROOT, REPO
from processes import run_whole

PACKAGES = {  # program -> Debian's packages
    line.split()[0]: line.split()[1:]
    for line in (REPO / "dev/packages.txt").read_text().splitlines() if not line.startswith("#")
}
EVERYDAY = ("dovecot", "chromium")  # what make run and make test need beside PostgreSQL
APT_LOCK = Path("/run/lock/email_account-apt.lock")  # the Makefile's too
APT_WAIT = 600  # seconds for another package manager that is at work
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

    :raises SystemExit: with one sentence that says all that the administrator has to run, also for the other
        everyday commands
    """
    if not _missing(programs):
        return
    if not shutil.which("apt-get"):
        sys.exit(f"dev: please install {', '.join(_missing(programs))} (the names of Debian's packages; "
                 f"CONTRIBUTING.md has those of other systems).")
    if not IS_ROOT:
        database = [] if find("psql") else ["initdb"]
        everything = _missing(dict.fromkeys([*programs, *database, *EVERYDAY]))
        sys.exit(f"dev: this machine's administrator has to run once: {administrators_command(everything)}")
    with lock(APT_LOCK):
        if packages := _missing(programs):  # another first run may have installed them meanwhile
            _install(packages)


def administrators_command(packages):
    return f"sudo apt-get update && sudo apt-get install --no-install-recommends {' '.join(packages)}"


def _missing(programs):
    """Debian's packages of the programs that are not there, and of Python's parts."""
    missing = [package for name in programs if not find(name) for package in PACKAGES[name]]
    if not quiet(sys.executable, "-c", "import ensurepip, venv"):
        missing.append("python3-venv")
    return missing


def _install(packages):
    # Debian's packages would start their services; none of them is needed
    env = dict(os.environ, DEBIAN_FRONTEND="noninteractive", RUNLEVEL="1")
    apt = ["apt-get", "-q", "-o", f"DPkg::Lock::Timeout={APT_WAIT}"]
    install = [*apt, "-y", "--no-install-recommends", "install"]
    how = {"env": env, "stdin": subprocess.DEVNULL}
    with step("apt-get update"):
        _update([*apt, "update"], how)
    with step(f"apt-get install --no-install-recommends {' '.join(packages)}"):
        silent(*install, "--download-only", *packages, **how)
        # never ended in the middle: that would leave packages which are not configured
        silent(*install, *packages, run=run_whole, **how)


def _update(command, how):
    """Fetch the lists of packages; wait for another apt-get, which has no option for that."""
    deadline = time.monotonic() + APT_WAIT
    while True:
        try:
            return silent(*command, **how)
        except CommandFailed as failure:
            if "Could not get lock" not in failure.output or time.monotonic() > deadline:
                raise
        say("waiting for another package manager")
        time.sleep(5)
