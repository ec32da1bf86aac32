import asyncio
import gc
import unittest

from odoo.addons.email_account.autoconfig.race import Race, together


async def give(value, after=0.0):
    await asyncio.sleep(after)
    return value


async def fail():
    raise KeyError("mine")


class TestRace(unittest.IsolatedAsyncioTestCase):
    async def hang(self, name, slow_end=0.0):
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(slow_end)
            self.ended.append(name)

    async def asyncTearDown(self):
        self.assertEqual(asyncio.all_tasks(), {asyncio.current_task(), *self.at_start})

    async def asyncSetUp(self):
        self.ended = []
        self.at_start = asyncio.all_tasks() - {asyncio.current_task()}

    async def test_results_by_key_as_they_come(self):
        async with Race() as race:
            race.start("slow", give(1, 0.02))
            race.start("quick", give(2))
            self.assertEqual(await race.ended(), {"quick": 2})
            self.assertEqual(race.running, ["slow"])
            self.assertEqual(await race.ended(timeout=0), {})
            self.assertEqual(await race.ended(), {"slow": 1})

    async def test_leaving_cancels_and_waits(self):
        async with Race() as race:
            race.start("a", self.hang("a", slow_end=0.01))
            race.start("b", self.hang("b"))
            await race.ended(timeout=0)
        self.assertEqual(sorted(self.ended), ["a", "b"])

    async def test_cancel_some(self):
        async with Race() as race:
            race.start("a", self.hang("a"))
            race.start("b", give(1))
            await race.ended()
            await race.cancel(["a"])
            self.assertEqual((self.ended, race.running), (["a"], []))

    async def test_an_exception_ends_the_others(self):
        with self.assertRaisesRegex(KeyError, "mine"):
            async with Race() as race:
                race.start("a", self.hang("a"))
                race.start("b", fail())
                while race.running:
                    await race.ended()
        self.assertEqual(self.ended, ["a"])

    async def test_cancelled_from_outside_even_twice(self):
        async def run():
            async with Race() as race:
                race.start("a", self.hang("a", slow_end=0.02))
                await race.ended()

        task = asyncio.ensure_future(run())
        await asyncio.sleep(0.005)
        task.cancel()
        await asyncio.sleep(0.005)
        task.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await task
        self.assertEqual(self.ended, ["a"])

    async def test_together(self):
        self.assertEqual(await together(give("a", 0.02), give("b")), ["a", "b"])
        self.assertEqual(await together(), [])

    async def test_together_the_first_failure_cancels_the_others(self):
        with self.assertRaises(KeyError):
            await together(self.hang("a"), fail(), self.hang("b"))
        self.assertEqual(sorted(self.ended), ["a", "b"])

    async def test_failures_in_the_same_moment_are_all_seen(self):
        unseen = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _loop, context: unseen.append(context["message"]))
        with self.assertRaises(KeyError):
            await together(fail(), fail(), fail())
        gc.collect()
        await asyncio.sleep(0)
        self.assertEqual(unseen, [])
