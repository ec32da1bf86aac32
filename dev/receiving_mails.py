"""The mails of ``receiving_steps.py``: most as they come, some poisonous. All are made anew for a seed."""
from dataclasses import dataclass

SENDERS = 60  # not too many mails of one: Odoo would take them for a loop
# kind of poison -> how many of it, and whether a message has to come of it
ADDON_KINDS = {  # what the addon of test_receiving.py does with them
    "update": (4, False), "post": (4, False), "user": (3, False), "memory": (1, False),
    "recursion": (2, False), "sql": (3, False), "commit": (3, False), "once": (4, True),
    "always": (2, False), "deadlock": (1, False), "crash": (1, False),
}
BROKEN_KINDS = {
    "charset": (3, False), "nul": (2, True), "levels": (1, False), "cut": (2, True), "sender": (3, None),
    "unnamed": (3, True), "repeated": (4, True), "twice": (4, True),
}
KINDS = ADDON_KINDS | BROKEN_KINDS


@dataclass(frozen=True)
class Mail:
    """A mail and where it is put.

    :param marker: in its subject and its text, in no other mail
    :param kind: of poison, "" for an ordinary mail
    :param source: raw (bytes)
    :param arrives: whether a message has to come of it (None: either will do)
    """

    marker: str
    kind: str
    source: bytes
    arrives: bool | None

    @property
    def copies(self):
        return 2 if self.kind == "twice" else 1


def make(rng, count=500):
    """Return mails in random order, those of ``KINDS`` among them (list of `Mail`)."""
    kinds = [kind for kind, (number, _arrives) in KINDS.items() for _each in range(number)]
    kinds += [""] * (count - len(kinds) - 1)
    rng.shuffle(kinds)
    mails, ordinary = [], 0
    for number, kind in enumerate(["", *kinds]):
        ordinary = ordinary if kind else number
        mails.append(_make(number, kind, ordinary))
    return mails


def _make(number, kind, ordinary):
    """Make the mail of a number; ``ordinary`` is that of the last one before it that is no poison."""
    marker = f"mail{number:04}x"
    poison = f"[poison:{kind}] " if kind in ADDON_KINDS else ""
    fields = {
        "From": f"Carol <carol{number % SENDERS}@customer.example>",
        "To": "jane@acme.example",
        "Subject": f"{poison}{marker}",
        "Date": "Tue, 24 Nov 2026 10:00:00 +0000",
        "Message-ID": f"<{marker}@customer.example>",
        "Content-Type": "text/plain; charset=utf-8",
    }
    body = f"Hello, this is {marker}.\r\n" + "Do you have it in blue?\r\n" * (number % 40)
    if kind == "charset":
        fields["Content-Type"] = "text/plain; charset=x-klingon"
    elif kind == "nul":
        fields["Subject"] += " =?utf-8?Q?=00?="
    elif kind == "levels":
        fields["Content-Type"], body = _nest(body)
    elif kind == "cut":
        fields["Content-Type"] = 'multipart/mixed; boundary="b"'
        body = f"--b\r\nContent-Type: text/plain\r\n\r\n{body}--b\r\nContent-Type: image/p"
    elif kind == "sender":
        del fields["From"]
    elif kind == "unnamed":
        del fields["Message-ID"]
    elif kind == "repeated":
        fields["Message-ID"] = f"<mail{ordinary:04}x@customer.example>"
    header = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return Mail(marker, kind, f"{header}\r\n{body}".encode(), KINDS[kind][1] if kind else True)


def _nest(body, levels=2000):
    """Return a content type and a body of so many levels that Python's parser gives up."""
    lines = (f"--b{level}\r\nContent-Type: multipart/mixed; boundary=b{level + 1}\r\n\r\n"
             for level in range(levels))
    return "multipart/mixed; boundary=b0", "".join(lines) + body
