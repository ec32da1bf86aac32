"""Scenarios in which the domain, or somebody for it, publishes its settings."""

from publishing import (
    autoconfig,
    autodiscover,
    autodiscover_by_http,
    both,
    ispdb,
    pacc,
    pacc_digest,
    pacc_document,
    tenant,
    two_servers,
    well_known,
    zone_of,
)
from scenario import DOCUMENT, SPEAK, SPEAK_STARTTLS, Place, Scenario


def published():
    """One domain for each way of publishing, with a web host and an MX host as most domains have."""

    def scenario(
        name, label, source, chain, zone="", publish=lambda web: None, servers=None, mx="mx", **more
    ):
        domain = more.pop("domain", f"{label}.example")
        own = "" if servers else two_servers()
        text = f"@ A {Place.WEB}\nwww A {Place.WEB}\n@ MX 10 {mx}\nmx A {Place.CLOSED}\n{own}{zone}"
        more.setdefault("host", f"in.{servers or domain}")
        more.setdefault("address", f"jane@{domain}")
        return Scenario(name, source=source, chain=chain, zone=zone_of(domain, text), publish=publish, **more)

    def by_mx(name, label, host, chain, publish, zone):
        hoster = f"hoster-{label}.example"
        return scenario(
            name,
            f"mx-{label}",
            "mx",
            chain,
            zone_of(hoster, two_servers() + f"{host} A {Place.CLOSED}\n" + zone),
            publish(hoster),
            servers=hoster,
            mx=f"{host}.{hoster}.",
            doubt="dns",
        )

    own_host = f"autoconfig A {Place.WEB}\n"
    srv = "_imaps._tcp SRV 0 1 993 in.{0}.\n_submissions._tcp SRV 0 1 465 out.{0}.\n"
    starttls = "_imap._tcp SRV 0 1 143 in.{0}.\n_submission._tcp SRV 0 1 587 out.{0}.\n"
    yield Scenario(
        "known provider", "jane@fastmail.com", "provider", "", host="imap.fastmail.com", limit=0.005
    )
    yield scenario(
        "autoconfig of the domain (1.1)",
        "autoconfig",
        "autoconfig",
        f"{DOCUMENT}, {SPEAK}",
        own_host,
        autoconfig("autoconfig.example"),
    )
    yield scenario(
        "autoconfig, well-known (1.2)",
        "well-known",
        "autoconfig",
        f"{DOCUMENT}, {SPEAK}",
        publish=well_known("well-known.example"),
    )
    yield scenario(
        "autoconfig by http (1.3)",
        "http",
        "autoconfig_http",
        f"A, document, {SPEAK}",
        f"autoconfig A {Place.HTTP}\n",
        autoconfig("http.example"),
        doubt="http",
    )
    yield scenario(
        "internationalised domain",
        "",
        "autoconfig",
        f"{DOCUMENT}, {SPEAK}",
        own_host,
        autoconfig("xn--bcher-kva.example"),
        domain="xn--bcher-kva.example",
        address="jane@Bücher.example",
    )
    yield scenario("ISPDB (2.1)", "ispdb", "ispdb", f"{DOCUMENT}, {SPEAK}", publish=ispdb("ispdb.example"))
    yield by_mx(
        "MX: autoconfig of its domain (3.1)",
        "a",
        "mx1.eu",
        f"MX, {DOCUMENT}, {SPEAK}",
        lambda hoster: autoconfig(f"eu.{hoster}", hoster),
        f"autoconfig.eu A {Place.WEB}\n",
    )
    yield by_mx(
        "MX: ISPDB of its domain (3.2)",
        "b",
        "mx1.eu",
        f"MX, {DOCUMENT}, {SPEAK}",
        lambda hoster: ispdb(f"eu.{hoster}", hoster),
        "",
    )
    yield by_mx(
        "MX: autoconfig of its base domain (3.3)",
        "c",
        "mx1.eu",
        f"MX, {DOCUMENT}, {SPEAK}",
        autoconfig,
        f"autoconfig A {Place.WEB}\n",
    )
    yield by_mx("MX: ISPDB of its base domain (3.4)", "d", "mx1.eu", f"MX, {DOCUMENT}, {SPEAK}", ispdb, "")
    yield scenario(
        "MX of a known provider",
        "infomaniak-customer",
        "mx",
        f"MX, {SPEAK}",
        servers="infomaniak.com",
        mx="mta-gw.infomaniak.ch.",
        host="mail.infomaniak.com",
        doubt="dns",
    )
    yield scenario(
        "MX of a provider that decides (Google)",
        "google-customer",
        "provider_mx",
        f"MX, {SPEAK}",
        servers="gmail.com",
        mx="aspmx.l.google.com.",
        host="imap.gmail.com",
        doubt="dns",
    )
    yield scenario(
        "Microsoft 365 by its MX",
        "microsoft-customer",
        "provider_mx",
        f"MX, {SPEAK_STARTTLS}",
        publish=tenant("microsoft-customer.example"),
        servers="office365.com",
        mx="acme.mail.protection.outlook.com.",
        host="outlook.office365.com",
    )
    yield scenario(
        "Microsoft 365 behind stale autoconfig",
        "stale",
        "provider_mx",
        f"MX, {SPEAK_STARTTLS}",
        own_host + two_servers(),
        both(tenant("stale.example"), autoconfig("stale.example")),
        servers="office365.com",
        mx="acme.mail.protection.outlook.com.",
        host="outlook.office365.com",
    )
    yield scenario(
        "Microsoft 365 behind a mail filter",
        "filtered",
        "microsoft",
        f"{DOCUMENT}, {SPEAK_STARTTLS}",
        publish=tenant("filtered.example"),
        servers="office365.com",
        mx="mx.filter.example.",
        host="outlook.office365.com",
    )
    yield scenario("SRV, TLS", "srv", "srv", f"SRV, {SPEAK}", srv.format("srv.example"))
    yield scenario(
        "SRV, STARTTLS",
        "srv-starttls",
        "srv",
        f"SRV, {SPEAK_STARTTLS}",
        f"in A {Place.STARTTLS}\nout A {Place.STARTTLS}\n" + starttls.format("srv-starttls.example"),
        servers="srv-starttls.example",
    )
    yield scenario(
        "SRV, to another base domain",
        "srv-elsewhere",
        "srv",
        f"SRV, {SPEAK}",
        srv.format("hoster-e.example") + zone_of("hoster-e.example", two_servers()),
        servers="hoster-e.example",
        doubt="dns",
    )
    document = pacc_document("pacc.example")
    yield scenario(
        "PACC",
        "pacc",
        "pacc",
        f"{DOCUMENT}, {SPEAK}",
        f"ua-auto-config A {Place.WEB}\n" + pacc_digest(document),
        pacc("pacc.example", document),
    )
    yield scenario(
        "Autodiscover at autodiscover.",
        "autodiscover",
        "autodiscover",
        f"{DOCUMENT}, {SPEAK}",
        f"autodiscover A {Place.WEB}\n",
        autodiscover("autodiscover.example"),
    )
    yield scenario(
        "Autodiscover at the domain",
        "autodiscover-at-domain",
        "autodiscover",
        f"{DOCUMENT}, {SPEAK}",
        publish=autodiscover("autodiscover-at-domain.example", at="autodiscover-at-domain.example"),
    )
    yield scenario(
        "Autodiscover by http redirect",
        "autodiscover-redirect",
        "autodiscover",
        f"A, redirect, {DOCUMENT}, {SPEAK}",
        f"autodiscover A {Place.HTTP}\nweb A {Place.WEB}\n",
        autodiscover_by_http("autodiscover-redirect.example"),
        doubt="http",
    )
    yield scenario(
        "Autodiscover by SRV",
        "autodiscover-srv",
        "autodiscover",
        f"SRV, {DOCUMENT}, {SPEAK}",
        "_autodiscover._tcp SRV 0 1 443 mail-admin.hoster-f.example.\n"
        + zone_of("hoster-f.example", f"mail-admin A {Place.WEB}\n"),
        autodiscover("autodiscover-srv.example", at="mail-admin.hoster-f.example"),
        doubt="dns",
    )
    yield scenario(
        "parent domain",
        "parent",
        "parent",
        f"{DOCUMENT}, {SPEAK}",
        own_host + f"sales A {Place.WEB}\n",
        autoconfig("parent.example"),
        address="jane@sales.parent.example",
    )
    yield scenario(
        "published servers are dead: SRV is next",
        "dead",
        "srv",
        f"SRV, {SPEAK}",
        own_host + f"in A {Place.CLOSED}\nout A {Place.CLOSED}\nin.alive A {Place.MAIL}\n"
        f"out.alive A {Place.MAIL}\n" + srv.format("alive.dead.example"),
        autoconfig("dead.example"),
        servers="alive.dead.example",
    )
