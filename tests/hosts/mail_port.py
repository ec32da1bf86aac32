"""One port of a mail server, as discovery meets it: it says what it offers, or fails in a chosen way.

The capability parts of IMAP (RFC 9051), POP3 (RFC 1939, 2449, 2595) and SMTP (RFC 5321, 3207, 4954). Nobody
can log in; `MailHost` has mailboxes.
"""
import contextlib
import itertools
import socket
import socketserver
import ssl
import sys
import threading

from .certificates import CertificateAuthority

READ_TIMEOUT = 10  # seconds
DRIP = 0.05  # seconds before each byte
MAX_LINE = 8192  # bytes of a command

FAULTS = (
    "silence",  # takes connections and says nothing
    "silence_after_greeting",
    "close",  # at once
    "drip",  # one byte each 50 ms
    "garbage",  # instead of the greeting
    "endless_line",  # instead of the greeting
    "endless_capabilities",
    "starttls_refused",
    "injection",  # unencrypted text follows the answer to STARTTLS
    "tls_instead",  # TLS from the first byte where STARTTLS is due
)


class _Gone(Exception):
    """The conversation is over."""


class MailPort:
    """A server for one protocol and one security; a context manager.

    :param protocol: "imap", "pop3" or "smtp"
    :param security: "tls", "starttls" or "none"
    :param names: host names of the certificate; whatever name the client asks for, if there are none
    :param kind: of the certificate, one of ``certificates.KINDS``
    :param authentication: SASL mechanisms to announce
    :param early_capabilities: announce an IMAP server's capabilities in its greeting too
    :param fault: one of ``FAULTS``
    :param port: to listen on; a free one if it is not given
    """

    def __init__(self, protocol, security, authority=None, *, names=(), kind="valid",
                 authentication=("PLAIN", "LOGIN"), early_capabilities=False, fault="", port=0):
        if protocol not in _CONVERSATIONS or security not in ("tls", "starttls", "none"):
            raise ValueError(f"unknown protocol or security: {protocol}, {security}")
        if fault and fault not in FAULTS:
            raise ValueError(f"unknown fault: {fault}")
        self.protocol, self.security, self.fault = protocol, security, fault
        self.authority = authority or CertificateAuthority()
        self.authentication = authentication
        self.early_capabilities = early_capabilities
        self.port = port
        self.connections = 0
        self.commands = []  # what was said to it, line by line
        self.stopping = threading.Event()
        self.context = (self.authority.server_context(*names, kind=kind) if names
                        else self.authority.any_name_context(lambda name: kind))
        self._server = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *exception):
        self.stop()

    def start(self):
        self.stopping.clear()
        self._server = _Server(self)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True,
                         name="mail port").start()
        return self

    def stop(self):
        self.stopping.set()
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    @property
    def logins(self):
        """Commands that gave or announced a name or a password."""
        verb = 1 if self.protocol == "imap" else 0
        words = [(command, command.upper().split()) for command in self.commands]
        return [command for command, said in words if set(said[verb:verb + 1]) & _LOGIN_COMMANDS]


_LOGIN_COMMANDS = {"LOGIN", "AUTHENTICATE", "AUTH", "USER", "PASS", "APOP"}


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 100

    def __init__(self, host):
        self.host = host
        super().__init__(("127.0.0.1", host.port), None)

    def finish_request(self, request, client_address):
        # in the connection's own thread
        self.host.connections += 1
        request.settimeout(READ_TIMEOUT)
        request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        conversation = _CONVERSATIONS[self.host.protocol](self.host, request)
        with contextlib.closing(conversation), contextlib.suppress(_Gone):
            conversation.run()

    def handle_error(self, request, client_address):
        if isinstance(sys.exc_info()[1], OSError):  # the client went away
            return None
        return super().handle_error(request, client_address)


