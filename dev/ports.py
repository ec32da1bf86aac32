"""Ports of this machine: taken when they are chosen, so that two commands never choose the same."""
import errno
import fcntl
import os
import socket
import sys
import tempfile

_reserved = []  # open lock files


def listen(port, last=None):
    """A socket that listens on a port of 127.0.0.1, or on the first that is free up to ``last``.

    :return: None if they are all taken
    """
    for number in range(port, (last or port) + 1):
        server = socket.socket()
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind(("127.0.0.1", number))
            server.listen(128)
        except OSError as error:
            server.close()
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
        else:
            return server
    return None


def port_or_exit(text):
    """The port that PORT in the environment names.

    :raises SystemExit: when it is none
    """
    if not text.isdecimal() or not 0 < int(text) < 65536:
        sys.exit(f"dev: PORT={text} is no port: choose one, for example PORT=8080 make run.")
    return int(text)


def free_port(first):
    """The first free port from a number on, for a program that binds it itself.

    Until this process ends no other command of this kind is given it, on this machine.
    """
    return next(port for port in range(first, 65536) if _reserve(port))


def _reserve(port):
    path = os.path.join(tempfile.gettempdir(), f"email_account-{os.getuid()}-port-{port}.lock")
    file = open(path, "a")  # noqa: SIM115, it stays open
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return False
    server = listen(port)
    if not server:
        file.close()
        return False
    server.close()
    _reserved.append(file)
    return True
