"""The table of causes: a corpus of replies, families of codes, and anything at all."""

import base64
import json
import re
import unittest
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from odoo.addons.email_account.mailclient import (
    CAUSES,
    FIELDS,
    PROTOCOLS,
    RESPONSIBLE,
    STAGES,
    Endpoint,
    MailFailure,
    Rule,
    cause_named,
    explain,
    parse,
)
from odoo.addons.email_account.models.failure_words import WORDS

REPLIES = json.loads(Path(__file__).with_name("replies.json").read_text(encoding="utf-8"))
# docs/design.md
NAMED = [
    "wrong_password",
    "app_password_required",
    "oauth_required",
    "imap_disabled",
    "smtp_auth_disabled",
    "send_as_denied",
    "sender_rejected",
    "recipient_rejected",
    "relay_denied",
    "starttls_required",
    "tls_on_plain_port",
    "plain_on_tls_port",
    "certificate_expired",
    "certificate_not_yet_valid",
    "certificate_name_mismatch",
    "certificate_self_signed",
    "certificate_unknown_issuer",
    "tls_version",
    "no_such_host",
    "dns_failure",
    "connection_refused",
    "unreachable",
    "timeout",
    "connection_closed",
    "too_many_connections",
    "rate_limited",
    "greylisted",
    "quota_exceeded",
    "message_too_large",
    "account_locked",
    "web_login_required",
    "ip_blocked",
    "server_busy",
    "auth_mechanism_unsupported",
    "consent_required",
    "token_expired",
    "mailbox_not_found",
    "folder_missing",
    "policy_rejected",
    "client_id_required",
    "login_missing",
    "port_blocked",
    "unknown",
]


def name(row):
    return explain(row["protocol"], row["stage"], row["raw"], row.get("host", "")).name


class TestCorpus(unittest.TestCase):
    def test_it_is_large_and_complete(self):
        self.assertGreater(len(REPLIES), 1500)
        self.assertEqual(set(NAMED) - {row["cause"] for row in REPLIES}, set())
        self.assertEqual({row["cause"] for row in REPLIES} - set(CAUSES), set())

    def test_each_reply(self):
        for row in REPLIES:
            with self.subTest(row["raw"], protocol=row["protocol"], stage=row["stage"]):
                self.assertIn(name(row), [row["cause"], *row.get("also", ())])

    def test_by_its_first_name(self):
        right = sum(name(row) == row["cause"] for row in REPLIES)
        self.assertGreaterEqual(right / len(REPLIES), 0.95)

    def test_none_is_called_a_wrong_password_that_is_not(self):
        wrong = [row["raw"] for row in REPLIES if name(row) == "wrong_password" != row["cause"]]
        self.assertEqual(wrong, [])

    def test_however_python_shows_an_smtp_reply(self):
        for row in REPLIES:
            reply = re.fullmatch(r"(\d{3}) ([245]\.\d+\.\d+ [^'\\]*)", row["raw"])
            if row["protocol"] != "smtp" or not reply:
                continue
            code, text = reply.groups()
            forms = (
                f"({code}, b'{text}')",
                f"smtplib.SMTPResponseException: ({code}, b'{text}')",
                f"{{'jane@example.org': ({code}, b'{text}')}}",
                f"{code}-{text}",
                f"  {code}  {text}\r\n",
            )
            for form in forms:
                with self.subTest(form):
                    self.assertEqual(name({**row, "raw": form}), name(row))


