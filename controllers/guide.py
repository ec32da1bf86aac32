from pathlib import Path

from odoo.http import Controller, Stream, request, route

from .. import guide

FOLDER = Path(__file__).parent.parent / "docs"
SUFFIXES = (".html", ".css")
# its own style and pictures, nothing else
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'"
)


class Guide(Controller):
    """The user guide, for whoever is logged in."""

    @route(guide.URL, type="http", auth="user", methods=["GET"], readonly=True)
    def open_guide(self):
        # the links of its pages are relative
        return request.redirect(guide.get_url())

    @route(f"{guide.URL}/<string:name>", type="http", auth="user", methods=["GET"], readonly=True)
    def read_page(self, name):
        """Send a page of the guide or its style.

        The name is looked for among those of the files and never becomes part of a path by itself.
        """
        if name not in {path.name for path in FOLDER.iterdir() if path.suffix in SUFFIXES}:
            raise request.not_found()
        return Stream.from_path(str(FOLDER / name)).get_response(content_security_policy=POLICY)
