"""How fast mail is received, from afar and from many accounts, against stock Odoo.

Both receive the same mails from the same server on this machine, by TLS, over the same relays that make it
distant. ``make bench-receive`` runs it in Odoo's shell.
"""

import argparse
import contextlib
import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from receive_odoo import Receiving
from receive_world import DISTANCES, PROTOCOLS, SIDES, box

from odoo.tools import config

HERE = Path(__file__).parent
MESSAGES, ACCOUNTS, HANGING, RUNS = 1000, 200, 20, 2
STOCK_PART = 0.2  # of the messages: stock takes as long for each of them, and minutes for all
FASTER, KEPT = 3.0, 0.85  # times stock from afar; of what it is near by
POLLED = 600  # seconds after which our own runs are given up
LARGE, WAITING = 3.0, 50  # times a mail's size; MB over idle
AT_ONCE = 350  # MB over idle, of all sessions
COMMANDS = 4
MEGABYTE = 2**20
BUSY = 0.15  # of the cores' time: if others take more, the figures are not worth much
SPEED = "{:>8}  {:6} {:>6} {:>9} {:>8} {:>7} {:>6} {:>6} {:>9} {:>7}"
SPEED_HEAD = ("distance", "", "mails", "time", "mails/s", "CPU", "Odoo", "hosts", "database", "others")
TARGET = "{:58} {:>9}  {:9} {}"


def main(env, arguments):
    """Run the benchmark in Odoo's ``env``; return its exit status: 0, or 1 when a target is missed."""
    options = _parser().parse_args(arguments)
    with _world(options) as (world, pid), _filestore(env):
        receiving = Receiving(env, world, pid)
        receiving.prepare(options.create)
        targets = []
        for name in options.only or PARTS:
            targets += PARTS[name](receiving, world, options)
    missed = targets.count(False)
    print(f"\n{len(targets)} targets, {missed or 'none'} missed")
    return 1 if missed else 0


def _parser():
    parser = argparse.ArgumentParser(prog="make bench-receive", description=__doc__.partition("\n")[0])
    parser.add_argument("only", nargs="*", metavar="PART", help=f"some of: {', '.join(PARTS)}")
    parser.add_argument("--messages", type=int, default=MESSAGES, help="in a mailbox (default: %(default)d)")
    parser.add_argument("--accounts", type=int, default=ACCOUNTS, help="how many (default: %(default)d)")
    parser.add_argument("--runs", type=int, default=RUNS, help="of stock's job (default: %(default)d)")
    parser.add_argument("--create", action="store_true", help="a contact of each mail, not a message on one")
    return parser


@contextlib.contextmanager
def _world(options):
    """Start the hosts in a process of their own; yields where they are, and its id."""
    counts = options.messages, options.accounts, _count_hanging(options)
    command = [sys.executable, HERE / "receive_world.py", *counts]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([str(word) for word in command], **pipes) as process:
        try:
            yield json.loads(process.stdout.readline()), process.pid
        finally:
            process.stdin.close()


@contextlib.contextmanager
def _filestore(env):
    """Remove the attachments at the end."""
    try:
        yield
    finally:
        shutil.rmtree(config.filestore(env.cr.dbname), ignore_errors=True)


# ------------------------------------------------------------
# What is measured; each returns for each of its targets whether it is met
# ------------------------------------------------------------


def _speed(receiving, _world_, options):
    """One mailbox, near by and from afar."""
    what = "a new contact" if options.create else "a message on one contact"
    print(f"\nOne mailbox of {options.messages} mails; each becomes {what}")
    print(SPEED.format(*SPEED_HEAD))
    part = max(round(options.messages * STOCK_PART / 2), 1)
    _receive_both(receiving, "warm", "near", part)  # now everything is loaded
    rates, wrong, busy = {}, 0, 0
    for distance in DISTANCES:
        both = _receive_both(receiving, f"{distance}ms", f"{distance}ms", part)
        for side, count in (("stock", 2 * part), ("own", options.messages)):
            fetched = both[side]
            rates[side, distance] = fetched.rate
            wrong += abs(fetched.count - count)
            busy = max(busy, fetched.busy[-1])
            print(_speed_row(distance, side, fetched), flush=True)
    print("CPU: of Odoo for each mail; Odoo, hosts, database, others: of the cores' time")
    if busy > BUSY:
        print(f"This machine had something else to do ({busy:.0%}): run it again when it is idle.")
    far = DISTANCES[-1]
    faster, kept = rates["own", far] / rates["stock", far], rates["own", far] / rates["own", 0] * 100
    return [
        _at_least(f"mails/s at {far} ms, against stock", faster, FASTER, "x"),
        _at_least(f"mails/s at {far} ms, of those at 0 ms", kept, KEPT * 100, "%"),
        _at_most("mails that are missing or there twice", wrong, 0),
    ]


def _speed_row(distance, side, fetched):
    figures = f"{fetched.seconds:.1f} s", f"{fetched.rate:.1f}", f"{fetched.cpu * 1000:.0f} ms"
    parts = (f"{part:.0%}" for part in fetched.busy)
    return SPEED.format(f"{distance} ms", side, fetched.count, *figures, *parts)


def _receive_both(receiving, what, host, part):
    """Receive from the mailboxes for the measurement ``what``; return what it took by side.

    Stock has its turn before and after, with ``part`` mails each time: should the machine have something
    else to do, both sides have to bear it.
    """
    server = receiving.servers([box("stock", what)], host)
    account = receiving.accounts([box("own", what)], host)
    receive_stock = partial(server._fetch_mail, batch_limit=part)
    stock = receiving.fetch(box("stock", what), receive_stock)
    own = receiving.fetch(box("own", what), partial(receiving.receive_all, account))
    stock += receiving.fetch(box("stock", what), receive_stock)
    receiving.forget(server, account)
    return {"stock": stock, "own": own}


