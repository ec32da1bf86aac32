"""What a connection needs to know: where to, who, and how long to wait."""

from dataclasses import dataclass, field


def ascii_name(name: str) -> str:
    """A domain or host name in A-labels (RFC 5890).

    :raises UnicodeError: it has no such form
    """
    name = name.strip().rstrip(".").lower()
    if not name:  # a resolver takes it for this machine
        raise UnicodeError("empty label")
    if name.isascii():
        return name
    import idna  # only for such names: `mailclient explain` runs without

    return idna.encode(name, uts46=True).decode("ascii")


@dataclass(frozen=True)
class Endpoint:
    """A mail server as the settings name it.

    :param protocol: ``imap``, ``pop3`` or ``smtp``
    :param host: name or address, as the user knows it (an IDN may be in Unicode)
    :param port: TCP port
    :param security: ``tls`` (TLS from the first byte, RFC 8314), ``starttls`` (RFC 2595, RFC 3207) or
        ``none`` (clear text, only where the user confirmed it)
    """

    protocol: str
    host: str
    port: int
    security: str

    def __post_init__(self):
        if self.protocol not in ("imap", "pop3", "smtp"):
            raise ValueError(f"unknown protocol {self.protocol!r}")
        if self.security not in ("tls", "starttls", "none"):
            raise ValueError(f"unknown security {self.security!r}")

    @property
    def ascii_host(self) -> str:
        """The host name as DNS and certificates know it (A-labels, RFC 5890).

        :raises UnicodeError: the name has no such form
        """
        return ascii_name(self.host)


@dataclass(frozen=True)
class Login:
    """User name and password; its ``repr`` shows no password."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class Timeouts:
    """How long to wait, in seconds.

    :param connect: for the TCP connection, over all addresses of the host
    :param reply: for each reply, and for each 16 KiB of a long one
    :param total: for everything that happens on the connection; ``None`` is no limit
    """

    connect: float = 10.0
    reply: float = 30.0
    total: float | None = None


DEFAULT_TIMEOUTS = Timeouts()
