"""``make shell``, ``make pot`` and ``make screenshots``."""
import re

from checks import test
from console import lock, say, supervise
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
    """Write i18n/email_account.pot, the terms to translate."""
    pot = REPO / "i18n" / f"{NAME}.pot"
    pot.parent.mkdir(exist_ok=True)
    with Workbench() as bench, lock(DEV / "test.lock"):
        config = bench.config(bench.with_addon("test"), "test", "pot")
        part = DEV / "tmp" / pot.name
        bench.odoo("i18n", "export", "-c", config, "-o", part, NAME)
    text = part.read_text()
    # these change with every export; without them two exports of the same terms are the same
    text = re.sub(r'^"(POT-Creation-Date|PO-Revision-Date): .*\n', "", text, flags=re.M)
    pot.write_text(text)
    say(f"{pot.relative_to(REPO)}: {text.count(chr(10) + 'msgid ') - 1} terms")


def screenshots(*arguments):
    """Take the pictures in static/description/ again."""
    return test("tests/screenshots.py", *arguments)
