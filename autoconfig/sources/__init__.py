"""One module a way of publishing mail settings."""

from collections.abc import Iterable

from ..providers import Provider, load_providers
from .autoconfig import AutoconfigSource
from .base import Source
from .ispdb import ISPDB_URL, IspdbSource
from .mx import MxSource
from .provider import ProviderSource


def default_sources(providers: Iterable[Provider] | None = None, ispdb_url: str = ISPDB_URL) -> list[Source]:
    """Return a fresh list of the sources that come with the package, for callers to add to.

    :param providers: known providers, by default those of the data file
    :param ispdb_url: where to ask the central database, with a final slash
    """
    providers = load_providers() if providers is None else tuple(providers)
    return [
        ProviderSource(providers),
        AutoconfigSource(),
        IspdbSource(ispdb_url),
        MxSource(providers, ispdb_url),
    ]
