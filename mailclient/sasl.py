"""Logging in: which mechanism, and what it answers (RFC 4422)."""

import base64
import binascii
import hmac
from collections.abc import Iterable

from .endpoint import Endpoint, Login
from .failures import MailFailure

COMMAND = "command"
"""Not SASL: the protocol's own LOGIN, or USER and PASS."""

# best first; the first three show the password to whoever reads the connection
_PREFERENCE = ("PLAIN", "LOGIN", COMMAND, "CRAM-MD5")
_PROTECTED = ("CRAM-MD5",)


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

    PLAIN (RFC 4616), LOGIN (draft-murchison-sasl-login), CRAM-MD5 (RFC 2195); everything is UTF-8.
    """

    def __init__(self, mechanism: str, login: Login):
        username, password = login.username.encode(), login.password.encode()
        self._steps = {
            "PLAIN": [lambda _challenge: b"\0" + username + b"\0" + password],
            "LOGIN": [lambda _challenge: username, lambda _challenge: password],
            "CRAM-MD5": [lambda challenge: username + b" " + _cram(password, challenge or b"")],
        }[mechanism]

    def answer(self, challenge: bytes | None) -> bytes:
        """Answer a challenge, both in Base64; ``*`` (cancel) to one too many or a garbled one."""
        if not self._steps:
            return b"*"
        try:
            return base64.b64encode(self._steps.pop(0)(challenge))
        except binascii.Error:
            self._steps.clear()
            return b"*"


def _cram(password: bytes, challenge: bytes) -> bytes:
    return hmac.new(password, base64.b64decode(challenge), "md5").hexdigest().encode()
