"""A listener to which nobody may get."""

import queue
import socket
import threading

PATIENCE = 10  # seconds, for what is there already


class Trap:
    """Listens on a port of loopback and counts who connects; a context manager.

    :ivar int port: of 127.0.0.1
    """

    def __init__(self):
        self.port = None
        self._server = None
        self._clients = queue.SimpleQueue()  # their ports

    def __enter__(self):
        self._server = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True, name="trap").start()
        return self

    def __exit__(self, *exception):
        self._server.shutdown(socket.SHUT_RDWR)  # wakes who waits for the next one
        self._server.close()

    def _accept(self):
        while True:
            try:
                client, address = self._server.accept()
            except OSError:
                return
            client.close()
            self._clients.put(address[1])

    def count(self):
        """Return how many have connected since it was asked last.

        They are accepted in the order in which they came: one of our own is the last.
        """
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as own:
            number, found = own.getsockname()[1], 0
            while self._clients.get(timeout=PATIENCE) != number:
                found += 1
            return found
