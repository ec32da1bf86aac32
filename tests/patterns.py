"""All regular expressions of the addon: in its code, read from the source, and in its data; no Odoo."""

import ast
import contextlib
import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROOMS = ("autoconfig", "mailclient", "models", "wizards", "controllers", "cli")
_CALLS = {"compile", "search", "match", "fullmatch", "finditer", "findall", "sub", "subn", "split"}
_ANY = ["search", "fullmatch", "finditer"]
_LOOPS = {"findall": "finditer", "sub": "finditer", "subn": "finditer", "split": "finditer"}
# one class of characters each
_CLASSES = {
    "f'[{_NOWHERE}{_CONTROLS}{_DIRECTIONS}]'": [r"[\x00-\x08]"],
    "f'[{_NOWHERE}{_CONTROLS}\\n]'": [r"[\x00-\x0a]"],
    "f'[{_NOWHERE}]'": [r"[\x00\ud800-\udfff]"],
}
# patterns that the code makes up as it goes: what they look like
MADE_UP = {
    "autoconfig/placeholders.py": {"written": [r"xn\-\-exmple\-cua\.de|ex\u00e4mple\.de"]},
    "mailclient/causes.py": {"pattern": []},  # those of causes.json, below
    "models/mail_trial.py": {"pattern": []},  # those of administrators: that is why they are tried there
    "mailclient/failures.py": {"_NO[failure.protocol]": [r"(NO|BAD)\b|\w+ command error: BAD\b", r"-ERR\b"]},
    "mailclient/delivery/dkim_signature.py": {"b'\\\\s{%d}' % _MAX_BLANK_IN_SIGNATURE": [rb"\s{300}"]},
    "mailclient/delivery/spf_macro.py": {"f\"[{re.escape(delimiters or '.')}]\"": [r"[\.\+\-]"]},
    "mailclient/delivery/route.py": {"f'(?<!\\\\S){word}(?!\\\\S)'": [r"(?<!\S)from(?!\S)"]},
    "mailclient/delivery/results.py": {"f'{_QUOTE}(\\\\d+){_QUOTE}'": ["\0(\\d+)\0"]},
    # what autoconfig says itself, in the form of re.fullmatch
    "models/discovery_words.py": {"pattern": [r"no valid certificate \((.*)\)", r"no answer within (\S+) s"]},
    "autoconfig/address.py": {
        "f'{_ATOM}(\\\\.{_ATOM})*'": [r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-\x80-\U0010ffff]+"
                                       r"(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-\x80-\U0010ffff]+)*"]
    },
    "autoconfig/outside.py": _CLASSES,
    "mailclient/outside.py": _CLASSES,
}


def all_patterns():
    """Return ``[name, pattern, flags, whether of bytes, names of calls]`` of each, the pattern as str."""
    found = [*_of_code(), *_of_causes()]
    once = {json.dumps(each[1:]): each for each in found}
    return list(once.values())


def _of_code():
    files = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]
    texts = {path: path.read_text(encoding="utf-8") for path in [*files, *ROOT.glob("*.py")]}
    everything = "\n".join(texts.values())
    for path, text in texts.items():
        name = path.relative_to(ROOT).as_posix()
        tree = ast.parse(text)
        compiled = {
            node.value: node.targets[0].id
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        }
        for node in ast.walk(tree):
            if _is_call(node):
                calls = [node.func.attr]
                if calls == ["compile"]:
                    variable = compiled.get(node)
                    calls = _get_calls(variable, everything) if variable else []
                calls = sorted({_LOOPS.get(call, call) for call in calls}) or _ANY
                for pattern in _get_patterns(name, node):
                    is_bytes = isinstance(pattern, bytes)
                    shown = pattern.decode("latin-1") if is_bytes else pattern
                    yield [f"{name}:{node.lineno}", shown, _get_flags(node), is_bytes, calls]


def _is_call(node):
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "re"
        and node.func.attr in _CALLS
    )


def _get_calls(variable, text):
    """How a compiled pattern is used; as the argument of a function it is taken for matched."""
    calls = re.findall(rf"\b{variable}\.({'|'.join(_CALLS)})\b", text)
    return calls or (["match"] if re.search(rf"\(self\.{variable},", text) else [])


def _get_patterns(name, node):
    argument = node.args[0]
    try:
        return [ast.literal_eval(argument)]
    except ValueError:
        known = MADE_UP.get(name, {})
        written = ast.unparse(argument)
        if written not in known:
            raise AssertionError(f"{name}:{node.lineno}: what patterns can {written} be?") from None
        return known[written]


def _get_flags(node):
    flags = 0
    for part in ast.walk(node):
        if isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name) and part.value.id == "re":
            flags |= getattr(re, part.attr) if part.attr.isupper() else 0
    return int(flags)


def patterns_in(path):
    """Yield ``(pattern, flags)`` of the regular expressions that are written out in somebody else's file."""
    for node in ast.walk(ast.parse(Path(path).read_text(encoding="utf-8"))):
        if _is_call(node):
            with contextlib.suppress(ValueError):
                yield ast.literal_eval(node.args[0]), _get_flags(node)


def _of_causes():
    table = json.loads((ROOT / "mailclient/causes.json").read_text(encoding="utf-8"))
    calls = {"code": "fullmatch", "status": "fullmatch", "response": "fullmatch", "word": "fullmatch"}
    for number, rule in enumerate(table["rules"]):
        for key in ("code", "status", "response", "word", "host", "text", "unless"):
            given = rule.get(key, [])
            if isinstance(given, str) and given.startswith("@"):
                given = table["texts"][given[1:]]
            for pattern in [given] if isinstance(given, str) else given:
                name = f"mailclient/causes.json: {number} {rule['cause']} {key}"
                for branch in _get_branches(pattern):
                    yield [name, branch, int(re.IGNORECASE), False, [calls.get(key, "search")]]


def _get_branches(pattern):
    """What stands between the "|" of a pattern that are in no group: it costs what they cost together."""
    branches, depth, is_class = [""], 0, False
    for token in re.findall(r"\\.|.", pattern, re.DOTALL):
        if token == "|" and not depth and not is_class:
            branches.append("")
            continue
        if is_class:
            is_class = token != "]" or branches[-1].endswith(("[", "[^"))
        elif token == "[":
            is_class = True
        else:
            depth += (token == "(") - (token == ")")
        branches[-1] += token
    return branches
