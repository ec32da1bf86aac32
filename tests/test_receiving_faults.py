import os
from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.tests import tagged

from .common import ADDRESS, DOMAIN
from .mailclient.moody_server import MoodyServer
from .receiving import POP3, MoodyCase, ReceivingCase

TURN = "odoo.addons.email_account.models.receive_turn.ReceiveTurn"
# three batches
COUNT = 8
# one in the middle; several, the first and the last among them; one beside the other
BAD = ((4,), (1, 4, 8), (4, 5, 6), (7, 8))


class FaultCase(MoodyCase):
    batch = 3

    def setUp(self):
        super().setUp()
        self.process_lightly()
        # fewer than there are here
        self.enterContext(patch("odoo.addons.email_account.models.receive_turn.CAREFUL", 5))

    def receive_with(self, faults, bad, turns=2):
        """Let the mails ``bad`` be at fault, and look into the mailbox so often."""
        for number in range(1, COUNT + 1):
            self.arrive(number)
        self.server.faults = {uid: dict(faults) for uid in bad}
        for _turn in range(turns):
            self.account._receive()

    def assertOthersArrive(self, bad):
        expected = set(range(1, COUNT + 1)) - set(bad)
        self.assertEqual(sorted(self.get_received()), sorted(expected))
        mails = self.get_unprocessed()
        self.assertEqual(mails.mapped("reason"), ["unreadable"] * len(bad))
        self.assertEqual(mails.mapped("state"), ["waiting"] * len(bad))
        prefix = "u" if self.protocol == "pop3" else ""
        self.assertEqual(
            {uid.removeprefix(prefix) for uid in mails.receipt_id.mapped("uid")}, set(map(str, bad))
        )
        self.assertEqual((self.account.state, self.account.last_error), ("ready", False))

    def assertComeLater(self, bad):
        """They are given after all: they come by themselves."""
        self.server.faults = {}
        while mails := self.get_unprocessed():
            mails.next_attempt = fields.Datetime.now()
            self.account._receive()
            self.assertLess(self.get_unprocessed(), mails)
        self.assertFalse(self.get_unprocessed())
        self.assertEqual(sorted(self.get_received()), list(range(1, COUNT + 1)))

    def check(self, faults, turns=2):
        for bad in BAD:
            with self.subTest(faults, bad=bad):
                self.start()
                self.receive_with(faults, bad, turns)
                self.assertOthersArrive(bad)
                self.assertLess(self.server.logins, 15)
                self.assertComeLater(bad)


