"""The mail and DNS hosts of ``receive``, in a process of their own.

    receive_world.py MESSAGES ACCOUNTS HANGING

prints in one line of JSON where they are, and ends when its standard input does. Each measurement has
mailboxes of its own, filled beforehand: nothing is left over from the one before.
"""

import contextlib
import imaplib
import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor

import plain  # noqa: F401
from letters import large_letter, letters, signed
from recorder import Recorder

# isort: split
from email_account.tests.hosts import CertificateAuthority, DelayRelay, DnsHost, HangAfterBanner, MailHost

DOMAIN = "acme.example"
ALIAS = f"inbox@{DOMAIN}"  # whom all mails are to
SIDES = ("stock", "own")
DISTANCES = (0, 20, 40)  # milliseconds that each answer takes longer
PROTOCOLS = {"imap": 993, "pop3": 995}
LARGE = 25 << 20  # bytes
FEW = 20  # mails of a mailbox in which nothing changes, or that is read so that everything is loaded


def box(side, what, number=""):
    """Return the name of a mailbox: of ``side``, for the measurement ``what``."""
    return f"{side}-{what}{number}"


class World:
    """A mail host that can be reached over all ``DISTANCES``, through a `Recorder`, and one that hangs.

    :param stack: ends them
    """

    def __init__(self, messages, accounts, hanging, stack):
        self._stack, self._places, self._hosts, self._ports = stack, {}, {}, {}
        self._authority = CertificateAuthority()
        self._dns = stack.enter_context(DnsHost())
        many = [box(side, "many", number) for side in SIDES for number in range(accounts - hanging)]
        speed = [box(side, f"{distance}ms") for side in SIDES for distance in DISTANCES]
        quiet = [box(side, protocol) for side in SIDES for protocol in PROTOCOLS]
        large = [box(side, "large") for side in SIDES]
        warm = [box(side, what) for side in SIDES for what in ("warm", "warm-large")]
        users = {f"{name}@{DOMAIN}": "secret" for name in (*many, *speed, *quiet, *large, *warm)}
        names = [f"{name}.{DOMAIN}" for name in (*(f"{distance}ms" for distance in DISTANCES), "near")]
        self._mail = stack.enter_context(MailHost(users, self._authority, names=names))
        self._open_mailboxes(users)
        common = list(letters(max(messages, FEW), ALIAS))
        for name in speed:
            self._fill(name, common[:messages])
        for name in (*quiet, *warm):
            self._fill(name, common[:FEW])
        for number, name in enumerate(many):
            self._fill(name, [common[number % len(common)]])
        for name in large:
            self._fill(name, [large_letter(LARGE, ALIAS)])
        self._bundle = self._authority.bundle(self._mail.folder / "bundle.pem")
        self._recorded = self._mail.folder / "commands"
        self._place_hosts()

    def _open_mailboxes(self, users):
        """Log in once to each: Dovecot makes a mailbox and its folders then."""
        context = self._authority.client_context()

        def open_mailbox(user):
            with imaplib.IMAP4_SSL("127.0.0.1", self._mail.ports["imaps"], ssl_context=context) as session:
                session.login(*user)
                session.list()

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(open_mailbox, users.items()))

    def _fill(self, name, mails):
        """Put mails into a mailbox as a delivery does (https://cr.yp.to/proto/maildir.html)."""
        folder = self._mail.mail / f"{name}@{DOMAIN}"
        owner = folder.stat()
        new = folder / "new"
        new.mkdir(exist_ok=True)
        os.chown(new, owner.st_uid, owner.st_gid)
        for number, mail in enumerate(mails):
            path = new / f"{1767600000 + number}.{number}.bench"
            path.write_bytes(signed(mail, name))
            os.chown(path, owner.st_uid, owner.st_gid)

    def _place_hosts(self):
        enter, imaps, pop3s = self._stack.enter_context, self._mail.ports["imaps"], self._mail.ports["pop3s"]
        for distance in DISTANCES:  # a relay for 0 ms too, so that they differ in nothing else
            self._place(f"{distance}ms", {993: enter(DelayRelay(imaps, distance / 1000)).port})
        self._place("near", {993: imaps, 995: pop3s})
        hanging = HangAfterBanner("imap", self._authority.server_context(f"hanging.{DOMAIN}"))
        self._place("hanging", {993: enter(hanging).port})
        server, client = self._authority.server_context(f"quiet.{DOMAIN}"), self._authority.client_context()
        recorders = {
            993: Recorder("imap", imaps, server, client, self._recorded),
            995: Recorder("pop3", pop3s, server, client, self._recorded),
        }
        self._place("quiet", {port: enter(recorder).port for port, recorder in recorders.items()})

    def _place(self, name, ports):
        """Give a host a name and an address; the address leads to loopback."""
        ip = f"203.0.113.{len(self._hosts) + 1}"
        self._hosts[name] = f"{name}.{DOMAIN}"
        self._ports[name] = ports
        self._dns.zone(f"{name}.{DOMAIN}. A {ip}\n")
        self._places.update({(ip, port): to for port, to in ports.items()})

    def as_dict(self):
        return {
            "nameserver": self._dns.nameserver,
            "places": [[ip, port, to] for (ip, port), to in self._places.items()],
            "bundle": str(self._bundle),
            "recorded": str(self._recorded),
            "hosts": self._hosts,
            "ports": self._ports,
        }


def main(messages, accounts, hanging):
    with contextlib.ExitStack() as stack, contextlib.suppress(KeyboardInterrupt):
        world = World(int(messages), int(accounts), int(hanging), stack)
        print(json.dumps(world.as_dict()), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
