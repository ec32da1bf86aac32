"""Writes the user guide, docs/*.html, from the templates beside this file and from what the addon itself
holds, the provider data and the words of the reports: so guide and product say the same.

    python dev/guide [--check]    with --check it only names the pages that are not up to date (exit status 1)
"""
import sys
from pathlib import Path

import jinja2

REPO = Path(__file__).resolve().parent.parent.parent
sys.path.append(str(REPO))

from providers import read_entries  # noqa: E402
from words import read_constant, read_messages  # noqa: E402

import guide  # noqa: E402

TEMPLATES = Path(__file__).parent / "templates"
TARGET = REPO / "docs"
# name of the template -> title: the hand-written pages in the order of the navigation
PAGES = {
    "index": "Email Accounts",
    "add": "Add an account",
    "manual": "Enter the parameters by hand",
    "account": "The account and its settings",
    "receiving": "Receiving",
    "check": "Check the account",
    "discovery": "How settings are found",
    "providers": "All known providers",
}


def render():
    """Return the guide: name of the file -> HTML."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True)
    entries = read_entries()
    rows = [row for entry in entries for row in entry.rows]
    others = [entry for entry in entries if not entry.topic]
    environment.globals.update(
        pages={f"{name}.html": title for name, title in PAGES.items()},
        topics=guide.TOPICS,
        providers=sorted(rows, key=lambda row: row.name.casefold()),
        words=read_messages(),
        stages=dict(read_constant("models/email_account_check_step.py", "STAGES")),
        authentication=dict(read_constant("models/email_provider.py", "AUTHENTICATION")),
    )
    result = {}
    for name, title in PAGES.items():
        page = f"{name}.html"
        result[page] = environment.get_template(page).render(page=page, title=title, entries=others)
    for topic in guide.TOPICS:
        own = [entry for entry in entries if entry.topic == topic]
        result[topic.page] = environment.get_template("topic.html").render(
            page=topic.page, title=topic.title, topic=topic, entries=own)
    return result


def main():
    rendered = render()
    existing = {path.name: path.read_text() for path in TARGET.glob("*.html")}
    if "--check" in sys.argv[1:]:
        stale = sorted(name for name in rendered.keys() | existing.keys()
                       if rendered.get(name) != existing.get(name))
        for name in stale:
            print(f"docs/{name} is not up to date", file=sys.stderr)
        return int(bool(stale))
    for name in existing.keys() - rendered.keys():
        (TARGET / name).unlink()
    for name, html in rendered.items():
        (TARGET / name).write_text(html)
    return 0


if __name__ == "__main__":
    sys.exit(main())
