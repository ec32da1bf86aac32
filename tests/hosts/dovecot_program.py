"""Which Dovecot runs: the system's, or another version from a folder that holds a system for it."""
import grp
import os
import pwd
import re
import shlex
import shutil
import subprocess
from pathlib import Path

FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin")  # not in everybody's PATH
MISSING = ("Dovecot is not installed (Debian's packages: dovecot-imapd dovecot-pop3d dovecot-lmtpd "
           "dovecot-submissiond)")
SHARED = ("/dev", "/proc", "/tmp", "/etc/passwd", "/etc/group")  # what it sees of the real system


class DovecotProgram:
    """Dovecot, as an ordinary user or, for root, as "nobody".

    :param root: a folder with a whole system in which it is installed, to which it is confined; a mount
        namespace of its own shows it the folders that it works in. The system's own if it is not given.
    :raises FileNotFoundError: when it is not installed
    """

    def __init__(self, root=None):
        self.root = Path(root) if root else None
        if self.root:
            self.path = "/usr/sbin/dovecot"
            if not (self.root / self.path.lstrip("/")).exists():
                raise FileNotFoundError(f"{self.root} holds no {self.path}")
        else:
            folders = os.pathsep.join([os.environ.get("PATH", os.defpath), *FOLDERS])
            self.path = shutil.which("dovecot", path=folders)
            if not self.path:
                raise FileNotFoundError(MISSING)
        if os.getuid() == 0:
            user = pwd.getpwnam("nobody")
            self.uid, self.gid = user.pw_uid, user.pw_gid
        else:
            self.uid, self.gid = os.getuid(), os.getgid()
        self.user = pwd.getpwuid(self.uid).pw_name
        self.group = grp.getgrgid(self.gid).gr_name

    @classmethod
    def chosen(cls):
        """The one that ``DOVECOT_ROOT`` in the environment names, else the system's."""
        return cls(os.environ.get("DOVECOT_ROOT"))

    @property
    def version(self):
        """e.g. ``(2, 3)``"""
        done = subprocess.run(self.command("--version"), capture_output=True, text=True)
        found = re.match(r"(\d+)\.(\d+)", done.stdout)
        if not found:
            raise RuntimeError(f"Dovecot does not tell its version: {done.stderr.strip()}")
        return tuple(int(number) for number in found.groups())

    def command(self, *arguments, folders=()):
        """The words that run it, with `privileges`; the process that they start becomes Dovecot itself.

        :param folders: beside /tmp, those that it has to see
        """
        program = [self.path, *map(str, arguments)]
        if not self.root:
            return program
        root = shlex.quote(str(self.root))
        lines = []
        for path in [*SHARED, *folders]:
            if not str(path).startswith("/tmp/"):
                lines.append(f"mount --rbind {shlex.quote(str(path))} {root}{shlex.quote(str(path))}")
                _make_target(self.root, Path(path))
        confined = ["chroot", f"--userspec={self.uid}:{self.gid}", "--groups=", str(self.root)]
        enter = ["unshare", "--mount"]
        if os.getuid():  # only as root of a namespace of one's own one may mount
            enter = ["unshare", "--user", "--map-root-user", "--mount"]
            confined = ["unshare", "--user", f"--map-user={self.uid}", f"--map-group={self.gid}",
                        f"--root={self.root}", "--wd=/"]
        script = " && ".join([*lines, f"exec {shlex.join([*confined, *program])}"])
        return [*enter, "sh", "-c", script]

    @property
    def privileges(self):
        """What makes Popen run the command as whom it has to be run."""
        if self.root or os.getuid():
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def _make_target(root, path):
    """Make what something of the real system is mounted on."""
    target = root / path.relative_to("/")
    if path.is_dir():
        target.mkdir(parents=True, exist_ok=True)
    elif not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
