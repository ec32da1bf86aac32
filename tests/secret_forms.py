"""The forms in which a password could come out somewhere, and a search for all of them at once."""

import base64
import json
import quopri
import secrets
import urllib.parse

# what makes the forms differ from each other: it is quoted, escaped or encoded by each of them
SPECIAL = "é\"=\\<'"
# characters of the token that count as a leak by themselves: what is cut short is one too
PART = 16


class Secret:
    """A random password; ``text`` is what a user would type.

    :param username: whom it belongs to, for what a login sends of both
    """

    def __init__(self, username=""):
        token = secrets.token_urlsafe(2 * PART)[: 2 * PART]
        self.text = token + SPECIAL
        self.forms = dict(self._each_form(token, username))

    def _each_form(self, token, username):
        """Yield ``(name, bytes)``; half of the token suffices in each."""
        for half, part in enumerate((token[:PART], token[PART:])):
            raw = part.encode()
            yield f"plain {half}", raw
            for shift in range(3):
                for kind, encode in (("base64", base64.b64encode), ("urlsafe", base64.urlsafe_b64encode)):
                    yield f"{kind} {shift} {half}", _aligned(encode, raw, shift)
            yield f"hex {half}", raw.hex().encode()
            yield f"HEX {half}", raw.hex().upper().encode()
            yield f"urlencoded {half}", "".join(f"%{byte:02X}" for byte in raw).encode()
            for order in ("le", "be"):
                yield f"utf-16-{order} {half}", part.encode(f"utf-16-{order}")
            yield f"reversed {half}", raw[::-1]
        yield "SASL PLAIN", base64.b64encode(f"\0{username}\0{self.text}".encode())
        yield "SASL LOGIN", base64.b64encode(self.text.encode())
        yield "quoted-printable", join_lines(quopri.encodestring(self.text.encode()))
        yield "repr", repr(self.text)[1:-1].encode()
        yield "ascii", ascii(self.text)[1:-1].encode()
        yield "JSON", json.dumps(self.text)[1:-1].encode()
        yield "URL", urllib.parse.quote(self.text).encode()
        yield "form", urllib.parse.quote_plus(self.text).encode()

    def find(self, haystack):
        """Return the names of the forms that are in ``haystack`` (bytes)."""
        return self.find_joined(join_lines(haystack))

    def find_joined(self, haystack):
        """Return the same for what `join_lines` has made of it, where many are searched."""
        return [name for name, form in self.forms.items() if form in haystack]


def join_lines(haystack):
    """Return ``haystack`` without ends of lines, which mail and Base64 put into the middle of words."""
    for end in (b"=\r\n", b"=\n", b"\r", b"\n", b"\\n"):
        haystack = haystack.replace(end, b"")
    return haystack


def _aligned(encode, raw, shift):
    """What Base64 makes of ``raw`` when ``shift`` bytes come before it, but for what neighbours decide."""
    encoded = encode(b"\0" * shift + raw)
    return encoded[-(-8 * shift // 6) : 8 * (shift + len(raw)) // 6]
