"""An echo of ICMP, by the kernel's own sockets for it, which need no privilege.

Linux gives them to the groups of `net.ipv4.ping_group_range`. Elsewhere the check says so.
"""

import asyncio
import itertools
import secrets
import socket
import struct

from probes.findings import Finding, of_os_error, unclear
from probes.hosts import info_of
from probes.marks import Marks
from probes.tools import Tools
from schemas.uptime.targets import Target

ECHO_V4, ECHO_V6 = 8, 128
TRIES = 3
"""Within the timeout: one lost packet is no outage."""
PAYLOAD_BYTES = 16
ANY_PORT = 1
"""ICMP has none; Linux takes a socket with port 0 for one that is not connected."""
_SEQUENCE = itertools.count(1)


async def look(target: Target, tools: Tools, marks: Marks) -> Finding:
    """Sends echoes until one comes back. Raises `Trouble`; never returns where none does."""
    address = (await tools.dialer.addresses(target.host, marks))[0]
    wait_s = min(target.timeout_ms, target.interval_seconds * 800) / 1000 / TRIES
    with _opened(address, tools) as echo:
        echo.setblocking(False)
        try:
            # At once for datagrams; the loop's own would look the address up, and knows no ICMP.
            echo.connect(info_of(address, ANY_PORT, echo.type)[4])
            marks.peer = tools.guard.check_peer(echo)
            with marks.phase("first_byte_ms"):
                while not await _heard(echo, wait_s):
                    pass
        except OSError as error:
            raise of_os_error(error, target.host) from error
    return Finding()


def _opened(address: str, tools: Tools) -> socket.socket:
    family, kind, _, name, target = info_of(address, ANY_PORT, socket.SOCK_DGRAM)
    is_v4 = family == socket.AF_INET
    protocol = socket.IPPROTO_ICMP if is_v4 else socket.IPPROTO_ICMPV6
    try:
        return tools.guard.open((family, kind, protocol, name, target))
    except OSError as error:
        raise unclear(
            "unsupported",
            f"this prober may not send ICMP ({error.strerror}): on Linux, let its group in by"
            " sysctl net.ipv4.ping_group_range, or monitor a TCP port instead",
        ) from error


async def _heard(echo: socket.socket, wait_s: float) -> bool:
    loop = asyncio.get_running_loop()
    token = secrets.token_bytes(PAYLOAD_BYTES)
    await loop.sock_sendall(echo, packet(echo.family, next(_SEQUENCE) & 0xFFFF, token))
    try:
        async with asyncio.timeout(wait_s):
            # Late answers to earlier echoes have another token.
            while token not in await loop.sock_recv(echo, 2048):
                pass
    except TimeoutError:
        return False
    return True


def packet(family: int, sequence: int, payload: bytes) -> bytes:
    """Returns an echo request, RFC 792 and RFC 4443 4.1; Linux itself sets the identifier."""
    kind = ECHO_V4 if family == socket.AF_INET else ECHO_V6
    plain = struct.pack("!BBHHH", kind, 0, 0, 0, sequence) + payload
    # For IPv6 the kernel does it, with addresses that only it knows.
    total = _checksum(plain) if kind == ECHO_V4 else 0
    return struct.pack("!BBHHH", kind, 0, total, 0, sequence) + payload


def _checksum(data: bytes) -> int:
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF
