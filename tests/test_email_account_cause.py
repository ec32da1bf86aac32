from odoo.exceptions import AccessError, ValidationError
from odoo.tests import Form, TransactionCase, new_test_user, tagged
from odoo.tools import mute_logger

from .. import mailclient
from ..models import email_account_cause
from ..models.failure_words import WORDS

REPLY = "535 5.7.900 The moon is full"


class TestEmailAccountCause(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.causes = cls.env["email.account.cause"]

    def failure(self, raw=REPLY, stage="login", protocol="smtp", host="mail.luna.example"):
        return mailclient.MailFailure(mailclient.Endpoint(protocol, host, 465, "tls"), stage, raw)

    def words(self, cause):
        message, advice = (self.env._(text) for text in WORDS[cause])
        return {"message": message, "advice": advice}

    def moon(self, **values):
        return self.causes.create({"name": "full_moon", "text": "moon", "message": "Howl.", **values})

    def test_without_records(self):
        self.assertEqual(
            self.causes._explain(self.failure("535 5.7.8 Authentication failed")),
            {
                "cause": "wrong_password",
                **self.words("wrong_password"),
                "link": "",
                "field": "password",
                "responsible": "user",
            },
        )

    def test_unknown_is_called_unknown(self):
        explained = self.causes._explain(self.failure())
        self.assertEqual((explained["cause"], explained["responsible"]), ("unknown", "provider"))
        self.assertEqual(explained["message"], self.words("unknown")["message"])

    def test_new_reply(self):
        """An addon's data explains what this one has never heard of."""
        self.causes._load_records(
            [
                {
                    "xml_id": "luna_mail.cause_full_moon",
                    "values": {
                        "name": "full_moon",
                        "protocol": "smtp",
                        "stage": "login",
                        "status": r"5\.7\.900",
                        "host": r"(^|\.)luna\.example$",
                        "text": "THE MOON",
                        "message": "The moon is full.",
                        "advice": "Wait for another one.",
                        "link": "https://luna.example/help",
                        "field": "password",
                        "responsible": "administrator",
                    },
                }
            ]
        )
        expected = {
            "cause": "full_moon",
            "message": "The moon is full.",
            "advice": "Wait for another one.",
            "link": "https://luna.example/help",
            "field": "password",
            "responsible": "administrator",
        }
        self.assertEqual(self.causes._explain(self.failure()), expected)
        for other in (
            self.failure(stage="sender"),
            self.failure(protocol="imap"),
            self.failure(host="mail.example.org"),
            self.failure(raw="535 5.7.901 The moon is full"),
            self.failure(raw="535 5.7.900 The sun is high"),
        ):
            with self.subTest(other):
                self.assertEqual(self.causes._explain(other)["cause"], "unknown")

    def test_in_the_language_of_the_user(self):
        self.env["res.lang"]._activate_lang("de_DE")
        rule = self.moon(advice="Wait.")
        rule.with_context(lang="de_DE").write({"message": "Vollmond.", "advice": "Warten."})
        self.assertEqual(self.causes._explain(self.failure())["message"], "Howl.")
        explained = self.causes.with_context(lang="de_DE")._explain(self.failure())
        self.assertEqual((explained["message"], explained["advice"]), ("Vollmond.", "Warten."))
        settings = self.env["email.account"].with_context(lang="de_DE")
        message, advice = settings._describe_failure(self.failure(), "outgoing")
        self.assertTrue(message.endswith("Vollmond."), message)
        self.assertEqual(advice, "Warten.")

    def test_new_cause_has_nothing_of_the_old_one(self):
        rule = self.causes.create({"name": "frozen", "text": "Authentication", "message": "Frozen."})
        explained = self.causes._explain(self.failure("535 5.7.8 Authentication failed"))
        self.assertEqual(
            explained,
            {
                "cause": "frozen",
                "message": "Frozen.",
                "advice": "",
                "link": "",
                "field": "",
                "responsible": "user",
            },
        )
        rule.responsible = "provider"
        self.assertEqual(
            self.causes._explain(self.failure("535 5.7.8 Authentication failed"))["responsible"], "provider"
        )

    def test_overrides_a_built_in_one(self):
        failure = self.failure("535 5.7.8 Authentication failed")
        rule = self.causes.create({"name": "account_locked", "host": "luna", "code": "535"})
        explained = self.causes._explain(failure)
        self.assertEqual(explained["cause"], "account_locked")
        self.assertEqual(explained, {**explained, **self.words("account_locked")})
        self.assertEqual((explained["field"], explained["responsible"]), ("username", "provider"))
        rule.name = "wrong_password"
        rule.advice = "It is the one of the web site."
        explained = self.causes._explain(failure)
        self.assertEqual(explained["message"], self.words("wrong_password")["message"])
        self.assertEqual(explained["advice"], "It is the one of the web site.")

    def test_response_codes(self):
        self.moon(response="LIMIT|INUSE", text=False)
        self.assertEqual(
            self.causes._explain(self.failure("NO [INUSE] x", protocol="imap"))["message"], "Howl."
        )
        self.assertEqual(
            self.causes._explain(self.failure("NO [ALERT] x", protocol="imap"))["cause"], "unknown"
        )

    def test_first_by_sequence(self):
        late = self.moon(message="Late.", sequence=20)
        self.moon(message="Early.")
        self.assertEqual(self.causes._explain(self.failure())["message"], "Early.")
        late.sequence = 1
        self.assertEqual(self.causes._explain(self.failure())["message"], "Late.")

    def test_changes_are_seen_and_the_rest_is_kept(self):
        def message():
            return self.causes._explain(self.failure())["message"]

        rule = self.moon()
        self.assertEqual(message(), "Howl.")
        self.assertIs(self.causes._get_rules(), self.causes._get_rules())
        rule.text = "sun"
        self.assertIn("unknown", message())
        rule.text = "moon"
        self.assertEqual(message(), "Howl.")
        rule.active = False
        self.assertIn("unknown", message())
        self.assertIn(
            "unknown", self.causes.with_context(active_test=False)._explain(self.failure())["message"]
        )
        rule.active = True
        rule.unlink()
        self.assertIn("unknown", message())

    def test_slow_patterns(self):
        """Whoever writes one is told, and one that is there all the same does no harm: the others count."""
        for pattern in ("(a+)+$", r"(\w+\s?)+@", "(.*)(.*)(.*)x"):
            with self.subTest(pattern), self.assertRaisesRegex(ValidationError, "takes too long"):
                self.moon(text=pattern)
        self.moon(text=r"moon.* is .*full")
        slow = self.causes.create({"name": "slow", "sequence": 1, "text": "a", "message": "Never."})
        self.env.flush_all()
        self.env.cr.execute("UPDATE email_account_cause SET text = '(\\w+\\s?)+@' WHERE id = %s", [slow.id])
        slow.invalidate_recordset()
        self.env.registry.clear_cache()
        reply = self.failure("535 the moon is full " + "a" * 1000)
        with self.assertLogs("odoo.addons.email_account.models.email_account_cause", "WARNING"):
            self.assertEqual(self.causes._explain(reply)["cause"], "full_moon")

    def test_patterns(self):
        long = "a" * (email_account_cause.MAX_PATTERN + 1)
        for values in (
            {"text": "("},
            {"host": "*"},
            {"code": "["},
            {"status": "(?P<a>x)(?P<a>y)"},
            {"response": "+"},
            {"text": long},
            {"text": False},
        ):
            with self.subTest(values), self.assertRaises(ValidationError):
                self.moon(**values)
        rule = self.moon(text="moon|mond", host="luna")
        with self.assertRaises(ValidationError):
            rule.text = "moon)"

    def test_new_cause_needs_words(self):
        with self.assertRaises(ValidationError):
            self.moon(message=False)
        self.assertTrue(self.moon(name="account_locked", message=False))

    def test_choices_are_those_of_the_client(self):
        self.assertLessEqual(
            {name for name, _label in email_account_cause.PROTOCOLS}, set(mailclient.PROTOCOLS)
        )
        self.assertEqual(
            [name for name, _label in email_account_cause.STAGES],
            [stage for stage in mailclient.STAGES if stage != "token"],
        )
        self.assertEqual([name for name, _label in email_account_cause.FIELDS], list(mailclient.FIELDS))
        self.assertEqual(
            [name for name, _label in email_account_cause.RESPONSIBLE], list(mailclient.RESPONSIBLE)
        )

    def test_form(self):
        form = Form(self.causes)
        form.name = "account_locked"
        form.text = "moon"
        self.assertEqual(self.causes._explain(self.failure())["cause"], "unknown")
        form.save()
        self.assertEqual(self.causes._explain(self.failure())["cause"], "account_locked")


@tagged("-at_install", "post_install")
class TestEmailAccountCauseAccess(TransactionCase):
    def test_everybody_reads_administrators_write(self):
        rule = self.env["email.account.cause"].create(
            {"name": "full_moon", "text": "moon", "message": "Howl."}
        )
        manager = new_test_user(
            self.env, "cause_manager", "base.group_user,email_account.group_email_account_manage"
        )
        for user in (new_test_user(self.env, "cause_user", "base.group_user"), manager):
            with self.subTest(user.login), mute_logger("odoo.addons.base.models.ir_model"):
                self.assertEqual(rule.with_user(user).message, "Howl.")
                for change in (
                    lambda record: record.write({"text": "(a+)+$"}),
                    lambda record: record.copy(),
                    lambda record: record.unlink(),
                ):
                    with self.assertRaises(AccessError):
                        change(rule.with_user(user))
        administrator = new_test_user(self.env, "cause_system", "base.group_system")
        rule.with_user(administrator).text = "full moon"
        self.assertEqual(rule.text, "full moon")
        menus = self.env.ref("email_account.menu_email_account_cause")
        self.assertNotIn(menus.id, self.env["ir.ui.menu"].with_user(manager)._visible_menu_ids())
        self.assertIn(menus.id, self.env["ir.ui.menu"].with_user(administrator)._visible_menu_ids())