class TestFamilies(unittest.TestCase):
    """Codes whose text says nothing."""

    CASES = (
        ("smtp", "login", "535 5.7.8 x", "wrong_password"),
        ("smtp", "login", "538 5.7.11 x", "starttls_required"),
        ("smtp", "login", "534 5.7.9 x", "auth_mechanism_unsupported"),
        ("smtp", "login", "504 x", "auth_mechanism_unsupported"),
        ("smtp", "login", "454 4.7.0 x", "server_busy"),
        ("smtp", "sender", "530 x", "login_missing"),
        ("smtp", "sender", "550 5.1.7 x", "sender_rejected"),
        ("smtp", "sender", "450 4.1.8 x", "sender_rejected"),
        ("smtp", "recipient", "550 5.1.1 x", "mailbox_not_found"),
        ("smtp", "recipient", "550 5.1.3 x", "recipient_rejected"),
        ("smtp", "recipient", "550 5.2.1 x", "recipient_rejected"),
        ("smtp", "recipient", "452 4.2.2 x", "quota_exceeded"),
        ("smtp", "recipient", "550 x", "recipient_rejected"),
        ("smtp", "data", "552 5.2.3 x", "message_too_large"),
        ("smtp", "data", "552 5.3.4 x", "message_too_large"),
        ("smtp", "data", "450 4.7.28 x", "rate_limited"),
        ("smtp", "data", "550 5.7.25 x", "ip_blocked"),
        ("smtp", "data", "550 5.7.26 x", "policy_rejected"),
        ("smtp", "data", "550 5.7.20 x", "policy_rejected"),
        ("smtp", "data", "421 4.4.2 x", "connection_closed"),
        ("smtp", "data", "451 4.3.0 x", "server_busy"),
        ("smtp", "connect", "421 x", "server_busy"),
        ("imap", "login", "NO [AUTHENTICATIONFAILED] x", "wrong_password"),
        ("imap", "login", "NO [AUTHORIZATIONFAILED] x", "unknown"),
        ("imap", "login", "NO [PRIVACYREQUIRED] x", "starttls_required"),
        ("imap", "login", "NO [EXPIRED] x", "account_locked"),
        ("imap", "login", "NO [CONTACTADMIN] x", "account_locked"),
        ("imap", "login", "NO [UNAVAILABLE] x", "server_busy"),
        ("imap", "login", "NO [LIMIT] x", "too_many_connections"),
        ("imap", "login", "NO [INUSE] x", "too_many_connections"),
        ("imap", "select", "NO [SERVERBUG] x", "server_busy"),
        ("imap", "select", "NO [CORRUPTION] x", "server_busy"),
        ("imap", "select", "NO [NONEXISTENT] x", "folder_missing"),
        ("imap", "select", "NO [TRYCREATE] x", "folder_missing"),
        ("imap", "fetch", "NO [OVERQUOTA] x", "quota_exceeded"),
        ("pop3", "login", "-ERR [AUTH] x", "wrong_password"),
        ("pop3", "login", "-ERR [IN-USE] x", "too_many_connections"),
        ("pop3", "login", "-ERR [LOGIN-DELAY] x", "rate_limited"),
        ("pop3", "login", "-ERR [SYS/TEMP] x", "server_busy"),
        ("imap", "login", "NO [CANNOT] x", "auth_mechanism_unsupported"),
        ("imap", "fetch", "NO [EXPUNGEISSUED] x", "message_missing"),
        ("smtp", "login", "526 Authentication failure", "wrong_password"),
        ("smtp", "login", "535 5.7.139 Authentication unsuccessful, the moon is full.", "unknown"),
        ("smtp", "login", "525 5.7.13 x", "account_locked"),
        ("smtp", "login", "432 4.7.12 x", "auth_mechanism_unsupported"),
        ("smtp", "data", "smtplib.SMTPDataError: (530, b'x')", "login_missing"),
        ("smtp", "data", "554 5.6.9 x", "smtputf8_unsupported"),
        ("smtp", "connect", "554 x", "ip_blocked"),
        ("smtp", "connect", "571 blocked", "ip_blocked"),
        ("smtp", "tls", "502 command not implemented", "starttls_required"),
        ("pop3", "login", "-ERR Invalid command", "unknown"),
        ("smtp", "sender", "555 5.5.4 x", "sender_rejected"),
        ("smtp", "recipient", "501 x", "recipient_rejected"),
        ("smtp", "data", "554 5.7.1 x", "policy_rejected"),
        ("smtp", "data", "554 x", "policy_rejected"),
        ("smtp", "data", "550 x", "policy_rejected"),
        ("smtp", "data", "554 5.3.0 x", "server_busy"),
        ("smtp", "data", "554 x failed", "unknown"),
        ("pop3", "fetch", "-ERR unknown command UIDL", "uidl_missing"),
        ("oauth", "token", "AADSTS7999999: x", "oauth_client_invalid"),
        ("oauth", "token", "AADSTS59999: x", "web_login_required"),
    )

    def test_codes(self):
        for protocol, stage, raw, cause in self.CASES:
            with self.subTest(raw, protocol=protocol, stage=stage):
                self.assertEqual(explain(protocol, stage, raw).name, cause)

    def test_what_a_server_says_of_its_own_connections(self):
        """A refused connection between the server and its parts is not ours."""
        raw = "[Errno 111] Connection refused"
        self.assertEqual(explain("imap", "login", raw).name, "connection_refused")
        self.assertEqual(explain("imap", "login", f"NO {raw}").name, "unknown")
        raw = "NO cannot connect to the LDAP server: Connection refused"
        self.assertEqual(explain("imap", "login", raw).name, "server_busy")

    def test_challenge_in_base64(self):
        challenge = '{"status":"400","schemes":"Bearer","scope":"https://mail.google.com/"}'
        encoded = base64.b64encode(challenge.encode()).decode()
        for raw in (challenge, encoded, f"334 {encoded}", f"535 5.7.8 {encoded}"):
            with self.subTest(raw):
                self.assertEqual(explain("smtp", "login", raw).name, "token_expired")
        self.assertEqual(parse("smtp", "eyJ" + "A" * 17).text, "eyJ" + "A" * 17)

    def test_bytes_as_repr_shows_them(self):
        for encoding in ("utf-8", "gb18030"):
            raw = f"(550, {'用户无权登陆'.encode(encoding)!r})"
            with self.subTest(raw):
                self.assertEqual(explain("smtp", "login", raw).name, "smtp_auth_disabled")

    def test_codes_as_other_programs_quote_them(self):
        cases = {
            "SMTP Error (535): x": "535",
            'got code "554", with message "554 5.7.1 x"': "554",
            "mail.example.org:587 x": "",
            "(587) x": "",
        }
        for raw, code in cases.items():
            with self.subTest(raw):
                self.assertEqual(parse("smtp", raw).code, code)

    def test_addresses_and_versions_are_no_status_codes(self):
        self.assertEqual(parse("smtp", "554 refused [5.7.8.1] by 4.2.2.2").status, "")

    def test_host_tells_more_than_the_reply(self):
        raw = "NO [AUTHENTICATIONFAILED] Authentication failed."
        hosts = {
            "outlook.office365.com": "oauth_required",
            "imap.gmail.com": "app_password_required",
            "imap.example.org": "wrong_password",
            "notgmail.com": "wrong_password",
            "imap.gmail.com.example": "wrong_password",
        }
        for host, cause in hosts.items():
            with self.subTest(host):
                self.assertEqual(explain("imap", "login", raw, host).name, cause)