@tagged("post_install", "-at_install")
class TestFaultsImap(FaultCase):
    def test_refused(self):
        for words in (
            "NO [SERVERBUG] Internal error",
            "BAD no",
            "NO [UNAVAILABLE] Try again later",
            "nothing",
        ):
            self.check({"size": words, "header": words, "body": words})

    def test_size_is_refused(self):
        """The mail is given all the same."""
        for words in ("NO [SERVERBUG] Internal error", "BAD no", "nothing"):
            with self.subTest(words):
                self.start()
                self.receive_with({"size": words}, (1, 4, 8), 1)
                self.assertEqual(sorted(self.get_received()), list(range(1, COUNT + 1)))
                self.assertFalse(self.get_unprocessed())

    def test_closed(self):
        self.check({"body": "close", "header": "close"})

    def test_closed_at_its_size(self):
        self.check({"size": "close", "body": "close", "header": "close"}, 2)

    def test_closed_when_asked_whether_it_is_there(self):
        self.check({"body": "nothing", "header": "nothing", "search": "close"})

    def test_refused_when_asked_whether_it_is_there(self):
        self.check({"body": "NO no", "header": "NO no", "search": "NO [SERVERBUG] no"})

    def test_hangs(self):
        self.check({"body": "hang", "header": "hang"})

    def test_hangs_at_its_size(self):
        self.check({"size": "hang", "body": "hang", "header": "hang"})

    def test_headers_of_what_is_large(self):
        with patch.object(self.env.registry["email.account"], "_get_size_limit", lambda _account: 10):
            self.receive_with({"header": "close"}, (4,))
            mails = self.get_unprocessed()
            self.assertEqual(mails.mapped("reason").count("unreadable"), 1)
            self.assertEqual(mails.mapped("reason").count("too_large"), COUNT - 1)

    def test_alone(self):
        """Nothing else is in the mailbox to compare with."""
        for words in ("close", "hang", "nothing", "NO no", "NO [UNAVAILABLE] Try again later"):
            with self.subTest(words):
                self.start()
                self.server.faults = {self.arrive(1): {"header": words, "body": words}}
                for _turn in range(2):
                    self.account._receive()
                self.assertEqual(self.get_unprocessed().mapped("reason"), ["unreadable"])
                self.account._receive()
                self.assertEqual(self.account.state, "ready")

    def test_beside_what_was_received_before(self):
        self.arrive(1)
        self.account._receive()
        self.server.faults = {self.arrive(2): {"header": "close", "body": "close"}}
        self.account._receive()
        self.assertEqual(self.get_unprocessed().mapped("reason"), ["unreadable"])
        self.assertEqual((self.account.state, self.polling.failure_count), ("ready", 0))

    def test_other_folders_are_looked_into(self):
        self.account.action_load_folders()
        self.account.folder_ids.is_received = True
        self.server.faults = {self.arrive(1): {"header": "NO [UNAVAILABLE] x", "body": "NO [UNAVAILABLE] x"}}
        self.account._receive()
        self.assertEqual(self.server.count("SELECT"), 2)

    def test_position_stays_before_what_was_not_stored(self):
        """A turn that ends in the middle leaves the suspects, and the position, where they are."""
        self.server.faults = {self.arrive(number): {} for number in range(1, 11)}
        self.server.faults[3] = {"body": "hang", "header": "hang"}
        with patch(f"{TURN}._is_over", lambda _turn: bool(self.server.bodies())):
            self.account._receive()
        self.assertEqual(self.get_received(), [])
        self.assertFalse(self.folder.uid_next)
        self.assertEqual(set(self.folder.suspects["uids"]), {"1", "2", "3"})  # a batch
        self.account._receive()
        self.assertEqual(sorted(self.get_received()), [1, 2, *range(4, 11)])
        self.assertEqual(self.get_unprocessed().receipt_id.uid, "3")
        self.assertEqual((self.folder.uid_next, self.folder.suspects), ("11", False))

    def test_process_that_dies_over_one_while_another_is_suspected(self):
        for number in range(1, 6):
            self.arrive(number)
        self.server.faults = {2: {"body": "close", "header": "close"}}
        deadly = f"{self.folder.id}/{self.server.validity}/4"
        self.polling.write({"trying": deadly, "tries": 1})
        self.folder.write(
            {
                "uid_validity": "7",
                "dated_below": "6",
                "suspects": {"validity": "7", "uids": {"2": 0, "1": 0, "3": 0, "5": 0}},
            }
        )
        self.account._receive()
        self.assertEqual(sorted(self.get_received()), [1, 3, 5])
        reasons = {mail.receipt_id.uid: mail.reason for mail in self.get_unprocessed()}
        self.assertEqual(reasons, {"4": "crashed", "2": "unreadable"})


class OnlyBadCase(FaultCase):
    """There is nothing in the mailbox but what the server does not give."""

    def check_only_bad(self, faults, counts=(1, 2, 3, 5), turns=5):
        for count in counts:
            with self.subTest(faults, count=count):
                self.start()
                self.server.faults = {self.arrive(number): faults for number in range(1, count + 1)}
                for _turn in range(turns):
                    self.account._receive()
                    if len(self.get_unprocessed()) == count:
                        break
                self.assertEqual(self.get_unprocessed().mapped("reason"), ["unreadable"] * count)
                self.assertEqual(len(self.get_unprocessed().receipt_id), count)
                self.assertEqual(self.get_received(), [])
                self.assertEqual((self.account.state, self.polling.failure_count), ("ready", 0))
                self.assertEqual(self.folder.suspects, False)
                # another one comes, and at last all of them are given
                self.arrive(count + 1)
                self.account._receive()
                self.assertEqual(self.get_received(), [count + 1])
                self.server.faults = {}
                self.get_unprocessed().next_attempt = fields.Datetime.now()
                self.account._receive()
                self.assertEqual(sorted(self.get_received()), list(range(1, count + 2)))
                self.assertFalse(self.get_unprocessed())


