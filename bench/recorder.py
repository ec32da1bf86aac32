"""Writes down the commands of mail programs to a host."""

import asyncio
import contextlib
import re
import threading

COMMANDS = {
    # RFC 3501 section 2.2.1: a tag, then the command; what goes on after a continuation has no tag
    "imap": re.compile(rb"[A-Za-z0-9.]+ ((?:UID )?[A-Z]+)\b", re.IGNORECASE),
    # RFC 1939 section 3, RFC 2449, RFC 5034
    "pop3": re.compile(
        rb"(USER|PASS|APOP|AUTH|CAPA|STAT|LIST|UIDL|TOP|RETR|DELE|NOOP|RSET|QUIT|UTF8)\b", re.I
    ),
}
CHUNK = 65536


class Recorder:
    """Takes TLS connections and leads them to a port of ours that speaks TLS too; a context manager.

    :param protocol: "imap" or "pop3"
    :param target: port of 127.0.0.1
    :param server: `ssl.SSLContext` of the server that it is for its clients
    :param client: `ssl.SSLContext` for the connection to the target
    :param path: of the file to which the name of each command is added, one a line, before it is passed on
    """

    def __init__(self, protocol, target, server, client, path):
        self._pattern, self._target, self._path = COMMANDS[protocol], target, path
        self._server_context, self._client_context = server, client
        self.port = None

    def __enter__(self):
        self._file = self._path.open("a", buffering=1)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True, name="recorder")
        self._thread.start()
        listener = asyncio.start_server(self._connected, "127.0.0.1", 0, ssl=self._server_context)
        self._server = asyncio.run_coroutine_threadsafe(listener, self._loop).result(5)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *exception):
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()
        self._file.close()

    async def _end(self):
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _connected(self, reader, writer):
        opened = [writer]
        with contextlib.suppress(OSError, asyncio.CancelledError):
            far_reader, far_writer = await asyncio.open_connection(
                "127.0.0.1", self._target, ssl=self._client_context, server_hostname="localhost"
            )
            opened.append(far_writer)
            await asyncio.gather(self._record(reader, far_writer), self._pass_on(far_reader, writer))
        for each in opened:
            each.transport.abort()

    async def _record(self, reader, writer):
        """Pass on what the client says, line by line."""
        while line := await reader.readline():
            command = self._pattern.match(line)
            if command:
                self._file.write(f"{command[1].decode().upper()}\n")
            writer.write(line)
            await writer.drain()
        writer.transport.abort()

    @staticmethod
    async def _pass_on(reader, writer):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
        writer.close()
