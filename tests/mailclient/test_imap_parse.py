"""IMAP's syntax: folder names, LIST and FETCH, whatever a server sends."""

import unittest

from hypothesis import example, given
from hypothesis import strategies as st

from odoo.addons.email_account.mailclient.imap_parse import (
    Folder,
    decode_name,
    parse_fetch,
    parse_list,
    parse_messages,
    parse_values,
    quote,
    responses,
)


def encode_name(name):
    """Modified UTF-7 (RFC 3501 5.1.3), for the way back."""
    import base64

    encoded, shifted = "", ""
    for character in [*name, ""]:
        plain = character == "" or " " <= character <= "~"
        if plain and shifted:
            packed = base64.b64encode(shifted.encode("utf-16-be")).decode()
            encoded += f"&{packed.rstrip('=').replace('/', ',')}-"
            shifted = ""
        if plain:
            encoded += "&-" if character == "&" else character
        else:
            shifted += character
    return encoded.encode()


class TestNames(unittest.TestCase):
    def test_known(self):
        names = {
            b"INBOX": "INBOX",
            b"Entw&APw-rfe": "Entwürfe",
            b"~peter/mail/&U,BTFw-/&ZeVnLIqe-": "~peter/mail/台北/日本語",
            b"R&-D": "R&D",
            b"&2D3eGQ-": "😙",
            "schon Ümläut".encode(): "schon Ümläut",
            b"broken & name": "broken & name",
            b"&!!!-": "&!!!-",
            b"&AAA": "&AAA",
            b"\xff": "\ufffd",
        }
        for raw, name in names.items():
            with self.subTest(raw):
                self.assertEqual(decode_name(raw), name)

    @given(st.text(st.characters(exclude_categories=("Cs",))))
    def test_there_and_back(self, name):
        self.assertEqual(decode_name(encode_name(name)), name)

    @given(st.binary())
    def test_anything(self, raw):
        self.assertIsInstance(decode_name(raw), str)


class TestQuote(unittest.TestCase):
    @given(st.binary())
    @example(b'a"b\\c')
    def test_there_and_back(self, text):
        if set(text) & set(b"\0\r\n"):
            with self.assertRaises(ValueError):
                quote(text)
        else:
            self.assertEqual(parse_values(quote(text)), [text])


class TestList(unittest.TestCase):
    def test_known(self):
        lines = {
            b'(\\HasNoChildren) "/" INBOX': Folder(b"INBOX", "INBOX", "\\Inbox"),
            b'() "/" inbox': Folder(b"inbox", "inbox", "\\Inbox"),
            b'(\\HasNoChildren \\Junk) "/" Spam': Folder(b"Spam", "Spam", "\\Junk"),
            b'(\\NOSELECT) "/" "[Gmail]"': Folder(b"[Gmail]", "[Gmail]", "", False),
            b'(\\All) "/" "[Gmail]/All Mail"': Folder(b"[Gmail]/All Mail", "[Gmail]/All Mail", "\\All"),
            b'() "." "INBOX.Junk E-mail"': Folder(b"INBOX.Junk E-mail", "INBOX.Junk E-mail", "\\Junk"),
            b'() NIL "Gesendet"': Folder(b"Gesendet", "Gesendet", "\\Sent"),
            b'() "/" {5}\r\na"b\\c': Folder(b'a"b\\c', 'a"b\\c'),
            b'(\\X) "/" "Entw&APw-rfe" ("CHILDINFO" ("SUBSCRIBED"))': Folder(
                b"Entw&APw-rfe", "Entwürfe", "\\Drafts"
            ),
        }
        for raw, folder in lines.items():
            with self.subTest(raw):
                self.assertEqual(parse_list(raw), folder)

    def test_garbled(self):
        for raw in (
            b"",
            b"()",
            b'() "/"',
            b'() "/" NIL',
            b'() "/" "a',
            b"((((",
            b'() ("/") x',
            b'x "/" y',
            b")",
        ):
            with self.subTest(raw):
                self.assertIsNone(parse_list(raw))

    @given(st.binary())
    @example(b"(" * 2000)
    @example(b"() {9999999999}\r\n x")
    def test_anything(self, raw):
        folder = parse_list(raw)
        self.assertTrue(folder is None or isinstance(folder.name, str))


class TestFetch(unittest.TestCase):
    def test_known(self):
        data = [
            b"1 (FLAGS (\\Seen \\Answered) UID 5)",
            (b"2 (UID 6 BODY[HEADER.FIELDS (X-A)] {4}", b"a)\r\n"),
            b")",
            (b"3 (BODY[] {2}", b"hi"),
            b' RFC822.SIZE 2 ENVELOPE ("s" NIL) UID 7)',
            None,
            b"garbage (",
        ]
        self.assertEqual(
            list(parse_fetch(data)),
            [
                {"UID": b"5"},
                {"UID": b"6", "BODY[HEADER.FIELDS (X-A)]": b"a)\r\n"},
                {"BODY[]": b"hi", "RFC822.SIZE": b"2", "UID": b"7"},
            ],
        )

    def test_several_literals_are_one_response(self):
        self.assertEqual(
            list(responses([(b"1 (A {1}", b"x"), (b" B {1}", b"y"), b")"])), [b"1 (A {1}\r\nx B {1}\r\ny)"]
        )

    @given(st.lists(st.one_of(st.none(), st.binary(), st.tuples(st.binary(), st.binary()))))
    def test_anything(self, data):
        for items in parse_fetch(data):
            self.assertTrue(all(isinstance(value, bytes) for value in items.values()))

    def test_long_literals_are_not_copied(self):
        message = b"x" * 1000
        [items] = parse_messages([(b"2 (UID 6 BODY[] {1000}", message), b")"])
        self.assertIs(items["BODY[]"], message)

    def test_messages_in_garbled_responses(self):
        for head, rest in (
            (b"2 (UID 6 BODY[] {2}", b""),
            (b"2 (UID 6 BODY[] {2}", b" more)"),
            (b"2 (UID 6 BODY[] {2}", b" two words)"),
            (b"2 (UID 6 BODY[] {2}", b' RFC822.SIZE "2" BODY[] "x")'),
            (b"2 (UID 6 BODY[] {3}", b")"),
            (b"2 (UID 6 BODY[] {2}", b") x"),
            (b"2 {2}", b""),
        ):
            with self.subTest(head=head, rest=rest), self.assertRaises(ValueError):
                list(parse_messages([(head, b"hi"), rest]))
        self.assertEqual(list(parse_messages([b"1 (((", b"2 (UID 5)"])), [{"UID": b"5"}])

    @given(st.lists(st.one_of(st.none(), st.binary(), st.tuples(st.binary(), st.binary()))))
    def test_any_messages(self, data):
        try:
            found = list(parse_messages(data))
        except ValueError:
            self.assertTrue(any(isinstance(item, tuple) for item in data))
        else:
            self.assertTrue(all(isinstance(value, bytes) for items in found for value in items.values()))

    @given(st.binary())
    def test_values(self, raw):
        try:
            self.assertIsInstance(parse_values(raw), list)
        except ValueError as problem:
            self.assertTrue(str(problem))
