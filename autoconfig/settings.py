"""The value objects: what was found, where it came from and how far it can be trusted."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import NamedTuple

from .address import base_domain
from .outside import safe_name, safe_text

TLS_PORTS = {"imap": 993, "pop3": 995, "smtp": 465}
STARTTLS_PORTS = {"imap": 143, "pop3": 110, "smtp": 587}

INCOMING = "incoming"
OUTGOING = "outgoing"
DIRECTIONS = (INCOMING, OUTGOING)


@dataclass(frozen=True)
class Server:
    """One way to reach a mailbox or to send."""

    protocol: str
    """``imap``, ``pop3`` or ``smtp``"""
    host: str
    """A-labels, lower case"""
    port: int
    security: str
    """``tls`` (from the first byte), ``starttls`` (required) or ``none``"""
    username: str = ""
    """empty when the source states none"""
    authentication: tuple[str, ...] = ()
    """Mozilla's values (``password-cleartext``, ``password-encrypted``, ``OAuth2``, ...), best first"""

    def __post_init__(self):
        _make_safe(self, "protocol", "host", "security", "username")
        object.__setattr__(self, "authentication", tuple(map(safe_name, self.authentication)))

    @property
    def endpoint(self) -> "Server":
        """The same without login: what a probe speaks to."""
        return replace(self, username="", authentication=())

    @property
    def encrypted(self) -> bool:
        return self.security != "none"

    def as_dict(self) -> dict:
        return asdict(self) | {"authentication": list(self.authentication)}

    def _order(self):
        """Encrypted before not, then IMAP before POP3, then TLS before STARTTLS."""
        return (not self.encrypted, self.protocol == "pop3", self.security != "tls")


@dataclass(frozen=True)
class Settings:
    """One proposal."""

    source: str
    """name of the source, two of them joined by ``+`` when each gave one direction"""
    incoming: tuple[Server, ...] = ()
    """best first"""
    outgoing: tuple[Server, ...] = ()
    """best first"""
    provider: str = ""
    """id of a known provider"""
    name: str = ""
    """for people"""
    origin: str = ""
    """URL or host that it came from"""
    domain: str = ""
    """base domain of the servers, for the question whether to trust it; several are joined by ``, ``"""
    doubt: str = ""
    """why it could have been forged: ``http`` (read without encryption), ``dns`` (plain DNS led to another
    base domain), ``guess`` (nobody published it); empty when every step to it was authenticated"""

    def __post_init__(self):
        _make_safe(self, "source", "provider", "name", "origin", "domain", "doubt")

    @classmethod
    def of(
        cls, servers: Iterable[Server], *, source: str, ordered: bool = False, **facts
    ) -> "Settings | None":
        """Sort servers into a proposal; None when there are none.

        :param ordered: the source states its own order
        """
        servers = list(dict.fromkeys(servers))
        if not servers:
            return None
        if not ordered:
            servers.sort(key=Server._order)
        return cls(
            source=source,
            incoming=tuple(server for server in servers if server.protocol != "smtp"),
            outgoing=tuple(server for server in servers if server.protocol == "smtp"),
            domain=_domain(servers),
            **facts,
        )

    @property
    def trusted(self) -> bool:
        """Whether every step to it was authenticated; else ask the user before a password goes there."""
        return not self.doubt

    def servers(self, direction: str) -> tuple[Server, ...]:
        return self.incoming if direction == INCOMING else self.outgoing

    def encrypts(self, direction: str) -> bool:
        """Whether it has a server for this direction to which a password can go unasked."""
        servers = self.servers(direction)
        return bool(servers) and servers[0].encrypted

    def with_answers(self, answers: Mapping[Server, Server]) -> "Settings | None":
        """Return what is left when only the servers count that answered; None when that is nothing.

        :param answers: by ``Server.endpoint``, what the probe of the endpoint brought
        """
        servers = [
            replace(
                server,
                security=answers[server.endpoint].security,
                authentication=server.authentication or answers[server.endpoint].authentication,
            )
            for server in self.incoming + self.outgoing
            if server.endpoint in answers
        ]
        upgraded = any(answer.security != endpoint.security for endpoint, answer in answers.items())
        left = Settings.of(servers, source=self.source, ordered=not upgraded)
        return left and replace(self, incoming=left.incoming, outgoing=left.outgoing, domain=left.domain)

    def with_outgoing_of(self, other: "Settings") -> "Settings":
        """Return the incoming servers of this with the outgoing ones of another; trusted if both are."""
        return replace(
            self,
            source=_joined("+", self.source, other.source),
            outgoing=other.outgoing,
            provider=self.provider or other.provider,
            name=self.name or other.name,
            origin=_joined(" ", self.origin, other.origin),
            domain=_domain(self.incoming + other.outgoing),
            doubt=self.doubt or other.doubt,
        )


