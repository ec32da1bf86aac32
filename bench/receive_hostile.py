"""What servers can make this process take that answer without end, or with far more than was asked for.

Prints JSON: ``{case: {"cause": of the failure, "mb": over idle at the peak}}``. The client is a process of
its own for each, and may take 4 GB of addresses. Needs neither Odoo nor a database:
``.dev/python bench/receive_hostile.py [PROTOCOL]``.
"""

import contextlib
import itertools
import json
import os
import resource
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import memory
import plain  # noqa: F401
from email_account.mailclient import (
    Endpoint,
    Login,
    MailFailure,
    Reader,
    Timeouts,
    connect_mailbox,
    connect_smtp,
)
from email_account.tests.mailclient import fault_server

HOST, MOST = "mail.example.org", 4 << 30
LIMIT = 25 << 20  # bytes: the size limit of an account
DONE = "{tag} OK done"
CHUNK = b"x" * 65536
BRIM, SESSIONS = "FETCH: a literal as long as it may be", 16
TOGETHER = f"imap {SESSIONS} sessions at once"


def endless(block, start=b""):
    """An answer that goes on until the client goes.

    :param block: comes again and again; a function makes it of 1, 2, 3, …
    """

    def answer(_line):
        yield start
        if callable(block):
            for first in itertools.count(1, 500):
                yield b"".join(map(block, range(first, first + 500)))
        repeated = block * (1 + 65536 // len(block))
        while True:
            yield repeated

    return answer


def numbered(pattern):
    return lambda number: pattern.replace(b"#", b"%d" % number)


def filled(block, count, start=b"", end=DONE):
    """An answer that is as long as it may be, and ends."""

    def answer(_line):
        yield start
        for first in range(1, count + 1, 500):
            yield b"".join(map(block, range(first, min(first + 500, count + 1))))
        yield end

    return answer


# ------------------------------------------------------------
# What is asked for
# ------------------------------------------------------------


def log_in(_box):
    pass


def folders(box):
    box.folders()


def notice(box):
    box.remember()


def marks(box):
    box.marks([b"INBOX", b"Sent"])


def select(box):
    box.open(b"INBOX")


def search(box):
    box.open(b"INBOX")
    box.uids()


def describe(box):
    box.open(b"INBOX")
    box.describe(box.uids())


def receive(box):
    box.open(b"INBOX")
    with contextlib.closing(Reader(box, box.uids(), size_limit=LIMIT)) as reader:
        while reader.next():
            pass


def header(box):
    box.open(b"INBOX")
    box.sources(box.uids(), header_only=True)


def find(box):
    box.find("Subject", "test")


def find_text(box):
    box.find_text("test")


def seen(box):
    box.open(b"INBOX")
    box.mark_seen(["7"])


def count(box):
    box.open(b"INBOX")
    box.count()


def sender(client):
    client.try_sender("jane@example.org")


def send(client):
    client.sendmail("jane@example.org", ["a@example.org"], b"Subject: x\r\n\r\nx\r\n")


# ------------------------------------------------------------
# What is answered: {case: (what is asked for, options of the script)}
# ------------------------------------------------------------

SELECT = ["* 20 EXISTS", "* OK [UIDVALIDITY 5] ok", DONE]
SIZE = f"* 1 FETCH (UID 7 RFC822.SIZE {LIMIT})"
KNOWN = {
    "SELECT": SELECT,
    "EXAMINE": SELECT,
    "UID SEARCH": ["* SEARCH 7", DONE],
    r"UID FETCH \S+ \(UID RFC822.SIZE": [SIZE, DONE],
}


def imap(**answers):
    """A server that answers so, and the rest as others do."""
    answers = {key.replace("_", " "): value for key, value in answers.items()}
    return {"answers": {**answers, **KNOWN, **answers}}


def fetching(*said, size=LIMIT):
    """One that gives this instead of a message of that size."""
    told = {r"UID FETCH \S+ \(UID RFC822.SIZE": [f"* 1 FETCH (UID 7 RFC822.SIZE {size})", DONE]}
    return {"answers": {**told, "UID FETCH": said[0] if callable(said[0]) else list(said), **KNOWN}}


def asked_sizes(said):
    """One that says this when it is asked for sizes."""
    return {"answers": {"UID FETCH": said, **KNOWN}}


MANY = ["* 4000000000 EXISTS", DONE]
IMAP = {
    "greeting without end": (log_in, {"greeting": endless(CHUNK, b"* OK ")}),
    "greetings": (log_in, {"greeting": endless(b"* OK x\r\n")}),
    "empty lines": (log_in, imap(CAPABILITY=endless(b"\r\n"))),
    "capabilities without end": (log_in, imap(CAPABILITY=endless(CHUNK, b"* CAPABILITY "))),
    "capabilities again and again": (log_in, imap(CAPABILITY=endless(b"* CAPABILITY IMAP4rev1\r\n"))),
    "login: words": (log_in, imap(AUTHENTICATE=endless(b"* OK x\r\n"))),
    "login: unheard of": (log_in, imap(AUTHENTICATE=endless(numbered(b"* X# y\r\n")))),
    "login: codes": (log_in, imap(AUTHENTICATE=endless(numbered(b"* OK [X# y] z\r\n")))),
    "login: challenges": (log_in, imap(AUTHENTICATE=endless(b"+ \r\n"))),
    "login: one challenge": (log_in, imap(AUTHENTICATE=endless(b"eHh4", b"+ "))),
    "login: a refusal": (log_in, imap(AUTHENTICATE=endless(CHUNK, b"* NO "))),
    "LIST: folders": (folders, imap(LIST=endless(numbered(b'* LIST () "/" F#\r\n')))),
    "LIST: long names": (
        folders,
        imap(LIST=endless(numbered(b'* LIST () "/" "' + "\U0001f600".encode() + b"x" * 60000 + b'#"\r\n'))),
    ),
    "LIST: one name": (folders, imap(LIST=endless(CHUNK, b'* LIST () "/" "'))),
    "LIST: flags": (folders, imap(LIST=endless(b"\\a ", b"* LIST ("))),
    "LIST: a literal": (folders, imap(LIST=endless(CHUNK, b'* LIST () "/" {1000000000}\r\n'))),
    "LIST: marks": (
        notice,
        {
            **imap(LIST=endless(numbered(b"* STATUS F# (UIDVALIDITY 1 UIDNEXT 2)\r\n"))),
            "extra": ("LIST-STATUS",),
        },
    ),
    "LIST: 20,000 folders": (
        folders,
        imap(LIST=filled(numbered(b'* LIST () "/" "a usual name of #"\r\n'), 20_000)),
    ),
    "LIST: 90 folders with long names": (
        folders,
        imap(
            LIST=filled(numbered(b'* LIST () "/" "' + "\U0001f600".encode() + b"x" * 60000 + b'#"\r\n'), 90)
        ),
    ),
    "STATUS": (marks, imap(STATUS=endless(numbered(b"* STATUS F# (UIDVALIDITY 1 UIDNEXT 2)\r\n")))),
    "SELECT: flags": (select, imap(SELECT=endless(b"\\x ", b"* OK [PERMANENTFLAGS ("))),
    "SELECT: codes": (select, imap(SELECT=endless(numbered(b"* OK [X# (y)] z\r\n")))),
    "SELECT: messages": (select, imap(SELECT=endless(numbered(b"* # EXISTS\r\n")))),
    "SEARCH: numbers": (search, imap(UID_SEARCH=endless(numbered(b" #"), b"* SEARCH"))),
    "SEARCH: of so many": (search, imap(SELECT=MANY, UID_SEARCH=endless(numbered(b" #"), b"* SEARCH"))),
    "SEARCH: of so many, digits": (search, imap(SELECT=MANY, UID_SEARCH=endless(b" 7", b"* SEARCH"))),
    "SEARCH: in lines": (
        search,
        imap(SELECT=MANY, UID_SEARCH=endless(numbered(b"* SEARCH 400000# 300000#\r\n"))),
    ),
    "SEARCH: one number": (search, imap(UID_SEARCH=endless(b"7" * 1000, b"* SEARCH "))),
    "SEARCH: 400,000 messages": (
        search,
        imap(
            SELECT=["* 400000 EXISTS", DONE],
            UID_SEARCH=filled(
                lambda number: b" %d" % (4294967295 - number), 400_000, b"* SEARCH", "\r\n" + DONE
            ),
        ),
    ),
    "sizes: 300 others'": (
        describe,
        asked_sizes(filled(numbered(b"* # FETCH (UID # RFC822.SIZE 1)\r\n"), 300)),
    ),
    "sizes: 60 kB of items": (
        describe,
        asked_sizes(filled(numbered(b"A# 1 "), 6000, b"* 1 FETCH (UID 7 RFC822.SIZE 1 ", ")\r\n" + DONE)),
    ),
    "sizes: others'": (
        describe,
        asked_sizes(endless(numbered(b"* # FETCH (UID # RFC822.SIZE 1)\r\n"))),
    ),
    "sizes: items": (
        describe,
        asked_sizes(endless(b"RFC822.SIZE 1 ", b"* 1 FETCH (UID 7 ")),
    ),
    "FETCH: a literal of 1 TB": (
        receive,
        fetching(endless(CHUNK, b"* 1 FETCH (UID 7 BODY[] {999999999999}\r\n")),
    ),
    "FETCH: a literal of 1 GB": (
        receive,
        fetching(endless(CHUNK, b"* 1 FETCH (UID 7 BODY[] {1000000000}\r\n")),
    ),
    BRIM: (
        receive,
        fetching(endless(CHUNK, b"* 1 FETCH (UID 7 BODY[] {%d}\r\n" % (LIMIT + LIMIT // 3))),
    ),
    "FETCH: more than its size": (
        receive,
        fetching(endless(CHUNK, b"* 1 FETCH (UID 7 BODY[] {2000000}\r\n"), size=100),
    ),
    "FETCH: literals": (receive, fetching(endless(b" X {0}\r\n", b"* 1 FETCH (UID 7"))),
    "FETCH: others'": (receive, fetching(endless(numbered(b"* # FETCH (UID # BODY[] {1}\r\nx)\r\n")))),
    "FETCH: others' without a text": (
        receive,
        fetching(endless(numbered(b"* # FETCH (UID # BODY[] NIL)\r\n"))),
    ),
    "FETCH: 300 others'": (receive, fetching(filled(numbered(b"* # FETCH (UID # BODY[] NIL)\r\n"), 300))),
    "FETCH: flags": (receive, fetching(endless(numbered(b"* # FETCH (UID # FLAGS (\\Seen))\r\n")))),
    "FETCH: a string": (receive, fetching(endless(CHUNK, b'* 1 FETCH (UID 7 BODY[] "'))),
    "FETCH: parentheses": (receive, fetching(endless(b"(", b"* 1 FETCH "))),
    "FETCH: an empty end": (receive, fetching(endless(b"x\r\n", b"* 1 FETCH (UID 7 BODY[] {1}\r\nx"))),
    "FETCH: a header": (header, fetching(endless(CHUNK, b"* 1 FETCH (UID 7 BODY[HEADER] {30000000}\r\n"))),
    "find: headers": (
        find,
        imap(
            LIST=['* LIST () "/" INBOX', DONE],
            UID_FETCH=endless(CHUNK, b"* 1 FETCH (UID 7 BODY[HEADER.FIELDS (Subject)] {90000000}\r\n"),
        ),
    ),
    "find: a text": (
        find_text,
        imap(
            LIST=['* LIST () "/" INBOX', DONE],
            UID_FETCH=endless(CHUNK, b"* 1 FETCH (UID 7 BODY[]<0> {90000000}\r\n"),
        ),
    ),
    "STORE": (seen, imap(UID_STORE=endless(numbered(b"* # FETCH (FLAGS (\\Seen) UID #)\r\n")))),
}
UIDL = ["+OK", "1 a", "."]
TWO = ["+OK", "1 a", "2 b", "."]


def pop3(size=LIMIT, **answers):
    alone = {r"LIST \d": [f"+OK 1 {size}"]}
    return {"answers": {**alone, "UIDL": UIDL, "LIST": UIDL, "STAT": ["+OK 1 1000"], **answers}}


def without_uidl(**answers):
    return {"answers": {"UIDL": ["-ERR unknown command UIDL"], **answers}}


POP3 = {
    "greeting without end": (log_in, {"greeting": endless(CHUNK, b"+OK ")}),
    "empty lines": (log_in, pop3(CAPA=endless(b"\r\n"))),
    "CAPA: lines": (log_in, pop3(CAPA=endless(b"X\r\n", b"+OK\r\n"))),
    "CAPA: one line": (log_in, pop3(CAPA=endless(CHUNK, b"+OK\r\n"))),
    "login: a challenge": (log_in, pop3(AUTH=endless(b"eHh4", b"+ "))),
    "login: a refusal": (log_in, pop3(AUTH=endless(CHUNK, b"-ERR "))),
    "STAT": (count, {"answers": {"STAT": endless(b"9", b"+OK ")}}),
    "STAT: so many": (search, without_uidl(STAT=["+OK 4000000000 1"], TOP=["+OK", "Subject: x", "", "."])),
    "UIDL: lines": (search, pop3(UIDL=endless(numbered(b"# id-of-the-message-#\r\n"), b"+OK\r\n"))),
    "UIDL: long ones": (search, pop3(UIDL=endless(numbered(b"# " + b"x" * 55 + b"#\r\n"), b"+OK\r\n"))),
    "UIDL: the same": (search, pop3(UIDL=endless(numbered(b"# a\r\n"), b"+OK\r\n"))),
    "UIDL: 140,000 long ones": (
        search,
        pop3(UIDL=filled(numbered(b"# " + b"x" * 56 + b"#\r\n"), 140_000, b"+OK\r\n", ".")),
    ),
    "UIDL: 140,000 times the same": (
        search,
        pop3(UIDL=filled(numbered(b"# " + b"x" * 60 + b"\r\n"), 140_000, b"+OK\r\n", ".")),
    ),
    "UIDL: one line": (search, pop3(UIDL=endless(CHUNK, b"+OK\r\n1 "))),
    "LIST: lines": (describe, pop3(UIDL=TWO, LIST=endless(numbered(b"# 1000\r\n"), b"+OK\r\n"))),
    "RETR: lines": (receive, pop3(RETR=endless(b"x" * 70 + b"\r\n", b"+OK\r\n"))),
    "RETR: empty lines": (receive, pop3(RETR=endless(b"\r\n", b"+OK\r\n"))),
    "RETR: one line": (receive, pop3(RETR=endless(CHUNK, b"+OK\r\n"))),
    "RETR: dots": (receive, pop3(RETR=endless(b"\r\n..", b"+OK\r\n"))),
    "RETR: more than its size": (
        receive,
        pop3(100, RETR=endless(b"x" * 70 + b"\r\n", b"+OK\r\n")),
    ),
    "RETR: a refusal": (receive, pop3(RETR=endless(CHUNK, b"-ERR "))),
    "TOP": (header, pop3(TOP=endless(b"X: " + b"x" * 70 + b"\r\n", b"+OK\r\n"))),
    "TOP: it is not there": (
        header,
        pop3(TOP=["-ERR unknown"], RETR=endless(b"X: " + b"x" * 70 + b"\r\n", b"+OK\r\n")),
    ),
    "find: headers": (find, pop3(TOP=endless(b"X: " + b"x" * 70 + b"\r\n", b"+OK\r\n"))),
    "find: a text": (
        find_text,
        pop3(LIST=["+OK", "1 100", "."], RETR=endless(b"x" * 70 + b"\r\n", b"+OK\r\n")),
    ),
    "DELE": (lambda box: (box.open(b"INBOX"), box.remove(box.uids())), pop3(DELE=endless(CHUNK, b"+OK "))),
    "QUIT": (log_in, pop3(QUIT=endless(CHUNK, b"+OK "))),
}


def smtp(**answers):
    return {"answers": answers}


SMTP = {
    "greeting without end": (log_in, {"greeting": endless(CHUNK, b"220 ")}),
    "greetings": (log_in, {"greeting": endless(b"220-x\r\n")}),
    "EHLO: lines": (log_in, smtp(EHLO=endless(numbered(b"250-X# y\r\n")))),
    "EHLO: long lines": (log_in, smtp(EHLO=endless(b"250-" + b"x" * 8000 + b"\r\n"))),
    "EHLO: one line": (log_in, smtp(EHLO=endless(CHUNK, b"250-"))),
    "login: a challenge": (log_in, smtp(AUTH=endless(b"eHh4", b"334 "))),
    "login: a refusal": (log_in, smtp(AUTH=endless(b"535-no\r\n"))),
    "MAIL": (sender, smtp(MAIL=endless(b"550-no\r\n"))),
    "RCPT": (send, smtp(RCPT=endless(b"550-no\r\n"))),
    "DATA": (send, smtp(DATA=endless(b"354-go\r\n"))),
    "QUIT": (log_in, smtp(QUIT=endless(b"221-bye\r\n"))),
}
CASES = {"imap": IMAP, "pop3": POP3, "smtp": SMTP}


class Talk:
    """A script whose greeting may go on without end."""

    def __init__(self, protocol, options):
        greeting = options.get("greeting")
        self._greeting = greeting if callable(greeting) else None
        self._script = fault_server.SCRIPTS[protocol](clear=True, starttls=False, **options)

    def __call__(self, talk):
        for block in self._greeting("") if self._greeting else ():
            talk.send(block)
        self._script(talk)


def main(protocols):
    """Measure everything; print it."""
    figures = {}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, __file__, "ask"], **pipes) as asking:
        for protocol in protocols or CASES:
            for name in CASES[protocol]:
                figures[f"{protocol} {name}"] = _asked(asking, protocol, name)
        if "imap" in (protocols or CASES):
            figures[TOGETHER] = _asked(asking, "imap", BRIM, SESSIONS)
    print(json.dumps(figures))


def _asked(asking, protocol, name, sessions=1):
    with fault_server.FaultServer(Talk(protocol, CASES[protocol][name][1])) as server:
        print(json.dumps([protocol, name, server.port, sessions]), file=asking.stdin, flush=True)
        return json.loads(asking.stdout.readline())


def ask():
    """Ask the servers that standard input names, each from a process that has done nothing else."""
    for line in sys.stdin:
        if not os.fork():
            try:
                measure(*json.loads(line))
                sys.stdout.flush()
            finally:
                os._exit(0)
        os.wait()


def measure(protocol, name, port, sessions):
    """Ask one server, in this process; print what became of it."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST, MOST))
    memory.forget_peak()
    idle = memory.peak()
    with ThreadPoolExecutor(sessions) as pool:
        causes = list(pool.map(partial(_cause, protocol, name), [port] * sessions))
    [cause] = set(causes)
    print(json.dumps({"cause": cause, "mb": round((memory.peak() - idle) / (1 << 20), 1)}))


def _cause(protocol, name, port):
    endpoint = Endpoint(protocol, HOST, port, "none")
    connect = connect_smtp if protocol == "smtp" else connect_mailbox
    try:
        box = connect(
            endpoint,
            Login(fault_server.USER, fault_server.PASSWORD),
            resolve=lambda _host, port: [("127.0.0.1", port)],
            safe_logon=False,
            timeouts=Timeouts(5, 30, 60),
        )
        with contextlib.closing(box):
            CASES[protocol][name][0](box)
    except MailFailure as failure:
        return failure.cause
    except OSError as error:  # smtplib's, of a session that is used
        return MailFailure.from_exception(error, endpoint, "data").cause
    except MemoryError:
        return "MemoryError"
    return None


if __name__ == "__main__":
    ask() if sys.argv[1:] == ["ask"] else main(sys.argv[1:])
