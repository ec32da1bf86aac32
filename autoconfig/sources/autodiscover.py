"""Microsoft's Autodiscover version 1, as many web hosts answer it; it is asked without a login.

[MS-OXDSCLI] sections 3.1.5.4 and 4.1.
"""

from collections.abc import Iterable
from urllib.parse import urlsplit

from ..address import Address
from ..formats import autodiscover
from ..net.errors import NetworkError
from ..net.network import Network
from ..providers import Provider
from ..settings import Settings
from .base import DomainSource, Report, doubt_of_hosts
from .documents import first_of
from .microsoft_365 import is_microsoft_365, microsoft_365

PATH = "/autodiscover/autodiscover.xml"
MAX_FOLLOWED = 2


class AutodiscoverSource(DomainSource):
    name = "autodiscover"
    rank = 27

    def __init__(self, providers: Iterable[Provider] = ()):
        """
        :param providers: known ones, with Microsoft 365 for those who are led there
        """
        self._microsoft_365 = microsoft_365(providers)

    async def find_at(
        self, domain: str, address: Address, network: Network, report: Report
    ) -> Settings | None:
        report(f"autodiscover.{domain}")
        places = [f"https://autodiscover.{domain}{PATH}", f"https://{domain}{PATH}"]
        by_redirect, by_srv = f"http://autodiscover.{domain}{PATH}", f"SRV _autodiscover._tcp.{domain}"

        async def ask(place):
            url, doubt = place, ""
            if place == by_redirect:
                url, doubt = await network.redirect(place), "http"
            elif place == by_srv:
                url, doubt = await self._url_by_srv(domain, network)
            if not url:
                raise NetworkError("not_found", f"{domain}: leads nowhere")
            return await ask_service(
                url, address, network, source=self.name, doubt=doubt, microsoft=self._microsoft_365
            )

        settings, place = await first_of([*places, by_redirect, by_srv], ask)
        report(place)
        return settings

    @staticmethod
    async def _url_by_srv(domain, network):
        records = await network.srv(f"_autodiscover._tcp.{domain}")
        if not records:
            return None, ""
        return f"https://{records[0].host}{PATH}", doubt_of_hosts([records[0].host], domain, records.secure)


async def ask_service(
    url: str,
    address: Address,
    network: Network,
    *,
    source: str,
    doubt: str = "",
    microsoft: Provider | None = None,
) -> Settings:
    """Ask an Autodiscover service, and those that it points to.

    :param url: https
    :param microsoft: the provider that the service of Microsoft 365 stands for; that one is not asked
    :raises NetworkError, FormatError: when nothing comes of it
    """
    asked_for = address
    for _follow in range(1 + MAX_FOLLOWED):
        if urlsplit(url).scheme != "https":
            raise NetworkError("refused", f"{urlsplit(url).hostname}: not https")
        if microsoft and is_microsoft_365(url):
            # it would want a login, and tell nothing new
            return microsoft.settings(address, source=source, doubt=doubt, origin=url)
        answer = autodiscover.parse(await network.post(url, autodiscover.request(asked_for)), address)
        if not isinstance(answer, autodiscover.Redirect):
            return Settings.of(answer.servers, source=source, doubt=doubt, name=answer.name, origin=url)
        if answer.address:
            asked_for = Address.parse(answer.address)  # the parser has read it already
            url = f"https://autodiscover.{asked_for.domain}{PATH}"
        else:
            url = answer.url
    raise NetworkError("refused", f"{urlsplit(url).hostname}: more than {MAX_FOLLOWED} redirects")
