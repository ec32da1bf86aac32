"""Debian's packages of any release, by an apt configuration of our own: nothing of the system is changed."""
import os
import re
import subprocess
import sys
from pathlib import Path

from console import out, quiet, sh

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


def is_debian():
    """Whether this is Debian itself, whose packages can be had and verified."""
    try:
        text = Path("/etc/os-release").read_text()
    except OSError:
        return False
    return bool(re.search(r"^ID=\"?debian\"?$", text, re.M)) and KEYRING.exists()


def mirror(folder):
    """URI of the mirror that this machine uses for Debian, also when no package list was fetched yet.

    :param folder: for apt's lists, empty
    :return: None where there is no mirror
    """
    lines = out("apt-get", "update", "--print-uris", "-o", f"Dir::State::Lists={folder}").splitlines()
    uris = [m[1] for m in (re.match(r"'(.*?)/dists/[^/]+/InRelease'", line) for line in lines) if m]
    return next((u for u in uris if u.rstrip("/").endswith("/debian")), uris[0] if uris else None)


class Apt:
    """apt-get that knows the packages of some releases and of no other, and of none that is installed.

    :param folder: where its lists and downloads are kept, empty
    :param suites: names of the releases, e.g. ``"trixie"``
    """

    def __init__(self, folder, *suites):
        self.folder = Path(folder)
        self.suites = suites
        self._command = None

    def update(self):
        """Fetch the lists; False when they cannot be had."""
        if not (uri := mirror(self.folder)):
            return False
        for name in ("lists/partial", "cache/archives/partial"):
            (self.folder / name).mkdir(parents=True)
        (self.folder / "status").touch()
        (self.folder / "sources").write_text("".join(
            f"deb [signed-by={KEYRING}] {uri} {suite} main\n" for suite in self.suites))
        options = {
            "Dir::Etc::SourceList": self.folder / "sources",
            "Dir::Etc::SourceParts": "/dev/null",
            "Dir::Etc::Preferences": "/dev/null",
            "Dir::Etc::PreferencesParts": "/dev/null",
            "Dir::State::Lists": self.folder / "lists",
            "Dir::State::status": self.folder / "status",
            "Dir::Cache": self.folder / "cache",
            "Acquire::Check-Valid-Until": "false",  # a snapshot of unstable is soon past its date
            "Acquire::Languages": "none",
        }
        if os.getuid() == 0:
            options["APT::Sandbox::User"] = "root"
        self._command = ["apt-get", "-qq", *[f"-o{key}={value}" for key, value in options.items()]]
        return quiet(*self._command, "update")

    def download(self, *packages, into):
        """Download packages (``NAME`` or ``NAME/SUITE``) without what they need; return whether all came."""
        return quiet(*self._command, "download", *packages, cwd=into)

    def download_all(self, *packages):
        """Download packages and all that they need; return the files, none when they cannot be had."""
        options = ("-y", "--no-install-recommends", "--download-only")
        if not quiet(*self._command, *options, "install", *packages):
            return []
        return sorted((self.folder / "cache/archives").glob("*.deb"))


def extract(package, root, *options):
    """Extract a package's files; options are tar's.

    :raises SystemExit: when the file is damaged
    """
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(package)], stdout=subprocess.PIPE) as archive:
        sh("tar", "-x", "-C", root, "--no-same-owner", *options, stdin=archive.stdout)
    if archive.returncode:
        sys.exit(f"dev: {package.name} is damaged: delete it and try again.")
