import asyncio
import logging
import time
import unittest

from odoo.addons.email_account.autoconfig import (
    Address,
    BlockedAddress,
    NetworkError,
    Server,
    Settings,
    discover,
)
from odoo.addons.email_account.autoconfig.formats import FormatError

JANE = Address.parse("jane@example.org")
IMAP = Server("imap", "imap.example.org", 993, "tls")
IMAP_CLEAR = Server("imap", "imap.example.org", 143, "none")
POP3 = Server("pop3", "pop.example.org", 995, "tls")
SMTP = Server("smtp", "smtp.example.org", 465, "tls")


class Fake:
    """A source that answers after a while, or raises, or never answers."""

    probe = False

    def __init__(self, name, rank, *servers, after=0.0, error=None, doubt=""):
        self.name, self.rank = name, rank
        self.after, self.error = after, error
        self.settings = Settings.of(servers, source=name, doubt=doubt)
        self.state = "not asked"

    async def find(self, address, network, report):
        self.state = "asked"
        try:
            if self.after:
                report(f"{self.name} host")
                await asyncio.sleep(self.after)
        except asyncio.CancelledError:
            self.state = "cancelled"
            raise
        self.state = "answered"
        if self.error:
            raise self.error
        return self.settings


class TestDiscover(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.at_start = asyncio.all_tasks() - {asyncio.current_task()}

    async def asyncTearDown(self):
        self.assertEqual(
            asyncio.all_tasks() - {asyncio.current_task()}, self.at_start, "a task is left behind"
        )

    async def discover(self, *sources, deadline=5.0, **kwargs):
        started = time.monotonic()
        discovery = await discover(JANE, sources=sources, deadline=deadline, **kwargs)
        self.seconds = time.monotonic() - started
        self.results = {step.source: step.result for step in discovery.steps}
        return discovery

    async def test_no_sources(self):
        discovery = await self.discover()
        self.assertEqual(
            (discovery.status, discovery.steps, discovery.address), ("not_found", (), "jane@example.org")
        )

    async def test_all_at_once(self):
        sources = [Fake(str(i), i, after=0.05) for i in range(5)]
        discovery = await self.discover(*sources)
        self.assertEqual(discovery.status, "not_found")
        self.assertLess(self.seconds, 0.15)
        self.assertEqual(set(self.results.values()), {"not_found"})

    async def test_lowest_rank_wins_in_whatever_order(self):
        late, early = Fake("late", 1, IMAP, SMTP, after=0.03), Fake("early", 2, POP3, SMTP, after=0.01)
        for sources in ([late, early], [early, late]):
            discovery = await self.discover(*sources)
            self.assertEqual(discovery.settings, late.settings)
            self.assertEqual(discovery.proposals, (late.settings, early.settings))
            self.assertEqual([step.source for step in discovery.steps], ["late", "early"])

    async def test_a_hit_cancels_what_ranks_below(self):
        best, second, third = (
            Fake("best", 1, after=0.03),
            Fake("second", 2, IMAP, SMTP, after=0.01),
            Fake("third", 3, POP3, SMTP, after=60),
        )
        discovery = await self.discover(third, best, second)
        self.assertEqual(discovery.settings, second.settings)
        self.assertEqual(self.results, {"best": "not_found", "second": "found", "third": "cancelled"})
        self.assertEqual(third.state, "cancelled")
        self.assertEqual(discovery.steps[2].detail, "third host")
        self.assertLess(self.seconds, 1)

    async def test_an_answer_without_waiting_settles_it_before_others_are_asked(self):
        known, other = Fake("known", 0, IMAP, SMTP), Fake("other", 1, after=60)
        discovery = await self.discover(other, known)
        self.assertEqual(discovery.settings, known.settings)
        self.assertEqual(self.results, {"known": "found", "other": "skipped"})
        self.assertEqual(other.state, "not asked")
        self.assertLess(self.seconds, 0.1)

    async def test_two_halves(self):
        discovery = await self.discover(
            Fake("none", 0, after=0.01),
            Fake("in", 1, IMAP, after=0.02),
            Fake("out", 2, SMTP, after=0.01, doubt="dns"),
            Fake("both", 3, POP3, SMTP, after=60),
        )
        self.assertEqual((discovery.settings.incoming, discovery.settings.outgoing), ((IMAP,), (SMTP,)))
        self.assertEqual((discovery.settings.source, discovery.settings.trusted), ("in+out", False))
        self.assertEqual(self.results["both"], "cancelled")

    async def test_one_direction_waits_for_what_could_give_the_other(self):
        discovery = await self.discover(Fake("in", 1, IMAP), Fake("slow", 2, POP3, SMTP, after=0.05))
        self.assertEqual((discovery.settings.incoming, discovery.settings.outgoing), ((IMAP,), (SMTP,)))

    async def test_one_direction_alone_is_found(self):
        discovery = await self.discover(Fake("in", 1, IMAP, after=0.01), Fake("slow", 2, after=0.02))
        self.assertEqual(discovery.status, "found")
        self.assertEqual(discovery.settings.outgoing, ())

    async def test_clear_text_gives_way_to_encryption(self):
        discovery = await self.discover(
            Fake("clear", 1, IMAP_CLEAR, SMTP), Fake("slow", 2, IMAP, SMTP, after=0.05)
        )
        self.assertEqual((discovery.settings.incoming, discovery.settings.outgoing), ((IMAP,), (SMTP,)))
        discovery = await self.discover(Fake("clear", 1, IMAP_CLEAR, SMTP), Fake("slow", 2, after=0.05))
        self.assertEqual(discovery.settings.incoming, (IMAP_CLEAR,))

    async def test_deadline(self):
        hanging, found = Fake("hanging", 1, IMAP, SMTP, after=60), Fake("found", 2, POP3, SMTP)
        discovery = await self.discover(hanging, found, deadline=0.1)
        self.assertEqual(discovery.settings, found.settings)
        self.assertEqual(self.results, {"hanging": "no_answer", "found": "found"})
        self.assertEqual(hanging.state, "cancelled")
        self.assertTrue(0.1 <= self.seconds < 0.5, self.seconds)
        self.assertTrue(100 <= discovery.elapsed_ms < 500)

        discovery = await self.discover(hanging, deadline=0.05)
        self.assertEqual((discovery.status, self.results), ("not_found", {"hanging": "no_answer"}))

    async def test_what_hangs_does_not_hold_up_a_complete_answer(self):
        hanging, found = Fake("hanging", 1, IMAP, SMTP, after=60), Fake("found", 2, POP3, SMTP, after=0.01)
        discovery = await self.discover(hanging, found, deadline=30)
        self.assertEqual(discovery.settings, found.settings)
        self.assertEqual(self.results, {"hanging": "no_answer", "found": "found"})
        self.assertLess(self.seconds, 5)
        # half an answer is worth waiting for the rest
        half = Fake("half", 2, IMAP, after=0.01)
        discovery = await self.discover(Fake("slow", 1, POP3, SMTP, after=0.8), half, deadline=30)
        self.assertEqual(discovery.settings.source, "slow")

    async def test_a_slow_better_answer_is_waited_for(self):
        better = Fake("better", 1, IMAP, SMTP, after=0.2)
        discovery = await self.discover(better, Fake("quick", 2, POP3, SMTP, after=0.01))
        self.assertEqual(discovery.settings, better.settings)

    async def test_only_the_wanted_directions_count(self):
        sending, slow = Fake("sending", 1, SMTP, after=0.01), Fake("slow", 2, IMAP, SMTP, after=60)
        discovery = await self.discover(sending, slow, directions=["outgoing"])
        self.assertEqual(discovery.settings, sending.settings)
        self.assertEqual(self.results["slow"], "cancelled")

    async def test_a_failure_is_a_step(self):
        for error, result, detail in (
            (NetworkError("not_found", "autoconfig.example.org: no such host"), "not_found", "no such host"),
            (NetworkError("refused", "example.org: no valid certificate"), "refused", "certificate"),
            (FormatError("no usable server"), "invalid", "no usable server"),
            (BlockedAddress("10.0.0.1: not an address on the public internet"), "refused", "public internet"),
            (ConnectionResetError(104, "secret"), "no_answer", "ConnectionResetError"),
            (asyncio.TimeoutError(), "no_answer", "TimeoutError"),
        ):
            with self.subTest(error):
                broken, good = (
                    Fake("broken", 1, after=0.01, error=error),
                    Fake("good", 2, IMAP, SMTP, after=0.02),
                )
                discovery = await self.discover(broken, good)
                self.assertEqual(discovery.settings, good.settings)
                self.assertEqual(discovery.steps[0].result, result)
                self.assertIn(detail, discovery.steps[0].detail)
                self.assertNotIn("secret", discovery.steps[0].detail)

    async def test_a_bug_in_a_source_is_logged_and_hurts_no_other(self):
        class Odd(Exception):
            result = "asking"

        good = Fake("good", 2, IMAP, SMTP, after=0.01)
        for error in (ZeroDivisionError("x"), Odd("x")):
            with self.assertLogs("odoo.addons.email_account.autoconfig.engine", logging.WARNING) as logged:
                discovery = await self.discover(Fake("broken", 1, error=error), good)
            self.assertEqual(discovery.settings, good.settings)
            self.assertEqual(discovery.steps[0].result, "invalid")
            self.assertEqual(discovery.steps[0].detail, type(error).__name__)
            self.assertIn("broken", logged.output[0])

    async def test_a_source_that_is_cancelled_by_something_else(self):
        discovery = await self.discover(
            Fake("odd", 1, after=0.01, error=asyncio.CancelledError()), Fake("good", 2, IMAP, SMTP)
        )
        self.assertEqual(discovery.settings.source, "good")
        self.assertEqual(self.results["odd"], "no_answer")

    async def test_a_source_that_answers_although_cancelled(self):
        class Stubborn(Fake):
            async def find(self, address, network, report):
                try:
                    await asyncio.sleep(60)
                except asyncio.CancelledError:
                    return self.settings

        discovery = await self.discover(Fake("a", 1, IMAP, SMTP, after=0.01), Stubborn("b", 2, POP3, SMTP))
        self.assertEqual(discovery.settings.source, "a")

    async def test_steps_as_they_happen(self):
        steps = []
        sources = [Fake("a", 1, after=0.01), Fake("b", 2, IMAP, SMTP, after=0.03), Fake("c", 3, after=60)]
        discovery = await self.discover(*sources, on_step=steps.append)
        self.assertEqual(
            [(step.source, step.result, step.detail) for step in steps],
            [
                ("a", "asking", ""),
                ("a", "asking", "a host"),
                ("b", "asking", ""),
                ("b", "asking", "b host"),
                ("c", "asking", ""),
                ("c", "asking", "c host"),
                ("a", "not_found", "a host"),
                ("b", "found", "b host"),
                ("c", "cancelled", "c host"),
            ],
        )
        self.assertEqual(tuple(steps[-3:]), discovery.steps)

    async def test_error_of_the_callback_is_the_callers(self):
        for result in ("asking", "found", "cancelled"):

            def on_step(step, result=result):
                if step.result == result and (step.detail or result != "asking"):
                    raise LookupError("mine")

            sources = [Fake("a", 1, IMAP, SMTP, after=0.01), Fake("b", 2, after=60)]
            with self.subTest(result), self.assertRaisesRegex(LookupError, "mine"):
                await self.discover(*sources, on_step=on_step)
            self.assertNotEqual(sources[1].state, "asked")

    async def test_cancelled_by_the_caller(self):
        sources = [Fake("a", 1, after=60), Fake("b", 2, after=60)]
        task = asyncio.ensure_future(self.discover(*sources))
        await asyncio.sleep(0.01)
        task.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await task
        self.assertEqual([source.state for source in sources], ["cancelled", "cancelled"])
