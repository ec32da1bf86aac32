from datetime import datetime, timedelta, timezone
from unittest.mock import patch

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from odoo import fields
from odoo.tests import tagged

from .receiving import MoodyCase, process_lightly

TURN = "odoo.addons.email_account.models.receive_turn.ReceiveTurn"
DAY = timedelta(days=1)
NOW = datetime(2026, 12, 1, 23, 1, tzinfo=timezone.utc)
# since now, or (a tuple) since the first day begins: days begin at different times in different zones
HOURS = st.one_of(st.integers(-70, 30), st.tuples(st.integers(-13, 13)))
# when something arrives while it is looked at
MEANWHILE = st.tuples(
    st.sampled_from(["STATUS", "SELECT", "SEARCH", "FETCH", "LOGOUT"]), st.sampled_from(["before", "after"])
)
# a message, and what becomes of a question for it
FAULTS = st.tuples(
    st.integers(0, 30), st.sampled_from(["close", "nothing", "NO no", "NO [UNAVAILABLE] Try again later"])
)


def _steps():
    look = st.tuples(st.just("look"), st.just(0))
    arrive = st.tuples(st.just("arrive"), st.integers(1, 3))
    return st.lists(
        st.one_of(
            look,
            look,
            arrive,
            arrive,
            st.tuples(st.just("move_in"), HOURS),
            st.tuples(st.just("mark_deleted"), st.integers(0, 30)),
            st.tuples(st.just("unmark"), st.integers(0, 30)),
            st.tuples(st.just("expunge"), st.integers(0, 30)),
            st.tuples(st.just("look_shortly"), st.integers(1, 3)),
            st.tuples(st.just("look_meanwhile"), MEANWHILE),
            st.tuples(st.just("look_meanwhile"), MEANWHILE),
            st.tuples(st.just("look_faulty"), FAULTS),
            st.tuples(st.just("renumber"), st.just(0)),
            st.tuples(st.just("begin_earlier"), st.integers(1, 5)),
            st.tuples(st.just("switch"), st.just(0)),
            st.tuples(st.just("next_uid"), st.sampled_from([None, 0, 1, 5, 1000])),
            st.tuples(st.just("search_limit"), st.sampled_from([None, 2, 3])),
        ),
        min_size=6,
        max_size=14,
    )


class Model:
    """What has to arrive, by rules that know nothing of positions.

    :ivar due: ids of mails that have to arrive when they are there and not marked as deleted
    :ivar free: ids of mails that may arrive or not
    """

    def __init__(self, start):
        self.start, self.begun, self.is_renumbered = start, False, False
        self.due, self.free, self.arrived = set(), set(), {}

    def add(self, name, arrived):
        self.arrived[name] = arrived
        if self.begun or self.start is None or arrived >= self.start:
            self.due.add(name)
        if self.is_renumbered:
            self.set_free({name})

    def set_free(self, names):
        """Those that are older than the first day may arrive or not."""
        old = {name for name in names if self.start is not None and self.arrived[name] < self.start}
        self.due -= old
        self.free |= old

    def begin_earlier(self, start):
        self.start = start
        self.due |= {name for name, arrived in self.arrived.items() if start is None or arrived >= start}

    def renumber(self, received):
        """A server that counts anew tells nothing of what was there before but its date."""
        self.is_renumbered = True  # until it is looked at
        self.set_free(self.due - received)


