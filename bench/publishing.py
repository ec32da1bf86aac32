"""Ways of publishing: zones for DNS and routes for the web host.

What takes a domain and gives a function is for `Scenario.publish`.
"""

import base64
import hashlib
import json
from urllib.parse import urlsplit

import plain  # noqa: F401
from scenario import Place

# isort: split
from email_account.autoconfig.sources.ispdb import ISPDB_URL
from email_account.tests.autoconfig.documents import client_config, incoming, outgoing

ISPDB_HOST, ISPDB_PATH = urlsplit(ISPDB_URL).hostname, urlsplit(ISPDB_URL).path
AUTODISCOVER_PATH = "/autodiscover/autodiscover.xml"


def zone_of(domain, text):
    """A zone file: names without a final dot are below the domain."""
    return f"$ORIGIN {domain}.\n{text}\n"


def two_servers(place=Place.MAIL):
    """Names of servers that nobody guesses."""
    return f"in A {place}\nout A {place}\n"


def _config(domain):
    return client_config(incoming(host=f"in.{domain}"), outgoing(host=f"out.{domain}"))


def autoconfig(domain, servers=None):
    """Rank 1.1 of autoconfig, and 1.3 where the host has http alone; ``servers``: the servers' domain."""

    def publish(web):
        web.route(f"autoconfig.{domain}", "/mail/config-v1.1.xml", _config(servers or domain))

    return publish


def well_known(domain):
    """Rank 1.2 of autoconfig."""

    def publish(web):
        web.route(domain, "/.well-known/autoconfig/mail/config-v1.1.xml", _config(domain))

    return publish


def ispdb(domain, servers=None):
    """The central database knows the domain; ``servers``: the servers' domain."""

    def publish(web):
        web.route(ISPDB_HOST, f"{ISPDB_PATH}{domain}", _config(servers or domain))

    return publish


def both(*publishers):
    """Publish in several ways."""

    def publish(web):
        for each in publishers:
            each(web)

    return publish


def _pox(domain):
    def protocol(kind, host, port):
        return (
            f"<Protocol><Type>{kind}</Type><Server>{host}.{domain}</Server><Port>{port}</Port><SSL>on</SSL>"
            f"<SPA>off</SPA><AuthRequired>on</AuthRequired><LoginName>jane@{domain}</LoginName></Protocol>"
        )

    schema = "http://schemas.microsoft.com/exchange/autodiscover"
    return (
        f'<?xml version="1.0" encoding="utf-8"?><Autodiscover xmlns="{schema}/responseschema/2006">'
        f'<Response xmlns="{schema}/outlook/responseschema/2006a"><Account><AccountType>email</AccountType>'
        f"<Action>settings</Action>{protocol('IMAP', 'in', 993)}{protocol('SMTP', 'out', 465)}</Account>"
        "</Response></Autodiscover>"
    )


def autodiscover(domain, at=None):
    """Autodiscover v1 at ``autodiscover.`` or at another host."""

    def publish(web):
        web.route(at or f"autodiscover.{domain}", AUTODISCOVER_PATH, _pox(domain))

    return publish


def autodiscover_by_http(domain):
    """Autodiscover v1 at a host that http redirects to."""

    def publish(web):
        web.redirect(f"autodiscover.{domain}", AUTODISCOVER_PATH, f"https://web.{domain}{AUTODISCOVER_PATH}")
        web.route(f"web.{domain}", AUTODISCOVER_PATH, _pox(domain))

    return publish


def pacc_document(domain):
    """A PACC document (bytes)."""
    return json.dumps(
        {
            "protocols": {"imap": {"host": f"in.{domain}"}, "submit": {"host": f"out.{domain}"}},
            "authentication": {"password": True},
            "info": {"provider": {"name": "Example"}},
        }
    ).encode()


def pacc(domain, document):
    """The document of PACC; `pacc_digest` belongs to it."""

    def publish(web):
        web.route(
            f"ua-auto-config.{domain}",
            "/.well-known/user-agent-configuration.json",
            document,
            content_type="application/json",
        )

    return publish


def pacc_digest(document):
    """The TXT record for a document of PACC, for the domain's zone."""
    digest = base64.b64encode(hashlib.sha256(document).digest()).decode()
    return f'_ua-auto-config TXT "v=UAAC1; a=sha256; d={digest}"\n'


def tenant(domain):
    """Microsoft knows the domain as its customer's."""

    def publish(web):
        web.route(
            "login.microsoftonline.com",
            f"/{domain}/v2.0/.well-known/openid-configuration",
            '{"issuer": "https://login.microsoftonline.com/"}',
            content_type="application/json",
        )

    return publish


THIRD_PARTIES = "".join(
    f"{name}. A {place}\n"
    for place, names in {
        Place.WEB: [
            ISPDB_HOST,
            "live.thunderbird.net",
            "login.microsoftonline.com",
            "autodiscover-s.outlook.com",
        ],
        Place.MAIL: [
            "mail.infomaniak.com",
            "imap.gmail.com",
            "pop.gmail.com",
            "smtp.gmail.com",
            "smtp.office365.com",
        ],
        Place.BOTH: ["outlook.office365.com"],
        Place.CLOSED: [
            "mta-gw.infomaniak.ch",
            "aspmx.l.google.com",
            "mx.filter.example",
            "acme.mail.protection.outlook.com",
        ],
    }.items()
    for name in names
)


def publish_third_parties(web):
    """ISPDB knows nobody, Microsoft has no customers, but for those of the scenarios."""
    web.route("login.microsoftonline.com", None, b"{}", status=400, content_type="application/json")
    web.route(
        "outlook.office365.com",
        "/autodiscover/autodiscover.json",
        json.dumps(
            {
                "Protocol": "Autodiscoverv1",
                "Url": f"https://outlook.office365.com{AUTODISCOVER_PATH}",
            }
        ),
        content_type="application/json",
    )
