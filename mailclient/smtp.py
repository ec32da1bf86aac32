"""Sending: an ``smtplib.SMTP`` that is verified, timed, and keeps secrets to itself."""

import contextlib
import re
import smtplib
import socket

from .allowance import REPLY, TooMuch
from .endpoint import DEFAULT_TIMEOUTS, Endpoint, Login, Timeouts, ascii_name
from .failures import MailFailure, failing, logging_in, reply_text
from .outside import safe_name, safe_text
from .sasl import Exchange, choose
from .tls import SYSTEM_TRUST, Certificate, Trust
from .transport import Connection, OnStage, Resolve, Route, reach

_MAX_REPLY = 10000  # characters: EHLO lists much
_LINE_END, _LONE_CR = re.compile(rb"(?<!\r)\r*\n"), re.compile(rb"\r(?!\n)")
_LONE = re.compile(rb"(?<!\r)\n|\r(?!\n)")


class SmtpClient(smtplib.SMTP):
    """A session for one endpoint; sends like any ``smtplib.SMTP``, and raises smtplib's exceptions when it
    does (:meth:`MailFailure.from_exception` types them).

    Made by :func:`connect_smtp`.

    :ivar mechanism: the SASL mechanism that logged in, ``""`` before
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        safe_logon: bool = True,
        local_hostname: str | None = None,
    ):
        self.endpoint, self._safe_logon = endpoint, safe_logon
        self._connection = self._certificate = None
        self.mechanism = ""
        # smtplib would ask DNS for a name, without a time-out
        name = local_hostname or socket.gethostname()
        super().__init__(local_hostname=name)
        self._named = bool(local_hostname) or "." in name

    @property
    def certificate(self) -> Certificate | None:
        """The server's, or None if the connection is not encrypted."""
        return self._certificate

    @property
    def capabilities(self) -> tuple[str, ...]:
        """What EHLO offered, such as ``SIZE 1000``."""
        features = self.esmtp_features.items()
        return tuple(safe_name(" ".join([name.upper(), *value.split()])) for name, value in features)

    def _get_socket(self, _host, _port, _timeout) -> Connection:
        return self._connection

    def open(self, route: Route) -> None:
        """Connect, encrypt as the endpoint says, and greet.

        :raises MailFailure: at ``connect`` or ``tls``
        """
        self._connection = route.open()
        self._certificate = self._connection.certificate
        if not self._named:  # RFC 5321 4.1.3
            address = self._connection.local_address
            self.local_hostname = f"[IPv6:{address}]" if ":" in address else f"[{address}]"
        with failing(self.endpoint, "connect"):
            code, text = self.connect(self.endpoint.host, self.endpoint.port)
            if code == -1:
                text = self.sock.last_line
                raise MailFailure(
                    self.endpoint, "connect", text.decode("utf-8", "replace").strip(), "wrong_protocol"
                )
            if code != 220:
                raise smtplib.SMTPConnectError(code, text)
            self.ehlo_or_helo_if_needed()
        if self.endpoint.security == "starttls":
            self.starttls()

    def starttls(self) -> tuple[int, bytes]:
        """Encrypt (RFC 3207); what the server said before is forgotten.

        :raises MailFailure: at ``tls``; the session must then be closed
        """
        if not self.has_extn("starttls"):
            raise MailFailure(
                self.endpoint, "tls", "STARTTLS extension not supported by server", "starttls_required"
            )
        with failing(self.endpoint, "tls"):
            code, text = self.docmd("STARTTLS")
            if code != 220:
                raise smtplib.SMTPResponseException(code, text)
        self.sock.start_tls()
        self._certificate = self.sock.certificate
        with failing(self.endpoint, "tls"):
            self.ehlo_resp = self.helo_resp = None
            self.esmtp_features, self.does_esmtp = {}, False
            self.ehlo_or_helo_if_needed()
        return code, text

    def login(self, user: str, password: str, *, initial_response_ok: bool = True) -> tuple[int, bytes]:
        """Log in (RFC 4954), one attempt.

        :param initial_response_ok: smtplib's; False waits for the server's challenge
        :raises MailFailure: at ``login``
        """
        login = Login(user, password)
        mechanism = choose(
            self.endpoint,
            login,
            self.esmtp_features.get("auth", "").split(),
            encrypted=self._certificate is not None,
            clear_allowed=not self._safe_logon,
            starttls_offered=self.has_extn("starttls"),
        )
        exchange, debuglevel = Exchange(self.endpoint, mechanism, login), self.debuglevel
        self.debuglevel = 0
        try:
            with logging_in(self.endpoint, login):
                first = exchange.answer(b"").decode() if mechanism == "PLAIN" and initial_response_ok else ""
                code, text = self.docmd("AUTH", f"{mechanism} {first}".strip())
                for _challenge in range(3):
                    if code == 334:
                        code, text = self.docmd(exchange.answer(text).decode())
                if code != 235:
                    raise smtplib.SMTPAuthenticationError(code, text)
                exchange.accepted()
        finally:
            self.debuglevel = debuglevel
        self.mechanism = mechanism
        if self.debuglevel:
            self._print_debug("login:", mechanism, reply_text(code, text))
        return code, text

    def try_sender(self, address: str) -> None:
        """Ask whether ``address`` may send here; nothing is sent.

        :param address: an internationalized one needs SMTPUTF8 (RFC 6531), unless its domain alone is: that
            one is written in A-labels
        :raises MailFailure: at ``sender``
        """
        with failing(self.endpoint, "sender"):
            local, at, domain = address.rpartition("@")
            options = []
            if not local.isascii():
                if not self.has_extn("smtputf8"):
                    raw = "SMTPUTF8 is not offered by the server"
                    raise MailFailure(self.endpoint, "sender", raw, "smtputf8_unsupported")
                options = ["SMTPUTF8"]
            elif domain:
                domain = ascii_name(domain)
            code, text = self.mail(local + at + domain, options)
            if code == 421:
                self.close()
            else:
                # after a refusal too: Dovecot's submission service crashes at the next MAIL without
                self.rset()
            if code != 250:
                raise smtplib.SMTPSenderRefused(code, text, address)

    def disconnect(self) -> None:
        """End the session properly; never raises."""
        with contextlib.suppress(OSError, ValueError):  # smtplib's exceptions are OSErrors
            self.quit()
        self.close()

    def putcmd(self, cmd: str, args: str = "") -> None:
        """Send a command; whoever sends AUTH himself (Odoo's OAuth modules) has it left out of the debug
        output."""
        debuglevel = self.debuglevel
        if debuglevel and cmd.upper().startswith("AUTH"):
            self.debuglevel = 0
            self._print_debug("send:", "AUTH …")
        try:
            return super().putcmd(cmd, args)
        finally:
            self.debuglevel = debuglevel

    def getreply(self) -> tuple[int, bytes]:
        """The next reply, of as many bytes as words may have, made safe: it gets into exceptions, logs and
        the database.

        :raises smtplib.SMTPServerDisconnected: also if it has more
        """
        if isinstance(self.sock, Connection):
            self.sock.allow(REPLY)
        try:
            try:
                code, text = super().getreply()
            except smtplib.SMTPResponseException as refused:  # of a line, in smtplib's own words
                raise TooMuch(REPLY) from refused
        except TooMuch as refused:
            self.close()
            raise smtplib.SMTPServerDisconnected(str(refused)) from refused
        return code, safe_text(text, _MAX_REPLY).encode()

    def data(self, msg: str | bytes) -> tuple[int, bytes]:
        """Send a message; its lines end with CRLF, as no others may be sent (RFC 5321 2.3.8): servers that
        take them for ends of lines find another message after a line of one dot."""
        if isinstance(msg, str):
            msg = msg.encode("ascii")
        self.keep_step()
        try:
            return super().data(with_crlf(msg))
        except smtplib.SMTPDataError as refused:
            if refused.smtp_code // 100 != 2:
                raise
            said = refused.smtp_error
        # DATA is answered by 354 or by a refusal: this answers a command before it, and came too late to be
        # seen above
        raise self._out_of_step(said)

    def send(self, s: str | bytes) -> None:
        """Send a command, or a message."""
        if isinstance(s, bytes):  # a message, after the server's consent
            self.keep_step()
        return super().send(s)

    def keep_step(self) -> None:
        """Nothing may be there that was not asked for: it would pass for the answer to the message.  But a
        server may end the session at any time (RFC 5321 3.8): that is read as the answer.

        :raises smtplib.SMTPServerDisconnected: there is something
        """
        said = self.sock.arrived() if isinstance(self.sock, Connection) else b""
        if said and not said.startswith(b"421"):
            raise self._out_of_step(said)

    def _out_of_step(self, said: bytes) -> smtplib.SMTPServerDisconnected:
        """Close the connection; return what to raise about an answer that nobody has asked for."""
        self.close()
        line = said.partition(b"\n")[0][:60].decode("ascii", "backslashreplace").strip()
        return smtplib.SMTPServerDisconnected(f"the server said more than it was asked for: {line}")


