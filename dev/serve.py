"""``make run``, ``make stop``, ``make clean`` and ``make clean-cache``."""
import contextlib
import errno
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

import processes
from cache import clear_cache
from console import say, step
from locks import try_lock
from paths import CHECKOUT, DEV, NAME, REPO, STATE
from ports import listen, listen_from, port_or_exit
from postgres import PrivateServer, RunningServer
from workbench import Workbench, addon_hash, modules

PORT = 8069
LAST_PORT = 8999
LOCK = DEV / "run.lock"  # held by the one "make run"
RUNNING = DEV / "run.json"  # who holds it, for "make stop"
STAMP = DEV / "run.stamp"  # state of the addon and the demo mailbox that the database knows
LOG = DEV / "odoo.log"
MAIL = STATE / "mail"
# each checkout has its own, below those that systems give to clients
MAIL_PORT = 10240 + int(CHECKOUT, 16) % 1000 * 16
START = 120  # seconds until Odoo must answer
STOP = 600  # seconds that "make run" has to end: a package manager is not ended half-way


def run(*arguments):
    """Odoo with the addon, demo data and a demo mailbox; Ctrl-C ends it."""
    with try_lock(LOCK) as mine:
        if not mine:
            sys.exit(f"dev: {_whoever_runs()}: make stop ends it.")
        try:
            return _run(arguments)
        except KeyboardInterrupt:
            say("stopped")
            return 0
        finally:
            RUNNING.unlink(missing_ok=True)


def _run(arguments):
    with contextlib.closing(_listen()) as http, contextlib.ExitStack() as stack:
        url = f"http://localhost:{http.getsockname()[1]}"
        _tell_others(url=url, state="is being set up")
        bench = stack.enter_context(Workbench("dovecot"))
        children = {}
        stack.callback(_end, children)
        mail = _start_mail_host(bench, children)
        database = bench.name("run")
        # what leaves Odoo without an account goes to the mail host on this machine
        config = bench.config(database, "run", http_port=http.getsockname()[1], logfile=LOG,
                              smtp_server="localhost", smtp_port=mail["ports"]["smtp"])
        _prepare(bench, database, mail)
        LOG.unlink(missing_ok=True)
        children["odoo"] = processes.start(
            bench.python, bench.script, "-c", config, *arguments, cwd=DEV,
            env=bench.env(SSL_CERT_FILE=mail["bundle"], EMAIL_ACCOUNT_HTTP_FD=str(http.fileno())),
            stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, pass_fds=[http.fileno()])
        http.close()  # Odoo has it; if Odoo ends, nobody shall answer
        _wait(url, children)
        _tell_others(url=url, state="runs already")
        _tell(url, mail)
        while all(child.poll() is None for child in children.values()):
            time.sleep(0.2)
        say(f"Odoo or the mail host has ended; Odoo's log is {LOG.relative_to(REPO)}")
        return 1


def _tell_others(**known):
    """Write down what "make stop" and a second "make run" have to know."""
    known.update(pid=os.getpid(), started=processes.identity(os.getpid()))
    part = RUNNING.with_suffix(".part")
    part.write_text(json.dumps(known))
    part.replace(RUNNING)


def _read_running():
    """What "make run" of this checkout has written down, {} if there is none."""
    try:
        return json.loads(RUNNING.read_text())
    except (OSError, ValueError):
        return {}


def _whoever_runs():
    known = _read_running()
    return (f"make run of this checkout {known.get('state', 'is being set up')}, "
            f"{known.get('url', 'its port is not known yet')} (process {known.get('pid', 'unknown')})")


def _listen():
    """A socket on PORT if it is given, else on Odoo's usual port or one after it: nobody else gets it now."""
    if text := os.environ.get("PORT"):
        port = port_or_exit(text)
        try:
            return listen(port)
        except OSError as error:
            why = "is taken" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror})"
            sys.exit(f"dev: port {port} {why}: choose another one, for example PORT={PORT} make run.")
    if http := listen_from(PORT, LAST_PORT):
        return http
    sys.exit(f"dev: all ports from {PORT} to {LAST_PORT} are taken: choose one, PORT=… make run.")


