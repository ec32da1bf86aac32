"""A part of ``make test-install``: servers of Odoo's own become an account, and are Odoo's again."""
import contextlib
import json
import shutil
import smtplib
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from paths import DEV, REPO

USER = "demo@acme.example"
BEGIN = "-----BEGIN CERTIFICATE-----"
START = 20  # seconds until the mail host must answer
MAIL = f"""From: Carol <carol@elsewhere.example>
To: {USER}
Subject: {{name}}
Message-ID: <{{name}}@elsewhere.example>

Hello
"""


def try_adopting(bench, database):
    """Let Odoo fetch, adopt its servers, receive, uninstall, let Odoo fetch again.

    :param database: `test_install.Database` without the addon
    """
    with mail_host(bench) as host:
        ports = host["ports"]
        deliver(ports, "one")
        database.do("set_up_stock", USER, host["users"][USER], ports["imaps"], ports["submissions"])
        database.install()
        deliver(ports, "two")
        # the last one of the bundle is the mail host's
        authority = BEGIN + Path(host["bundle"]).read_text().rpartition(BEGIN)[2]
        database.do("adopt", authority)
        database.do("uninstall_adopted", USER, host["users"][USER])
        deliver(ports, "three")
        database.do("fetch_again")


@contextlib.contextmanager
def mail_host(bench, users=None):
    """A mail host of its own (``mailhost.py``); yields what it says of itself.

    :param users: {address: password}, if other ones than usual
    """
    folder = Path(tempfile.mkdtemp(prefix="adopt-", dir="/tmp"))
    folder.chmod(0o755)  # Dovecot is another user
    state = folder / "mail.json"
    options = []
    if users:
        options = ["--users", folder / "users.json"]
        options[1].touch(0o600)
        options[1].write_text(json.dumps(users))
    try:
        process = subprocess.Popen(
            [bench.python, REPO / "dev/mailhost.py", "--state", state, "--port", "8400", *options],
            env=bench.env(), cwd=DEV, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + START
            while not state.exists():
                if process.poll() is not None or time.monotonic() > deadline:
                    sys.exit("dev: the mail host did not start: see above.")
                time.sleep(0.05)
            yield json.loads(state.read_text())
        finally:
            process.terminate()
            process.wait(20)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def deliver(ports, name, to=USER):
    with smtplib.SMTP("127.0.0.1", ports["smtp"], timeout=30) as smtp:
        smtp.sendmail("carol@elsewhere.example", [to], MAIL.format(name=name).encode())
