"""The rules that `data/email.provider.csv` keeps, and facts that a slip must not change."""

import csv
import datetime
import functools
import io
import pathlib
import re
import unittest
import urllib.parse

DATA = pathlib.Path(__file__).parent.parent / "data" / "email.provider.csv"

COLUMNS = [
    "id",
    "name",
    "domains",
    "mx_patterns",
    "imap_host",
    "imap_port",
    "imap_security",
    "pop3_host",
    "pop3_port",
    "pop3_security",
    "smtp_host",
    "smtp_port",
    "smtp_security",
    "username",
    "outgoing_username",
    "authentication",
    "guidance",
    "link",
    "link_checked",
    "sending_limit",
]
# What the guidance has to mention where a normal password does not work.
GUIDANCE_WORDS = {
    "app_password": r"\b[Cc]reate (?:an? |SMTP )|\bapp password\b|\badd an SMTP user\b|\b(?:API key|token)\b",
    "oauth": "OAuth",
    "oauth_or_app_password": r"\b[Cc]reate an app password\b|\bpassword for an external application\b",
    "bridge": "Bridge",
}
PLACEHOLDERS = {"%EMAILADDRESS%", "%EMAILLOCALPART%", "%EMAILDOMAIN%"}
PORTS = {
    ("imap", "tls"): {993},
    ("imap", "starttls"): {143},
    ("pop3", "tls"): {995},
    ("pop3", "starttls"): {110},
    ("smtp", "tls"): {465},
    ("smtp", "starttls"): {587, 25, 2525},
}
# The exception: the Bridge is a program on the machine itself, and may not open the usual ports below 1024.
BRIDGE = "provider_proton"
BRIDGE_PORTS = {"imap": 1143, "smtp": 1025}
# Providers that must not get lost: their users fail without the guidance.
IN_DEMAND = """
    aol gmail google_workspace outlook microsoft_365 yahoo icloud icloud_own_domain gmx
    gmx_international web_de t_online freenet mailbox_org posteo fastmail zoho_com zoho_eu yandex
    mail_ru proton qq 163 126 naver orange_fr free laposte sfr libero wp_pl o2_pl seznam bluewin
    hostpoint infomaniak ionos_de strato ovh hostinger godaddy namecheap migadu rackspace titan
    tencent_exmail alibaba comcast att cox bt sky sendgrid mailgun_us mailgun_eu
    amazon_ses_eu_central_1 postmark brevo mailjet sparkpost_us
""".split()

LABEL = r"(?!-)[a-z0-9-]{1,63}(?<!-)"
HOST_NAME = re.compile(rf"(?=.{{1,253}}$)(?:{LABEL}\.)+(?!\d+$){LABEL}", re.ASCII)
XML_ID = re.compile(r"provider_[a-z0-9]+(?:_[a-z0-9]+)*", re.ASCII)


def servers(row):
    """Yield (protocol, host, port, security) of every server of the row; the port as text."""
    for protocol in ("imap", "pop3", "smtp"):
        if row[f"{protocol}_host"]:
            yield protocol, *(row[f"{protocol}_{part}"] for part in ("host", "port", "security"))


def owner_of(rows, mx_host):
    """Return the id of the row with the longest MX pattern that ends the host name, None if there is none."""
    found = [
        (len(pattern), row["id"])
        for row in rows
        for pattern in row["mx_patterns"].split()
        if f".{mx_host}".endswith(f".{pattern}")
    ]
    return max(found)[1] if found else None


def each_row(test):
    """Run the test for every row, in a subtest that names it."""

    @functools.wraps(test)
    def run(self):
        for row in self.rows:
            with self.subTest(row["id"]):
                test(self, row)

    del run.__wrapped__  # pytest would take the row for a fixture
    return run


