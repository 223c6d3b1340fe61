"""Readers that ask and never read: what they ask for stays on the server's side."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

RECEIVE_BUFFER_BYTES = 4096


@contextmanager
def silent_readers(port: int, key: str, path: str, count: int) -> Iterator[list[socket.socket]]:
    """Yields connections that have asked for a path and read nothing of the answer."""
    with ExitStack() as held:
        yield [held.enter_context(closing(_ask(port, key, path))) for _ in range(count)]


def _ask(port: int, key: str, path: str) -> socket.socket:
    connection = socket.socket()
    # Before it connects: the window is agreed on then.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
    connection.settimeout(15)
    connection.connect(("127.0.0.1", port))
    head = f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\r\n"
    connection.sendall(head.encode())
    return connection
