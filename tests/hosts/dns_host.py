"""A DNS server whose zones a test writes as text."""
import errno
import socketserver
import struct
import threading
from collections import defaultdict

from dnslib import CLASS, QTYPE, RCODE, RR, DNSError
from dnslib.server import BaseResolver, DNSHandler, DNSLogger, DNSServer

from .ports import free_ports


class _Silence(DNSError):
    """Makes dnslib send no answer at all."""


class _Garbage:
    """Stands for an answer that is none, but for the id of the question."""

    def __init__(self, request):
        self._id = request.header.id

    def pack(self):
        return struct.pack("!H", self._id) + b"\xff" * 30


class _TCPServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


class DnsHost(BaseResolver):
    """Answers from its zones, over UDP and TCP; a context manager.

    Names of no zone do not exist (NXDOMAIN); a name that exists without records of the type asked for gives
    an empty answer; ``*.example.org`` answers for names that are not written down; CNAMEs are followed.
    Questions are answered side by side.

    :param port: to listen on if it is free; another one if it is not, or not given
    """

    def __init__(self, port=None):
        self._port = port
        self.nameserver = None  # (IP address, port)
        self.queries = []  # (name, type) of every question, e.g. ("example.org", "MX")
        self.authenticated = False  # set the AD flag, as a resolver does that has validated DNSSEC
        self.delay = 0.0  # seconds before each answer
        self._records = defaultdict(list)  # name -> records
        self._faults = {}  # name -> kind of fault
        self._stopping = threading.Event()
        self._servers = []

    def __enter__(self):
        return self.start()

    def __exit__(self, *exception):
        self.stop()

    def start(self):
        self._stopping.clear()
        for _attempt in range(20):  # a port has to be free for UDP and for TCP
            port = free_ports(["dns"], {"dns": self._port} if self._port and not _attempt else None)["dns"]
            try:
                self._listen(port)
            except OSError as error:
                self.stop()
                self._stopping.clear()
                if error.errno != errno.EADDRINUSE:
                    raise
            else:
                self.nameserver = ("127.0.0.1", port)
                return self
        raise OSError("no port is free for UDP and TCP")

    def _listen(self, port):
        quiet = DNSLogger(log="-request,-reply,-truncated,-error,-recv,-send", prefix=False)
        for tcp in (False, True):
            server = DNSServer(self, address="127.0.0.1", port=port, tcp=tcp, logger=quiet,
                               server=_TCPServer if tcp else None, handler=DNSHandler)
            server = server.server
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True, name="DNS host").start()
            self._servers.append(server)

    def stop(self):
        self._stopping.set()
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
        """Never answer questions about these names and those below them ("." is above all)."""
        self._set_fault("silence", names)

    def fail(self, *names):
        """Answer questions about these names and those below them with SERVFAIL."""
        self._set_fault("failure", names)

    def truncate(self, *names):
        """Answer questions about these names and those below them by UDP with nothing but "ask by TCP"."""
        self._set_fault("truncation", names)

    def forge(self, *names):
        """Answer questions about these names and those below them as if others had been asked (wrong id)."""
        self._set_fault("forgery", names)

    def garble(self, *names):
        """Answer questions about these names and those below them with garbage."""
        self._set_fault("garbage", names)

    def clear(self):
        """Forget zones, questions and all else that was set."""
        for kept in (self._records, self.queries, self._faults):
            kept.clear()
        self.authenticated = False
        self.delay = 0.0

    def _set_fault(self, fault, names):
        self._faults.update((_key(name), fault) for name in names)

    def _fault(self, name):
        """The fault that was set for a name or for the nearest one above it, None if there is none."""
        labels = name.split(".")
        parents = [".".join(labels[start:]) for start in range(len(labels) + 1)]
        return next((self._faults[parent] for parent in parents if parent in self._faults), None)

    def resolve(self, request, handler):
        name, kind = _key(request.q.qname), QTYPE[request.q.qtype]
        self.queries.append((name, kind))
        fault = self._fault(name)
        if fault == "silence" or self.delay and self._stopping.wait(self.delay):
            raise _Silence
        if fault == "garbage":
            return _Garbage(request)
        reply = request.reply()
        reply.header.ad = int(self.authenticated)
        if fault == "forgery":
            reply.header.id ^= 0xFFFF
        if fault == "failure":
            reply.header.rcode = RCODE.SERVFAIL
            return reply
        if fault == "truncation" and handler.protocol == "udp":
            reply.header.tc = 1
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
