"""Logging in: which mechanism, and what it answers (RFC 4422)."""

import base64
import binascii
import hmac
from collections.abc import Callable, Iterable

from .endpoint import Endpoint, Login
from .failures import MailFailure
from .scram import MECHANISMS, Scram

COMMAND = "command"
"""Not SASL: the protocol's own LOGIN, or USER and PASS."""

# without showing the password to whoever reads the connection, best first
_PROTECTED = (*MECHANISMS, "CRAM-MD5")
# Over TLS the password itself goes first: servers offer SCRAM and CRAM-MD5 for accounts too of which they do
# not have the hash that it needs, and refuse the right password then.
_PREFERENCE = ("PLAIN", "LOGIN", COMMAND, *_PROTECTED)


def choose(
    endpoint: Endpoint,
    login: Login,
    offered: Iterable[str],
    *,
    encrypted: bool,
    clear_allowed: bool,
    starttls_offered: bool,
) -> str:
    """The one mechanism to try; after a refusal no other is, since accounts lock after a few.

    :param offered: mechanism names as the server lists them, and :data:`COMMAND`
    :param clear_allowed: whether the password itself may be sent over a connection that is not encrypted
    :raises MailFailure: at ``login``, before anything is sent
    """
    if any(character in login.username + login.password for character in "\0\r\n"):
        raise MailFailure(
            endpoint, "login", "user name or password contains a line break or a NUL", "invalid_login_text"
        )
    offered = list(dict.fromkeys(name if name == COMMAND else name.upper() for name in offered))
    for mechanism in _PREFERENCE:
        if mechanism in offered and (encrypted or clear_allowed or mechanism in _PROTECTED):
            return mechanism
    listed = ", ".join(name for name in offered if name != COMMAND) or "none"
    raw = f"no usable authentication mechanism (the server offers: {listed})"
    if not encrypted and (starttls_offered or set(offered) & set(_PREFERENCE)):
        raise MailFailure(endpoint, "login", f"{raw} on an unencrypted connection", "starttls_required")
    oauth = any(name in ("XOAUTH2", "OAUTHBEARER") for name in offered)
    raise MailFailure(endpoint, "login", raw, "oauth_required" if oauth else "auth_mechanism_unsupported")


class Exchange:
    """The client's half of one SASL login.

    PLAIN (RFC 4616), LOGIN (draft-murchison-sasl-login), SCRAM (RFC 5802), CRAM-MD5 (RFC 2195); everything is
    UTF-8.

    :raises MailFailure: from any method; the session must then be closed
    """

    def __init__(self, endpoint: Endpoint, mechanism: str, login: Login):
        username, password = login.username.encode(), login.password.encode()
        self._scram = None
        if mechanism in MECHANISMS:
            self._scram = Scram(endpoint, mechanism, login)
            self._steps = [self._scram.first, _reading(self._scram.final), _reading(self._scram.verify)]
        elif mechanism == "CRAM-MD5":
            self._steps = [_reading(lambda challenge: username + b" " + _cram(password, challenge))]
        elif mechanism == "LOGIN":
            self._steps = [lambda _challenge: username, lambda _challenge: password]
        else:
            self._steps = [lambda _challenge: b"\0" + username + b"\0" + password]

    def answer(self, challenge: bytes | None) -> bytes:
        """Answer a challenge, both in Base64; ``*`` (cancel) to one too many or a garbled one."""
        if not self._steps:
            return b"*"
        try:
            return base64.b64encode(self._steps.pop(0)(challenge))
        except binascii.Error:
            self._steps.clear()
            return b"*"

    def accepted(self) -> None:
        """The server has accepted the login; was it the right server?"""
        if self._scram:
            self._scram.require_proof()


def _reading(step: Callable[[bytes], bytes]) -> Callable[[bytes | None], bytes]:
    """A step that needs what the challenge says; others take a garbled one too."""
    return lambda challenge: step(base64.b64decode(challenge or b""))


def _cram(password: bytes, challenge: bytes) -> bytes:
    return hmac.new(password, challenge, "md5").hexdigest().encode()
