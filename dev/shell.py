"""``make shell``, ``make pot`` and ``make screenshots``."""
from checks import test
from console import sh, supervise
from locks import lock
from paths import DEV, NAME, REPO
from workbench import Workbench


def shell(*arguments):
    """Odoo's shell on a scratch database with the addon; runs a script given on standard input."""
    with Workbench() as bench, lock(DEV / "shell.lock"):
        database = f"{bench.name('test')}_shell"
        bench.pg.create(database, bench.with_addon("test"))
        config = bench.config(database, "test", "shell")
        command = [bench.python, bench.script, "shell", "-c", config, "--no-http", "--log-level=warn",
                   *arguments]
        return supervise(*command, cwd=REPO, env=bench.env())


def export_terms():
    """Write i18n/email_account.pot and bring the translations up to it."""
    with Workbench() as bench, lock(DEV / "test.lock"):
        config = bench.config(bench.with_addon("test"), "test", "pot")
        part = DEV / "tmp" / f"{NAME}.pot"
        bench.odoo("i18n", "export", "-c", config, "-o", part, NAME)
        sh(bench.python, REPO / "dev/terms.py", part)


def screenshots(*arguments):
    """Take the pictures in static/description/ again."""
    return test("tests/screenshots.py", *arguments)