@dataclass(frozen=True)
class Step:
    """What became of one source."""

    source: str
    result: str
    """``asking`` while it runs, then ``found``, ``not_found``, ``no_answer``, ``invalid`` (an answer that
    cannot be used), ``refused`` (by us: an address, certificate or redirect that is not safe), ``cancelled``
    (could no longer change the answer) or ``skipped`` (never asked, for the same reason)"""
    elapsed_ms: int
    detail: str = ""

    def __post_init__(self):
        object.__setattr__(self, "detail", safe_text(self.detail))

    def as_dict(self) -> dict:
        return asdict(self)


class Unreachable(NamedTuple):
    """A published server that could not be spoken to."""

    server: Server
    reason: str
    """a few words behind the name of the server"""


@dataclass(frozen=True)
class Discovery:
    """The answer for one address."""

    address: str
    settings: Settings | None
    """the choice, made of the best proposal for each direction"""
    proposals: tuple[Settings, ...]
    """all that were found, best first"""
    elapsed_ms: int
    steps: tuple[Step, ...]
    """one a source, best first"""
    provider: str = ""
    """id of a known provider that was recognised, even if none of its servers can be used"""
    unreachable: tuple["Unreachable", ...] = ()
    """published servers that could not be spoken to, best first"""

    @property
    def status(self) -> str:
        return "found" if self.settings else "not_found"

    def as_dict(self, stated: bool = False) -> dict:
        """The JSON of ``python -m autoconfig --json``.

        :param stated: leave user names empty that no source states
        """
        settings = self.settings or Settings(source="")
        return {
            "address": self.address,
            "status": self.status,
            "source": settings.source,
            "trusted": self.settings is not None and settings.trusted,
            "elapsed_ms": self.elapsed_ms,
            "incoming": [self._server_dict(server, stated) for server in settings.incoming],
            "outgoing": [self._server_dict(server, stated) for server in settings.outgoing],
            "steps": [step.as_dict() for step in self.steps],
        }

    def _server_dict(self, server, stated):
        """Where no user name is stated, the address is what to try first (RFC 6186 section 4)."""
        username = server.username or ("" if stated else self.address)
        return server.as_dict() | {"username": username}


def _make_safe(found, *names):
    """Somebody else has written it."""
    for name in names:
        object.__setattr__(found, name, safe_name(getattr(found, name)))


def choose(proposals: Iterable[Settings]) -> Settings | None:
    """Make the answer of proposals that come best first."""
    proposals = list(proposals)
    incoming = best_for(INCOMING, proposals)
    outgoing = best_for(OUTGOING, proposals)
    if not incoming or not outgoing or incoming is outgoing:
        return incoming or outgoing
    return incoming.with_outgoing_of(outgoing)


def best_for(direction: str, proposals: Iterable[Settings]) -> Settings | None:
    """Return the first proposal that can do this direction, encrypted ones before all others."""
    able = [settings for settings in proposals if settings.servers(direction)]
    return next((settings for settings in able if settings.encrypts(direction)), able[0] if able else None)


def _joined(separator, *texts):
    return separator.join(dict.fromkeys(text for text in texts if text))


def _domain(servers):
    return _joined(", ", *(base_domain(server.host) for server in servers))
