"""A mail host: Dovecot for IMAP, POP3 and submission, with real mailboxes and logins."""
import contextlib
import errno
import os
import re
import shutil
import signal
import smtplib
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from . import dovecot
from .certificates import CertificateAuthority
from .dovecot_program import DovecotProgram
from .ports import ADDRESSES, free_ports, wait_until_closed
from .smtp_relay import OUTSIDE, Relay

PORTS = ("imap", "imaps", "pop3", "pop3s", "submission", "submissions", "lmtp", "smtp")
START = 20  # seconds until Dovecot must listen
TAKEN = os.strerror(errno.EADDRINUSE)
# Dovecot's words for a login that succeeded and one that was refused, in versions 2.3 and 2.4
ACCEPTED = re.compile(r"(imap|pop3|submission)-login: (?:Info: )?(?:Login|Logged in): user=<([^>]*)>")
REFUSED = re.compile(r"(imap|pop3|submission)-login: .*auth failed, \d+ attempts.*?user=<([^>]*)>")


@dataclass(frozen=True)
class Delivery:
    """How submitted mail reaches the host's own mailboxes."""

    folder: str = "INBOX"  # or "Junk", "Filtered/Deep"…; it is made and subscribed if it does not exist
    delay: float = 0.0  # seconds; submission does not wait for them
    dropped: bool = False  # it never arrives
    bounce: str = ""  # it does not arrive, but its sender gets a report with this reply of a server


