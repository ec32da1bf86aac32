"""What ``test_receiving.py`` lets processes receive: ``receiving_steps.py CONFIG PART HOSTS``.

Each part has a database of its own, with the addon and the one that fails in all ways. HOSTS is what
``receiving_hosts.py`` says. A seed, which ``SEED`` in the environment may give, decides how the mails are
mixed and when a process is killed.
"""
import base64
import datetime
import json
import os
import random
import re
import secrets
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from unittest import TestCase

import receiving_mails
from receiving_process import Process, environment, load

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from hosts import maildir

check = TestCase()
check.maxDiff = None
KILLS = 10
ROUNDS = 20  # more than one mail is tried again, and more often than one kills the process
MARKER = re.compile(r"mail\d{4}x")
MESSAGE_ID = re.compile("^message-id:.*$", re.IGNORECASE | re.MULTILINE)
ARCHIVE = "Archive"  # the second folder of the IMAP account
# where a process is killed -> for the how manieth time it is there, at most
POINTS = {"written": 40, "before commit": 40, "after commit": 40, "before telling": 2, "after telling": 2,
          "fetched": 3}


class Part:
    """A database and the hosts.

    :param hosts: what ``receiving_hosts.py`` says
    :param seed: of ``rng``
    """

    def __init__(self, config, hosts, seed):
        self.registry, self.hosts, self.rng = load(config), hosts, random.Random(seed)
        self.mail = Path(hosts["mail"])
        with environment(self.registry) as env:
            env["ir.config_parameter"].set_param("email_account.allowed_networks", "127.0.0.1")
            env["ir.config_parameter"].set_param("email_account.allowed_ports", "1-65535")

    def create_account(self, env, name, protocol="imap", **values):
        account = env["email.account"].create({
            "email": f"{name}@{self.hosts['domain']}", "password": self.hosts["password"],
            "use_for_sending": False, "incoming_protocol": protocol, "incoming_host": "localhost",
            "incoming_port": self.hosts[protocol], **values,
        })
        account._set_state()
        return account

    def deliver(self, name, content, folder="INBOX"):
        maildir.put(self.mail, f"{name}@{self.hosts['domain']}", content, folder)

    def flags(self, name, folder="INBOX"):
        return maildir.flags(self.mail, f"{name}@{self.hosts['domain']}", folder)

    def pass_time(self):
        """As if the time had passed for which mailboxes are left alone, and mail that is tried again."""
        past = datetime.datetime.now() - datetime.timedelta(days=1)
        with environment(self.registry) as env:
            env["email.account.polling"].search([]).next_date = past
            waiting = env["email.account.unprocessed"].search([("state", "=", "waiting")])
            waiting.write({"next_attempt": past})


def find_markers(*texts):
    return set(MARKER.findall(" ".join(text or "" for text in texts)))


def get_outcomes(env):
    """Return what became of the mails, by marker: a list of "message" and of reasons of unprocessed ones."""
    outcomes = {}
    for message in env["mail.message"].search([("message_type", "=", "email")]):
        for marker in find_markers(message.subject, message.body):
            outcomes.setdefault(marker, []).append("message")
    for mail in env["email.account.unprocessed"].search([]):
        source = base64.b64decode(mail.source or b"").decode("latin-1")
        for marker in find_markers(MESSAGE_ID.sub("", source)):  # it may be another mail's
            outcomes.setdefault(marker, []).append(mail.reason)
    return outcomes


# ------------------------------------------------------------
# Kills
# ------------------------------------------------------------


def kills_imap(part):
    """500 mails in two folders, marked as read."""
    accounts = []
    with environment(part.registry) as env:
        account = part.create_account(env, "imap", after_receiving="seen")
        part.deliver("imap", b"Subject: first\r\n\r\n", ARCHIVE)  # the folder is there now
        account.action_load_folders()
        account.folder_ids.filtered(lambda folder: folder.name in ("INBOX", ARCHIVE)).is_received = True
        check.assertEqual(len(account.folder_ids.filtered("is_received")), 2)
        accounts.append(account.id)
    mails = receiving_mails.make(part.rng)
    for mail in mails:
        for folder in ("INBOX", ARCHIVE)[:mail.copies]:
            part.deliver("imap", mail.source, folder)
    _kill_and_drain(part, accounts)
    _check_mails(part, mails)
    flags = part.flags("imap") + part.flags("imap", ARCHIVE)
    check.assertEqual(Counter("S" in each for each in flags), {True: sum(m.copies for m in mails) + 1})


