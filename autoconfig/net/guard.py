"""Which addresses and ports users, and what strangers publish, may have a server connect to (server-side
request forgery)."""

import ipaddress
import re
from collections.abc import Iterable

# IANA's special-purpose registries, 2026-11, and what the clouds hide behind public addresses. Not Python's
# is_global, whose answers differ between the supported versions.
_REFUSED_V4 = [
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT; Alibaba's metadata
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # Azure's metadata
        "169.254.0.0/16",  # link-local; metadata of most clouds
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments; Oracle's metadata
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
]
# all that is handed out; loopback, private, link-local, multicast and the rest are outside
_GLOBAL_V6 = ipaddress.ip_network("2000::/3")
_REFUSED_V6 = [
    ipaddress.ip_network(network)
    for network in (
        "2001::/23",  # protocol assignments, Teredo
        "2001:db8::/32",  # documentation
        "3fff::/20",  # documentation
    )
]
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*")
_6TO4 = ipaddress.ip_network("2002::/16")


# SMTP, POP3, IMAP and submission as IANA registers them, and their usual other ports (RFC 5321, RFC 8314)
MAIL_PORTS = frozenset({25, 110, 143, 465, 587, 993, 995, 2525})
# of a program on the user's own computer, which stands between him and his provider (Proton Mail Bridge)
BRIDGE_PORTS = frozenset({1025, 1143})
MAX_PORT = 65535


class BlockedAddress(OSError):
    """An address that the guard refuses."""

    result = "refused"


class Guard:
    """Refuses addresses that are not on the public internet, and ports that are not those of mail servers,
    but for those that an administrator allows."""

    def __init__(self, allow: Iterable[str] = (), ports: Iterable[range] = ()):
        """
        :param allow: networks (``10.0.0.0/8``), host names (whatever they resolve to), ``*`` for all
        :param ports: beside those of mail servers, see ``port_ranges``
        """
        self._ports = tuple(ports)
        self._everything = False
        self._networks = []
        self._hosts = set()
        for entry in (text.strip().lower() for text in allow):
            if entry == "*":
                self._everything = True
                continue
            try:
                self._networks.append(ipaddress.ip_network(entry, strict=False))
            except ValueError:
                self._hosts.add(entry)

    def allows_port(self, port: int) -> bool:
        """Whether mail servers may be reached at a port."""
        return port in MAIL_PORTS or port in BRIDGE_PORTS or any(port in ports for ports in self._ports)

    def check_port(self, port: int, host: str = ""):
        """Let a port of a mail server pass; whatever looks names up and fetches documents has its own two.

        :raises BlockedAddress: when it is none
        """
        if not self.allows_port(port):
            raise BlockedAddress(f"{host}:{port}: not a port of mail servers")

    def check_name(self, host: str):
        """Let a name pass that no resolver takes for an address in another notation than the usual one.

        What ends in a number is one (``127.1``, ``0x7f000001``, ``2130706433``; URL Standard, section 3.5).

        :raises BlockedAddress: when it is such an address
        """
        try:
            ipaddress.ip_address(host)
        except ValueError:
            if _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2].lower()):
                raise BlockedAddress(f"{host}: not an IP address") from None

    def check(self, ip: str, host: str = ""):
        """Let an address pass.

        :param host: the name that it was found under
        :raises BlockedAddress: when it is refused, or no address in the usual notation
        """
        try:
            address = ipaddress.ip_address(ip.partition("%")[0])
        except ValueError:
            raise BlockedAddress(f"{ip}: not an IP address") from None
        if self._everything or host.lower() in self._hosts:
            return
        forms = [address]
        if (inner := _embedded_v4(address)) is not None:
            forms.append(inner)
        if any(form in network for form in forms for network in self._networks):
            return
        if not _is_public(forms[-1]):
            raise BlockedAddress(f"{host or ip}: not an address on the public internet")


def _is_public(address):
    if address.version == 4:
        return not any(address in network for network in _REFUSED_V4)
    return address in _GLOBAL_V6 and not any(address in network for network in _REFUSED_V6)


def _embedded_v4(address):
    """Return the IPv4 address that an IPv6 one leads to: mapped, NAT64 or 6to4."""
    if address.version == 4:
        return None
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if address in _6TO4:
        return ipaddress.IPv4Address(int(address) >> 80 & 0xFFFFFFFF)
    return address.ipv4_mapped


def port_ranges(text: str) -> list[range]:
    """Return the ports that a list names, as in ``2465, 10000-10100``.

    :raises ValueError: an entry is no port and no range of ports; it is the exception's text
    """
    found = []
    for entry in filter(None, (part.strip() for part in text.split(","))):
        first, dash, last = (part.strip() for part in entry.partition("-"))
        last = last if dash else first
        numbers = [int(number) for number in (first, last) if number.isascii() and number.isdecimal()]
        if len(numbers) < 2 or not 0 < numbers[0] <= numbers[1] <= MAX_PORT:
            raise ValueError(entry)
        found.append(range(numbers[0], numbers[1] + 1))
    return found
