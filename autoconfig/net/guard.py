"""Which addresses a server may be sent to by what strangers publish (server-side request forgery)."""

import ipaddress
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
_6TO4 = ipaddress.ip_network("2002::/16")


class BlockedAddress(OSError):
    """An address that the guard refuses."""

    result = "refused"


class Guard:
    """Refuses addresses that are not on the public internet, but for those that an administrator allows."""

    def __init__(self, allow: Iterable[str] = ()):
        """
        :param allow: networks (``10.0.0.0/8``), host names (whatever they resolve to), ``*`` for everything
        """
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
