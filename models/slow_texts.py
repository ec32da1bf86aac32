"""Texts over which a regular expression may take long, derived from the expression itself. No model.

For each repeat of a pattern: what leads to it, its body many times, and an end that fails; also every
beginning of the pattern, over and over. Besides, what makes patterns slow in general.
"""

import itertools
import math
import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    try:
        from re import _constants as sre
        from re import _parser as sre_parse
    except ImportError:  # Python 3.10
        import sre_constants as sre
        import sre_parse

# what a class may hold is tried in this order
_LIKELY = " \t\n\r\"'<>=;:,.-_/\\[](){}%@#?!&*+0129aAbefnoxyzBDEINOX~^|$`\0\x80\u00e9\u2028\u4e2d"
_ENDS = ("", "\0", "x\n")
_GENERAL = (
    *_LIKELY,
    *("<a ", "</", "<!--", "=?", "=?x?q?", "b'", 'b"', "[b'", "\\x", "\\x80", "\\n", "\\", "a.", "a@", "://"),
    *("http://", "a=", "a='", '="', "((", "()", '("', "[(", "{1}", "\r\n", "\n ", "\n.", "> ", "%{", "0."),
    *("1.1.", "--", "-----"),
)
_MAX_SAMPLES, _MAX_TEXTS, _MAX_UNIT = 4, 120, 700


def slow_texts(pattern, flags, length):
    """Yield texts of ``length`` characters.

    :param pattern: of a regular expression, str or bytes (its texts are of the same type)
    """
    tree = sre_parse.parse(pattern, flags & ~sre.SRE_FLAG_DEBUG)
    found = dict.fromkeys(_bits(tree))
    units = list(itertools.islice(found, _MAX_TEXTS))
    ends = _ENDS
    seen = set()
    for lead, unit, tail in [*units, *(("", unit, "") for unit in _GENERAL)]:
        if not unit or len(unit) > _MAX_UNIT:
            continue
        for end in ends if (lead, unit, tail) in found else ("",):
            text = lead + unit * max(1, (length - len(lead) - len(tail) - len(end)) // len(unit)) + tail + end
            key = (lead + unit * 3 + tail + end, lead)
            if key not in seen:
                seen.add(key)
                yield text.encode("latin-1", "replace") if isinstance(pattern, bytes) else text


def count_steps(pattern, flags):
    """Return how many ways at most there are to match at one place of a text, however long it is: infinite if
    a repeat has no limit."""
    return _count_steps(sre_parse.parse(pattern, flags & ~sre.SRE_FLAG_DEBUG))


def _count_steps(items):
    steps = 1
    for op, args in items:
        if op in _REPEATS:
            low, high, body = args
            inner = _count_steps(body)
            if high is sre.MAXREPEAT or high == sre.MAXREPEAT:
                return math.inf
            steps *= (high - low + 1) * (inner ** min(high, 10) if inner > 1 else 1)
        elif op is sre.SUBPATTERN:
            steps *= _count_steps(args[3])
        elif op is sre.BRANCH:
            steps *= sum(_count_steps(branch) for branch in args[1])
        elif op in (sre.ASSERT, sre.ASSERT_NOT):
            steps *= 1 + _count_steps(args[1])
        elif op in (sre.GROUPREF, sre.GROUPREF_EXISTS):
            return math.inf
        elif op is getattr(sre, "ATOMIC_GROUP", None):
            steps *= _count_steps(args)
    return steps


def _bits(tree):
    """Yield ``(lead, unit, tail)``: the unit is what is repeated."""
    for variant in range(_MAX_SAMPLES):
        whole = _sample(tree, variant)
        yield "", whole, ""
        for lead, body, _follow in _repeats(tree, "", variant):
            one = _sample(body, variant)
            yield lead, one, ""
            yield "", lead + one, ""
            yield "", lead, ""
            yield lead, one + _sample(body, variant + 1), ""
            yield "", lead + one * 2, ""
            yield "", lead + one + whole[: len(whole) // 2], ""
            yield lead, one, whole
        for prefix in _prefixes(tree, variant):
            yield "", prefix, ""
            yield prefix, prefix[-1:], ""


def _prefixes(tree, variant):
    text = ""
    for item in tree:
        text += _sample([item], variant)
        yield text


def _repeats(items, lead, variant):
    """Yield ``(what leads to it, its body, what follows it)`` of each repeat."""
    items = list(items)
    for number, (op, args) in enumerate(items):
        if op in _REPEATS:
            _low, high, body = args
            if high > 1:
                yield lead, body, items[number + 1 :]
            yield from _repeats(body, lead, variant)
        elif op is sre.SUBPATTERN:
            yield from _repeats(args[3], lead, variant)
        elif op is sre.BRANCH:
            for branch in args[1]:
                yield from _repeats(branch, lead, variant)
        elif op in (sre.ASSERT, sre.ASSERT_NOT):
            yield from _repeats(args[1], lead, variant)
        elif op is getattr(sre, "ATOMIC_GROUP", None):
            yield from _repeats(args, lead, variant)
        lead += _sample([(op, args)], variant)


_REPEATS = {sre.MAX_REPEAT, sre.MIN_REPEAT, getattr(sre, "POSSESSIVE_REPEAT", None)}


def _sample(items, variant):
    """A text that the items match, another one for each variant; "" where that is not so simple."""
    return "".join(_sample_one(op, args, variant) for op, args in items)


def _sample_one(op, args, variant):
    if op is sre.LITERAL:
        return chr(args)
    if op is sre.NOT_LITERAL:
        return _pick(lambda character: ord(character) != args, variant)
    if op is sre.ANY:
        return _pick(lambda character: character != "\n", variant)
    if op is sre.IN:
        return _pick(lambda character: _is_in(character, args), variant)
    if op is sre.SUBPATTERN:
        return _sample(args[3], variant)
    if op is sre.BRANCH:
        return _sample(args[1][variant % len(args[1])], variant)
    if op in _REPEATS:
        low, high, body = args
        return _sample(body, variant) * min(max(low, variant % 2), high, 300)
    if op is getattr(sre, "ATOMIC_GROUP", None):
        return _sample(args, variant)
    return ""  # assertions, places, references


def _pick(fits, variant):
    fitting = [character for character in _LIKELY if fits(character)]
    # several of them: one that many patterns hold, one that few do
    return fitting[variant * max(1, len(fitting) // _MAX_SAMPLES) % len(fitting)] if fitting else "\u0416"


_CATEGORIES = {
    sre.CATEGORY_DIGIT: str.isdigit,
    sre.CATEGORY_SPACE: str.isspace,
    sre.CATEGORY_WORD: lambda character: character.isalnum() or character == "_",
}
_NOT_CATEGORIES = {
    sre.CATEGORY_NOT_DIGIT: sre.CATEGORY_DIGIT,
    sre.CATEGORY_NOT_SPACE: sre.CATEGORY_SPACE,
    sre.CATEGORY_NOT_WORD: sre.CATEGORY_WORD,
}


def _is_in(character, items):
    negated, found = False, False
    for op, args in items:
        if op is sre.NEGATE:
            negated = True
        elif op is sre.LITERAL:
            found |= ord(character) == args
        elif op is sre.RANGE:
            found |= args[0] <= ord(character) <= args[1]
        elif op is sre.CATEGORY:
            known = _CATEGORIES.get(args) or _CATEGORIES[_NOT_CATEGORIES[args]]
            found |= known(character) != (args in _NOT_CATEGORIES)
    return found != negated
