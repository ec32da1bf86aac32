"""``python -m autoconfig ADDRESS``: discovery on the command line, without Odoo."""

import argparse
import asyncio
import json
import math
import sys

from . import Address, AddressError, Guard, Network, discover
from .engine import DEADLINE

FOUND, NOT_FOUND = 0, 1  # and argparse's 2 for bad usage


def main(argv: list[str] | None = None, network: Network | None = None) -> int:
    """Run the command; return its exit status.

    :raises SystemExit: with status 2 for bad usage, a malformed address included
    """
    parser = _parser()
    options = parser.parse_args(argv)
    try:
        address = Address.parse(options.address)
    except AddressError as error:
        parser.error(f"{options.address}: {error}")
    network = network or Network(Guard(("*",) if options.allow_private else ()))
    discovery = asyncio.run(discover(address, network=network, deadline=options.deadline))
    text = json.dumps(discovery.as_dict(), indent=2) if options.json else "\n".join(_lines(discovery))
    sys.stdout.write(f"{text}\n")
    return FOUND if discovery.settings else NOT_FOUND


def _parser():
    parser = argparse.ArgumentParser(
        prog="python -m autoconfig",
        description="Find the mail servers of an email address and how to log in to them.",
        epilog="Exit status: 0 found, 1 not found, 2 bad usage. "
        "The environment variable SSL_CERT_FILE names other certificate authorities.",
    )
    parser.add_argument("address", metavar="ADDRESS", help="email address")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--deadline",
        type=_seconds,
        default=DEADLINE,
        metavar="SECONDS",
        help="end after this time with what was found until then (default: %(default)g)",
    )
    parser.add_argument(
        "--allow-private",
        action="store_true",
        help="connect to addresses that are not on the public internet, too",
    )
    return parser


def _seconds(text):
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not (math.isfinite(seconds) and seconds > 0):
        raise argparse.ArgumentTypeError(f"{text}: not a positive number of seconds")
    return seconds


def _lines(discovery):
    settings = discovery.settings
    if settings:
        trust = "trusted" if settings.trusted else "not trusted: confirm that it is your provider"
        yield f"{discovery.address}: found in {discovery.elapsed_ms} ms by {settings.source}, {trust}"
        yield f"servers of {settings.domain}" + (f" ({settings.name})" if settings.name else "")
        for server in settings.incoming + settings.outgoing:
            login = server.username or "(user name not stated)"
            methods = ", ".join(server.authentication)
            place = f"{server.host}:{server.port}"
            yield f"  {server.protocol:5} {place} {server.security:9} {login} {methods}".rstrip()
    else:
        yield f"{discovery.address}: no settings found in {discovery.elapsed_ms} ms"
    yield "asked"
    for step in discovery.steps:
        yield f"  {step.source:15} {step.result:10} {step.elapsed_ms:6} ms  {step.detail}".rstrip()


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="backslashreplace")
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
