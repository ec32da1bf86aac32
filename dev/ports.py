"""Ports of this machine: taken when they are chosen, so that two commands never choose the same."""
import contextlib
import fcntl
import os
import socket
import sys
import tempfile

_reserved = []  # open lock files


def listen(port):
    """A socket that listens on a port of 127.0.0.1.

    :raises OSError: when it is taken, or not for us
    """
    server = socket.socket()
    try:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", port))
        server.listen(128)
    except BaseException:
        server.close()
        raise
    return server


def listen_from(first, last):
    """A socket that listens on the first port that is free; None if all are taken."""
    for port in range(first, last + 1):
        with contextlib.suppress(OSError):
            return listen(port)
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
    try:
        listen(port).close()
    except OSError:
        file.close()
        return False
    _reserved.append(file)
    return True
