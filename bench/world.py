"""A small internet on loopback, in a process of its own: every answer of it takes a while.

    world.py DELAY

prints in one line of JSON where it is, and ends when its standard input does.
"""

import contextlib
import json
import socket
import sys

import plain  # noqa: F401
from publishing import THIRD_PARTIES, publish_third_parties
from scenario import Place
from scenarios import SCENARIOS

# isort: split
from email_account.tests.hosts import (
    BlackHole,
    CertificateAuthority,
    DelayRelay,
    DnsHost,
    MailPort,
    SilentPort,
    WebHost,
)
from email_account.tests.hosts.network import ANY

# port -> protocol and security
MAIL_PORTS = {
    993: ("imap", "tls"),
    143: ("imap", "starttls"),
    995: ("pop3", "tls"),
    110: ("pop3", "starttls"),
    465: ("smtp", "tls"),
    587: ("smtp", "starttls"),
    25: ("smtp", "starttls"),
}
STARTTLS_PORTS = (143, 110, 587)
# address -> ports and what is wrong with them
MAIL_PLACES = {
    Place.MAIL: (tuple(MAIL_PORTS), {}),
    Place.BOTH: (tuple(MAIL_PORTS), {}),
    Place.STARTTLS: (STARTTLS_PORTS, {}),
    Place.OTHER_NAME: (tuple(MAIL_PORTS), {"kind": "wrong_name"}),
    Place.MAIL_ENDLESS: (tuple(MAIL_PORTS), {"fault": "endless_line"}),
    Place.MAIL_BABBLE: (tuple(MAIL_PORTS), {"fault": "endless_capabilities"}),
}


class World:
    """DNS, web and mail hosts, each ``delay`` seconds away.

    :param stack: ends them
    """

    def __init__(self, delay, stack):
        self._delay, self._stack = delay, stack
        self.authority = CertificateAuthority()
        self.dns = stack.enter_context(DnsHost())
        self.dns.delay = delay
        self.web = stack.enter_context(WebHost(self.authority))
        self.places = self._places()
        self._publish()

    def _places(self):
        closed = self._stack.enter_context(socket.socket())
        closed.bind(("127.0.0.1", 0))  # nobody listens: connections are refused
        self.silent = self._stack.enter_context(SilentPort())
        hole = self._stack.enter_context(BlackHole())
        https, http = self._far(self.web.port), self._far(self.web.http_port)
        places = {
            (Place.WEB, 443): https,
            (Place.WEB, 80): http,
            (Place.HTTP, 80): http,
            (Place.BOTH, 443): https,
            (Place.BOTH, 80): http,
            (Place.SILENT, ANY): self.silent.port,
            (Place.HOLE, ANY): hole.port,
            (ANY, ANY): closed.getsockname()[1],
        }
        for place, (ports, faults) in MAIL_PLACES.items():
            for port in ports:
                host = self._stack.enter_context(MailPort(*MAIL_PORTS[port], self.authority, **faults))
                places[place, port] = self._far(host.port)
        return places

    def _far(self, port):
        return self._stack.enter_context(DelayRelay(port, self._delay)).port

    def _publish(self):
        self.dns.zone(THIRD_PARTIES)
        publish_third_parties(self.web)
        for scenario in SCENARIOS:
            self.dns.zone(scenario.zone)
            scenario.publish(self.web)

    def as_dict(self):
        return {
            "nameserver": self.dns.nameserver,
            "silent_nameserver": ["127.0.0.1", self.silent.port],
            "authority": self.authority.pem.decode(),
            "hole": Place.HOLE,
            "places": [[str(ip), port, to] for (ip, port), to in self.places.items()],
        }


def main(delay):
    with contextlib.ExitStack() as stack, contextlib.suppress(KeyboardInterrupt):
        print(json.dumps(World(float(delay), stack).as_dict()), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
