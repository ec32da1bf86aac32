"""Leads the addon's own network layer to the hosts of the tests."""
import socket

import dns.exception
import dns.resolver

from odoo.addons.email_account.autoconfig import Network

# the ports that the world uses, and the services of the hosts that answer for them
SERVICES = {
    143: "imap", 993: "imaps", 110: "pop3", 995: "pop3s", 587: "submission", 465: "submissions", 25: "smtp",
}


class HostsNetwork(Network):
    """The real network layer, but names are looked up at the ``DnsHost`` and the usual ports lead to ours.

    :param mail_host: `MailHost`
    :param dns_host: `DnsHost`
    :param web_host: `WebHost`
    """

    def __init__(self, mail_host, dns_host, web_host, **options):
        super().__init__(
            nameservers=[dns_host.nameserver], ssl_context=web_host.authority.client_context(), **options
        )
        self._ports = {443: web_host.port, 80: web_host.http_port}
        self._ports |= {port: mail_host.ports[service] for port, service in SERVICES.items()}
        self._resolver_now = dns.resolver.Resolver(configure=False)
        self._resolver_now.nameservers = [dns_host.nameserver[0]]
        self._resolver_now.port = dns_host.nameserver[1]
        self._resolver_now.lifetime = 1.0

    def resolve(self, host):
        """Resolve as the system's resolver does, but at the DNS host; check."""
        try:
            found = [record.to_text() for record in self._resolver_now.resolve(host, "A")]
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known") from None
        except dns.exception.DNSException:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution") from None
        for ip in found:
            self.guard.check(ip, host)
        return found

    def _places(self, _host, ips, port):
        """Lead the port to the host's."""
        return [(ip, self._ports.get(port, port)) for ip in ips]
