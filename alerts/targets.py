"""Which addresses alerts may be sent to: none within our own networks, unless the operator says so.

An address is checked after its name is resolved, and the connection goes to that very address: a
name that means another one a moment later changes nothing.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address

SETTING = "SLUICE_PRIVATE_TARGETS=allow"
METADATA = frozenset(
    ipaddress.ip_address(text)
    for text in (
        "169.254.169.254",  # AWS, Azure, Google, DigitalOcean, Oracle, ...
        "169.254.170.2",  # AWS: containers
        "169.254.170.23",  # AWS: pods
        "fd00:ec2::254",
        "fd00:ec2::23",
        "100.100.100.200",  # Alibaba
        "192.0.0.192",  # Oracle
        "168.63.129.16",  # Azure: public by its number, and no public machine
    )
)
"""Where clouds give credentials to who asks from inside."""
NAT64 = ipaddress.ip_network("64:ff9b::/96")


class TargetRefused(Exception):
    """Raised when nothing may be sent to an address."""


def check_address(text: str, *, private_allowed: bool) -> None:
    """Raises `TargetRefused` for an address that is not public, or that hands out credentials."""
    for address in _meant(text):
        if address in METADATA:
            raise TargetRefused(f"{text} is an address of cloud metadata: nothing is sent there")
        is_public = address.is_global and not address.is_multicast
        if not is_public and not private_allowed:
            raise TargetRefused(f"{text} is a private address; {SETTING} allows such targets")


async def resolve(host: str, port: int, *, private_allowed: bool) -> str:
    """Returns an address of a host. Raises `TargetRefused` where any of them may not be reached."""
    addresses = await _addresses(host, port)
    for address in addresses:
        check_address(address, private_allowed=private_allowed)
    return addresses[0]


async def _addresses(host: str, port: int) -> Sequence[str]:
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise OSError(f"the name {host} could not be resolved") from error
    return [str(one[4][0]) for one in found]


def _meant(text: str) -> list[IPv4Address | IPv6Address]:
    """Returns an address and those of IPv4 that it stands for."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise TargetRefused(f"{text} is no address") from None
    if isinstance(address, IPv4Address):
        return [address]
    within = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in NAT64:
        within.append(IPv4Address(int(address) & 0xFFFF_FFFF))
    return [one for one in within if one is not None] or [address]
