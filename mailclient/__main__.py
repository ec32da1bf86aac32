"""``python -m mailclient explain``: JSON lines in, JSON lines out; see ``docs/design.md``."""

import argparse
import json
import sys

from .causes import PROTOCOLS, STAGES, explain


def _ask(line: bytes) -> dict:
    """Answer one line.

    :raises ValueError: with a sentence, if the line is no question
    """
    try:
        question = json.loads(line.decode("utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as exc:
        raise ValueError(f"this is no JSON ({exc})") from exc
    if not isinstance(question, dict):
        raise ValueError("expected an object with protocol, stage and raw")
    for key, allowed in (("protocol", PROTOCOLS), ("stage", STAGES), ("raw", None)):
        value = question.get(key)
        if not isinstance(value, str):
            raise ValueError(f"{key!r} must be a string")
        if allowed and value not in allowed:
            raise ValueError(f"{key!r} is {value!r}, expected one of {', '.join(allowed)}")
    cause = explain(question["protocol"], question["stage"], question["raw"])
    return {"cause": cause.name, "advice": cause.advice, "link": cause.link, "field": cause.field}


def main(arguments=None) -> int:
    """Run the command; exit status 0, or 2 for bad usage or a bad line."""
    parser = argparse.ArgumentParser(prog="python -m mailclient")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser(
        "explain",
        help="name the cause of replies and exceptions",
        description='Reads JSON lines {"protocol", "stage", "raw"} from standard input and writes '
        '{"cause", "advice", "link", "field"} for each.',
    )
    parser.parse_args(arguments)
    for number, line in enumerate(sys.stdin.buffer, 1):
        if not line.strip():
            continue
        try:
            answer = _ask(line)
        except ValueError as exc:
            sys.stderr.write(f"Line {number}: {exc}.\n")
            return 2
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
