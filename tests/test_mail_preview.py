from unittest import TestCase

from ..models.mail_preview import MAX_LENGTH, get_preview
from .test_email_account_unprocessed import COMPLEX


class TestMailPreview(TestCase):
    def preview(self, content, kind="text/plain; charset=utf-8", encoding="8bit"):
        header = f"From: a@b.example\r\nContent-Type: {kind}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
        return get_preview(header.encode() + content)

    def test_text(self):
        self.assertEqual(self.preview("Grüße  \r\nCarol\r\n".encode()), "Grüße\nCarol")
        self.assertEqual(self.preview(b"\xf0\xd2\xc9\xd7\xc5\xd4", "text/plain; charset=koi8-r"), "Привет")
        self.assertEqual(self.preview(b"\x1b$B$3\x1b(B", "text/plain; charset=iso-2022-jp"), "こ")
        self.assertEqual(self.preview(b"\xe9", "text/plain; charset=nonsense"), "é")
        self.assertEqual(self.preview(b"R3LDvMOfZQ==", encoding="base64"), "Grüße")
        self.assertEqual(get_preview(b""), "")

    def test_html_is_text(self):
        text = self.preview(
            b"<p>Hello <a href='http://x.example'>you</a></p><script>bad()</script>", "text/html"
        )
        self.assertIn("Hello you", text)
        self.assertNotIn("<", text)
        self.assertNotIn("http", text)

    def test_nothing_strange(self):
        self.assertEqual(self.preview("a\u202eb\x00\x1bc\td".encode()), "abc\td")
        # half of a pair, which no text can hold
        self.assertEqual(self.preview(rb"a\ud800b", "text/plain; charset=raw-unicode-escape"), "ab")
        self.assertEqual(self.preview(b"6869", "text/plain; charset=hex"), "6869")

    def test_bounds(self):
        self.assertEqual(len(self.preview(b"x" * 1_000_000)), MAX_LENGTH)
        self.assertLessEqual(len(self.preview(b"<b>" * 100_000 + b"x", "text/html")), MAX_LENGTH)
        self.assertEqual(get_preview(COMPLEX.format(to="a", subject="b", id="c").encode()), "")
        deep = b"".join(
            b'Content-Type: multipart/mixed; boundary="b%d"\n\n--b%d\n' % (number, number)
            for number in range(90)
        )
        self.assertEqual(get_preview(deep + b"\nfound"), "found")
        self.assertEqual(get_preview(b"Content-Type: message/rfc822\n\n" * 3000 + b"x"), "")
