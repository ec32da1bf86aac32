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
    "mx_decides",
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
    "impossible": "cannot be connected",
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
    gmx_international web_de t_online freenet posteo fastmail yandex mail_ru proton qq 163 126 naver
    orange_fr free laposte sfr libero wp_pl o2_pl seznam bluewin hostpoint comcast att cox bt sky
""".split()
# Where businesses have their mailboxes.
HOSTERS = """
    1und1 ionos_com ionos_co_uk ionos_de ionos_fr ovh ovh_email_pro ovh_exchange strato hostinger godaddy
    godaddy_microsoft_365 namecheap infomaniak titan migadu mailbox_org rackspace
    zoho_com zoho_eu zoho_in zoho_com_au zoho_jp zoho_ca zoho_cn
    yandex_360 alibaba tencent_exmail gandi one_com amazon_workmail_us_east_1 amazon_workmail_us_west_2
    amazon_workmail_eu_west_1
""".split()
ZOHO_OWN_DOMAIN = """
    zoho_com_own_domain zoho_eu_own_domain zoho_in_own_domain zoho_com_au_own_domain zoho_jp_own_domain
    zoho_ca_own_domain zoho_sa_own_domain zoho_cn_own_domain
""".split()
# Whose customers' domains publish nothing of their own.
MX_DECIDES = """
    microsoft_365 microsoft_365_china google_workspace icloud_own_domain proton fastmail mailbox_org
    mailfence migadu naver_works purelymail rackspace seznam_profi startmail tencent_exmail titan
    vk_workspace yandex_360 hey tuta
""".split()
# What sends for businesses and receives nothing, with the host it sends through.
RELAYS = {
    "sendgrid": "smtp.sendgrid.net",
    "mailgun_us": "smtp.mailgun.org",
    "mailgun_eu": "smtp.eu.mailgun.org",
    "postmark": "smtp.postmarkapp.com",
    "brevo": "smtp-relay.brevo.com",
    "mailjet": "in-v3.mailjet.com",
    "sparkpost_us": "smtp.sparkpostmail.com",
    "sparkpost_eu": "smtp.eu.sparkpostmail.com",
}
SES_REGIONS = """
    us-east-1 us-east-2 us-west-1 us-west-2 ca-central-1 sa-east-1 eu-west-1 eu-west-2 eu-west-3 eu-central-1
    eu-north-1 ap-south-1 ap-southeast-1 ap-southeast-2 ap-northeast-1 ap-northeast-2 ap-northeast-3
    us-gov-east-1 us-gov-west-1
""".split()
# Settings that are published but doubted: the guidance says so.
UNSURE = r"\bnot certain\b|\bmay have\b|\bmay need\b"
DOUBTED = """
    alice_it bol centurylink centurylink_q comcast cox elpasotel microsoft_365_china netease_enterprise
    orange_fr penteledata pobox sky vodafone_de wp_pl yahoo_japan yandex_turkey zoho_cn_own_domain