def with_crlf(message: bytes) -> bytes:
    """The message with CRLF at the end of each line and nowhere a CR or LF alone.

    A CR alone is no end of a line in a header, where what follows it would become a field.
    """
    if _LONE.search(message):
        message = _LINE_END.sub(b"\r\n", message)
        header, empty, body = message.partition(b"\r\n\r\n")
        message = _LONE_CR.sub(b" ", header) + empty + _LONE_CR.sub(b"\r\n", body)
    return message


def connect_smtp(
    endpoint: Endpoint,
    login: Login | None = None,
    *,
    resolve: Resolve | None = None,
    timeouts: Timeouts = DEFAULT_TIMEOUTS,
    safe_logon: bool = True,
    trust: Trust = SYSTEM_TRUST,
    on_stage: OnStage | None = None,
    local_hostname: str | None = None,
) -> SmtpClient:
    """Connect, encrypt, log in.

    :param login: None where the server wants none
    :param resolve: ``(host, port) → [(ip, port), …]``, default the system's resolver; only these addresses
        are tried, TLS is verified for ``endpoint.host`` all the same
    :param timeouts: ``reply`` covers the server's answer to the message itself too: some take a minute to
        scan it
    :param safe_logon: on an unencrypted connection the password itself is never sent
    :param trust: whom to trust beside the system's trust store
    :param on_stage: see :data:`OnStage`
    :param local_hostname: for EHLO; default this host's full name, else its address
    :raises MailFailure: at ``resolve``, ``connect``, ``tls`` or ``login``
    """

    def start(route: Route) -> SmtpClient:
        client = SmtpClient(endpoint, safe_logon=safe_logon, local_hostname=local_hostname)
        try:
            client.open(route)
        except BaseException:
            client.close()
            raise
        return client

    client = reach(start, endpoint, resolve, timeouts, trust, on_stage)
    try:
        if login:
            client.login(login.username, login.password)
            if on_stage:
                on_stage("login", client.mechanism)
    except BaseException:
        client.close()
        raise
    return client
