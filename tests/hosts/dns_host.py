"""A DNS server whose zones a test writes as text."""
import socketserver
import threading
from collections import defaultdict

from dnslib import CLASS, QTYPE, RCODE, RR, DNSError
from dnslib.server import BaseResolver, DNSHandler, DNSLogger, DNSServer

from .ports import free_ports


class _Silence(DNSError):
    """Makes dnslib send no answer at all."""


class _TCPServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


class DnsHost(BaseResolver):
    """Answers from its zones, over UDP and TCP; a context manager.

    Names of no zone do not exist (NXDOMAIN); a name that exists without records of the type asked for gives
    an empty answer; ``*.example.org`` answers for names that are not written down; CNAMEs are followed.

    :param port: to listen on; a free one if it is not given
    """

    def __init__(self, port=None):
        self._port = port
        self.nameserver = None  # (IP address, port)
        self.queries = []  # (name, type) of every question, e.g. ("example.org", "MX")
        self.authenticated = False  # set the AD flag, as a resolver does that has validated DNSSEC
        self._records = defaultdict(list)  # name -> records
        self._silent = set()
        self._failing = set()
        self._servers = []

    def __enter__(self):
        return self.start()

    def __exit__(self, *exception):
        self.stop()

    def start(self):
        port = self._port or free_ports(["dns"])["dns"]
        quiet = DNSLogger(log="-request,-reply,-truncated,-error,-recv,-send", prefix=False)
        for tcp in (False, True):
            server = DNSServer(self, address="127.0.0.1", port=port, tcp=tcp, logger=quiet,
                               server=_TCPServer if tcp else None, handler=DNSHandler)
            server = server.server
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True, name="DNS host").start()
            self._servers.append(server)
        self.nameserver = ("127.0.0.1", port)
        return self

    def stop(self):
        for server in self._servers:
            server.shutdown()
            server.server_close()
        self._servers.clear()

    def zone(self, text):
        """Add records, written as in a zone file.

        :param text: may begin with ``$ORIGIN``; targets of SRV records are to be written in full
        """
        for record in RR.fromZone(text, ttl=60):
            self._records[_key(record.rname)].append(record)

    def silence(self, *names):
        """Never answer questions about these names and those below them."""
        self._silent.update(_key(name) for name in names)

    def fail(self, *names):
        """Answer questions about these names and those below them with SERVFAIL."""
        self._failing.update(_key(name) for name in names)

    def clear(self):
        """Forget zones, questions and all else that was set."""
        for kept in (self._records, self.queries, self._silent, self._failing):
            kept.clear()
        self.authenticated = False

    def resolve(self, request, handler):
        name, kind = _key(request.q.qname), QTYPE[request.q.qtype]
        self.queries.append((name, kind))
        if _is_below(name, self._silent):
            raise _Silence
        reply = request.reply()
        reply.header.ad = int(self.authenticated)
        if _is_below(name, self._failing):
            reply.header.rcode = RCODE.SERVFAIL
            return reply
        for _ in range(8):  # CNAMEs
            records = self._find(name)
            if records is None:
                reply.header.rcode = RCODE.NXDOMAIN
                break
            reply.add_answer(*[r for r in records if r.rtype == request.q.qtype and r.rclass == CLASS.IN])
            alias = next((r for r in records if r.rtype == QTYPE.CNAME), None)
            if not alias or kind == "CNAME":
                break
            reply.add_answer(alias)
            name = _key(alias.rdata.label)
        return reply

    def _find(self, name):
        """Records of a name; None when there is no such name."""
        if name in self._records:
            return self._records[name]
        if any(known.endswith("." + name) for known in self._records):
            return []
        labels = name.split(".")
        for start in range(1, len(labels)):
            pattern = ".".join(["*", *labels[start:]])
            if pattern in self._records:
                return [RR(name, r.rtype, r.rclass, r.ttl, r.rdata) for r in self._records[pattern]]
        return None


def _key(name):
    return str(name).rstrip(".").lower()


def _is_below(name, tops):
    return any(name == top or name.endswith("." + top) for top in tops)
