"""A network of its own for one command: nothing but loopback, its DNS, web and mail hosts on the usual ports.

    python -m hosts.namespace ZONE DOCUMENT COMMAND…

run by ``unshare --net --mount --map-root-user`` in the folder ``tests``. ZONE is the file with the DNS zone,
DOCUMENT the one that every ``autoconfig.*`` host publishes. The command finds the DNS host by
/etc/resolv.conf and the authority of the web host by ``SSL_CERT_FILE``; its exit status is returned.
"""
import fcntl
import os
import socket
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

from .certificates import CertificateAuthority
from .dns_host import DnsHost
from .mail_port import MailPort
from .web_host import WebHost

SIOCSIFFLAGS = 0x8914
IFF_UP = 1


def main(zone, document, *command):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        fcntl.ioctl(sock, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))
    authority = CertificateAuthority()
    with (
        tempfile.TemporaryDirectory() as folder,
        DnsHost(port=53) as dns,
        WebHost(authority, port=443) as web,
        MailPort("imap", "tls", authority, port=993),
        MailPort("smtp", "tls", authority, port=465),
    ):
        resolv = Path(folder) / "resolv.conf"
        resolv.write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
        subprocess.run(["mount", "--bind", resolv, "/etc/resolv.conf"], check=True)
        dns.zone(Path(zone).read_text())
        for record in Path(zone).read_text().split():
            if record.startswith("autoconfig."):
                web.route(record.rstrip("."), "/mail/config-v1.1.xml", Path(document).read_text())
        bundle = authority.bundle(Path(folder) / "bundle.pem")
        return subprocess.run(command, env=dict(os.environ, SSL_CERT_FILE=str(bundle))).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
