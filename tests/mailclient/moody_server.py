"""A mail server with one mailbox, IMAP and POP3, that fails over chosen messages or over what it is told."""

import re
from datetime import datetime, timedelta, timezone

from .fault_server import FaultServer

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Message:
    """
    :param uid: number
    :param arrived: INTERNALDATE, aware
    """

    def __init__(self, uid, source, arrived, flags=()):
        self.uid, self.source, self.arrived, self.flags = uid, source, arrived, set(flags)


class MoodyServer(FaultServer):
    """A context manager.

    :ivar messages: `Message`s by UID, ascending
    :ivar faults: what happens when a message is asked for, ``{uid: {"size" | "header" | "body" | "search":
        fault}}``, a fault being what the server says ("BAD no", "NO [SERVERBUG] no", "-ERR no"), "nothing",
        "hang", or "close"
    :ivar told: what it says to commands that change something, ``{verb: words}``; "OK" and "nothing is done":
        "ignore"; "hang" and "close" as above
    :ivar select: what it says of a folder that is opened
    :ivar zone: hours from UTC of its days
    :ivar validity, next_uid: what it says; None: the truth
    :ivar search_limit: messages that a SEARCH gives at most, the newest
    :ivar commands: what was said to it, a list of text
    :ivar logins: how many
    :ivar meanwhile: what happens once, ``{(verb, "before" | "after"): function}``: before or after it answers
    :ivar hanging: ports of the clients that wait for it in vain
    """

    patience = 30

    def __init__(self, context, protocol="imap"):
        self.messages, self.faults, self.told = {}, {}, {}
        self.select, self.zone, self.validity, self.next_uid = "[READ-WRITE]", 0, 7, None
        self.permanent = "(\\Seen \\Deleted \\Answered \\Flagged \\Draft)"
        self.search_limit, self.commands, self.logins = None, [], 0
        self.extra = "UIDPLUS MOVE"
        self.hanging, self.meanwhile = set(), {}
        self.refuses_logins = False
        self._top = 0
        talks = {"imap": self._imap, "pop3": self._pop3}
        super().__init__(talks[protocol], context, implicit=True)

    def add(self, source, arrived=None, flags=()):
        """A mail arrives; return its UID."""
        self._top += 1
        arrived = arrived or datetime.now(timezone.utc)
        self.messages[self._top] = Message(self._top, source, arrived.replace(microsecond=0), flags)
        return self._top

    def renumber(self):
        """The server counts anew."""
        self.validity += 1
        messages, self.messages, self._top = list(self.messages.values()), {}, 0
        for message in messages:
            self.messages[self.add(message.source)] = message
            message.uid = self._top

    def bodies(self):
        """UIDs (text) of the messages whose source was asked for, as they were asked for."""
        found = (re.match(r"UID FETCH (\S+) \(UID BODY\.PEEK\[\]\)", line) for line in self.commands)
        return [match[1] for match in found if match]

    def count(self, pattern):
        """How many commands begin like that."""
        return sum(bool(re.match(pattern, line, re.IGNORECASE)) for line in self.commands)

    def _hang(self, talk):
        port = talk.peer_port
        self.hanging.add(port)
        try:
            talk.hang(self.patience)
        finally:
            self.hanging.discard(port)

    # ------------------------------------------------------------
    # IMAP
    # ------------------------------------------------------------

    def _imap(self, talk):
        talk.send("* OK ready")
        while True:
            tag, _space, line = talk.line().partition(" ")
            while literal := re.search(r"\{(\d+)\}$", line):
                talk.send("+ go")
                line = line[: literal.start()] + talk.take(int(literal[1])).decode() + talk.line()
            self.commands.append(line)
            verb, _space, rest = line.partition(" ")
            verb = verb.upper()
            if verb == "UID":
                verb, _space, rest = rest.partition(" ")
                verb = verb.upper()
            self.meanwhile.pop((verb, "before"), int)()
            answer = getattr(self, f"_imap_{verb.lower()}", lambda _talk, _rest: "OK done")(talk, rest)
            self.meanwhile.pop((verb, "after"), int)()
            if answer == "hang":
                self._hang(talk)
            if answer == "close":
                raise EOFError
            talk.send(f"{tag} {answer}")
            if verb == "LOGOUT":
                raise EOFError

    def _imap_capability(self, talk, _rest):
        talk.send(f"* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR {self.extra}")
        return "OK done"

    def _imap_authenticate(self, _talk, _rest):
        if self.refuses_logins:
            return "close"
        self.logins += 1
        return "OK welcome"

    def _imap_logout(self, talk, _rest):
        talk.send("* BYE bye")
        return "OK done"

    def _imap_list(self, talk, _rest):
        talk.send('* LIST () "/" INBOX', '* LIST () "/" Done')
        return "OK done"

    def _get_next_uid(self):
        return self._top + 1 if self.next_uid is None else self.next_uid

    def _imap_status(self, talk, _rest):
        talk.send(f"* STATUS INBOX (UIDVALIDITY {self.validity} UIDNEXT {self._get_next_uid()})")
        return "OK done"

    def _imap_select(self, talk, _rest):
        if self.select.startswith(("NO", "BAD")):
            return self.select
        talk.send(
            f"* {len(self.messages)} EXISTS",
            f"* OK [UIDVALIDITY {self.validity}] ok",
            f"* OK [UIDNEXT {self._get_next_uid()}] ok",
        )
        if self.permanent:
            talk.send(f"* OK [PERMANENTFLAGS {self.permanent}] ok")
        return f"OK {self.select} done"

    def _imap_examine(self, talk, rest):
        select, self.select = self.select, "[READ-ONLY]"
        answer = self._imap_select(talk, rest)
        self.select = select
        return answer

    def _in_set(self, text, numbers):
        """The numbers that a set names; "5:*" names the last one even where it is lower (RFC 3501 9)."""
        last, found = max(numbers, default=0), set()
        for part in text.split(","):
            first, _colon, end = (last if end == "*" else end for end in part.partition(":"))
            low, high = sorted((int(first), int(end or first)))
            found |= {number for number in numbers if low <= number <= high}
        return found

    def _imap_search(self, talk, rest):
        found, words = set(self.messages), rest.split()
        numbers = dict(enumerate(sorted(self.messages), 1))
        while words:
            word = words.pop(0).upper()
            if word == "UID":
                found &= self._in_set(words.pop(0), list(self.messages))
            elif word == "SINCE":
                day, month, year = words.pop(0).split("-")
                since = datetime(int(year), MONTHS.index(month) + 1, int(day), tzinfo=timezone.utc).date()
                shift = timedelta(hours=self.zone)
                found = {uid for uid in found if (self.messages[uid].arrived + shift).date() >= since}
            elif word in ("UNDELETED", "UNSEEN"):
                flag = {"UNDELETED": "\\Deleted", "UNSEEN": "\\Seen"}[word]
                found = {uid for uid in found if flag not in self.messages[uid].flags}
            elif word == "DELETED":
                found = {uid for uid in found if "\\Deleted" in self.messages[uid].flags}
            elif word[0].isdigit():
                found &= {numbers[number] for number in self._in_set(word, list(numbers))}
            elif word != "ALL":
                return f"BAD unknown {word}"
        asked = re.match(r"UID ([\d,:]+)$", rest)
        for uid in sorted(found) if asked else ():
            fault = self.faults.get(uid, {}).get("search")
            if fault == "nothing":
                found.discard(uid)
            elif fault:
                return fault
        if self.search_limit:
            found = sorted(found)[-self.search_limit :]
        talk.send(f"* SEARCH {' '.join(map(str, sorted(found)))}".rstrip())
        return "OK done"

    def _imap_fetch(self, talk, rest):
        uid_set, _space, items = rest.partition(" ")
        kind = "size" if "RFC822.SIZE" in items else "header" if "HEADER" in items else "body"
        numbers = {uid: number for number, uid in enumerate(sorted(self.messages), 1)}
        for uid in sorted(self._in_set(uid_set, list(self.messages))):
            message, fault = self.messages[uid], self.faults.get(uid, {}).get(kind)
            if fault == "nothing":
                continue
            if fault:
                return fault
            if kind == "size":
                arrived = message.arrived.astimezone(timezone(timedelta(hours=self.zone)))
                date = f"{arrived.day:2}-{MONTHS[arrived.month - 1]}-{arrived:%Y %H:%M:%S %z}"
                items = f'RFC822.SIZE {len(message.source)} INTERNALDATE "{date}"'
                talk.send(f"* {numbers[uid]} FETCH (UID {uid} {items})")
                continue
            source = message.source
            if kind == "header":
                source = source.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
            part = "BODY[HEADER]" if kind == "header" else "BODY[]"
            head = f"* {numbers[uid]} FETCH (UID {uid} {part} {{{len(source)}}}\r\n".encode()
            talk.send(head + source + b")\r\n")
        return "OK done"

    def _change(self, verb, work):
        words = self.told.get(verb, "OK done")
        if words == "OK done":
            work()
        return "OK done" if words == "ignore" else words

    def _imap_store(self, _talk, rest):
        uid_set, _change, value = rest.split(" ", 2)

        def work():
            for uid in self._in_set(uid_set, list(self.messages)):
                self.messages[uid].flags |= set(value.strip("()").split())

        return self._change("STORE", work)

    def _imap_expunge(self, _talk, rest):
        uids = self._in_set(rest, list(self.messages)) if rest else set(self.messages)

        def work():
            for uid in uids:
                if "\\Deleted" in self.messages[uid].flags:
                    del self.messages[uid]

        return self._change("EXPUNGE", work)

    def _imap_move(self, _talk, rest):
        uids = self._in_set(rest.split()[0], list(self.messages))
        return self._change("MOVE", lambda: [self.messages.pop(uid) for uid in uids])

    def _imap_copy(self, _talk, _rest):
        return self._change("COPY", lambda: None)

    # ------------------------------------------------------------
    # POP3
    # ------------------------------------------------------------

    def _pop3(self, talk):
        uids, dropped = sorted(self.messages), set()
        talk.send("+OK ready")
        while True:
            line = talk.line()
            self.commands.append(line)
            verb, _space, rest = line.partition(" ")
            verb, number = verb.upper(), int(rest.split()[0]) if re.match(r"\d", rest) else 0
            uid = uids[number - 1] if number else 0
            kind = {"RETR": "body", "TOP": "header", "LIST": "size", "UIDL": "search"}.get(verb)
            fault = self.faults.get(uid, {}).get(kind)
            if verb == "DELE" and self.told.get("DELE"):
                fault = self.told["DELE"]
            if fault == "hang":
                self._hang(talk)
            if fault == "close":
                raise EOFError
            if fault:
                talk.send(fault)
            elif verb == "CAPA":
                talk.send("+OK", "USER", "UIDL", "TOP", *self.extra.split(), ".")
            elif verb == "PASS":
                self.logins += 1
                talk.send("+OK welcome")
            elif verb == "STAT":
                talk.send(f"+OK {len(uids)} 1")
            elif verb == "UIDL":
                talk.send("+OK", *(f"{n} u{one}" for n, one in enumerate(uids, 1)), ".")
            elif verb == "LIST" and number:
                talk.send(f"+OK {number} {len(self.messages[uid].source)}")
            elif verb == "LIST":
                if any(self.faults.get(one, {}).get("list") == "close" for one in uids):
                    raise EOFError
                sizes = (len(self.messages[one].source) for one in uids)
                talk.send("+OK", *(f"{n} {size}" for n, size in enumerate(sizes, 1)), ".")
            elif verb in ("RETR", "TOP"):
                source = self.messages[uid].source
                if verb == "TOP":
                    source = source.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
                talk.send(
                    "+OK", source.replace(b"\n.", b"\n.."), b"" if source.endswith(b"\n") else b"\r\n", "."
                )
            elif verb == "DELE":
                dropped.add(uid)
                talk.send("+OK")
            elif verb == "QUIT":
                for one in dropped:
                    del self.messages[one]
                talk.send("+OK bye")
                raise EOFError
            else:
                talk.send("+OK")
