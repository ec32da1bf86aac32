"""``make schema``: write migrations/schema.txt anew."""
import sys

from console import say
from locks import lock
from paths import DEV, NAME, REPO
from workbench import Workbench

LISTING = REPO / "migrations/schema.txt"
SCRIPT = """
{functions}
from odoo.modules import get_manifest
with open({path!r}, "w", encoding="utf-8") as file:
    print(get_manifest({name!r})["version"], *describe_schema(env), sep="\\n", file=file)
"""


def schema(*arguments):
    """Write what the addon stores into migrations/schema.txt, for the version in __manifest__.py.

    ``--unreleased``: also if it is another schema of the same version, which nobody has installed yet
    """
    part = DEV / "tmp/schema.txt"
    with Workbench() as bench, lock(DEV / "test.lock"):
        config = bench.config(bench.with_addon("test"), "test", "schema")
        functions = (REPO / "tests/schema.py").read_text()
        script = SCRIPT.format(functions=functions, path=str(part), name=NAME)
        bench.odoo("shell", "-c", config, "--no-http", "--log-level=warn", input=script)
    before = LISTING.read_text() if LISTING.exists() else ""
    now = part.read_text()
    version = now.splitlines()[0]
    if before == now:
        say(f"nothing has changed since {version}")
    elif before.startswith(f"{version}\n") and "--unreleased" not in arguments:
        sys.exit(
            f"dev: what is stored has changed since {version} was written down: raise the version in "
            "__manifest__.py, and add migrations/<version>/ if what is there has to follow.\n"
            "dev: If nobody has installed this version yet: make schema ARGS=--unreleased")
    else:
        LISTING.write_text(now)
        say(f"migrations/schema.txt is what {version} stores")
