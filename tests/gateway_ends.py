"""Where Odoo's mail gateway ends, read from its source: so that a new way of losing a mail is noticed."""

import ast
import inspect
import textwrap
from pathlib import Path

# methods that decide what becomes of a mail, in any addon
DECIDING = {
    "message_process",
    "message_route",
    "_message_route_process",
    "_routing_check_route",
    "_routing_handle_bounce",
    "_routing_create_bounce_email",
    "_alias_get_error",
    "_alias_bounce_incoming_email",
    "_detect_is_bounce",
    "_detect_loop_headers",
    "_detect_loop_sender",
    "_detect_write_to_catchall",
    "_message_parse_extract_bounce",
}


def find_ends(function):
    """Return where a function ends: a list of ``(name, condition, end)``, as Python writes them.

    The condition is of the innermost ``if``, ``for`` or ``except`` around the end, "" without one.
    """
    [tree] = ast.parse(textwrap.dedent(inspect.getsource(function))).body
    return [(tree.name, *each) for each in _walk(tree.body, "")]


def _walk(body, condition):
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        if isinstance(node, (ast.Return, ast.Raise)):
            text = ast.unparse(node)
            yield condition, text.partition("(")[0] if isinstance(node, ast.Raise) else text
        for name, inner in ast.iter_fields(node):
            if isinstance(inner, list) and inner and isinstance(inner[0], (ast.stmt, ast.excepthandler)):
                yield from _walk(inner, _get_condition(node, name, condition))


def _get_condition(node, name, condition):
    if isinstance(node, ast.If):
        test = ast.unparse(node.test)
        return test if name == "body" else f"not ({test})"
    if isinstance(node, ast.For):
        return f"for {ast.unparse(node.target)}"
    if isinstance(node, ast.ExceptHandler):
        return f"except {ast.unparse(node.type) if node.type else ''}".strip()
    return condition


def find_overrides(folders):
    """Return which of :data:`DECIDING` the addons in ``folders`` define, as ``(addon, class, method)``."""
    found = set()
    for folder in folders:
        for path in Path(folder).glob("*/**/*.py"):
            addon = path.relative_to(folder).parts[0]
            if addon.startswith("test_") or addon == "email_account" or "tests" in path.parts:
                continue
            text = path.read_text(encoding="utf-8")
            if not any(f"def {name}(" in text for name in DECIDING):
                continue
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.ClassDef):
                    found |= {
                        (addon, node.name, each.name)
                        for each in node.body
                        if isinstance(each, ast.FunctionDef) and each.name in DECIDING
                    }
    return found