@tagged("post_install", "-at_install")
class TestOnlyBadImap(OnlyBadCase):
    def test_each_is_kept(self):
        self.check_only_bad({"header": "close", "body": "close"})

    def test_few(self):
        for words, count in (("hang", 3), ("NO no", 5), ("nothing", 2), ("NO [UNAVAILABLE] later", 3)):
            self.check_only_bad({"header": words, "body": words}, [count])

    def test_size_too(self):
        for words in ("close", "NO [UNAVAILABLE] later"):
            self.check_only_bad({"size": words, "header": words, "body": words}, [3])

    def test_in_short_turns(self):
        """The cron has time for one that hangs, not for several."""
        self.server.faults = {self.arrive(number): {"body": "hang"} for number in range(1, 4)}
        for _turn in range(9):
            asked = len(self.server.bodies())
            with patch(f"{TURN}._is_over", lambda _turn, asked=asked: len(self.server.bodies()) > asked):
                self.account._receive()
        self.assertEqual(self.get_unprocessed().mapped("reason"), ["unreadable"] * 3)
        self.assertEqual(self.account.state, "ready")

    def test_server_that_gives_nothing_of_many(self):
        """It is the server, however long that takes."""
        faults = {"body": "close", "header": "close"}
        self.server.faults = {self.arrive(number): faults for number in range(1, 12)}
        for _turn in range(6):
            self.account._receive()
        self.assertFalse(self.get_unprocessed())
        self.assertEqual(self.account.state, "failing")

    def test_server_that_does_not_let_in_again(self):
        """Turns in which it does not are none of those that count."""
        faults = {"body": "close", "header": "close"}
        self.server.faults = {self.arrive(number): faults for number in range(1, 4)}
        answer = self.server._imap_fetch

        def fetch(talk, rest):
            self.server.refuses_logins = "BODY.PEEK[]" in rest
            return answer(talk, rest)

        with patch.object(self.server, "_imap_fetch", fetch, create=True):
            for _turn in range(6):
                self.server.refuses_logins = False
                self.account._receive()
        self.server.refuses_logins = False
        self.account._receive()
        self.assertFalse(self.get_unprocessed())
        self.assertEqual(self.account.state, "failing")


@tagged("post_install", "-at_install")
class TestOnlyBadPop3(OnlyBadCase):
    protocol = "pop3"

    def start(self, **values):
        return super().start(after_receiving="leave", **values)

    def test_each_is_kept(self):
        for words, count in (("close", 5), ("hang", 3), ("-ERR no", 5), ("-ERR [SYS/TEMP] later", 3)):
            self.check_only_bad({"header": words, "body": words}, [count])

    def test_size_too(self):
        self.check_only_bad({"body": "close", "header": "close", "list": "close", "size": "close"}, [3])


