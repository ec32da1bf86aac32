"""A Debian on which nothing was ever installed, with processes of its own; the network is this machine's."""
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import processes
from cache import cached
from console import out, say, silent, step
from debian import KEYRING, mirror
from paths import CACHE, NAME, REPO, checkout
from pip_settings import pip_settings
from system import require

CLONE = "email_account"  # in the home folder
# what a person has to have before the first command
FIRST = ("export DEBIAN_FRONTEND=noninteractive; apt-get -qq update && "
         "apt-get -qq -y --no-install-recommends install make")
# init, which also buries whoever has lost his parent
INIT = 'while :; do sleep 1; done'
ENTER = f"""
set -e
mount --bind "$1" "$1"
mount -t proc proc "$1/proc"
mount --rbind /dev "$1/dev"
cd "$1"
mkdir -p .old
pivot_root . .old
umount -l /.old
exec /bin/sh -c '{INIT}'
"""


class BareSystem:
    """A system that runs while the block does, and is gone afterwards.

    :param release: Debian's, e.g. ``"trixie"``
    :param user: who types the commands, ``"root"`` or a name
    """

    def __init__(self, release, user):
        self.release, self.user = release, user
        self.home = Path("/root" if user == "root" else f"/home/{user}")
        self.clone = self.home / CLONE
        self._stack = contextlib.ExitStack()

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            base = base_system(self.release)
            CACHE.mkdir(parents=True, exist_ok=True)
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="system-bare-", dir=CACHE))
            self.root = Path(folder) / "root"
            silent("cp", "-a", base / "root", self.root)
            path = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
            self._environment = {"HOME": str(self.home), "PATH": path, "LANG": "C.UTF-8", "TERM": "dumb"}
            self._connect()
            self._init = processes.start("unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c",
                                         ENTER, "sh", self.root, stdin=subprocess.DEVNULL)
            stack.callback(self._end)
            self._wait_for_init()
            if self.user != "root":
                self.run(f"useradd -m -s /bin/sh {self.user}", user="root")
            self._copy_clone()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exception):
        self._stack.close()

    # Commands

    @property
    def database(self):
        """Name of the demo's database, see `Workbench.name`."""
        return f"{NAME}_{checkout(self.clone)}_run"

    def start(self, command, user=None, **kwargs):
        """Start a shell command in the clone, as the user or as another one; returns its ``Popen``."""
        user = user or self.user
        who = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"] if user != "root" else []
        return processes.start(
            "nsenter", "-t", str(self._pid), "-m", "-p", "-r", "-w", *who,
            "env", "-i", *[f"{name}={value}" for name, value in self._environment.items()],
            "sh", "-c", f"cd {self.clone if user == self.user else '/'} && {command}",
            stdin=subprocess.DEVNULL, **kwargs)

    def run(self, command, user=None):
        """Run a shell command; return its exit status and what it said."""
        process = self.start(command, user, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            said = process.communicate()[0]
        finally:
            processes.end(process)
        return process.returncode, said

    def left(self):
        """Command lines of what runs, but for init."""
        look = "for p in /proc/[0-9]*; do tr '\\0' ' ' <$p/cmdline 2>/dev/null && echo; done"
        ours = ("sleep 1", INIT, "for p in /proc")
        lines = [line.strip() for line in self.run(look, user="root")[1].splitlines()]
        return [line for line in lines if line and not any(each in line for each in ours)]

    def size(self):
        """Bytes on the disk."""
        return int(out("du", "-s", "-B1", self.root).split()[0])

    # Making it

    def _connect(self):
        """Give it what this machine needs to reach its mirror and its index of Python packages."""
        for name in ("resolv.conf", "hosts"):
            shutil.copy(Path("/etc", name), self.root / "etc" / name)
        for option, value in pip_settings().items():
            if option in ("index-url", "trusted-host", "proxy", "timeout", "default-timeout"):
                self._environment[f"PIP_{option.replace('-', '_').upper()}"] = value
            elif option == "cert" and Path(value).is_file():
                shutil.copy(value, self.root / "etc/machine-ca.pem")
                self._environment["PIP_CERT"] = "/etc/machine-ca.pem"
        for name in ("http_proxy", "https_proxy", "no_proxy"):
            if value := os.environ.get(name) or os.environ.get(name.upper()):
                self._environment[name] = value
        if given := os.environ.get("ODOO_DEB"):
            shutil.copy(given, self.root / "opt")
            self._environment["ODOO_DEB"] = f"/opt/{Path(given).name}"

    def _copy_clone(self):
        """The files of this checkout that git knows or would take."""
        target = self.root / self.clone.relative_to("/")
        git = ["git", "-c", f"safe.directory={REPO}", "-C", REPO]
        names = out(*git, "ls-files", "-co", "--exclude-standard")
        for name in names.splitlines():
            if (REPO / name).is_file():
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(REPO / name, target / name)
        self.run(f"chown -R {self.user}: {self.clone}", user="root")

    def _wait_for_init(self):
        """Find init: it is there when it has left the old root."""
        deadline = time.monotonic() + processes.PATIENCE
        while time.monotonic() < deadline:
            children = Path(f"/proc/{self._init.pid}/task/{self._init.pid}/children").read_text().split()
            if children:
                self._pid = int(children[0])
                words = Path(f"/proc/{self._pid}/cmdline").read_text().split("\0")
                if INIT in words:
                    return
            time.sleep(0.05)
        sys.exit("dev: this machine does not let us make a system in a system: see above.")

    def _end(self):
        processes.end(self._init)


def base_system(release):
    """Folder with the smallest system of a release, below ``root``."""
    require("debootstrap")

    def make(home):
        with step(f"debootstrap {release}"), tempfile.TemporaryDirectory() as folder:
            uri = mirror(folder) or sys.exit("dev: this machine knows no mirror of Debian.")
            # in a mount namespace: nothing stays mounted if it is ended
            silent("unshare", "--mount", "debootstrap", "--variant=minbase", f"--keyring={KEYRING}", release,
                   home / "root", uri)
            (home / "root/etc/apt/sources.list").write_text(f"deb {uri} {release} main\n")

    return cached(f"system-{release}", make)


def prepare(system):
    """What README asks for before the first command."""
    status, said = system.run(FIRST, user="root")
    if status:
        say(said)
        sys.exit("dev: make cannot be installed.")
