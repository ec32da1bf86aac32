"""A part of ``make test-install``: each earlier state of the addon is installed, used, and updated.

``releases.csv`` names the states by the commits of this repository; their sources come from its history.
"""
import csv
import imaplib
import io
import json
import re
import shutil
import smtplib
import ssl
import subprocess
import sys
import tarfile
from concurrent.futures import ThreadPoolExecutor

from console import step
from paths import DEV, NAME, REPO
from snapshot import SCHEMA
from test_adopt import mail_host

RELEASES = DEV.parent / "dev/releases.csv"
SOURCES = DEV / "releases"
PASSWORD = "correct horse"
DOMAIN = "acme.example"
MAILBOXES = ("imap", "record", "own", "failing", "kept", "days", "removed")
OTHERS = ("sends", "archived", "draft", "customer")
SIDE_BY_SIDE = 2
NOT_LOADED = ("tests", "bench", "docs", "dev", "static/description", "README.md")
MAIL = """From: Carol <carol@elsewhere.example>
To: {to}
Subject: {subject}
{more}
Hello
"""
# what the addon brings, by its external id, without ids: numbers differ
OWN = """
SELECT name, model, noupdate, module FROM ir_model_data
 WHERE module = 'email_account' OR name LIKE '%email_account%'
"""
CONTENT = """
SELECT d.module || '.' || d.name, to_jsonb(t) FROM ir_model_data d JOIN "{table}" t ON t.id = d.res_id
 WHERE d.model = '{model}' AND (d.module = 'email_account' OR d.name LIKE '%email_account%')
"""
# who may do what: relations, as external ids
RIGHTS = """
SELECT 'access', a.name, g.name FROM ir_model_access a LEFT JOIN ir_model_data g
    ON g.model = 'res.groups' AND g.res_id = a.group_id
  JOIN ir_model m ON m.id = a.model_id WHERE m.model LIKE 'email.%'
UNION ALL
SELECT 'rule', r.name, g.name FROM ir_rule r JOIN ir_model m ON m.id = r.model_id
  LEFT JOIN rule_group_rel x ON x.rule_group_id = r.id
  LEFT JOIN ir_model_data g ON g.model = 'res.groups' AND g.res_id = x.group_id
 WHERE m.model LIKE 'email.%' OR r.name LIKE '%mail account%'
UNION ALL
SELECT 'group', g.name, i.name FROM res_groups_implied_rel x
  JOIN ir_model_data g ON g.model = 'res.groups' AND g.res_id = x.gid
  JOIN ir_model_data i ON i.model = 'res.groups' AND i.res_id = x.hid
"""
TABLES = {
    "ir.actions.act_window": "ir_act_window", "ir.actions.client": "ir_act_client",
    "ir.actions.report": "ir_act_report_xml", "ir.actions.server": "ir_act_server",
}
# of rows: when they were written, and what is counted in each database
NOT_COMPARED = {
    "id", "write_date", "create_date", "nextcall", "lastcall", "arch_prev", "arch_updated", "parent_path",
}
# numbers of actions in menus and buttons
NUMBERS = re.compile(r'(?<="ir\.actions\.)(\w+),\d+|(?<=name=\\")\d+(?=\\")')
SHOWN = 40  # differences


def try_updating(bench, make_database, *names):
    """Install the earlier states, use them, update them, use them; side by side.

    :param make_database: `test_install.Database`
    :param names: of the states, by default all
    """
    releases = read_releases()
    if unknown := set(names) - releases.keys():
        sys.exit(f"dev: releases.csv knows no {', '.join(unknown)}, but {', '.join(releases)}.")
    bench.template("test")
    wanted = describe(bench, bench.with_addon("test"))
    chosen = {name: commit for name, commit in releases.items() if name in names or not names}
    if is_shallow():
        print("dev: NOT TRIED: updating from earlier states, as this clone is shallow: git fetch --unshallow")
        return
    for name, commit in chosen.items():
        extract(name, commit)
    users = {f"{local}@{DOMAIN}": PASSWORD for local in (*MAILBOXES, *OTHERS)}
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        futures = [pool.submit(update, bench, make_database, name, users, wanted) for name in chosen]
        for future in futures:
            future.result()


def read_releases():
    """Return name -> commit, of the states that people may have installed, oldest first."""
    with open(RELEASES, encoding="utf-8") as file:
        return {row["name"]: row["commit"] for row in csv.DictReader(file)}


def is_shallow():
    """Whether the clone has a part of the history alone."""
    return git("rev-parse", "--is-shallow-repository").stdout.strip() == b"true"


def git(*arguments):
    """Run git on this repository.

    :raises SystemExit: there is no git
    """
    try:
        # the checkout may be somebody else's
        return subprocess.run(
            ["git", "-c", f"safe.directory={REPO}", *arguments], cwd=REPO, capture_output=True
        )
    except FileNotFoundError:
        sys.exit("dev: updating is tried from earlier states, which git takes from the history: install git.")