""".split()

LABEL = r"(?!-)[a-z0-9-]{1,63}(?<!-)"
HOST_NAME = re.compile(rf"(?=.{{1,253}}$)(?:{LABEL}\.)+(?!\d+$){LABEL}", re.ASCII)
WILDCARD = rf"(?:\*\.)?{HOST_NAME.pattern}"
# A part that only the customer knows stands in braces.
SERVER_NAME = rf"(?:(?:[a-z]*\{{(?:n|server)\}}[a-z-]*)\.)?{HOST_NAME.pattern}"
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


def is_relay(row):
    """Whether it only sends."""
    return bool(row["smtp_host"]) and not (row["imap_host"] or row["pop3_host"])


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
        self.assertGreaterEqual(len(self.rows), 150)
        self.assertGreaterEqual(sum(len(row["domains"].split()) for row in self.rows), 600)
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
        for name in row["domains"].split():
            self.assertRegex(name, rf"\A{WILDCARD}\Z")
        for name in row["mx_patterns"].split():
            self.assertRegex(name, rf"\A{HOST_NAME.pattern}\Z")

    @each_row
    def test_who_decides_by_the_mx_has_one(self, row):
        self.assertIn(row["mx_decides"], ("", "1"))
        if row["mx_decides"]:
            self.assertTrue(row["mx_patterns"])

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
            "mx2.zoho.com.cn": "provider_zoho_cn_own_domain",
            "mx.yandex.net": "provider_yandex_360",
            "mx.yandex.ru": "provider_yandex",
            "emx.mail.ru": "provider_vk_workspace",
            "mxs.mail.ru": "provider_mail_ru",
            "mx00.ionos.de": "provider_ionos_de",
            "mx01.kundenserver.de": "provider_ionos_de",
            "mxint.kundenserver.de": "provider_1und1",
            "mx00.1and1.com": "provider_ionos_com",
            "mx1.mail.ovh.net": "provider_ovh",
            "smtp.secureserver.net": "provider_godaddy",
            "mx1.titan.email": "provider_titan",
            "mx1.hostinger.com": "provider_hostinger",
            "mxa.mailgun.org": "provider_mailgun_us",
            "mxb.mailgun.org": "provider_mailgun_us",
            "mxa.eu.mailgun.org": None,
            "qiye163mx01.mxmail.netease.com": "provider_netease_enterprise",
            "163mx01.mxmail.netease.com": "provider_163",
            "mxbiz1.qq.com": "provider_tencent_exmail",
            "mx1.qq.com": "provider_qq",
            "inbound-smtp.us-west-2.amazonaws.com": "provider_amazon_workmail_us_west_2",
            "partner.example.protection.partner.outlook.cn": "provider_microsoft_365_china",
            "mail.tutanota.de": "provider_tuta",
            "mx1.acme.example": None,
        }.items():
            with self.subTest(mx_host):
                self.assertEqual(provider, owner_of(self.rows, mx_host))

    # servers and login

    @each_row
    def test_servers_are_complete(self, row):
        self.assertEqual(row["authentication"] != "impossible", bool(row["smtp_host"]))
        for protocol in ("imap", "pop3", "smtp"):
            filled = [bool(row[f"{protocol}_{part}"]) for part in ("host", "port", "security")]
            self.assertIn(filled, ([True] * 3, [False] * 3))

    @each_row
    def test_whoever_is_found_by_an_address_can_receive_and_log_in(self, row):
        if (row["domains"] or row["mx_patterns"]) and row["authentication"] != "impossible":
            self.assertTrue(row["imap_host"] or row["pop3_host"] or is_relay(row))
            self.assertTrue(row["username"])

    @each_row
    def test_who_cannot_be_connected_has_nothing_to_log_in_to(self, row):
        if row["authentication"] == "impossible":
            self.assertEqual([], list(servers(row)))
            self.assertEqual("", row["username"] + row["outgoing_username"] + row["sending_limit"])
            self.assertTrue(row["domains"])

    def test_relays_give_out_no_addresses_and_say_where_their_login_comes_from(self):
        relays = [row for row in self.rows if is_relay(row)]
        self.assertGreaterEqual(len(relays), 10)
        for row in relays:
            with self.subTest(row["id"]):
                self.assertEqual("", row["domains"])
                self.assertEqual("app_password", row["authentication"])
                self.assertTrue(row["guidance"])

    @each_row
    def test_hosts_are_host_names(self, row):
        for _protocol, host, _port, _security in servers(row):
            if row["id"] == BRIDGE:
                self.assertEqual("127.0.0.1", host)
            else:
                self.assertRegex(host, rf"\A{SERVER_NAME}\Z")
                if "{" in host:
                    self.assertRegex(row["guidance"], r"\bserver\b.+\bshown\b")
                    self.assertFalse(row["domains"])

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
        self.assertGreaterEqual(sum(bool(row["guidance"]) for row in self.rows), 150)

    def test_what_is_doubted_is_said(self):
        for name in DOUBTED:
            with self.subTest(name):
                self.assertRegex(self.by_id[f"provider_{name}"]["guidance"], UNSURE)

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
        wanted = [*IN_DEMAND, *HOSTERS, *ZOHO_OWN_DOMAIN, *RELAYS]
        self.assertEqual([], [name for name in wanted if f"provider_{name}" not in self.by_id])

    def test_hosters_can_send_and_receive(self):
        for name in HOSTERS + ZOHO_OWN_DOMAIN:
            with self.subTest(name):
                row = self.by_id[f"provider_{name}"]
                self.assertTrue(row["imap_host"])
                self.assertTrue(row["smtp_host"])
                self.assertTrue(row["guidance"])

    def test_relays_send_only(self):
        for name, host in RELAYS.items():
            with self.subTest(name):
                self.assertFacts(name, imap_host="", pop3_host="", smtp_host=host)
                self.assertTrue(is_relay(self.by_id[f"provider_{name}"]))
        for region in SES_REGIONS:
            with self.subTest(region):
                host = f"email-smtp.{region}.amazonaws.com"
                self.assertFacts(f"amazon_ses_{region.replace('-', '_')}", imap_host="", smtp_host=host)

    def test_who_decides_by_the_mx(self):
        self.assertEqual(
            {*MX_DECIDES, *ZOHO_OWN_DOMAIN},
            {row["id"][len("provider_") :] for row in self.rows if row["mx_decides"]},
        )

    def test_who_stands_for_all_sub_domains(self):
        wildcards = {
            (name, row["id"]) for row in self.rows for name in row["domains"].split() if name.startswith("*")
        }
        self.assertEqual({("*.onmicrosoft.com", "provider_microsoft_365")}, wildcards)

    def test_who_cannot_be_connected(self):
        self.assertEqual(
            {"provider_hey", "provider_tuta"},
            {row["id"] for row in self.rows if row["authentication"] == "impossible"},
        )
        self.assertIn("tuta.com", self.by_id["provider_tuta"]["domains"].split())
        self.assertFacts("hey", domains="hey.com")

    def test_products_of_ovh_have_their_own_servers(self):
        self.assertFacts("ovh", imap_host="ssl0.ovh.net", smtp_host="ssl0.ovh.net", smtp_port="465")
        for name, host in (("ovh_exchange", "ex{n}.mail.ovh.net"), ("ovh_email_pro", "pro{n}.mail.ovh.net")):
            self.assertFacts(name, mx_patterns="", imap_host=host, smtp_host=host)
            self.assertFacts(name, smtp_port="587", smtp_security="starttls")

    def test_zoho_has_servers_of_its_own_for_own_domains(self):
        for region, ending in {"com": "com", "eu": "eu", "in": "in", "jp": "jp", "com_au": "com.au"}.items():
            self.assertFacts(
                f"zoho_{region}", imap_host=f"imap.zoho.{ending}", smtp_host=f"smtp.zoho.{ending}"
            )
            self.assertFacts(
                f"zoho_{region}_own_domain",
                domains="",
                imap_host=f"imappro.zoho.{ending}",
                smtp_host=f"smtppro.zoho.{ending}",
            )

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
            {
                "bol",
                "free",
                "icloud",
                "laposte",
                "o2_pl",
                "penteledata",
                "uol",
                "web_de",
                "wp_pl",
                "yahoo_japan",
            },
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
