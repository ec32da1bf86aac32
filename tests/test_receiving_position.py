import contextlib
from datetime import datetime, timedelta, timezone
from unittest.mock import patch

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from odoo import fields
from odoo.tests import Form, tagged

from .. import mailclient
from .common import ADDRESS, PASSWORD
from .receiving import MoodyCase, ReceivingCase

TURN = "odoo.addons.email_account.models.receive_turn.ReceiveTurn"
DAY = timedelta(days=1)
NOW = datetime(2026, 12, 1, 23, 1, tzinfo=timezone.utc)


def _steps():
    days = st.integers(-6, 6)
    return st.lists(
        st.one_of(
            st.tuples(st.just("arrive"), st.integers(1, 3)),
            st.tuples(st.just("move_in"), days),
            st.tuples(st.just("mark_deleted"), st.integers(0, 30)),
            st.tuples(st.just("unmark"), st.integers(0, 30)),
            st.tuples(st.just("expunge"), st.integers(0, 30)),
            st.tuples(st.just("look"), st.just(0)),
            st.tuples(st.just("look_shortly"), st.integers(1, 3)),
            st.tuples(st.just("renumber"), st.just(0)),
            st.tuples(st.just("begin_earlier"), st.integers(1, 5)),
            st.tuples(st.just("switch"), st.just(0)),
            st.tuples(st.just("next_uid"), st.sampled_from([None, 0, 1, 5, 1000])),
            st.tuples(st.just("search_limit"), st.sampled_from([None, 2, 3])),
        ),
        max_size=14,
    )


class Model:
    """What has to arrive, by rules that know nothing of positions.

    :ivar due: ids of mails that have to arrive when they are there and not marked as deleted
    :ivar free: ids of mails that may arrive or not
    """

    def __init__(self, start):
        self.start, self.begun = start, False
        self.due, self.free, self.arrived = set(), set(), {}

    def add(self, name, arrived):
        self.arrived[name] = arrived
        if self.begun or self.start is None or arrived >= self.start:
            self.due.add(name)

    def begin_earlier(self, start):
        self.start = start
        self.due |= {name for name, arrived in self.arrived.items() if start is None or arrived >= start}

    def renumber(self, received):
        """A server that counts anew tells nothing of what was there before but its date."""
        old = {
            name
            for name in self.due - received
            if self.start is not None and self.arrived[name] < self.start
        }
        self.due -= old
        self.free |= old


@tagged("post_install", "-at_install")
class TestPosition(MoodyCase):
    def setUp(self):
        super().setUp()
        self.process_lightly()

    @settings(
        max_examples=60,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(
        there=st.lists(st.integers(-6, 1), max_size=5),
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
        for days in there:
            self.move_in(model, days)
        for step, value in steps:
            getattr(self, f"step_{step}", self.move_in)(model, value)
            self.check_position(model)
        self.server.search_limit, self.server.next_uid = None, None
        self.folder.is_received = True
        for _look in range(3):
            self.step_look(model, 0)
        visible = {
            self.names[message] for message in self.server.messages.values() if "\\Deleted" not in message.flags
        }
        received = self.get_received()
        self.assertEqual(len(received), len(set(received)))
        self.assertLessEqual(visible & model.due, set(received))
        self.assertLessEqual(set(received), model.due | model.free)
        self.assertFalse(self.get_unprocessed())
        self.assertEqual(self.account.state, "ready")

    def check_position(self, model):
        """It has passed nothing that was never looked at."""
        folder = self.folder
        if folder.uid_validity != str(self.server.validity) or folder.import_since:
            return
        received = set(self.get_received())
        kept = {uid for part in (folder.deleted_uids or "").split(",") for uid in _expanded(part)}
        for message in self.server.messages.values():
            if message.uid < int(folder.uid_next or 1) and message.uid not in kept:
                name = self.names[message]
                self.assertTrue(name in received or name not in model.due, (message.uid, name))

    def move_in(self, model, days):
        self.add(model, NOW + days * DAY + timedelta(minutes=len(self.names)))

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
            model.begun = True
        self.account._receive()

    def step_look_shortly(self, model, count):
        """The turn is over when so many are stored."""
        turns = self.env.registry["email.account"]
        stored = []

        def process(account, _source, mail, message_id, _gateway=None):
            stored.append(1)
            account.env["mail.message"].create(
                {"message_id": message_id, "subject": mail.subject, "email_account_id": account.id}
            )

        with (
            patch.object(turns, "_process_mail", process),
            patch(f"{TURN}._is_over", lambda _turn: len(stored) >= count),
        ):
            self.step_look(model, 0)

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
