"""``make run``, ``make stop``, ``make clean`` and ``make clean-cache``."""
import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from console import free_port, is_free, say, step
from paths import CACHE, CHECKOUT, CHECKOUTS, DEV, NAME, REPO, STATE
from postgres import PrivateServer, RunningServer
from workbench import Workbench, addon_hash

PORT = 8069
RUNNING = DEV / "run.json"  # what "make stop" has to end
STAMP = DEV / "run.stamp"  # state of the addon and the demo mailbox that the database knows
LOG = DEV / "odoo.log"
MAIL = STATE / "mail"
START = 120  # seconds until Odoo must answer


def run(*arguments):
    """Odoo with the addon, demo data and a demo mailbox; Ctrl-C ends it."""
    if _running_processes():
        sys.exit(f"dev: it runs already, see {json.loads(RUNNING.read_text())['url']}: make stop ends it.")
    port = _http_port()
    with Workbench("dovecot") as bench, contextlib.ExitStack() as stack:
        processes = {}
        stack.callback(_end, processes)
        mail = _start_mail_host(bench, processes)
        database = bench.name("run")
        # what leaves Odoo without an account goes to the mail host on this machine
        config = bench.config(database, "run", http_port=port, logfile=LOG, smtp_server="localhost",
                              smtp_port=mail["ports"]["smtp"])
        _prepare(bench, database, mail)
        LOG.unlink(missing_ok=True)
        processes["odoo"] = subprocess.Popen(
            [bench.python, bench.script, "-c", config, *arguments], cwd=DEV,
            env=bench.env(SSL_CERT_FILE=mail["bundle"]),
            stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        url = f"http://localhost:{port}"
        pids = [os.getpid(), *(process.pid for process in processes.values())]
        RUNNING.write_text(json.dumps({"url": url, "pids": pids}))
        stack.callback(RUNNING.unlink, missing_ok=True)
        _wait(url, processes)
        _tell(url, mail)
        with contextlib.suppress(KeyboardInterrupt):
            while all(process.poll() is None for process in processes.values()):
                time.sleep(0.2)
            say(f"Odoo or the mail host has ended; Odoo's log is {LOG.relative_to(REPO)}")
            return 1
    return 0


def _http_port():
    """PORT if it is given, else Odoo's usual port or one after it that is free."""
    if not os.environ.get("PORT"):
        return free_port(PORT)
    port = int(os.environ["PORT"])
    if not is_free(port):
        sys.exit(f"dev: port {port} is taken: choose another one, for example PORT={port + 1} make run.")
    return port


def _start_mail_host(bench, processes):
    """Start the mail host; return what it says of itself (see dev/mailhost.py)."""
    state = DEV / "mail.json"
    processes["mail host"] = process = subprocess.Popen(
        [bench.python, REPO / "dev/mailhost.py", "--state", state, "--mail", MAIL],
        env=bench.env(), cwd=REPO, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        start_new_session=True)
    for _ in range(200):
        if state.exists():
            mail = json.loads(state.read_text())
            if mail.get("pid") == process.pid:
                return mail
        if process.poll() is not None:
            break
        time.sleep(0.05)
    sys.exit("dev: the mail host did not start: see above.")


def _prepare(bench, database, mail):
    """Install or update the addon and tell it of the mail host, if anything changed since the last time."""
    state = {"addon": addon_hash(), "database": database}
    script = (REPO / "dev/demo.py").read_text()
    demo = hashlib.sha256(f"{script} {mail['ports']} {mail['users']}".encode()).hexdigest()[:16]
    known = json.loads(STAMP.read_text()) if STAMP.exists() else {}
    exists = database in bench.pg.databases()
    if not exists:
        bench.pg.create(database, bench.template("run"))
    setup = bench.config(database, "run", "install")  # without a log file: warnings are to be seen
    changed = not exists or {k: known.get(k) for k in state} != state
    if changed:
        STAMP.unlink(missing_ok=True)
        with step("addon updated" if exists else "addon installed"):
            bench.install(setup, "run", "-u" if exists else "-i")
    if changed or known.get("demo") != demo:
        with step("demo mailbox made known"):
            code = f"mail_host = {mail!r}\n{script}"
            bench.odoo("shell", "-c", setup, "--no-http", "--log-level=warn", input=code)
    STAMP.write_text(json.dumps({**state, "demo": demo}))


def _wait(url, processes):
    """Wait until Odoo answers."""
    with step("Odoo started"):
        for _ in range(START * 10):
            with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
                urllib.request.urlopen(f"{url}/web/health", timeout=START).close()
                return
            if processes["odoo"].poll() is not None:
                break
            time.sleep(0.1)
    print("\n".join(LOG.read_text().splitlines()[-20:]) if LOG.exists() else "", file=sys.stderr)
    sys.exit(f"dev: Odoo did not start; its log is {LOG.relative_to(REPO)}.")


def _tell(url, mail):
    mailboxes = "".join(f"    {user:24} password {password}\n" for user, password in mail["users"].items())
    ports = mail["ports"]
    print(f"""
  Odoo        {url}   user admin, password admin
  Mailboxes   on a mail host on this machine; the wizard knows their provider
{mailboxes}  By hand     server localhost; IMAP {ports['imaps']} (TLS), {ports['imap']} (STARTTLS); \
POP3 {ports['pop3s']}, {ports['pop3']}; SMTP {ports['submissions']}, {ports['submission']}
  From outside: any mail sent to localhost:{ports['smtp']} for one of these addresses is delivered
  Log         {LOG.relative_to(REPO)}
  Stop        Ctrl-C here, or make stop
""", flush=True)


def _end(processes):
    """End child processes, Odoo first."""
    for process in reversed(processes.values()):
        process.terminate()
    for process in processes.values():
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _running_processes():
    """Process ids of this checkout's "make run" that are still alive; itself first."""
    if not RUNNING.exists():
        return []
    marks = (str(REPO), "dev/dev.py")
    alive = []
    for pid in json.loads(RUNNING.read_text())["pids"]:
        if any(mark in _command_line(pid) for mark in marks):
            alive.append(pid)
    return alive


def _command_line(pid):
    """What a process was started as; empty if it is gone.

    A small Debian has no ``ps``, other systems have no ``/proc``.
    """
    if Path("/proc/self/cmdline").exists():
        with contextlib.suppress(OSError):
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        return ""
    return subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True).stdout


def stop():
    """End what "make run" of this checkout started."""
    pids = _running_processes()
    if pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pids[0], signal.SIGTERM)  # it ends the others
        deadline = time.monotonic() + 25
        while _running_processes() and time.monotonic() < deadline:
            time.sleep(0.1)
        for pid in _running_processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    RUNNING.unlink(missing_ok=True)
    PrivateServer().stop(by_force=True)
    say("stopped" if pids else "nothing was running")


def clean():
    """Remove what belongs to this checkout: .dev/, its databases, its mailboxes."""
    stop()
    found = RunningServer.find()
    for database in found.databases() if found else ():
        if database.startswith(f"{NAME}_{CHECKOUT}_"):
            found.drop(database)
    shutil.rmtree(STATE, ignore_errors=True)
    shutil.rmtree(DEV, ignore_errors=True)


def clean_cache():
    """Remove what all checkouts share: Odoo, Python packages, dumps of databases."""
    for path in CACHE.iterdir() if CACHE.exists() else ():
        if path != CHECKOUTS:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
