"""``make bench-discovery``."""
from console import supervise
from paths import REPO
from python_env import environment
from system import require


def discovery(*arguments):
    """How long discovery takes where every answer of the network takes 40 ms, scenario by scenario."""
    require()
    return supervise(environment(), "bench/discovery.py", *arguments, cwd=REPO)
