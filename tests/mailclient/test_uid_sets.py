"""Sets of UIDs in commands: exactly those, in few bytes."""

import unittest

from hypothesis import given
from hypothesis import strategies as st

from odoo.addons.email_account.mailclient.uid_sets import MAX_LENGTH, uid_sets


def numbers(uid_set):
    found = []
    for part in uid_set.split(","):
        first, _colon, last = part.partition(":")
        found += range(int(first), int(last or first) + 1)
    return found


class TestUidSets(unittest.TestCase):
    def test_known(self):
        for uids, uid_set in (
            (["7"], "7"),
            (["1", "2"], "1:2"),
            (["7", "5", "4", "1", "3", "2", "10", "5"], "1:5,7,10"),
            ([4294967295, 4294967294, 1], "1,4294967294:4294967295"),
        ):
            with self.subTest(uid_set):
                self.assertEqual(list(uid_sets(uids)), [uid_set])
        self.assertEqual(list(uid_sets([])), [])

    @given(st.sets(st.integers(1, 3000)), st.integers(12, 100))
    def test_exactly_those(self, uids, length):
        found = list(uid_sets(map(str, uids), length))
        self.assertEqual([number for uid_set in found for number in numbers(uid_set)], sorted(uids))
        self.assertTrue(all(len(uid_set) <= length for uid_set in found), found)

    def test_many_far_apart(self):
        found = list(uid_sets(range(1_000_000_000, 1_000_020_000, 2)))
        self.assertLess(len(found), 20)
        self.assertTrue(all(len(uid_set) <= MAX_LENGTH for uid_set in found))
