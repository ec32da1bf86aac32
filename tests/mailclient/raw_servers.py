"""POP3 and IMAP servers that send messages octet for octet, correctly or with habits of their own."""

import re
from collections.abc import Callable
from contextlib import contextmanager

from .common import connect
from .fault_server import FaultServer, Talk


class RawPop3:
    """A maildrop; answers any login.

    :param messages: as they are stored
    :param end: of the server's own lines
    :param text_end: of the line of one dot after a message and its missing end of line; default ``end``
    :param stuff: where a dot is put in: before lines that begin after this; empty: nowhere
    :param size: what LIST says of a message: ``(number, message as it is sent) → size``
    :param extra: capabilities
    :param after: ``{number: octets}`` that follow a message uncalled for
    :ivar deleted: numbers, after a session that ended properly
    """

    def __init__(
        self,
        messages: list[bytes],
        *,
        end: bytes = b"\r\n",
        text_end: bytes | None = None,
        stuff: bytes | None = None,
        size: Callable[[int, bytes], int] = lambda _number, sent: len(sent),
        extra=(),
        after=None,
        greeting: bytes = b"+OK ready",
    ):
        self.messages, self.end, self.size, self.extra = list(messages), end, size, extra
        self.text_end = end if text_end is None else text_end
        self.stuff = self.text_end if stuff is None else stuff
        self.after, self.greeting = after or {}, greeting
        self.deleted: list[int] = []

    def sent(self, number: int) -> bytes:
        """A message as it is sent, but for the dots that are put in."""
        message = self.messages[number - 1]
        return message if not message or message.endswith(self.text_end) else message + self.text_end

    def __call__(self, talk: Talk):
        marked = []
        self.say(talk, self.greeting)
        while True:
            verb, *words = talk.line().upper().split()
            number = int(words[0]) if words and words[0].isdigit() else None
            if verb == "QUIT":
                self.deleted += marked
                self.say(talk, b"+OK bye")
                return
            if verb == "CAPA":
                self.say(talk, b"+OK", b"USER", b"UIDL", *(name.encode() for name in self.extra), b".")
            elif verb == "STAT":
                self.say(talk, b"+OK %d 1000" % len(self.messages))
            elif verb in ("LIST", "UIDL"):
                known = [self.listed(verb, each) for each in range(1, len(self.messages) + 1)]
                if number:
                    self.say(talk, b"+OK " + known[number - 1])
                else:
                    self.say(talk, b"+OK", *known, b".")
            elif verb in ("RETR", "TOP"):
                talk.send(b"+OK" + self.end + self.text(number, verb == "TOP") + self.after.get(number, b""))
            else:
                if verb == "DELE":
                    marked.append(number)
                self.say(talk, b"+OK")

    def say(self, talk, *lines):
        talk.send(b"".join(line + self.end for line in lines))

    def listed(self, verb, number):
        return b"%d %s" % (
            number,
            b"id%d" % number if verb == "UIDL" else b"%d" % self.size(number, self.sent(number)),
        )

    def text(self, number, header=False):
        text = self.sent(number)
        if header:
            text = re.match(rb"(?:.|\n)*?\r?\n\r?\n|(?:.|\n)*", text)[0]
        if self.stuff:
            lines = text.split(self.stuff)
            text = self.stuff.join(b"." + line if line.startswith(b".") else line for line in lines)
        return text + b"." + self.end


class RawImap:
    """A folder with UIDs from 7 on; answers any login.

    :param messages: by their place
    :param form: ``(number, uid, message) → response`` of a message, with its end
    :param end: of the server's own lines
    :param said: ``{command: octets}`` before its last line
    :ivar told: commands that change something
    """

    def __init__(
        self,
        messages: list[bytes],
        *,
        form: Callable[[int, int, bytes], bytes] | None = None,
        end: bytes = b"\r\n",
        said=None,
        done: bytes = b" OK done",
        size: Callable[[int, bytes], int] = lambda _uid, message: len(message),
    ):
        self.messages, self.end, self.said, self.done, self.size = messages, end, said or {}, done, size
        self.form = form or self.usual
        self.told: list[str] = []

    def usual(self, number, uid, message):
        start = b"* %d FETCH (UID %d BODY[] {%d}" % (number, uid, len(message))
        return start + self.end + message + b")" + self.end

    def __call__(self, talk: Talk):
        uids = {7 + place: message for place, message in enumerate(self.messages)}
        talk.send(b"* OK [CAPABILITY IMAP4rev1] ready" + self.end)
        while True:
            tag, _space, line = talk.line().partition(" ")
            verb = line.split()[0] if not line.startswith("UID ") else line.split()[1]
            out = []
            if verb == "CAPABILITY":
                out.append(b"* CAPABILITY IMAP4rev1 UIDPLUS")
            elif verb in ("SELECT", "EXAMINE"):
                out += [b"* %d EXISTS" % len(uids), b"* OK [UIDVALIDITY 5] ok"]
            elif verb == "SEARCH":
                out.append(b"* SEARCH" + b"".join(b" %d" % uid for uid in uids))
            elif verb in ("STORE", "EXPUNGE", "MOVE"):
                self.told.append(line)
            elif verb == "FETCH":
                for number, (uid, message) in enumerate(uids.items(), 1):
                    if not _in(uid, line.split()[2]):
                        continue
                    if "RFC822.SIZE" in line:
                        size = self.size(uid, message)
                        out.append(b"* %d FETCH (UID %d RFC822.SIZE %d)" % (number, uid, size))
                    else:
                        talk.send(self.form(number, uid, message))
            talk.send(b"".join(each + self.end for each in out) + self.said.get(verb, b""))
            talk.send(tag.encode() + (b" OK done" if verb in ("LOGIN", "LOGOUT") else self.done) + self.end)
            if verb == "LOGOUT":
                return


def _in(uid: int, uid_set: str) -> bool:
    ranges = [part.partition(":") for part in uid_set.split(",")]
    return any(int(first) <= uid <= int(last or first) for first, _colon, last in ranges)


@contextmanager
def raw_mailbox(talk: RawPop3 | RawImap, **options):
    """A mailbox of that server, with its inbox open; what the server saw is in its ``seen``."""
    protocol = "pop3" if isinstance(talk, RawPop3) else "imap"
    with FaultServer(talk) as server:
        box = connect(server, protocol, "none", safe_logon=False, **options)
        try:
            box.open(b"INBOX")
            talk.server = server
            yield box
        finally:
            box.close()