def _commands(receiving, _world_, _options):
    """A mailbox in which nothing has changed."""
    print("\nCommands to look into a mailbox in which nothing has changed")
    targets = []
    for protocol in PROTOCOLS:
        server = receiving.servers([box("stock", protocol)], "quiet", protocol)
        account = receiving.accounts([box("own", protocol)], "quiet", protocol)
        for side, poll in (("stock", server._fetch_mail), ("own", account._receive)):
            receiving.commands(poll)  # fetches what is there
            commands = receiving.commands(poll)
            print(f"{protocol:5} {side:6} {len(commands):>3}  {' '.join(commands)}", flush=True)
        receiving.forget(server, account)
        targets.append(_at_most(f"commands by {protocol.upper()}", len(commands), COMMANDS))
    return targets


def _polling(receiving, world, options):
    """Many accounts, of which some hang; then the memory, while stock waits for those that hang."""
    hanging = _count_hanging(options)
    healthy = options.accounts - hanging
    print(f"\n{options.accounts} accounts with a mail each, of which the first {hanging} hang")
    first = receiving.accounts([box("own", "hanging", number) for number in range(hanging)], "hanging")
    others = receiving.accounts([box("own", "many", number) for number in range(healthy)], "near")
    own = receiving.poll_own(box("own", "many"), others, first, POLLED)
    print(_polled_row("own", own, healthy), flush=True)
    receiving.forget(first, others)
    first = receiving.servers(
        [box("stock", "hanging", number) for number in range(hanging)], "hanging", priority=1
    )
    others = receiving.servers([box("stock", "many", number) for number in range(healthy)], "near")
    with ThreadPoolExecutor(1) as pool:
        stock = pool.submit(receiving.poll_stock, box("stock", "many"), healthy, options.runs)
        targets = _memory(receiving, world, options)
    print()
    print(_polled_row("own", own, healthy))
    print(_polled_row("stock", stock.result(), healthy))
    receiving.forget(first, others)
    missed = healthy - min(own.reached, healthy) + (0 if own.all else hanging)
    return [
        *targets,
        _at_most("accounts that were not polled", missed, 0),
        _at_most("mails of theirs that are there twice", max(own.reached - healthy, 0), 0),
    ]


def _count_hanging(options):
    return max(options.accounts * HANGING // ACCOUNTS, 1)


def _polled_row(side, polled, healthy):
    words = f"{side:6} {polled.reached} of {healthy} mails after {polled.runs} runs of the job"
    words += f" ({polled.seconds:.0f} s)"
    if polled.healthy:
        words += f"; the last of them after {polled.healthy:.1f} s"
    if polled.all:
        words += f", the hanging ones tried after {polled.all:.1f} s"
    return words


def _memory(_receiving, world, _options):
    """A large mail and many waiting ones, each in a process of its own."""
    print("\nMemory")
    figures = _read_json([sys.executable, HERE / "receive_memory.py"])
    megabytes, waiting = figures["large_bytes"] / MEGABYTE, figures["many_messages"]
    targets = []
    for protocol in PROTOCOLS:
        words = f"process that fetches a mail of {megabytes:.0f} MB by {protocol.upper()}, of its size"
        targets.append(_at_most(words, figures[f"{protocol}_large"] / megabytes, LARGE, "x"))
        words = f"over idle with {waiting:,} mails waiting, {protocol.upper()}"
        targets.append(_at_most(words, figures[f"{protocol}_many"], WAITING, "MB"))
    missing = 0
    for side in SIDES:
        script = (
            f"import sys\n\nsys.path.insert(0, {str(HERE)!r})\nimport receive_big\n\n"
            f"receive_big.main(env, {world!r}, {side!r})\n"
        )
        outcome = _read_json(sys.orig_argv, input=script)
        size = outcome["bytes"] / MEGABYTE
        print(f"Odoo that receives a mail of 25 MB, {side}: {size:.0f} MB over idle", flush=True)
        missing += outcome["count"] != 1
    return [*targets, _at_most("mails of 25 MB that are missing or there twice", missing, 0)]


def _hostile(_receiving, _world_, _options):
    """Servers that answer without end, or with more than was asked for."""
    print("\nOver idle, whatever a server answers")
    figures = _read_json([sys.executable, HERE / "receive_hostile.py"])
    together = next(name for name in figures if name.endswith(" at once"))
    targets = [_at_most(together, figures.pop(together)["mb"], AT_ONCE, "MB")]
    return [*targets, *(_at_most(name, found["mb"], WAITING, "MB") for name, found in figures.items())]


def _read_json(command, **kwargs):
    """Run a command; return what its last line of output says.

    :raises subprocess.CalledProcessError: it failed
    """
    done = subprocess.run(
        [str(word) for word in command], check=True, stdout=subprocess.PIPE, text=True, timeout=300, **kwargs
    )
    return json.loads(done.stdout.splitlines()[-1])


PARTS = {"speed": _speed, "commands": _commands, "polling": _polling, "hostile": _hostile}


# ------------------------------------------------------------
# Targets
# ------------------------------------------------------------


def _at_least(words, value, limit, unit=""):
    return _judge(words, value, f">= {limit:g} {unit}", value >= limit, unit)


def _at_most(words, value, limit, unit=""):
    return _judge(words, value, f"<= {limit:g} {unit}", value <= limit, unit)


def _judge(words, value, limit, met, unit):
    """Print a target; return whether it is met."""
    figures = f"{value:.4g} {unit}".strip(), limit.strip()
    print(TARGET.format(words, *figures, "ok" if met else "MISSED"), flush=True)
    return met
