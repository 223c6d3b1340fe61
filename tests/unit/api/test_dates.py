"""Dates as JavaScript reads them."""

import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.dates import date_range, parse_date, strict_range
from api.parameters import InvalidParameters

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
JUNE_1 = 1_748_736_000_000_000
MOMENTS = st.datetimes(
    min_value=datetime(1900, 1, 2),  # noqa: DTZ001  # hypothesis takes bare bounds
    max_value=datetime(2299, 12, 30),  # noqa: DTZ001  # the same
    timezones=st.integers(-14 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m))),
)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "yesterday",
        "2025-13-01",
        "2025-02-30",
        "2025-06-01T25:00",
        "--",
        "1e9",
        "25/11/2026",
        "2/30/2025",
        "2025-6",
        "6/1/2025 13:00 PM",
        "6/1/25",
    ],
)
def test_what_is_no_date_is_refused(text: str) -> None:
    assert parse_date(text, "from") is None


@pytest.mark.parametrize(
    "text",
    [
        "a((((" * 13_000,
        "a" + " " * 65_000 + "(",
        "a" + " (" * 32_000,
        "2025-06-01" + " " * 65_000 + "x",
        "9" * 65_000,
        "Sun, 01 Jun 2025 00:00:00 GMT" + "(" * 65_000,
    ],
    ids=["brackets", "blanks", "both", "iso", "digits", "mail"],
)
@pytest.mark.alone
def test_a_text_without_end_is_refused_at_once(text: str) -> None:
    started = time.monotonic()

    assert parse_date(text, "from") is None

    # A bound for what grows with the square of the length, which took seconds for each text.
    assert time.monotonic() - started < 0.5


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1748736000", JUNE_1),
        ("1748736000000", JUNE_1),
        ("999999999999", 10_413_791_999_999_999),
        ("1000000000000", 1_000_000_000_000_000),
        ("2025-06-01", JUNE_1),
        ("2025-06", JUNE_1),
        ("2025-06-01T00:00", JUNE_1),
        ("2025-06-01T00:00:00", JUNE_1),
        ("2025-06-01 00:00:00", JUNE_1),
        ("2025-06-01T02:00:00+02:00", JUNE_1),
        ("2025-06-01T02:00:00+0200", JUNE_1),
        ("2025-05-31T24:00:00Z", JUNE_1),
        ("2025-06-01T00:00:00.123456789Z", JUNE_1 + 123_456),
        ("Sun, 01 Jun 2025 00:00:00 GMT", JUNE_1),
        ("Sun, 01 Jun 2025 02:00:00 +0200", JUNE_1),
        ("Sun Jun 01 2025 02:00:00 GMT+0200 (Central European Summer Time)", JUNE_1),
        ("Jun 1, 2025", JUNE_1),
        ("6/1/2025", JUNE_1),
        ("06/01/2025 00:00", JUNE_1),
        ("06-01-2025", JUNE_1),
        ("6/1/2025, 12:00:00 AM", JUNE_1),
        ("2025-6-1", JUNE_1),
        ("2025-6-01", JUNE_1),
        ("2025/06/01", JUNE_1),
        ("2025/6/1 00:00:00 GMT", JUNE_1),
        ("6/1/2025 3:04:05 pm", JUNE_1 + (15 * 3600 + 4 * 60 + 5) * 1_000_000),
    ],
)
def test_a_lower_bound_is_the_first_moment_of_what_is_named(text: str, expected: int) -> None:
    assert parse_date(text, "from") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-06-01", JUNE_1 + 86_400_000_000 - 1),
        ("2025-06-01T00:00:00Z", JUNE_1 + 999),
        ("2025-06-01T00:00:00.123Z", JUNE_1 + 123_999),
        ("2025-06-01T00:00:00.123456Z", JUNE_1 + 123_456),
        ("1748736000123", JUNE_1 + 123_999),
    ],
)
def test_an_upper_bound_includes_the_millisecond_that_it_names(text: str, expected: int) -> None:
    assert parse_date(text, "to") == expected


@given(MOMENTS)
def test_iso_text_of_any_moment_and_zone_is_read_exactly(moment: datetime) -> None:
    expected = (moment - EPOCH) // timedelta(microseconds=1)

    assert parse_date(moment.isoformat(timespec="microseconds"), "from") == expected
    assert parse_date(moment.isoformat(timespec="microseconds"), "to") == expected


@given(MOMENTS)
def test_a_row_is_in_the_range_of_its_own_shown_timestamp(moment: datetime) -> None:
    stored = (moment - EPOCH) // timedelta(microseconds=1)
    shown = moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    first, last = parse_date(shown, "from"), parse_date(shown, "to")

    assert first is not None
    assert last is not None
    assert first <= stored <= last


@given(st.text())
def test_no_text_at_all_makes_the_parser_raise(text: str) -> None:
    first, last = parse_date(text, "from"), parse_date(text, "to")

    assert (first is None) == (last is None)


@pytest.mark.parametrize("name", ["date_from", "date_to"])
@pytest.mark.parametrize("text", ["", "soon"])
def test_a_bad_date_of_a_list_is_refused_without_details(name: str, text: str) -> None:
    with pytest.raises(InvalidParameters) as caught:
        date_range(**{"date_from": None, "date_to": None, name: text})

    assert caught.value.message == f"Invalid {name} parameter"
    assert caught.value.details is None


@pytest.mark.parametrize(
    "text", ["2025-06-01", "1748736000", "2025-06-01T00:00:00", "2025-06-01T00:00:00+0200", ""]
)
def test_analytics_take_only_full_datetimes_with_a_zone(text: str) -> None:
    with pytest.raises(InvalidParameters) as caught:
        strict_range(text, "2025-06-02T00:00:00Z")

    (issue,) = caught.value.details or []
    assert issue.path == ["date_from"]
    assert "Invalid ISO datetime" in issue.message
