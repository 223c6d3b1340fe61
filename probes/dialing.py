"""Connects: from a host to a TCP connection, guarded and measured. All checks use it."""

import asyncio
import socket

import aiohappyeyeballs

from probes.findings import of_os_error
from probes.guard import Guard
from probes.hosts import Resolver, ascii_host, info_of, literal, shown
from probes.marks import Marks

SECOND_ADDRESS_AFTER_S = 0.25
"""RFC 8305 5: how long the first address has before the next one is tried beside it."""


class Dialer:
    """Opens the connections of checks."""

    def __init__(self, guard: Guard, resolver: Resolver) -> None:
        self.guard = guard
        self._resolver = resolver

    async def addresses(self, host: str, marks: Marks) -> list[str]:
        """Returns the addresses of a host, all of which may be reached. Raises `Trouble`."""
        name = ascii_host(host)
        address = literal(name)
        if address is not None:
            found = [address]
        else:
            with marks.phase("dns_ms"):
                found = list(await self._resolver.addresses(name))
        self.guard.check_all(found)
        return found

    async def connect(self, host: str, port: int, marks: Marks) -> socket.socket:
        """Returns a connected socket, which the caller closes. Raises `Trouble`."""
        addresses = await self.addresses(host, marks)
        infos = [info_of(address, port, socket.SOCK_STREAM) for address in addresses]
        with marks.phase("connect_ms"):
            try:
                connected = await aiohappyeyeballs.start_connection(
                    infos,
                    happy_eyeballs_delay=SECOND_ADDRESS_AFTER_S,
                    loop=asyncio.get_running_loop(),
                    socket_factory=self.guard.open,
                )
            except (OSError, RuntimeError) as error:
                plain = error if isinstance(error, OSError) else OSError(str(error))
                raise of_os_error(plain, shown(addresses[0], port)) from error
        marks.peer = self.guard.check_peer(connected)
        return connected
