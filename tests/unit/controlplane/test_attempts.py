import pytest

from controlplane.attempts import AttemptLimits, AttemptRates, network_of
from controlplane.failures import TooManyRequests

ANN = "ann@example.com"


def limits(**rates: int) -> AttemptLimits:
    """Returns limits that nobody meets but those given."""
    wide = {"per_address": 1000, "per_email_and_address": 1000, "per_email": 1000}
    return AttemptLimits(AttemptRates(**{**wide, "signups_per_address": 1000, **rates}))


async def test_an_address_that_tries_too_often_is_told_when_to_come_back() -> None:
    few = limits(per_address=2)
    for _ in range(2):
        await few.count("203.0.113.1")

    with pytest.raises(TooManyRequests) as caught:
        await few.count("203.0.113.1")

    assert isinstance(caught.value.retry_after_s, int)
    assert 1 <= caught.value.retry_after_s <= 61


async def test_a_stranger_who_guesses_locks_the_owner_out_of_no_other_address() -> None:
    usual = AttemptLimits(AttemptRates())
    refused = 0
    for _ in range(1000):
        try:
            await usual.count("203.0.113.1", ANN)
        except TooManyRequests:
            refused += 1

    await usual.count("203.0.113.2", ANN)

    assert refused >= 980  # 10 a minute, and a new minute may have begun


async def test_an_email_at_one_address_is_limited_however_it_is_written() -> None:
    few = limits(per_email_and_address=2)
    await few.count("203.0.113.1", ANN)
    await few.count("203.0.113.1", " ANN@example.com")

    with pytest.raises(TooManyRequests):
        await few.count("203.0.113.1", ANN)
    await few.count("203.0.113.1", "bob@example.com")


async def test_many_addresses_together_guess_no_faster_than_the_email_allows() -> None:
    few = limits(per_email=3)
    for last in range(3):
        await few.count(f"203.0.113.{last}", ANN)

    with pytest.raises(TooManyRequests):
        await few.count("203.0.113.9", ANN)


async def test_an_address_makes_no_more_accounts_in_an_hour_than_it_may() -> None:
    few = limits(signups_per_address=1)
    await few.count_signup("2001:db8:1:2:3:4:5:6")

    with pytest.raises(TooManyRequests) as caught:
        await few.count_signup("2001:db8:1:2:ffff::1")

    assert caught.value.retry_after_s <= 3601
    await few.count_signup("2001:db8:1:3::1")


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
