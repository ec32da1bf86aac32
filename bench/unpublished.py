"""Scenarios in which nothing good is published: guesses, nothing at all, hosts that hang, hostile hosts."""

import json

import plain  # noqa: F401
from publishing import AUTODISCOVER_PATH, autoconfig, both, ispdb, pacc, pacc_digest, two_servers, zone_of
from scenario import DOCUMENT, GUESS, HANGING, NOTHING, SPEAK, SPEAK_STARTTLS, Place, Scenario

# isort: split
from email_account.autoconfig.formats.xml import MAX_TAGS
from email_account.autoconfig.net.web import MAX_BODY


def guessed():
    """Servers under usual names, or none at all."""

    def scenario(name, label, host, zone, source="guess", chain=SPEAK, publish=lambda web: None):
        domain = f"{label}.example"
        return Scenario(
            name,
            f"jane@{domain}",
            source,
            chain,
            zone_of(domain, f"@ A {Place.WEB}\n{zone}"),
            publish,
            host=host and f"{host}.{domain}",
            doubt=source and "guess",
            limit=GUESS if source else NOTHING,
        )

    mx = f"@ MX 10 mx\nmx A {Place.CLOSED}\n"
    yield scenario(
        "guess: imap. and smtp.", "guess-a", "imap", f"{mx}imap A {Place.MAIL}\nsmtp A {Place.MAIL}\n"
    )
    yield scenario(
        "guess: mail., STARTTLS alone",
        "guess-b",
        "mail",
        f"{mx}mail A {Place.STARTTLS}\n",
        chain=SPEAK_STARTTLS,
    )
    yield scenario(
        "guess: the MX host itself",
        "guess-c",
        "mx7",
        f"@ MX 10 mx7\nmx7 A {Place.MAIL}\n",
        chain=f"MX, {SPEAK}",
    )
    yield scenario(
        "guess: published servers are dead",
        "guess-d",
        "imap",
        f"{mx}autoconfig A {Place.WEB}\n{two_servers(Place.CLOSED)}"
        f"imap A {Place.MAIL}\nsmtp A {Place.MAIL}\n",
        publish=autoconfig("guess-d.example"),
    )
    yield scenario(
        "nothing: certificates for another name",
        "none-a",
        "",
        f"{mx}imap A {Place.OTHER_NAME}\nsmtp A {Place.OTHER_NAME}\n",
        "",
    )
    yield scenario("nothing: a web site and an MX host", "none-b", "", mx, "", DOCUMENT)
    yield Scenario("nothing: no such domain", "jane@none-c.example", "", "A", limit=NOTHING)


def hanging():
    """Hosts that never answer; what is known or guessed beside them is still found."""

    def scenario(name, label, source, zone, publish=lambda web: None, host="", **more):
        domain = f"{label}.example"
        return Scenario(
            name,
            f"jane@{domain}",
            source,
            more.pop("chain", ""),
            zone_of(domain, zone),
            publish,
            host=host and f"{host}.{domain}",
            limit=HANGING,
            **more,
        )

    names = ("@", "autoconfig", "autodiscover", "ua-auto-config")
    web = "".join(f"{name} A {Place.SILENT}\n" for name in names) + f"@ MX 10 mx\nmx A {Place.CLOSED}\n"
    every = "@ A {0}\n* A {0}\n@ MX 10 mail\n"
    yield scenario(
        "web hosts hang; guess",
        "hang-a",
        "guess",
        web + f"imap A {Place.MAIL}\nsmtp A {Place.MAIL}\n",
        host="imap",
        doubt="guess",
        chain=SPEAK,
    )
    yield scenario(
        "web hosts hang; ISPDB",
        "hang-b",
        "ispdb",
        web + two_servers(),
        ispdb("hang-b.example"),
        host="in",
        chain=f"{DOCUMENT}, {SPEAK}",
    )
    yield scenario(
        "published servers hang; ISPDB",
        "hang-c",
        "ispdb",
        f"autoconfig A {Place.WEB}\nin A {Place.HOLE}\nout A {Place.HOLE}\n"
        f"in.alive A {Place.MAIL}\nout.alive A {Place.MAIL}\n",
        both(autoconfig("hang-c.example"), ispdb("hang-c.example", "alive.hang-c.example")),
        host="in.alive",
        chain=f"{DOCUMENT}, {SPEAK}",
    )
    yield scenario(
        "web hosts black-holed; guess",
        "hang-d",
        "guess",
        web.replace(Place.SILENT, Place.HOLE) + f"imap A {Place.MAIL}\nsmtp A {Place.MAIL}\n",
        host="imap",
        doubt="guess",
        chain=SPEAK,
    )
    yield scenario("every host is silent", "hang-e", "", every.format(Place.SILENT))
    yield scenario(
        "everything black-holed, ISPDB too", "hang-f", "", every.format(Place.HOLE), network="hole"
    )
    yield Scenario("DNS is silent", "jane@hang-g.example", "", "", limit=HANGING, network="silent_dns")
    yield scenario(
        "mail hosts are silent",
        "hang-h",
        "",
        f"@ A {Place.WEB}\nimap A {Place.SILENT}\n"
        f"smtp A {Place.SILENT}\n@ MX 10 mail\nmail A {Place.SILENT}\n",
    )


