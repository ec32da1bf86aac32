"""The hosts of ``test_receiving.py``, in a process of their own.

Prints in one line of JSON where they are, and ends when its standard input does.
"""
import contextlib
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from hosts import BlackHole, CertificateAuthority, HangAfterBanner, MailHost

DOMAIN = "acme.example"
PASSWORD = "correct horse"
NAMES = ["imap", "kept", "deleted", *(f"{part}{number}" for part in ("two", "many") for number in range(40))]


def main():
    authority = CertificateAuthority()
    users = {f"{name}@{DOMAIN}": PASSWORD for name in NAMES}
    with contextlib.ExitStack() as stack, contextlib.suppress(KeyboardInterrupt):
        mail = stack.enter_context(MailHost(users, authority))
        hanging = stack.enter_context(HangAfterBanner("imap", authority.server_context("localhost")))
        print(json.dumps({
            "mail": str(mail.mail), "bundle": str(authority.bundle(mail.folder / "bundle.pem")),
            "domain": DOMAIN, "password": PASSWORD, "imap": mail.ports["imaps"], "pop3": mail.ports["pop3s"],
            "hanging": hanging.port, "hole": stack.enter_context(BlackHole()).port,
        }), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
