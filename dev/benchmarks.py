"""``make bench-discovery``, ``make bench-check`` and ``make bench-receive``."""
from console import supervise
from locks import lock
from paths import DEV, REPO
from python_env import environment
from system import require
from workbench import Workbench


def discovery(*arguments):
    """How long discovery takes where every answer of the network takes 40 ms, scenario by scenario."""
    require()
    return supervise(environment(), "bench/discovery.py", *arguments, cwd=REPO)


def check(*arguments):
    """How long it takes to check 200 accounts at once, of which 40 hang."""
    return _in_odoo("check", arguments)


def receive(*arguments):
    """How fast mail is received, from afar and from many accounts, against stock Odoo."""
    return _in_odoo("receive", arguments)


def _in_odoo(module, arguments):
    """Run ``main`` of a module of ``bench/`` in Odoo's shell, on a database of its own."""
    with Workbench("dovecot") as bench, lock(DEV / "bench.lock"):
        database = f"{bench.name('test')}_bench"
        bench.pg.create(database, bench.with_addon("test"))
        config = bench.config(database, "test", "bench")
        script = DEV / f"tmp/bench_{module}.py"
        script.write_text(f"import sys\n\nsys.path.insert(0, {str(REPO / 'bench')!r})\nimport {module}\n\n"
                          f"sys.exit({module}.main(env, {arguments!r}))\n")
        command = [bench.python, bench.script, "shell", "-c", config, "--no-http", "--log-level=warn"]
        with open(script) as file:
            return supervise(*command, cwd=REPO, env=bench.env(), stdin=file)