def hostile():
    """Domains whose hosts want to exhaust us: every document that discovery may ask for is like that."""

    def scenario(name, label, publish, document=b"", mail=Place.CLOSED):
        domain, hoster = f"{label}.example", f"hoster-{label}.example"
        names = ["@", "autoconfig", "autodiscover", "ua-auto-config", "web"]
        zone = "".join(f"{host} A {Place.WEB}\n" for host in names)
        zone += (
            f"@ MX 10 mx.eu.{hoster}.\n_autodiscover._tcp SRV 0 1 443 web.{domain}.\n{pacc_digest(document)}"
        )
        zone += "".join(f"{host} A {mail}\n" for host in ("imap", "pop", "pop3", "smtp", "mail"))
        zone += zone_of(hoster, f"mx.eu A {mail}\nautoconfig.eu A {Place.WEB}\nautoconfig A {Place.WEB}\n")
        hosts = [domain, *(f"{host}.{domain}" for host in names[1:])]
        hosts += [f"autoconfig.{hoster}", f"autoconfig.eu.{hoster}"]

        def publish_all(web):
            for host in hosts:
                publish(web, host)
            if document:
                pacc(domain, document)(web)

        return Scenario(
            f"hostile: {name}",
            f"jane@{domain}",
            "",
            "",
            zone_of(domain, zone),
            publish_all,
            limit=HANGING,
            memory=True,
        )

    def documents(element, count):
        """Documents of 256 kB at the most, made of so many elements."""
        parts = "".join(element.format(number) for number in range(count))

        def publish(web, host):
            mozilla = f"<clientConfig><emailProvider id='a'>{parts}</emailProvider></clientConfig>"
            pox = f"<Autodiscover><Response><Account>{parts}</Account></Response></Autodiscover>"
            for path, body in ((None, mozilla), (AUTODISCOVER_PATH, pox)):
                assert len(body) <= MAX_BODY
                web.route(host, path, body)

        return publish

    def nothing(web, host):
        pass

    lists = b'{"protocols": [' + b"[]," * ((MAX_BODY - 30) // 3) + b"[]]}"
    members = json.dumps({"protocols": {f"{number:x}": "" for number in range(MAX_BODY // 16)}}).encode()
    yield scenario("endless bodies", "bad-a", lambda web, host: web.endless(host, None))
    yield scenario("compressed bombs", "bad-b", lambda web, host: web.bomb(host, None, 100))
    yield scenario("tiny elements, more than are read", "bad-c", documents("<a/>", 65000), lists)
    yield scenario(
        "elements, as many as are read", "bad-d", documents("<e{0:x} a=''/>", MAX_TAGS - 10), members
    )
    yield scenario("dripping bodies", "bad-e", lambda web, host: web.drip(host, None, b" " * 10000))
    yield scenario(
        "redirects without end", "bad-f", lambda web, host: web.redirect(host, None, f"https://{host}/again")
    )
    yield scenario("mail hosts with endless lines", "bad-g", nothing, mail=Place.MAIL_ENDLESS)
    yield scenario("mail hosts with endless capabilities", "bad-h", nothing, mail=Place.MAIL_BABBLE)
