"""Where alerts may not be sent."""

import pytest

from alerts.targets import resolve
from schemas.addresses import TargetRefused, check_address

PRIVATE = [
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.7.7", "100.64.0.1", "0.0.0.0",
    "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "ff02::1",
    "::ffff:10.0.0.1", "64:ff9b::10.0.0.1", "2002:0a00:0001::1",
]  # fmt: skip
METADATA = [
    "169.254.169.254", "::ffff:169.254.169.254", "64:ff9b::169.254.169.254", "fd00:ec2::254",
    "100.100.100.200", "168.63.129.16",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_refused_unless_they_are_allowed(address: str) -> None:
    with pytest.raises(TargetRefused, match="SLUICE_PRIVATE_TARGETS=allow"):
        check_address(address, private_allowed=False)

    check_address(address, private_allowed=True)


@pytest.mark.parametrize("address", METADATA)
def test_addresses_of_cloud_metadata_are_always_refused(address: str) -> None:
    for private_allowed in (False, True):
        with pytest.raises(TargetRefused, match="cloud metadata"):
            check_address(address, private_allowed=private_allowed)


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700:4700::1111", "::ffff:1.1.1.1"])
def test_public_addresses_are_fine(address: str) -> None:
    check_address(address, private_allowed=False)


async def test_a_name_is_checked_by_what_it_means() -> None:
    with pytest.raises(TargetRefused):
        await resolve("localhost", 80, private_allowed=False)

    assert await resolve("localhost", 80, private_allowed=True) in ("127.0.0.1", "::1")


@pytest.mark.parametrize("spelling", ["2130706433", "0x7f.1", "0177.0.0.1", "127.1"])
async def test_other_spellings_of_an_address_are_the_same_address(spelling: str) -> None:
    with pytest.raises(TargetRefused):
        await resolve(spelling, 80, private_allowed=False)
