"""Writes static/description/index.html, what the Apps list shows, from README.md: one source for both.

    description.py [--check]    with --check it only says whether the file is up to date (exit status 1: no)
"""
import re
import sys
from pathlib import Path

import markdown

REPO = Path(__file__).resolve().parent.parent
TARGET = REPO / "static/description/index.html"
# who reads it in Odoo has installed it already
LEFT_OUT = ("Extending",)


def render():
    """The page as HTML text."""
    text = (REPO / "README.md").read_text()
    intro, *sections = re.split(r"^## ", text, flags=re.M)
    intro = intro.split("Try it on an empty machine")[0]
    parts = [intro, *(f"## {part}" for part in sections if not part.startswith(LEFT_OUT))]
    sections = []
    for part in parts:
        html = markdown.markdown(part, extensions=["fenced_code", "sane_lists"], output_format="html")
        html = html.replace('src="static/description/', 'class="img img-fluid border my-3" src="')
        html = re.sub(r'<a href="(?!https?:)[^"]*">(.*?)</a>', r"\1", html)
        sections.append(f'<section class="oe_container container">\n{html}\n</section>\n')
    return "".join(sections)


def main():
    page = render()
    if "--check" in sys.argv[1:]:
        return int(not TARGET.exists() or TARGET.read_text() != page)
    TARGET.write_text(page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
