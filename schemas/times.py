"""Times as the wire writes them and as the store keeps them: microseconds since 1970 UTC."""

import re
from datetime import UTC, date, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
LATEST = datetime(2299, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
"""The range of ClickHouse's DateTime64(6)."""
FIRST_DAY, END_DAY = (EARLIEST - EPOCH).days, (LATEST - EPOCH).days + 1
# YYYY-MM-DDTHH:MM[:SS[.fraction]] and a zone; the calendar is checked by `fromisoformat`.
WIRE_TIMESTAMP = re.compile(
    r"\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d+)?)?"
    r"(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)",
    re.ASCII,
)

INVALID = "Invalid ISO datetime: expected such as 2025-01-01T00:00:00Z, with a zone"


def parse_timestamp_us(text: str) -> int:
    """Reads a timestamp of the wire; digits of the fraction behind the sixth are cut off.

    Raises `ValueError`, saying which rule was broken.
    """
    if WIRE_TIMESTAMP.fullmatch(text) is None:
        raise ValueError(INVALID)
    try:
        since = datetime.fromisoformat(text) - EPOCH
    except ValueError:
        # No such day in the calendar.
        raise ValueError(INVALID) from None
    if not FIRST_DAY <= since.days < END_DAY:
        raise ValueError("Too far: expected a time between 1900-01-01 and 2299-12-31")
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def from_us(value: int) -> datetime:
    """Returns the moment as an aware datetime."""
    return EPOCH + value * MICROSECOND


def iso_ms(moment_us: int) -> str:
    """Writes microseconds since 1970 as ISO text, cut to milliseconds, in UTC."""
    moment = from_us(moment_us)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z".rjust(24, "0")


def day_us(day: date) -> int:
    """Returns the moment at which a day begins in UTC, in microseconds since 1970."""
    return (day - EPOCH.date()).days * 86_400_000_000