class TestTable(unittest.TestCase):
    def test_every_cause_of_the_design_is_there(self):
        self.assertEqual(set(NAMED) - set(CAUSES), set())

    def test_every_cause_advises(self):
        for known in CAUSES.values():
            self.assertTrue(known.advice.endswith("."), known)
            self.assertIn(known.field, ("", *FIELDS))
            self.assertIn(known.responsible, RESPONSIBLE)

    def test_every_cause_has_words_for_users(self):
        self.assertEqual(set(WORDS), set(CAUSES))

    def test_a_rule_may_name_another_who_is_responsible(self):
        blocked = explain("imap", "login", "NO logins from your country are not allowed")
        self.assertEqual((blocked.name, blocked.responsible), ("ip_blocked", "provider"))
        self.assertEqual(cause_named("ip_blocked").responsible, "administrator")

    def test_a_failure_says_who_is_responsible(self):
        endpoint = Endpoint("imap", "imap.example.org", 993, "tls")
        self.assertEqual(MailFailure(endpoint, "login", "NO [SERVERBUG] x").responsible, "provider")

    def test_unknown_name(self):
        with self.assertRaises(KeyError):
            cause_named("moon_phase")


class TestRule(unittest.TestCase):
    REPLY = parse("imap", "A1 NO [LIMIT] Too many of them 4.7.0")

    def test_each_condition(self):
        cases = (
            ({}, True),
            ({"protocols": ("imap", "pop3")}, True),
            ({"protocols": ("smtp",)}, False),
            ({"stages": ("login",)}, True),
            ({"stages": ("select",)}, False),
            ({"text": "TOO MANY"}, True),
            ({"text": ["them", "many"]}, True),
            ({"text": ["many", "few"]}, False),
            ({"text": "many", "unless": "them"}, False),
            ({"text": "many", "unless": "few"}, True),
            ({"host": r"\.example\.org$"}, True),
            ({"host": "example.com"}, False),
            ({"word": "NO|BAD"}, True),
            ({"word": ""}, False),
            ({"response": "LIMIT"}, True),
            ({"response": "LIM"}, False),
            ({"status": r"4\.7\.\d"}, True),
            ({"code": "421"}, False),
        )
        for values, fits in cases:
            with self.subTest(values):
                self.assertEqual(Rule(**values).fits("imap", "login", self.REPLY, "imap.example.org"), fits)

    def test_no_pattern(self):
        for values in ({"text": "("}, {"text": ["a", "("]}, {"unless": "["}, {"host": "*"}, {"code": "("}):
            with self.subTest(values), self.assertRaises(re.error):
                Rule(**values)


class TestAnything(unittest.TestCase):
    @settings(max_examples=300, deadline=None)
    @given(st.sampled_from(PROTOCOLS), st.sampled_from(STAGES), st.text(max_size=3000))
    @example("smtp", "data", "")
    @example("imap", "login", "[" * 3000)
    def test_any_text(self, protocol, stage, raw):
        self.assertIn(explain(protocol, stage, raw).name, CAUSES)

    @settings(max_examples=200, deadline=1000)
    @given(
        st.sampled_from(PROTOCOLS),
        st.sampled_from(STAGES),
        st.lists(st.sampled_from([word for row in REPLIES for word in row["raw"].split()]), max_size=200),
    )
    @example("smtp", "login", ["IP"] * 1000)
    @example("imap", "connect", ["("] * 1000)
    @example("imap", "login", ["login from"] * 300)
    @example("smtp", "data", ["full"] * 500)
    @example("oauth", "token", ["sender"] * 400)
    def test_words_of_servers_in_any_order(self, protocol, stage, words):
        self.assertIn(explain(protocol, stage, " ".join(words)).name, CAUSES)
