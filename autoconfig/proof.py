"""Speaks to the servers of a proposal before it is made."""

import time
from collections.abc import Iterable

from .net.errors import NetworkError, most_telling
from .net.network import Network
from .race import Race
from .settings import DIRECTIONS, Server, Settings

MAX_ENDPOINTS = 25  # of a direction: whoever publishes more does not make us knock at all those doors
MOMENT = 0.1  # seconds for the other servers when the best of each direction have answered


async def prove(
    settings: Settings, network: Network, patience: float, directions: Iterable[str] = DIRECTIONS
) -> tuple[Settings | None, dict[Server, NetworkError]]:
    """Speak to all servers at once; return the settings with those that answered, and the others' failures.

    It ends when the best server of each direction is known, a moment later for the others to be listed too.

    :param patience: seconds for better servers once a worse one has answered, or as long as that took
    """
    endpoints = {
        direction: list(dict.fromkeys(server.endpoint for server in settings.servers(direction)))[
            :MAX_ENDPOINTS
        ]
        for direction in directions
    }
    started = time.monotonic()
    answers, failures, ends = {}, {}, None
    async with Race() as race:
        for endpoint in (endpoint for found in endpoints.values() for endpoint in found):
            race.start(endpoint, _speak(endpoint, network))
        while race.running:
            for endpoint, outcome in (await race.ended(ends and max(0, ends - time.monotonic()))).items():
                (failures if isinstance(outcome, NetworkError) else answers)[endpoint] = outcome
            now = time.monotonic()
            if ends is not None and now >= ends:
                break
            if all(_best_known(found, answers, failures) for found in endpoints.values()):
                ends = min(ends or now + MOMENT, now + MOMENT)
            elif ends is None and all(_any_known(found, answers, failures) for found in endpoints.values()):
                ends = now + max(patience, now - started)
    return settings.with_answers(answers), failures


def nothing_answered(failures: dict[Server, NetworkError]) -> NetworkError:
    """Return what to say when no server of a proposal answered."""
    return most_telling(failures.values()) if failures else NetworkError("no_answer", "no server answered")


async def _speak(endpoint, network):
    """Return the server as it was spoken to, or the failure."""
    try:
        return await network.probe(endpoint)
    except NetworkError as error:
        return error


def _best_known(endpoints, answers, failures):
    """Whether no server that is still silent could be the first of its direction."""
    first = next((endpoint for endpoint in endpoints if endpoint not in failures), None)
    return first is None or first in answers


def _any_known(endpoints, answers, failures):
    return any(endpoint in answers for endpoint in endpoints) or all(e in failures for e in endpoints)
