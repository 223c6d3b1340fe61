"""From the text of a host to the addresses that it means.

An address in any spelling is read here, so that no resolver has a view of its own: as browsers do
(WHATWG URL, 3.5 "ends in a number"), a host whose last part is a number is an address of IPv4, also
in decimal, octal or hexadecimal digits, or it is nothing.
"""

import asyncio
import ipaddress
import re
import socket
from collections.abc import Sequence
from typing import Any, Protocol

import aiodns
from yarl import URL

from probes.findings import Trouble, failed, quoted, unclear
from probes.guard import AddressInfo, SockAddress

_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0[xX][0-9a-fA-F]*)\.?", re.DOTALL)
_ADDRESS_PARTS = re.compile(r"[0-9a-fA-FxX.]+")
QUERY_TIMEOUT_S = 2.0
"""Of one try of one server; the check itself bounds the whole."""
TRIES = 2
NOT_ANSWERING = {aiodns.error.ARES_ECONNREFUSED, aiodns.error.ARES_ENOTINITIALIZED}
NO_SUCH_NAME = {aiodns.error.ARES_ENOTFOUND, aiodns.error.ARES_ENODATA}


class Resolver(Protocol):
    """Turns a name into addresses."""

    async def addresses(self, name: str) -> Sequence[str]:
        """Returns at least one address. Raises `Trouble`."""
        ...

    async def answers(self) -> bool:
        """Tells whether it works at all, whatever became of one name."""
        ...

    async def close(self) -> None:
        """Ends what it holds."""
        ...


class SystemResolver:
    """Asks the servers that this machine is set up with, and its file of hosts, by c-ares.

    It needs no thread for a name: a name whose server is silent holds up no other.
    """

    def __init__(self, nameservers: Sequence[str] = (), port: int | None = None) -> None:
        options: dict[str, Any] = {} if port is None else {"udp_port": port, "tcp_port": port}
        self._ares = aiodns.DNSResolver(
            list(nameservers) or None, timeout=QUERY_TIMEOUT_S, tries=TRIES, **options
        )

    async def addresses(self, name: str) -> Sequence[str]:
        """Returns the addresses of a name, those of IPv6 and IPv4. Raises `Trouble`."""
        try:
            found = await self._ares.getaddrinfo(name, family=socket.AF_UNSPEC)
        except aiodns.error.DNSError as error:
            raise _unresolved(name, error) from error
        addresses = [node.addr[0] for node in found.nodes]
        texts = [one.decode() if isinstance(one, bytes) else str(one) for one in addresses]
        unique = list(dict.fromkeys(texts))
        if not unique:
            raise failed("dns", f"the name {quoted(name)} has no address")
        return unique

    async def answers(self) -> bool:
        """Tells whether a server says anything of the root: each has that at hand, if only "no"."""
        try:
            async with asyncio.timeout(QUERY_TIMEOUT_S):
                await self._ares.query_dns(".", "NS")
        except TimeoutError:
            return False
        except aiodns.error.DNSError as error:
            return error.args[0] not in (*NOT_ANSWERING, aiodns.error.ARES_ETIMEOUT)
        return True

    async def close(self) -> None:
        """Ends what it holds."""
        await self._ares.close()


def _unresolved(name: str, error: aiodns.error.DNSError) -> Trouble:
    code, said = (*error.args, "")[:2]
    if code in NO_SUCH_NAME:
        return failed("dns", f"the name {quoted(name)} does not exist, or has no address")
    if code in NOT_ANSWERING:
        return unclear("resolver", f"this prober's resolver does not answer: {said}")
    if code == aiodns.error.ARES_ETIMEOUT:
        return failed("timeout", f"no server of DNS said in time what {quoted(name)} is")
    return failed("dns", f"the name {quoted(name)} could not be resolved: {said}")


def ascii_host(text: str) -> str:
    """Returns a host as it goes over the wire. Raises `Trouble` for what is no host."""
    try:
        host = URL.build(scheme="http", host=text.strip("[]")).raw_host
    except ValueError as error:
        raise unclear("invalid_target", f"{quoted(text)} is no host: {error}") from error
    if not host or len(host) > 253:
        raise unclear("invalid_target", f"{quoted(text)} is no host: 1 to 253 characters are")
    return host


def literal(host: str) -> str | None:
    """Returns the address that a host is, in its usual form; `None` for a name.

    Raises `Trouble` for what ends in a number and is no address.
    """
    plain = host.strip("[]").replace("%25", "%")
    try:
        return str(ipaddress.ip_address(plain))
    except ValueError:
        pass
    if ":" in plain or "%" in plain or "\x00" in plain:
        raise unclear("invalid_target", f"{quoted(host)} is no host")
    if not _NUMBER.fullmatch(plain):
        return None
    try:
        if not _ADDRESS_PARTS.fullmatch(plain):
            raise OSError
        return socket.inet_ntoa(socket.inet_aton(plain.removesuffix(".")))
    except OSError:
        raise unclear("invalid_target", f"{quoted(host)} ends in a number and is no address") from (
            None
        )


def info_of(address: str, port: int, kind: socket.SocketKind) -> AddressInfo:
    """Returns an address in the form that sockets take."""
    is_v4 = ":" not in address
    family = socket.AF_INET if is_v4 else socket.AF_INET6
    protocol = socket.IPPROTO_TCP if kind == socket.SOCK_STREAM else 0
    target: SockAddress
    if is_v4:
        target = (address, port)
    else:
        plain, _, zone = address.partition("%")
        target = (plain, port, 0, _zone_number(zone))
    return (family, kind, protocol, "", target)


def _zone_number(zone: str) -> int:
    if not zone or zone.isdecimal():
        return int(zone or 0)
    try:
        return socket.if_nametoindex(zone)
    except OSError:
        raise unclear("invalid_target", f"this prober has no interface {quoted(zone)}") from None


def shown(host: str, port: int) -> str:
    """Returns host and port as people write them."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
