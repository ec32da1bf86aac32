"""DNS for `mailclient.delivery`, through the addon's guarded network: no model."""

import asyncio
import socket

from ..autoconfig import BlockedAddress, NetworkError
from ..autoconfig.net.records import MAX_RECORDS
from ..mailclient.delivery import DnsError

_NO_SUCH_HOST = (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME))


class CheckDns:
    """A `mailclient.delivery.Dns`. Blocks; for threads without an event loop.

    Each question has the time that the network gives a look-up.

    :param autoconfig.Network network: the one of the settings (`_get_network`)
    """

    def __init__(self, network):
        self._network = network

    def txt(self, name):
        """Return the TXT records of ``name`` (bytes).

        :raises DnsError: without an answer
        """
        return self._records(self._network.txt(name), name)

    def mx(self, name):
        """Return the MX hosts of ``name``, best first.

        :raises DnsError: without an answer
        """
        return [host for _preference, host in self._records(self._network.mx(name), name)]

    def addresses(self, name):
        """Return the public addresses of ``name``, by the system's resolver; others send no mail to anybody.

        :raises DnsError: without an answer
        """
        try:
            return self._network.resolve(name)
        except (BlockedAddress, UnicodeError):
            return []
        except socket.gaierror as error:
            if error.errno in _NO_SUCH_HOST:
                return []
            raise DnsError(f"{name}: the name cannot be resolved") from None
        except OSError as error:
            raise DnsError(str(error)) from None

    @staticmethod
    def _records(question, name):
        try:
            records = asyncio.run(question)
        except NetworkError as error:
            raise DnsError(str(error)) from None
        if len(records) >= MAX_RECORDS:  # the one that is looked for may not be among them
            raise DnsError(f"{name}: more records than are read")
        return list(records)