class _Conversation:
    """What the three protocols have in common."""

    def __init__(self, host, sock):
        self.host, self.sock, self.fault = host, sock, host.fault
        self.file = sock.makefile("rb")
        self.encrypted = False

    def close(self):
        self.file.close()
        if self.encrypted:
            self.sock.close()  # wrapped: the server closes the bare one alone

    def run(self):
        if self.fault == "close":
            return
        if self.fault == "silence":
            self._say_nothing()
        if self.host.security == "tls" or self.fault == "tls_instead":
            self._encrypt()
        if self.fault == "garbage":
            self.send(b"\x00\xff\x15\x03<html>\r\n\xfe\r\n" * 3)
            self._say_nothing()
        if self.fault == "endless_line":
            while not self.host.stopping.is_set():
                self.send(b"x" * 8192)
        self.greet()
        if self.fault == "silence_after_greeting":
            self._say_nothing()
        while line := self.file.readline(MAX_LINE):
            command = line.decode("utf-8", "replace").rstrip("\r\n")
            self.host.commands.append(command)
            self.answer(command)

    def send(self, data):
        if self.host.stopping.is_set():
            raise _Gone
        if self.fault != "drip":
            self.sock.sendall(data)
            return
        for byte in data:
            if self.host.stopping.wait(DRIP):
                raise _Gone
            self.sock.sendall(bytes([byte]))

    def line(self, text):
        self.send(f"{text}\r\n".encode())

    def offers_starttls(self):
        return self.host.security == "starttls" and not self.encrypted

    def start_tls(self, agreed, refused):
        """Answer STARTTLS and do it."""
        if not self.offers_starttls() or self.fault == "starttls_refused":
            self.line(refused)
            return
        injected = "* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n" if self.fault == "injection" else ""
        self.send(f"{agreed}\r\n{injected}".encode())
        self._encrypt()

    def capability_lines(self, line, words):
        """Send capabilities, one a line or all in one, as ``line`` writes them."""
        if self.fault == "endless_capabilities":
            words = (f"X{number}" for number in itertools.count())
        for word in words:
            self.line(line.format(word))

    def _encrypt(self):
        self.file.close()
        try:
            self.sock = self.host.context.wrap_socket(self.sock, server_side=True)
        except ssl.SSLError:  # the client does not like the certificate, or speaks no TLS
            raise _Gone from None
        self.encrypted = True
        self.file = self.sock.makefile("rb")

    def _say_nothing(self):
        """Read until the client leaves."""
        self.sock.settimeout(0.1)
        while not self.host.stopping.is_set():
            try:
                if not self.sock.recv(4096):
                    break
            except TimeoutError:
                continue
        raise _Gone


class _Imap(_Conversation):
    def capabilities(self):
        words = ["IMAP4rev1", "SASL-IR"]
        if self.offers_starttls():
            return [*words, "STARTTLS", "LOGINDISABLED"]
        return [*words, *(f"AUTH={mechanism}" for mechanism in self.host.authentication)]

    def greet(self):
        early = f"[CAPABILITY {' '.join(self.capabilities())}] " if self.host.early_capabilities else ""
        self.line(f"* OK {early}ready")

    def answer(self, command):
        tag, verb, *_ = [*command.split(), "", ""]
        match verb.upper():
            case "CAPABILITY":
                self.capability_lines("* CAPABILITY {}", [" ".join(self.capabilities())])
                self.line(f"{tag} OK done")
            case "STARTTLS":
                self.start_tls(f"{tag} OK begin", f"{tag} BAD not now")
            case "LOGIN" | "AUTHENTICATE":
                self.line(f"{tag} NO [AUTHENTICATIONFAILED] nobody can log in here")
            case "NOOP":
                self.line(f"{tag} OK done")
            case "LOGOUT":
                self.send(f"* BYE\r\n{tag} OK done\r\n".encode())
                raise _Gone
            case _:
                self.line(f"{tag or '*'} BAD unknown command")


class _Pop3(_Conversation):
    def capabilities(self):
        words = ["TOP", "UIDL"]
        if self.offers_starttls():
            return [*words, "STLS"]
        return [*words, "USER", f"SASL {' '.join(self.host.authentication)}"]

    def greet(self):
        self.line("+OK ready")

    def answer(self, command):
        match command.partition(" ")[0].upper():
            case "CAPA":
                self.line("+OK")
                self.capability_lines("{}", self.capabilities())
                self.line(".")
            case "STLS":
                self.start_tls("+OK begin", "-ERR not now")
            case "USER" | "PASS" | "APOP" | "AUTH":
                self.line("-ERR [AUTH] nobody can log in here")
            case "QUIT":
                self.line("+OK")
                raise _Gone
            case _:
                self.line("-ERR unknown command")


class _Smtp(_Conversation):
    def capabilities(self):
        words = ["8BITMIME", "SIZE 52428800"]
        if self.offers_starttls():
            return [*words, "STARTTLS"]
        return [*words, f"AUTH {' '.join(self.host.authentication)}"]

    def greet(self):
        self.line("220 mail.example ESMTP")

    def answer(self, command):
        match command.partition(" ")[0].upper():
            case "EHLO":
                self.line("250-mail.example")
                self.capability_lines("250-{}", self.capabilities())
                self.line("250 HELP")
            case "HELO" | "NOOP" | "RSET":
                self.line("250 mail.example")
            case "STARTTLS":
                self.start_tls("220 begin", "454 4.7.0 not now")
            case "AUTH":
                self.line("535 5.7.8 nobody can log in here")
            case "MAIL" | "RCPT" | "DATA":
                self.line("530 5.7.0 authentication required")
            case "QUIT":
                self.line("221 bye")
                raise _Gone
            case _:
                self.line("502 5.5.1 unknown command")


_CONVERSATIONS = {"imap": _Imap, "pop3": _Pop3, "smtp": _Smtp}