def _start_mail_host(bench, children):
    """Start the mail host; return what it says of itself (see dev/mailhost.py)."""
    state = DEV / "mail.json"
    with step("mail host"):
        children["mail host"] = process = processes.start(
            bench.python, REPO / "dev/mailhost.py", "--state", state, "--mail", MAIL, "--port", MAIL_PORT,
            env=bench.env(), cwd=REPO, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        for _ in range(600):
            with contextlib.suppress(OSError, ValueError):
                mail = json.loads(state.read_text())
                if mail.get("pid") == process.pid:
                    processes.note(mail["dovecot"])  # it outlives the mail host if that is killed
                    return mail
            if process.poll() is not None:
                break
            time.sleep(0.05)
    sys.exit("dev: the mail host did not start: see above.")


def _prepare(bench, database, mail):
    """Install or update the addon and tell it of the mail host, if anything changed since the last time."""
    state = {"addon": addon_hash(), "database": database}
    script = (REPO / "dev/demo.py").read_text()
    demo = hashlib.sha256(f"{script} {mail['ports']} {mail['users']} {mail['dns']}".encode()).hexdigest()[:16]
    known = json.loads(STAMP.read_text()) if STAMP.exists() else {}
    exists = database in bench.pg.databases()
    changed = not exists or {k: known.get(k) for k in state} != state
    if changed:
        STAMP.unlink(missing_ok=True)
    if not exists:
        bench.create_with_addon(database, "run")
    setup = bench.config(database, "run", "install")  # without a log file: warnings are to be seen
    if exists and changed:
        with step("updating the addon"):
            # what the demo has come to need meanwhile is installed, too
            bench.install(setup, "run", "-u", modules("run"), "-i", modules("run"))
    if changed or known.get("demo") != demo:
        with step("making the demo mailbox known"):
            code = f"mail_host = {mail!r}\n{script}"
            bench.odoo("shell", "-c", setup, "--no-http", "--log-level=warn", input=code,
                       more={"SSL_CERT_FILE": mail["bundle"]})
    STAMP.write_text(json.dumps({**state, "demo": demo}))


def _wait(url, children):
    """Wait until Odoo answers."""
    with step("starting Odoo"):
        for _ in range(START * 10):
            with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
                urllib.request.urlopen(f"{url}/web/health", timeout=START).close()
                return
            if children["odoo"].poll() is not None:
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


def _end(children):
    """End child processes, Odoo first."""
    for child in reversed(children.values()):
        child.terminate()
    for child in reversed(children.values()):
        processes.end(child)


def stop():
    """End what this checkout's "make run" started, also while it is being set up."""
    _stop()


def _stop():
    """Return whether nothing of this checkout runs any more."""
    ended = _stop_run()
    ended |= bool(processes.end_orphans())
    say("stopped" if ended else "nothing was running")
    alone = PrivateServer().stop()
    if not alone:
        say("another command of this checkout goes on, and PostgreSQL for it")
    return alone


def _stop_run():
    """End the one "make run"; return whether there was one."""
    deadline = time.monotonic() + STOP
    found, told = False, None
    while True:
        with try_lock(LOCK) as free:
            if free:
                RUNNING.unlink(missing_ok=True)
                return found
        found = True
        known = _read_running()
        pid, started = known.get("pid"), known.get("started")
        if pid and (pid, started) != told and processes.identity(pid) == started:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)  # it ends the others
            told = pid, started
        if time.monotonic() > deadline:
            if told and processes.identity(pid) == started:
                os.kill(pid, signal.SIGKILL)
            deadline += processes.PATIENCE
        time.sleep(0.1)


def clean():
    """Remove what belongs to this checkout: .dev/, its databases, its mailboxes."""
    if not _stop():
        sys.exit("dev: end the other command first; nothing was removed.")
    found = RunningServer.find()
    for database in found.databases() if found else ():
        if database.startswith(f"{NAME}_{CHECKOUT}_"):
            found.drop(database)
    shutil.rmtree(STATE, ignore_errors=True)
    shutil.rmtree(DEV, ignore_errors=True)


def clean_cache():
    """Remove what all checkouts share: Odoo, Python packages, dumps of databases."""
    if left := clear_cache():
        sys.exit(f"dev: another command is making {', '.join(left)} just now: these stay. Try again later.")
