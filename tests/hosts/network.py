"""Leads the addon's own network layer to the hosts of the tests."""
import ipaddress
import socket
from collections.abc import Mapping

import dns.exception
import dns.resolver

from ...autoconfig import Network

# the ports that the world uses, and the services of the hosts that answer for them
SERVICES = {
    143: "imap", 993: "imaps", 110: "pop3", 995: "pop3s", 587: "submission", 465: "submissions", 25: "smtp",
}
ANY = "*"


class PlacedNetwork(Network):
    """The real network layer, but names are looked up at a name server of ours and addresses lead to ours.

    :param nameserver: its (IP address, port), for all kinds of questions
    :param places: ``{(IP address or ANY, port or ANY): port of 127.0.0.1}``; what is not in it is connected
        to as it is
    """

    lookup_lifetime = 1.0  # seconds until the "system's" resolver gives up

    def __init__(self, nameserver, places: Mapping, **options):
        super().__init__(nameservers=[nameserver], **options)
        self.places = dict(places)
        self._resolver_now = dns.resolver.Resolver(configure=False)
        self._resolver_now.nameservers = [nameserver[0]]
        self._resolver_now.port = nameserver[1]
        self._resolver_now.lifetime = self.lookup_lifetime

    def _find_ips(self, host):
        """Resolve as the system's resolver does, but at our name server.

        It asks for IPv4 addresses alone. The system's resolver asks for both kinds at once, so this takes as
        long.
        """
        try:
            return [host] if _is_number(host) else self._look_up(host)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known") from None
        except dns.exception.DNSException:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution") from None

    def _look_up(self, host):
        return [record.to_text() for record in self._resolver_now.resolve(f"{host}.", "A")]

    def _places(self, _host, ips, port):
        """Lead to ours."""
        return [self._place(ip, port) for ip in ips]

    def _place(self, ip, port):
        for place in ((ip, port), (ip, ANY), (ANY, port), (ANY, ANY)):
            if place in self.places:
                return "127.0.0.1", self.places[place]
        return ip, port


def _is_number(host):
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


class HostsNetwork(PlacedNetwork):
    """Names are looked up at the ``DnsHost`` and the usual ports of all addresses lead to our hosts.

    :param mail_host: `MailHost`
    :param dns_host: `DnsHost`
    :param web_host: `WebHost`
    """

    def __init__(self, mail_host, dns_host, web_host, **options):
        places = {(ANY, 443): web_host.port, (ANY, 80): web_host.http_port}
        places |= {(ANY, port): mail_host.ports[service] for port, service in SERVICES.items()}
        context = web_host.authority.client_context()
        super().__init__(dns_host.nameserver, places, ssl_context=context, **options)