@tagged("post_install", "-at_install")
class TestPosition(MoodyCase):
    batch = 2

    def setUp(self):
        super().setUp()
        self.process_lightly()

    @settings(
        max_examples=20,
        phases=(Phase.generate,),
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(
        there=st.lists(HOURS, max_size=5),
        zone=st.sampled_from([-12, -8, 0, 2, 9, 14]),
        tz=st.sampled_from(["UTC", "Asia/Tokyo", "America/Los_Angeles", "Pacific/Kiritimati"]),
        day=st.sampled_from([None, -2, 0, 1]),
        steps=_steps(),
    )
    def test_each_that_ought_to_arrive_arrives_once(self, there, zone, tz, day, steps):
        first = day is not None and (NOW + day * DAY).date()
        self.start()
        self.account.with_context(tz=tz).import_from = first
        self.server.zone, self.server.told = zone, {}
        model = Model(self.account._get_day_start(first) if first else None)
        self.names = {}
        for hours in there:
            self.step_move_in(model, hours)
        for step, value in steps:
            getattr(self, f"step_{step}")(model, value)
            if step.startswith("look"):
                self.check_position(model)
        self.server.search_limit, self.server.next_uid = None, None
        self.folder.is_received = True
        for _look in range(2):
            self.get_waiting().next_attempt = fields.Datetime.now()
            self.step_look(model, 0)
        visible = {
            self.names[message]
            for message in self.server.messages.values()
            if "\\Deleted" not in message.flags
        }
        received = self.get_received()
        self.assertEqual(len(received), len(set(received)))
        self.assertLessEqual(visible & model.due, set(received))
        self.assertLessEqual(set(received), model.due | model.free)
        self.assertFalse(self.get_waiting())
        self.assertEqual(self.account.state, "ready")

    def get_waiting(self):
        """What was not given, and may be later; the others were removed or have another UID now."""
        return self.get_unprocessed().filtered(lambda mail: mail.state == "waiting")

    def check_position(self, model):
        """It has passed nothing that was never looked at."""
        folder = self.folder
        if folder.uid_validity != str(self.server.validity) or folder.import_since:
            return
        received = set(self.get_received())
        kept = set(map(int, self.get_waiting().receipt_id.mapped("uid")))
        kept |= {uid for part in (folder.deleted_uids or "").split(",") for uid in _expanded(part)}
        for message in self.server.messages.values():
            if message.uid < int(folder.uid_next or 1) and message.uid not in kept:
                name = self.names[message]
                self.assertTrue(name in received or name not in model.due, (message.uid, name))

    def step_move_in(self, model, hours):
        since = NOW
        if isinstance(hours, tuple):
            [hours], since = hours, model.start or NOW
        self.add(model, since + timedelta(hours=hours, minutes=len(self.names)))

    def add(self, model, arrived):
        name = len(self.names) + 1
        uid = self.arrive(name, arrived)
        self.names[self.server.messages[uid]] = name
        model.add(name, arrived)

    def step_arrive(self, model, count):
        for _number in range(count):
            self.add(model, NOW + timedelta(minutes=len(self.names)))

    def pick(self, number):
        messages = list(self.server.messages.values())
        return messages[number % len(messages)] if messages else None

    def step_mark_deleted(self, _model, number):
        message = self.pick(number)
        if message:
            message.flags.add("\\Deleted")

    def step_unmark(self, _model, number):
        for message in self.server.messages.values():
            message.flags.discard("\\Deleted")

    def step_expunge(self, _model, number):
        message = self.pick(number)
        if message:
            del self.server.messages[message.uid]

    def step_look(self, model, _value):
        if self.folder.is_received:
            model.begun, model.is_renumbered = True, False
        self.account._receive()

    def step_look_shortly(self, model, count):
        """The turn is over when so many are stored."""
        turns = self.env.registry["email.account"]
        stored = []

        def process(*arguments, **named):
            stored.append(1)
            process_lightly(*arguments, **named)

        with (
            patch.object(turns, "_process_mail", process),
            patch(f"{TURN}._is_over", lambda _turn: len(stored) >= count),
        ):
            self.step_look(model, 0)

    def step_look_meanwhile(self, model, moment):
        """A mail arrives, and another is moved in, between two commands."""
        was_begun = model.begun and self.folder.uid_validity == str(self.server.validity)
        known = set(self.names.values())

        def happen():
            self.step_arrive(model, 1)
            self.step_move_in(model, -70)

        model.begun = model.begun or self.folder.is_received
        self.server.meanwhile = {moment: happen}
        self.step_look(model, 0)
        self.server.meanwhile = {}
        if not was_begun:  # they may be there before the first look, or come after it
            model.set_free({name for name in model.arrived if name not in known})

    def step_look_faulty(self, model, value):
        """The server does not give one of them."""
        number, fault = value
        self.step_arrive(model, 2)
        looked_at = int(self.folder.uid_next or 1)
        fresh = [uid for uid in self.server.messages if uid >= looked_at] or list(self.server.messages)
        self.server.faults = {fresh[number % len(fresh)]: {"header": fault, "body": fault}}
        self.step_look(model, 0)
        self.server.faults = {}

    def step_renumber(self, model, _value):
        model.renumber(set(self.get_received()))
        self.server.renumber()

    def step_begin_earlier(self, model, days):
        first = self.account.import_from
        if first:
            self.account.import_from = first - days * DAY
            model.begin_earlier(self.account._get_day_start(self.account.import_from))

    def step_switch(self, _model, _value):
        if self.folder.uid_validity:  # else it would begin when it is switched on
            self.folder.is_received = not self.folder.is_received

    def step_next_uid(self, _model, value):
        self.server.next_uid = value

    def step_search_limit(self, _model, value):
        self.server.search_limit = value


def _expanded(part):
    first, _colon, last = part.partition(":")
    return range(int(first), int(last or first) + 1) if first else ()


@tagged("post_install", "-at_install")
class TestFirstDay(MoodyCase):
    """The day is the user's; the server's days are in another zone, and have no time."""

    def setUp(self):
        super().setUp()
        self.process_lightly()

    def test_day_that_has_not_begun_for_the_server(self):
        """Also where the day was later first, and is corrected."""
        for tz, start in (
            ("UTC", datetime(2026, 12, 2, tzinfo=timezone.utc)),
            ("Asia/Tokyo", datetime(2026, 12, 1, 15, tzinfo=timezone.utc)),
            ("America/Los_Angeles", datetime(2026, 12, 2, 8, tzinfo=timezone.utc)),
            ("Pacific/Kiritimati", datetime(2026, 12, 1, 10, tzinfo=timezone.utc)),
        ):
            for zone, first in ((-12, "2026-12-02"), (14, "2026-12-02"), (-12, "2026-12-04")):
                with self.subTest(tz, zone=zone, first=first):
                    self.start()
                    self.server.zone = zone
                    self.arrive(1, start - timedelta(minutes=1))
                    self.arrive(2, start)
                    self.arrive(3, start - 30 * DAY)
                    account = self.account.with_context(tz=tz)
                    account.import_from = first
                    self.account._receive()
                    account.import_from = "2026-12-02"
                    self.account._receive()
                    self.assertEqual(self.get_received(), [2])
                    self.arrive(4, NOW)
                    self.arrive(5, datetime(2020, 1, 1, tzinfo=timezone.utc))  # moved in
                    self.account._receive()
                    self.assertEqual(self.get_received(), [2, 4, 5])

    def test_day_that_is_corrected(self):
        self.arrive(1, NOW - 9 * DAY)
        self.arrive(2, NOW - 3 * DAY)
        self.account.import_from = NOW.date() + 2 * DAY
        self.account._receive()
        self.assertEqual(self.get_received(), [])
        self.account.import_from = NOW.date() - 4 * DAY
        self.account._receive()
        self.assertEqual(self.get_received(), [2])
        self.account.import_from = False
        self.account._receive()
        self.assertEqual(sorted(self.get_received()), [1, 2])

    def test_wizard_proposes_a_day_that_has_begun_everywhere(self):
        wizards = self.env["email.account.create"]
        morning = datetime(2026, 12, 1, 23, 1)
        with (
            patch.object(fields.Datetime, "now", lambda *_arguments: morning),
            patch.object(fields.Date, "today", lambda *_arguments: morning.date()),
        ):
            wizard = wizards.with_context(tz="Asia/Tokyo").new()
            self.assertEqual(wizard.import_from, morning.date())

    def test_next_uid_that_is_wrong(self):
        """It is a promise that some servers do not keep."""
        for told in (1, 0, 1000):
            with self.subTest(told):
                self.start()
                self.server.next_uid = told
                self.arrive(1)
                self.account._receive()
                self.arrive(2)
                if told == 1000:  # nothing shows that something has come: after an hour it is looked at
                    self.folder.looked_date -= timedelta(hours=2)
                self.account._receive()
                self.assertEqual(self.get_received(), [1, 2])
                self.assertEqual(self.folder.uid_next, "3")

    def test_earlier_day_where_a_search_gives_only_so_many(self):
        """Nothing is new, so that nothing has shown it before."""
        for number in range(1, 6):
            self.arrive(number, NOW - 9 * DAY)
        self.arrive(6)
        self.account.import_from = NOW.date() - DAY
        self.account._receive()
        self.assertEqual(self.get_received(), [6])
        self.server.search_limit = 2
        self.account.import_from = NOW.date() - 10 * DAY
        self.account._receive()
        self.assertEqual(sorted(self.get_received()), [1, 2, 3, 4, 5, 6])

    def test_others_pass_one_that_is_not_given(self):
        for number in range(1, 10):
            self.arrive(number)
        self.server.faults = {2: {"header": "close", "body": "close"}}
        with patch("odoo.addons.email_account.models.receive_turn.MAX_SESSIONS", 2):
            self.account._receive()
        self.assertGreater(max(self.get_received()), 2)
        self.assertNotIn(2, self.get_received())
        self.assertLessEqual(int(self.folder.uid_next), 2)
        self.account._receive()
        self.assertEqual(sorted(self.get_received()), [1, *range(3, 10)])
        self.assertEqual(self.get_unprocessed().receipt_id.uid, "2")
        self.assertEqual(self.folder.uid_next, "10")

    def test_mark_of_deletion_that_is_taken_away(self):
        self.arrive(1, flags=("\\Deleted",))
        self.arrive(2)
        self.account._receive()
        self.assertEqual((self.get_received(), self.folder.deleted_uids), ([2], "1"))
        self.server.messages[1].flags.clear()
        self.account._receive()
        self.assertEqual((self.get_received(), self.folder.deleted_uids), ([2, 1], False))


@tagged("post_install", "-at_install")
class TestFirstDayPop3(MoodyCase):
    protocol = "pop3"

    def test_day_is_the_users(self):
        self.process_lightly()
        self.account.with_context(tz="Asia/Tokyo").import_from = "2026-11-25"
        header = (
            "Received: from a by b; Tue, 24 Nov 2026 {} +0000\r\nMessage-ID: <{}-x@customer.example>\r\n\r\n"
        )
        self.server.add(header.format("14:59:00", 1).encode())
        self.server.add(header.format("15:01:00", 2).encode())
        self.account._receive()
        self.assertEqual(self.get_received(), [2])
        # what comes later is new, whatever it says
        self.server.add(header.format("03:00:00", 3).encode())
        self.account._receive()
        self.assertEqual(self.get_received(), [2, 3])
        self.account.with_context(tz="Asia/Tokyo").import_from = "2026-11-24"
        self.account._receive()
        self.assertEqual(self.get_received(), [2, 3, 1])
