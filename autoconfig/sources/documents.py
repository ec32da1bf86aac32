"""Mozilla's documents at several addresses of the web, the first of which counts most."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

from ..address import Address
from ..formats import Document, FormatError, mozilla
from ..net.errors import NetworkError, most_telling
from ..net.network import Network
from ..race import Race

_Key = TypeVar("_Key")


def autoconfig_url(domain: str, address: Address) -> str:
    """Return where a domain publishes its settings first (draft-ietf-mailmaint-autoconfig-06, rank 1.1)."""
    return f"https://autoconfig.{domain}/mail/config-v1.1.xml?emailaddress={quote(str(address), safe='@')}"


async def first_document(urls: Sequence[str], address: Address, network: Network) -> tuple[Document, str]:
    """Ask all URLs at once; return the document of the first that has one, and its URL without the query.

    :raises NetworkError, FormatError: when none has one; of their failures the most telling
    """

    async def read(url):
        return mozilla.parse(await network.get(url), address)

    document, url = await first_of(urls, read)
    return document, url.partition("?")[0]


async def first_of(keys: Sequence[_Key], ask: Callable[[_Key], Awaitable[Any]]) -> tuple[Any, _Key]:
    """Ask for all keys at once; return what the first that has something brings, and its key.

    :param keys: what counts most comes first; a URL gives its host to messages
    :raises NetworkError, FormatError: when none has anything; of their failures the most telling
    """
    outcomes = {}
    async with Race() as race:
        for key in dict.fromkeys(keys):
            race.start(key, _outcome(ask, key))
        while race.running:
            outcomes |= await race.ended()
            for key in keys:
                if key not in outcomes:
                    break  # it counts more than those after it
                if not isinstance(outcomes[key], (NetworkError, FormatError)):
                    return outcomes[key], key
    raise most_telling(outcomes.values())


async def _outcome(ask, key):
    """Return what it brings, or the failure."""
    try:
        return await ask(key)
    except FormatError as error:
        return FormatError(f"{urlsplit(key).hostname}: {error}") if isinstance(key, str) else error
    except NetworkError as error:
        return error
