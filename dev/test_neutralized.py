"""A part of ``make test-install``: copies neutralized by the command and the database manager."""
import imaplib
import re
import ssl
import subprocess
import sys
import time

from console import silent
from test_adopt import deliver, mail_host

PASSWORD = "correct horse"
JANE, CUSTOMER = "jane@acme.example", "customer@acme.example"
PARAMETER = "INSERT INTO ir_config_parameter (key, value) VALUES ('database.is_neutralized', 'true')"
RECEIVING = """
SELECT count(*) FROM ir_cron c JOIN ir_act_server a ON a.id = c.ir_actions_server_id
 WHERE a.code LIKE '%_cron_receive%' AND c.lastcall IS NULL
"""
# the database manager's function; it ends all connections to the original
DUPLICATE = """
from odoo.tools import config
config.parse_config(["-c", {config!r}, "--no-http"])
from odoo.service.db import exp_duplicate_database
exp_duplicate_database({original!r}, {copy!r}, neutralize_database=True)
"""
# those of the addon and Odoo's queue of mails; others would ask hosts elsewhere
SCHEDULE = """
UPDATE ir_cron c SET nextcall = now() AT TIME ZONE 'UTC',
       active = a.code ~ '[.](_cron_receive|_cron_check|process_email_queue)'
  FROM ir_act_server a WHERE a.id = c.ir_actions_server_id
"""
LONG = 60  # seconds that the scheduled actions may take to run


def try_neutralizing(bench, database, make_database):
    """Copy a database that works in three ways, and try everything in each copy.

    :param database: `test_install.Database` without the addon
    :param make_database: its class
    """
    with mail_host(bench, {JANE: PASSWORD, CUSTOMER: PASSWORD}) as host:
        ports, more = host["ports"], {"SSL_CERT_FILE": host["bundle"]}

        def do(db, function, *arguments):
            db.do(function, *arguments, steps="neutralize_steps", more=more)

        database.install()
        do(database, "set_up", ports)
        deliver(ports, "one", JANE)
        before = look(ports)
        if before != {JANE: (1, 1), CUSTOMER: (0, 0)}:
            sys.exit(f"dev: the mailboxes do not begin as they should: {before}")
        with make_database(bench, "test", "neutralized") as copy:
            bench.pg.create(copy.name, database.name)
            bench.without_warning("neutralize", "-c", copy.config, what="neutralize")
            do(copy, "check_dropped")
            do(copy, "act")
            do(copy, "use_on_purpose")
            expect(ports, before, "odoo neutralize")
        with make_database(bench, "test", "duplicate") as copy:
            bench.pg.drop(copy.name)
            database.use(list_db=True)
            code = DUPLICATE.format(config=str(database.config), original=database.name, copy=copy.name)
            silent(bench.python, "-c", code, env=bench.env())
            do(copy, "check_dropped")
            do(copy, "act")
            expect(ports, before, "the database manager")
        with make_database(bench, "test", "parameter") as copy:
            bench.pg.create(copy.name, database.name)
            bench.pg.query(PARAMETER, copy.name)
            run_scheduled_actions(bench, copy, more)
            do(copy, "act")
            expect(ports, before, "the parameter alone")
        do(database, "go_on")
        expect(ports, {JANE: (0, 0), CUSTOMER: (2, 2)}, "the original")


def look(ports):
    """Return what is in each mailbox: (mails, those that are not marked as read)."""
    found = {}
    for user in (JANE, CUSTOMER):
        context = ssl._create_unverified_context()  # the mail host's authority is nobody else's
        with imaplib.IMAP4_SSL("127.0.0.1", ports["imaps"], ssl_context=context, timeout=30) as imap:
            imap.login(user, PASSWORD)
            status = imap.status("INBOX", "(MESSAGES UNSEEN)")[1][0].decode()
            found[user] = tuple(map(int, re.findall(r"\d+", status)))
    return found


def expect(ports, wanted, what):
    if (found := look(ports)) != wanted:
        sys.exit(f"dev: {what}: the mailboxes hold {found} instead of {wanted}")


def run_scheduled_actions(bench, db, more):
    """Let a server run until each scheduled action that receives was called."""
    bench.pg.query(SCHEDULE, db.name)
    command = [bench.python, bench.script, "-c", db.config, "--no-http", "--max-cron-threads=1",
               "--log-level=warn"]
    process = subprocess.Popen([str(part) for part in command], env=bench.env(**more))
    try:
        deadline = time.monotonic() + LONG
        while bench.pg.query(RECEIVING, db.name) != [["0"]]:
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit("dev: the scheduled actions of a neutralized copy do not run: see above.")
            bench.pg.query(f"NOTIFY cron_trigger, '{db.name}'")  # else it looks once a minute
            time.sleep(0.5)
    finally:
        process.terminate()
        process.wait(30)