def kills_pop3(part):
    """500 mails, half of them in a mailbox that is emptied, the others in one that keeps them."""
    accounts = []
    with environment(part.registry) as env:
        for name, after in (("deleted", "delete"), ("kept", "leave")):
            accounts.append(part.create_account(env, name, "pop3", after_receiving=after).id)
    mails = receiving_mails.make(part.rng)
    copies = Counter()
    for number, mail in enumerate(mails):
        name = ("deleted", "kept")[number % 2]
        copies[name] += mail.copies
        for _copy in range(mail.copies):
            part.deliver(name, mail.source)
    _kill_and_drain(part, accounts)
    _check_mails(part, mails)
    check.assertEqual((len(part.flags("deleted")), len(part.flags("kept"))), (0, copies["kept"]))


def _receive(part, accounts, tell):
    """Receive again and again; tell when a round found nothing."""
    before = None
    while True:
        for account in accounts:
            with environment(part.registry) as env:
                env["email.account"].browse(account)._receive()
        with environment(part.registry) as env:
            now = [env[name].search_count([]) for name in ("mail.message", "email.account.unprocessed")]
        if now == before:
            tell("i")
        before = now


def _kill_and_drain(part, accounts):
    """Kill the receiving process ten times, starting it anew each time; then let it receive what is left."""
    kinds = [*POINTS, "time", "time", "time", "time"]
    part.rng.shuffle(kinds)
    check.assertEqual(len(kinds), KILLS)
    story, crashes = [], 0
    while kinds:
        kind = kinds[0]
        kill = (kind, part.rng.randint(1, POINTS[kind])) if kind in POINTS else None
        part.pass_time()
        process = Process(part.registry, lambda tell: _receive(part, accounts, tell), kill)
        end = None
        if not kill and process.wait(letters="m"):  # not while it still logs in
            end = time.monotonic() + part.rng.uniform(0.0, 1.0)
        if process.wait(end, "i") is not None:  # it has come to the time, or has nothing to do
            process.kill()
        check.assertEqual(process.end(), -signal.SIGKILL)
        if kill and "k" not in process.events and "i" not in process.events:
            crashes += 1  # a mail has killed it
            continue
        story.append(f"{kind} after {process.events.count('m')}" + " (idle)" * ("i" in process.events))
        kinds.pop(0)
    print(f"     killed {len(story)} times: {'; '.join(story)} mails; {crashes} times by a mail", flush=True)
    # as many were hit while there was work to do
    check.assertGreaterEqual(sum("idle" not in each for each in story), KILLS - 2, story)
    waiting = True  # some mail is, for another attempt, or a mailbox
    for _attempt in range(ROUNDS):
        if waiting:
            part.pass_time()
            process = Process(part.registry, lambda tell: _receive(part, accounts, tell))
            if process.wait(letters="i"):
                process.kill()
            check.assertEqual(process.end(), -signal.SIGKILL)
            with environment(part.registry) as env:
                unprocessed = env["email.account.unprocessed"].search([])
                waiting = unprocessed.filtered(lambda mail: mail.state == "waiting").mapped("subject")
                # a server may still hold the session of the process that was killed
                pollings = env["email.account.polling"].search([("account_id", "in", accounts)])
                again = [polling.failure_count or polling.next_date <= env.cr.now() for polling in pollings]
                waiting = waiting or any(again)
    check.assertFalse(waiting)


def _check_mails(part, mails):
    """Each mail is there once, as a message or as unprocessed; what is no poison is a message."""
    with environment(part.registry) as env:
        outcomes = get_outcomes(env)
    check.assertEqual({mail.marker for mail in mails} - outcomes.keys(), set(), "lost")
    check.assertEqual({m: found for m, found in outcomes.items() if len(found) > 1}, {}, "more than once")
    wrong = [(mail.kind, mail.marker, outcomes[mail.marker]) for mail in mails
             if mail.arrives is not None and mail.arrives != (outcomes[mail.marker] == ["message"])]
    check.assertEqual(wrong, [])
    kept = Counter(reason for [reason] in outcomes.values() if reason != "message")
    print(f"     {len(mails)} mails: {len(mails) - kept.total()} messages, {kept.total()} unprocessed "
          f"({', '.join(f'{count} {reason}' for reason, count in kept.items())})", flush=True)


