"""Mozilla's documents at several addresses of the web, the first of which counts most."""

from collections.abc import Sequence
from urllib.parse import quote, urlsplit

from ..address import Address
from ..formats import Document, FormatError, mozilla
from ..net.errors import NetworkError
from ..net.network import Network
from ..race import Race

# of several failures the one that tells most: somebody can do something about it
_TELLING = ("invalid", "refused", "no_answer", "not_found")


def autoconfig_url(domain: str, address: Address) -> str:
    """Return where a domain publishes its settings first (draft-ietf-mailmaint-autoconfig-06, rank 1.1)."""
    return f"https://autoconfig.{domain}/mail/config-v1.1.xml?emailaddress={quote(str(address), safe='@')}"


async def first_document(urls: Sequence[str], address: Address, network: Network) -> tuple[Document, str]:
    """Ask all URLs at once; return the document of the first that has one, and its URL without the query.

    :raises NetworkError, FormatError: when none has one; of their failures the most telling
    """
    outcomes = {}
    async with Race() as race:
        for url in urls:
            race.start(url, _document(url, address, network))
        while race.running:
            outcomes |= await race.ended()
            for url in urls:
                if url not in outcomes:
                    break  # it counts more than those after it
                if isinstance(outcomes[url], Document):
                    return outcomes[url], url.partition("?")[0]
    raise min(outcomes.values(), key=lambda error: _TELLING.index(error.result))


async def _document(url, address, network):
    """Return the document or the failure to get it."""
    try:
        return mozilla.parse(await network.get(url), address)
    except FormatError as error:
        return FormatError(f"{urlsplit(url).hostname}: {error}")
    except NetworkError as error:
        return error
