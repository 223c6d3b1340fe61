import pytest

from ingest.quotas import Quotas
from ingest.rejections import RateLimited


def test_each_key_has_a_minute_of_its_own() -> None:
    quotas = Quotas(2)
    quotas.take("a")
    quotas.take("a")

    with pytest.raises(RateLimited, match="2 requests a minute") as refused:
        quotas.take("a")

    quotas.take("b")
    assert 1 <= refused.value.retry_after_s <= 60


def test_zero_is_no_limit() -> None:
    quotas = Quotas(0)

    for _ in range(10_000):
        quotas.take("a")
