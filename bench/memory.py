"""The memory of this process at its peak."""

import resource
import sys
from pathlib import Path

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def forget_peak():
    """Begin anew, where the system can: elsewhere the peak is that of the whole life of the process."""
    if CLEAR.exists():
        CLEAR.write_text("5")


def peak():
    """Return the bytes of memory at the peak."""
    if STATUS.exists():
        line = next(line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
