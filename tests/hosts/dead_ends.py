"""Ports that never answer."""
import socket


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
