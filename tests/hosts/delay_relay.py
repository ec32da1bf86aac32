"""Distance: a relay that makes every answer of a host come later."""
import asyncio
import contextlib
import threading
import time

CHUNK = 65536  # bytes
BACKLOG = 64  # pieces on their way


class DelayRelay:
    """Leads a port of its own to one of a host; what the host says arrives later. A context manager.

    What the client says passes at once, so an answer takes ``delay`` longer: a greeting, a TLS handshake, a
    document, also the end of the connection. Bytes that follow each other keep their distance in time, as on
    a long line. The connection itself costs nothing: the kernel makes it.

    :param target: port of 127.0.0.1
    :param delay: seconds
    """

    def __init__(self, target, delay):
        self._target, self._delay = target, delay
        self.port = None
        self._loop = self._thread = self._server = None
        self._connections = set()

    def __enter__(self):
        return self.start()

    def __exit__(self, *exception):
        self.stop()

    def start(self):
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True, name="relay")
        self._thread.start()
        listener = asyncio.start_server(self._connected, "127.0.0.1", 0, backlog=1000)
        self._server = asyncio.run_coroutine_threadsafe(listener, self._loop).result(5)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def stop(self):
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    async def _end(self):
        self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _connected(self, reader, writer):
        task = asyncio.current_task()
        self._connections.add(task)
        opened = [writer]
        with contextlib.suppress(OSError, asyncio.CancelledError):
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
            opened.append(far_writer)
            await asyncio.gather(self._pass_on(reader, far_writer, 0),
                                 self._pass_on(far_reader, writer, self._delay))
        for each in opened:
            each.transport.abort()
        self._connections.discard(task)

    async def _pass_on(self, reader, writer, delay):
        """Pass on what is read, each piece ``delay`` seconds after it came; then the end."""
        pieces = asyncio.Queue(BACKLOG)
        reading = asyncio.ensure_future(self._read(reader, pieces, delay))
        try:
            while True:
                due, data = await pieces.get()
                await asyncio.sleep(due - time.monotonic())
                if not data:
                    writer.write_eof()
                    return
                writer.write(data)
                await writer.drain()
        finally:
            reading.cancel()

    @staticmethod
    async def _read(reader, pieces, delay):
        data = True
        while data:
            try:
                data = await reader.read(CHUNK)
            except OSError:
                data = b""
            await pieces.put((time.monotonic() + delay, data))
