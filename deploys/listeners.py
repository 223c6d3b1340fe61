"""Proves that who listens on an app's port is the app.

A port is free for a while when its app has ended, and any process of this machine may take it then:
the app of somebody else, for one. Whoever passes requests on asks here before and after it has
connected. If the same sockets listen both times, and all are the app's own, it reached the app.
"""

import asyncio
import errno
import socket
import struct
import time
from typing import NamedTuple

import structlog

from deploys.supervision.kin import descendants, is_alive, pid_namespace, sockets_of
from schemas.deploys.routing import Owner

UNKNOWN = frozenset({0})
"""Where nobody can tell who listens. No socket has this number."""
LOOK_AGAIN_S = 1.0
"""Who was found to be another's is looked at again so often at most: a look goes over all processes
of the machine."""

SOCK_DIAG = 4
DIAG_OF_ALL_FAMILIES = 18
"""The older way to ask (TCPDIAG_GETSOCK), which answers of IPv4 and IPv6 at once: sock_diag(7)."""
DUMP_REQUEST = 0x301
ERROR, DONE = 2, 3
LISTENING = 1 << 10
HEAD = struct.Struct("=IHHII")
NUMBER_AT = HEAD.size + 68
"""Of a socket, in an answer (`inet_diag_msg.idiag_inode`)."""

log = structlog.get_logger(__name__)


class _Seen(NamedTuple):
    """What is known of the sockets on a port."""

    owner: Owner
    own: frozenset[int]
    others: frozenset[int]
    at_s: float


class Listeners:
    """What is known of who listens on this machine."""

    def __init__(self) -> None:
        self._seen: dict[int, _Seen] = {}
        self._looking = asyncio.Lock()
        self._is_unable = False

    async def of(self, owner: Owner, port: int) -> frozenset[int] | None:
        """Returns the sockets that listen on a port; `None` where one of them is not the owner's.

        Where nobody can tell, it is always the same value. Linux takes some 30 µs, and some
        milliseconds when a socket is seen for the first time.
        """
        if self._is_unable or owner.namespace != pid_namespace():
            return UNKNOWN
        try:
            found = listening_on(port)
        except OSError as error:
            self._is_unable = True
            log.warning("nobody can tell who listens on ports of apps", reason=str(error))
            return UNKNOWN
        if not found <= self._own(owner, port):
            async with self._looking:
                if not found <= self._own(owner, port):
                    await self._look(owner, port, found)
        return found if found <= self._own(owner, port) else None

    def _own(self, owner: Owner, port: int) -> frozenset[int]:
        seen = self._seen.get(port)
        return seen.own if seen is not None and seen.owner == owner else frozenset()

    async def _look(self, owner: Owner, port: int, found: frozenset[int]) -> None:
        seen = self._seen.get(port)
        if (
            seen is not None
            and seen.owner == owner
            and found & seen.others
            and time.monotonic() - seen.at_s < LOOK_AGAIN_S
        ):
            return
        held = await asyncio.to_thread(_held_by, owner)
        own = found if held is None else found & held
        self._seen[port] = _Seen(owner, own, found - own, time.monotonic())


def listening_on(port: int) -> frozenset[int]:
    """Returns the numbers of the sockets that listen on a port, on whatever address.

    Raises `OSError` where the kernel does not tell.
    """
    of = struct.pack("=BBBB", socket.AF_INET, 0, 0, 0) + struct.pack(">HH", port, 0) + bytes(44)
    request = of + struct.pack("=II", LISTENING, 0)
    head = HEAD.pack(HEAD.size + len(request), DIAG_OF_ALL_FAMILIES, DUMP_REQUEST, 1, 0)
    found: set[int] = set()
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, SOCK_DIAG) as kernel:
        kernel.send(head + request)
        while True:
            answer, at = kernel.recv(1 << 16), 0
            while at < len(answer):
                size, kind, *_ = HEAD.unpack_from(answer, at)
                if kind == DONE:
                    return frozenset(found)
                if kind == ERROR:
                    code = -int(struct.unpack_from("=i", answer, at + HEAD.size)[0])
                    raise OSError(code, errno.errorcode.get(code, "an error"))
                found.add(int(struct.unpack_from("=I", answer, at + NUMBER_AT)[0]))
                at += size + 3 & ~3


def _held_by(owner: Owner) -> frozenset[int] | None:
    """Returns the sockets of an app; `None` where a process of it lets nobody look."""
    if not is_alive(owner.pid, owner.started):
        return frozenset()
    held = [sockets_of(process.pid) for process in descendants(owner.pid)]
    if None in held:
        return None
    return frozenset().union(*(one for one in held if one is not None))
