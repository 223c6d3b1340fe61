"""The guard at the socket: no probe connects where users may not send it.

It is asked with the address that a socket is about to connect to, by whoever opens one: for the
first hop, for each redirect, and whatever a name meant a moment before. The rule itself is in
`schemas.addresses`, which alerts and webhooks share.
"""

import socket
from collections.abc import Iterable

from probes.findings import Trouble, unclear
from schemas.addresses import TargetRefused, check_address

SockAddress = tuple[str, int] | tuple[str, int, int, int]
AddressInfo = tuple[int, int, int, str, SockAddress]
"""As `getaddrinfo` gives them: family, type, protocol, canonical name, address."""


class Guard:
    """The one place where a probe gets a socket."""

    def __init__(self, *, private_allowed: bool) -> None:
        self._private_allowed = private_allowed

    def check(self, address: str) -> None:
        """Raises `Trouble` for an address that probes may not speak to."""
        try:
            check_address(address, private_allowed=self._private_allowed)
        except TargetRefused as refused:
            raise _refused(refused) from refused

    def check_all(self, addresses: Iterable[str]) -> None:
        """Raises `Trouble` where any address of a name is refused: it may choose another next."""
        for address in addresses:
            self.check(address)

    def open(self, info: AddressInfo) -> socket.socket:
        """Returns a socket for an address that may be connected to. Raises `Trouble`."""
        family, kind, protocol, _, address = info
        self.check(str(address[0]))
        return socket.socket(family, kind, protocol)

    def check_peer(self, opened: socket.socket) -> str:
        """Returns the address at the other end. Raises `Trouble`, and closes, if it is refused."""
        try:
            peer = str(opened.getpeername()[0])
            self.check(peer)
        except BaseException:
            opened.close()
            raise
        return peer


def _refused(refused: TargetRefused) -> Trouble:
    return unclear("refused_target", str(refused))
