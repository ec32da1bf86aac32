"""Small mail servers on loopback that do wrong what they are told to, and record what they saw.

Plain Python; each connection is a thread.  Real servers, for the truth, are in ``tests/hosts``.
"""

import base64
import contextlib
import hmac
import re
import socket
import ssl
import threading
from collections.abc import Iterator

import scramp

HOST = "mail.example.org"
PASSWORD = "Pä55 wörd"
USER = "jäne@example.org"


class Talk:
    """One connection, from the server's side."""

    def __init__(self, sock, server):
        self._sock, self._server = sock, server
        self._buffer = b""
        self.implicit = server.implicit

    def send(self, *lines):
        self._sock.sendall(
            b"".join(line if isinstance(line, bytes) else f"{line}\r\n".encode() for line in lines)
        )

    def line(self) -> str:
        """The next line from the client; EOFError at the end."""
        while b"\n" not in self._buffer:
            self._receive()
        line, _newline, self._buffer = self._buffer.partition(b"\n")
        return line.rstrip(b"\r").decode("utf-8", "replace")

    def take(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._receive()
        data, self._buffer = self._buffer[:size], self._buffer[size:]
        return data

    def _receive(self):
        data = self._sock.recv(4096)
        if not data:
            raise EOFError
        self._server.seen += data
        self._buffer += data

    def encrypt(self):
        self._sock = self._server.context.wrap_socket(self._sock, server_side=True)

    @property
    def peer_port(self) -> int:
        return self._sock.getpeername()[1]

    def hang(self, seconds: float):
        """Say nothing until the client goes, which is EOFError."""
        self._sock.settimeout(seconds)
        self.take(1 << 20)

    def close(self):
        self._sock.close()


class FaultServer:
    """Listens on a free port of 127.0.0.1 until the ``with`` block ends.

    :param talk: called with a :class:`Talk` for each connection
    :param context: of the server, for TLS
    :param implicit: TLS from the first byte
    :cvar patience: seconds for which it waits for a client
    :ivar seen: all that clients sent, decrypted
    """

    patience = 2

    def __init__(self, talk, context: ssl.SSLContext | None = None, implicit: bool = False):
        self.talk, self.context, self.implicit = talk, context, implicit
        self.seen = b""
        self.connections = 0
        self._ended = threading.Event()
        self._threads = []

    def __enter__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._start(self._accept)
        return self

    def __exit__(self, *_exc):
        self._ended.set()
        socket.create_connection(("127.0.0.1", self.port), 1).close()  # wakes accept()
        for thread in list(self._threads):
            thread.join(5)
        self._listener.close()

    def resolve(self, _host, _port):
        """For the ``resolve`` of the clients: every name is here."""
        return [("127.0.0.1", self.port)]

    def saw_secret(self, password: str = PASSWORD, username: str = USER) -> bool:
        """Whether the password came by, in any form that a login gives it."""
        raw = password.encode()
        forms = [raw, base64.b64encode(raw), base64.b64encode(b"\0" + username.encode() + b"\0" + raw)]
        return any(form in self.seen for form in forms)

    def _start(self, target, *args):
        thread = threading.Thread(target=target, args=args, daemon=True)
        # since Python 3.13 one that has ended keeps its stack until somebody joins it
        self._threads = [other for other in self._threads if other.is_alive() or other.join()]
        thread.start()
        self._threads.append(thread)

    def _accept(self):
        while True:
            sock, _address = self._listener.accept()
            if self._ended.is_set():
                sock.close()
                return
            self.connections += 1
            self._start(self._serve, sock)

    def _serve(self, sock):
        sock.settimeout(self.patience)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        talk = Talk(sock, self)
        with contextlib.suppress(OSError, EOFError, ValueError):
            if self.implicit:
                talk.encrypt()
            self.talk(talk)
        talk.close()


def silence(talk: Talk):
    """Accept, and say nothing until the client goes."""
    talk.take(1 << 20)


class Script:
    """What a server of one protocol answers.

    :param mechanisms: SASL mechanisms it offers once encrypted (or at all, with ``clear``)
    :param starttls: whether it offers STARTTLS; a text: its answer to it
    :param clear: it offers logins on unencrypted connections too
    :param refusal: its answer to every login, word for word; None accepts the right password
    :param inject: sent unencrypted right after agreeing to STARTTLS
    :param greeting: instead of its own
    :param extra: further capabilities
    :param knows_password: False for one that accepts all logins by SCRAM, knowing nothing
    :param answers: to commands, before all else: ``{pattern: [line, …]}``, or a function of the command that
        gives the lines; ``{tag}`` is filled in.  What an iterator gives is sent as it comes; EOFError in it
        ends the connection
    """

    def __init__(
        self,
        mechanisms=("PLAIN",),
        *,
        starttls=True,
        clear=False,
        refusal=None,
        inject=b"",
        greeting=None,
        extra=(),
        knows_password=True,
        answers=None,
    ):
        self.mechanisms, self.starttls, self.clear = mechanisms, starttls, clear
        self.refusal, self.inject, self.greeting = refusal, inject, greeting
        self.extra, self.knows_password, self.answers = extra, knows_password, answers or {}

    def offers(self, encrypted):
        return self.mechanisms if encrypted or self.clear else ()

    def accepts(self, username: str, password: str) -> bool:
        return self.refusal is None and (username, password) == (USER, PASSWORD)

    def sasl(self, mechanism: str, initial: str, ask) -> bool:
        """Run the server's half; ``ask`` sends a challenge and returns the answer."""
        if mechanism == "PLAIN":
            answer = _decode(initial or ask(""))
            return self.accepts(*answer.split("\0")[1:])
        if mechanism == "LOGIN":
            answers = [_decode(ask(base64.b64encode(prompt).decode())) for prompt in (b"User", b"Pass")]
            return self.accepts(*answers)
        if mechanism.startswith("SCRAM-"):
            return self.scram(mechanism, lambda text: _decode(ask(base64.b64encode(text.encode()).decode())))
        challenge = b"<1@example.org>"
        username, _space, digest = _decode(ask(base64.b64encode(challenge).decode())).rpartition(" ")
        expected = hmac.new(PASSWORD.encode(), challenge, "md5").hexdigest()
        return self.refusal is None and username == USER and digest == expected

    def scram(self, mechanism: str, ask) -> bool:
        """The same for SCRAM; ``ask`` takes and returns text."""
        known = scramp.ScramMechanism(mechanism)
        secret = known.make_auth_info(PASSWORD if self.knows_password else "a guess")
        server = known.make_server(lambda user: secret if user == USER else None)
        try:
            server.set_client_first(ask(""))
            final = ask(server.get_server_first())
            server.set_client_final(final)
        except (scramp.ScramException, TypeError):  # TypeError: an unknown user, with older scramp
            if self.knows_password:
                return False
            ask(f"v={base64.b64encode(bytes(20)).decode()}")
            return True
        ask(server.get_server_final())
        return self.refusal is None

    def scripted(self, talk: Talk, line: str, tag: str = "") -> bool:
        for pattern, lines in self.answers.items():
            if re.match(pattern, line, re.IGNORECASE):
                if callable(lines):
                    lines = lines(line)
                filled = (out if isinstance(out, bytes) else out.replace("{tag}", tag) for out in lines)
                if isinstance(lines, Iterator):
                    for out in filled:
                        talk.send(out)
                else:
                    talk.send(*filled)
                return True
        return False


def _decode(text: str) -> str:
    return base64.b64decode(text).decode()


class SmtpScript(Script):
    def __call__(self, talk: Talk):
        encrypted = talk.implicit
        talk.send(self.greeting or "220 ready")
        while True:
            line = talk.line()
            verb = line.split(" ")[0].upper()
            if self.scripted(talk, line):
                continue
            if verb == "EHLO":
                offered = " ".join(self.offers(encrypted))
                lines = [f"AUTH {offered}"] * bool(offered) + list(self.extra)
                lines += ["STARTTLS"] * (bool(self.starttls) and not encrypted)
                talk.send(f"250-{HOST}", *(f"250-{text}" for text in lines), "250 8BITMIME")
            elif verb == "STARTTLS":
                if self.starttls is not True:
                    talk.send(self.starttls)
                    continue
                talk.send(b"220 go\r\n" + self.inject)
                talk.encrypt()
                encrypted = True
            elif verb == "AUTH":
                _auth, mechanism, *initial = line.split(" ")
                accepted = self.sasl(mechanism, "".join(initial), lambda text: self._ask(talk, text))
                talk.send("235 2.7.0 welcome" if accepted else self.refusal or "535 5.7.8 no")
            elif verb == "DATA":
                talk.send("354 go")
                while talk.line() != ".":
                    pass
                talk.send("250 queued")
            elif verb == "QUIT":
                talk.send("221 bye")
                return
            else:
                talk.send("250 ok")

    @staticmethod
    def _ask(talk, text):
        talk.send(f"334 {text}")
        return talk.line()


class ImapScript(Script):
    def __call__(self, talk: Talk):
        encrypted = talk.implicit
        talk.send(self.greeting or "* OK ready")
        while True:
            tag, _space, line = talk.line().partition(" ")
            while literal := re.search(r"\{(\d+)\}$", line):
                talk.send("+ go")
                line = line[: literal.start()] + talk.take(int(literal.group(1))).decode() + talk.line()
            verb = line.split(" ")[0].upper()
            if self.scripted(talk, line, tag):
                continue
            if verb == "CAPABILITY":
                offered = [f"AUTH={name}" for name in self.offers(encrypted)]
                if not encrypted and not self.clear:
                    offered.append("LOGINDISABLED")
                if self.starttls and not encrypted:
                    offered.append("STARTTLS")
                talk.send(f"* CAPABILITY {' '.join(['IMAP4rev1', *self.extra, *offered])}", f"{tag} OK done")
            elif verb == "STARTTLS":
                if self.starttls is not True:
                    talk.send(f"{tag} {self.starttls}")
                    continue
                talk.send(f"{tag} OK go\r\n".encode() + self.inject)
                talk.encrypt()
                encrypted = True
            elif verb == "AUTHENTICATE":
                _verb, mechanism, *initial = line.split(" ")
                accepted = self.sasl(mechanism, "".join(initial), lambda text: self._ask(talk, text))
                self._finish(talk, tag, accepted)
            elif verb == "LOGIN":
                words = re.fullmatch(r'LOGIN "((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)"', line)
                accepted = self.accepts(*(re.sub(r"\\(.)", r"\1", word) for word in words.groups()))
                self._finish(talk, tag, accepted)
            elif verb == "LOGOUT":
                talk.send("* BYE bye", f"{tag} OK done")
                return
            else:
                talk.send(f"{tag} OK done")

    def _finish(self, talk, tag, accepted):
        refusal = (self.refusal or "NO [AUTHENTICATIONFAILED] no").replace("{tag}", tag)
        talk.send(f"{tag} OK welcome" if accepted else f"{tag} {refusal}")

    @staticmethod
    def _ask(talk, text):
        talk.send(f"+ {text}")
        return talk.line()


class Pop3Script(Script):
    def __call__(self, talk: Talk):
        encrypted = talk.implicit
        user = ""
        talk.send(self.greeting or "+OK ready")
        while True:
            line = talk.line()
            verb, _space, rest = line.partition(" ")
            if self.scripted(talk, line):
                continue
            if verb == "CAPA":
                offered = " ".join(name for name in self.offers(encrypted) if name != "USER")
                lines = [f"SASL {offered}"] * bool(offered) + list(self.extra)
                lines += ["USER"] * ("USER" in self.offers(encrypted))
                lines += ["STLS"] * (bool(self.starttls) and not encrypted)
                talk.send("+OK list", *lines, ".")
            elif verb == "STLS":
                if self.starttls is not True:
                    talk.send(self.starttls)
                    continue
                talk.send(b"+OK go\r\n" + self.inject)
                talk.encrypt()
                encrypted = True
            elif verb == "AUTH":
                mechanism, _space, initial = rest.partition(" ")
                accepted = self.sasl(mechanism, initial, lambda text: self._ask(talk, text))
                talk.send("+OK welcome" if accepted else self.refusal or "-ERR [AUTH] no")
            elif verb == "USER":
                user = rest
                talk.send("+OK who")
            elif verb == "PASS":
                talk.send("+OK welcome" if self.accepts(user, rest) else self.refusal or "-ERR [AUTH] no")
            elif verb == "QUIT":
                talk.send("+OK bye")
                return
            else:
                talk.send("+OK")

    @staticmethod
    def _ask(talk, text):
        talk.send(f"+ {text}")
        return talk.line()


SCRIPTS = {"smtp": SmtpScript, "imap": ImapScript, "pop3": Pop3Script}
