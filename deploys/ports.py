"""Gives each app a port of the loopback interface that nobody else has."""

import socket
from collections.abc import Collection

from deploys.failures import NoPortLeft

HOST = "127.0.0.1"


class Ports:
    """The ports of one deployer. A port is held until it is given back, whoever uses it."""

    def __init__(self, first: int, last: int) -> None:
        self._first = first
        self._count = last - first + 1
        self._next = 0
        self._sockets: dict[int, socket.socket] = {}
        self._held: set[int] = set()

    def hold(self, ports: Collection[int]) -> None:
        """Takes note of the ports of apps that run already."""
        self._held.update(ports)

    def reserve(self) -> int:
        """Returns a port to which nobody is bound. Raises `NoPortLeft`.

        It stays bound, by us, until `let_app_bind`: so no other process comes between. A port that
        was given back is taken again only after all others: clients may still ask there for who
        had it before.
        """
        for _ in range(self._count):
            port = self._first + self._next
            self._next = (self._next + 1) % self._count
            if port not in self._held and (bound := _bind(port)):
                self._sockets[port] = bound
                self._held.add(port)
                return port
        raise NoPortLeft(
            f"Each of the {self._count:,} ports for apps, from {self._first:,} on, is taken"
        )

    def let_app_bind(self, port: int) -> None:
        """Unbinds a reserved port, right before its app starts. It remains the app's."""
        if (bound := self._sockets.pop(port, None)) is not None:
            bound.close()

    def close(self) -> None:
        """Unbinds all that no app has begun to use."""
        for port in list(self._sockets):
            self.give_back(port)

    def give_back(self, port: int) -> None:
        """Ends a reservation: its app has ended, or another port is to be tried."""
        self.let_app_bind(port)
        self._held.discard(port)


def is_taken(port: int) -> bool:
    """Tells whether somebody is bound to a port now."""
    if (bound := _bind(port)) is None:
        return True
    bound.close()
    return False


def _bind(port: int) -> socket.socket | None:
    # Not SO_REUSEADDR: with it, a port on which others listen would seem free on some systems.
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        bound.bind((HOST, port))
    except OSError:
        bound.close()
        return None
    return bound
