"""What the guide says about the providers: the rows of data/email.provider.csv, ready to be shown."""
import csv
import datetime
from dataclasses import dataclass
from pathlib import Path

import guide

DATA = Path(__file__).resolve().parent.parent.parent / "data/email.provider.csv"
USES = {"smtp": "Sending (SMTP)", "imap": "Receiving (IMAP)", "pop3": "Receiving (POP)"}
SECURITY = {"tls": "SSL/TLS", "starttls": "STARTTLS"}
USERNAMES = {
    "%EMAILADDRESS%": "the whole email address",
    "%EMAILLOCALPART%": "the part of the email address before the @",
    "": "your own: the provider shows it to you",
}


@dataclass(frozen=True)
class Server:
    use: str
    host: str
    port: str
    security: str


@dataclass(frozen=True)
class Row:
    """One provider: a row of the data.

    :ivar anchor: name of its place in the guide
    :ivar href: page and anchor
    """

    anchor: str
    href: str
    name: str
    domains: tuple[str, ...]
    mx_hosts: tuple[str, ...]
    authentication: str
    servers: tuple[Server, ...]


@dataclass(frozen=True)
class Entry:
    """Providers of one company for which everything but the servers is the same.

    :ivar topic: the `guide.Topic` that it belongs to, None if none
    :ivar checked: the day on which the link was looked at, None if nobody knows
    """

    title: str
    topic: guide.Topic | None
    rows: tuple[Row, ...]
    guidance: str
    link: str
    checked: datetime.date | None
    authentication: str
    username: str
    sending_limit: str


def read_entries():
    """Return the entries of all providers: those of a topic in its order, else by their names."""
    with open(DATA, encoding="utf-8", newline="") as file:
        rows = sorted(csv.DictReader(file), key=_position)
    groups = {}
    for row in rows:
        groups.setdefault(_key(row), []).append(row)
    return [_entry(group) for group in groups.values()]


def _position(row):
    topic = guide.get_topic(row["id"])
    return topic.get_rank(row["id"]) if topic else 0, row["name"].casefold()


def _key(row):
    shown = ("guidance", "link", "link_checked", "authentication", "username", "outgoing_username",
             "sending_limit")
    topic = guide.get_topic(row["id"])
    return topic and topic.name, row["name"].split()[0], *(row[name] for name in shown)


def _entry(rows):
    first = rows[0]
    return Entry(
        title=_common_words([row["name"] for row in rows]),
        topic=guide.get_topic(first["id"]),
        rows=tuple(_row(row) for row in rows),
        guidance=first["guidance"],
        link=first["link"],
        checked=datetime.date.fromisoformat(first["link_checked"]) if first["link_checked"] else None,
        authentication=first["authentication"],
        username=_username(first),
        sending_limit=first["sending_limit"],
    )


def _row(row):
    return Row(
        anchor=guide.get_anchor(row["id"]),
        href=guide.get_provider_page(row["id"]),
        name=row["name"],
        domains=tuple(row["domains"].split()),
        mx_hosts=tuple(row["mx_patterns"].split()),
        authentication=row["authentication"],
        servers=tuple(
            Server(use, row[f"{protocol}_host"], row[f"{protocol}_port"],
                   SECURITY[row[f"{protocol}_security"]])
            for protocol, use in USES.items()
            if row[f"{protocol}_host"]
        ),
    )


def _common_words(names):
    """Return what all names begin with: "Zoho Mail" for "Zoho Mail (Europe)" and "Zoho Mail, own domain"."""
    if len(names) == 1:
        return names[0]
    words = []
    for column in zip(*(name.replace(",", "").split() for name in names), strict=False):
        if len(set(column)) > 1:
            break
        words.append(column[0])
    return " ".join(words)


def _username(row):
    incoming, outgoing = _username_words(row["username"]), _username_words(row["outgoing_username"])
    if not row["outgoing_username"] or incoming == outgoing:
        return incoming
    return f"for receiving {incoming}, for sending {outgoing}"


def _username_words(form):
    if form in USERNAMES:
        return USERNAMES[form]
    if "%" not in form:
        return f"always “{form}”"
    return f"{_fill(form)} for {_fill('%EMAILADDRESS%')}, for example"


def _fill(form):
    form = form.replace("%EMAILADDRESS%", "%EMAILLOCALPART%@%EMAILDOMAIN%")
    return form.replace("%EMAILLOCALPART%", "jane").replace("%EMAILDOMAIN%", "example.com")
