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


# the guard that keeps Odoo from being steered to internal addresses must let it reach this machine
env["ir.config_parameter"].set_param("email_account.allowed_networks", "127.0.0.0/8, ::1")
env["ir.config_parameter"].set_param(
    "email_account.allowed_ports", ", ".join(map(str, mail_host["ports"].values()))
)
env["ir.config_parameter"].set_param("email_account_demo.dns_port", mail_host["dns"])
if "email.provider" in env:
    make_provider(env, mail_host["ports"])
env.cr.commit()