def extract(name, commit):
    """Put the sources of a state where Odoo finds them, as ``email_account``.

    :raises SystemExit: the repository does not have the commit
    """
    folder = SOURCES / name / NAME
    stamp = SOURCES / name / "commit"
    if stamp.exists() and stamp.read_text() == commit:
        return
    shutil.rmtree(SOURCES / name, ignore_errors=True)
    result = git("archive", commit, ".", *(f":(exclude){path}" for path in NOT_LOADED))
    if result.returncode:
        sys.exit(
            f"dev: updating is tried from the state “{name}”, but the history here lacks its commit "
            f"{commit[:12]}.\n{result.stderr.decode()}"
        )
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=io.BytesIO(result.stdout)) as archive:
        archive.extraction_filter = getattr(tarfile, "fully_trusted_filter", None)  # Python 3.12 asks
        archive.extractall(folder)
    stamp.write_text(commit)


def update(bench, make_database, name, users, wanted):
    """Try one state, with a mail host of its own."""
    with (
        step(f"updated from {name}"),
        mail_host(bench, users) as host,
        make_database(bench, "test", f"update_{name}", SOURCES / name) as db,
    ):
        more = {"SSL_CERT_FILE": host["bundle"]}
        ports = host["ports"]
        db.install()
        deliver(ports, 0)
        db.do("prepare_accounts", ports, steps="update_steps", more=more)
        deliver(ports, 1)
        neutralize_copy(bench, db)
        db.use()
        db.install("-u")
        db.do("check_updated_accounts", steps="update_steps", more=more)
        compare(name, wanted, describe(bench, db.name))
        check_mailboxes(ports)


def deliver(ports, number):
    with smtplib.SMTP("127.0.0.1", ports["smtp"], timeout=30) as smtp:
        for local in MAILBOXES:
            for kind in ("named", "nameless"):
                subject = f"{local}-{kind}-{number}"
                more = f"Message-ID: <{subject}@elsewhere.example>\n" if kind == "named" else ""
                mail = MAIL.format(to=f"{local}@{DOMAIN}", subject=subject, more=more)
                smtp.sendmail("carol@elsewhere.example", [f"{local}@{DOMAIN}"], mail.encode())


def count_mails(ports, local):
    context = ssl._create_unverified_context()  # the mail host's authority is nobody else's
    with imaplib.IMAP4_SSL("127.0.0.1", ports["imaps"], ssl_context=context, timeout=30) as imap:
        imap.login(f"{local}@{DOMAIN}", PASSWORD)
        return int(imap.select("INBOX", readonly=True)[1][0])


def check_mailboxes(ports):
    """What accounts leave on the server is there, what they delete is not; sent mail has arrived."""
    left = {local: count_mails(ports, local) for local in (*MAILBOXES, "customer")}
    wanted = dict.fromkeys(MAILBOXES, 4) | {"removed": 0, "customer": 7}
    if left != wanted:
        sys.exit(f"dev: in the mailboxes are {left} mails instead of {wanted}.")


def neutralize_copy(bench, db):
    """A backup of the state is neutralized with the present sources, before it is updated."""
    copy = f"{db.name}_copy"
    bench.pg.create(copy, db.name)
    try:
        config = bench.config(copy, "test", f"{copy}-test")
        bench.without_warning("neutralize", "-c", config, what="neutralize")
        left = bench.pg.query(
            "SELECT count(*) FROM email_account WHERE active OR state != 'draft' OR password_encrypted != '' "
            "OR outgoing_password_encrypted != ''", copy)
        left += bench.pg.query(
            "SELECT count(*) FROM ir_mail_server WHERE active AND email_account_id IS NOT NULL", copy)
        left += bench.pg.query(
            "SELECT count(*) FROM email_account_create WHERE password_encrypted != ''", copy)
        if left != [["0"]] * 3:
            sys.exit(f"dev: neutralizing leaves something that works: {left}.")
    finally:
        bench.pg.drop(copy)


# Comparing with a fresh installation


def describe(bench, database):
    """Return what the addon has in a database: set of (kind, key, text)."""
    query = bench.pg.query
    found = {("schema", kind, row) for kind, row in query(SCHEMA, database)}
    own = query(OWN, database)
    found |= {("external id", f"{module}.{name}", f"{model} {flag}") for name, model, flag, module in own}
    found |= {("right", kind, f"{what}: {group}") for kind, what, group in query(RIGHTS, database)}
    for model in sorted({row[1] for row in own}):
        table = TABLES.get(model, model.replace(".", "_"))
        for key, row in query(CONTENT.format(model=model, table=table), database):
            values = {
                name: value for name, value in json.loads(row).items()
                if name not in NOT_COMPARED and not name.endswith(("_id", "_uid")) and value is not None
                and not (name in ("model", "module") and isinstance(value, int))
            }
            text = json.dumps(values, sort_keys=True, ensure_ascii=False)
            found.add(("content", f"{model} {key}", NUMBERS.sub(r"\1", text)))
    return found


def compare(name, wanted, found):
    """Stop unless an updated database is as one in which the addon was just installed."""
    lines = [f"only after updating from {name}: {each}" for each in sorted(found - wanted)]
    lines += [f"only in a fresh installation: {each}" for each in sorted(wanted - found)]
    if lines:
        print(*(line[:1000] for line in lines[:SHOWN]), sep="\n", file=sys.stderr)
        sys.exit(f"dev: an update from {name} does not end where an installation does, see above.")
