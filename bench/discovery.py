"""How long discovery takes, scenario by scenario, where every answer of the network takes 40 ms.

Each way of publishing is measured against the least that it can take: the answers that must come one after
another, those of the proposed servers included, as they are spoken to before they are proposed.
"""

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import client
from scenario import Scenario
from scenarios import SCENARIOS

RUNS = 5
SLOW = 1.5  # seconds; what takes longer is run once
RATIO = 2.0  # times the least
MEMORY = 30.0  # MB over idle
ROW = "{:42} {:11} {:>9} {:>8} {:>6} {:>6} {:>9} {:>7}  {}"
HEAD = ROW.format("scenario", "found by", "time", "answers", "least", "ratio", "target", "memory", "")


@dataclass
class Result:
    """What came of a scenario."""

    scenario: Scenario
    delay: float
    """of an answer, in seconds"""
    seconds: list[float]
    """one of each run, sorted"""
    source: str
    host: str
    doubt: str
    steps: list[dict]
    asked: list[dict]
    """of the run that took the median, like ``steps``"""
    memory: float | None = None
    """MB over idle at the peak; None where it was not measured"""

    @property
    def time(self) -> float:
        return statistics.median_low(self.seconds)

    @property
    def answers(self) -> float:
        """How many answers one after another take that long."""
        return self.time / self.delay

    @property
    def limit(self) -> float:
        """The target in seconds."""
        scenario = self.scenario
        return RATIO * scenario.least * self.delay if scenario.limit is None else scenario.limit

    @property
    def missed(self) -> list[str]:
        """What is not as it should be."""
        scenario, missed = self.scenario, []
        found, expected = (
            (self.source, self.host, self.doubt),
            (scenario.source, scenario.host, scenario.doubt),
        )
        if found != expected:
            missed.append(f"found {_words(found)} instead of {_words(expected)}")
        if self.time > self.limit:
            missed.append("too slow")
        if self.memory is not None and self.memory > MEMORY:
            missed.append(f"more than {MEMORY:g} MB")
        if not scenario.chain and scenario.source and self.asked:
            missed.append("asks the network")
        return missed

    def row(self) -> str:
        least = self.scenario.least
        relative = self.scenario.limit is None
        return ROW.format(
            self.scenario.name,
            self.source or "-",
            f"{self.time * 1000:.1f} ms",
            f"{self.answers:.1f}",
            least or "-",
            f"{self.answers / least:.2f}" if least else "-",
            f"<= {RATIO:g} x" if relative else f"{self.limit * 1000:.0f} ms",
            "" if self.memory is None else f"{self.memory:.1f} MB",
            "; ".join(self.missed) and f"MISSED: {'; '.join(self.missed)}" or "ok",
        )

    def events(self):
        """Lines that tell where the time went."""
        if self.scenario.chain:
            yield f"    least: {self.scenario.chain}"
        for event in sorted(self.asked, key=lambda each: each["at"]):
            yield f"    {event['at']:7.1f} +{event['took']:7.1f}  {event['question']}  ({event['outcome']})"
        for step in self.steps:
            yield f"    {step['elapsed_ms']:7} ms  {step['source']}: {step['result']}  {step['detail']}"

    def as_dict(self) -> dict:
        return {
            "scenario": self.scenario.name,
            "address": self.scenario.address,
            "source": self.source,
            "host": self.host,
            "doubt": self.doubt,
            "seconds": [round(each, 4) for each in self.seconds],
            "median": round(self.time, 4),
            "answers": round(self.answers, 1),
            "least": self.scenario.least,
            "chain": self.scenario.chain,
            "limit": round(self.limit, 4),
            "memory_mb": self.memory,
            "missed": self.missed,
            "steps": self.steps,
            "asked": self.asked,
        }


def main(arguments=None) -> int:
    """Run the benchmark; return its exit status: 0, 1 when a target is missed, 2 for bad usage."""
    options = _parser().parse_args(arguments)
    if options.memory:
        scenario = next(each for each in SCENARIOS if each.name == options.memory)
        print(client.memory(scenario, json.load(sys.stdin)))
        return 0
    chosen = [each for each in SCENARIOS if all(word.lower() in each.name.lower() for word in options.words)]
    if options.list or not chosen:
        print("\n".join(each.name for each in chosen or SCENARIOS))
        return 0 if chosen else 2
    results = []
    with _world(options.delay / 1000) as world:
        for scenario in chosen:
            results.append(_measure(scenario, world, options.delay / 1000, options.runs))
            if not options.json:
                _print(results[-1], with_head=len(results) == 1, with_events=options.events)
    missed = sum(bool(result.missed) for result in results)
    if options.json:
        print(json.dumps([result.as_dict() for result in results], indent=1))
    else:
        print(f"{len(results)} scenarios, {options.delay:g} ms an answer; {missed or 'none'} missed a target")
    return 1 if missed else 0


def _parser():
    parser = argparse.ArgumentParser(prog="make bench-discovery", description=__doc__.partition("\n")[0])
    parser.add_argument(
        "words", nargs="*", metavar="WORD", help="run only the scenarios with all these words in their names"
    )
    parser.add_argument("--list", action="store_true", help="print their names and end")
    parser.add_argument("--runs", type=int, default=RUNS, help="how often each is run (default: %(default)d)")
    parser.add_argument(
        "--delay", type=float, default=40, help="of each answer, in ms (default: %(default)g)"
    )
    parser.add_argument("--events", action="store_true", help="print what was asked when, and the steps")
    parser.add_argument("--json", action="store_true", help="print JSON, events included")
    parser.add_argument("--memory", help=argparse.SUPPRESS)  # one scenario, its world on standard input
    return parser


@contextlib.contextmanager
def _world(delay):
    """Start the hosts in a process of their own; yields where they are."""
    command = [sys.executable, Path(__file__).with_name("world.py"), str(delay)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.stdin.close()


def _measure(scenario, world, delay, runs):
    first = client.run(scenario, world)  # the hosts make their certificates meanwhile
    outcomes = [first] if first[0] > SLOW else [client.run(scenario, world) for _ in range(runs)]
    outcomes.sort(key=lambda outcome: outcome[0])
    _seconds, discovery, asked = outcomes[(len(outcomes) - 1) // 2]
    settings = discovery.settings
    return Result(
        scenario,
        delay,
        [seconds for seconds, _discovery, _asked in outcomes],
        source=settings.source if settings else "",
        host=settings.incoming[0].host if settings and settings.incoming else "",
        doubt=settings.doubt if settings else "",
        steps=[step.as_dict() for step in discovery.steps],
        asked=asked,
        memory=_memory(scenario, world) if scenario.memory else None,
    )


def _memory(scenario, world):
    """Measure in a process that has done nothing else."""
    command = [sys.executable, __file__, "--memory", scenario.name]
    done = subprocess.run(command, input=json.dumps(world), stdout=subprocess.PIPE, text=True, check=True)
    return float(done.stdout)


def _print(result, with_head, with_events):
    if with_head:
        print(HEAD)
    print(result.row(), flush=True)
    if with_events:
        print("\n".join(result.events()), flush=True)


def _words(found):
    return " ".join(filter(None, found)) or "nothing"


if __name__ == "__main__":
    sys.exit(main())