@tagged("post_install", "-at_install")
class TestServerIsDown(FaultCase):
    """No message is to blame."""

    def arrive_some(self, faults=None):
        for number in range(1, 9):
            self.server.faults[self.arrive(number)] = faults or {}

    def assertNobodyBlamed(self):
        self.assertFalse(self.get_unprocessed())
        self.assertEqual(self.account.state, "failing")
        self.server.faults, self.server.refuses_logins = {}, False
        self.account._receive()
        self.assertEqual(sorted(self.get_received()), list(range(1, 9)))
        self.assertEqual(self.account.state, "ready")

    def test_gives_nothing_at_all(self):
        for words in (
            "close",
            "NO [UNAVAILABLE] Try again later",
            "NO [SERVERBUG] no",
            "NO [LIMIT] slow down",
        ):
            with self.subTest(words):
                self.start()
                self.arrive_some({"header": words, "body": words})
                for _turn in range(3):
                    self.server.commands.clear()
                    self.account._receive()
                    self.assertLess(self.server.count("UID FETCH"), 60)
                self.assertNobodyBlamed()

    def test_hangs_over_all(self):
        self.arrive_some({"header": "hang", "body": "hang"})
        for _turn in range(2):
            self.account._receive()
        self.assertNobodyBlamed()

    def test_does_not_let_in_again(self):
        self.arrive_some()
        self.server.faults[4] = {"body": "close"}
        answer = self.server._imap_fetch

        def fetch(talk, rest):
            self.server.refuses_logins = "BODY.PEEK[]" in rest
            return answer(talk, rest)

        with patch.object(self.server, "_imap_fetch", fetch, create=True):
            self.account._receive()
        self.assertEqual(self.folder.suspects, False)
        self.assertNobodyBlamed()

    def test_ends_when_nothing_was_asked_for(self):
        self.arrive_some()
        with patch.object(self.server, "_imap_search", lambda *_arguments: "close", create=True):
            self.account._receive()
        self.assertEqual(self.server.logins, 1)
        self.assertNobodyBlamed()


@tagged("post_install", "-at_install")
class TestFaultsPop3(FaultCase):
    protocol = "pop3"

    def start(self, **values):
        return super().start(after_receiving="leave", **values)

    def test_refused(self):
        for words in ("-ERR no", "-ERR [SYS/TEMP] later", "-ERR Message 4 expunged."):
            self.check({"body": words, "header": words})

    def test_refused_with_pipelining(self):
        with patch.object(MoodyServer, "extra", "PIPELINING", create=True):
            self.receive_with({"body": "-ERR [SYS/TEMP] later", "header": "-ERR no"}, (2, 4))
            self.assertOthersArrive((2, 4))

    def test_refused_when_asked_for_its_size(self):
        self.check({"body": "-ERR no", "size": "-ERR [SYS/TEMP] no"})

    def test_closed(self):
        self.check({"body": "close", "header": "close"})

    def test_closed_over_the_size_of_one(self):
        self.check({"body": "close", "header": "close", "list": "close", "size": "close"})

    def test_hangs(self):
        self.check({"body": "hang", "header": "hang"})

    def test_header_of_what_may_be_too_old(self):
        """The day is in the header alone: that of one is refused, or kills the session."""
        for words in ("-ERR no", "close", "hang"):
            with self.subTest(words):
                self.start(import_from=fields.Date.today() - timedelta(days=9))
                self.receive_with({"header": words, "body": words}, (1, 4, 8))
                self.assertOthersArrive((1, 4, 8))

    def test_deleted_in_a_session_that_ends(self):
        self.account.after_receiving = "delete"
        self.receive_with({"body": "close", "header": "close"}, (4, 8), 3)
        self.assertOthersArrive((4, 8))
        self.assertEqual(list(self.server.messages), [4, 8])


