"""What one mailbox is given before the others have their turn: a session, its mail, what the server is told.
No model."""

import time
from functools import partial

import psycopg2

from odoo import fields

from .. import mailclient
from .received_mail import NotProcessed, ReceivedMail

# seconds after which a session ends
SESSION_SECONDS = 100
# attempts at a mail that meets another transaction
ATTEMPTS = 3
# deaths of the process over one mail before it is put aside
MAX_DEATHS = 2
# of the inbox by POP, which has none
NO_UIDVALIDITY = "0"


class ReceiveTurn:
    """
    :param polling: the claimed `email.account.polling`; its cursor is committed after each message
    :param float end: when it has to end (``time.monotonic()``)
    """

    def __init__(self, polling, end):
        self._polling, self._end = polling, end
        self._account, self._env = polling.account_id, polling.env
        self._receipts = self._env["email.account.receipt"]
        self._gateway = self._account._prepare_gateway()
        self._position = 1  # in the open folder: what is before was looked at
        self.is_waiting = False  # there is more to fetch
        self.count = 0  # mails that were stored

    def _is_over(self):
        return time.monotonic() >= self._end

    def receiving(self):
        """Log in, look into each folder, log out; a generator for `server_pool`.

        :raises mailclient.MailFailure: what went wrong
        """
        mailbox = yield from self._account._connecting__("incoming", total=SESSION_SECONDS)
        error = None
        try:
            yield from self._receiving_folders(mailbox)
        except GeneratorExit:
            mailbox.close()
            raise
        except Exception as raised:
            error = raised
        # by POP it is only now that the server removes what it was told to
        yield mailbox.disconnect
        if error:
            raise error

    def _receiving_folders(self, mailbox):
        folders = self._account.folder_ids.filtered("is_received")
        marks = yield partial(mailbox.marks, [folder._get_mailbox() for folder in folders])
        for folder in folders:
            if self._is_over():
                self.is_waiting = True
                return
            if folder._has_work(marks.get(folder._get_mailbox())):
                try:
                    yield from self._receiving_folder(mailbox, folder)
                except mailclient.MailFailure as failure:
                    if failure.cause != "folder_missing" or folder.special_use == "\\Inbox":
                        raise
                    folder.is_missing = True

    def _receiving_folder(self, mailbox, folder):
        mark = yield partial(mailbox.open, folder._get_mailbox())
        validity = str(mark.validity)
        uids = yield from self._listing(mailbox, folder, mark)
        if uids:
            yield from self._reading(mailbox, folder, validity, uids)
        if not self.is_waiting:
            folder._set_read(validity, mark.next_uid)
        yield from self._telling_the_rest(mailbox, folder, validity)

    def _listing(self, mailbox, folder, mark):
        """Return the unique ids of what is not stored yet, oldest first."""
        validity, account = str(mark.validity), self._account
        first = self._position = folder._get_position(validity)
        since = account.import_from or None
        uids = yield partial(mailbox.uids, first, since=since)
        if folder.unseen_below and mark.validity:
            if folder.uid_validity not in (validity, False):
                # numbered anew: what has come since the account is there may have been read elsewhere
                recent = yield partial(mailbox.uids, 1, since=folder.create_date.date())
                folder.unseen_below = recent[0] if recent else folder.UNKNOWN
            below = folder._get_unseen_below(uids)
            if below > first:
                unseen = set((yield partial(mailbox.uids, first, unseen=True)))
                uids = [uid for uid in uids if int(uid) >= below or uid in unseen]
        if folder.import_since and mark.validity:
            older = yield partial(mailbox.uids, 1, since=folder.import_since)
            uids = sorted({*uids, *older}, key=int)
        if not mark.validity:
            self._receipts._set_still_there(folder, uids)
        known = self._receipts._get_known(folder, validity, uids)
        uids = [uid for uid in uids if uid not in known]
        if uids and since and not mark.validity:
            uids = yield from self._skipping_older(mailbox, folder, validity, uids, since)
        return uids

    def _skipping_older(self, mailbox, folder, validity, uids, since):
        """POP cannot search: note what arrived before ``since``, and return the others."""
        arrivals = yield partial(mailbox.arrivals, uids)
        older = [uid for uid in uids if uid in arrivals and arrivals[uid].date() < since]
        self._receipts.create(
            [
                {
                    **self._prepare_receipt_values(folder, validity, uid, arrivals[uid]),
                    "is_skipped": True,
                }
                for uid in older
            ]
        )
        return [uid for uid in uids if uid not in set(older)]

    def _reading(self, mailbox, folder, validity, uids):
        """Store the messages, and tell the server of each batch when it is in the database."""
        reader = mailclient.Reader(mailbox, uids, size_limit=self._account._get_size_limit())
        told = None
        try:
            while batch := (yield reader.next):
                if told:
                    yield from self._noting_told(*told)
                    told = None
                stored = self._store_batch(folder, validity, batch)
                if stored:
                    told = self._tell(reader, mailbox, folder, stored)
                if self._is_over():
                    self.is_waiting = True
                    break
            if told:
                yield from self._noting_told(*told)
        except GeneratorExit:
            mailbox.close()
            raise
        except Exception:
            yield reader.close
            raise
        yield reader.close

    # ------------------------------------------------------------
    # The database
    # ------------------------------------------------------------

    def _store_batch(self, folder, validity, batch):
        """Store each in a transaction of its own; return the receipts."""
        stored = self._receipts.browse()
        deaths = self._note_trying(f"{folder.id}/{validity}/{batch[0].uid}")
        self._gateway["trials"].begin([received.source for received in batch if received.complete])
        for number, received in enumerate(batch):
            if number and self._is_over():  # the rest is fetched again: each may take its time
                break
            failure = self._get_obstacle(received, deaths if number == 0 else 0)
            stored += self._store(folder, validity, received, failure)
            batch[number] = None  # its memory
        return stored

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
        mail = ReceivedMail.parse(received.source or b"")
        for attempt in range(ATTEMPTS):
            try:
                receipt = self._store_once(folder, validity, received, mail, failure)
                self._env.cr.commit()
            except NotProcessed as error:
                self._env.cr.rollback()
                if error.reason != "conflict" or attempt == ATTEMPTS - 2:
                    failure = error
            except psycopg2.errors.UniqueViolation:  # another worker, here or of another mailbox
                self._env.cr.rollback()
                if self._receipts._get_known(folder, validity, [received.uid]):
                    return self._receipts.browse()
                if attempt == ATTEMPTS - 1:
                    raise
            except psycopg2.OperationalError:
                self._env.cr.rollback()
                if attempt == ATTEMPTS - 1:
                    raise
            else:
                self.count += 1
                return receipt
        raise AssertionError("a mail is stored or an error is raised")

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
        if failure and not same:
            unprocessed = self._env["email.account.unprocessed"]
            unprocessed._create_from_failure(self._account, receipt, received, mail, failure)
        elif message_id:
            self._account._process_mail(received.source, mail, message_id, self._gateway)
        self._set_position(folder, validity, received.uid)
        return receipt

    def _set_position(self, folder, validity, uid):
        """Note that everything up to ``uid`` was looked at (IMAP); it never goes back."""
        if validity != NO_UIDVALIDITY:
            self._position = max(self._position, int(uid) + 1)
            folder.write({"uid_validity": validity, "uid_next": str(self._position)})

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

    # ------------------------------------------------------------
    # The server
    # ------------------------------------------------------------

    def _tell(self, reader, mailbox, folder, receipts):
        """Let the server know, on the reader's thread; return the arguments of `_noting_told`."""
        receipts = receipts.filtered_domain(self._receipts._get_untold_domain(folder))
        call, name = self._get_telling(mailbox, receipts)
        return (reader.submit(call), receipts, name) if receipts else None

    def _telling_the_rest(self, mailbox, folder, validity):
        """Tell what could not be told before, and delete what is old enough."""
        domain = [*self._receipts._get_untold_domain(folder), ("uid_validity", "=", validity)]
        receipts = self._receipts.search(domain, limit=self._receipts.MAX_TOLD)
        if receipts:
            call, name = self._get_telling(mailbox, receipts)
            yield call
            self._set_told(receipts, name)

    def _get_telling(self, mailbox, receipts):
        """Return what tells the server of these receipts, and the field that notes it."""
        uids, action = receipts.mapped("uid"), self._account.after_receiving
        if action == "delete":
            return partial(mailbox.remove, uids), "removed"
        if action == "move" and self._account.move_folder_id:
            return partial(mailbox.move, uids, self._account.move_folder_id._get_mailbox()), "told"
        return partial(mailbox.mark_seen, uids), "told"

    def _noting_told(self, future, receipts, name):
        yield future.result
        self._set_told(receipts, name)

    def _set_told(self, receipts, name):
        receipts.write({name: True})
        self._env.cr.commit()
