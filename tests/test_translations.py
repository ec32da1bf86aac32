import re
from pathlib import Path

import polib

from odoo.tests import TransactionCase

from .. import mailclient

I18N = Path(__file__).parent.parent / "i18n"
PLACEHOLDER = re.compile(r"%(?:\(\w+\))?[sd]|%[A-Z]+%")
TAG = re.compile(r"</?\w+")


class TestTranslations(TransactionCase):
    def test_complete(self):
        terms = {entry.msgid for entry in polib.pofile(I18N / "email_account.pot")}
        for language in ("de", "fr"):
            file = polib.pofile(I18N / f"{language}.po")
            self.assertEqual({entry.msgid for entry in file if not entry.obsolete}, terms, language)
            self.assertEqual(
                [entry.msgid for entry in file.untranslated_entries() + file.fuzzy_entries()], []
            )

    def test_placeholders_and_tags(self):
        for language in ("de", "fr"):
            for entry in polib.pofile(I18N / f"{language}.po"):
                for pattern in (PLACEHOLDER, TAG):
                    with self.subTest(language=language, term=entry.msgid):
                        self.assertEqual(
                            sorted(pattern.findall(entry.msgid)), sorted(pattern.findall(entry.msgstr))
                        )

    def test_words_reach_the_user(self):
        self.env["res.lang"]._activate_lang("de_DE")
        self.env["ir.module.module"]._load_module_terms(["email_account"], ["de_DE"])
        env = self.env(context={"lang": "de_DE"})
        failure = mailclient.MailFailure(
            mailclient.Endpoint("imap", "imap.example.org", 993, "tls"), "connect", "timed out", "timeout"
        )
        english, _advice = self.env["email.account.settings"]._describe_failure(failure, "incoming")
        german, _advice = env["email.account.settings"]._describe_failure(failure, "incoming")
        self.assertNotEqual(german, english)
        self.assertIn("Posteingangsserver", german)
        provider = self.env.ref("email_account.provider_gmail")
        self.assertNotEqual(provider.with_env(env).guidance, provider.guidance)
        view = env["email.account.create"].get_view(view_type="form")["arch"]
        self.assertNotIn("Get the connection", str(env["email.account.create"].fields_get(["method"])))
        self.assertIn("Ihr E-Mail-Konto", view)
