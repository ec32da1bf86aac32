"""Makes the demo mail host known to Odoo; "make run" runs it in Odoo's shell.

``env`` comes from the shell, ``mail_host`` (ports, users; see mailhost.py) from "make run".
"""
# ruff: noqa: F821
DOMAIN = "acme.example"
XMLID = "email_account.demo_provider"


def make_provider(env, ports):
    values = {
        "name": "Demo mail host",
        "domains": DOMAIN,
        "username": "%EMAILADDRESS%",
    }
    for name, port in (("imap", "imaps"), ("pop3", "pop3s"), ("smtp", "submissions")):
        values.update({f"{name}_host": "localhost", f"{name}_port": ports[port], f"{name}_security": "tls"})
    env["email.provider"]._load_records([{"xml_id": XMLID, "values": values, "noupdate": True}])


SERVICES = {  # protocol, security -> service of the mail host
    ("imap", "tls"): "imaps", ("imap", "starttls"): "imap", ("pop3", "tls"): "pop3s",
    ("pop3", "starttls"): "pop3", ("smtp", "tls"): "submissions", ("smtp", "starttls"): "submission",
}


def follow_ports(env, ports, users):
    """Give accounts of the demo's mailboxes the ports that the mail host has now, if it had others before."""
    for account in env["email.account"].search([("email", "in", list(users))]):
        values = {}
        for direction, protocol in (("incoming", account.incoming_protocol), ("outgoing", "smtp")):
            port = ports.get(SERVICES.get((protocol, account[f"{direction}_security"])))
            if port and account[f"{direction}_host"] == "localhost" and account[f"{direction}_port"] != port:
                values[f"{direction}_port"] = port
        if values:
            # another server needs the password again, and a check
            account.write({**values, "password": users[account.email]})
            env.cr.commit()
            account._check()


# the guard that keeps Odoo from being steered to internal addresses must let it reach this machine
env["ir.config_parameter"].set_param("email_account.allowed_networks", "127.0.0.0/8, ::1")
env["ir.config_parameter"].set_param(
    "email_account.allowed_ports", ", ".join(map(str, mail_host["ports"].values()))
)
env["ir.config_parameter"].set_param("email_account_demo.dns_port", mail_host["dns"])
if "email.provider" in env:
    make_provider(env, mail_host["ports"])
env.cr.commit()
follow_ports(env, mail_host["ports"], mail_host["users"])
env.cr.commit()
