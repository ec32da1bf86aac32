import threading
import unittest
from functools import partial

from ..models.server_pool import LANE_WIDTH, run_here, run_together


class Boom(Exception):
    pass


def boom():
    raise Boom


class TestServerPool(unittest.TestCase):
    def test_one_is_given_what_its_calls_return_and_raise(self):
        def work():
            first = yield partial(int, "1")
            try:
                yield boom
            except Boom:
                second = yield partial(int, "2")
            return [first, second]

        self.assertEqual(run_here(work()), [1, 2])

    def test_what_it_does_not_catch_comes_out(self):
        def work():
            yield boom

        with self.assertRaises(Boom):
            run_here(work())
        with self.assertRaises(Boom):
            run_together([work()])

    def test_calls_run_side_by_side_and_the_rest_in_this_thread(self):
        meeting = threading.Barrier(10, timeout=30)
        threads = {"calls": set(), "rest": set()}

        def meet():
            threads["calls"].add(threading.get_ident())
            meeting.wait()

        def work():
            yield meet  # which ends only if all the others are there
            threads["rest"].add(threading.get_ident())

        run_together([work() for _number in range(10)])
        self.assertEqual(len(threads["calls"]), 10)
        self.assertEqual(threads["rest"], {threading.get_ident()})
        self.assertNotIn(threading.get_ident(), threads["calls"])

    def test_one_that_waits_holds_up_no_other(self):
        ended = []
        released = threading.Event()

        def slow():
            yield partial(released.wait, 30)
            ended.append("slow")

        def quick():
            yield partial(int, "1")
            ended.append("quick")
            released.set()

        run_together([slow(), quick()])
        self.assertEqual(ended, ["quick", "slow"])

    def test_it_ticks_meanwhile(self):
        ticks = []
        released = threading.Event()

        def work():
            yield partial(released.wait, 30)

        def tick():
            ticks.append(threading.get_ident())
            if len(ticks) == 3:
                released.set()

        run_together([work()], tick, interval=0.01)
        self.assertGreaterEqual(len(ticks), 3)
        self.assertEqual(set(ticks), {threading.get_ident()})

    def test_the_last_tick_sees_the_end(self):
        ended, seen = [], []

        def work():
            yield partial(int, "1")
            ended.append(True)

        run_together([work(), work()], lambda: seen.append(len(ended)), interval=60)
        self.assertEqual((seen[0], seen[-1]), (0, 2))

    def test_an_error_ends_the_others(self):
        closed = []

        def failing():
            yield boom

        def other():
            try:
                for _number in range(1000):
                    yield partial(threading.Event().wait, 0.01)
            finally:
                closed.append(True)

        with self.assertRaises(Boom):
            run_together([other(), failing()])
        self.assertEqual(closed, [True])

    def test_only_so_many_of_a_lane_at_a_time(self):
        running, most, ended = set(), [], []

        def work(number):
            running.add(number)
            for _number in range(3):
                yield partial(threading.Event().wait, 0.001)
                most.append(len(running))
            running.remove(number)
            ended.append(number)

        def short(number):
            ended.append(number)
            yield from ()

        count = 3 * LANE_WIDTH
        run_together(
            [work(number) for number in range(count)] + [short(count)], lanes=["one"] * count + ["other"]
        )
        self.assertEqual(max(most), LANE_WIDTH)
        self.assertEqual(sorted(ended), list(range(count + 1)))

    def test_nothing_to_do(self):
        run_together([])
