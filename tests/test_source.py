import ast
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# lines above the call in which the comment may stand: a domain, or a chain of calls
ABOVE = 8


class TestSource(unittest.TestCase):
    """Rules of the house that no linter knows."""

    def each_file(self, *folders):
        for folder in folders:
            for path in sorted((ROOT / folder).glob("**/*.py")):
                yield path.relative_to(ROOT), path.read_text()

    def test_sudo_says_why(self):
        found = 0
        for path, text in self.each_file("models", "wizards", "controllers"):
            lines = text.splitlines()
            for node in ast.walk(ast.parse(text)):
                if not isinstance(node, ast.Call) or getattr(node.func, "attr", "") != "sudo" or node.args:
                    continue  # with an argument it takes the right away
                found += 1
                around = lines[max(node.end_lineno - 1 - ABOVE, 0) : node.end_lineno + 1]
                comments = " ".join(line.partition("#")[2] for line in around)
                self.assertIn("sudo", comments, f"{path}:{node.end_lineno}")
        self.assertGreater(found, 50)

    def test_no_values_in_statements(self):
        """What goes to the database is a literal, or built by `odoo.tools.SQL`."""
        found = 0
        for path, text in self.each_file("models", "wizards", "controllers", "cli"):
            for node in ast.walk(ast.parse(text)):
                if not isinstance(node, ast.Call) or getattr(node.func, "attr", "") not in ("execute", "SQL"):
                    continue
                found += 1
                statement = node.args[0]
                is_literal = isinstance(statement, ast.Constant)
                is_built = isinstance(statement, ast.Call) and getattr(statement.func, "id", "") == "SQL"
                if is_built:
                    is_literal = isinstance(statement.args[0], ast.Constant)
                self.assertTrue(is_literal, f"{path}:{node.lineno}")
        self.assertGreater(found, 3)

    def test_mail_client_and_discovery_know_no_odoo(self):
        for path, text in self.each_file("autoconfig", "mailclient"):
            for node in ast.walk(ast.parse(text)):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                self.assertFalse([name for name in names if name.split(".")[0] == "odoo"], path)

    def test_contexts_of_tls_are_made_in_two_places(self):
        """`mailclient` and `autoconfig` have one each: whoever makes another forgets what those insist on."""
        makers = {"create_default_context", "_create_unverified_context", "SSLContext", "wrap_socket"}
        found = set()
        folders = ("autoconfig", "mailclient", "models", "wizards", "controllers", "cli")
        for path, text in self.each_file(*folders):
            for node in ast.walk(ast.parse(text)):
                name = getattr(node, "func", None)
                name = getattr(name, "attr", getattr(name, "id", ""))
                if isinstance(node, ast.Call) and name in makers:
                    found.add((str(path), name))
        self.assertEqual(
            found,
            {
                ("mailclient/tls.py", "create_default_context"),
                ("mailclient/tls.py", "SSLContext"),
                ("mailclient/transport.py", "wrap_socket"),
                ("autoconfig/net/network.py", "create_default_context"),
            },
        )
