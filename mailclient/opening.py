"""From settings to a session that is logged in: what IMAP and POP3 have in common."""

from collections.abc import Callable
from typing import TypeVar

from .endpoint import DEFAULT_TIMEOUTS, Endpoint, Login, Timeouts
from .failures import failing
from .tls import SYSTEM_TRUST, Trust
from .transport import Connection, OnStage, Resolve, Route, reach

_Session = TypeVar("_Session")


def open_session(
    greet: Callable[[Connection, Endpoint], _Session],
    encrypt: Callable[[_Session, Endpoint], None],
    log_in: Callable[[_Session, Endpoint, Login, bool], str],
    endpoint: Endpoint,
    login: Login,
    *,
    resolve: Resolve | None = None,
    timeouts: Timeouts = DEFAULT_TIMEOUTS,
    safe_logon: bool = True,
    trust: Trust = SYSTEM_TRUST,
    on_stage: OnStage | None = None,
) -> _Session:
    """Connect, encrypt, log in.

    :param greet: makes the session of what the server says first; it has its ``connection``
    :param encrypt: begins TLS in a session that is not encrypted
    :param log_in: makes one attempt, the last parameter being ``safe_logon``; returns the mechanism
    :param resolve: ``(host, port) → [(ip, port), …]``, default the system's resolver; only these addresses
        are tried, TLS is verified for ``endpoint.host`` all the same
    :param safe_logon: on an unencrypted connection the password itself is never sent
    :param trust: whom to trust beside the system's trust store
    :param on_stage: see :data:`OnStage`
    :raises MailFailure: at ``resolve``, ``connect``, ``tls`` or ``login``
    """

    def start(route: Route) -> _Session:
        connection = route.open()
        try:
            with failing(endpoint, "connect"):
                session = greet(connection, endpoint)
            if endpoint.security == "starttls":
                encrypt(session, endpoint)
            return session
        except BaseException:
            connection.close()
            raise

    session = reach(start, endpoint, resolve, timeouts, trust, on_stage)
    try:
        mechanism = log_in(session, endpoint, login, safe_logon)
        if on_stage:
            on_stage("login", mechanism)
        return session
    except BaseException:
        session.connection.close()
        raise
