"""A part of ``make test-install``: a real server, with workers and with threads, and a browser at it."""
import contextlib
import shutil
import subprocess
import sys
import textwrap
import time
import urllib.error
import urllib.request

from paths import DEV, NAME, REPO
from ports import free_port
from system import find

START = 60  # seconds until Odoo must answer
SLOW = "email_account_slow"
# an addon as anybody may write one: its source of settings never answers for one domain
SLOW_ADDON = {
    "__manifest__.py": f"""
        {{"name": "Slow", "author": "Tests", "license": "LGPL-3", "depends": ["{NAME}"]}}
    """,
    "__init__.py": """
        import asyncio

        from odoo import models


        class SlowSource:
            name = "slow"
            rank = 5

            async def find(self, address, network, report):
                report(address.domain)
                if address.domain == "silent.example":
                    await asyncio.sleep(60)


        class EmailAccount(models.Model):
            _inherit = "email.account"

            def _autoconfig_sources(self):
                return [SlowSource()]
    """,
}


def try_workers(bench, database):
    """Start a server on a database with the addon and let the browser try it: two workers, then threads.

    :param database: `test_install.Database`
    """
    folder = DEV / "tmp/slow"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / SLOW).mkdir(parents=True)
    for name, text in SLOW_ADDON.items():
        (folder / SLOW / name).write_text(textwrap.dedent(text))
    port = free_port(8270)
    log = DEV / "workers.log"
    log.unlink(missing_ok=True)
    config = bench.config(
        database.name, database.kind, "workers", http_port=port, gevent_port=free_port(port + 1),
        logfile=log, log_level="warn", addons_path=",".join(
            map(str, [DEV / "addons", folder, *bench.source.addons])))
    bench.odoo("-c", config, "-i", SLOW, "--stop-after-init", "--no-http")
    for workers, functions in ((2, ()), (0, ("progress_and_cancel", "check_of_an_account"))):
        _try(bench, database, config, port, workers, functions)
    # there is no proxy, so the browser's web sockets fail; what counts is what went through the addon
    lines = log.read_text().splitlines()
    warnings = [line for line in lines if f"addons/{NAME}" in line or "asyncio" in line]
    if warnings:
        print(*warnings, sep="\n", file=sys.stderr)
        sys.exit(f"dev: a server with workers: see above and {log.relative_to(REPO)}.")


def _try(bench, database, config, port, workers, functions):
    server = subprocess.Popen(
        [str(bench.python), str(bench.script), "-c", str(config), f"--workers={workers}"], cwd=DEV,
        env=bench.env(), stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        url = f"http://127.0.0.1:{port}"
        wait_for_server(url, server)
        command = [bench.python, REPO / "dev/workers_steps.py", url, database.name, *functions]
        result = subprocess.run([str(c) for c in command], env=bench.env(CHROMIUM=find("chromium")))
    finally:
        server.terminate()
        server.wait(20)
    if result.returncode:
        sys.exit(f"dev: a server with {workers or 'no'} workers: see above and .dev/workers.log.")


def wait_for_server(url, server):
    """Wait until Odoo answers; ``server`` is its process."""
    for _ in range(START * 10):
        with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
            urllib.request.urlopen(f"{url}/web/health", timeout=START).close()
            return
        if server.poll() is not None:
            break
        time.sleep(0.1)
    sys.exit("dev: Odoo did not start; its log is in .dev.")
