import pytest

from controlplane.attempts import AttemptLimits, network_of
from controlplane.errors import TooManyRequests


async def test_an_address_that_tries_too_often_is_told_when_to_come_back() -> None:
    limits = AttemptLimits(per_address=2, per_email=100)
    for _ in range(2):
        await limits.count("203.0.113.1")

    with pytest.raises(TooManyRequests) as caught:
        await limits.count("203.0.113.1")

    assert isinstance(caught.value.retry_after_s, int)
    assert 1 <= caught.value.retry_after_s <= 61


async def test_one_email_is_limited_over_all_addresses_however_it_is_written() -> None:
    limits = AttemptLimits(per_address=100, per_email=2)
    await limits.count("203.0.113.1", "ann@example.com")
    await limits.count("203.0.113.2", " ANN@example.com")

    with pytest.raises(TooManyRequests):
        await limits.count("203.0.113.3", "ann@example.com")
    await limits.count("203.0.113.3", "bob@example.com")


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.1", "203.0.113.1"),
        ("::ffff:203.0.113.1", "203.0.113.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("unknown", "unknown"),
    ],
)
def test_one_client_is_one_ipv4_address_or_one_ipv6_network(address: str, network: str) -> None:
    assert network_of(address) == network
