"""Builds documents of each format."""

import base64
import hashlib
import json


def client_config(*sections, name="Example Mail", version="1.1"):
    """Return a document with these sections; without any it has an IMAP and an SMTP server."""
    sections = sections or (incoming(), outgoing())
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<clientConfig version="{version}">\n'
        f'<emailProvider id="example.org"><domain>example.org</domain><displayName>{name}</displayName>\n'
        f"{''.join(sections)}</emailProvider></clientConfig>\n"
    ).encode()


def incoming(
    kind="imap", host="imap.example.org", port="993", security="SSL", username="%EMAILADDRESS%", more=""
):
    return _section("incomingServer", kind, host, port, security, username, more)


def outgoing(
    kind="smtp", host="smtp.example.org", port="465", security="SSL", username="%EMAILADDRESS%", more=""
):
    return _section("outgoingServer", kind, host, port, security, username, more)


def _section(element, kind, host, port, security, username, more):
    parts = {"hostname": host, "port": port, "socketType": security, "username": username}
    body = "".join(f"<{name}>{text}</{name}>" for name, text in parts.items() if text is not None)
    body += f"<authentication>password-cleartext</authentication>{more}"
    return f'<{element} type="{kind}">{body}</{element}>\n'


def autodiscover(*protocols, action="settings", more=""):
    """Return Microsoft's answer with these protocols; without any it has an IMAP and an SMTP server."""
    protocols = protocols or (protocol("IMAP", "imap.example.org", "993"), protocol())
    schema = "http://schemas.microsoft.com/exchange/autodiscover"
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n<Autodiscover xmlns="{schema}/responseschema/2006">\n'
        f'<Response xmlns="{schema}/outlook/responseschema/2006a">'
        "<User><DisplayName>Jane</DisplayName></User>\n"
        f"<Account><AccountType>email</AccountType><Action>{action}</Action>{more}\n"
        f"{''.join(protocols)}</Account></Response></Autodiscover>\n"
    ).encode()


def protocol(kind="SMTP", server="smtp.example.org", port="465", ssl="on", **more):
    """Return a section of Microsoft's answer; None leaves a field out."""
    fields = {"Type": kind, "Server": server, "Port": port, "SSL": ssl, **more}
    body = "".join(f"<{name}>{text}</{name}>" for name, text in fields.items() if text is not None)
    return f"<Protocol>{body}</Protocol>\n"


def pacc(protocols=None, **more):
    """Return a PACC document; without protocols it has an IMAP and a submission server."""
    protocols = protocols or {"imap": {"host": "imap.example.org"}, "submit": {"host": "smtp.example.org"}}
    return json.dumps({"protocols": protocols, **more}).encode()


def pacc_record(document):
    """Return the TXT record for a PACC document."""
    return f"v=UAAC1; a=sha256; d={base64.b64encode(hashlib.sha256(document).digest()).decode()}"
