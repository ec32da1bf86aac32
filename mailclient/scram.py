"""The client's half of SCRAM (RFC 5802, RFC 7677): what a server may ask for is decided here; SASLprep is
the library ``scramp``'s."""

import base64
import binascii
import hashlib
import hmac
import re
import secrets

from .endpoint import Endpoint, Login
from .failures import MailFailure

_HASHES = {"SCRAM-SHA-512": "sha512", "SCRAM-SHA-256": "sha256", "SCRAM-SHA-1": "sha1"}
MECHANISMS = tuple(_HASHES)

# What a server's challenge has to be like.  Who has it answered can try passwords by himself, so that the
# answer to a weak one is worth as much as the password.  RFC 5802 5.1 and RFC 7677 4 want 4,096 rounds of
# servers; none is known that asks for less.
_MIN_ROUNDS = 4096
_MAX_ROUNDS = 2_000_000  # some seconds; OWASP's advice of 2023 for SHA-1 is 1,300,000
_MIN_SALT = 8  # bytes (RFC 8018 4.1)
_LONGEST = 4096  # bytes of a challenge
_FIRST = re.compile(
    r"r=(?P<nonce>[!-+\--~]+),s=(?P<salt>[A-Za-z0-9+/]+={0,2}),i=(?P<rounds>[1-9]\d{0,9})(?P<more>,.*)?",
    re.ASCII | re.DOTALL,
)
_FINAL = re.compile(r"v=([A-Za-z0-9+/]+={0,2})(,.*)?", re.ASCII | re.DOTALL)
# extensions that may be ignored; "m" is one that may not (RFC 5802 5.1)
_OPTIONAL = re.compile(r"(,(?![mrsinvcpe]=)[A-Za-z]=[^,\0]+)*")


class Scram:
    """One login; every method takes the server's message, returns ours, and raises :class:`MailFailure`.

    :ivar proved: the server has shown that it knows the password too
    """

    def __init__(self, endpoint: Endpoint, mechanism: str, login: Login):
        self._endpoint, self._hash = endpoint, _HASHES[mechanism]
        self.proved = False
        username, self._password = self._prepared(login.username), self._prepared(login.password).encode()
        username = username.replace("=", "=3D").replace(",", "=2C")
        self._nonce = secrets.token_hex(16)
        self._bare = f"n={username},r={self._nonce}"
        self._signature = b""

    def _prepared(self, text: str) -> str:
        import scramp  # only here: `mailclient explain` runs without
        from scramp.core import saslprep  # where all versions have it

        try:
            prepared = saslprep(text)
        except scramp.ScramException as exc:  # SASLprep (RFC 4013) does not know all letters
            raise MailFailure(self._endpoint, "login", str(exc), "login_not_ascii") from None
        if not prepared:
            raise MailFailure(self._endpoint, "login", "nothing is left of it", "login_not_ascii")
        return prepared

    def first(self, _challenge: bytes) -> bytes:
        """Begin; there is no channel binding."""
        return f"n,,{self._bare}".encode()

    def final(self, challenge: bytes) -> bytes:
        """Prove that we know the password, by hashing it as often as the server wants."""
        try:
            text, nonce, salt, rounds = self._read(challenge)
        except ValueError as exc:
            raw = f"unusable SCRAM challenge: {exc}"
            raise MailFailure(self._endpoint, "login", raw, "auth_mechanism_unsupported") from None
        salted = hashlib.pbkdf2_hmac(self._hash, self._password, salt, rounds)
        client_key = self._mac(salted, b"Client Key")
        without_proof = f"c={base64.b64encode(b'n,,').decode()},r={nonce}"
        message = f"{self._bare},{text},{without_proof}".encode()
        self._signature = self._mac(self._mac(salted, b"Server Key"), message)
        mask = self._mac(hashlib.new(self._hash, client_key).digest(), message)
        proof = bytes(a ^ b for a, b in zip(client_key, mask, strict=True))
        return f"{without_proof},p={base64.b64encode(proof).decode()}".encode()

    def _read(self, challenge: bytes) -> tuple[str, str, bytes, int]:
        """The challenge, and in it nonce, salt and number of rounds.

        :raises ValueError: it is garbled, or not to be answered
        """
        if len(challenge) > _LONGEST:
            raise ValueError("too long")
        text = challenge.decode()
        match = _FIRST.fullmatch(text)
        if not match or not _OPTIONAL.fullmatch(match["more"] or ""):
            raise ValueError(text[:60])
        nonce, rounds = match["nonce"], int(match["rounds"])
        if not nonce.startswith(self._nonce) or nonce == self._nonce:
            raise ValueError("the nonce is not ours with something added")
        salt = base64.b64decode(match["salt"], validate=True)
        if len(salt) < _MIN_SALT:
            raise ValueError(f"salt of {len(salt)} bytes")
        if not _MIN_ROUNDS <= rounds <= _MAX_ROUNDS:
            raise ValueError(f"{rounds} rounds")
        return text, nonce, salt, rounds

    def _mac(self, key: bytes, message: bytes) -> bytes:
        return hmac.new(key, message, self._hash).digest()

    def verify(self, challenge: bytes) -> bytes:
        """Check the server's proof; a refusal in its place is left for the server to say in its own words."""
        if not challenge.startswith(b"e="):
            match = _FINAL.fullmatch(challenge[:_LONGEST].decode("utf-8", "replace"))
            try:
                proof = base64.b64decode(match[1], validate=True) if match else b""
            except binascii.Error:
                proof = b""
            self.proved = bool(self._signature) and hmac.compare_digest(proof, self._signature)
            self.require_proof()
        return b""

    def require_proof(self) -> None:
        """Refuse a server that accepts a login without knowing the password."""
        if not self.proved:
            raw = "the server has not proved that it knows the password"
            raise MailFailure(self._endpoint, "login", raw, "connection_tampered")
