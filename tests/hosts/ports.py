"""Free ports, and waiting for them to be free again."""
import contextlib
import socket
import sys
import time

# On Linux all of 127.0.0.0/8 is this machine. A client of 127.0.0.2 still comes from 127.0.0.1, so Dovecot
# takes it for a remote one and wants TLS before a password, as real hosts do.
ADDRESSES = ("127.0.0.1", "127.0.0.2") if sys.platform == "linux" else ("127.0.0.1",)


def free_ports(names, wanted=None):
    """Ports that nobody listens on, as ``{name: port}``.

    :param wanted: the ports to take if they are free, as ``{name: port}``
    """
    ports = {}
    with contextlib.ExitStack() as stack:  # all are held until the last is found, so that they differ
        for name in names:
            port = _hold(stack, (wanted or {}).get(name, 0)) or _hold(stack, 0)
            if not port:
                raise OSError("no free port was found")
            ports[name] = port
    return ports


def _hold(stack, port):
    """Occupy a port on all addresses (0: any); return it, or None if it is taken."""
    for _ in range(20):
        held, number = contextlib.ExitStack(), port
        try:
            for address in ADDRESSES:
                probe = held.enter_context(socket.socket())
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((address, number))
                number = probe.getsockname()[1]
        except OSError:
            held.close()
            if port:
                return None
            continue
        stack.enter_context(held)
        return number
    return None


def wait_until_closed(port, timeout=5.0):
    """Wait until a port of 127.0.0.1 refuses connections.

    :raises TimeoutError: when it does not in time
    """
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            return
        time.sleep(0.01)
    raise TimeoutError(f"port {port} still answers")
