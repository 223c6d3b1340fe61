"""Whether a request comes from a person at this machine, or through a proxy that runs on it.

A bare `proxy_pass` of nginx sends a local address, a local `Host` and no header of its own, so none
of these tells. What tells is which user's program holds the other end of the connection: proxies
run as system accounts. Linux says so in `/proc/net/tcp` and `/proc/net/tcp6`.
"""

import ipaddress
import os
import socket
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
# login.defs(5), UID_MIN and UID_MAX: accounts of people. Below are those of the system's programs,
# above nobody and what containers map.
PEOPLE = range(1_000, 60_000)
FORWARDING = ("forwarded", "x-forwarded-", "x-real-ip", "via", "cf-connecting-ip", "true-client-ip")
"""What names of headers begin with that a proxy adds."""
_ESTABLISHED = "01"  # include/net/tcp_states.h; others may have lost their owner

Address = tuple[str, int]
_Ip = ipaddress.IPv4Address | ipaddress.IPv6Address


class LocalPeers:
    """Tells people at this machine from everybody else.

    Where the system has no such tables, whoever connects to a server that listens on a loopback
    address alone passes, and nobody else.
    """

    def __init__(self, listens_on: str) -> None:
        self._on_loopback_alone = is_loopback(listens_on)

    def is_person(self, peer: Address, server: Address) -> bool:
        """Tell whether a person's program, our own user's or root's holds the other end.

        Reads the system's tables: call it in a thread.
        """
        if not is_loopback(peer[0]):
            return False
        if not sys.platform.startswith("linux"):
            return self._on_loopback_alone
        owner = owner_of(peer, server)
        return owner is not None and (owner in (0, os.geteuid()) or owner in PEOPLE)


def owner_of(peer: Address, server: Address) -> int | None:
    """Return the user whose program holds the peer's end of a connection, `None` when unknown."""
    ports = f":{peer[1]:04X}", f":{server[1]:04X}"
    wanted = _plain(peer[0]), _plain(server[0])
    for table in TABLES:
        for line in _lines(table):
            _, local, remote, state, *_, owner = line.split()[:8]
            if state != _ESTABLISHED or (local[-5:], remote[-5:]) != ports:
                continue
            if (_ip(local[:-5]), _ip(remote[:-5])) == wanted:
                return int(owner)
    return None


def is_forwarded(headers: Iterable[str]) -> bool:
    """Tell whether names of headers, in lower case, say that a proxy sent the request."""
    return any(name.startswith(FORWARDING) for name in headers)


def is_loopback(address: str) -> bool:
    """Tell whether an address is of this machine alone."""
    try:
        return _plain(address).is_loopback
    except ValueError:
        return address == "localhost"


def _lines(table: Path) -> Iterator[str]:
    try:
        with table.open(encoding="ascii") as lines:
            next(lines, None)  # the names of the columns
            yield from lines
    except OSError:
        return  # such as a kernel without IPv6


def _ip(words: str) -> _Ip:
    """Read `0100007F`, or four such: words of 32 bits in the machine's order."""
    raw = b"".join(
        int(words[at : at + 8], 16).to_bytes(4, sys.byteorder) for at in range(0, len(words), 8)
    )
    family = socket.AF_INET if len(raw) == 4 else socket.AF_INET6
    return _plain(socket.inet_ntop(family, raw))


def _plain(address: str) -> _Ip:
    """Read an address; IPv4 inside IPv6 is IPv4. Raises `ValueError`."""
    ip = ipaddress.ip_address(address)
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return mapped or ip
