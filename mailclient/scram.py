"""The client's half of SCRAM (RFC 5802, RFC 7677), by the library ``scramp``."""

import re

from .endpoint import Endpoint, Login
from .failures import MailFailure

MECHANISMS = ("SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1")
_MAX_ROUNDS = 2_000_000  # of hashing that a server may ask for: some seconds


class Scram:
    """One login; every method takes the server's message, returns ours, and raises :class:`MailFailure`.

    :ivar proved: the server has shown that it knows the password too
    """

    def __init__(self, endpoint: Endpoint, mechanism: str, login: Login):
        import scramp  # only here: `mailclient explain` runs without
        from scramp.core import saslprep  # where all versions have it

        self._endpoint, self._error = endpoint, scramp.ScramException
        self.proved = False
        try:
            for text in (login.username, login.password):  # older versions do so only after the first message
                saslprep(text)
            self._client = scramp.ScramClient([mechanism], login.username, login.password)
        except self._error as exc:  # SASLprep (RFC 4013) does not know all letters
            raise MailFailure(endpoint, "login", str(exc), "login_not_ascii") from None

    def first(self, _challenge: bytes) -> bytes:
        """Begin."""
        return self._client.get_client_first().encode()

    def final(self, challenge: bytes) -> bytes:
        """Prove that we know the password, by hashing it as often as the server wants."""
        try:
            text = challenge.decode()
            rounds = re.search(r",i=(\d+)", text)
            if rounds and int(rounds[1][:20]) > _MAX_ROUNDS:
                raise ValueError(f"too many rounds: {rounds[1][:20]}")
            self._client.set_server_first(text)
            return self._client.get_client_final().encode()
        except (self._error, ValueError) as exc:
            raw = f"unusable SCRAM challenge: {exc}"
            raise MailFailure(self._endpoint, "login", raw, "auth_mechanism_unsupported") from None

    def verify(self, challenge: bytes) -> bytes:
        """Check the server's proof; a refusal in its place is left for the server to say in its own words."""
        if not challenge.startswith(b"e="):
            try:
                self._client.set_server_final(challenge.decode())
                self.proved = True
            except (self._error, ValueError):
                self.require_proof()
        return b""

    def require_proof(self) -> None:
        """Refuse a server that accepts a login without knowing the password."""
        if not self.proved:
            raw = "the server has not proved that it knows the password"
            raise MailFailure(self._endpoint, "login", raw, "connection_tampered")
