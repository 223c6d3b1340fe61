"""Times as the wire writes them and as the store keeps them: microseconds since 1970 UTC."""

import re
from datetime import UTC, datetime, timedelta

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
    moment = _read_usual(text) or _read(text)
    since = moment - EPOCH
    if not FIRST_DAY <= since.days < END_DAY:
        raise ValueError("Too far: expected a time between 1900-01-01 and 2299-12-31")
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _read_usual(text: str) -> datetime | None:
    """Reads what most senders write, YYYY-MM-DDTHH:MM:SS.fraction in UTC: half the cost of `_read`.

    `fromisoformat` takes other forms too, and anything behind the sixth digit of a fraction.
    """
    zone = -1 if text[-1:] == "Z" else -6
    if (
        len(text) > 20
        and text[10] == "T"
        and text[13] == ":"
        and text[19] == "."
        and text[5] != "W"
        and text[20:zone].isdigit()
        and (zone == -1 or text[-6:] == "+00:00")
        and text[11:13] != "24"
        and text.isascii()
    ):
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            return None
    return None


def _read(text: str) -> datetime:
    if WIRE_TIMESTAMP.fullmatch(text) is None:
        raise ValueError(INVALID)
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        # No such day in the calendar, or a zone that leads out of it.
        raise ValueError(INVALID) from None


def from_us(value: int) -> datetime:
    """Returns the moment as an aware datetime."""
    return EPOCH + value * MICROSECOND
