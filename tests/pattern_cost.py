"""Which regular expressions take more than linear time; run as a script, in a process that may be ended.

Its argument is the seconds of CPU for each, its input JSON: a list of ``[name, pattern, flags, whether of
bytes, names of calls]``. For each it writes a line of JSON: ``[name]`` when it begins, then what it found,
``[name, None]`` or ``[name, [call, seconds at the half, seconds, beginning of the text]]``.
"""

import json
import re
import resource
import sys
import time
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))
from slow_texts import count_steps, slow_texts

HALF, WHOLE = 100_000, 200_000
# what takes less at the second length (seconds), or no more than so many times what it takes at the first, is
# not measured further
SCREEN, SCREEN_LONGER, SCREEN_SECONDS, SCREEN_GROWTH = 3_000, 12_000, 0.0003, 8
# a pattern that matches in no more ways than these at each place of a text is linear, and fast enough
STEPS = 10_000_000
# twice the length may take so many times as long; less than the floor (seconds of CPU) is not judged
GROWTH, FLOOR = 2.5, 0.05
# seconds of CPU for the half: no need to wait for the other
HOPELESS = 3


def _each(pattern, text):
    for _match in pattern.finditer(text):
        pass


def _get_calls(pattern, names):
    calls = {"search": pattern.search, "match": pattern.match, "fullmatch": pattern.fullmatch}
    each = partial(_each, pattern)
    return {name: calls.get(name, each) for name in names}


def _seconds(call, text, runs=1, clock=time.process_time):
    """The least time of some runs."""
    times = []
    for _run in range(runs):
        start = clock()
        call(text)
        times.append(clock() - start)
    return min(times)


# of what takes less than a tick of the clock for CPU time: the least of some runs is not disturbed by others
_seconds_by_clock = partial(_seconds, clock=time.perf_counter)


def judge(pattern, flags, names):
    """Return what is slow, the first of it."""
    if count_steps(pattern, flags) <= STEPS:
        return None
    calls = _get_calls(re.compile(pattern, flags), names)
    texts = zip(
        slow_texts(pattern, flags, SCREEN), slow_texts(pattern, flags, SCREEN_LONGER), strict=True
    )
    for number, (text, longer) in enumerate(texts):
        for name, call in calls.items():
            if _seconds_by_clock(call, longer) < SCREEN_SECONDS:
                continue
            if _seconds_by_clock(call, longer, 3) < SCREEN_GROWTH * _seconds_by_clock(call, text, 4):
                continue
            half, whole = (_nth(slow_texts(pattern, flags, length), number) for length in (HALF, WHOLE))
            first = _seconds(call, half)
            second = None if first > HOPELESS else _seconds(call, whole)
            if second is not None and second > max(FLOOR, GROWTH * first):  # once more, before it is said
                first, second = _seconds(call, half, 3), _seconds(call, whole, 2)
            if second is None or second > max(FLOOR, GROWTH * first):
                return [name, first, second, repr(text[:60])]
    return None


def _nth(texts, number):
    return next(text for place, text in enumerate(texts) if place == number)


def main():
    for name, pattern, flags, is_bytes, calls in json.load(sys.stdin):
        used = resource.getrusage(resource.RUSAGE_SELF)
        limit = int(used.ru_utime + used.ru_stime) + int(sys.argv[1])
        resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))
        _say([name])
        given = pattern.encode("latin-1") if is_bytes else pattern
        _say([name, judge(given, flags, calls)])


def _say(line):
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
