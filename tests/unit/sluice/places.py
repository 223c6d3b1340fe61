"""Ports for tests."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from tests.components.processes import free_ports


def free_port() -> int:
    """Returns a port that nobody listens on."""
    (port,) = free_ports(1)
    return port


@contextmanager
def listening(port: int) -> Iterator[None]:
    """Holds a port."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", port))
        holder.listen()
        yield
