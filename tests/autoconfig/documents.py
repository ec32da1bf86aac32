"""Builds documents of Mozilla's format."""


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
