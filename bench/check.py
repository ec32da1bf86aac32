"""How long it takes to check 200 accounts at once, 20 of them black-holed and 20 hanging after the banner.

The others log in, send and find a real test email, at a real mail host on this machine. They must not be held
up by those that hang. ``make bench-check`` runs it in Odoo's shell.
"""

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
from pathlib import Path

from check_odoo import Mailboxes

from odoo.addons.email_account.models.check_run import RUN_TIMEOUT

ACCOUNTS, SICK, ROUNDS = 200, 20, 3
ONE_BY_ONE = 10  # accounts that are checked one after the other, for comparison
SHORT = 10  # seconds of time-out of those that hang, after the first check: the benchmark has to end some day
RATIO = 2.0  # times what the healthy ones take alone
OVERTIME = 5  # seconds over RUN_TIMEOUT
THREADS = 5  # more than accounts
MEMORY = 0.5  # MB an account
ROW = "{:30} {:>9} {:>9} {:>9} {:>8} {:>8} {:>6} {:>6} {:>6}"
HEAD = ("", "healthy", "all", "stored", "threads", "memory", "Odoo", "hosts", "others")
EXPLANATION = """
healthy, all: until the last of them had ended; stored: until the reports were; threads, memory: at the
peak, over those before; Odoo, hosts, others: of the cores' time until the last healthy one had ended
"""


def main(env, arguments):
    """Run the benchmark in Odoo's ``env``; return its exit status: 0, or 1 when a target is missed."""
    options = _parser().parse_args(arguments)
    count, sick = options.accounts, max(options.accounts // (ACCOUNTS // SICK), 1)
    with _world(count) as (world, pid):
        mailboxes = Mailboxes(env, world, pid, sick)
        return _report(mailboxes, _measure(mailboxes, options.rounds))


def _parser():
    parser = argparse.ArgumentParser(prog="make bench-check", description=__doc__.partition("\n")[0])
    parser.add_argument("--accounts", type=int, default=ACCOUNTS, help="how many (default: %(default)d)")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of the check (default: %(default)d)")
    return parser


@contextlib.contextmanager
def _world(count):
    """Start the hosts in a process of their own; yields where they are, and its id."""
    command = [sys.executable, Path(__file__).with_name("check_world.py"), str(count)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield json.loads(process.stdout.readline()), process.pid
        finally:
            process.stdin.close()


def _measure(mailboxes, rounds):
    """Measure everything, print a line for each; return the outcomes by what was measured."""
    healthy, everyone = mailboxes.accounts["healthy"], mailboxes.all
    print(ROW.format(*HEAD))
    outcomes = {"alone": [], "all": [], "login alone": [], "login": []}

    def check(key, accounts, words, **options):
        outcome = mailboxes.check(accounts, **options)
        outcomes[key].append(outcome)
        print(_row(f"{words} {len(accounts)}", outcome), flush=True)

    for number in range(1, rounds + 1):
        check("alone", healthy, f"{number}. check: healthy")
        check("all", everyone, f"{number}. check: all")
        mailboxes.set_timeout(SHORT)
        check("login alone", healthy, f"{number}. log in only: healthy", login_only=True)
        check("login", everyone, f"{number}. log in only: all", login_only=True)
    return outcomes


def _row(words, outcome):
    return ROW.format(
        words,
        *(f"{seconds:.1f} s" for seconds in (outcome.healthy, outcome.network, outcome.wall)),
        outcome.threads,
        f"{outcome.memory:.0f} MB",
        *(f"{part:.0%}" for part in outcome.busy),
    )


def _report(mailboxes, outcomes):
    """Print what the figures mean; return the exit status."""
    count = len(mailboxes.all)
    whole = outcomes["all"][0]  # with the time-outs that accounts have by default
    every = [outcome for kind in outcomes.values() for outcome in kind]
    threads = max(outcome.threads for outcome in every)
    memory = max(outcome.memory for outcome in every)
    print(EXPLANATION)
    targets = [
        _ratio("healthy ones among all, against alone", outcomes["alone"], outcomes["all"]),
        _ratio("the same, logging in only", outcomes["login alone"], outcomes["login"]),
        _at_most("all, with the default time-outs", whole.network, RUN_TIMEOUT + OVERTIME, "s"),
        _at_most("threads", threads, count + THREADS, ""),
        _at_most("memory an account", memory / count, MEMORY, "MB"),
        _at_most("results that are wrong", sum(outcome.wrong for outcome in every), 0, ""),
    ]
    _compare(mailboxes, whole)
    missed = targets.count(False)
    print(f"{len(targets)} targets, {missed or 'none'} missed")
    return 1 if missed else 0


def _ratio(words, alone, among):
    ratios = [one.healthy / other.healthy for one, other in zip(among, alone, strict=True)]
    return _at_most(words, statistics.median(ratios), RATIO, "x", ", ".join(f"{each:.2f}" for each in ratios))


def _at_most(words, value, limit, unit, details=""):
    """Print a target; return whether it is met."""
    met = value <= limit
    figures = f"{value:.4g} {unit}".strip(), f"<= {limit:g} {unit}".strip()
    print("{:40} {:>9}  {:9} {:7} {}".format(words, *figures, "ok" if met else "MISSED", details).rstrip())
    return met


def _compare(mailboxes, whole):
    """Print what it would take without the engine: nothing in Odoo sends and finds a test email."""
    healthy = mailboxes.accounts["healthy"]
    each = mailboxes.check_one_by_one(healthy[:ONE_BY_ONE])
    sick = sum(seconds for account, seconds in whole.ended.items() if account not in healthy._ids)
    total = each * len(healthy) + sick
    print(
        f"\none after the other (computed): {len(healthy)} x {each:.2f} s (measured with {ONE_BY_ONE}) + "
        f"{sick:.0f} s of time-outs = {total:.0f} s,\n"
        f"{total / whole.wall:.0f} x as long as at once ({whole.wall:.0f} s)\n"
    )
