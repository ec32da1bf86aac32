"""Dovecot of the other promised Debian, with all that it needs, extracted beside the system's own."""
import re
import sys
import tempfile
from pathlib import Path

from cache import cached
from console import out, step
from debian import Apt, extract, is_debian
from system import PACKAGES, find

RELEASES = {"2.3": "bookworm", "2.4": "trixie"}  # Dovecot's version -> Debian's release


def other_versions():
    """Versions of Dovecot that are promised and not the system's."""
    found = re.match(r"\d+\.\d+", out(find("dovecot"), "--version"))
    return [version for version in RELEASES if not found or version != found[0]]


def dovecot_root(version):
    """Path of a folder with a system that holds a version of Dovecot, for ``DOVECOT_ROOT``."""
    if not is_debian():
        sys.exit(f"dev: Dovecot {version} comes from Debian's packages, and this is not Debian.")
    release = RELEASES[version]

    def make(home):
        with step(f"Dovecot {version} of Debian {release}"), tempfile.TemporaryDirectory(dir=home) as folder:
            apt = Apt(Path(folder), release)
            packages = apt.update() and apt.download_all(*PACKAGES["dovecot"])
            if not packages:
                sys.exit(f"dev: Debian's mirror does not give Dovecot of {release}.")
            for name in ("bin", "sbin", "lib", "lib64"):
                (home / "usr" / name).mkdir(parents=True)
                (home / name).symlink_to(f"usr/{name}")
            for package in packages:
                extract(package, home, "--keep-directory-symlink")
            for name in ("dev", "proc", "tmp"):  # the real ones are seen there
                (home / name).mkdir(exist_ok=True)

    return cached(f"dovecot-{release}", make)
