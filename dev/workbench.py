"""All that a command works with: Odoo, the interpreter, PostgreSQL and databases that hold the addon."""
import contextlib
import functools
import hashlib
import os
import shlex
import shutil
import subprocess
import sys

import processes
from cache import cached
from console import silent, step
from locks import lock
from odoo_source import odoo_source
from paths import CHECKOUT, DEV, FARM, NAME, REPO
from postgres import PrivateServer, RunningServer
from pruning import prune
from python_env import environment
from system import require

NOT_SHIPPED = {"dev", "Makefile", "pyproject.toml", "bench"}
# changing them needs no update
NOT_LOADED = {"tests", "docs", "README.md", "CONTRIBUTING.md", "SECURITY.md", "LICENSE", "requirements.txt"}
# kind of database -> what it holds beside the addon
TEMPLATES = {
    "test": {"modules": "mail,rpc", "demo": False},
    "run": {"modules": "mail,contacts", "demo": True},
    "host": {"modules": "test_mail,google_gmail,microsoft_outlook", "demo": False, "from": "test"},
    "full": {"modules": "mail,mass_mailing", "demo": False},
}
DEMO_ADDONS = REPO / "dev/demo_addons"
MORE = {"run": ["email_account_demo"]}  # kind of database -> addons of DEMO_ADDONS
PREPARE_TEMPLATE = """
env['ir.config_parameter'].set_param('ir_attachment.location', 'db')
env['ir.attachment'].force_storage()
env['ir.qweb']._pregenerate_assets_bundles()
env.cr.commit()
"""


# not "python -m odoo": Odoo starts itself anew from its script (SIGHUP, --dev=reload)
SCRIPT = """\
import os
import sys

# a socket that listens already, handed over as systemd does it; kept when Odoo starts itself anew
if (socket := os.environ.pop("EMAIL_ACCOUNT_HTTP_FD", "")) and "gevent" not in sys.argv:
    os.dup2(int(socket), 3, inheritable=True)
    os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))

import odoo.cli

odoo.cli.main()
"""


