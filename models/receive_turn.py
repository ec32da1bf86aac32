"""What one mailbox is given before the others have their turn: a session, its mail, what the server is told.
No model."""

import time
from collections import deque
from functools import partial

import psycopg2

from odoo import fields

from .. import mailclient
from .receive_listing import Listing
from .receive_suspects import CAREFUL, Suspects
from .receive_telling import Telling
from .received_mail import NotProcessed, ReceivedMail, describe_error

# seconds after which all sessions of a turn have ended
SESSION_SECONDS = 100
# logins in one turn: servers limit them. Minutes that the server is left alone when that was not enough
MAX_SESSIONS, REST = 6, 1
# of messages that nothing is known against, two are asked for after the suspects if there are more than that
KEPT_FOR_LATER = 2
# attempts at a mail that meets another transaction
ATTEMPTS = 3
# deaths of the process over one mail before it is put aside
MAX_DEATHS = 2


class SessionEnded(Exception):
    """The server has ended the session over a message, or over what it was told: another one goes on."""


class AskAgain(Exception):
    """What the server has refused or was not asked for is asked for in another way, in the same session."""


class ReceiveTurn:
    """
    :param polling: the claimed `email.account.polling`; its cursor is committed after each message
    :param float end: when it has to end (``time.monotonic()``)
    :param bool asked: somebody is waiting for it
    """

    def __init__(self, polling, end, asked=False):
        self._polling, self._end = polling, end
        self._account, self._env = polling.account_id, polling.env
        self._receipts = self._env["email.account.receipt"]
        self._gateway = self._account._prepare_gateway()
        self._telling = Telling(polling, asked)
        self._suspects = Suspects()
        self._given, self._pace = 0, 0.0  # messages that the server has given, and how long one took it
        self._last_given = {}  # uid of one, by folder
        self._has_looked = False  # for evidence that it gives any
        self._refusal = None  # of messages that are left, while nothing shows that the server gives any
        self._position, self._wanted = None, 0  # in the open folder, and how many of it are wanted
        self.is_waiting = False  # there is more to fetch
        self.rest = 0  # minutes before that
        self.count = 0  # mails that were stored

    def _is_over(self):
        return time.monotonic() >= self._end

    # ------------------------------------------------------------
    # Sessions
    # ------------------------------------------------------------

    def receiving(self):
        """Log in, look into each folder, log out; again if the server ends the session over one message. A
        generator for `server_pool`.

        :raises mailclient.MailFailure: what went wrong
        """
        until = time.monotonic() + SESSION_SECONDS
        was_careful = any(self._account.folder_ids.mapped("suspects"))
        for _session in range(MAX_SESSIONS):
            try:
                mailbox = yield from self._account._connecting__(
                    "incoming", total=max(until - time.monotonic(), 1)
                )
            except mailclient.MailFailure:
                self._suspects.acquit()
                self._env.cr.commit()
                raise
            ended = yield from self._session(mailbox)
            if not ended:
                if self._refusal and not self._given:
                    raise self._refusal
                return
            if self._is_over():
                if was_careful and not self.count:
                    raise ended
                self.is_waiting = True
                return
        self.is_waiting, self.rest = True, REST

    def _session(self, mailbox):
        """Do all of the work as far as the server goes along.

        :return: the failure if the server has ended it over one thing
        """
        ended, error = None, None
        try:
            yield from self._receiving_folders(mailbox)
        except GeneratorExit:
            mailbox.close()
            raise
        except SessionEnded as raised:
            ended = raised.__cause__
        except Exception as raised:
            error = raised
        if error:
            self._env.cr.rollback()  # the next wait commits
        # by POP it is only now that the server removes what it was told to
        yield mailbox.disconnect
        if error:
            raise error
        return ended

    def _receiving_folders(self, mailbox):
        folders = self._account.folder_ids.filtered("is_received")
        marks = yield partial(mailbox.marks, [folder._get_mailbox() for folder in folders])
        for folder in folders:
            if self._is_over():
                self.is_waiting = True
                return
            if folder._has_work(marks.get(folder._get_mailbox()), self._telling.is_on):
                try:
                    yield from self._receiving_folder(mailbox, folder)
                except mailclient.MailFailure as failure:
                    if failure.cause != "folder_missing" or folder.special_use == "\\Inbox":
                        raise
                    self._env.cr.rollback()
                    folder.is_missing = True

    # ------------------------------------------------------------
    # Folders
    # ------------------------------------------------------------

    def _receiving_folder(self, mailbox, folder):
        mark = yield partial(mailbox.open, folder._get_mailbox())
        validity, is_done = str(mark.validity), False
        while not is_done:
            listed = yield from Listing(mailbox, folder, mark).listing()
            self._position, self._wanted = listed.position, len(listed.uids)
            yield from self._looking_for_evidence(mailbox, folder, validity, listed.uids)
            try:
                left = yield from self._receiving_listed(mailbox, folder, validity, listed)
            except AskAgain:
                continue
            is_done = True
            self._refusal = self._refusal if left else None
            if not (left or self.is_waiting):
                folder._set_read(validity, listed, mark.next_uid)
                self._suspects.clear(folder, validity, self._suspects.get(folder, validity).keys())
        yield from self._telling.telling_the_rest(mailbox, folder, validity)
        if not mailbox.usable and self._telling.has_failed:
            raise SessionEnded from mailclient.MailFailure(
                mailbox.endpoint, "fetch", "the connection is closed", "connection_closed"
            )

    def _looking_for_evidence(self, mailbox, folder, validity, uids):
        """After a failure, where no other message can show it: see whether the server gives one that it has
        given before."""
        fresh, suspected, _blamed = self._suspects.sort(folder, validity, uids, self._given)
        if self._given or self._has_looked or not self._suspects.failures or fresh or suspected:
            return
        self._has_looked = True
        domain = [("folder_id", "=", folder.id), ("uid_validity", "=", validity)]
        domain += [("is_partial", "=", False), ("is_skipped", "=", False), ("removed", "=", False)]
        known = self._receipts.search(domain, limit=1, order="id desc").uid
        if known:
            try:
                self._given += bool((yield partial(mailbox.sources, [known], True)))
            except mailclient.MailFailure as failure:
                if not mailbox.usable:
                    raise SessionEnded from failure

    def _receiving_listed(self, mailbox, folder, validity, listed):
        """Store what is listed: first what nothing is known against.

        :return: whether something is left for the next turn
        :raises AskAgain: there is more to be asked for in this one
        """
        fresh, suspected, blamed = self._suspects.sort(folder, validity, listed.uids, self._given)
        for uid in blamed:
            received = mailclient.Received(uid, 0, None, None)
            self._store(folder, validity, received, NotProcessed("unreadable"))
        self._suspects.clear(folder, validity, {*blamed, *self._get_settled(folder, validity, listed)})
        held_back = set(listed.uids).difference(fresh, suspected, blamed)
        is_careful = bool(self._suspects.failures or self._suspects.get(folder, validity))
        is_left = bool(held_back)
        if suspected and len(fresh) > KEPT_FOR_LATER:
            # they show at that moment whether the server gives any
            suspected += [fresh.pop(len(fresh) // 2), fresh.pop()]
        careful, others = (fresh[:CAREFUL], fresh[CAREFUL:]) if is_careful else ([], fresh)
        for uids, alone in ((careful, True), (others, False), (suspected, True)):
            if uids and not self._is_over():
                is_done = yield from self._reading(mailbox, folder, validity, uids, listed.since, alone)
                is_left = is_left or not is_done
            elif uids:
                self.is_waiting = True
        if held_back and not self._is_over():
            _fresh, suspected, _blamed = self._suspects.sort(folder, validity, listed.uids, self._given)
            if not held_back.isdisjoint(suspected):  # the server has given others meanwhile
                raise AskAgain
        return is_left

    def _get_settled(self, folder, validity, listed):
        """Return suspects (set of uids) that are stored, or not there any more."""
        return self._suspects.get(folder, validity).keys() - set(listed.uids)

    def _reading(self, mailbox, folder, validity, uids, since, alone):
        """Store the messages, and tell the server of each batch when it is in the database.

        :return: whether all of them are done with
        """
        reader = mailclient.Reader(
            mailbox,
            uids,
            size_limit=self._account._get_size_limit(),
            since=since,
            alone=alone,
            pace=self._pace,
            last_given=self._last_given.get(folder, ""),
        )
        told, pending, error = None, deque(uids), None
        try:
            while batch := (yield reader.next):
                yield from self._telling.noting(told)
                told = None
                stored = self._store_batch(folder, validity, batch, pending)
                if stored:
                    told = self._telling.telling(reader, mailbox, folder, stored)
                if self._is_over():
                    self.is_waiting = True
                    break
            else:
                self._set_gone(folder, validity, pending)
                pending.clear()
            yield from self._telling.noting(told)
        except GeneratorExit:
            mailbox.close()
            raise
        except mailclient.MailFailure as failure:
            self._env.cr.rollback()
            error = failure
        except Exception:
            self._env.cr.rollback()  # the next wait commits
            yield reader.close
            raise
        if error:
            yield from self._telling.noting(told)
        yield reader.close
        self._given, self._pace = self._given + reader.given, reader.pace
        self._last_given[folder] = reader.last_given
        if error:
            self._judge(mailbox, folder, validity, reader, error)
        return not (error or pending)

    def _judge(self, mailbox, folder, validity, reader, failure):
        """Say how it goes on after a failure: it may be about messages, or about the server.

        :raises SessionEnded: in another session
        :raises AskAgain: in this one
        :raises mailclient.MailFailure: not now
        """
        asked = reader.refused if mailbox.usable else reader.trying
        if not asked:
            if not mailbox.usable and self._telling.has_failed:
                raise SessionEnded from failure
            raise failure
        before = self._suspects.get(folder, validity)
        is_server = self._suspects.note(
            folder, validity, asked, self._wanted, self._given, refused=mailbox.usable
        )
        self._env.cr.commit()
        if is_server:
            raise failure
        if not mailbox.usable:
            raise SessionEnded from failure
        self._refusal = failure
        if self._suspects.get(folder, validity) != before:
            raise AskAgain from failure

    # ------------------------------------------------------------
    # The database
    # ------------------------------------------------------------

    def _store_batch(self, folder, validity, batch, pending):
        """Store each in a transaction of its own; return the receipts.

        :param pending: deque of uids in the order in which they come; what is done with is taken away
        """
        if batch[0].passed:
            return self._pass_over(folder, validity, batch, pending)
        stored = self._receipts.browse()
        deaths = self._note_trying(f"{folder.id}/{validity}/{batch[0].uid}")
        self._gateway["trials"].begin([received.source for received in batch if received.complete])
        for number, received in enumerate(batch):
            if number and self._is_over():  # the rest is fetched again: each may take its time
                break
            self._set_gone(folder, validity, _taken(pending, received.uid))
            failure = self._get_obstacle(received, deaths if number == 0 else 0)
            stored += self._store(folder, validity, received, failure)
            batch[number] = None  # its memory
        return stored

    def _pass_over(self, folder, validity, batch, pending):
        for received in batch:
            self._set_gone(folder, validity, _taken(pending, received.uid))
            self._set_passed(folder, validity, received)
        self._polling._renew_claim()
        self._env.cr.commit()
        return self._receipts.browse()

    def _note_trying(self, key):
        """Say which batch is being stored, by its first message: if the process dies over another one of it,
        that one will be the first.

        :return: how often it has died over this one
        """
        polling = self._polling
        tries = polling.tries + 1 if polling.trying == key else 0
        polling._renew_claim(trying=key, tries=tries)
        self._env.cr.commit()
        return tries

    def _store(self, folder, validity, received, failure):
        """Store one message as what it becomes, else as an unprocessed mail.

        :param mailclient.Received received: what the server gave
        :param failure: a `NotProcessed` if it is not even tried
        :return: its receipt, an empty one if another worker has stored it
        """
        mail, attempts = ReceivedMail.parse(received.source or b""), 0
        while True:
            attempts += 1
            try:
                receipt = self._store_once(folder, validity, received, mail, failure)
                self._env.cr.commit()
            except BaseException as error:
                # before anything else: who commits next must not find half of it
                self._env.cr.rollback()
                if isinstance(error, NotProcessed) and not failure:
                    if error.reason != "conflict" or attempts >= ATTEMPTS - 1:
                        failure = error
                    continue
                # another worker, here or of another mailbox
                is_other = isinstance(error, psycopg2.errors.UniqueViolation)
                if is_other and self._receipts._get_known(folder, validity, [received.uid]):
                    return self._receipts.browse()
                if attempts >= ATTEMPTS or not isinstance(error, Exception):
                    raise
                if not is_other and not isinstance(error, psycopg2.OperationalError):
                    # whatever it is, it is about this mail: it is kept, and the next ones come
                    failure = failure or NotProcessed("error", describe_error(error))
            else:
                self.count += 1
                return receipt

    def _store_once(self, folder, validity, received, mail, failure):
        """Receipt, message and position: all of it or nothing."""
        is_there = received.source is not None
        is_partial = not is_there or not received.complete
        alike = self._receipts._find_alike(mail)
        same = is_there and alike._get_same(self._account, mail, is_partial)
        message_id = None if same or failure else alike._get_new_message_id(mail)
        receipt = self._receipts.create(
            {
                **self._prepare_receipt_values(folder, validity, received.uid, received.arrived),
                **(mail.get_known_by() if is_there else {}),
                "is_imported": bool(message_id),
                "is_partial": same.is_partial if same else is_partial,
                "told": self._account.after_receiving == "leave",
            }
        )
        self._env.flush_all()  # who has the same message at the same moment waits from here on
        if message_id:
            failure = self._account._process_mail(received.source, mail, message_id, self._gateway, receipt)
        if failure and not same:
            unprocessed = self._env["email.account.unprocessed"]
            unprocessed._create_from_failure(self._account, receipt, received, mail, failure)
        self._set_position(folder, validity, received.uid)
        return receipt

    def _set_position(self, folder, validity, uid):
        """Note that this message is done with (IMAP); the position never passes one that is not."""
        if self._position:
            position = str(self._position.get_passing(uid))
            if (folder.uid_validity, folder.uid_next) != (validity, position):
                folder.write({"uid_validity": validity, "uid_next": position, "told_next": False})

    def _set_gone(self, folder, validity, uids):
        """Messages are not there any more."""
        for uid in uids:
            self._set_position(folder, validity, uid)

    def _set_passed(self, folder, validity, received):
        """A message is older than what is wanted: knowingly passed over."""
        if self._position:
            self._set_position(folder, validity, received.uid)
            return
        values = self._prepare_receipt_values(folder, validity, received.uid, received.arrived)
        self._receipts.create({**values, "is_skipped": True})

    def _get_obstacle(self, received, deaths):
        """Return why a mail is not even tried, None if nothing is in the way."""
        if received.source is None:
            return NotProcessed("unreadable")
        if not received.complete:
            return NotProcessed("too_large")
        if deaths >= MAX_DEATHS:
            return NotProcessed("crashed")
        return None

    def _prepare_receipt_values(self, folder, validity, uid, arrived):
        return {
            "account_id": self._account.id,
            "folder_id": folder.id,
            "uid_validity": validity,
            "uid": uid,
            "arrived": arrived.replace(tzinfo=None) if arrived else fields.Datetime.now(),
        }


def _taken(pending, uid):
    """Take away what comes before ``uid`` in a deque, and that; return the others."""
    gone = []
    while pending and (first := pending.popleft()) != uid:
        gone.append(first)
    return gone
