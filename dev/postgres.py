"""PostgreSQL: a running server that accepts us, or a private one of this checkout."""
import contextlib
import functools
import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from console import CommandFailed, clean_environment, quiet, sh
from locks import lock, try_exclusive
from paths import IS_ROOT, STATE
from system import find

MINIMUM = 130000  # Odoo 19 asks for PostgreSQL 13
FAST = {  # nothing here has to survive a power cut
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_wal_size": "256MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}
# two ways for root to be somebody else; initdb wants a user that has a name
NAMESPACE = ["unshare", "--user", "--map-user=daemon", "--map-group=daemon", "--"]
SYSTEM_USER = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]


class Server:
    """What both kinds share: ``env`` connects a program to the server, ``bin`` holds its programs."""

    def __init__(self, folder, env):
        self.bin = folder
        self.env = env

    def program(self, name, *arguments, **kwargs):
        return sh(self.bin / name, *arguments, env=self.env, **kwargs)

    def query(self, sql, database="postgres"):
        """Rows of a query as lists of strings."""
        result = self.program("psql", "-X", "-d", database, "-AtF", "\t", "-v", "ON_ERROR_STOP=1", "-c", sql,
                              stdout=subprocess.PIPE, text=True)
        return [line.split("\t") for line in result.stdout.splitlines()]

    def databases(self):
        return {row[0] for row in self.query("SELECT datname FROM pg_database")}

    @functools.cached_property
    def version(self):
        """Major version, e.g. 15."""
        return int(self.query("SHOW server_version_num")[0][0]) // 10000

    def create(self, database, template="template0"):
        """Make a database anew, as a copy of another one."""
        self.drop(database)
        options = ["-E", "UTF8", "--lc-collate=C"] if template == "template0" else []
        self.program("createdb", "-T", template, *options, database)

    def drop(self, database):
        self.program("dropdb", "--if-exists", "-f", database, stderr=subprocess.DEVNULL)

    def dump(self, database, path):
        self.program("pg_dump", "-Fc", "-Z1", "-O", "-x", "-d", database, "-f", path)

    def restore(self, path, database):
        self.create(database)
        self.program("pg_restore", "-j2", "-O", "-x", "-d", database, path)


class RunningServer(Server):
    """A server that somebody else runs: the one that psql reaches, PGHOST and the like considered."""

    @classmethod
    def find(cls):
        """The server, if it is new enough and lets us create databases; else None."""
        psql = find("psql")
        if not psql:
            return None
        env = dict(clean_environment(), PGCONNECT_TIMEOUT="3")
        sql = ("SELECT current_setting('server_version_num')::int, rolcreatedb OR rolsuper, rolname"
               " FROM pg_roles WHERE rolname = current_user")
        result = subprocess.run([psql, "-X", "-w", "-d", "postgres", "-AtF", "\t", "-c", sql], env=env,
                                capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if result.returncode:
            return None
        version, may_create, role = result.stdout.strip().split("\t")
        # Odoo refuses to work as "postgres"
        if int(version) < MINIMUM or may_create != "t" or role == "postgres":
            return None
        return cls(Path(psql).parent, env)

    def start(self):
        return self

    def stop(self):
        return True


class PrivateServer(Server):
    """A server of this checkout on a socket of its own; it runs while somebody uses it."""

    def __init__(self, folder=STATE):
        initdb = find("initdb")
        self.folder = Path(folder)
        self.data = self.folder / "pg"
        tag = hashlib.sha256(str(self.data).encode()).hexdigest()[:8]
        # a socket's path may have 107 characters
        base = tempfile.gettempdir() if len(tempfile.gettempdir()) < 60 else "/tmp"
        self.socket = Path(base) / f"email_account-{os.getuid()}-{tag}"
        env = {k: v for k, v in clean_environment().items() if not k.startswith("PG")}
        super().__init__(initdb and Path(initdb).resolve().parent,
                         dict(env, PGHOST=str(self.socket), PGPORT="5432", PGUSER="odoo"))
        self._use = self._use_file = None

    def start(self):
        """Start it, or join those who use it already."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with lock(self.folder / "start.lock"):
            self._use = contextlib.ExitStack()
            self._use_file = self._use.enter_context(lock(self.folder / "use.lock", shared=True))
            try:
                self._start()
            except BaseException:
                self._stop()
                raise
        return self

    def _start(self):
        self.socket.mkdir(mode=0o700, exist_ok=True)
        self.data.mkdir(mode=0o700, exist_ok=True)
        self._hand_over()
        if not (self.data / "postmaster.opts").exists():  # it has never run, so it may be half made
            for path in self.data.iterdir():  # of one that was never finished
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            self._as_owner("initdb", "-U", "odoo", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync",
                           stdout=subprocess.DEVNULL)
        if not self._running():
            options = " ".join(f"-c {key}={value}" for key, value in FAST.items())
            try:
                self._as_owner("pg_ctl", "-l", self.data / "log", "-w", "-s", "-o",
                               f"-k {self.socket} -p 5432 {options}", "start", stdin=subprocess.DEVNULL)
            except CommandFailed as failure:
                raise CommandFailed(["pg_ctl", "start"], failure.output + self._end_of_log())

    def _end_of_log(self):
        try:
            return "".join((self.data / "log").read_text(errors="replace").splitlines(True)[-20:])
        except OSError:
            return ""

    def stop(self):
        """Stop it, unless somebody else uses it; return whether it has stopped."""
        if not self.data.exists() or not self.bin:
            return True
        with lock(self.folder / "start.lock"):
            if not self._use:
                self._use = contextlib.ExitStack()
                self._use_file = self._use.enter_context(lock(self.folder / "use.lock", shared=True))
            return self._stop()

    def _stop(self):
        """Stop it while ``start.lock`` is held."""
        alone = try_exclusive(self._use_file)
        self._use.close()
        self._use = None
        if alone:
            if self._running():
                self._as_owner("pg_ctl", "-s", "-w", "-m", "fast", "stop")
            shutil.rmtree(self.socket, ignore_errors=True)
        return alone

    def _running(self):
        return quiet(*self._as_whom(), self.bin / "pg_ctl", "-D", self.data, "status", cwd="/")

    def _as_owner(self, program, *arguments, **kwargs):
        command = [*self._as_whom(), self.bin / program, "-D", self.data, *arguments]
        return sh(*command, cwd="/", env=self.env, **kwargs)

    def _hand_over(self):
        """Give the folders to the user that the server runs as, where that is another one than ours."""
        if self._as_whom() == SYSTEM_USER:
            for path in (self.socket, self.data, *self.data.rglob("*")):
                shutil.chown(path, "postgres", "postgres")

    def _as_whom(self):
        """PostgreSQL refuses to run as root: the words that run a command as somebody else."""
        if not IS_ROOT:
            return []
        if self.data.owner() != "postgres" and _namespaces_work():
            return NAMESPACE
        return SYSTEM_USER


@functools.cache
def _namespaces_work():
    return quiet(*NAMESPACE, "true")