class Workbench:
    """Made by every command that runs Odoo; use it as a context manager, which stops the private server.

    :param programs: what the command needs beside PostgreSQL, see `system.PACKAGES`
    """

    def __init__(self, *programs):
        running = RunningServer.find()
        require(*programs, *([] if running else ["initdb"]))
        self._is_making = False
        prune()
        self.source = odoo_source()
        self.python = environment()
        for folder in ("addons", "tmp"):
            (DEV / folder).mkdir(parents=True, exist_ok=True)
        self.script = DEV / "odoo-bin"
        self.script.write_text(SCRIPT)
        self._write_python()
        link_farm()
        self.pg = running or PrivateServer()

    def __enter__(self):
        self.pg.start()
        return self

    def __exit__(self, *exception):
        self.pg.stop()

    def _write_python(self):
        """``.dev/python``: the interpreter that has every dependency, Odoo among them."""
        path = DEV / "python"
        path.write_text(
            "#!/bin/sh\n"
            f"PYTHONPATH={shlex.quote(str(self.source.path))}${{PYTHONPATH:+:$PYTHONPATH}}\n"
            "export PYTHONPATH\n"
            f"exec {shlex.quote(str(self.python))} \"$@\"\n")
        path.chmod(0o755)

    # Odoo

    def config(self, database, kind, name=None, **options):
        """Write ``.dev/NAME.conf`` (the kind, if no name is given), Odoo's configuration; return its path."""
        options = {
            "db_name": database,
            "addons_path": ",".join(map(str, [DEV / "addons", *([DEMO_ADDONS] if kind in MORE else []),
                                              *self.source.addons])),
            "data_dir": DEV / "data",
            "screenshots": DEV / "screenshots",
            "list_db": False,
            "http_interface": "127.0.0.1",
            "with_demo": TEMPLATES[kind]["demo"],
            "max_cron_threads": 1,
            **options,
        }
        path = DEV / f"{name or kind}.conf"
        path.write_text("[options]\n" + "".join(f"{key} = {value}\n" for key, value in options.items()))
        path.chmod(0o600)
        return path

    def env(self, **more):
        path = [str(self.python.parent), str(self.pg.bin), os.environ["PATH"]]
        return dict(self.pg.env, PYTHONPATH=str(self.source.path), TMPDIR=str(DEV / "tmp"),
                    PATH=os.pathsep.join(path), **more)

    def odoo(self, *arguments, more=(), **kwargs):
        """Run Odoo's command line; its output is shown when it fails.

        :param more: dict, for the environment
        """
        silent(self.python, self.script, *arguments, env=self.env(**dict(more)), cwd=DEV, **kwargs)

    # Databases

    def name(self, kind):
        """Name of this checkout's database of a kind; checkouts may share a server."""
        return f"{NAME}_{CHECKOUT}_{kind}"

    def template(self, kind):
        """Name of a database with Odoo's modules and without the addon, made when it is not there."""
        what = TEMPLATES[kind]
        tag = hashlib.sha256(f"{self.source.fingerprint} {what} {PREPARE_TEMPLATE}".encode()).hexdigest()[:8]
        database = f"{NAME}_{CHECKOUT}_{kind}_{tag}"
        with self._making_databases():
            if database not in self.pg.databases():
                self._fetch_template(kind, f"{kind}-pg{self.pg.version}-{tag}", database)
        return database

    def _fetch_template(self, kind, cache_name, database):
        for old in self.pg.databases():  # made with another Odoo
            if old.startswith(f"{NAME}_{CHECKOUT}_{kind}_"):
                self.pg.drop(old)
        making = f"{NAME}_{CHECKOUT}_making_{kind}"

        def make(folder):
            with step(f"template database for {kind}: {TEMPLATES[kind]['modules']}"):
                self._make_template(kind, making)
                self.pg.dump(making, folder / "dump")
            made.append(making)

        made = []
        folder = cached(cache_name, make)
        if not made:
            with step(f"restoring the template database for {kind}"):
                self.pg.restore(folder / "dump", making)
        self._rename(making, database)

    def _rename(self, database, name):
        self.pg.query(f'ALTER DATABASE "{database}" RENAME TO "{name}"')

    @contextlib.contextmanager
    def _making_databases(self):
        """One command of this checkout makes databases at a time; it may nest."""
        outer, self._is_making = self._is_making, True
        try:
            with contextlib.nullcontext() if outer else lock(DEV / "databases.lock"):
                yield
        finally:
            self._is_making = outer

    def _make_template(self, kind, database):
        base = TEMPLATES[kind].get("from")
        self.pg.create(database, self.template(base) if base else "template0")
        config = self.config(database, kind, "install", addons_path=",".join(map(str, self.source.addons)))
        quiet = ["--no-http", "--log-level=error"]
        self.odoo("-c", config, "-i", TEMPLATES[kind]["modules"], *self._auto_install(kind),
                  "--stop-after-init", *quiet)
        self.odoo("shell", "-c", config, *quiet, input=PREPARE_TEMPLATE)

    def _auto_install(self, kind):
        # what Odoo would install by itself: only where it is wanted
        return [] if kind in ("run", "full") else ["--skip-auto-install"]

    def with_addon(self, kind):
        """Name of a database that holds the addon as it is now, made when it is not there.

        :raises SystemExit: when the addon cannot be installed without a warning
        """
        template = self.template(kind)
        database = f"{template}_addon"
        stamp = DEV / f"{kind}.installed"
        state = addon_hash() + template
        with self._making_databases():
            if not (stamp.exists() and stamp.read_text() == state and database in self.pg.databases()):
                stamp.unlink(missing_ok=True)
                self.pg.drop(database)
                self.create_with_addon(database, kind)
                stamp.write_text(state)
        return database

    def create_with_addon(self, database, kind):
        """Make a database that holds the addon; if that ends early, there is none."""
        making = f"{NAME}_{CHECKOUT}_adding_{kind}"
        template = self.template(kind)
        with self._making_databases(), step(f"installing the addon for {kind}"):
            self.pg.create(making, template)
            self.install(self.config(making, kind, "install"), kind, modules=modules(kind))
            self._rename(making, database)

    def install(self, config, kind, option="-i", modules=NAME, *more):
        """Install or update (``-u``) the addon or other modules; stop at the first warning."""
        self.without_warning("-c", config, option, modules, *more, *self._auto_install(kind),
                             "--stop-after-init", "--no-http", what=f"{option} {modules}")

    def without_warning(self, *arguments, what, more=(), **kwargs):
        """Run Odoo's command line.

        :param what: what it does, for the message
        :param more: dict, for the environment
        :raises SystemExit: when it fails or logs a warning
        """
        command = [self.python, self.script, *arguments, "--log-level=warn"]
        result = processes.run(*command, env=self.env(**dict(more)), cwd=DEV, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **kwargs)
        log = [line for line in result.stdout.splitlines() if "security risk" not in line]
        if log:
            print("\n".join(log), file=sys.stderr)
        if result.returncode or any(f" {level} " in line for line in log for level in
                                    ("WARNING", "ERROR", "CRITICAL")):
            sys.exit(f"dev: {what}: this does not work without a warning, see above.")


def modules(kind):
    """What is installed in a database of a kind, as Odoo's command line takes it."""
    return ",".join([NAME, *MORE.get(kind, [])])


def link_farm():
    """``.dev/addons/email_account``: what the addon ships, whatever this checkout's folder is called.

    Odoo takes an addon's name from its folder, and a single link to the checkout would contain itself.
    """
    with lock(DEV / "farm.lock"):
        FARM.mkdir(parents=True, exist_ok=True)
        wanted = {e.name for e in REPO.iterdir() if not e.name.startswith((".", "__pycache__"))} - NOT_SHIPPED
        for entry in FARM.iterdir():
            if entry.name not in wanted:
                entry.unlink() if entry.is_symlink() else shutil.rmtree(entry)
        for name in wanted:
            if not (FARM / name).is_symlink():
                (FARM / name).symlink_to(f"../../../{name}")


@functools.cache
def addon_hash():
    """Changes when a file changes that Odoo loads from the addon."""
    digest = hashlib.sha256()
    for top in [*sorted(FARM.iterdir()), DEMO_ADDONS]:
        if top.name in NOT_LOADED:
            continue
        files = [top] if top.is_file() else sorted(top.resolve().rglob("*"))
        for path in files:
            if path.is_file() and path.suffix not in (".pyc", ".pot"):
                digest.update(str(path).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]
