"""Which regular expressions take more than linear time; run as a script, in a process that may be ended.

Its input is JSON, a list of ``[name, pattern, flags, whether of bytes, names of calls]``. For each it prints a line
of JSON: ``[name]`` when it begins, then ``[name, finding]``, the finding being None or ``[call, seconds at the half,
seconds, beginning of the text]``.
"""

import json
import re
import resource
import sys
import time
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from slow_inputs import slow_inputs

HALF, WHOLE = 100_000, 200_000
# what takes less at this length (seconds of CPU) is not measured further
SCREEN, SCREEN_SECONDS = 6_000, 0.004
# twice the length may take so many times as long; less than the floor (seconds of CPU) is not judged
GROWTH, FLOOR = 2.5, 0.05
# seconds of CPU for the half: no need to wait for the other
HOPELESS = 5


def _each(pattern, text):
    for _match in pattern.finditer(text):
        pass


def _get_calls(pattern, names):
    calls = {"search": pattern.search, "match": pattern.match, "fullmatch": pattern.fullmatch}
    each = partial(_each, pattern)
    return {name: calls.get(name, each) for name in names}


def _seconds(call, text, runs=1):
    """The least CPU time of some runs."""
    times = []
    for _run in range(runs):
        start = time.process_time()
        call(text)
        times.append(time.process_time() - start)
    return min(times)


def judge(pattern, flags, names):
    """Return what is slow, the first of it."""
    calls = _get_calls(re.compile(pattern, flags), names)
    for number, text in enumerate(slow_inputs(pattern, flags, SCREEN)):
        for name, call in calls.items():
            if _seconds(call, text) < SCREEN_SECONDS or _seconds(call, text, 2) < SCREEN_SECONDS:
                continue
            half, whole = (_nth(slow_inputs(pattern, flags, length), number) for length in (HALF, WHOLE))
            first = _seconds(call, half)
            second = None if first > HOPELESS else _seconds(call, whole)
            if second and second > FLOOR and second > GROWTH * first:  # once more, before it is said
                first, second = _seconds(call, half, 3), _seconds(call, whole, 3)
            if not second or second > FLOOR and second > GROWTH * first:
                return [name, first, second, repr(text[:60])]
    return None


def _nth(texts, number):
    return next(text for place, text in enumerate(texts) if place == number)


def main():
    for name, pattern, flags, is_bytes, calls in json.load(sys.stdin):
        used = resource.getrusage(resource.RUSAGE_SELF)
        limit = int(used.ru_utime + used.ru_stime) + 60
        resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))
        print(json.dumps([name]), flush=True)
        given = pattern.encode("latin-1") if is_bytes else pattern
        print(json.dumps([name, judge(given, flags, calls)]), flush=True)


if __name__ == "__main__":
    main()
