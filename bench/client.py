"""One discovery in the small internet of ``world``: its time, its questions, its memory."""

import asyncio
import functools
import gc
import ssl
import time

import plain  # noqa: F401
from memory import forget_peak, peak

# isort: split
from email_account.autoconfig import Address, Discovery, Guard, Network, discover
from email_account.tests.hosts.network import ANY, PlacedNetwork

ALLOWED = ["203.0.113.0/24"]
QUESTIONS = ("resolve_async", "mx", "srv", "txt", "get", "post", "redirect", "probe")


def _logged(name):
    method = getattr(Network, name)

    @functools.wraps(method)
    async def asked(self, *question):
        key = (name, *question)
        if key in self.log:  # it is asked once, others wait for the same answer
            return await method(self, *question)
        entry = self.log[key] = [time.perf_counter(), None, "cancelled"]
        try:
            result = await method(self, *question)
            entry[2] = f"{len(result)} records" if name in ("mx", "srv", "txt") else "answered"
            return result
        except Exception as error:
            entry[2] = f"{getattr(error, 'result', type(error).__name__)}: {error}"
            raise
        finally:
            entry[1] = time.perf_counter()

    return asked


class LoggingNetwork(PlacedNetwork):
    """The network of one discovery; ``log`` holds its questions: ``[began, ended, outcome]`` of each.

    :param world: what ``world`` prints
    :param network: of the scenario
    """

    lookup_lifetime = 5.0  # the system's, for each name server that it knows

    def __init__(self, world, network=""):
        self.log = {}
        places = {(ip, port): to for ip, port, to in world["places"]}
        if network == "hole":
            hole = next(to for (ip, _port), to in places.items() if ip == world["hole"])
            places = {(ANY, ANY): hole}
        nameserver = world["silent_nameserver" if network == "silent_dns" else "nameserver"]
        super().__init__(
            tuple(nameserver), places, guard=Guard(ALLOWED), ssl_context=_context(world["authority"])
        )

    def asked(self, started) -> list[dict]:
        """Return the questions in the order in which they were asked, times in ms."""
        return [
            {
                "at": round((began - started) * 1000, 1),
                "took": round(((ended or time.perf_counter()) - began) * 1000, 1),
                "question": _words(*key),
                "outcome": outcome,
            }
            for key, (began, ended, outcome) in self.log.items()
        ]


for question in QUESTIONS:
    setattr(LoggingNetwork, question, _logged(question))


@functools.lru_cache(maxsize=1)
def _context(pem):
    return ssl.create_default_context(cadata=pem)


def _words(name, subject, *_more):
    if name == "probe":
        return f"probe {subject.protocol} {subject.host}:{subject.port} {subject.security}"
    return f"{name.removesuffix('_async')} {subject}"


def run(scenario, world) -> tuple[float, Discovery, list[dict]]:
    """Run one discovery; return its seconds, its answer and what it asked."""
    address, network = Address.parse(scenario.address), LoggingNetwork(world, scenario.network)

    async def timed():
        started = time.perf_counter()
        discovery = await discover(address, network=network)
        return time.perf_counter() - started, discovery, network.asked(started)

    return asyncio.run(timed())


def memory(scenario, world) -> float:
    """Run one discovery; return by how many MB the process grew at most, over what it had before.

    Before, it has loaded everything and has answered for a known provider.
    """
    asyncio.run(discover(Address.parse("jane@fastmail.com"), network=LoggingNetwork(world)))
    gc.collect()
    forget_peak()
    idle = peak()
    run(scenario, world)
    return round((peak() - idle) / 1e6, 1)
