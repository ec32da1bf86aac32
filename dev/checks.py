"""``make test``, ``make test-host`` and ``make lint``."""
import os
import subprocess
from pathlib import Path

from console import say, step, supervise
from locks import lock
from other_dovecot import dovecot_root, other_versions
from paths import DEV, FARM, REPO
from ports import free_port
from python_env import environment
from system import find, require
from workbench import Workbench


def test(*arguments):
    """Every test of the addon, or those that ARGS (for pytest) says."""
    with Workbench("chromium", "dovecot") as bench, lock(DEV / "test.lock"):
        return run_pytest(bench, "test", *arguments)


def test_dev(*arguments):
    """Tests of these commands themselves, or those that ARGS (for unittest) says, e.g. ARGS="-k disk"."""
    command = [environment(), "-m", "unittest", "discover", "-s", "dev/tests", "-t", "dev", *arguments]
    return supervise(*command, cwd=REPO)


def test_dovecot(*arguments):
    """The mail host's tests, or those that ARGS says, with the Dovecot that is not the system's."""
    chosen = arguments or ("tests/hosts", "tests/mailclient")
    with Workbench("dovecot") as bench, lock(DEV / "test.lock"):
        failed = [version for version in other_versions() if run_pytest(
            bench, "test", *chosen, DOVECOT_ROOT=str(dovecot_root(version)))]
    if failed:
        say(f"failed with Dovecot {', '.join(failed)}")
    return int(bool(failed))


def run_pytest(bench, kind, *arguments, **more):
    """Run the addon's tests in a database of a kind that holds the addon; return the exit status.

    :param more: for the environment
    """
    installed = bench.with_addon(kind)
    database = bench.name(kind)
    bench.pg.create(database, installed)
    config = bench.config(database, kind)
    command = [bench.python, "-m", "pytest", "-p", "pytest_strict", f"--odoo-config={config}",
               "--odoo-http", "--odoo-log-level=warn", *map(_in_farm, arguments)]
    env = bench.env(CHROMIUM=find("chromium") or "", **more)
    env["PYTHONPATH"] = os.pathsep.join([str(bench.source.path), str(REPO / "dev")])
    return supervise(*command, cwd=REPO, env=env)


def _in_farm(argument):
    """A test's path as Odoo knows it: pytest does not follow links in its arguments."""
    path = argument.split("::")[0]
    if not argument.startswith("-") and (REPO / path).exists():
        return str(FARM.relative_to(REPO) / (REPO / argument).relative_to(REPO))
    return argument


def test_host(*arguments):
    """Odoo's own tests of mail servers, fetchmail, mail.mail, gateway, Gmail and Outlook, with the addon."""
    with Workbench() as bench, lock(DEV / "host.lock"):
        installed = bench.with_addon("host")
        database = bench.name("host")
        bench.pg.create(database, installed)
        config = bench.config(database, "host", http_port=free_port(8170))
        code = f"tags = {','.join(arguments)!r}\n" + (REPO / "dev/host_tests.py").read_text()
        command = [bench.python, bench.script, "shell", "-c", config, "--log-level=error",
                   "--log-handler=py.warnings:CRITICAL"]
        script = DEV / "tmp/host_tests.py"
        script.write_text(code)
        with step("Odoo's own tests"), open(script) as file:
            return supervise(*command, cwd=DEV, env=bench.env(), stdin=file)


def lint_environment():
    return environment("lint-requirements.txt", "lint")


def description():
    """Write static/description/index.html anew from README.md."""
    require()
    subprocess.run([str(lint_environment()), "dev/description.py"], cwd=REPO, check=True)


def guide():
    """Write the user guide, docs/*.html, anew from its templates and the provider data."""
    require()
    subprocess.run([str(environment()), "dev/guide"], cwd=REPO, check=True)


def lint(*arguments):
    """ruff, pylint-odoo and OCA's checks; no finding is let through."""
    require()
    python = lint_environment()
    folder = Path(python).parent
    checks = {
        "ruff": [folder / "ruff", "check", "--no-cache", "."],
        "pylint-odoo": [folder / "pylint", "--rcfile=.pylintrc", REPO],
        "oca-checks": [python, "dev/oca_checks.py", "."],
        "index.html (make description writes it)": [python, "dev/description.py", "--check"],
        # not the linters' Python: Jinja comes with Odoo
        "user guide (make guide writes it)": [environment(), "dev/guide", "--check"],
    }
    failed = []
    for name, command in checks.items():
        with step(name):
            if subprocess.run([str(c) for c in command], cwd=REPO).returncode:
                failed.append(name)
    if failed:
        say(f"findings of {', '.join(failed)}: see above")
    return 1 if failed else 0