@tagged("post_install", "-at_install")
class TestFetchedAgain(FaultCase):
    """What was not given is asked for later, each by itself."""

    def put_aside(self, fault):
        for number in range(1, 9):
            self.arrive(number)
        self.server.faults = {uid: {"body": "NO no"} for uid in (2, 4, 6)}
        self.account._receive()
        self.assertEqual(len(self.get_unprocessed()), 3)
        self.server.faults = {2: {"body": fault, "header": fault}}

    def fetch_due(self):
        self.get_unprocessed().next_attempt = fields.Datetime.now()
        self.env.flush_all()
        with self.env.registry.cursor() as cr:  # which is committed
            self.env(cr=cr)["email.account.unprocessed"]._fetch_due()
        self.env.invalidate_all()

    def test_one_that_ends_the_session(self):
        self.put_aside("close")
        self.fetch_due()
        self.assertEqual(sorted(self.get_received()), [1, 3, 4, 5, 6, 7, 8])
        [mail] = self.get_unprocessed()
        self.assertEqual((mail.state, mail.attempts, mail.receipt_id.uid), ("waiting", 2, "2"))
        self.assertEqual((self.account.state, self.polling.failure_count), ("ready", 0))

    def test_server_that_does_not_let_in(self):
        self.put_aside("close")
        self.server.refuses_logins = True
        self.fetch_due()
        self.assertEqual(self.get_unprocessed().mapped("attempts"), [1, 1, 1])
        self.assertGreater(min(self.get_unprocessed().mapped("next_attempt")), fields.Datetime.now())

    def test_button(self):
        self.put_aside("close")
        action = self.get_unprocessed().action_fetch()
        self.assertIn("2 of 3 mails are done with.", action["params"]["message"])
        self.assertEqual(self.get_unprocessed().receipt_id.uid, "2")


@tagged("post_install", "-at_install")
class TestUnreadableByDovecot(ReceivingCase):
    """The file of a mail cannot be read: Dovecot ends the session."""

    def deliver_some(self, bad, spoil):
        for number in range(1, 31):
            self.deliver(f"n{number}", f"Mail {number}")
        with self.account._connect_incoming__() as mailbox:  # from now on they have UIDs
            mailbox.open(b"INBOX")
        box = self.hosts.mail.mail / ADDRESS
        files = [*box.glob("cur/*"), *box.glob("new/*")]
        sources = {path: path.read_bytes() for path in files}
        for number in bad:
            [path] = [path for path, source in sources.items() if f"<n{number}@".encode() in source]
            spoil(path)

    def assertReceived(self, bad):
        for _turn in range(2):
            self.account._receive()
        missing = {number for number in range(1, 31) if not self.get_message(f"n{number}")}
        self.assertEqual(missing, set(bad))
        self.assertEqual(self.get_unprocessed().mapped("reason"), ["unreadable"] * len(bad))
        self.assertEqual(self.account.state, "ready")

    def test_no_right(self):
        bad = (1, 9, 30)
        for protocol in ("imap", "pop3"):
            with self.subTest(protocol):
                if protocol == "pop3":
                    self.empty_folders(ADDRESS)
                    self.env["mail.message"].search([("email_account_id", "!=", False)]).unlink()
                    self.account.unprocessed_ids.unlink()
                    self.account.unlink()
                    self.account = self.create_account(**POP3, incoming_host=f"pop.{DOMAIN}")
                self.deliver_some(bad, _hide)
                self.assertReceived(bad)
                for path in (self.hosts.mail.mail / ADDRESS).glob("*/*"):
                    if path.is_file():
                        path.chmod(0o666)
                self.get_unprocessed().next_attempt = fields.Datetime.now()
                self.account._receive()
                self.assertFalse(self.get_unprocessed())

    def test_shorter_than_its_name_says(self):
        """S= in the name of the file is what Dovecot takes for its size."""
        self.deliver_some(
            (1, 9, 30), lambda path: path.rename(path.with_name(path.name.replace("S=", "S=9")))
        )
        for _turn in range(2):
            self.account._receive()
        self.get_unprocessed().next_attempt = fields.Datetime.now()
        self.account._receive()
        given = {number for number in range(1, 31) if self.get_message(f"n{number}")}
        self.assertLessEqual(set(range(1, 31)) - {1, 9, 30}, given)
        # Dovecot corrects itself when it has seen it
        self.assertEqual(len(given) + len(self.get_unprocessed()), 30)
        self.assertEqual(self.account.state, "ready")


def _hide(path):
    """Nobody may read it but root, which Dovecot is not."""
    path.chmod(0)
    if not os.getuid():
        os.chown(path, 0, 0)
