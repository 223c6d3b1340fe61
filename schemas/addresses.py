"""Which network addresses Sluice may speak to when a user names the target: the one rule for all.

A pure rule about one address. Who connects asks it about the address that the socket is about to
go to, not about a name: a name may mean another address a moment later.

TargetRefused   nothing may be sent to this address
"""

import ipaddress
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
        "fd20:ce::254",  # Google
        "100.100.100.200",  # Alibaba
        "169.254.0.23",  # Tencent
        "169.254.42.42",  # Scaleway
        "fd00:42::42",
        "192.0.0.192",  # Oracle
        "168.63.129.16",  # Azure: public by its number, and no public machine
    )
)
"""Where clouds give credentials to who asks from inside."""
NAT64 = ipaddress.ip_network("64:ff9b::/96")
"""RFC 6052 2.1. The prefix of RFC 8215, for networks' own translators, is private below."""
NOT_PUBLIC = tuple(
    ipaddress.ip_network(text)
    for text in (
        "64:ff9b:1::/48",  # RFC 8215: translated within one network
        "192.88.99.0/24",  # RFC 7526: relays of 6to4, given up
        "::/96",  # RFC 4291 2.5.5.1: addresses of IPv4 in a form that was given up
        "fec0::/10",  # RFC 3879: site-local, given up
        "3fff::/20",  # RFC 9637: documentation
        "5f00::/16",  # RFC 9602: segment routing
    )
)
"""What some versions of `ipaddress` call global, and what no public machine has."""
ISATAP = (0x0000_5EFE, 0x0200_5EFE)
"""RFC 5214 6.1: what stands before an address of IPv4 in the lower half."""


class TargetRefused(Exception):
    """Raised when nothing may be sent to an address."""


def check_address(text: str, *, private_allowed: bool) -> None:
    """Raises `TargetRefused` for an address that is not public, or that hands out credentials."""
    for address in _meant(text):
        if address in METADATA:
            raise TargetRefused(f"{text} is an address of cloud metadata: nothing is sent there")
        if not private_allowed and not _is_public(address):
            raise TargetRefused(f"{text} is a private address; {SETTING} allows such targets")


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if not address.is_global or address.is_multicast or address.is_reserved:
        return False
    return not any(address in network for network in NOT_PUBLIC)


def _meant(text: str) -> list[IPv4Address | IPv6Address]:
    """Returns an address and those of IPv4 that it stands for."""
    try:
        # The zone, as in `fe80::1%eth0`, says which interface; it makes no other address of it.
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        raise TargetRefused(f"{text[:100]} is no address") from None
    if isinstance(address, IPv4Address):
        return [address]
    within = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    low = IPv4Address(int(address) & 0xFFFF_FFFF)
    if address in NAT64:
        within.append(low)
    found: list[IPv4Address | IPv6Address] = [one for one in within if one is not None]
    if int(address) >> 32 & 0xFFFF_FFFF in ISATAP:
        return [*found, low, address]
    return found or [address]
