"""Which addresses alerts may be sent to: none within our own networks, unless the operator says so.

The rule is in `schemas.addresses`. An address is checked after its name is resolved, and the
connection goes to that very address: a name that means another one a moment later changes nothing.
"""

import asyncio
import socket
from collections.abc import Sequence

from schemas.addresses import check_address


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