class TestProviderData(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.raw = DATA.read_bytes()
        cls.reader = csv.DictReader(io.StringIO(cls.raw.decode("utf-8"), newline=""))
        cls.rows = list(cls.reader)
        cls.by_id = {row["id"]: row for row in cls.rows}

    def assertUnique(self, values):
        values = list(values)
        self.assertEqual([], sorted({value for value in values if values.count(value) > 1}))

    def assertWords(self, text):
        """Words are separated by one space each, nothing around them."""
        self.assertEqual(" ".join(text.split()), text)

    # the file

    def test_written_as_the_csv_module_writes_it(self):
        self.assertEqual(COLUMNS, self.reader.fieldnames)
        written = io.StringIO(newline="")
        writer = csv.DictWriter(written, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        self.assertEqual(written.getvalue(), self.raw.decode("utf-8"))

    def test_sorted_by_name(self):
        self.assertGreaterEqual(len(self.rows), 70)
        names = [row["name"].casefold() for row in self.rows]
        self.assertEqual(sorted(names), names)

    @each_row
    def test_no_stray_space(self, row):
        for value in row.values():
            self.assertWords(value)

    def test_ids_and_names_are_unique(self):
        self.assertUnique(row["id"] for row in self.rows)
        self.assertUnique(row["name"].casefold() for row in self.rows)

    @each_row
    def test_ids_and_names_are_well_formed(self, row):
        self.assertRegex(row["id"], rf"\A{XML_ID.pattern}\Z")
        self.assertTrue(row["name"])

    # who is it?

    def test_domains_and_patterns_belong_to_one_provider(self):
        for column in ("domains", "mx_patterns"):
            self.assertUnique(name for row in self.rows for name in row[column].split())

    @each_row
    def test_domains_and_patterns_are_host_names(self, row):
        for name in row["domains"].split() + row["mx_patterns"].split():
            self.assertRegex(name, rf"\A{HOST_NAME.pattern}\Z")

    @each_row
    def test_no_pattern_of_a_provider_is_covered_by_another(self, row):
        patterns = row["mx_patterns"].split()
        for pattern in patterns:
            self.assertFalse([other for other in patterns if pattern.endswith(f".{other}")], pattern)

    def test_mx_hosts_lead_to_their_provider(self):
        for mx_host, provider in {
            "alt1.gmail-smtp-in.l.google.com": "provider_gmail",
            "alt1.aspmx.l.google.com": "provider_google_workspace",
            "aspmx2.googlemail.com": "provider_google_workspace",
            "smtp.google.com": "provider_google_workspace",
            "acme-example.mail.protection.outlook.com": "provider_microsoft_365",
            "acme-example.a-v1.mx.microsoft": "provider_microsoft_365",
            "outlook-com.olc.protection.outlook.com": "provider_outlook",
            "mx01.mail.icloud.com": "provider_icloud_own_domain",
            "mx-aol.mail.gm0.yahoodns.net": "provider_aol",
            "mta5.am0.yahoodns.net": "provider_yahoo",
            "mx2.zoho.eu": "provider_zoho_eu_own_domain",
            "mx00.kundenserver.de": "provider_ionos_de",
            "mx1.mail.ovh.net": "provider_ovh",
            "mx1.acme.example": None,
        }.items():
            with self.subTest(mx_host):
                self.assertEqual(provider, owner_of(self.rows, mx_host))

    # servers and login

    @each_row
    def test_servers_are_complete(self, row):
        self.assertTrue(row["smtp_host"])
        for protocol in ("imap", "pop3", "smtp"):
            filled = [bool(row[f"{protocol}_{part}"]) for part in ("host", "port", "security")]
            self.assertIn(filled, ([True] * 3, [False] * 3))

    @each_row
    def test_whoever_is_found_by_an_address_can_receive_and_log_in(self, row):
        if row["domains"] or row["mx_patterns"]:
            self.assertTrue(row["imap_host"] or row["pop3_host"])
            self.assertTrue(row["username"])

    def test_relays_are_found_by_nothing_and_say_where_their_login_comes_from(self):
        relays = [row for row in self.rows if not (row["imap_host"] or row["pop3_host"])]
        self.assertGreaterEqual(len(relays), 10)
        for row in relays:
            with self.subTest(row["id"]):
                self.assertEqual("", row["domains"] + row["mx_patterns"])
                self.assertEqual("app_password", row["authentication"])
                self.assertTrue(row["guidance"])

    @each_row
    def test_hosts_are_host_names(self, row):
        for _protocol, host, _port, _security in servers(row):
            if row["id"] == BRIDGE:
                self.assertEqual("127.0.0.1", host)
            else:
                self.assertRegex(host, rf"\A{HOST_NAME.pattern}\Z")

    @each_row
    def test_ports_agree_with_security(self, row):
        for protocol, _host, port, security in servers(row):
            self.assertIn(security, ("tls", "starttls"))
            self.assertEqual(port, str(int(port)))
            allowed = {BRIDGE_PORTS[protocol]} if row["id"] == BRIDGE else PORTS[protocol, security]
            self.assertIn(int(port), allowed)

    @each_row
    def test_user_names_hold_known_placeholders(self, row):
        for name in (row["username"], row["outgoing_username"]):
            self.assertLessEqual(set(re.findall(r"%[^%]*%?", name)), PLACEHOLDERS)
        if row["outgoing_username"]:
            self.assertNotEqual(row["username"], row["outgoing_username"])

    @each_row
    def test_authentication(self, row):
        self.assertIn(row["authentication"], {"password", *GUIDANCE_WORDS})

    # what the user reads

    def test_guidance_for_many(self):
        self.assertGreaterEqual(sum(bool(row["guidance"]) for row in self.rows), 30)

    @each_row
    def test_guidance_wherever_the_normal_password_is_not_enough(self, row):
        if row["authentication"] != "password":
            self.assertRegex(row["guidance"], GUIDANCE_WORDS[row["authentication"]])

    @each_row
    def test_guidance_is_one_to_three_sentences(self, row):
        if row["guidance"]:
            sentences = re.split(r"(?<=\.) ", row["guidance"])
            self.assertLessEqual(len(sentences), 3)
            for sentence in sentences:
                self.assertRegex(sentence, r"\A[A-Z].*\.\Z")

    @each_row
    def test_links(self, row):
        if row["link"]:
            parts = urllib.parse.urlsplit(row["link"])
            self.assertEqual("https", parts.scheme)
            self.assertRegex(parts.netloc, rf"\A{HOST_NAME.pattern}\Z")
            self.assertRegex(row["link"], r"\A[!-~]+\Z")

    @each_row
    def test_links_were_checked_in_the_past(self, row):
        if row["link_checked"]:
            self.assertTrue(row["link"])
            self.assertRegex(row["link_checked"], r"\A\d{4}-\d{2}-01\Z")
            checked = datetime.date.fromisoformat(row["link_checked"])
            self.assertLessEqual(checked, datetime.date.today())

    @each_row
    def test_sending_limits_are_short(self, row):
        self.assertLessEqual(len(row["sending_limit"]), 100)

    # facts

    def test_providers_in_demand_are_there(self):
        self.assertEqual([], [name for name in IN_DEMAND if f"provider_{name}" not in self.by_id])

    def assertFacts(self, name, **facts):
        row = self.by_id[f"provider_{name}"]
        self.assertEqual(facts, {column: row[column] for column in facts})

    def test_gmail_takes_an_app_password_or_oauth(self):
        for name in ("gmail", "google_workspace"):
            self.assertFacts(
                name,
                imap_host="imap.gmail.com",
                smtp_host="smtp.gmail.com",
                username="%EMAILADDRESS%",
                authentication="oauth_or_app_password",
                link="https://myaccount.google.com/apppasswords",
            )
        self.assertFacts(
            "gmail", domains="gmail.com googlemail.com", mx_patterns="gmail-smtp-in.l.google.com"
        )

    def test_microsoft_takes_oauth_only(self):
        for name, smtp_host in {
            "outlook": "smtp-mail.outlook.com",
            "microsoft_365": "smtp.office365.com",
        }.items():
            self.assertFacts(
                name,
                imap_host="outlook.office365.com",
                pop3_host="outlook.office365.com",
                smtp_host=smtp_host,
                smtp_port="587",
                smtp_security="starttls",
                authentication="oauth",
            )
        self.assertLessEqual(
            {"outlook.com", "hotmail.com", "live.com", "msn.com"},
            set(self.by_id["provider_outlook"]["domains"].split()),
        )

    def test_icloud_user_names_differ_by_direction(self):
        self.assertFacts(
            "icloud",
            imap_host="imap.mail.me.com",
            pop3_host="",
            smtp_host="smtp.mail.me.com",
            smtp_port="587",
            smtp_security="starttls",
            username="%EMAILLOCALPART%",
            outgoing_username="%EMAILADDRESS%",
            authentication="app_password",
        )

    def test_who_logs_in_with_the_local_part(self):
        self.assertEqual(
            {"free", "icloud", "laposte", "o2_pl", "uol", "web_de", "wp_pl", "yahoo_japan"},
            {row["id"][len("provider_") :] for row in self.rows if row["username"] == "%EMAILLOCALPART%"},
        )

    def test_relays_with_a_fixed_user_name(self):
        self.assertFacts("sendgrid", smtp_host="smtp.sendgrid.net", username="apikey")
        self.assertFacts("sparkpost_us", smtp_host="smtp.sparkpostmail.com", username="SMTP_Injection")
        self.assertFacts("mailgun_eu", smtp_host="smtp.eu.mailgun.org", username="postmaster@%EMAILDOMAIN%")

    def test_proton_goes_through_its_bridge(self):
        self.assertFacts(
            "proton", authentication="bridge", smtp_security="starttls", imap_security="starttls"
        )
        self.assertEqual([BRIDGE], [row["id"] for row in self.rows if row["authentication"] == "bridge"])
