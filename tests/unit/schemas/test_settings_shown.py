"""What settings look like where a log line or an error shows them."""

import pytest

from schemas.settings import SECRETS, Settings
from sluice.cluster import kafka_of

WORD = "hunter2-is-a-password"


@pytest.mark.parametrize("name", sorted(SECRETS))
def test_no_secret_is_shown(name: str) -> None:
    assert WORD not in repr(Settings(**{name: WORD}))


def test_the_address_of_kafka_shows_no_password() -> None:
    settings = Settings(
        kafka_url="kafka://broker:9092",
        kafka_security_protocol="SASL_SSL",
        kafka_sasl_username="ann",
        kafka_sasl_password=WORD,
    )

    assert WORD not in repr(kafka_of(settings))
