"""A part of ``make test-install``: passwords come out nowhere, whatever is done with a real server."""
import contextlib
import shutil
import subprocess
import sys

from paths import DEV, REPO
from ports import free_port
from secrets_steps import PEOPLE, use_passwords
from test_adopt import mail_host
from test_workers import wait_for_server

sys.path.insert(0, str(REPO / "tests"))

from secret_forms import Secret, join_lines

LOGIN, PASSWORD = "clerk", "clerk-of-acme"
KEY_FILE = "email_account.key"
# before accounts are used: no limit of connections made by hand, and Odoo's output of SMTP sessions
PREPARE = "DELETE FROM email_account_attempt; UPDATE ir_mail_server SET smtp_debug = true"
# found in the places that are searched, so that there is something in them
PRESENT = {
    "log": (b"call email.account", b"[redacted]", b"INSERT INTO \"email_account\"", b"odoo.sql_db"),
    "dump": (b"gAAAA", b"COPY public.email_account ", b"COPY public.email_account_check_step "),
    "answers": (b"password_set", b"refused the user name or the password", b"odoo.exceptions"),
    "files": (),
}


def try_secrets(bench, database):
    """Set up accounts, use them with right and wrong passwords, then search the passwords everywhere.

    :param database: `test_install.Database` with the addon
    """
    folder = DEV / "tmp/secrets"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "data").mkdir(parents=True, mode=0o700)
    right = {address: Secret(address) for address in PEOPLE}
    wrong = {address: Secret(address) for address in PEOPLE}
    database.do("set_up_secrets", LOGIN, PASSWORD, str(folder / "key"))
    port = free_port(8290)
    config = bench.config(
        database.name, database.kind, "secrets", http_port=port, gevent_port=free_port(port + 1),
        logfile=folder / "log", log_level="debug_rpc_answer", log_handler=":DEBUG,odoo.sql_db:DEBUG",
        data_dir=folder / "data")
    with contextlib.ExitStack() as stack:
        mail = stack.enter_context(mail_host(bench, {name: secret.text for name, secret in right.items()}))
        printed = stack.enter_context((folder / "printed").open("wb"))
        server = subprocess.Popen(
            [str(bench.python), str(bench.script), "-c", str(config)], cwd=DEV,
            env=bench.env(SSL_CERT_FILE=mail["bundle"]), stdin=subprocess.DEVNULL, stdout=printed,
            stderr=printed, start_new_session=True)
        stack.callback(server.wait, 20)
        stack.callback(server.terminate)
        url = f"http://127.0.0.1:{port}"
        wait_for_server(url, server)
        answers = use_passwords(
            url, database.name, (LOGIN, PASSWORD), (folder / "key").read_text(), mail["ports"],
            {name: secret.text for name, secret in right.items()},
            {name: secret.text for name, secret in wrong.items()},
            lambda: bench.pg.query(PREPARE, database.name))
    bench.pg.program("pg_dump", "-d", database.name, "-f", folder / "dump")
    _search(folder, answers, [*right.values(), *wrong.values()])


def _search(folder, answers, secrets):
    """:raises SystemExit: a password is somewhere, or there was nothing to search"""
    keys = [path for path in (folder / "data").rglob("*") if path.name == KEY_FILE]
    files = [path for path in (folder / "data").rglob("*") if path.is_file() and path not in keys]
    places = {
        "log": (folder / "log").read_bytes() + (folder / "printed").read_bytes(),
        "dump": (folder / "dump").read_bytes(),
        "answers": b"\n".join(answers),
        "files": b"\n".join(path.read_bytes() for path in files),
    }
    if not keys or not files:
        sys.exit("dev: secrets: there is no key file, or no other file, in the data directory.")
    hits = set()
    for place, content in places.items():
        content = join_lines(content)
        hits |= {(place, form) for secret in secrets for form in secret.find_joined(content)}
    for place, content in places.items():
        print(f"     {place}: {len(content) / 1e6:.1f} MB, "
              f"{sum(where == place for where, _form in hits)} hits")
    if hits:
        print(*sorted(hits), sep="\n", file=sys.stderr)
        sys.exit(f"dev: secrets: a password came out, see above and {folder.relative_to(REPO)}.")
    for place, wanted in PRESENT.items():
        for text in wanted:
            if text not in places[place]:
                sys.exit(f"dev: secrets: {text!r} should be in the {place}, see {folder.relative_to(REPO)}.")
    shutil.rmtree(folder)
