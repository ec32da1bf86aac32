"""Real mail, DNS and web hosts on loopback, for the tests and for ``make run``.

Plain Python: nothing here imports Odoo or the addon, but ``network``, which connects the addon's own
network layer to these hosts.
"""
from .certificates import CertificateAuthority
from .dead_ends import BlackHole, HangAfterBanner, SilentPort
from .delay_relay import DelayRelay
from .dkim_key import DkimKey
from .dns_host import DnsHost
from .mail_host import Delivery, MailHost
from .mail_port import MailPort
from .web_host import WebHost

__all__ = [
    "BlackHole", "CertificateAuthority", "DelayRelay", "Delivery", "DkimKey", "DnsHost", "HangAfterBanner",
    "MailHost", "MailPort", "SilentPort", "WebHost",
]
