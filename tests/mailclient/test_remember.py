"""What find() looks at after remember(): a mailbox may have hundreds of folders."""

import re

from odoo.addons.email_account.mailclient import MailFailure

from .common import MailCase, connect, mail_server
from .test_imap import header_reply

MANY = 500
ATTRIBUTES = {"INBOX": "", "Junk": "\\Junk", "Sent": "\\Sent", "All": "\\All"}


class Folders:
    """A server's folders: ``{name: next UID}``; the answers that tell of them.

    :param told: names of those whose STATUS it tells
    """

    def __init__(self, names, told=None):
        self.next = dict.fromkeys(names, 10)
        self.told = set(names if told is None else told)
        self.validity = dict.fromkeys(names, 1)

    def answers(self):
        return {"LIST": self._list, 'STATUS "': self._status, 'EXAMINE "': self._examine}

    def _mark(self, name):
        return f'* STATUS "{name}" (UIDVALIDITY {self.validity[name]} UIDNEXT {self.next[name]})'

    def _list(self, command):
        lines = [f'* LIST ({ATTRIBUTES.get(name, "")}) "/" "{name}"' for name in self.next]
        if "STATUS" in command:
            lines += [self._mark(name) for name in self.next if name in self.told]
        return [*lines, "{tag} OK done"]

    def _status(self, command):
        name = command.split('"')[1]
        return [self._mark(name), "{tag} OK done"] if name in self.told else ["{tag} NO [NOPERM] no"]

    def _examine(self, command):
        name = command.split('"')[1]
        exists, validity = self.next[name] - 1, self.validity[name]
        return [f"* {exists} EXISTS", f"* OK [UIDVALIDITY {validity}] ok", "{tag} OK done"]


