"""The rooms of the addon that are plain Python, without Odoo: importing this makes them importable.

They become ``email_account.autoconfig`` and ``email_account.tests.hosts``, with an empty package in place of
the addon's own, which would load its models.
"""

import sys
import types
from pathlib import Path

REPO = Path(__file__).resolve().parent.parent

for name, path in (("email_account", REPO), ("email_account.tests", REPO / "tests")):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = [str(path)]
