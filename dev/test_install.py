"""``make test-install``: install, update, uninstall and install again, in databases that are thrown away."""
import base64
import os
import sys

from checks import run_pytest
from console import step
from locks import lock
from paths import DEV, NAME, REPO
from snapshot import changes, snapshot
from test_adopt import try_adopting
from test_neutralized import try_neutralizing
from test_receiving import try_receiving
from test_secrets import try_secrets
from test_updates import try_updating
from test_workers import try_workers
from workbench import Workbench

OTHERS = "mass_mailing,google_gmail,microsoft_outlook"
TESTS = [
    "tests/test_mass_mailing.py",
    "tests/test_email_account.py",
    "tests/test_ir_mail_server.py",
    "tests/test_email_account_received.py",
    "tests/test_email_account_report.py",
    "tests/test_gateway_ends.py",
    "tests/test_email_account_adopt.py",
]
UPDATED = {
    ("ir_ui_view", "arch_prev"),  # the last but one text of every view
}
# how Odoo describes the models to itself depends on the order in which modules came
DESCRIPTION = {"ir_model", "ir_model_fields", "ir_model_inherit"}
# what stays behind: the servers as stock servers, and who uses them
RELEASED = {
    ("ir_mail_server", "added"),
    ("fetchmail_server", "added"),
    ("ir_cron", "active"),  # Odoo polls while there is an incoming server
    ("mail_template", "mail_server_id"),
    ("mailing_mailing", "mail_server_id"),
    ("mail_compose_message", "added"),  # the host's own record of an open window, cleaned up daily
}


class Database:
    """A database that is thrown away, with what is done in it; use it as a context manager.

    :param kind: of `workbench.TEMPLATES`
    :param name: if there are several at the same time
    :param addons: folder with the addon, if it is another one than this checkout's; see `use`
    """

    def __init__(self, bench, kind, name="install", addons=None):
        self.bench, self.kind, self.name = bench, kind, bench.name(name)
        bench.pg.create(self.name, bench.template(kind))
        self.use(addons)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.bench.pg.drop(self.name)

    def use(self, addons=None, **options):
        """Go on with the sources in the folder ``addons``, by default this checkout's.

        :param options: of Odoo's configuration file
        """
        folders = [addons or DEV / "addons", *self.bench.source.addons]
        self.config = self.bench.config(
            self.name, self.kind, f"{self.name}-test", addons_path=",".join(map(str, folders)),
            **options)

    def install(self, option="-i", modules=NAME):
        self.bench.install(self.config, self.kind, option, modules)

    def do(self, function, *arguments, steps="install_steps", more=()):
        """Run a function of ``install_steps.py``, or of other steps, in Odoo's shell.

        :param more: dict, for the environment
        """
        call = f"{function}({', '.join(['env', *map(repr, arguments)])})"
        code = f"{(REPO / f'dev/{steps}.py').read_text()}\n{call}\n"
        self.bench.without_warning(
            "shell", "-c", self.config, "--no-http", what=function, input=code, more=more)

    def rotate(self, *keys):
        """Encrypt all passwords with the first of the keys, by the addon's own command."""
        more = {"ODOO_RC": str(self.config), "EMAIL_ACCOUNT_KEY": ",".join(keys)}
        self.bench.without_warning("email_account", "rotate-key", what="rotate-key", more=more)

    def snapshot(self):
        return snapshot(self.bench.pg, self.name)

    def expect(self, what, before, allowed, description=True):
        """Stop unless the database is as in the snapshot ``before``; return how it is now.

        :param allowed: pairs of a table and of the column that may have changed, or "added"
        :param description: whether Odoo's description of the models has to be as it was too
        """
        now = self.snapshot()
        found = [
            change for change in changes(before, now)
            if {(change.table, name) for name in change.columns or {change.kind}} - allowed
            and (description or not is_description(change))
        ]
        if found:
            print(*found, sep="\n", file=sys.stderr)
            sys.exit(f"dev: {what}: this is not as it was, see above.")
        return now


def is_description(change):
    return change.table in DESCRIPTION or (
        change.table == "ir_model_data" and change.row["model"].replace(".", "_") in DESCRIPTION)


def whole_life(bench, kind):
    """Install, fill, update twice, uninstall, install again."""
    with Database(bench, kind) as db:
        db.do("prepare")
        before = db.snapshot()
        db.install()
        db.do("fill")
        filled = db.snapshot()
        db.install("-u")
        updated = db.expect("after the first update", filled, UPDATED, description=False)
        db.install("-u")
        db.expect("after the second update", updated, UPDATED)
        db.do("check_updated")
        db.do("uninstall")
        db.expect("after uninstalling", before, RELEASED)
        db.install()
        db.do("use_again")


def alone(bench):
    """The addon without other modules"""
    whole_life(bench, "test")


def others_first(bench):
    """The addon after what Odoo installs by itself and mass mailing"""
    whole_life(bench, "full")


def others_later(bench):
    """Mass mailing, Gmail and Outlook come to the addon and go"""
    with Database(bench, "test") as db:
        db.do("prepare")
        db.install()
        db.do("fill")
        db.install(modules=OTHERS)
        db.do("check_updated")
        db.do("uninstall_others")


def rotated(bench):
    """The passwords get another key and their own again"""
    with Database(bench, "test") as db:
        db.do("prepare")
        db.install()
        db.do("fill")
        old = (DEV / "data/email_account.key").read_text()
        new = base64.urlsafe_b64encode(os.urandom(32)).decode()
        db.rotate(new)
        db.do("check_lost")
        db.rotate(old, new)
        db.do("check_updated")


def with_mailings(bench):
    """The addon's tests of servers and mailings, with mass mailing, Gmail and Outlook"""
    if run_pytest(bench, "full", *TESTS, "-q", CI="true"):  # a skipped test fails too
        sys.exit("dev: the addon's tests fail with mass mailing.")


def adopted(bench):
    """Stock servers become an account, which receives, and are stock servers again"""
    with Database(bench, "test") as db:
        db.do("prepare")
        try_adopting(bench, db)


def updated(bench, *names):
    """Earlier states of the addon are used, updated and used again"""
    try_updating(bench, Database, *names)


def neutralized(bench):
    """Copies that are neutralized by the command, by the database manager, by the parameter alone"""
    with Database(bench, "test") as db:
        try_neutralizing(bench, db, Database)


def workers(bench):
    """Progress, Cancel and limits of discovery, with a server of several workers and a browser"""
    with Database(bench, "test") as db:
        db.install()
        try_workers(bench, db)


def secrets(bench):
    """Passwords in no answer, log, dump or file, with a server that logs all it can"""
    with Database(bench, "test") as db:
        db.install()
        try_secrets(bench, db)


def receiving(bench, *parts):
    """Receiving by real processes: killed ten times, two at once, beside servers that hang"""
    try_receiving(bench, *parts)


SCENARIOS = {
    function.__name__: function
    for function in (
        alone, others_first, others_later, rotated, updated, neutralized, with_mailings, adopted, workers,
        secrets, receiving)
}


def test_install(*arguments):
    """Install, update, uninstall and install again, alone and with mass mailing, Gmail and Outlook."""
    with Workbench("chromium", "dovecot") as bench, lock(DEV / "install.lock"):
        for argument in arguments or SCENARIOS:
            name, *parts = argument.split(":")  # "receiving:hanging:two_at_once"
            with step(f"{argument}: {SCENARIOS[name].__doc__}"):
                SCENARIOS[name](bench, *parts)
