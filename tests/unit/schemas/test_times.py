from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.times import EARLIEST, EPOCH, LATEST, from_us, parse_timestamp_us

MOMENTS = st.integers(-(69 * 365 * 86_400 * 10**6), 329 * 365 * 86_400 * 10**6).map(from_us)
OFFSETS = st.integers(-23 * 60 - 59, 23 * 60 + 59)


@pytest.mark.parametrize(
    "text",
    [
        "2025-01-01t00:00:00Z",
        "2025-01-01T00:00:00z",
        "2025-01-01 00:00:00Z",
        "2025-01-01T00:00:00",
        "2025-01-01T00:00:00+0000",
        "2025-01-01T00:00:00+00",
        "2025-01-01T24:00:00Z",
        "2025-01-01T00:60:00Z",
        "2025-01-01T00:00:60Z",
        "2025-02-29T00:00:00Z",
        "2025-13-01T00:00:00Z",
        "2025-04-31T00:00:00Z",
        "2025-1-01T00:00:00Z",
        "2025-01-01T00:00:00.Z",
        "2025-01-01T00:00:00,5Z",
        "2025-01-01",
        "2025-W01-1T00:00:00Z",
        " 2025-01-01T00:00:00Z",
        "2025-01-01T00:00:00Z\n",
        "٢٠٢٥-01-01T00:00:00Z",
        "",
        "now",
    ],
)
def test_what_the_contract_refuses_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="Invalid ISO datetime"):
        parse_timestamp_us(text)


@pytest.mark.parametrize(
    "text", ["1899-12-31T23:59:59Z", "2300-01-01T00:00:00Z", "1000-01-01T00:00Z"]
)
def test_a_time_that_the_store_cannot_hold_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="1900-01-01"):
        parse_timestamp_us(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-01-01T00:00Z", datetime(2025, 1, 1, tzinfo=UTC)),
        ("2025-01-01T00:00:00.123456789Z", datetime(2025, 1, 1, 0, 0, 0, 123456, UTC)),
        ("2025-01-01T00:00:00.1Z", datetime(2025, 1, 1, 0, 0, 0, 100000, UTC)),
        ("2024-02-29T12:30:45+05:30", datetime(2024, 2, 29, 7, 0, 45, tzinfo=UTC)),
        ("2025-01-01T00:00:00-00:00", datetime(2025, 1, 1, tzinfo=UTC)),
    ],
)
def test_what_the_contract_accepts_is_read(text: str, expected: datetime) -> None:
    assert from_us(parse_timestamp_us(text)) == expected


@given(MOMENTS, OFFSETS)
def test_a_moment_survives_any_zone_to_the_microsecond(moment: datetime, minutes: int) -> None:
    text = moment.astimezone(timezone(timedelta(minutes=minutes))).isoformat()

    assert parse_timestamp_us(text) == (moment - EPOCH) // timedelta(microseconds=1)


@given(st.text(max_size=40))
def test_any_text_is_a_time_or_a_value_error(text: str) -> None:
    try:
        moment = from_us(parse_timestamp_us(text))
    except ValueError:
        return
    assert EARLIEST <= moment <= LATEST
