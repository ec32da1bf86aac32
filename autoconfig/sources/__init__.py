"""One module a way of publishing mail settings."""

from collections.abc import Iterable

from ..providers import Provider, load_providers
from .autoconfig import AutoconfigHttpSource, AutoconfigSource
from .autodiscover import AutodiscoverSource
from .base import DomainSource, Source
from .guess import GuessSource
from .ispdb import ISPDB_URL, IspdbSource
from .microsoft import MicrosoftSource
from .mx import MxSource
from .pacc import PaccSource
from .parent import ParentSource
from .provider import ProviderSource
from .provider_mx import ProviderMxSource
from .srv import SrvSource

__all__ = ["DomainSource", "Source", "default_sources"]


def default_sources(providers: Iterable[Provider] | None = None, ispdb_url: str = ISPDB_URL) -> list[Source]:
    """Return a fresh list of the sources that come with the package, for callers to add to.

    :param providers: known providers, by default those of the data file
    :param ispdb_url: where to ask the central database, with a final slash
    """
    providers = load_providers() if providers is None else tuple(providers)
    of_a_domain = [
        ProviderSource(providers),
        ProviderMxSource(providers),
        AutoconfigSource(),
        PaccSource(),
        IspdbSource(ispdb_url),
        SrvSource(),
        MxSource(providers, ispdb_url),
    ]
    return [
        *of_a_domain,
        AutoconfigHttpSource(),
        AutodiscoverSource(providers),
        MicrosoftSource(providers),
        ParentSource(of_a_domain),
        GuessSource(),
    ]
