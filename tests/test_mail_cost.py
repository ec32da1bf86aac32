import base64
import inspect
import io
import time
from itertools import islice
from unittest import TestCase
from unittest.mock import patch

import lxml.html
import lxml.html.clean
from PIL import Image

from odoo.tools import mail as tools_mail
from odoo.tools import mute_logger

from odoo.addons.mail.models import mail_mail, mail_message, mail_render_mixin

from ..models import mail_bounds
from ..models.mail_bounds import SAFE_SIZE, check_bounds, get_trial_seconds, try_mail
from ..models.mail_trial import Jobs
from ..models.mail_trials import Trials
from ..models.received_mail import NotProcessed, ReceivedMail
from ..models.slow_texts import slow_texts
from .costly_mails import HEAD, HTML, PLAIN, SLOW_HTML, costly_mails
from .patterns import patterns_in

SIZES = (100_000, 200_000, 400_000)
# seconds of CPU of this process over a mail, whatever is in it: the machine may be slow
OWN_SECONDS = 1
# the same over one that is so small that it is not tried; a twentieth of it was seen
SMALL_SECONDS = 0.5
TEXTS_EACH = 40  # for each regular expression
# which stock Odoo does not come to an end of
REFUSED = (
    "HTML: tags without end",
    "HTML: encoding=",
    "HTML: quotes of Gmail, encoded",
    "HTML: rulers",
    "HTML: links of a style",
    "plain: an image's lines",
    "header: routes",
    "header: numbered parameters",
)


class TestMailCost(TestCase):
    def try_alone(self, mail):
        """Return why a mail is refused, None if it is not; what this process does for it takes no time."""
        before = time.thread_time()
        try:
            ReceivedMail.parse(mail)
            check_bounds(mail)
            try_mail(mail)
        except NotProcessed as failure:
            return failure.reason
        finally:
            self.assertLess(time.thread_time() - before, OWN_SECONDS)

    def test_anything_ends(self):
        """In the time that it is given, and none of it in this process."""
        for name, mail in costly_mails(SIZES[0]).items():
            with self.subTest(name), patch.multiple(mail_bounds, TRIAL_SECONDS=0.3, TRIAL_SECONDS_PER_MB=0):
                self.assertIn(self.try_alone(mail), (None, "too_complex"))

    def test_what_does_not_end_is_refused(self):
        """In this process twice the length takes no more than twice the time: there is nothing to measure."""
        for size in SIZES[1:]:
            mails = costly_mails(size)
            for name in REFUSED:
                with self.subTest(name, size=size):
                    self.assertEqual(self.try_alone(mails[name]), "too_complex")

    def test_growth(self):
        """What is let through takes, in all, no more than time by its length."""
        self.assertAlmostEqual(get_trial_seconds(2 << 20) - get_trial_seconds(1 << 20), 4)
        self.assertEqual(get_trial_seconds(100 << 20), mail_bounds.MAX_TRIAL_SECONDS)

    def test_small_ones_are_safe(self):
        """What is not tried takes no time in this process: the worst that is known, and what the regular
        expressions of Odoo and lxml may find hard, at the largest size."""
        jobs, size = Jobs(), SAFE_SIZE - len(HTML)
        texts = {name: text(size) for name, text in SLOW_HTML.items()}
        for module in (tools_mail, lxml.html, lxml.html.clean, mail_message, mail_mail, mail_render_mixin):
            for pattern, flags in patterns_in(inspect.getfile(module)):
                for text in islice(slow_texts(pattern, flags, size - 12), TEXTS_EACH):
                    if isinstance(text, bytes):
                        text = text.decode("latin-1")
                    texts[f"{pattern} {len(texts)}"] = text
                    quote = "'" if '"' in text else '"'
                    texts[f"style: {pattern} {len(texts)}"] = f"<p style={quote}{text}{quote}"
        self.assertGreater(len(texts), 1000)
        seconds = {}
        for name, text in texts.items():
            mail = (HTML + text.encode("utf-8", "replace"))[:SAFE_SIZE]
            before = time.thread_time()
            with mute_logger("odoo.tools.mail.html_sanitize"):
                jobs.mail(mail, False, mail_bounds.MAX_PARTS, mail_bounds.MAX_BOUNDARIES)
            seconds[name] = time.thread_time() - before
        worst = max(seconds, key=seconds.get)
        self.assertLess(seconds[worst], SMALL_SECONDS, worst)

    def test_usual_mails_pass(self):
        table = "<table>" + "<tr><td>x</td><td>y</td></tr>" * 5000 + "</table>\n--\nJoe"
        thread = '<div class="gmail_quote">' + "<p>Hello, <b>Bob</b></p>" * 500 + "</div>"
        newsletter = "<table>" + '<tr><td style="margin: 0">x</td></tr>' * 10_000 + "</table>"
        image = '<img src="data:image/png;base64,' + "A" * 900_000 + '">'
        for text in (table, thread, newsletter, image):
            self.assertIsNone(self.try_alone(HEAD + HTML + text.encode()))
        for text in ("x" * 70 + "\n", "> a\nb\n"):
            self.assertIsNone(self.try_alone(HEAD + PLAIN + (text * 1000).encode()))
        self.assertIsNone(self.try_alone(HEAD + PLAIN + ("x" * 70 + "\n").encode() * 20_000))
        many = b"Cc: " + b"jane@acme.example,\r\n " * 500 + b"joe@acme.example\r\n"
        self.assertIsNone(self.try_alone(many + HEAD + PLAIN + b"x"))

    def test_a_broken_mail_is_odoo_s_to_judge(self):
        for mail in (b"\0" * 1000, HEAD + b"Content-Type: text/plain; charset=none\r\n\r\n" + b"x" * 1000):
            self.assertIsNone(self.try_alone(mail))

    def test_levels(self):
        deep = HEAD + b"Content-Type: message/rfc822\r\n\r\n" * 200 + b"Subject: x\r\n\r\nx"
        with self.assertRaisesRegex(NotProcessed, "levels"):
            try_mail(deep)

    def test_attachments_are_tried_too(self):
        """An image of 178 megapixels, in a few kilobytes."""
        with patch.multiple(mail_bounds, TRIAL_SECONDS=0.2, TRIAL_SECONDS_PER_MB=0):
            self.assertEqual(self.try_alone(_mail_with_image(13_000)), "too_complex")
        self.assertIsNone(self.try_alone(_mail_with_image(100)))


