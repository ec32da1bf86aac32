"""Discovery: who runs the mail of an address, and how does one log in?

Plain Python. Nothing in here knows a password.
"""

from .address import Address, AddressError, base_domain
from .engine import discover
from .net.errors import NetworkError
from .net.guard import MAX_PORT, BlockedAddress, Guard, port_ranges
from .net.network import Network
from .providers import Provider, load_providers
from .settings import Discovery, Server, Settings, Step, Unreachable
from .sources import Source, default_sources

__all__ = [
    "MAX_PORT",
    "Address",
    "AddressError",
    "BlockedAddress",
    "Discovery",
    "Guard",
    "Network",
    "NetworkError",
    "Provider",
    "Server",
    "Settings",
    "Source",
    "Step",
    "Unreachable",
    "base_domain",
    "default_sources",
    "discover",
    "load_providers",
    "port_ranges",
]
