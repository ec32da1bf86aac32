"""A web server for any host name, over https (certificates of the tests' own authority) and http."""
import sys
import threading
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from .certificates import CertificateAuthority

READ_TIMEOUT = 10  # seconds
NOT_FOUND = (404, {"Content-Type": "text/plain"}, b"not found\n", None)
MEGABYTE = bytes(1 << 20)


class WebHost:
    """Serves what a test tells it, by host name and path; a context manager.

    :param port: for https; a free one if it is not given

    ``port`` speaks https, ``http_port`` http; both serve the same routes to GET, HEAD and POST. Unknown ones
    answer 404.
    """

    def __init__(self, authority=None, port=0):
        self.authority = authority or CertificateAuthority()
        self._https_port = port
        self.requests = []  # (scheme, host, path with query) of every request
        self.posts = []  # (host, path with query, body) of those with a body
        self.delay = 0.0  # seconds before each answer that has no delay of its own
        self.port = self.http_port = None
        self.stopping = threading.Event()
        self._routes = {}
        self._certificates = {}
        self._servers = []

    def __enter__(self):
        return self.start()

    def __exit__(self, *exception):
        self.stop()

    def start(self):
        for scheme in ("https", "http"):
            server = _Server(self, scheme)
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True, name="web host").start()
            self._servers.append(server)
        self.port, self.http_port = (server.server_address[1] for server in self._servers)
        return self

    def stop(self):
        self.stopping.set()
        for server in self._servers:
            server.shutdown()
            server.server_close()
        self._servers.clear()

    def route(self, host, path, body=b"", status=200, content_type="text/xml", headers=None, delay=None):
        """Answer requests for ``path`` (without query) of ``host``.

        :param path: None for every path that has no route of its own
        :param body: bytes, text, or a function that returns an iterator of bytes: its pieces are sent one by
            one, without a length, until it ends or the client leaves
        :param delay: seconds before the answer begins
        """
        body = body.encode() if isinstance(body, str) else body
        headers = {"Content-Type": content_type, **(headers or {})}
        self._routes[host.lower(), path] = (status, headers, body, delay)

    def redirect(self, host, path, location, status=302):
        self.route(host, path, status=status, headers={"Location": location})

    def drip(self, host, path, body, pause=0.05, **answer):
        """Answer byte by byte, with a pause (seconds) before each."""
        def pieces():
            for byte in body:
                if self.stopping.wait(pause):
                    return
                yield bytes([byte])

        body = body.encode() if isinstance(body, str) else body
        self.route(host, path, pieces, **answer)

    def endless(self, host, path, piece=b" " * 8192, **answer):
        """Answer with the same piece again and again, without a length, until the client leaves."""
        self.route(host, path, lambda: iter(lambda: piece, None), **answer)

    def bomb(self, host, path, megabytes, **answer):
        """Answer with a small gzip body that unpacks to so many megabytes of zeros."""
        packer = zlib.compressobj(9, wbits=31)
        body = b"".join([*(packer.compress(MEGABYTE) for _ in range(megabytes)), packer.flush()])
        self.route(host, path, body, headers={"Content-Encoding": "gzip"}, **answer)

    def certificate(self, host, kind):
        """Show a bad certificate (``certificates.KINDS``) for a host name."""
        self._certificates[host.lower()] = kind

    def clear(self):
        """Forget routes, certificates and requests; answer without delay."""
        for kept in (self._routes, self._certificates, self.requests, self.posts):
            kept.clear()
        self.delay = 0.0

    def find(self, host, path):
        """The answer for a request: ``(status, headers, body, delay)``."""
        any_path = self._routes.get((host.lower(), None), NOT_FOUND)
        return self._routes.get((host.lower(), path), any_path)

    def context(self):
        """A TLS context that knows every host name, and which of them have bad certificates."""
        return self.authority.any_name_context(lambda host: self._certificates.get(host, "valid"))


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, host, scheme):
        self.host, self.scheme = host, scheme
        port = host._https_port if scheme == "https" else 0
        self.context = host.context() if scheme == "https" else None
        super().__init__(("127.0.0.1", port), _Handler)

    def finish_request(self, request, client_address):
        # in the connection's own thread, so that a slow handshake holds up nobody else
        request.settimeout(READ_TIMEOUT)
        if self.scheme == "http":
            return super().finish_request(request, client_address)
        with self.context.wrap_socket(request, server_side=True) as tls:
            return super().finish_request(tls, client_address)

    def handle_error(self, request, client_address):
        if isinstance(sys.exc_info()[1], OSError):  # the client refused the certificate or went away
            return None
        return super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else the body waits 40 ms for the client's word on the headers

    def do_GET(self):
        web = self.server.host
        received = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        host = self.headers.get("Host", "").rpartition(":")[0] or self.headers.get("Host", "")
        web.requests.append((self.server.scheme, host.lower(), self.path))
        if received:
            web.posts.append((host.lower(), self.path, received))
        status, headers, body, delay = web.find(host, urlsplit(self.path).path)
        delay = web.delay if delay is None else delay
        if delay and web.stopping.wait(delay):
            return
        pieces = [body] if isinstance(body, bytes) else body()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if isinstance(body, bytes):
            self.send_header("Content-Length", str(len(body)))
        else:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            for piece in pieces:
                if web.stopping.is_set():
                    return
                self.wfile.write(piece)

    do_HEAD = do_POST = do_GET

    def log_message(self, *arguments):
        pass
