"""Makes i18n/email_account.pot of what Odoo exports, and brings the translations up to it: terms.py EXPORT

Left out are the terms that are the host's own: the names of models that the addon extends, and of their
fields ``id`` and ``display_name``. Odoo exports them with every addon that touches a model; translated here
they would replace the host's translations, and stay after uninstalling.
"""
import re
import sys
from pathlib import Path

import polib

I18N = Path(__file__).resolve().parent.parent / "i18n"
OURS = re.compile(r"email_(account|provider)")
HOST = re.compile(
    r"^model:ir\.model(,name:email_account\.model_|\.fields,field_description:email_account\.field_)(.*)"
)


def is_host_term(occurrence):
    """Whether a place in which a term occurs is a model of the host or one of its own fields."""
    found = HOST.match(occurrence[0])
    if not found or OURS.match(found[2]):
        return False
    return found[1].startswith(",name") or found[2].endswith(("__id", "__display_name"))


def main(export):
    pot = polib.pofile(export)
    for name in ("POT-Creation-Date", "PO-Revision-Date"):  # they change with every export
        pot.metadata.pop(name, None)
    for entry in list(pot):
        entry.occurrences = [place for place in entry.occurrences if not is_host_term(place)]
        if not entry.occurrences:
            pot.remove(entry)
    pot.save(I18N / "email_account.pot")
    for path in I18N.glob("*.po"):
        translation = polib.pofile(path)
        translation.merge(pot)
        for entry in translation.obsolete_entries():
            translation.remove(entry)
        translation.save()
        open_terms = len(translation.untranslated_entries() + translation.fuzzy_entries())
        print(f"{path.name}: {open_terms} of {len(pot)} terms are to be translated")


if __name__ == "__main__":
    main(sys.argv[1])
