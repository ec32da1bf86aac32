"""The memory that receiving takes at its peak: a mail of 50 MB from a real server; 100,000 mails that wait.

Prints JSON, in MB: ``large`` is the whole process, ``many`` what came on top of the idle one. Each is
measured in a process of its own. Needs neither Odoo nor a database: ``.dev/python bench/receive_memory.py``.
"""

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import memory
import plain  # noqa: F401
from email_account.mailclient import Endpoint, Login, Reader, connect_mailbox
from email_account.tests.hosts.certificates import CertificateAuthority
from email_account.tests.hosts.mail_host import MailHost
from email_account.tests.mailclient import fault_server

HOST, ADDRESS, PASSWORD = "mail.example.org", "jane@example.org", "a password"
PROTOCOLS = ("imap", "pop3")
LARGE, MANY = 50 << 20, 100_000
LINE = b"x" * 74 + b"\r\n"
MESSAGE = "Subject: one of many\r\nMessage-ID: <{number}@example.org>\r\n\r\nHello.\r\n"


def main():
    """Measure everything; print it."""
    figures = {"large_bytes": LARGE, "many_messages": MANY}
    authority = CertificateAuthority()
    with tempfile.TemporaryDirectory() as folder:
        trusted = Path(folder, "trusted.pem")
        trusted.write_bytes(authority.pem)
        os.environ["SSL_CERT_FILE"] = str(trusted)
        with MailHost({ADDRESS: PASSWORD}, authority=authority, names=(HOST,)) as mail:
            mail.deliver(b"Subject: long\r\n\r\n" + LINE * (LARGE // len(LINE)), ADDRESS)
            for protocol in PROTOCOLS:
                figures[f"{protocol}_large"] = _measured(
                    "large", protocol, mail.address, mail.ports[f"{protocol}s"], ADDRESS, PASSWORD
                )
        context = authority.server_context(HOST, kind="valid")
        for protocol, script in (("imap", ManyByImap()), ("pop3", ManyByPop3())):
            with fault_server.FaultServer(script, context, implicit=True) as server:
                account = fault_server.USER, fault_server.PASSWORD
                figures[f"{protocol}_many"] = _measured("many", protocol, "127.0.0.1", server.port, *account)
    print(json.dumps(figures))


def _measured(what, *arguments):
    """Measure in a fresh process; return MB."""
    command = [sys.executable, __file__, what, *map(str, arguments)]
    result = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    return round(json.loads(result.stdout) / (1 << 20), 1)


def measure(what, protocol, address, port, username, password):
    """Receive all there is, in this process; print the bytes at the peak."""
    endpoint = Endpoint(protocol, HOST, int(port), "tls")
    login = Login(username, password)
    with connect_mailbox(endpoint, login, resolve=lambda _host, port: [(address, port)]) as box:
        box.open(b"INBOX")
        memory.forget_peak()
        idle = memory.peak() if what == "many" else 0
        uids = box.uids()
        with contextlib.closing(Reader(box, uids)) as reader:
            count = length = 0
            while batch := reader.next():
                count += len(batch)
                length += sum(len(received.source) for received in batch)
                del batch
        assert (count, length > LARGE // 2) == ((1, True) if what == "large" else (MANY, False)), (
            count,
            length,
        )
    print(memory.peak() - idle)


class ManyByImap(fault_server.ImapScript):
    """A folder with 100,000 messages."""

    def __init__(self):
        super().__init__(
            extra=("UIDPLUS",),
            answers={
                "SELECT": [
                    f"* {MANY} EXISTS",
                    "* OK [UIDVALIDITY 1] ok",
                    f"* OK [UIDNEXT {MANY + 1}] ok",
                    DONE,
                ],
                "UID SEARCH": ["* SEARCH " + " ".join(map(str, range(1, MANY + 1))), DONE],
                "UID FETCH": lambda command: list(self._fetch(command)),
            },
        )

    @staticmethod
    def _fetch(command):
        for part in command.split(" ")[2].split(","):
            first, _colon, last = part.partition(":")
            for number in range(int(first), int(last or first) + 1):
                text = MESSAGE.format(number=number)
                if "BODY" in command:
                    yield f"* {number} FETCH (UID {number} BODY[] {{{len(text)}}}\r\n{text})"
                else:
                    date = "17-Jul-2026 02:44:25 -0700"
                    yield f'* {number} FETCH (UID {number} RFC822.SIZE {len(text)} INTERNALDATE "{date}")'
        yield DONE


DONE = "{tag} OK done"


class ManyByPop3(fault_server.Pop3Script):
    """The same by POP3."""

    def __init__(self):
        numbers = range(1, MANY + 1)
        super().__init__(
            extra=("PIPELINING", "UIDL", "TOP"),
            answers={
                "UIDL": ["+OK", *(f"{number} {number:016x}" for number in numbers), "."],
                "LIST": [
                    "+OK",
                    *(f"{number} {len(MESSAGE.format(number=number))}" for number in numbers),
                    ".",
                ],
                "RETR": lambda line: ["+OK", MESSAGE.format(number=re.sub(r"\D", "", line)) + "."],
            },
        )


if __name__ == "__main__":
    measure(*sys.argv[1:]) if sys.argv[1:] else main()