class TestRemember(MailCase):
    def open(self, folders, at_once=True, **more):
        answers = {"UID SEARCH": ["* SEARCH", "{tag} OK done"], **more, **folders.answers()}
        extra = ("LIST-STATUS", "SPECIAL-USE") if at_once else ()
        self.folders, self.server = folders, mail_server("imap", extra=extra, answers=answers)
        self.server.__enter__()
        self.addCleanup(self.server.__exit__)
        box = connect(self.server, "imap")
        self.addCleanup(box.close)
        return box

    def commands(self, work):
        """Commands, without their tags, that ``work`` makes the client send."""
        before = len(self.server.seen)
        work()
        sent = self.server.seen[before:].decode().splitlines()
        return [line.partition(" ")[2] for line in sent if re.match(r"[A-Z]{4}\d+ ", line)]

    def examined(self, box):
        commands = self.commands(lambda: box.find("X-Token", "mine"))
        return [command[9:-1] for command in commands if command.startswith("EXAMINE")]

    def test_few_commands_for_many_folders(self):
        box = self.open(Folders([*ATTRIBUTES, *(f"Project {number}" for number in range(MANY))]))
        commands = self.commands(box.remember)
        self.assertEqual(commands, ['LIST "" "*" RETURN (SPECIAL-USE STATUS (UIDVALIDITY UIDNEXT))'])
        for _look in range(3):
            commands = self.commands(lambda: box.find("X-Token", "mine"))
            self.assertLessEqual(len(commands), 15, commands)
            self.assertEqual(
                [command[9:-1] for command in commands if command.startswith("EXAMINE")],
                ["INBOX", "Junk", "All", "Sent"],
            )
        self.folders.next["Project 77"] += 1
        commands = self.commands(lambda: box.find("X-Token", "mine"))
        self.assertLessEqual(len(commands), 20, commands)
        self.assertIn('EXAMINE "Project 77"', commands)

    def test_few_commands_even_if_all_have_grown(self):
        names = [f"Sent {number}/Sent" for number in range(MANY)]
        box = self.open(Folders(["INBOX", *names]))
        box.remember()
        for name in names:
            self.folders.next[name] += 1
        seen = set()
        for _look in range(MANY // 50 + 1):
            commands = self.commands(lambda: box.find("X-Token", "mine"))
            self.assertLessEqual(len(commands), 150)
            seen |= {command for command in commands if command.startswith("EXAMINE")}
        self.assertEqual(len(seen), MANY + 1)

    def test_without_a_note_every_folder_is_opened(self):
        box = self.open(Folders([*ATTRIBUTES, "a", "b"]))
        self.assertEqual(sorted(self.examined(box)), sorted([*ATTRIBUTES, "a", "b"]))

    def test_new_folder_and_new_validity(self):
        box = self.open(Folders(["INBOX", "a", "b"]))
        box.remember()
        self.folders.validity["b"] = 2
        self.folders.next["new"], self.folders.validity["new"] = 2, 1
        self.folders.told.add("new")
        self.assertEqual(self.examined(box), ["INBOX", "b", "new"])

    def test_folders_that_are_not_told_of_are_opened(self):
        for at_once in (True, False):
            with self.subTest(at_once=at_once):
                box = self.open(Folders(["INBOX", "a", "b"], told=["INBOX", "a"]), at_once)
                box.remember()
                self.assertEqual(self.examined(box), ["INBOX", "b"])

    def test_one_by_one_where_the_server_does_not_tell_at_once(self):
        box = self.open(Folders([*ATTRIBUTES, *(f"Project {number}" for number in range(MANY))]), False)
        commands = self.commands(box.remember)
        self.assertEqual(len(commands), 51)
        opened = [self.examined(box) for _look in range(10)]
        self.assertTrue(all(len(names) <= 54 for names in opened))
        self.assertEqual(len({name for names in opened for name in names}), 4 + MANY - 46)
        self.folders.next["Project 3"] += 1
        self.assertIn("Project 3", self.examined(box))

    def test_only_what_has_come_is_searched(self):
        answers = {
            "UID SEARCH": ["* SEARCH 9", "{tag} OK done"],
            "FETCH": header_reply(1, 9, "old"),
            "UID FETCH": header_reply(1, 9, "mine"),
        }
        box = self.open(Folders(["INBOX"]), **answers)
        box.remember()
        self.assertEqual(box.find("X-Token", "mine"), [])
        self.assertIn(b'UID SEARCH UID 10:* HEADER "X-Token" {4}\r\n', self.server.seen)
        self.server.talk.answers["UID SEARCH"] = ["* SEARCH 10", "{tag} OK done"]
        self.server.talk.answers["UID FETCH"] = header_reply(1, 10, "mine")
        self.assertEqual([found.uid for found in box.find("X-Token", "mine")], ["10"])

    def test_validity_of_the_inbox_counts(self):
        box = self.open(Folders(["INBOX"]))
        box.remember()
        self.folders.validity["INBOX"] = 2
        box.find("X-Token", "mine")
        self.assertIn(b'UID SEARCH HEADER "X-Token"', self.server.seen)

    def test_what_is_found_in_sent_says_so(self):
        answers = {"UID SEARCH": ["* SEARCH 10", "{tag} OK done"], "UID FETCH": header_reply(1, 10, "mine")}
        box = self.open(Folders(["INBOX", "Sent"]), **answers)
        box.remember()
        found = box.find("X-Token", "mine")
        self.assertEqual([item.special_use for item in found], ["\\Inbox", "\\Sent"])

    def test_refused_list_is_typed(self):
        box = self.open(Folders(["INBOX"]))
        self.server.talk.answers = {"LIST": ["{tag} NO [UNAVAILABLE] later"]}
        with self.assertRaises(MailFailure) as caught:
            box.remember()
        self.assertEqual((caught.exception.stage, caught.exception.cause), ("select", "server_busy"))

    def test_garbled_status(self):
        for text in (
            '"INBOX"',
            '"INBOX" (UIDNEXT x)',
            "((((",
            '"INBOX" (UIDNEXT 5)',
            "NIL NIL",
            "INBOX (NIL 1)",
        ):
            with self.subTest(text):
                box = self.open(Folders(["INBOX"]))
                inbox = '* LIST () "/" "INBOX"'
                self.server.talk.answers["LIST"] = [inbox, f"* STATUS {text}", "{tag} OK done"]
                box.remember()
                self.assertEqual(self.examined(box), ["INBOX"])
                self.assertIn(b"UID SEARCH HEADER", self.server.seen)