class MailHost:
    """Mailboxes with IMAP, POP3 and SMTP, in both TLS modes, on ports of their own.

    A context manager; or call ``start`` and ``stop``. Works as root (Dovecot then runs as "nobody") and as
    an ordinary user.

    What happens to submitted mail is set by attributes, also while it runs; ``reset`` takes all of it back:
    ``refuse_sender`` and ``refuse_recipient``
        ``{address, or "*" for all: reply}``, e.g. ``{"*": "550 5.7.60 Not as this sender"}``; Dovecot passes
        replies on as they are, but adds 5.0.0 where there is no such code, and to RCPT the recipient
    ``refuse_data``
        the reply to the end of a mail
    ``aliases``
        ``{address: mailbox that gets its mail}``
    ``delivery``
        a `Delivery`
    ``keep_sent``
        each mail appears in its sender's folder Sent, as some providers do it
    ``sign``
        a `DkimKey` that signs each mail; mailboxes get it with headers as from a real provider

    :param users: ``{address: password}``; ``add_user`` adds more while it runs
    :param authority: issues the certificates; a new one if it is not given
    :param certificates: ``{protocol: kind}``, protocol being "imap", "pop3" or "submission", kind one of
        ``certificates.KINDS``; "valid" for those not named
    :param names: host names in the certificates, beside localhost and the usual ones of the users' domains
    :param protocols: those to offer; the ports of the others refuse connections
    :param ports: ports to take if they are free, as ``{service: port}`` (``PORTS``)
    :param mail_folder: where the mailboxes are kept; in the host's own folder if it is not given
    :param mechanisms: SASL mechanisms that it offers
    :param more: a function of Dovecot's version that gives more of its configuration (text)
    """

    def __init__(self, users=None, authority=None, certificates=None, names=(),
                 protocols=tuple(dovecot.SERVICES), ports=None, mail_folder=None,
                 mechanisms=("plain", "login"), more=lambda version: ""):
        self.users = {address.lower(): password for address, password in (users or {}).items()}
        self.authority = authority or CertificateAuthority()
        self.ports = {}
        self.address = ADDRESSES[-1]  # Dovecot's; there it wants TLS before it takes a password
        self.folder = None
        self._certificates = certificates or {}
        self._names = tuple(names)
        self._protocols = protocols
        self._wanted_ports = ports
        self._mail_folder = mail_folder
        self._mechanisms = mechanisms
        self._more = more
        self._program = self._process = self._relay = None
        self._listens = False
        self.reset()

    def reset(self):
        """Take back what was set for submitted mail; forget the outbox and mail that is still on its way."""
        self.refuse_sender, self.refuse_recipient, self.refuse_data = {}, {}, ""
        self.aliases = {}
        self.delivery = Delivery()
        self.keep_sent = False
        self.sign = None
        if self._relay:
            self._relay.forget()

    @property
    def pid(self):
        """Dovecot's process id."""
        return self._process.pid

    @property
    def ca_pem(self):
        """Certificate of the authority to trust (bytes)."""
        return self.authority.pem

    @property
    def outbox(self):
        """Mail for other hosts, which nobody will get (list of bytes)."""
        return self._relay.outbox

    def __enter__(self):
        return self.start()

    def __exit__(self, *exception):
        self.stop()

    def start(self):
        """Start it; when this returns, every port answers.

        :raises FileNotFoundError: without Dovecot
        :raises RuntimeError: with Dovecot's log when it does not start
        """
        self._program = DovecotProgram.chosen()
        # a socket's path may have 107 characters, and root's TMPDIR may be closed to others
        self.folder = Path(tempfile.mkdtemp(prefix="mailhost-", dir="/tmp"))
        self.mail = Path(self._mail_folder or self.folder / "mail")
        try:
            for _attempt in range(5):
                with contextlib.suppress(_PortTaken):
                    self._start()
                    return self
                self._stop_servers()
            raise RuntimeError("Dovecot does not start: others take each port that it is given")
        except BaseException:
            self.stop()
            raise

    def _start(self):
        self.ports = free_ports(PORTS, self._wanted_ports)
        shutil.rmtree(self.folder / "users", ignore_errors=True)
        for path in (*(self.folder / name for name in ("run", "state", "home", "users")), self.mail):
            path.mkdir(parents=True, exist_ok=True)
        for name in ("run/master.pid", "dovecot.log"):
            (self.folder / name).unlink(missing_ok=True)
        for address in self.users:
            self._write_user(address)
        config = self.folder / "dovecot.conf"
        settings = dovecot.configuration(
            self._program.version, self.folder, self.mail, self.ports, self._program.user,
            self._program.group, ADDRESSES, self._write_certificates(), self._mechanisms)
        config.write_text(settings + self._more(self._program.version))
        self._hand_over(self.folder, *self.folder.rglob("*"), self.mail, *self.mail.rglob("*"))
        self._relay = Relay(self)
        try:
            self._relay.start()
        except OSError as error:
            self._relay = None
            if error.errno == errno.EADDRINUSE:
                raise _PortTaken
            raise
        command = self._program.command("-F", "-c", config, folders=[self.mail])
        with open(self.folder / "stderr", "wb") as stderr:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=stderr, stderr=stderr, start_new_session=True,
                **self._program.privileges)
        self._wait_until_it_listens()

    def _wait_until_it_listens(self):
        """Wait for the file that Dovecot writes when it has bound all ports.

        A port that answers says nothing: it may be another server's that was faster.
        """
        deadline = time.monotonic() + START
        while not (self.folder / "run/master.pid").exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                said = self.log() + self._stderr()
                if TAKEN in said:
                    raise _PortTaken
                raise RuntimeError(f"Dovecot does not start: {said}")
            time.sleep(0.01)
        self._listens = True

    def stop(self):
        """End it and remove its folder."""
        self._stop_servers()
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _stop_servers(self):
        if self._relay:
            self._relay.stop()
            self._relay = None
        if self._process:
            # at once, with all its helpers: a graceful end waits for clients; mailboxes are complete files
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None
            for port in self.ports.values() if self._listens else ():  # the helpers end a moment later
                wait_until_closed(port)
            self._listens = False

    def add_user(self, address, password):
        """Add a mailbox, or give it another password (which takes a second)."""
        self.users[address.lower()] = password
        self._write_user(address.lower())

    def mailbox(self, address):
        """The address of the mailbox that gets the mail for an address, "" if there is none."""
        aliases = {alias.lower(): mailbox for alias, mailbox in self.aliases.items()}
        mailbox = aliases.get(address.lower(), address).lower()
        return mailbox if mailbox in self.users else ""

    def deliver(self, content, recipient, sender="sender@elsewhere.example"):
        """Mail from outside: when this returns, it is in the inbox, whatever is set for submitted mail.

        :param content: the raw mail (bytes)
        :raises smtplib.SMTPRecipientsRefused: when there is no such mailbox
        """
        with smtplib.SMTP("127.0.0.1", self.ports["smtp"], OUTSIDE, timeout=30) as smtp:
            smtp.sendmail(sender, [recipient], content)

    def messages(self, address, folder=None):
        """Raw mails (list of bytes) in a mailbox, oldest first.

        :param folder: "INBOX" or a folder's name; all of them if it is not given
        """
        box = self.mail / address.lower()
        if folder:
            places = [box if folder == "INBOX" else box / f".{folder.replace('/', '.')}"]
        else:
            places = [box, *(path for path in box.glob(".*") if path.is_dir())]
        files = [file for place in places for state in ("new", "cur") for file in (place / state).glob("*")]
        files.sort(key=lambda file: (file.stat().st_mtime_ns, file.name))
        return [file.read_bytes() for file in files]

    def log(self):
        """Dovecot's log so far (text)."""
        try:
            return (self.folder / "dovecot.log").read_text(errors="replace")
        except OSError:
            return ""

    def logins(self):
        """Logins that were tried, as ``(protocol, user name, accepted)``.

        Dovecot writes a refused one down when the client leaves; wait for it with ``wait_for_log``.
        """
        found = []
        for line in self.log().splitlines():
            for pattern, accepted in ((ACCEPTED, True), (REFUSED, False)):
                match = pattern.search(line)
                if match:
                    found.append((match[1], match[2], accepted))
        return found

    def wait_for_log(self, text, timeout=3.0):
        """Wait until Dovecot's log holds a text; return the log.

        :raises TimeoutError: when it does not come
        """
        deadline = time.monotonic() + timeout
        while text not in self.log():
            if time.monotonic() > deadline:
                raise TimeoutError(f"Dovecot's log does not say {text!r}:\n{self.log()}")
            time.sleep(0.01)
        return self.log()

    def _stderr(self):
        return (self.folder / "stderr").read_text(errors="replace")

    def _write_user(self, address):
        # A file for each: Dovecot looks at a file that it knows only once a second.
        path = self.folder / "users" / address
        known = path.exists()
        part = self.folder / "users.part"
        part.write_text(f"{address}:{self.users[address]}::::::\n")
        self._hand_over(part)
        part.replace(path)
        if known:
            time.sleep(1.1)

    def _write_certificates(self):
        """Certificate and key of each protocol, as ``{protocol: (path, path)}``."""
        names = {"localhost", "127.0.0.1", self.address, *self._names}
        for domain in {address.rpartition("@")[2] for address in self.users}:
            names |= {domain, *(f"{first}.{domain}" for first in ("mail", "imap", "pop", "pop3", "smtp"))}
        written = {}
        for protocol in self._protocols:
            kind = self._certificates.get(protocol, "valid")
            if kind not in written:
                written[kind] = self.authority.write_files(self.folder / kind, *sorted(names), kind=kind)
        return {protocol: written[self._certificates.get(protocol, "valid")] for protocol in self._protocols}

    def _hand_over(self, *paths):
        """Give files to the user that Dovecot runs as."""
        for path in paths if os.getuid() == 0 else ():
            if not path.is_socket():
                os.chown(path, self._program.uid, self._program.gid)


class _PortTaken(Exception):
    """Somebody took a port between the moment it was found free and the one it was needed."""