def _mail_with_image(side):
    file = io.BytesIO()
    Image.new("L", (side, side)).save(file, "PNG")
    return (
        HEAD
        + b"Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n"
        + b'Content-Disposition: attachment; filename="i.png"\r\n\r\n'
        + base64.encodebytes(file.getvalue())
    )


class TestTrials(TestCase):
    def setUp(self):
        super().setUp()
        self.trials = Trials()
        self.mails = [HEAD + PLAIN + bytes([65 + number]) * 600 for number in range(5)]

    def test_each_as_if_alone(self):
        slow = HEAD + HTML + SLOW_HTML["encoding="](20_000).encode()
        self.trials.begin([*self.mails[:2], slow, *self.mails[2:]])
        for mail in self.mails:
            self.trials.check(mail)
        with self.assertRaises(NotProcessed) as failure:
            self.trials.check(slow)
        self.assertEqual(failure.exception.reason, "too_complex")

    def test_each_is_tried_once(self):
        tried = []
        with patch("odoo.addons.email_account.models.mail_trials.try_mail", tried.append):
            self.trials.begin(self.mails)
            for mail in reversed(self.mails):
                self.trials.check(mail)
            self.assertEqual(tried, self.mails)
            self.trials.check(self.mails[0])  # again: it is not known any more
        self.assertEqual(tried, [*self.mails, self.mails[0]])

    def test_what_is_given_up_is_not_waited_for(self):
        self.trials.begin(self.mails)
        self.trials.begin([])
        for mail in self.mails:
            self.trials.check(mail)

    def test_without_threads(self):
        with patch("threading.Thread.start", side_effect=RuntimeError("can't start new thread")):
            self.trials.begin(self.mails)
        self.trials.check(self.mails[0])
