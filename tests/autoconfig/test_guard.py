import unittest

from odoo.addons.email_account.autoconfig import BlockedAddress, Guard

PUBLIC = (
    "8.8.8.8",
    "1.1.1.1",
    "100.63.255.255",
    "100.128.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.167.255.255",
    "198.17.255.255",
    "223.255.255.255",
    "2a00:1450:4001:812::200e",
    "2606:4700::1111",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
    "2002:808:808::1",
)
REFUSED = (
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::10.0.0.1",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2002:c0a8:101::1",
    "3fff::1",
    "4000::1",
    "fc00::1",
    "fd00:ec2::254",
    "fd20:ce::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
)
NO_ADDRESS = ("", "localhost", "127.1", "0x7f.0.0.1", "2130706433", "0177.0.0.1", "1.2.3.4.5")


class TestGuard(unittest.TestCase):
    def test_public(self):
        for ip in PUBLIC:
            with self.subTest(ip):
                Guard().check(ip)

    def test_refused(self):
        for ip in (*REFUSED, *NO_ADDRESS):
            with self.subTest(ip), self.assertRaises(BlockedAddress) as caught:
                Guard().check(ip, "mail.example.org")
            self.assertEqual(caught.exception.result, "refused")

    def test_everything_allowed(self):
        for ip in REFUSED:
            Guard(["*"]).check(ip)

    def test_network_allowed(self):
        guard = Guard(["10.1.0.0/16", "192.168.7.9", "fd00::/8"])
        for ip in ("10.1.2.3", "192.168.7.9", "fd12::1", "::ffff:10.1.2.3", "64:ff9b::10.1.2.3"):
            guard.check(ip)
        for ip in ("10.2.0.1", "192.168.7.8", "127.0.0.1", "fe80::1"):
            with self.subTest(ip), self.assertRaises(BlockedAddress):
                guard.check(ip)

    def test_host_allowed(self):
        guard = Guard(["mail.internal.example"])
        guard.check("10.0.0.1", "MAIL.internal.example")
        for host in ("other.internal.example", "x.mail.internal.example", ""):
            with self.subTest(host), self.assertRaises(BlockedAddress):
                guard.check("10.0.0.1", host)