# ------------------------------------------------------------
# Sharing the work
# ------------------------------------------------------------


def _deliver_to_forty(part, name, each):
    for account in range(40):
        for number in range(each):
            marker = f"mail{account * each + number:04}x"
            part.deliver(f"{name}{account}", (
                f"From: carol{account}@customer.example\r\nTo: {name}{account}@{part.hosts['domain']}\r\n"
                f"Subject: {marker}\r\nMessage-ID: <{marker}@customer.example>\r\n\r\nHello\r\n").encode())
    return {f"mail{number:04}x" for number in range(40 * each)}


def _run_cron(part, number=0):
    """Run the job that receives as Odoo does, or a copy of it: Odoo gives each to one worker at a time."""
    with environment(part.registry) as env:
        crons = env["ir.cron"].search([("code", "like", "_cron_receive(")], order="id")
        check.assertIs(crons[number].method_direct_trigger(), True)


def two_at_once(part):
    """Two processes share 40 accounts with 5 mails each."""
    markers = _deliver_to_forty(part, "two", 5)
    with environment(part.registry) as env:
        for number in range(40):
            part.create_account(env, f"two{number}")
        env["ir.cron"].search([("code", "like", "_cron_receive(")]).copy()
    part.pass_time()
    start = time.monotonic()
    processes = [Process(part.registry, lambda _tell, number=number: _run_cron(part, number))
                 for number in range(2)]
    check.assertEqual([process.end() for process in processes], [0, 0])
    with environment(part.registry) as env:
        check.assertEqual(get_outcomes(env), {marker: ["message"] for marker in markers})
    counts = [process.events.count("m") for process in processes]
    seconds = max(process.last for process in processes) - start
    print(f"     200 mails: {counts[0]} by one, {counts[1]} by the other, within {seconds:.1f} s", flush=True)
    check.assertTrue(all(counts), counts)


def hanging(part):
    """Of 50 accounts 10 hang, which are first in line: the others are polled within two runs of the cron."""
    markers = _deliver_to_forty(part, "many", 1)
    with environment(part.registry) as env:
        sick = []
        for number in range(10):
            port = part.hosts["hanging" if number % 2 else "hole"]
            sick.append(part.create_account(env, f"sick{number}", incoming_port=port).id)
        for number in range(40):
            part.create_account(env, f"many{number}")
    part.pass_time()
    with environment(part.registry) as env:
        longest = datetime.datetime.now() - datetime.timedelta(days=2)
        env["email.account.polling"].search([("account_id", "in", sick)]).next_date = longest

    polled, words = [], []
    for _interval in range(2):
        start = time.monotonic()
        process = Process(part.registry, lambda _tell: _run_cron(part))
        check.assertEqual(process.end(), 0)
        seconds = [moment - start for moment in (process.last, time.monotonic())]
        words.append("the last mail after {:.1f} s, {:.1f} s in all".format(*seconds))
        with environment(part.registry) as env:
            polled.append(len(get_outcomes(env)))
    print(f"     40 accounts beside 10 that hang: {polled[0]} polled in the first interval ({words[0]}), "
          f"{polled[1]} after the second", flush=True)
    with environment(part.registry) as env:
        check.assertEqual(get_outcomes(env), {marker: ["message"] for marker in markers})
        # nobody is dropped silently
        check.assertTrue(all(env["email.account"].browse(sick).mapped("next_receive_date")))


PARTS = {function.__name__: function for function in (kills_imap, kills_pop3, two_at_once, hanging)}


def main(config, name, hosts):
    seed = int(os.environ.get("SEED") or secrets.randbelow(10**6))
    started = time.monotonic()
    print(f"     {name}: seed {seed}", flush=True)
    PARTS[name](Part(config, json.loads(hosts), seed))
    print(f"     {name}: passed ({time.monotonic() - started:.0f} s)", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
