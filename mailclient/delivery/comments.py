"""Comments and quoted strings in structured fields (RFC 5322 3.2.2, 3.2.4)."""

from collections.abc import Iterator


def pieces(text: str) -> Iterator[tuple[str, str]]:
    """Cut a field into ``("text", …)``, ``("comment", …)`` (nested ones inside, unparenthesised at the ends)
    and ``("quoted", …)`` (what is between the quotes, without backslashes).

    What is never closed goes on to the end.
    """
    position, plain = 0, 0
    while position < len(text):
        if text[position] not in '("':
            position += 1
            continue
        if plain < position:
            yield "text", text[plain:position]
        read = _comment if text[position] == "(" else _quoted
        kind, inside, position = read(text, position + 1)
        plain = position
        yield kind, inside
    if plain < len(text):
        yield "text", text[plain:]


def _quoted(text, position):
    inside = []
    while position < len(text) and text[position] != '"':
        if text[position] == "\\":
            position += 1
        inside.append(text[position : position + 1])
        position += 1
    return "quoted", "".join(inside), position + 1


def _comment(text, position):
    start, depth = position, 1
    while position < len(text):
        if text[position] == "\\":
            position += 1
        elif text[position] == "(":
            depth += 1
        elif text[position] == ")":
            depth -= 1
            if not depth:
                break
        position += 1
    return "comment", text[start:position], position + 1
