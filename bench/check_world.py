"""The mail and DNS hosts of ``check``, in a process of their own.

    check_world.py COUNT

prints in one line of JSON where they are, and ends when its standard input does.
"""

import contextlib
import imaplib
import json
import sys
from concurrent.futures import ThreadPoolExecutor

import plain  # noqa: F401

# isort: split
from email_account.tests.hosts import (
    BlackHole,
    CertificateAuthority,
    DkimKey,
    DnsHost,
    HangAfterBanner,
    MailHost,
)
from email_account.tests.hosts.network import ANY, SERVICES

DOMAIN = "acme.example"
# name and address of each host; the addresses lead to loopback
MAIL, HOLE, HANGING = (
    (f"{name}.{DOMAIN}", f"203.0.113.{number}") for number, name in enumerate(("mail", "hole", "hang"), 1)
)


class World:
    """A mail host with ``count`` mailboxes, one that is black-holed, and one that hangs after its banner.

    :param stack: ends them
    """

    def __init__(self, count, stack):
        authority, key = CertificateAuthority(), DkimKey(DOMAIN)
        self._users = {f"account{number}@{DOMAIN}": "secret" for number in range(count)}
        self._dns = stack.enter_context(DnsHost())
        self._dns.zone("".join(f"{name}. A {ip}\n" for name, ip in (MAIL, HOLE, HANGING)))
        self._dns.zone(key.zone())
        mail = stack.enter_context(MailHost(self._users, authority))
        mail.sign = key
        self._open_mailboxes(mail, authority.client_context())
        self._bundle = authority.bundle(mail.folder / "bundle.pem")
        self._places = {(MAIL[1], port): mail.ports[service] for port, service in SERVICES.items()}
        self._places[HOLE[1], ANY] = stack.enter_context(BlackHole()).port
        context = authority.server_context(HANGING[0])
        for port, protocol in ((993, "imap"), (465, "smtp")):
            hanging = stack.enter_context(HangAfterBanner(protocol, context))
            self._places[HANGING[1], port] = hanging.port

    def _open_mailboxes(self, mail, context):
        """Log in once to each: Dovecot makes a mailbox and its folders then."""

        def open_mailbox(user):
            with imaplib.IMAP4_SSL("127.0.0.1", mail.ports["imaps"], ssl_context=context) as session:
                session.login(*user)
                session.list()

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(open_mailbox, self._users.items()))

    def as_dict(self):
        return {
            "nameserver": self._dns.nameserver,
            "places": [[ip, port, to] for (ip, port), to in self._places.items()],
            "bundle": str(self._bundle),
            "users": self._users,
            "hosts": {"healthy": MAIL[0], "black-holed": HOLE[0], "hanging": HANGING[0]},
        }


def main(count):
    with contextlib.ExitStack() as stack, contextlib.suppress(KeyboardInterrupt):
        print(json.dumps(World(int(count), stack).as_dict()), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
