"""When a message has come: INTERNALDATE and the topmost Received header."""

import unittest
from datetime import datetime, timezone

from hypothesis import example, given
from hypothesis import strategies as st

from odoo.addons.email_account.mailclient.imap_parse import parse_date
from odoo.addons.email_account.mailclient.received import arrival_of

DAY = datetime(2026, 7, 17, 9, 44, 25, tzinfo=timezone.utc)


class TestInternalDate(unittest.TestCase):
    def test_known(self):
        for text, date in (
            (b"17-Jul-2026 02:44:25 -0700", DAY),
            (b" 7-jul-2026 11:44:25 +0200", DAY.replace(day=7)),
            (b"17-Jul-2026 15:14:25 +0530", DAY),
            (b"30-Jun-2015 23:59:60 +0000", datetime(2015, 6, 30, 23, 59, 59, tzinfo=timezone.utc)),
            (b"", None),
            (b"17-Xxx-2026 02:44:25 -0700", None),
            (b"32-Jul-2026 02:44:25 -0700", None),
            (b"01-Jan-0001 00:00:00 +1200", None),
            (b"17-Jul-2026 02:44:25 -9900", None),
        ):
            with self.subTest(text):
                self.assertEqual(parse_date(text), date)

    @given(st.binary())
    def test_anything(self, text):
        self.assertIsNone(parse_date(text))


class TestArrival(unittest.TestCase):
    def test_known(self):
        for header, date in (
            (b"Received: from a by b; Fri, 17 Jul 2026 11:44:25 +0200", DAY),
            (
                b"Subject: x\r\nreceived: from a\r\n\tby b;\r\n Fri, 17 Jul 2026 11:44:25\r\n +0200 (CEST)",
                DAY,
            ),
            (
                b"Received: by b; Fri, 17 Jul 2026 09:44:25 -0000\r\nReceived: by a; Thu, 1 Jan 2026 1:1:1",
                DAY,
            ),
            (b"Received: by b; garbage\r\nReceived: by a; Fri, 17 Jul 2026 11:44:25 +0200", None),
            (b"Date: Fri, 17 Jul 2026 11:44:25 +0200", None),
            (b"Subject: x\r\n\r\nReceived: by b; Fri, 17 Jul 2026 11:44:25 +0200", None),
            (b"", None),
        ):
            with self.subTest(header):
                self.assertEqual(arrival_of(header + b"\r\n\r\nbody"), date)

    def test_never_in_the_future(self):
        found = arrival_of(b"Received: by b; Fri, 17 Jul 2999 11:44:25 +0200\r\n\r\n")
        self.assertLessEqual(found, datetime.now(timezone.utc))

    @given(st.binary())
    @example(b"\xff; Mon, 99999999999999999999 Jul 2026")
    @example(b"; Mon, 1 Jan 0001 00:00:00 +2300")
    @example(b"; 1 Jan 99999 00:00:00")
    def test_anything(self, text):
        found = arrival_of(b"Received: " + text)
        self.assertTrue(found is None or found.tzinfo)
