"""Ports that never answer, or not for long."""
import asyncio
import contextlib
import socket
import threading


class SilentPort:
    """Takes connections and datagrams and says nothing; a context manager."""

    def __init__(self):
        self.port = None
        self._sockets = []

    def __enter__(self):
        stream = socket.create_server(("127.0.0.1", 0), backlog=1000)  # the kernel takes what nobody accepts
        self.port = stream.getsockname()[1]
        datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sockets = [stream, datagrams]
        datagrams.bind(("127.0.0.1", self.port))
        return self

    def __exit__(self, *exception):
        for each in self._sockets:
            each.close()
        self._sockets.clear()


class BlackHole:
    """Connections to it neither succeed nor fail, as behind a firewall that drops packets; a context manager.

    Its queue of connections is full and nobody takes one out; Linux then ignores further ones.
    """

    def __init__(self):
        self.port = None
        self._sockets = []

    def __enter__(self):
        full = socket.socket()
        self._sockets = [full]
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        self.port = full.getsockname()[1]
        for _ in range(100):
            waiting = socket.socket()
            self._sockets.append(waiting)
            waiting.settimeout(0.1)
            try:
                waiting.connect(("127.0.0.1", self.port))
            except TimeoutError:
                return self
        self.__exit__()
        raise OSError("this system takes connections even when the queue is full")

    def __exit__(self, *exception):
        for each in self._sockets:
            each.close()
        self._sockets.clear()


class HangAfterBanner:
    """A mail server that greets and then says no more; a context manager.

    One thread serves all its connections, so any number of clients may hang on it.

    :param protocol: "imap", "pop3" or "smtp"
    :param context: TLS from the first byte, with the certificate of this context; none if it is not given
    """

    BANNERS = {"imap": b"* OK ready\r\n", "pop3": b"+OK ready\r\n", "smtp": b"220 mail.example ESMTP\r\n"}

    def __init__(self, protocol, context=None):
        self._banner, self._context = self.BANNERS[protocol], context
        self.port = None
        self.connections = 0
        self._loop = self._thread = self._server = None

    def __enter__(self):
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True, name="hanging server")
        self._thread.start()
        listener = asyncio.start_server(self._greet, "127.0.0.1", 0, ssl=self._context, backlog=1000)
        self._server = asyncio.run_coroutine_threadsafe(listener, self._loop).result(5)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *exception):
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    async def _greet(self, reader, writer):
        self.connections += 1
        writer.write(self._banner)
        with contextlib.suppress(OSError, asyncio.CancelledError):
            while await reader.read(4096):
                pass
        writer.transport.abort()

    async def _end(self):
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
