"""The user guide says what the product says, its links lead somewhere, and Odoo serves it alone."""

import csv
import itertools
import subprocess
import sys
import unittest
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from lxml import etree

from odoo.tests import BaseCase, HttpCase, TransactionCase, new_test_user, tagged

from .. import guide
from ..models.email_account_check_step import STAGES
from ..models.failure_words import WORDS

ADDON = Path(__file__).parent.parent
DOCS = ADDON / "docs"
# not shipped with the addon
GENERATOR = Path(__file__).resolve().parent.parent / "dev/guide"
HEADINGS = ("h1", "h2", "h3", "h4")


def read_page(name):
    """Return the root element of a page, which is well-formed XML too."""
    return etree.fromstring((DOCS / name).read_bytes())


def get_text(element):
    """Return the text of an element as it is seen: without the breaks of its lines."""
    return " ".join("".join(element.itertext()).split())


def read_rows():
    with open(ADDON / "data/email.provider.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


class TestGuidePages(BaseCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.pages = {path.name: read_page(path.name) for path in DOCS.glob("*.html")}
        cls.rows = read_rows()

    def each_page(self):
        for name, page in self.pages.items():
            with self.subTest(page=name):
                yield page

    @unittest.skipUnless(GENERATOR.exists(), "the addon is installed without its development tools")
    def test_up_to_date(self):
        result = subprocess.run([sys.executable, GENERATOR, "--check"], capture_output=True, text=True)
        self.assertEqual((result.returncode, result.stderr), (0, ""), "run make guide")

    def test_providers(self):
        self.assertGreater(len(self.rows), 100)
        for row in self.rows:
            with self.subTest(provider=row["id"]):
                name, _, anchor = guide.get_provider_page(row["id"]).partition("#")
                (place,) = self.pages[name].xpath("//*[@id=$anchor]", anchor=anchor)
                section = next(place.iterancestors("section")) if place.tag == "span" else place
                box = section.find("div[@class='guidance']")
                self.assertEqual(get_text(box.find("p")) if row["guidance"] else box, row["guidance"] or None)
                self.assertIn(row["name"], get_text(section) + get_text(self.pages[name].find(".//h1")))
                hosts = [cell.text for cell in section.iterfind(".//td[@class='host']")]
                for fact in ("imap_host", "pop3_host", "smtp_host"):
                    self.assertTrue(not row[fact] or row[fact] in hosts, fact)
                self.assertIn(row["sending_limit"], get_text(section))
                links = [link.get("href") for link in section.iterfind(".//a")]
                self.assertEqual(links, [row["link"]] if row["link"] else [])
                days = [day.get("datetime") for day in section.iterfind(".//time")]
                self.assertEqual(days, [row["link_checked"]] if row["link"] and row["link_checked"] else [])

    def test_index_of_providers(self):
        links = self.pages["providers.html"].xpath("//table[@class='index']//a")
        targets = [urljoin("providers.html", link.get("href")) for link in links]
        self.assertEqual(sorted(targets), sorted(guide.get_provider_page(row["id"]) for row in self.rows))
        self.assertEqual(sorted(link.text for link in links), sorted(row["name"] for row in self.rows))

    def test_topics(self):
        anchors = [guide.get_anchor(row["id"]) for row in self.rows]
        for topic in guide.TOPICS:
            for name in topic.providers:
                with self.subTest(topic=topic.name, provider=name):
                    self.assertTrue([a for a in anchors if f"{a}_".startswith(f"{name}_")])
        for row in self.rows:
            topics = [topic.name for topic in guide.TOPICS if topic.get_rank(row["id"]) is not None]
            self.assertLessEqual(len(topics), 1, row["id"])

    def test_links(self):
        for page in self.each_page():
            for element in page.xpath("//*[@href or @src]"):
                target = element.get("href") or element.get("src")
                parts = urlsplit(target)
                if parts.scheme:
                    self.assertIn(parts.scheme, ("https", "http"))
                    self.assertEqual((element.tag, element.get("rel")), ("a", "noreferrer"))
                    continue
                if parts.path:
                    self.assertTrue((DOCS / parts.path).is_file(), target)
                    self.assertIn((DOCS / parts.path).resolve().parent.name, ("docs", "description"))
                if parts.fragment:
                    there = self.pages[parts.path] if parts.path else page
                    self.assertEqual(len(there.xpath("//*[@id=$id]", id=parts.fragment)), 1, target)

    def test_markup(self):
        for page in self.each_page():
            self.assertEqual(page.get("lang"), "en")
            self.assertTrue(page.findtext("head/title"))
            ids = page.xpath("//@id")
            self.assertEqual(len(ids), len(set(ids)))
            self.assertEqual(len(list(page.iter("h1"))), 1)
            levels = [HEADINGS.index(heading.tag) for heading in page.iter(*HEADINGS)]
            self.assertTrue(all(after <= before + 1 for before, after in itertools.pairwise(levels)))
            self.assertFalse(page.xpath("//img[not(@alt)] | //main//img[not(string(@alt))]"))
            self.assertFalse(page.xpath("//th[not(@scope)] | //table[not(thead)]"))
            self.assertFalse(page.xpath("//script | //style | //@style | //a[not(@href)]"))

    def test_every_page_is_in_the_contents(self):
        for page in self.each_page():
            targets = page.xpath("//nav//a/@href")
            self.assertEqual(sorted(targets), sorted(self.pages))
            self.assertEqual(len(page.xpath("//nav//a[@aria-current='page']")), 1)

    def test_stages(self):
        names = self.pages["check.html"].xpath("//h2[@id='lines']/following-sibling::table[1]/tbody/tr/th")
        described = {name for cell in names for name in get_text(cell).split(", ")}
        self.assertEqual(described, {label for _stage, label in STAGES})


class TestGuideAddresses(BaseCase):
    def test_topic(self):
        self.assertEqual(
            guide.get_provider_url("email_account.provider_gmail"), "/email_account/docs/gmail.html#gmail"
        )
        self.assertEqual(guide.get_provider_page("provider_zoho_eu"), "zoho.html#zoho_eu")

    def test_other(self):
        self.assertEqual(guide.get_provider_page("provider_t_online"), "providers.html#t_online")
        # a name that only begins like that of a topic
        self.assertEqual(guide.get_provider_page("provider_yahoos"), "providers.html#yahoos")

    def test_unknown(self):
        for xml_id in ("", False, "other_addon.provider_gmail", "email_account.group_email_account_use"):
            self.assertEqual(guide.get_provider_url(xml_id), "", xml_id)


class TestGuideWords(TransactionCase):
    def test_messages(self):
        rows = read_page("check.html").xpath("//table[@class='pairs']/tbody/tr")
        described = {get_text(row[0]): get_text(row[1]) for row in rows}
        for cause, words in WORDS.items():
            message, advice = (self.env._(text) for text in words)
            self.assertEqual(described.get(message), advice, cause)

    def get_described(self, page):
        """Return what the pages' tables of two columns say something about."""
        rows = read_page(page).xpath("//table[@class='pairs']/tbody/tr/th")
        return {label for row in rows for label in get_text(row).split(", ")}

    def get_labels(self, model, form, nodes):
        """Return how the fields of ``nodes`` are called in a form."""
        fields = self.env[model]._fields
        labels = {label.get("for"): label.get("string") for label in form.iter("label")}
        return {
            labels.get(node.get("name")) or node.get("string") or fields[node.get("name")].string
            for node in nodes
        }

    def test_every_field_of_the_form(self):
        form = etree.fromstring(self.env.ref("email_account.email_account_view_form").arch)
        own = form.xpath(
            "sheet//field[not(@invisible='1') and not(ancestor::button) and not(ancestor::field)]"
        )
        shown = self.get_labels("email.account", form, own)
        self.assertGreater(len(shown), 20)
        columns = form.xpath("sheet//field[@name='folder_ids']/list/field[not(@column_invisible)]")
        shown |= self.get_labels("email.account.folder", form, columns)
        self.assertIn("Receive", shown)
        self.assertEqual(shown - self.get_described("account.html"), set())

    def test_unprocessed_mail(self):
        fields = self.env["email.account.unprocessed"]._fields
        said = [
            label
            for name in ("reason", "state")
            for _value, label in fields[name]._description_selection(self.env)
        ]
        for kind in ("list", "form"):
            view = self.env.ref(f"email_account.email_account_unprocessed_view_{kind}")
            said += etree.fromstring(view.arch).xpath("header/button/@string")
        self.assertGreater(len(said), 20)
        self.assertEqual(set(said) - self.get_described("receiving.html"), set())

    def test_choices_of_receiving(self):
        fields = self.env["email.account"]._fields
        said = {
            label
            for name in ("incoming_action", "after_receiving")
            for _value, label in fields[name]._description_selection(self.env)
        }
        self.assertEqual(said - self.get_described("receiving.html"), set())


@tagged("post_install", "-at_install")
class TestGuideController(HttpCase):
    def log_in(self):
        new_test_user(self.env, login="ea_reader", password="ea_reader_password", groups="base.group_user")
        self.authenticate("ea_reader", "ea_reader_password")

    def test_page(self):
        self.log_in()
        response = self.url_open(guide.get_url())
        self.assertEqual(response.status_code, 200)
        self.assertEqual(response.headers["Content-Type"], "text/html; charset=utf-8")
        self.assertEqual(response.headers["X-Content-Type-Options"], "nosniff")
        self.assertIn("default-src 'none'; style-src 'self'", response.headers["Content-Security-Policy"])
        self.assertEqual(response.content, (DOCS / "index.html").read_bytes())

    def test_what_a_page_needs(self):
        self.log_in()
        page = read_page("index.html")
        kinds = set()
        for target in set(page.xpath("//img/@src | //link/@href")):
            response = self.url_open(urljoin(guide.get_url(), target))
            self.assertEqual(response.status_code, 200, target)
            kinds.add(response.headers["Content-Type"].partition(";")[0])
        self.assertEqual(kinds, {"image/png", "text/css"})

    def test_address_without_a_page(self):
        self.log_in()
        response = self.url_open(guide.URL, allow_redirects=False)
        self.assertEqual(response.status_code, 303)
        self.assertEqual(urlsplit(response.headers["Location"]).path, guide.get_url())

    def test_nothing_else(self):
        self.log_in()
        for name in (
            "design.md",
            "nothing.html",
            "..",
            "..%2f",
            "..%2fREADME.md",
            "..%2fstatic%2fdescription%2findex.html",
            "%2e%2e%2fstatic/description/index.html",
            "..%5cstatic%5cdescription%5cindex.html",
            "%2fetc%2fpasswd",
            "index.html%00.md",
            "./%2e/INDEX.HTML",
        ):
            with self.subTest(name=name):
                response = self.url_open(guide.get_url(name))
                self.assertEqual(response.status_code, 404)

    def test_not_logged_in(self):
        for name in ("index.html", "guide.css", "design.md"):
            response = self.url_open(guide.get_url(name), allow_redirects=False)
            self.assertEqual(response.status_code, 303)
            self.assertEqual(urlsplit(response.headers["Location"]).path, "/web/login")


class TestGuideLinks(BaseCase):
    def test_links_of_the_views_lead_to_pages(self):
        views = [*(ADDON / "views").glob("*.xml"), *(ADDON / "wizards").glob("*.xml")]
        links = {
            link.removeprefix("/email_account/docs/")
            for view in views
            for link in etree.fromstring(view.read_bytes()).xpath("//a/@href")
            if link.startswith("/email_account/docs/")
        }
        self.assertEqual(links, {"add.html", "account.html", "receiving.html"})
        for link in links:
            self.assertTrue((DOCS / link).is_file(), link)
